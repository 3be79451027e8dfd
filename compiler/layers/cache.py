"""Which steps of a build hit, and what the build leaves in the cache.

Takes a graph, the files of its context and a cache; gives an Outcome for each
step, and records the build. Follows BuildKit's solver (solver/edge.go): the
keys of inputs first, then digests of their content, and a step runs only where
somebody needs its result. Knows nothing of what commands do: that is asked of
`writes`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from compiler.context.model import Tree
from compiler.layers import content
from compiler.layers.caches import Cache, PersistentCache, RegistryCache
from compiler.layers.causes import Seen, difference, stage_name
from compiler.layers.content import Layer, Writes
from compiler.layers.keys import Input, Record, Vertex, Vertices
from compiler.layers.model import BuildGraph, Outcome, Read, Reason, Step, StepKind
from compiler.layers.placing import brought, owned, region, unpacks

__all__ = ["Cache", "PersistentCache", "RegistryCache", "build"]

Digests = Callable[[tuple[Read, ...]], str]


def build(
    graph: BuildGraph,
    context: Tree,
    cache: Cache,
    *,
    no_cache_filter: Collection[str] = (),
    writes: Writes | None = None,
    digests: Digests | None = None,
) -> tuple[Outcome, ...]:
    """What happens to each step of a build, in order; the build is recorded in `cache`.

    `context` is what .dockerignore leaves of it. `no_cache_filter` are names of
    stages, or their numbers. `writes` says for a RUN a digest of what it leaves
    at some paths ("" is nothing, None is unknown): a COPY from a stage that
    another RUN wrote to is then not sure, and taken to miss where that RUN ran.
    `digests` gives what `content.digest` would give for reads of the context,
    for callers who know it already. A step like an earlier one of the same
    build hits: it runs once.
    """
    return _Build(graph, context, cache, _stages(graph, no_cache_filter), writes, digests).outcomes()


def _stages(graph: BuildGraph, names: Collection[str]) -> frozenset[int]:
    wanted = {name.lower() for name in names}
    stages = enumerate(graph.dockerfile.stages)
    return frozenset(i for i, stage in stages if str(i) in wanted or (stage.alias or "") in wanted)


@dataclass(slots=True)
class _State:
    """What is known of a vertex.

    `keys` are what others may look for it by; `key` is that of its result (an
    image that was pulled has more, in `pulled`), and `record` the result.
    `pending` tells that it has a key but no result, which is of no account as
    long as nobody needs it.
    """

    keys: list[str] = field(default_factory=list)
    key: str = ""
    pulled: tuple[str, ...] = ()
    record: Record | None = None
    ran: bool = False
    pending: bool = False
    sure: bool = True
    reason: Reason | None = None
    causes: tuple[str, ...] = ()


class _Build:
    """One build: its vertices in order, each looked for, and run where it must be."""

    def __init__(
        self,
        graph: BuildGraph,
        context: Tree,
        cache: Cache,
        forced: frozenset[int],
        writes: Writes | None,
        digests: Digests | None,
    ) -> None:
        self.graph, self.context, self.cache, self.writes = graph, context, cache, writes
        self.records = cache.records
        self.made: Vertices = cache.vertices(graph, forced)
        self.states: list[_State] = []
        self.digests = digests or (lambda reads: content.digest(reads, context, cache.solver))
        self.known: dict[tuple[Read, ...], str] = {}
        self.new: set[str] = set()
        self.helds: dict[tuple[int, tuple[Read, ...]], content.Held] = {}
        self.shown = self._shown()
        cache.builds += 1

    def outcomes(self) -> tuple[Outcome, ...]:
        """Build."""
        for number, vertex in enumerate(self.made.line):
            self.states.append(_State())
            self._look(number, vertex)
        final: set[str] = set()
        if self.graph.final is not None:
            self._obtain(self.made.after[self.graph.final])
            final = self._line_to(self.made.after[self.graph.final])
        self._remember()
        self.cache.leave([key for state in self.states for key in (state.key, *state.keys)], final)
        return tuple(self._outcome(step) for step in self.graph.steps)

    def _outcome(self, step: Step) -> Outcome:
        number = self.made.of_step[step.index]
        state = self.states[number]
        if not state.ran or self.made.line[number].step != step.index:
            return Outcome(step.index, True, state.sure)
        return Outcome(step.index, False, state.sure, state.reason, state.causes)

    def _shown(self) -> frozenset[int]:
        """The vertices whose files others read, as far down as they may be known."""
        found: set[int] = set()
        for number in range(len(self.made.line) - 1, -1, -1):
            vertex = self.made.line[number]
            found.update(each.vertex for each in vertex.inputs if each.reads and each.vertex is not None)
            kind = StepKind.COPY if vertex.step is None else self.graph.steps[vertex.step].kind
            if number in found and (kind is not StepKind.RUN or self.writes is not None):
                found.update(
                    each.vertex for each in vertex.inputs if not each.reads and each.vertex is not None
                )
        return frozenset(found)

    def _line_to(self, number: int) -> set[str]:
        """The keys of the layers of a result."""
        found: set[str] = set()
        waiting = [number]
        while waiting:
            each = waiting.pop()
            found.add(self.states[each].key)
            waiting += [i.vertex for i in self.made.line[each].inputs if not i.reads and i.vertex is not None]
        return found

    def _look(self, number: int, vertex: Vertex) -> None:
        """Find the keys of a vertex; run it where it can have none."""
        state = self.states[number]
        step = None if vertex.step is None else self.graph.steps[vertex.step]
        below = [self.states[each.vertex].sure for each in vertex.inputs if each.vertex is not None]
        state.sure = all(below) and not (step and step.unsure)
        if not vertex.inputs:
            found = [own for own in vertex.own if own in self.records.roots]
        else:
            matches = [self._fast(i, each, vertex) for i, each in enumerate(vertex.inputs)]
            found = _common(matches)
            hopeless = any(not m and not each.reads for m, each in zip(matches, vertex.inputs, strict=True))
            if not found and not hopeless:
                found = self._found_by_content(vertex, matches)
        kept = [key for key in found if key in self.records.results]
        if vertex.forced or not found:
            self._run(number, vertex, would_hit=bool(kept))
        elif kept:
            self._take(state, found, kept)
        else:
            state.keys, state.key, state.pending = found, found[0], True

    def _take(self, state: _State, found: list[str], kept: list[str]) -> None:
        """Take the newest of the results that are kept."""
        state.keys, state.key = found, max(kept, key=lambda key: self.records.results[key].order)
        state.record, state.pending = self.records.results[state.key], False

    def _found_by_content(self, vertex: Vertex, matches: list[dict[str, None]]) -> list[str]:
        """The keys that a vertex has by the content of the stages that it reads: these are obtained."""
        for i, each in enumerate(vertex.inputs):
            if each.reads and each.vertex is not None:
                matches[i].update(self._slow(i, each, vertex))
        return _common(matches)

    def _fast(self, i: int, each: Input, vertex: Vertex) -> dict[str, None]:
        """What the keys of an input lead to; of the context, which has none, its content."""
        if each.vertex is None:
            return self.records.find(vertex.own[0], i, [self._content(each.reads)])
        return self.records.find(
            vertex.own[0], i, [(key, each.selector) for key in self.states[each.vertex].keys]
        )

    def _slow(self, i: int, each: Input, vertex: Vertex) -> dict[str, None]:
        """What the content of an input leads to."""
        assert each.vertex is not None
        self._obtain(each.vertex)
        digest = self._content_of(each.vertex, each.reads)
        found = self.records.find(vertex.own[0], i, [digest])
        # From now on its key leads there as well.
        self.records.find(vertex.own[0], i, [(self.states[each.vertex].key, each.selector), digest])
        return found

    def _content(self, reads: tuple[Read, ...]) -> tuple[str, str]:
        if reads not in self.known:
            self.known[reads] = f"content {self.digests(reads)}"
        return self.known[reads], ""

    def _held(self, number: int, reads: tuple[Read, ...]) -> content.Held:
        if (number, reads) not in self.helds:
            record = self.states[number].record
            self.helds[number, reads] = content.held(
                record.layer if record is not None else None, reads, self.cache.solver
            )
        return self.helds[number, reads]

    def _content_of(self, number: int, reads: tuple[Read, ...]) -> tuple[str, str]:
        return f"content {self._held(number, reads).digest}", ""

    def _obtain(self, number: int) -> None:
        """See to it that a vertex has a result: run it, and what it needs, where they have none."""
        waiting, pending = [number], set()
        while waiting:
            each = waiting.pop()
            if self.states[each].pending and each not in pending:
                pending.add(each)
                waiting += [i.vertex for i in self.made.line[each].inputs if i.vertex is not None]
        for each in sorted(pending):
            vertex, state = self.made.line[each], self.states[each]
            found: list[str] = []
            if any(i.reads and i.vertex is not None for i in vertex.inputs):
                # The content of what it reads is there now, and may lead to a result.
                found = self._found_by_content(
                    vertex, [self._fast(n, i, vertex) for n, i in enumerate(vertex.inputs)]
                )
            if kept := [key for key in found if key in self.records.results]:
                self._take(state, found, kept)
            else:
                self._run(each, vertex, would_hit=False)

    def _run(self, number: int, vertex: Vertex, *, would_hit: bool) -> None:
        state = self.states[number]
        for each in vertex.inputs:
            if each.vertex is not None:
                self._obtain(each.vertex)
        inputs = [self._keys_of(each) for each in vertex.inputs]
        keys = [self.records.key(vertex.own[0], inputs)] if inputs else list(vertex.own)
        if keys[0] in self.new and not vertex.forced:
            # Another step of this build has this very key: the two are one (scheduler.mergeTo).
            state.pending, state.key, state.record = False, keys[0], self.records.results[keys[0]]
            return
        self.new.add(keys[0])
        if vertex.step is not None:
            self._explain(state, vertex, would_hit=would_hit)
        if not inputs:
            self.records.roots.update(keys)
        state.ran, state.pending, state.key, state.pulled = True, False, keys[0], tuple(keys[1:])
        state.record = self.records.save(keys, self._layer(number, vertex, keys[0]))

    def _keys_of(self, each: Input) -> list[tuple[str, str]]:
        """The keys that lead from an input: its own, and its content."""
        if each.vertex is None:
            return [self._content(each.reads)]
        state = self.states[each.vertex]
        found = [(key, each.selector) for key in (state.key, *state.pulled)]
        return [*found, self._content_of(each.vertex, each.reads)] if each.reads else found

    def _layer(self, number: int, vertex: Vertex, key: str) -> Layer | None:
        """What a step has made of the files of its stage."""
        first = vertex.inputs[0].vertex if vertex.inputs and not vertex.inputs[0].reads else None
        record = self.states[first].record if first is not None else None
        below = record.layer if record is not None else None
        if vertex.step is None:
            # A COPY --link over what was there: the second input's files over the first's.
            copied = self.states[vertex.inputs[1].vertex or 0].record
            return (
                replace(copied.layer, below=below)
                if copied is not None and copied.layer is not None
                else below
            )
        step = self.graph.steps[vertex.step]
        plain = Layer(below, step, key, self.cache.builds)
        if step.kind in (StepKind.IMAGE, StepKind.RUN):
            return replace(plain, token=f"{key} {self.records.clock}", asks=self.writes)
        if step.kind is StepKind.WORKDIR:
            user = "".join(part.value for part in step.parts[1:]) if self.cache.solver.owners else ""
            return replace(plain, files={step.parts[0].value.strip("/"): owned("folder", user)})
        return self._copied(number, vertex, plain)

    def _copied(self, number: int, vertex: Vertex, plain: Layer) -> Layer:
        """The layer of a COPY or ADD: its files where they are known and somebody may ask, else a token."""
        step, below = plain.step, plain.below
        sources = [each for each in vertex.inputs if each.reads]
        if step.reads and not sources:
            # From the very step that it goes on from.
            return replace(plain, token=f"{plain.key} {self.records.clock}", region=region(step))
        digests = " ".join(self._keys_of(each)[-1][0] for each in sources)
        unknown = replace(plain, token=f"{step.kind} {digests}", region=region(step))
        if number not in self.shown or step.unsure or any(unpacks(step, read) for read in step.reads):
            return unknown
        if sources and sources[0].vertex is not None:
            there = self._held(sources[0].vertex, sources[0].reads)
            if there.files is None:
                return replace(unknown, born=there.born)
            files = brought(step, below, there.files, there.files.__getitem__, self.cache.solver)
            return replace(plain, files=files)
        entries = self.context.entries
        files = brought(step, below, entries, lambda path: content.token(entries[path]), self.cache.solver)
        return replace(plain, files=files)

    def _explain(self, state: _State, vertex: Vertex, *, would_hit: bool) -> None:
        """Say why a step runs, and whether that is sure."""
        assert vertex.step is not None
        step = self.graph.steps[vertex.step]
        for each in vertex.inputs:
            if each.vertex is not None and each.reads:
                source = self.states[each.vertex]
                born = self._held(each.vertex, each.reads).born
                # Another run of a command may have left the same files.
                state.sure = state.sure and not (source.ran and born == self.cache.builds)
        parent = None if step.parent is None else self.states[self.made.after[step.parent]]
        if parent is not None and parent.ran:
            state.reason, state.causes = Reason.PARENT, (str(step.parent),)
            return
        others = [other for other in self.graph.steps if other.stage == step.stage and other is not step]
        stage = stage_name(self.graph, step)
        seen = self.cache.sightings.nearest(self._before(step), step, stage, others)
        if seen is None:
            state.reason = Reason.FORCED if would_hit else Reason.NEW
            return
        reason, causes = difference(step, self.context, self._seen(step).held, seen)
        if reason is Reason.NEW:
            reason = Reason.FORCED if vertex.forced else Reason.EXPORT
        state.reason, state.causes = reason, causes

    def _before(self, step: Step) -> list[str]:
        """The keys that a step goes on from, as sightings have them."""
        if step.parent is None:
            return [f"start {step.kind}"]
        state = self.states[self.made.after[step.parent]]
        return list(dict.fromkeys((state.key, *state.keys)))

    def _seen(self, step: Step) -> Seen:
        reads = [read for read in step.reads if read.origin is not None]
        held = [self._content_of(self.made.after[read.origin or 0], (read,))[0] for read in reads]
        return Seen(step, stage_name(self.graph, step), self.context, tuple(held))

    def _remember(self) -> None:
        """Keep for the next build what this one was made of."""
        for step in self.graph.steps:
            if not any(self.states[self.made.after[n]].pending for n in step.needs):
                for key in self._before(step)[:1]:
                    self.cache.sightings.add(key, self._seen(step))


def _common(matches: list[dict[str, None]]) -> list[str]:
    """The keys that every input leads to, in the order of the first one's."""
    first, *others = matches
    return [key for key in first if all(key in other for other in others)]
