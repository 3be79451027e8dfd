"""Why each step of a build hits or misses, down to the file, argument or instruction that began it.

Takes two snapshots of one build's files, gives a verdict for each step of the
second: the first is built on an empty cache, the second after it. The cache
says that a step's parent ran; here that is followed to the first step of the
chain that missed. Prints nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from compiler.context.model import Entry, Tree
from compiler.dockerfile.instructions import Instruction
from compiler.dockerfile.stages import USED_VARIABLE
from compiler.layers.cache import Cache, build
from compiler.layers.model import BuildGraph, Outcome, Reason, Step


class Difference(StrEnum):
    """What happened to a file between two builds.

    HIDDEN and SHOWN: the file is as it was, and .dockerignore leaves it out
    now or does no longer. MODE: only its permissions, or its kind, changed.
    UNKNOWN: it is in no context, so what happened to it is not known.
    """

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MODE = "mode"
    HIDDEN = "hidden"
    SHOWN = "shown"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a build starts from at one moment: its steps, and the files of its context.

    `files` are all of them, `context` those that .dockerignore leaves in. `graph`
    is None where there was no Dockerfile.
    """

    graph: BuildGraph | None
    files: Tree
    context: Tree


@dataclass(frozen=True, slots=True)
class FileChange:
    """A path of the context, and what happened to it."""

    path: str
    difference: Difference


@dataclass(frozen=True, slots=True)
class PartChange:
    """A part of a step's key that is another one; `origin` is the instruction that sets it, None if unknown.

    `name` is that of a `compiler.layers.model.Part`. `gone` tells that the step has no such part any more.
    `was` and `now` are its values, for images and folders only: others may hold what nobody should read.
    """

    name: str
    origin: Instruction | None = field(repr=False)
    gone: bool
    was: str | None = None
    now: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happens to a step, and why. Of a hit all the rest is empty.

    With Reason.PARENT, `roots` are the steps that missed for a reason of their own and
    led to this one, through its parent or the stages that it copies from, ascending; else the step itself.
    `files` are those of the context: none where a step takes them from another stage.
    `sure` is false where it hangs on what a command writes, or on what is not known of an image.
    """

    step: Step
    hit: bool
    sure: bool
    reason: Reason | None = None
    roots: tuple[int, ...] = ()
    files: tuple[FileChange, ...] = ()
    parts: tuple[PartChange, ...] = ()


def why(before: Snapshot, after: Snapshot, cache: Cache) -> tuple[Verdict, ...]:
    """The verdicts on the steps of `after`, in order; both builds are put in `cache`, which is empty."""
    if before.graph is not None:
        build(before.graph, before.context, cache)
    if after.graph is None:
        return ()
    return verdicts(after.graph, build(after.graph, after.context, cache), before, after)


def verdicts(
    graph: BuildGraph, outcomes: Iterable[Outcome], before: Snapshot, after: Snapshot
) -> tuple[Verdict, ...]:
    """What the outcomes of a build mean, given the files of the build before it."""
    found: list[Verdict] = []
    roots: list[tuple[int, ...]] = []
    alike: dict[tuple[object, ...], int] = {}
    for step, outcome in zip(graph.steps, outcomes, strict=True):
        # Of steps with one key the first runs, and the others hit what it makes.
        first = alike.setdefault((step.kind, step.parent, step.parts, step.reads), step.index)
        if outcome.hit:
            roots.append(roots[first] if first < step.index else ())
            found.append(Verdict(step, hit=True, sure=outcome.sure))
            continue
        reason = _reason(step, outcome, roots)
        roots.append(_roots(step, outcome, roots) if reason is Reason.PARENT else (step.index,))
        files: tuple[FileChange, ...] = ()
        parts: tuple[PartChange, ...] = ()
        if reason is Reason.FILES:
            paths = outcome.causes if outcome.reason is Reason.FILES else ()
            files = tuple(FileChange(path, _difference(path, before, after)) for path in paths)
        elif reason is Reason.PART:
            parts = tuple(_part(graph, before.graph, step, name) for name in outcome.causes)
        # Where nothing was built before, nothing can be there.
        sure = outcome.sure or before.graph is None
        found.append(Verdict(step, False, sure, reason, roots[-1], files, parts))
    return tuple(found)


def _reason(step: Step, outcome: Outcome, known: list[tuple[int, ...]]) -> Reason | None:
    """The reason of a miss, where those of the steps before it are known.

    A step that takes files from another stage misses after that one ran, or,
    where nothing of it ran (an instruction is gone), for its files.
    """
    if outcome.reason not in (Reason.PARENT, Reason.EXPORT):
        return outcome.reason
    if any(known[cause] for cause in _causes(step, outcome)):
        return Reason.PARENT
    return Reason.FILES if any(read.origin is not None for read in step.reads) else Reason.NEW


def _causes(step: Step, outcome: Outcome) -> set[int]:
    said = {int(cause) for cause in outcome.causes} if outcome.reason is Reason.PARENT else set()
    return said | set(step.needs)


def _roots(step: Step, outcome: Outcome, known: list[tuple[int, ...]]) -> tuple[int, ...]:
    """The steps that began it; `known` are those of the steps before it, empty where nothing ran."""
    return tuple(sorted({root for cause in _causes(step, outcome) for root in known[cause]}))


def _difference(path: str, before: Snapshot, after: Snapshot) -> Difference:
    old, new = before.files.entries.get(path), after.files.entries.get(path)
    if old is None or new is None:
        if old is new:
            return Difference.UNKNOWN
        return Difference.ADDED if old is None else Difference.REMOVED
    if _same(old, new):
        was, is_ = path in before.context.entries, path in after.context.entries
        return Difference.UNKNOWN if was is is_ else Difference.HIDDEN if was else Difference.SHOWN
    return Difference.MODE if old.digest == new.digest else Difference.CHANGED


def _same(old: Entry, new: Entry) -> bool:
    return (old.mode, old.digest) == (new.mode, new.digest)


def _part(graph: BuildGraph, earlier: BuildGraph | None, step: Step, name: str) -> PartChange:
    now = next((part.value for part in step.parts if part.name == name), None)
    if now is None:
        return PartChange(name, None, gone=True)
    origin = _setter(graph, step, name)
    if name not in _SHOWN:
        return PartChange(name, origin, gone=False)
    return PartChange(name, origin, False, _earlier(graph, earlier, step, name), now)


def _earlier(graph: BuildGraph, earlier: BuildGraph | None, step: Step, name: str) -> str | None:
    """What a part was in the step in the same place of the same stage; None where that is not sure."""
    if earlier is None:
        return None
    here, there = _alike(graph, graph, step), _alike(earlier, graph, step)
    if len(here) != len(there):
        return None
    same = there[[each.index for each in here].index(step.index)]
    return next((part.value for part in same.parts if part.name == name), None)


def _alike(graph: BuildGraph, of: BuildGraph, step: Step) -> list[Step]:
    """The steps of a graph of one kind, in the stage that a step of another graph is in."""
    name, stages = of.dockerfile.stages[step.stage].alias or step.stage, graph.dockerfile.stages
    return [
        each
        for each in graph.steps
        if each.kind is step.kind and (stages[each.stage].alias or each.stage) == name
    ]


_SHOWN = ("folder", "image")
_SETTERS: Mapping[str, str] = {"folder": "WORKDIR", "user": "USER", "shell": "SHELL"}


def _setter(graph: BuildGraph, step: Step, name: str) -> Instruction | None:
    """The last instruction before a step that sets a part of its key; the step's own for most parts."""
    kind, _, variable = name.partition(" ")
    if kind == "image":
        return _chooser(graph, step)
    if kind != "variable" and kind not in _SETTERS:
        return step.instruction
    if step.instruction.effective.name == _SETTERS.get(kind):
        return step.instruction
    for instruction in _before(graph, step):
        effective = instruction.effective
        if kind != "variable":
            if effective.name == _SETTERS[kind]:
                return instruction
        elif effective.name in ("ARG", "ENV"):
            found = [each for each in effective.assignments if each.name.text == variable]
            if found and effective.name == "ARG" and found[-1].value is None:
                return _global(graph, variable) or instruction
            if found:
                return instruction
    return None


def _chooser(graph: BuildGraph, step: Step) -> Instruction:
    """The ARG that gives the image of a FROM its name; the step's own instruction without one."""
    names = set(USED_VARIABLE.findall(step.instruction.rest.text))
    found = [each for name in sorted(names) if (each := _global(graph, name)) is not None]
    return found[0] if len(found) == 1 and step.instruction.name == "FROM" else step.instruction


def _before(graph: BuildGraph, step: Step) -> Iterable[Instruction]:
    """The instructions of a step's stage before it and those of the stages it is built FROM, last first."""
    stages = graph.dockerfile.stages
    stage, place = stages[step.stage], step.instruction.span.start
    for instruction in reversed(stage.instructions):
        if instruction.span.start < place:
            yield instruction
    while stage.parent is not None:
        stage = stages[stage.parent]
        yield from reversed(stage.instructions)


def _global(graph: BuildGraph, name: str) -> Instruction | None:
    """The ARG before the first FROM that gives a variable its default."""
    stages = graph.dockerfile.stages
    found = None
    for instruction in graph.dockerfile.instructions:
        if stages and instruction.span.start >= stages[0].head.span.start:
            break
        if any(each.name.text == name and each.value is not None for each in instruction.assignments):
            found = instruction
    return found
