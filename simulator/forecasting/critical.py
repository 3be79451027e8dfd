"""Why a replication took as long as it did: arrivals, critical paths, lower bounds, use of capacity.

Takes a network and a trace of any engine (starts and finishes are enough).
Knows no laws and no seeds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.engines.trace import Flags, Floats, Trace
from simulator.network import Network

_Ints = NDArray[np.intp]
# Finishes that are sorted at once: 8 MB, and as much for their order.
_SORTED = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """When each activity could have started had there been room, shape (activities, replications).

    `last_need` is the index of the need that was done last (the first of
    several), -1 for an activity without needs. Where a need was never done the
    arrival is NaN, and `last_need` any of the needs.
    """

    arrival_s: Floats
    last_need: NDArray[np.int32]


def arrivals(network: Network, trace: Trace) -> Arrivals:
    """Arrival times from the finishes of what each activity needs."""
    arrival_s = np.zeros_like(trace.finish_s)
    last_need = np.full(trace.finish_s.shape, -1, dtype=np.int32)
    # Whoever needs the same arrives at the same time, as all do behind a barrier.
    alike: dict[tuple[int, ...], int] = {}
    for index, activity in enumerate(network.activities):
        first = alike.setdefault(activity.needs, index)
        if first != index:
            arrival_s[index], last_need[index] = arrival_s[first], last_need[first]
        elif activity.needs:
            _arrive(trace.finish_s, sorted(activity.needs), arrival_s[index], last_need[index])
    return Arrivals(arrival_s, last_need)


def _arrive(finish_s: Floats, needs: list[int], arrival_s: Floats, last_need: NDArray[np.int32]) -> None:
    """The latest finish of `needs` and whose it is, written into the last two."""
    arrival_s[:], last_need[:] = finish_s[needs[0]], needs[0]
    for need in needs[1:]:
        np.copyto(last_need, need, where=finish_s[need] > arrival_s)
        np.maximum(arrival_s, finish_s[need], out=arrival_s)


def critical_activities(network: Network, trace: Trace, arrived: Arrivals) -> Flags:
    """Which activities are on the critical path of each replication, shape (activities, replications).

    The path is followed back from the activity that ended last. One that
    started as it arrived was held up by the need that was done last. One that
    waited was let in by whoever gave back a place in that queue at that
    instant: the last activity of a task that had it for some time. Either way
    the path covers the whole makespan without a hole. Of several candidates the
    one with the lowest index is taken.

    What is held for no time need not be looked at, as it was let in by another
    at the same instant. So the walk always goes back in time, along needs, or
    to a queue of a higher index.
    """
    runs = trace.finish_s.shape[1]
    on_path = np.zeros(trace.finish_s.shape, dtype=np.bool_)
    if not on_path.size:
        return on_path
    places = _Places(network)
    count = max(1, -(-runs * max(1, len(places.holders)) // _SORTED))
    for number in range(count):
        part = slice(runs * number // count, runs * (number + 1) // count)
        _walk(places, trace, arrived, part, on_path)
    return on_path


class _Places:
    """Who takes places in queues and gives them back: the same for all replications.

    `holders` are the activities that take a place, by queue and index; `begin` and `end` say
    per queue where its own are, `half` is the largest power of two in each, `last` has per activity
    at whose finish what it took is given back, `chained` those that another continues, last first.
    """

    def __init__(self, network: Network) -> None:
        queues = [-1 if each.queue is None else each.queue for each in network.activities]
        self.queue = np.array(queues, dtype=np.intp)
        self.last = np.array(_lasts(network), dtype=np.intp)
        continued = ((index, network.continued[index]) for index in reversed(network.order))
        self.chained = [(index, after) for index, after in continued if after >= 0]
        self.holders = np.flatnonzero(self.queue >= 0)
        self.holders = self.holders[np.argsort(self.queue[self.holders], kind="stable")]
        numbers = np.arange(len(network.queues))
        self.begin = np.searchsorted(self.queue[self.holders], numbers)
        self.end = np.searchsorted(self.queue[self.holders], numbers, side="right")
        sizes = (self.end - self.begin).tolist()
        self.half = np.array([1 << max(0, size.bit_length() - 1) for size in sizes], dtype=np.intp)


def _lasts(network: Network) -> list[int]:
    """Per activity the one at whose finish its place is given back: the last of its task, or itself."""
    last = list(range(len(network.activities)))
    for index in reversed(network.order):
        if network.continued[index] >= 0:
            last[index] = last[network.continued[index]]
    return [last[index] if _held(network, index) else index for index in range(len(last))]


def _held(network: Network, index: int) -> bool:
    queue = network.activities[index].queue
    return queue is not None and network.queues[queue].held


class _Releases:
    """When places are given back: sorted per queue and replication, to be searched by time."""

    def __init__(self, places: _Places, start_s: Floats, finish_s: Floats, failures: bool) -> None:
        self._places = places
        holders = places.holders
        who = places.last[holders]
        cut_short = _cut_short(places, finish_s)[holders].T if failures and places.chained else None
        if cut_short is None:
            freed_s = finish_s[who].T
        else:
            freed_s = finish_s[cut_short, np.arange(len(cut_short))[:, None]]
        # What held nothing for any time, or for ever, lets nobody in.
        freed_s = np.where(freed_s > start_s[holders].T, freed_s, np.inf)
        self._freed_s = np.empty(freed_s.shape)
        self._who = np.empty(freed_s.shape, dtype=np.intp)
        for begin, end in zip(places.begin.tolist(), places.end.tolist(), strict=True):
            own = np.ascontiguousarray(freed_s[:, begin:end])
            order, self._freed_s[:, begin:end] = _sorted_first_of_equals(own)
            if cut_short is None:
                self._who[:, begin:end] = who[begin:end][order]
            else:
                self._who[:, begin:end] = np.take_along_axis(cut_short[:, begin:end], order, axis=1)
        self._width = len(holders)

    def who(self, runs: _Ints, queues: _Ints, at_s: Floats) -> _Ints:
        """Who gave back a place at these instants, the first of several; -1 where nobody did.

        A binary search for all at once. As the instant is there to be found, the
        last power of two of the places is searched where it is not among the first
        (Shar's form: Knuth, The Art of Computer Programming 3, section 6.2.1, algorithm C).
        """
        times, places = self._freed_s.reshape(-1), self._places
        found: _Ints = runs * self._width + places.begin[queues]
        step = places.half[queues]
        rest = places.end[queues] - places.begin[queues] - step
        found += (times[found + step - 1] < at_s) * rest
        for _ in range(int(step.max()).bit_length() - 1):
            step >>= 1
            found += (times[found + step - 1] < at_s) * step
        who: _Ints = np.where(times[found] == at_s, self._who.reshape(-1)[found], -1)
        return who


def _cut_short(places: _Places, finish_s: Floats) -> _Ints:
    """Per activity and replication, whose finish gives back its place: the last of its task that ended."""
    own = np.arange(len(finish_s))[:, None]
    who = np.tile(own, (1, finish_s.shape[1]))
    for index, after in places.chained:
        np.copyto(who[index], who[after], where=~np.isnan(finish_s[after]))
    return np.where(places.last[:, None] == own, own, who)


def _sorted_first_of_equals(values: Floats) -> tuple[_Ints, Floats]:
    """The order of each row, equals by position, and the row in it; the quick sort for rows without any."""
    order = values.argsort(axis=1)
    ordered = np.take_along_axis(values, order, axis=1)
    equal = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] < np.inf)
    ties = np.flatnonzero(equal.any(axis=1))
    order[ties] = values[ties].argsort(axis=1, kind="stable")
    return order, ordered


def _walk(places: _Places, trace: Trace, arrived: Arrivals, part: slice, on_path: Flags) -> None:
    """The paths of some replications, all one step back at a time."""
    start_s, finish_s = trace.start_s[:, part], trace.finish_s[:, part]
    arrival_s, last_need = arrived.arrival_s[:, part], arrived.last_need[:, part]
    on_path = on_path[:, part]
    releases: _Releases | None = None
    runs = np.arange(start_s.shape[1])
    failures = trace.outcome is not None
    ended_s = np.where(np.isnan(finish_s), -np.inf, finish_s) if failures else finish_s
    current = ended_s.argmax(axis=0)
    while runs.size:
        on_path[current, runs] = True
        before = last_need[current, runs].astype(np.intp)
        queue, begun_s = places.queue[current], start_s[current, runs]
        waited = np.flatnonzero((queue >= 0) & (begun_s > arrival_s[current, runs]))
        if waited.size:
            releases = releases or _Releases(places, start_s, finish_s, failures)
            before[waited] = releases.who(runs[waited], queue[waited], begun_s[waited])
        for each in (
            np.flatnonzero(_unexplained(before, begun_s, arrival_s[current, runs])) if failures else ()
        ):
            before[each] = _ended_at(begun_s[each], start_s[:, runs[each]], finish_s[:, runs[each]])
        on = before >= 0
        current, runs = before[on], runs[on]


def _unexplained(before: _Ints, begun_s: Floats, arrival_s: Floats) -> Flags:
    """Whose start comes neither from a need nor from a place given back, but from a failure at that instant.

    What failed without a duration at the very instant of the first failure was
    made ready by what then never was, and a task that is ended while it waits
    gives back places, though none of its activities ends.
    """
    return np.isnan(arrival_s) | ((before < 0) & (begun_s > 0))


def _ended_at(now_s: float, start_s: Floats, finish_s: Floats) -> int:
    """Who ended at an instant, the first of those that took time; -1 where none did."""
    ended = np.flatnonzero((finish_s == now_s) & (start_s < now_s))
    return int(ended[0]) if ended.size else -1


def critical_path_bound(network: Network, durations_s: Floats) -> Floats:
    """The longest chain of needs per replication in seconds: the makespan with endless capacity.

    Whether a place has to be made ready is a matter of capacity: that time counts as none.
    """
    earliest = np.zeros_like(durations_s)
    for index in network.order:
        activity = network.activities[index]
        for need in activity.needs:
            np.maximum(earliest[index], earliest[need], out=earliest[index])
        if activity.queue is None or network.queues[activity.queue].ready is None:
            earliest[index] += durations_s[index]
    return np.asarray(earliest.max(axis=0, initial=0.0), dtype=np.float64)


def area_bound(network: Network, durations_s: Floats) -> Floats:
    """The work over the capacity per replication in seconds, of the resource where that is most.

    Work is what a place is held for at least: waiting for a builder or a node with a
    place in hand, and sharing a bandwidth, are a matter of order, and count as none.
    """
    held_s = _held_at_least(network, durations_s)
    bound_s = np.zeros(durations_s.shape[1])
    for number, queue in enumerate(network.queues):
        members = [index for index, each in enumerate(network.activities) if each.queue == number]
        demands = np.array([network.activities[index].demand for index in members], dtype=float)
        if members:
            # Of what there is none, nobody asks for any.
            shares = demands.T @ held_s[members] / np.maximum(queue.capacity, 1)[:, None]
            np.maximum(bound_s, shares.max(axis=0), out=bound_s)
    return bound_s


def _held_at_least(network: Network, durations_s: Floats) -> Floats:
    """How long each activity holds its place if it never waits and no place has to be made ready."""
    ready = [
        each.queue is not None and network.queues[each.queue].ready is not None for each in network.activities
    ]
    own_s = np.where(np.array(ready, dtype=bool)[:, None], 0.0, durations_s)
    if max(network.continued, default=-1) < 0:
        return own_s
    held_s = own_s.copy()
    for index in reversed(network.order):
        if network.continued[index] >= 0:
            held_s[index] += held_s[network.continued[index]]
    held = [_held(network, index) for index in range(len(network.activities))]
    return np.where(np.array(held)[:, None], held_s, own_s)


@dataclass(frozen=True, slots=True, eq=False)
class Busy:
    """How much of one resource was used: amount times seconds, per replication."""

    queue: str
    resource: str
    capacity: int
    amount_s: Floats


def busy(network: Network, trace: Trace) -> tuple[Busy, ...]:
    """The use per resource of every queue: each place from the start that took it until it was given back."""
    result = []
    ended_s = _ended(network, trace)
    for number, queue in enumerate(network.queues):
        members = [index for index, each in enumerate(network.activities) if each.queue == number]
        held_s = (ended_s if queue.held else trace.finish_s)[members] - trace.start_s[members]
        held_s[np.isnan(held_s)] = 0.0
        for position, resource in enumerate(queue.resources):
            demand = np.array([network.activities[index].demand[position] for index in members], dtype=float)
            result.append(Busy(queue.name, resource, queue.capacity[position], demand @ held_s))
    return tuple(result)


def _ended(network: Network, trace: Trace) -> Floats:
    """When the task of each activity ended, as far as it came: NaN where the activity never started."""
    if max(network.continued, default=-1) < 0:
        return trace.finish_s
    ended_s = trace.finish_s.copy()
    for index in reversed(network.order):
        if network.continued[index] >= 0:
            # Not a number only where both are: what never started never was continued.
            np.fmax(ended_s[index], ended_s[network.continued[index]], out=ended_s[index])
    return ended_s
