"""The numpy engine: all replications of a network of equal slots at once.

Takes a network and a matrix of durations, gives a trace, bit for bit the reference's. Beside the
engines' contract (`NAME`, `covers`, `simulate`) it has, where `covers(network) is None`:

- `makespans(network, durations_s) -> (runs,)`: only how long each replication takes.
- `rescaled(network, durations_s, indices, factor) -> (len(indices), runs)`: the makespans with the
  durations of one activity multiplied by `factor`, for each of `indices` in turn: exact
  re-simulations on the same draws, sharing what happens before the activity.

`segments` says in which order activities are served and `passage` works through it. The
few replications in which that order cannot be known (`Segment.risky`) are given to the
event-driven engine. Knows no laws, no seeds and no plan.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.engines.failures import truncate
from simulator.engines.inputs import checked
from simulator.engines.passage import run
from simulator.engines.segments import Segment, segments
from simulator.engines.trace import Flags, Floats, Trace
from simulator.network import Network, Queue

NAME = "numpy"

# Replications at once: few enough for the rows of a queue to stay in the second-level cache, enough
# for a call of numpy not to cost more than its work.
_CHUNK = 5000
# Numbers of one segment at once, where its starts and finishes are needed to go on: 8 MB each, but
# so many replications at least.
_KEPT = 1_000_000
_FEWEST = 200


def covers(network: Network) -> str | None:
    """None, or why this engine cannot run the network: a clause such as "builds differ in size"."""
    if any(activity.link is not None for activity in network.activities):
        return "transfers share a bandwidth"
    if any(activity.continues is not None for activity in network.activities):
        return "some tasks hold their slot from one step to the next"
    for queue, demands in zip(network.queues, _demands(network), strict=True):
        if queue.ready is not None and demands:
            return f"places of the queue {queue.name} must be made ready"
        try:
            _slots(queue, demands)
        except ValueError as error:
            return str(error)
    return None


def simulate(network: Network, durations_s: Floats, fails: Flags | None = None) -> Trace:
    """Run every replication, as `simulator.engines.simulate` says.

    Raises:
        ValueError: see `inputs.checked`, or the network is not covered.
    """
    durations_s, fails = checked(network, durations_s, fails)
    program = _program(network)
    start_s, finish_s = np.empty_like(durations_s), np.empty_like(durations_s)
    for part in _chunks(program, durations_s.shape[1]):
        rows = list(durations_s[:, part])
        begin = np.zeros(part.stop - part.start)
        run(program, rows.__getitem__, begin, list(start_s[:, part]), list(finish_s[:, part]))
    again = _Risks.of(program, durations_s).found()
    if again.size:
        trace = _by_events(network, durations_s[:, again])
        start_s[:, again], finish_s[:, again] = trace.start_s, trace.finish_s
    trace = Trace(start_s, finish_s)
    return trace if fails is None else truncate(network, trace, fails)


def makespans(network: Network, durations_s: Floats) -> Floats:
    """The makespan of every replication in seconds, shape (replications,).

    Raises:
        ValueError: as `simulate`.
    """
    durations_s, _ = checked(network, durations_s, None)
    program = _program(network)
    result = np.empty(durations_s.shape[1])
    for part in _chunks(program, len(result)):
        rows = list(durations_s[:, part])
        result[part] = run(program, rows.__getitem__, np.zeros(part.stop - part.start))
    again = _Risks.of(program, durations_s).found()
    if again.size:
        result[again] = _by_events(network, durations_s[:, again]).makespan_s
    return result


def rescaled(network: Network, durations_s: Floats, indices: Sequence[int], factor: float) -> Floats:
    """Makespans with one activity's durations multiplied by `factor`, for each of `indices` in turn.

    The shape is (len(indices), replications); every row is a simulation of its own on the same draws.

    Raises:
        ValueError: as `simulate`, or the factor is negative or not finite.
    """
    if not (math.isfinite(factor) and factor >= 0):
        raise ValueError(f"a factor is finite and not negative, not {factor}")
    durations_s, _ = checked(network, durations_s, None)
    program = _program(network)
    segment_of = {
        index: number
        for number, segment in enumerate(program)
        for index in (segment.barrier, *segment.members)
        if index is not None
    }
    by_segment: dict[int, list[int]] = {}
    for position, index in enumerate(indices):
        by_segment.setdefault(segment_of[index], []).append(position)
    result = np.empty((len(indices), durations_s.shape[1]))
    for part in _chunks(program, durations_s.shape[1]):
        rows = list(durations_s[:, part])
        begins: list[Floats] = []
        width = part.stop - part.start
        run(program, rows.__getitem__, np.zeros(width), begins=begins)
        side_by_side = max(1, _width(program) // width)
        for number, positions in by_segment.items():
            for first in range(0, len(positions), side_by_side):
                some = positions[first : first + side_by_side]
                variants = _Variants(rows, [indices[each] for each in some], factor)
                begin = np.tile(begins[number], len(some))
                result[some, part] = run(program[number:], variants.row, begin).reshape(len(some), width)
    risks = _Risks.of(program, durations_s)
    for position, index in enumerate(indices):
        again = risks.rescaled(index, durations_s[index], factor)
        if again.size:
            changed = durations_s[:, again]
            changed[index] *= factor
            result[position, again] = _by_events(network, changed).makespan_s
    return result


class _Variants:
    """Durations for several changes side by side: the k-th copy has the k-th of `indices` rescaled."""

    def __init__(self, rows: list[Floats], indices: list[int], factor: float) -> None:
        self._rows, self._factor = rows, factor
        self._changes: dict[int, list[int]] = {}
        for number, index in enumerate(indices):
            self._changes.setdefault(index, []).append(number)
        self._copies = np.empty((len(indices), len(rows[0])))

    def row(self, index: int) -> Floats:
        """One activity's durations in all copies; good until the next call."""
        self._copies[:] = self._rows[index]
        for number in self._changes.get(index, ()):
            self._copies[number] *= self._factor
        return self._copies.reshape(-1)


def _demands(network: Network) -> list[list[tuple[int, ...]]]:
    found: list[list[tuple[int, ...]]] = [[] for _ in network.queues]
    for activity in network.activities:
        if activity.queue is not None:
            found[activity.queue].append(activity.demand)
    return found


def _slots(queue: Queue, demands: list[tuple[int, ...]]) -> int | None:
    """How many activities run at once, whichever they are; None for any number.

    A resource that differs between activities does not matter where there is
    enough of it for the largest of as many as the others let run.

    Raises:
        ValueError: that depends on which ones run.
    """
    if not demands:
        return None
    columns = list(zip(*demands, strict=True))
    equal = [
        there // column[0]
        for there, column in zip(queue.capacity, columns, strict=True)
        if column[0] and min(column) == max(column)
    ]
    slots = min(equal, default=len(demands))
    for there, column, resource in zip(queue.capacity, columns, queue.resources, strict=True):
        if min(column) != max(column) and sum(sorted(column)[-slots:]) > there:
            raise ValueError(f"what queue {queue.name} is asked for differs in {resource}")
    return slots if slots < len(demands) else None


def _program(network: Network) -> tuple[Segment, ...]:
    reason = covers(network)
    if reason is not None:
        raise ValueError(f"the engine {NAME} cannot run this: {reason}")
    pairs = zip(network.queues, _demands(network), strict=True)
    return segments(network, tuple(_slots(queue, demands) for queue, demands in pairs))


def _width(program: tuple[Segment, ...]) -> int:
    """How many replications at once."""
    kept = max((len(segment.members) for segment in program if not segment.apart), default=0)
    return min(_CHUNK, max(_FEWEST, _KEPT // kept)) if kept else _CHUNK


def _chunks(program: tuple[Segment, ...], runs: int) -> Iterator[slice]:
    """All replications in parts of about the same size."""
    count = -(-runs // _width(program))
    for number in range(count):
        yield slice(runs * number // count, runs * (number + 1) // count)


@dataclass(frozen=True, slots=True, eq=False)
class _Risks:
    """The risky activities, and per replication the shortest of them and what may not move the clock.

    No start is later than the sum of all durations, and what is below half the
    distance of floating-point numbers there may be lost in a finish.
    """

    risky: frozenset[int]
    shortest_s: Floats
    lost_s: Floats

    @classmethod
    def of(cls, program: tuple[Segment, ...], durations_s: Floats) -> _Risks:
        risky = frozenset(index for segment in program for index in segment.risky)
        shortest_s = np.full(durations_s.shape[1], np.inf)
        for index in risky:
            np.minimum(shortest_s, durations_s[index], out=shortest_s)
        lost_s = durations_s.sum(axis=0) * 2.0**-52 if risky else np.zeros_like(shortest_s)
        return cls(risky, shortest_s, lost_s)

    def found(self) -> NDArray[np.intp]:
        """The replications in which a risky activity may take no time on the clock."""
        return np.flatnonzero(self.shortest_s <= self.lost_s)

    def rescaled(self, index: int, duration_s: Floats, factor: float) -> NDArray[np.intp]:
        """The same where one activity takes `factor` times `duration_s`, and perhaps some more."""
        lost_s = self.lost_s * max(1.0, factor)
        changed_s = duration_s * factor if index in self.risky else np.inf
        return np.flatnonzero(np.minimum(self.shortest_s, changed_s) <= lost_s)


def _by_events(network: Network, durations_s: Floats) -> Trace:
    from simulator.engines import events

    return events.simulate(network, durations_s)
