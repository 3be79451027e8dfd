"""What is said of one Dockerfile: findings with their worths, after ignores and the project's severities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from compiler.context.model import History
from compiler.diagnostics.model import Diagnostic, Findings, Severity
from compiler.dockerfile.reader import Dockerfile, read_dockerfile
from compiler.practices import UNPRICED, check
from compiler.practices.model import Finding, Subject
from compiler.practices.subjects import Origin, located, subject_of, with_history
from compiler.vocabulary import BuildCache
from stagecast.linting.inputs import Case, Projects


@dataclass(frozen=True, slots=True)
class Settings:
    """How to judge. `least_s` are seconds per rebuild, below which a finding is not shown.

    `history` tells that Git may be asked. `histories` (None: of one Dockerfile) and `projects` are
    what is known already of the repositories.
    """

    least_s: float
    history: bool = True
    histories: dict[str, History] | None = None
    projects: Projects = field(default_factory=Projects)


@dataclass(frozen=True, slots=True)
class Judged:
    """One Dockerfile judged.

    `findings` are those of practices, the dearest first; `others` what is
    wrong with the file or its comments. `subject` is None for a file that is
    no Dockerfile, `origin` for a text; `why_assumed` says why no history tells which steps run, if none does.
    """

    case: Case
    findings: tuple[Finding, ...]
    others: tuple[Diagnostic, ...]
    subject: Subject | None = field(repr=False, default=None)
    origin: Origin | None = None
    why_assumed: str = ""


def judge(case: Case, settings: Settings, instead: Mapping[str, str] | None = None) -> Judged:
    """Judge one Dockerfile. Git is asked only where there is something to price.

    `instead` are texts by path that count for those on the disk (see `subject_of`).
    """
    dockerfile = read_dockerfile(case.source)
    if dockerfile.problems:
        return Judged(case, (), _refused(case, dockerfile, settings))
    origin = _origin(case, dockerfile)
    subject = subject_of(
        dockerfile,
        origin,
        target=case.target,
        arguments=case.arguments,
        persistent=case.cache is BuildCache.PERSISTENT,
        instead=instead,
    )
    kept, others = _kept(case, subject, settings, complete=True)
    why = "standard input has no history" if origin is None else "Git was not asked"
    if settings.history and origin is not None and any(_has_price(found) for found in kept):
        subject, why = with_history(subject, origin, settings.histories)
        if subject.history is not None:
            why = "the history has no rebuild"
            kept, _ = _kept(case, subject, settings, complete=False)
    return Judged(case, _priced(subject, kept, settings), others, subject, origin, why)


def again(judged: Judged, subject: Subject, settings: Settings) -> list[Finding]:
    """The findings of a judged file as it is after some fixes."""
    kept, _ = _kept(judged.case, subject, settings, complete=False)
    return list(_priced(subject, kept, settings))


def _priced(subject: Subject, kept: Sequence[Diagnostic], settings: Settings) -> tuple[Finding, ...]:
    """The worths of findings; what is worth too little is left out."""
    if not kept:
        return ()
    from compiler.practices.worth import priced

    return tuple(priced(subject, kept, settings.least_s))


def _has_price(found: Diagnostic) -> bool:
    return found.fix is not None and found.code not in UNPRICED


def _origin(case: Case, dockerfile: Dockerfile) -> Origin | None:
    if case.origin is not None:
        return case.origin
    return located(case.file, dockerfile) if case.file is not None else None


def _kept(
    case: Case, subject: Subject, settings: Settings, *, complete: bool
) -> tuple[list[Diagnostic], tuple[Diagnostic, ...]]:
    """What practices find that nobody ignores; and what is wrong with the comments that ignore."""
    found = list(check(subject))
    if case.cache is BuildCache.NONE:
        # Nothing is ever reused, so nothing can be reused more.
        found = [diagnostic for diagnostic in found if diagnostic.code in UNPRICED]
    dockerfile = subject.dockerfile
    others: list[Diagnostic] = []
    if "stagecast:" in dockerfile.source.text:
        found, others = _not_ignored(dockerfile, found, complete=complete)
    return _adjusted(case, settings, found), tuple(_adjusted(case, settings, others))


def _not_ignored(
    dockerfile: Dockerfile, found: Sequence[Diagnostic], *, complete: bool
) -> tuple[list[Diagnostic], list[Diagnostic]]:
    """The findings that no comment ignores, and those about the comments."""
    from compiler.diagnostics.suppress import apply
    from compiler.practices.remarks import comments

    left = apply(found, [dockerfile.source], comments=lambda _: comments(dockerfile), complete=complete)
    known = {diagnostic.sort_key() for diagnostic in found}
    ours = [diagnostic for diagnostic in left if diagnostic.sort_key() in known]
    return ours, [diagnostic for diagnostic in left if diagnostic.sort_key() not in known]


def _adjusted(case: Case, settings: Settings, found: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Findings with the severities of the project, which are looked for where there are any."""
    severities = _severities(case, settings) if found else {}
    if not severities:
        return list(found)
    from compiler.diagnostics.suppress import adjust

    return list(adjust(found, severities))


def _refused(case: Case, dockerfile: Dockerfile, settings: Settings) -> tuple[Diagnostic, ...]:
    """The problems of a file that cannot be built, as findings."""
    findings = Findings()
    for problem in dockerfile.problems:
        findings.add(Diagnostic("STC507", Severity.ERROR, problem.message, problem.span, hint=problem.hint))
    return tuple(_adjusted(case, settings, list(findings)))


def _severities(case: Case, settings: Settings) -> Mapping[str, Severity | None]:
    if case.severities is not None:
        return case.severities
    return settings.projects.severities(case.file) if case.file is not None else {}
