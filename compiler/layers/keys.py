"""A step's own key, and the records by which a key is found again.

Takes graphs, gives vertices: a step's operation as a digest, and the inputs
that its key is made with. Owns `Records`: a set of keys and of links between
them, as BuildKit's cache manager has it (solver/cachemanager.go). Keys are
digests instead of random numbers, so that all that is made of them is the same
every time. Knows nothing of hits and reasons.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from compiler.layers.content import Layer
from compiler.layers.model import BuildGraph, Read, Step, StepKind


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a vertex: another vertex, or None for the context.

    `selector` is in the key beside the input's own key; `reads` are what a
    content digest may stand in for, none where it may not.
    """

    vertex: int | None
    selector: str
    reads: tuple[Read, ...]


@dataclass(frozen=True, slots=True)
class Vertex:
    """What runs once: steps with one operation and the same inputs, or the laying of a COPY --link.

    `own` are digests of the operation, more than one for an image only.
    `step` is the first step that it is; None for a laying, which costs nothing.
    """

    own: tuple[str, ...]
    inputs: tuple[Input, ...]
    step: int | None
    forced: bool = False


@dataclass(frozen=True, slots=True)
class Vertices:
    """The vertices of a graph, each after its inputs.

    For each step `of_step` has its vertex, `after` the one that others go on
    from: the same, but for a COPY --link.
    """

    line: tuple[Vertex, ...]
    of_step: tuple[int, ...]
    after: tuple[int, ...]


def vertices(graph: BuildGraph, forced: frozenset[int] = frozenset()) -> Vertices:
    """The vertices of a graph; RUN, COPY and ADD of the stages in `forced` are to run anyway."""
    found: list[Vertex] = []
    numbers: dict[tuple[object, ...], int] = {}
    of_step: list[int] = []
    after: list[int] = []

    def added(vertex: Vertex) -> int:
        same = (vertex.own, vertex.inputs, vertex.forced)
        if same not in numbers:
            numbers[same] = len(found)
            found.append(vertex)
        return numbers[same]

    for step in graph.steps:
        again = step.stage in forced and step.kind not in (StepKind.IMAGE, StepKind.WORKDIR)
        number = added(Vertex(_own(step), tuple(_inputs(step, after)), step.index, again))
        of_step.append(number)
        if step.over is not None:
            below = Input(after[step.over], "", ())
            number = added(Vertex((_digest("laying"),), (below, Input(number, "", ())), None))
        after.append(number)
    return Vertices(tuple(found), tuple(of_step), tuple(after))


@dataclass(slots=True)
class LastVertices:
    """The vertices of the graph that was asked for last; a line of builds mostly asks for one graph."""

    last: tuple[BuildGraph, frozenset[int], Vertices] | None = None

    def __call__(self, graph: BuildGraph, forced: frozenset[int]) -> Vertices:
        """The vertices of a graph."""
        if self.last is None or self.last[0] is not graph or self.last[1] != forced:
            self.last = graph, forced, vertices(graph, forced)
        return self.last[2]


def _inputs(step: Step, after: list[int]) -> Iterator[Input]:
    """The parent, then each origin once, in the order in which the step reads them."""
    reads: dict[int | None, list[Read]] = {}
    for read in step.reads:
        reads.setdefault(None if read.origin is None else after[read.origin], []).append(read)
    parent = None if step.parent is None else after[step.parent]
    if parent is not None:
        # Where files come from what it goes on from itself, content does not stand in.
        yield Input(parent, _selector(reads.pop(parent, [])), ())
    for origin, those in reads.items():
        yield Input(origin, _selector(those), tuple(those))


def _selector(reads: list[Read]) -> str:
    paths = sorted(
        {pattern for read in reads for pattern in read.patterns if not read.mount or pattern != "."}
    )
    return _digest(*paths) if paths else ""


def _own(step: Step) -> tuple[str, ...]:
    """The digest of a step's operation: all that is in its key but its inputs."""
    if step.kind is StepKind.IMAGE:
        platform = [part.value for part in step.parts if part.name == "platform"]
        return tuple(_digest("image", part.value, *platform) for part in step.parts if part.name == "image")
    said: list[str] = [step.kind.value, "" if step.parent is None else "parent"]
    parts = [(part.name, part.value) for part in step.parts]
    shell = [value for name, value in parts if name == "shell"]
    for name, value in parts:
        if name == "command" and shell:
            # The shell and the text are arguments like those of a JSON form.
            value = json.dumps([*json.loads(shell[0]), value], ensure_ascii=False)
        if name != "shell":
            said += [name, value]
    for number, read in enumerate(step.reads):
        said.append(f"read {number if read.mount else ''}")
        if read.keeps_names:
            said += [posixpath.basename(pattern) for pattern in read.patterns]
    return (_digest(*said),)


def _digest(*texts: str) -> str:
    whole = "\0".join(f"{len(text)}:{text}" for text in texts)
    return hashlib.blake2b(whole.encode(errors="surrogateescape"), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Record:
    """A result that is kept: `order` counts up, the newest is taken; `layer` is what it holds."""

    order: int
    layer: Layer | None


_Link = tuple[str, str, int, str]


@dataclass(slots=True)
class Records:
    """Keys, links and results.

    A link says: with this key as input number n of that operation, the step
    has this key. `results` are keys whose result is kept.
    """

    links: dict[_Link, dict[str, None]] = field(default_factory=dict)
    results: dict[str, Record] = field(default_factory=dict)
    backlinks: dict[str, dict[_Link, None]] = field(default_factory=dict)
    roots: set[str] = field(default_factory=set)
    clock: int = 0

    def save(self, keys: list[str], layer: Layer | None) -> Record:
        """Keep a new result under keys."""
        self.clock += 1
        record = Record(self.clock, layer)
        for key in keys:
            self.results[key] = record
        return record

    def find(self, own: str, number: int, keys: Iterable[tuple[str, str]]) -> dict[str, None]:
        """The keys of steps that have one of `keys` (each with its selector) as input (cacheManager.Query).

        All of these keys are linked to all that is found: they stand for one input.
        """
        links = [(key, own, number, selector) for key, selector in keys]
        found: dict[str, None] = {}
        for link in links:
            found.update(self.links.get(link, {}))
        if len(links) > 1:
            for result in found:
                for link in links:
                    self.link(link, result)
        return found

    def link(self, link: _Link, key: str) -> None:
        """Remember that a link leads to a key."""
        self.links.setdefault(link, {})[key] = None
        self.backlinks.setdefault(key, {})[link] = None

    def key(self, own: str, inputs: list[list[tuple[str, str]]]) -> str:
        """The key of a step that was run, its links remembered (getIDFromDeps, ensurePersistentKey)."""
        matches: dict[str, None] = {}
        for number, keys in enumerate(inputs):
            for key, selector in keys:
                there = self.links.get((key, own, number, selector), {})
                if number == 0:
                    matches.update(there)
                else:
                    matches = {match: None for match in matches if match in there}
        names = [key for keys in inputs for key, _ in keys[-1:]]
        result = next(iter(matches), None) or _digest("key", own, *names)
        for number, keys in enumerate(inputs):
            for key, selector in keys:
                self.link((key, own, number, selector), result)
        return result
