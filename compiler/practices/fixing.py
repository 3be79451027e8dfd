"""Applying the fixes of many findings to one Dockerfile and its .dockerignore. Nothing is written.

Takes a subject and what finds; gives the texts that differ. Fixes are applied
in rounds: of two that touch, the first wins, and the other is found again in
the file that the first one made, or is not needed any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from compiler.diagnostics.model import Diagnostic, Edit, Safety
from compiler.practices.model import Finding, Subject
from compiler.practices.paper import edited, texts

MOST_ROUNDS = 10
APPLIED = frozenset((Safety.SAFE,))
APPLIED_UNSAFE = frozenset((Safety.SAFE, Safety.UNSAFE))
"""What `--fix` applies, and what it applies with `--unsafe-fixes`; DISPLAY is never among it."""

Find = Callable[[Subject], Sequence[Finding]]


@dataclass(frozen=True, slots=True)
class Fixed:
    """A subject after its fixes. `applied` in the order in which they were; `changed` are texts by path."""

    subject: Subject
    applied: tuple[Diagnostic, ...]
    changed: dict[str, str]


def fix(subject: Subject, find: Find, allowed: frozenset[Safety] = APPLIED) -> Fixed:
    """Apply what `find` offers, until it offers nothing more that is allowed.

    A fix that leaves a file with a new problem is not applied. It ends after
    `MOST_ROUNDS`, and before a text that was there already.
    """
    start = texts(subject)
    seen = [start]
    applied: list[Diagnostic] = []
    for _ in range(MOST_ROUNDS):
        chosen = apart(find(subject), allowed)
        following, done = _applied(subject, chosen)
        if not done or texts(following) in seen:
            break
        subject = following
        applied += done
        seen.append(texts(subject))
    after = texts(subject)
    changed = {path: text for path, text in after.items() if text != start.get(path, "")}
    return Fixed(subject, tuple(applied), changed)


def apart(findings: Iterable[Finding], allowed: frozenset[Safety]) -> list[Diagnostic]:
    """The findings with an allowed fix, without those whose edits touch an earlier one's."""
    chosen: list[Diagnostic] = []
    taken: list[Edit] = []
    for finding in findings:
        offered = finding.diagnostic.fix
        if offered is None or offered.safety not in allowed or not offered.edits:
            continue
        if not any(_touch(edit, other) for edit in offered.edits for other in taken):
            chosen.append(finding.diagnostic)
            taken += offered.edits
    return chosen


def _applied(subject: Subject, chosen: Sequence[Diagnostic]) -> tuple[Subject, list[Diagnostic]]:
    """The subject after as many of the fixes as go together."""
    together = [edit for diagnostic in chosen for edit in _edits(diagnostic)]
    everything = edited(subject, together) if together else None
    if everything is not None:
        return everything, list(chosen)
    for diagnostic in chosen:
        # They do not go together, so the first that goes alone; the next round asks again.
        if (alone := edited(subject, _edits(diagnostic))) is not None:
            return alone, [diagnostic]
    return subject, []


def _edits(diagnostic: Diagnostic) -> tuple[Edit, ...]:
    return diagnostic.fix.edits if diagnostic.fix is not None else ()


def _touch(one: Edit, other: Edit) -> bool:
    """Whether two edits overlap or meet: then the order in which they are made could count."""
    first, second = one.span, other.span
    return first.source.path == second.source.path and first.start <= second.end and second.start <= first.end
