"""Why a replication took as long as it did: arrivals, critical paths, lower bounds, use of capacity.

Takes a network and a trace of any engine (starts and finishes are enough).
Knows no laws and no seeds.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.engines.trace import Floats, Trace
from simulator.network import Network


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """When each activity could have started had there been room, shape (activities, replications).

    `last_need` is the index of the need that was done last (the first of
    several), -1 for an activity without needs.
    """

    arrival_s: Floats
    last_need: NDArray[np.int32]


def arrivals(network: Network, trace: Trace) -> Arrivals:
    """Arrival times from the finishes of what each activity needs."""
    arrival_s = np.zeros_like(trace.finish_s)
    last_need = np.full(trace.finish_s.shape, -1, dtype=np.int32)
    for index, activity in enumerate(network.activities):
        for need in sorted(activity.needs):
            finished = trace.finish_s[need]
            later = (finished > arrival_s[index]) | (last_need[index] < 0)
            last_need[index][later] = need
            np.maximum(arrival_s[index], finished, out=arrival_s[index])
    return Arrivals(arrival_s, last_need)


def critical_activities(network: Network, trace: Trace, arrived: Arrivals) -> NDArray[np.bool_]:
    """Which activities are on the critical path of each replication, shape (activities, replications).

    The path is followed back from the activity that finished last. One that
    started as it arrived was held up by the need that was done last. One that
    waited was let in by an activity of the same queue that finished at that
    instant. Either way the path covers the whole makespan without a hole. Of
    several candidates the one with the lowest index is taken.
    """
    members: list[list[int]] = [[] for _ in network.queues]
    for index, activity in enumerate(network.activities):
        if activity.queue is not None:
            members[activity.queue].append(index)
    on_path = np.zeros(trace.finish_s.shape, dtype=np.bool_)
    if not network.activities:
        return on_path
    for replication in range(trace.finish_s.shape[-1]):
        path = _path(
            network,
            members,
            trace.start_s[:, replication].tolist(),
            trace.finish_s[:, replication].tolist(),
            arrived.arrival_s[:, replication].tolist(),
            arrived.last_need[:, replication].tolist(),
        )
        on_path[path, replication] = True
    return on_path


def critical_path_bound(network: Network, durations_s: Floats) -> Floats:
    """The longest chain of needs per replication in seconds: the makespan with endless capacity."""
    earliest = np.zeros_like(durations_s)
    for index in network.order:
        needs = network.activities[index].needs
        if needs:
            earliest[index] = earliest[list(needs)].max(axis=0)
        earliest[index] += durations_s[index]
    return np.asarray(earliest.max(axis=0, initial=0.0), dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Busy:
    """How much of one resource was used: amount times seconds, per replication."""

    queue: str
    resource: str
    capacity: int
    amount_s: Floats


def busy(network: Network, durations_s: Floats) -> tuple[Busy, ...]:
    """The work per resource of every queue. `amount_s / capacity` is the area bound on the makespan."""
    result = []
    for number, queue in enumerate(network.queues):
        members = [index for index, each in enumerate(network.activities) if each.queue == number]
        for position, resource in enumerate(queue.resources):
            demand = np.array([network.activities[index].demand[position] for index in members], dtype=float)
            result.append(Busy(queue.name, resource, queue.capacity[position], demand @ durations_s[members]))
    return tuple(result)


def _path(
    network: Network,
    members: list[list[int]],
    start_s: list[float],
    finish_s: list[float],
    arrival_s: list[float],
    last_need: list[int],
) -> list[int]:
    """The critical path of one replication, last activity first.

    A wait ends when something of the same queue that took time finishes, so
    that activities of no duration need not be looked at and the walk always
    goes back in time or along needs.
    """
    finishes: dict[int, list[tuple[float, int]]] = {}
    current = finish_s.index(max(finish_s))
    path = [current]
    while True:
        queue = network.activities[current].queue
        if queue is not None and start_s[current] > arrival_s[current]:
            if queue not in finishes:
                took_time = (index for index in members[queue] if finish_s[index] > start_s[index])
                finishes[queue] = sorted((finish_s[index], index) for index in took_time)
            current = finishes[queue][bisect_left(finishes[queue], (start_s[current], -1))][1]
        else:
            current = last_need[current]
        if current < 0:
            return path
        path.append(current)
