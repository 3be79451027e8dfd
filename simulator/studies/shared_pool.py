"""Many pipelines on one pool of builders: when they come, and how long their builds wait.

Takes the network of one pipeline, gives the network of all pipelines of some
days: copies of it side by side, each behind an activity without a queue whose
duration is the time at which the pipeline starts. What builds stand in is one
queue for all, the rest is each pipeline's own. It runs on the engines that
run a single pipeline. Knows no plan; `simulator.studies.pool_search` asks it about pools.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simulator import engines
from simulator.drawing.streams import uniforms
from simulator.engines.trace import Floats, Trace
from simulator.network import Activity, Network, Queue

HOUR_S, DAY_S = 3600.0, 86_400.0
BUILD_QUEUE = "build"
# Judgement: when a team in one time zone pushes and merges.
OFFICE = (0.1,) * 7 + (
    1.0,
    4.0,
    8.0,
    10.0,
    10.0,
    6.0,
    7.0,
    10.0,
    10.0,
    9.0,
    6.0,
    3.0,
    1.5,
    1.0,
    0.6,
    0.3,
    0.1,
)
FLAT = (1.0,) * 24


@dataclass(frozen=True, slots=True)
class Traffic:
    """How many pipelines start a day on average, and how they spread over its 24 hours.

    Starts are a Poisson process whose rate is constant within each hour and the
    same every day. `weights` are the hours' shares, of any sum.

    Raises:
        ValueError: not a positive number a day, or no 24 weights that are not negative and not all 0.
    """

    per_day: float
    weights: tuple[float, ...] = FLAT

    def __post_init__(self) -> None:
        if not 0 < self.per_day < np.inf:
            raise ValueError(f"a positive number of pipelines a day is needed, not {self.per_day:g}")
        sound = len(self.weights) == 24 and all(0 <= weight < np.inf for weight in self.weights)
        if not sound or not 0 < sum(self.weights) < np.inf:
            raise ValueError("a profile has 24 weights that are not negative, and not all of them 0")

    @property
    def busiest_per_hour(self) -> float:
        """Pipelines in the hour with the most."""
        return self.per_day * max(self.weights) / sum(self.weights)


def starts(traffic: Traffic, days: int, seed: int, run: int) -> Floats:
    """When the pipelines of one run start, in seconds, rising.

    A Poisson process of rate 1 on the clock of the expected number of starts
    (Cinlar, Introduction to Stochastic Processes, 1975, section 4.7), keyed by seed and run
    alone: another rate or profile stretches the same draws.
    """
    expected = traffic.per_day * days
    count = int(expected + 8 * np.sqrt(expected) + 16)
    clock = np.cumsum(-np.log(uniforms(seed, ("pool", "starts", str(run)), count)))
    while clock[-1] < expected:
        count *= 2
        clock = np.cumsum(-np.log(uniforms(seed, ("pool", "starts", str(run)), count)))
    hours = np.cumsum((0.0, *traffic.weights * days)) * (traffic.per_day / sum(traffic.weights))
    found = np.interp(clock[clock < expected], hours, np.arange(len(hours)) * HOUR_S)
    return np.asarray(found, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Crowd:
    """The network of many copies of a pipeline. `starts` and durations make a column of an engine's matrix.

    Every copy has as many activities, `stride`: first its start, then (where a cap holds it back) the
    slots of its own, then those activities of the pipeline that matter to builds. `columns` are the
    latter's places in a copy, `kept` their indices in the pipeline's network.

    `members` are the builds' indices in the pipeline's network, `builds` the places in a copy of the
    first and the last activity of each, `needs` of what the first one waits for, and `demands` what
    they ask for.
    """

    network: Network
    pipelines: int
    stride: int
    columns: NDArray[np.intp]
    kept: NDArray[np.intp]
    members: tuple[int, ...]
    builds: tuple[tuple[int, int], ...]
    needs: tuple[tuple[int, ...], ...]
    demands: tuple[tuple[int, ...], ...]
    shared: int

    def durations_s(self, start_s: Floats, durations_s: Floats) -> Floats:
        """The column of an engine's matrix: starts (pipelines,), durations (activities, pipelines)."""
        column = np.zeros((self.pipelines, self.stride))
        column[:, 0] = start_s
        column[:, self.columns] = durations_s[self.kept].T
        return column.reshape(-1, 1)

    def with_pool(self, capacity: tuple[int, ...]) -> Crowd:
        """The same on a pool of another size.

        The network's invariants but one do not depend on capacities, so they are not looked at again.

        Raises:
            ValueError: a build asks for more than there is.
        """
        queues = list(self.network.queues)
        queues[self.shared] = replace(queues[self.shared], capacity=capacity)
        for demand in self.demands:
            if any(asked > there for asked, there in zip(demand, capacity, strict=True)):
                raise ValueError("a build asks for more than the pool has")
        network = copy.copy(self.network)
        object.__setattr__(network, "queues", tuple(queues))
        return replace(self, network=network)


@dataclass(frozen=True, slots=True, eq=False)
class Waits:
    """Of one run, per build (builds, pipelines): how long it waited for the pool and how long it had it."""

    wait_s: Floats
    held_s: Floats


def simulate(crowd: Crowd, start_s: Floats, durations_s: Floats, *, engine: str = engines.AUTO) -> Waits:
    """Run all pipelines of a crowd once.

    Raises:
        ValueError: see `engines.simulate`.
    """
    trace = engines.simulate(crowd.network, crowd.durations_s(start_s, durations_s), engine=engine)
    return waits(crowd, trace)


def waits(crowd: Crowd, trace: Trace) -> Waits:
    """The waits of one replication's trace."""
    start_s = trace.start_s[:, 0].reshape(crowd.pipelines, crowd.stride)
    finish_s = trace.finish_s[:, 0].reshape(crowd.pipelines, crowd.stride)
    ready = [finish_s[:, list(needs)].max(axis=1) for needs in crowd.needs]
    wait = [start_s[:, first] - since for (first, _), since in zip(crowd.builds, ready, strict=True)]
    held = [finish_s[:, last] - start_s[:, first] for first, last in crowd.builds]
    shape = (len(crowd.builds), crowd.pipelines)
    return Waits(np.array(wait).reshape(shape), np.array(held).reshape(shape))


def crowd(
    one: Network, pipelines: int, *, cap: int | None = None, absent: NDArray[np.bool_] | None = None
) -> Crowd:
    """Copies of a pipeline's network on one queue "build".

    `cap` is how many builds one pipeline may have in the shared queue's places and line at once (None:
    any number); `absent` (activities, pipelines) says which builds a pipeline need not make.

    Raises:
        ValueError: the network has no queue "build" or no build in it.
    """
    shared = next((number for number, queue in enumerate(one.queues) if queue.name == BUILD_QUEUE), None)
    if shared is None or not any(each.queue == shared for each in one.activities):
        raise ValueError("nothing is built, so that nothing waits for a pool")
    pattern = _pattern(one, shared, cap)
    activities: list[Activity] = []
    for pipeline in range(pipelines):
        idle = None if absent is None else absent[:, pipeline]
        activities += _copy(pattern, pipeline, pipelines, idle)
    queues = tuple(queue for _ in range(pipelines) for queue in pattern.own) + pattern.shared
    return Crowd(
        Network(tuple(activities), queues, one.links),
        pipelines,
        len(pattern.activities),
        np.array(pattern.columns, dtype=np.intp),
        np.array(pattern.kept, dtype=np.intp),
        pattern.members,
        pattern.builds,
        tuple(pattern.activities[first].needs for first, _ in pattern.builds),
        tuple(pattern.activities[first].demand for first, _ in pattern.builds),
        pipelines * len(pattern.own) + pattern.build,
    )


@dataclass(frozen=True, slots=True)
class _Pattern:
    """One copy: needs are places within it, queues below `len(own)` are its own, those above everybody's.

    `of` has per activity the pipeline's activity that it is or holds back, -1 for the start.
    """

    activities: tuple[Activity, ...]
    own: tuple[Queue, ...]
    shared: tuple[Queue, ...]
    build: int
    of: tuple[int, ...]
    columns: tuple[int, ...]
    kept: tuple[int, ...]
    members: tuple[int, ...]
    builds: tuple[tuple[int, int], ...]


def _pattern(one: Network, build: int, cap: int | None) -> _Pattern:
    kept = _matters(one, build)
    members = [index for index in kept if one.activities[index].queue == build]
    held_back = set(members) if cap is not None and len(members) > cap else set()
    own, shared = _lines(one, kept, members)
    queues = [one.queues[number] for number in own]
    if held_back and cap is not None:
        queues.append(Queue("own builds", ("slots",), (cap,)))
    renumbered = {number: place for place, number in enumerate(own)}
    renumbered |= {number: place for place, number in enumerate(shared, start=len(queues))}
    places = np.cumsum([1 + (index in held_back) for index in kept])
    place = dict(zip(kept, map(int, places), strict=True))
    activities, of = [Activity("start")], [-1]
    for index in kept:
        each = one.activities[index]
        needs = tuple(place[need] for need in each.needs) or (0,)
        before = None if each.continues is None else place[each.continues]
        if index in held_back:
            if before is not None:
                raise ValueError(f"{each.id} holds something before it stands in line for the pool")
            activities.append(Activity(each.id, needs, len(queues) - 1, (1,)))
            of.append(index)
            before = place[index] - 1
            needs = (before,)
        queue = None if each.queue is None else renumbered[each.queue]
        activities.append(replace(each, needs=needs, continues=before, queue=queue))
        of.append(index)
    return _Pattern(
        activities=tuple(activities),
        own=tuple(queues),
        shared=tuple(one.queues[number] for number in shared),
        build=renumbered[build] - len(queues),
        of=tuple(of),
        columns=tuple(place.values()),
        kept=kept,
        members=tuple(members),
        builds=tuple((place[index], place[chain(one, index)[-1]]) for index in members),
    )


def _lines(one: Network, kept: tuple[int, ...], members: list[int]) -> tuple[list[int], list[int]]:
    """The queues that every pipeline has for itself, and those of all, by their numbers.

    What a build takes besides its place, such as a builder node, is the pool's as well.
    """
    numbers = {queue for index in kept if (queue := one.activities[index].queue) is not None}
    taken = {one.activities[index].queue for each in members for index in chain(one, each)}
    return sorted(numbers - taken), sorted(numbers & taken)


def _matters(one: Network, build: int) -> tuple[int, ...]:
    """The activities that can delay a build: what it needs, and all that stands in a line with such."""
    kept: set[int] = set()
    new = {index for index, each in enumerate(one.activities) if each.queue == build}
    while new:
        kept |= new
        lines = {one.activities[index].queue for index in new} - {None}
        found = {need for index in new for need in one.activities[index].needs}
        found |= {after for index in new if (after := one.continued[index]) >= 0}
        found |= {index for index, each in enumerate(one.activities) if each.queue in lines}
        new = found - kept
    return tuple(sorted(kept))


def chain(one: Network, index: int) -> list[int]:
    """An activity and those that continue it."""
    chain = [index]
    while (after := one.continued[chain[-1]]) >= 0:
        chain.append(after)
    return chain


def _copy(
    pattern: _Pattern, pipeline: int, pipelines: int, absent: NDArray[np.bool_] | None
) -> Iterator[Activity]:
    base = pipeline * len(pattern.activities)
    own = len(pattern.own)
    for each, of in zip(pattern.activities, pattern.of, strict=True):
        queue, demand, link = each.queue, each.demand, each.link
        if absent is not None and of >= 0 and absent[of]:
            queue, demand, link = None, (), None
        elif queue is not None:
            queue += pipeline * own if queue < own else (pipelines - 1) * own
        needs = tuple([need + base for need in each.needs])
        before = None if each.continues is None else each.continues + base
        yield Activity(each.id, needs, queue, demand, before, link, each.priority)
