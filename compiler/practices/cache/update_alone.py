"""STC905: package lists that are fetched in a RUN of their own, and used by another one.

Takes a Subject with its RUNs, gives diagnostics whose fix joins the two. The
list stays in the cache when the other RUN changes, and is then older than
what it installs (Docker, "Building best practices": apt-get).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from compiler.diagnostics.model import Diagnostic, Edit, Fix, Label, Safety, Severity
from compiler.dockerfile.instructions import Instruction
from compiler.practices.model import Subject
from compiler.practices.order.late_packages import own_folder
from compiler.practices.parts.changing import Lines
from compiler.practices.parts.moving import block
from compiler.practices.parts.runs import Run, behind, called
from compiler.shell.model import Activity, ActivityKind
from compiler.source import SourceFile, Span

# Tools that share their lists.
_FAMILY = {"apt": "apt-get", "aptitude": "apt-get", "yum": "dnf", "microdnf": "dnf", "tdnf": "dnf"}
_NO_STEP = frozenset(
    ("LABEL", "EXPOSE", "CMD", "ENTRYPOINT", "HEALTHCHECK", "STOPSIGNAL", "MAINTAINER", "WORKDIR", "ONBUILD")
)


def update_alone(subject: Subject, runs: dict[int, Run], lines: Lines) -> Iterator[Diagnostic]:
    """The findings of a build, in the order of the file."""
    # For each step the last RUN before its end that fetched the lists of a tool: itself, if it did only that.
    fetched: list[dict[str, Run | None]] = []
    ended: set[tuple[int, str]] = set()
    for step in subject.graph.steps:
        above = behind(step)
        before = fetched[above] if above is not None else {}
        run = runs.get(step.index)
        if run is None:
            fetched.append(before)
            continue
        updated: set[str] = set()
        for activity in run.activities:
            family = _family(activity)
            if activity.kind is ActivityKind.SYSTEM_UPDATE:
                updated.add(family)
            elif _installs(activity) and family not in updated and not _own_index(activity):
                alone = before.get(family)
                if alone is not None and (alone.step.index, family) not in ended:
                    ended.add((alone.step.index, family))
                    yield _finding(subject, lines, alone, run, activity)
        if updated:
            last = None if any(_installs(activity) for activity in run.activities) else run
            before = {**before, **dict.fromkeys(updated, last)}
        fetched.append(before)


def _family(activity: Activity) -> str:
    return _FAMILY.get(activity.tool, activity.tool)


def _installs(activity: Activity) -> bool:
    """Whether a command installs packages by name; an upgrade of all names none."""
    named = bool(activity.names) or not activity.command.certain
    return activity.kind is ActivityKind.SYSTEM_PACKAGES and named


def _own_index(activity: Activity) -> bool:
    """Whether an installation fetches the list itself, whatever is there."""
    words = activity.command.words
    options = ("--no-cache", "-U", "--update", "--update-cache", "--refresh", "--virtual-only")
    synced = activity.tool == "pacman" and any(w.startswith("-S") and "y" in w for w in words)
    return synced or any(word in options for word in words)


def _finding(subject: Subject, lines: Lines, update: Run, install: Run, activity: Activity) -> Diagnostic:
    fetches = next(update.of(ActivityKind.SYSTEM_UPDATE))
    name = called(fetches)
    line = install.span(activity.command).first.line
    safety, edits = _join(subject, lines, update, install)
    fix = Fix(f"Join it with the RUN of line {install.instruction.keyword.first.line}", edits, safety)
    return Diagnostic(
        "STC905",
        Severity.WARNING,
        f"`{name}` stands in a RUN of its own, so line {line} installs by a list that may be out of date",
        update.span(fetches.command),
        labels=(
            Label(install.span(activity.command), "this goes by the list as it was when that RUN last ran"),
        ),
        notes=(
            "a change here does not fetch the list again: the step before it is found in the cache, and "
            "versions that the list names may be gone",
        ),
        hint="update and install in one RUN",
        fix=fix if edits else None,
    )


def _join(subject: Subject, lines: Lines, update: Run, install: Run) -> tuple[Safety, tuple[Edit, ...]]:
    """One RUN of two: the update's commands in front of the other's, and how safe that is."""
    before, after = update.instruction, install.instruction
    plain = all(
        not i.heredocs and not i.flags and run.own and run.commands.exact
        for i, run in ((before, update), (after, install))
    )
    if not plain or update.step.stage != install.step.stage:
        return Safety.DISPLAY, ()
    safety = Safety.SAFE
    if not (_all_must_hold(update) and _all_must_hold(install)):
        safety = Safety.UNSAFE
    between = _between(subject, before, after)
    if between is None:
        return Safety.DISPLAY, ()
    safety = max(safety, _crossed(subject, lines, between), key=lambda one: _ORDER[one])
    return safety, _adjoined(subject, update, install) if not between else _carried(subject, update, install)


_ORDER = {Safety.SAFE: 0, Safety.UNSAFE: 1, Safety.DISPLAY: 2}


def _all_must_hold(run: Run) -> bool:
    """Whether a failing command anywhere ends the RUN: then `a && ` in front of it means the same."""
    if not run.understood:
        return False
    return all(c.before in ("", "&&", "|") for c in run.script.commands if c.depth == 0)


def _between(subject: Subject, before: Instruction, after: Instruction) -> list[Instruction] | None:
    """The instructions between two of one stage; None where they are not."""
    instructions = subject.dockerfile.instructions
    first, last = (bisect_left(instructions, i.span.start, key=_start) for i in (before, after))
    if last >= len(instructions) or instructions[first] is not before or instructions[last] is not after:
        return None
    found = list(instructions[first + 1 : last])
    return None if any(instruction.name == "FROM" for instruction in found) else found


def _start(instruction: Instruction) -> int:
    return instruction.span.start


def _crossed(subject: Subject, lines: Lines, between: list[Instruction]) -> Safety:
    """How safe it is to fetch the lists after these instructions instead of before them."""
    worst = Safety.SAFE
    copied = {id(each) for each in between if each.name in ("COPY", "ADD")}
    # Most have none between: then the steps of a long file are not gone through again.
    own = (step for step in subject.graph.steps if id(step.instruction) in copied) if copied else ()
    steps = {id(step.instruction): step for step in own}
    for instruction in between:
        if instruction.name in _NO_STEP:
            continue
        if instruction.name in ("COPY", "ADD"):
            step = steps.get(id(instruction))
            found = Safety.SAFE if step is not None and own_folder(lines, step) else Safety.UNSAFE
        else:
            found = Safety.UNSAFE if instruction.name in ("ARG", "ENV") else Safety.DISPLAY
        worst = max(worst, found, key=lambda one: _ORDER[one])
    return worst


def _adjoined(subject: Subject, update: Run, install: Run) -> tuple[Edit, ...]:
    """Carry the first RUN on into the second: `RUN a` goes on with `&& b` on the line of `RUN b`."""
    source, escape = subject.dockerfile.source, subject.dockerfile.escape
    end, command = update.instruction.span.end, install.instruction.words[0].span.start
    start = block(subject.dockerfile, install.instruction).start
    keyword = install.instruction.span.start
    return (
        Edit(Span(source, end, end), f" {escape}"),
        *_closed_up(source, end, start),
        Edit(Span(source, keyword, command), " && "),
    )


def _closed_up(source: SourceFile, end: int, start: int) -> Iterator[Edit]:
    """Take out the empty lines between two instructions: inside of one they are refused one day."""
    text = source.text
    at = text.find("\n", end) + 1
    while 0 < at < start:
        following = text.find("\n", at) + 1
        if not text[at:following].strip():
            yield Edit(Span(source, at, following), "")
        at = following


def _carried(subject: Subject, update: Run, install: Run) -> tuple[Edit, ...]:
    """Take the first RUN away, and put its commands in front of the second's."""
    source = subject.dockerfile.source
    gone = block(subject.dockerfile, update.instruction)
    line = Span(source, update.instruction.span.start, gone.end)
    at = install.instruction.words[0].span.start
    return (Edit(line, ""), Edit(Span(source, at, at), f"{update.instruction.words[0].span.text} && "))
