"""STC902: system packages that are installed after files that change often and that they do not read.

Takes a Subject with its RUNs and what changes, gives diagnostics whose fix
moves the RUNs up, before the first of these files.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

from compiler.diagnostics.model import Diagnostic, Fix, Label, Safety, Severity
from compiler.dockerfile.instructions import Instruction
from compiler.dockerfile.mounts import mounts
from compiler.layers.model import Step, StepKind
from compiler.practices.model import Subject
from compiler.practices.parts.changing import Lines
from compiler.practices.parts.independent import apart, files_named, pure
from compiler.practices.parts.moving import moved
from compiler.practices.parts.runs import Run, behind, part
from compiler.shell.model import ActivityKind

FARTHEST = 100
"""Steps between a RUN and the files before it that are looked at; with more, nothing is said."""

_NO_STEP = frozenset(("LABEL", "EXPOSE", "CMD", "ENTRYPOINT", "HEALTHCHECK", "STOPSIGNAL", "MAINTAINER"))
# Folders that packages of distributions do not write into (Filesystem Hierarchy Standard 3.0).
_OWN = frozenset(
    (
        *("app", "apps", "application", "src", "code", "workspace", "workdir", "work", "project", "build"),
        *("home", "repo", "source", "web", "www", "site", "data", "server", "service", "backend", "frontend"),
        *("api", "client", "usr/src", "opt", "srv", "var/task", "var/www/html", "workspaces", "go/src"),
        *("builder", "usr/app", "var/app", "var/www/app", "project", "projects", "test", "tests", "package"),
    )
)
# Folders whose content an installation may go by: configuration, keys, repositories, certificates.
_READ = ("/etc", "/usr/share/keyrings", "/usr/local/share/ca-certificates", "/var/cache", "/var/lib/apt")
# The folder of a base image, which nobody knows here.
_SOMEWHERE = "/?"
_SENSITIVE = re.compile(
    r"(?i)DEBIAN_FRONTEND|DEBCONF_\w+|\w*_?PROXY|PATH|LD_\w+|LANG|LANGUAGE|LC_\w+|TZ|APT_\w+|DNF_\w+|HOME|USER"
)
_VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")


def late_packages(subject: Subject, runs: dict[int, Run], lines: Lines) -> Iterator[Diagnostic]:
    """The findings of a build, in the order of the file; RUNs of a stage that move together are one."""
    groups: dict[tuple[int, int], list[Run]] = {}
    for run in runs.values():
        first = lines.before(run.step)
        if first is not None and run.own and asks(run) and _independent(subject, lines, run, first):
            groups.setdefault((run.step.stage, first), []).append(run)
    for (_, first), group in sorted(groups.items(), key=lambda item: item[1][0].step.index):
        if any(_installs(run) for run in group):
            yield _finding(subject, lines, subject.graph.steps[first], group)


def asks(run: Run) -> bool:
    """Whether a RUN fetches package lists or installs packages."""
    return _installs(run) or any(run.of(ActivityKind.SYSTEM_UPDATE))


def _installs(run: Run) -> bool:
    return any(
        activity.names or not activity.command.certain for activity in run.of(ActivityKind.SYSTEM_PACKAGES)
    )


def _independent(subject: Subject, lines: Lines, run: Run, first: int) -> bool:
    """Whether a RUN reads nothing of what was copied from the step `first` on."""
    if not apart(run) or any(mount.type == "bind" for mount in mounts(run.instruction)):
        return False
    copied = _copied(subject, lines, run.step, first)
    if copied is None:
        return False
    folder = (run.part("folder") or "/") if lines.is_placed(run.step) else _SOMEWHERE
    named = {posixpath.normpath(path) for path in files_named(run, folder)}
    for destination in copied:
        if destination == "/" or destination.startswith(_READ):
            # What lies there may be meant for the installation.
            return False
        if any(_overlap(path, destination, folder) for path in named):
            return False
    return True


def _overlap(path: str, destination: str, folder: str) -> bool:
    """Whether a named path is a copied one, in it or around it; the working folder itself is no name."""
    inside = path == destination or path.startswith(destination.rstrip("/") + "/")
    around = destination.startswith(path.rstrip("/") + "/") and path not in ("/", folder)
    return inside or around


def _copied(subject: Subject, lines: Lines, step: Step, first: int) -> list[str] | None:
    """The destinations of the copies between a step and `first`, that one included; None when too far."""
    found: list[str] = []
    at = behind(step)
    if at is None or lines.depth[at] >= FARTHEST:
        return None
    while at is not None:
        before = subject.graph.steps[at]
        if before.kind in (StepKind.COPY, StepKind.ADD):
            known = _is_absolute(before) or lines.is_placed(before)
            found.append(("" if known else _SOMEWHERE) + _destination(before))
        at = None if at == first else behind(before)
    return found


def _destination(step: Step) -> str:
    """Where a copy goes: the folder or the file, absolute."""
    return posixpath.normpath("/" + (part(step, "destination") or "/").lstrip("/"))


def _finding(subject: Subject, lines: Lines, first: Step, group: Sequence[Run]) -> Diagnostic:
    kinds = (ActivityKind.SYSTEM_UPDATE, ActivityKind.SYSTEM_PACKAGES)
    command = next(group[0].of(*kinds)).command
    copy = first.instruction
    line = copy.keyword.first.line
    what = f"`{copy.name} {_short(copy.arguments)}`"
    message = f"these system packages are installed again whenever {what} changes, which they do not read"
    labels = (
        Label(copy.span, f"{lines.why[first.index]}"),
        *(Label(run.instruction.keyword, "so are these") for run in group[1:]),
    )
    safety, why = _safety(subject, lines, first, group)
    notes: tuple[str, ...] = (f"nothing that line {line} or a later one copies is named in this RUN",)
    if why:
        notes += (f"the move is not applied by itself: {why}",)
    return Diagnostic(
        "STC902",
        Severity.WARNING,
        message,
        group[0].span(command),
        labels=labels,
        notes=notes,
        hint=f"install them before line {line}",
        fix=Fix(
            f"Move the RUN before line {line}",
            moved(subject.dockerfile, [run.instruction for run in group], copy),
            safety,
        ),
    )


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 50 else text[:49] + "…"


def _safety(subject: Subject, lines: Lines, first: Step, group: Sequence[Run]) -> tuple[Safety, str]:
    """How safe the move is, and why it is not safe."""
    if first.stage != group[-1].step.stage:
        return Safety.DISPLAY, "the files come from another stage, whose image would change"
    movers = {id(run.instruction) for run in group}
    stage = subject.dockerfile.stages[first.stage]
    inside = {id(i) for i in stage.instructions}
    if id(first.instruction) not in inside or not movers <= inside:
        return Safety.DISPLAY, "a trigger of ONBUILD stands between"
    steps = {id(step.instruction): step for step in subject.graph.steps if step.stage == first.stage}
    worst: tuple[Safety, str] = (Safety.SAFE, "")
    if not all(pure(run) for run in group):
        worst = (Safety.UNSAFE, "the RUN does more than install packages")
    started, waiting = False, set(movers)
    names = {name for run in group for name in _VARIABLE.findall(run.text)}
    for instruction in stage.instructions:
        started = started or instruction is first.instruction
        waiting.discard(id(instruction))
        if started and id(instruction) not in movers:
            found = _crossing(lines, instruction, steps.get(id(instruction)), names)
            worst = max(worst, found, key=lambda one: _ORDER[one[0]])
        if not waiting:
            break
    return worst


_ORDER = {Safety.SAFE: 0, Safety.UNSAFE: 1, Safety.DISPLAY: 2}


def _crossing(
    lines: Lines, instruction: Instruction, step: Step | None, names: set[str]
) -> tuple[Safety, str]:
    """How safe it is to take an installation of packages from behind an instruction to before it."""
    name, line = instruction.name, instruction.keyword.first.line
    if name in _NO_STEP or name in ("ONBUILD", "WORKDIR"):
        return Safety.SAFE, ""
    if name in ("COPY", "ADD") and step is not None:
        if own_folder(lines, step):
            return Safety.SAFE, ""
        return Safety.UNSAFE, f"packages may write where line {line} copies to"
    if name in ("ARG", "ENV"):
        for assignment in instruction.assignments:
            said = assignment.name.text
            if said in names or _SENSITIVE.fullmatch(said):
                return Safety.DISPLAY, f"the installation may use {said} of line {line}"
        return Safety.UNSAFE, f"line {line} sets a variable"
    return Safety.DISPLAY, f"{name} of line {line} stands between"


def own_folder(lines: Lines, step: Step) -> bool:
    """Whether a copy goes into a folder of its project's own, where no package writes."""
    destination = _destination(step)
    parts = destination.strip("/").split("/")
    if parts[0] == "opt" and len(parts) < 2:
        return False
    if not any("/".join(parts[:n]) in _OWN for n in (1, 2, 3)):
        return False
    return _is_absolute(step) or lines.is_placed(step)


def _is_absolute(step: Step) -> bool:
    words = step.instruction.words
    return bool(words) and words[-1].text.strip("\"'").startswith("/")
