"""Which Dockerfiles a run is about: paths, folders, standard input, the builds of environments.

Gives Cases, a text each with what is known of its build. What cannot be read as
a Dockerfile at all is a diagnostic, and the run goes on.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from compiler.diagnostics.model import Diagnostic, Findings, Severity
from compiler.dockerfile.tokens import decoded
from compiler.document.load import display_path
from compiler.practices.subjects import MOST_BYTES, Origin, read_source, repository
from compiler.project_file import find_project
from compiler.source import SourceFile, Span
from compiler.vocabulary import BuildCache

if TYPE_CHECKING:
    from compiler.driver import Checked
    from compiler.plan.model import Plan

STDIN = "-"
_SPECS = (".yaml", ".yml")
_SKIPPED = frozenset((".git", "node_modules"))
_NAMES = ("dockerfile", "containerfile")
# They stand beside Dockerfiles and are none, or are none yet.
_OTHERS = (
    *(".dockerignore", ".containerignore", ".j2", ".jinja", ".jinja2", ".tmpl", ".tpl", ".template", ".in"),
    *(".erb", ".ejs", ".mustache", ".hbs", ".md", ".txt", ".sh", ".py", ".js", ".ts", ".json", ".yml"),
    *(".yaml", ".orig", ".rej", ".bak", ".swp", ".patch", ".lock", ".html", ".rst", ".go", ".rb"),
)


@dataclass(slots=True)
class Projects:
    """The severities that the project files around files give to all environments. A cache: it grows."""

    _known: dict[str, Mapping[str, Severity | None]] = field(default_factory=dict)

    def severities(self, file: Path) -> Mapping[str, Severity | None]:
        """Those of the project file of a file's repository; none without it.

        Raises:
            OSError: the project file cannot be read.
        """
        folder = os.path.realpath(file.parent)
        if folder not in self._known:
            self._known[folder] = _severities_of(folder)
        return self._known[folder]


@dataclass(frozen=True, slots=True)
class Case:
    """One Dockerfile to judge.

    `origin` is where it lies, as far as somebody told (None: it is to be found
    out from `file`; None as well for standard input). `severities` are those
    of the project, None where they are to be found out. `task` is the build's in the plan, "" without a
    plan; `cache` where its layers come from.
    """

    source: SourceFile = field(repr=False)
    file: Path | None = None
    origin: Origin | None = None
    target: str | None = None
    arguments: tuple[tuple[str, str], ...] = ()
    severities: Mapping[str, Severity | None] | None = None
    task: str = ""
    cache: BuildCache = BuildCache.PERSISTENT


@dataclass(frozen=True, slots=True)
class Work:
    """Cases that belong together: those of one environment (with its plan), or those that paths name."""

    cases: tuple[Case, ...]
    checked: Checked | None = None
    plan: Plan | None = None

    @property
    def elsewhere(self) -> int:
        """How many builds have their files in another repository, where nobody looks."""
        return sum(not build.source.is_local for build in self.plan.builds) if self.plan is not None else 0


def work_of(targets: Sequence[str], problems: Findings) -> list[Work]:
    """What a command line means: an environment or all of the project's, else paths.

    A single target is an environment if it is a YAML file, or no path at all.
    Without a target and a project file it is the folder that people are in.

    Raises:
        Usage: there is no such environment, or something stands beside one.
        OSError: there is no such path, or it cannot be read.
        typer.Exit: with 1, after the errors of a spec are shown.
    """
    if not targets and find_project(Path.cwd()) is not None:
        return _environments(None, problems)
    if len(targets) == 1 and _is_environment(targets[0]):
        return _environments(targets[0], problems)
    if (spec := next((each for each in targets if each.endswith(_SPECS)), None)) is not None:
        from stagecast.session import Usage

        raise Usage(f"{spec} is an environment: lint one alone, or name Dockerfiles and folders")
    return [Work(tuple(of_paths(targets or ["."], problems)))]


def _is_environment(target: str) -> bool:
    if target.endswith(_SPECS):
        return True
    return target != STDIN and "/" not in target and not os.path.lexists(target)


def _environments(name: str | None, problems: Findings) -> list[Work]:
    import typer

    from compiler.driver import check_environment, make_plan
    from stagecast.session import default_format, has_errors, jobs, show

    about_project = Findings()
    found = jobs(name, about_project)
    checked = [check_environment(job, Findings()) for job in found]
    errors = Findings()
    errors.extend(each for each in about_project if each.severity is Severity.ERROR)
    errors.extend(error for each in checked for error in each.errors)
    if len(errors):
        show(errors, default_format(), to_stderr=True)
    if has_errors(errors):
        raise typer.Exit(1)
    return [
        Work(tuple(of_environment(each, plan, problems)), each, plan)
        for each in checked
        for plan in (make_plan(each),)
    ]


def of_paths(paths: Sequence[str], problems: Findings) -> Iterator[Case]:
    """The Dockerfiles that paths name, each once: a file whatever its name, a folder's by their names.

    Raises:
        OSError: there is no such path, or a named file cannot be read.
    """
    seen: set[str] = set()
    for path in paths:
        if path == STDIN:
            yield from _standard_input(problems)
            continue
        listed = os.path.isdir(path)
        for file in dockerfiles(path) if listed else [Path(path)]:
            real = os.path.realpath(file)
            if real in seen:
                continue
            seen.add(real)
            # What is deleted after its folder was listed is no Dockerfile any more.
            with suppress(FileNotFoundError) if listed else nullcontext():
                yield from _case(file, problems)


def dockerfiles(folder: str) -> Iterator[Path]:
    """The files of a folder and those below it that are named as Dockerfiles are, in order of their paths."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(names):
            if is_dockerfile(name) and os.path.isfile(os.path.join(parent, name)):
                yield Path(parent, name)


def is_dockerfile(name: str) -> bool:
    """Whether a name is that of a Dockerfile: `Dockerfile`, `Dockerfile.dev`, `web.Dockerfile`."""
    lower = name.lower()
    if lower.endswith(_OTHERS):
        return False
    return any(
        lower == known or lower.startswith(f"{known}.") or lower.endswith(f".{known}") for known in _NAMES
    )


def of_environment(checked: Checked, plan: Plan, problems: Findings) -> Iterator[Case]:
    """The builds of a plan whose Dockerfiles lie in the repository of the spec, in the plan's order.

    Raises:
        OSError: one of them cannot be read.
    """
    root = checked.job.root
    for build in plan.builds:
        source = build.source
        if not source.is_local or source.dockerfile is None:
            continue
        file = Path(os.path.relpath(root / source.dockerfile))
        folder = os.path.realpath(root / source.context)
        origin = Origin(file, folder, repository(folder))
        for case in _case(file, problems):
            yield Case(
                case.source,
                file,
                origin,
                source.target,
                build.arguments,
                checked.job.severities,
                build.id,
                build.cache,
            )


def _case(file: Path, problems: Findings) -> Iterator[Case]:
    try:
        yield Case(read_source(file), file)
    except ValueError as problem:
        problems.add(_unreadable(display_path(file), str(problem)))


def _standard_input(problems: Findings) -> Iterator[Case]:
    data = sys.stdin.buffer.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        problems.add(_unreadable(STDIN, "the text is larger than 1 MiB"))
    else:
        yield Case(decoded(STDIN, data))


def _unreadable(path: str, message: str) -> Diagnostic:
    place = Span(SourceFile(path, ""), 0, 0)
    return Diagnostic(
        "STC507",
        Severity.ERROR,
        message,
        place,
        hint="a Dockerfile has at most 1 MiB and lies in its repository",
    )


def _severities_of(folder: str) -> Mapping[str, Severity | None]:
    project = find_project(Path(folder))
    if project is None:
        return {}
    from compiler.project import project_severities

    return project_severities(project)
