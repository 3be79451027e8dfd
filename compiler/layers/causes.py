"""Why a step was run: what differs from the step of an earlier build that it is most like.

Owns what earlier builds were made of (`Sightings`), by the key of the step
that they went on from. Takes a step that misses, gives a Reason with its
causes. Knows nothing of keys beyond that.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from compiler.context.model import Tree
from compiler.layers.content import files
from compiler.layers.model import BuildGraph, Part, Read, Reason, Step

_KEPT = 8


@dataclass(frozen=True, slots=True)
class Seen:
    """A step of an earlier build: `stage` names its stage, `held` has digests of what it read of others."""

    step: Step
    stage: str
    tree: Tree
    held: tuple[str, ...]


@dataclass(slots=True)
class Sightings:
    """The last steps that went on from each key, newest last."""

    after: dict[str, list[Seen]] = field(default_factory=dict)

    def add(self, key: str, seen: Seen) -> None:
        """Remember a step that went on from a key."""
        line = self.after.setdefault(key, [])
        line[:] = [other for other in line if not _same(other, seen)][1 - _KEPT :]
        line.append(seen)

    def nearest(self, keys: Collection[str], step: Step, stage: str, others: Sequence[Step]) -> Seen | None:
        """The step of earlier builds that a step is most like; None where there is none.

        A step that stands elsewhere in this build (`others`) is that one.
        """
        taken = [(other.kind, other.parts, other.reads) for other in others]
        found, best = None, (-1, -1)
        for key in keys:
            for seen in self.after.get(key, []):
                like = (seen.step.kind, seen.step.parts, seen.step.reads)
                if seen.step.kind is not step.kind or (like in taken and step.parts != seen.step.parts):
                    continue
                alike = (int(seen.stage == stage), len(set(seen.step.parts) & set(step.parts)))
                if alike >= best:
                    found, best = seen, alike
        return found


def _same(one: Seen, other: Seen) -> bool:
    return (
        one.stage == other.stage
        and one.step.parts == other.step.parts
        and one.step.reads == other.step.reads
        and (one.tree is other.tree or not any(read.origin is None for read in one.step.reads))
    )


def stage_name(graph: BuildGraph, step: Step) -> str:
    """What a stage is called here: its name, or its number."""
    return graph.dockerfile.stages[step.stage].alias or str(step.stage)


def difference(step: Step, tree: Tree, held: tuple[str, ...], seen: Seen) -> tuple[Reason, tuple[str, ...]]:
    """In what a step differs from one of an earlier build; NEW where nothing does."""
    changed = changed_files(step.reads, tree, seen.step.reads, seen.tree)
    if changed:
        return Reason.FILES, changed
    origins = tuple(str(read.origin) for read in step.reads if read.origin is not None)
    if step.reads == seen.step.reads and held != seen.held and origins:
        return Reason.PARENT, tuple(dict.fromkeys(origins))
    parts = changed_parts(step.parts, seen.step.parts)
    if not parts and [r.patterns for r in step.reads] != [r.patterns for r in seen.step.reads]:
        parts = ("sources",)
    return (Reason.PART, parts) if parts else (Reason.NEW, ())


def changed_files(
    reads: tuple[Read, ...], tree: Tree, before: tuple[Read, ...], old: Tree
) -> tuple[str, ...]:
    """The paths of the context that two steps do not have in common, sorted."""
    new = files(tuple(read for read in reads if read.origin is None), tree)
    was = files(tuple(read for read in before if read.origin is None), old)
    return tuple(sorted(path for path in new.keys() | was.keys() if new.get(path) != was.get(path)))


def changed_parts(parts: tuple[Part, ...], before: tuple[Part, ...]) -> tuple[str, ...]:
    """The names of the parts that differ, those of the new step first; of equal ones those that moved."""
    new, old = _by_name(parts), _by_name(before)
    differ = tuple(name for name in {**new, **old} if new.get(name) != old.get(name))
    if differ or parts == before:
        return differ
    return tuple(dict.fromkeys(a.name for a, b in zip(parts, before, strict=True) if a != b))


def _by_name(parts: tuple[Part, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for part in parts:
        found.setdefault(part.name, []).append(part.value)
    return found
