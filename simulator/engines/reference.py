"""The reference engine: the plan's queueing model in SimPy.

Takes a network and explicit durations, gives a trace. Knows no laws, no seeds
and no plan. Its rules, which every other engine must reproduce bit for bit:

- An activity arrives when all that it needs is done (at 0 when it needs nothing).
  Without a queue it starts at once.
- A queue serves first in, first out by (arrival time, activity index), and its
  head blocks all behind it. A start takes all that the activity asks for at
  once; a finish gives it back.
- At one instant, all that finishes finishes and all that arrives arrives
  before any queue starts anything; then all queues start what they can. What
  then finishes at the same instant, having no duration, makes another round.
  Hence simultaneous events have no order of their own, only activities have:
  by (time, index).

Each activity is one SimPy timeout with a callback instead of a process: half
the events, twice as fast, and the same model.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import cast

import numpy as np
import simpy
from simpy.events import Event, EventPriority

from simulator.engines.trace import Floats, Trace
from simulator.network import Network

NAME = "simpy"

# After everything of the same instant: SimPy's own priorities are URGENT = 0 and NORMAL = 1.
_LAST = EventPriority(2)


def simulate(network: Network, durations_s: Floats) -> Trace:
    """Run every replication: `durations_s` has the shape (activities, replications), in seconds.

    Raises:
        ValueError: the shape does not fit, or a duration is negative, infinite or not a number.
    """
    durations_s = np.asarray(durations_s, dtype=np.float64)
    count = len(network.activities)
    if durations_s.ndim != 2 or durations_s.shape[0] != count:
        raise ValueError(f"durations have the shape {durations_s.shape}, not ({count}, replications)")
    if not (np.isfinite(durations_s) & (durations_s >= 0)).all():
        raise ValueError("durations must be finite and not negative")
    start_s, finish_s = np.empty_like(durations_s), np.empty_like(durations_s)
    for replication, column in enumerate(durations_s.T.tolist()):
        start_s[:, replication], finish_s[:, replication] = _replicate(network, column)
    return Trace(start_s, finish_s)


class _Settle(Event):
    """An event that happens now, but after everything else that happens now."""

    __slots__ = ()

    def __init__(self, env: simpy.Environment, callback: Callable[[Event], None]) -> None:
        self.env = env
        self.callbacks = [callback]
        self._ok = True
        self._value = None
        env.schedule(self, _LAST)


class _Line:
    """A queue at run time: who waits, and what is free."""

    __slots__ = ("_demands", "_free", "waiting")

    def __init__(self, capacity: tuple[int, ...], demands: list[tuple[int, ...]]) -> None:
        self._free = list(capacity)
        self._demands = demands
        self.waiting: list[tuple[float, int]] = []

    def release(self, index: int) -> None:
        """Give back all that an activity had."""
        for resource, amount in enumerate(self._demands[index]):
            self._free[resource] += amount

    def admit(self) -> int | None:
        """The head, with all that it asks for taken; None when it does not fit or nobody waits."""
        if not self.waiting:
            return None
        index = self.waiting[0][1]
        demand = self._demands[index]
        for amount, free in zip(demand, self._free, strict=True):
            if amount > free:
                return None
        heappop(self.waiting)
        for resource, amount in enumerate(demand):
            self._free[resource] -= amount
        return index


def _replicate(network: Network, durations_s: list[float]) -> tuple[list[float], list[float]]:
    """One replication: start and finish per activity."""
    env = simpy.Environment()
    activities = network.activities
    start_s, finish_s = [0.0] * len(activities), [0.0] * len(activities)
    missing = [len(activity.needs) for activity in activities]
    demands = [activity.demand for activity in activities]
    lines = [_Line(queue.capacity, demands) for queue in network.queues]
    due = False

    def arrive(index: int) -> None:
        queue = activities[index].queue
        if queue is None:
            start(index)
        else:
            heappush(lines[queue].waiting, (env.now, index))
            settle_later()

    def start(index: int) -> None:
        start_s[index] = env.now
        done = env.timeout(durations_s[index], index)
        done.callbacks.append(finish)

    def finish(event: Event) -> None:
        index = cast(int, event.value)
        finish_s[index] = env.now
        queue = activities[index].queue
        if queue is not None:
            lines[queue].release(index)
            settle_later()
        for successor in network.successors[index]:
            missing[successor] -= 1
            if missing[successor] == 0:
                arrive(successor)

    def settle_later() -> None:
        nonlocal due
        if not due:
            due = True
            _Settle(env, settle)

    def settle(_: Event) -> None:
        nonlocal due
        due = False
        for line in lines:
            while (index := line.admit()) is not None:
                start(index)

    for index, activity in enumerate(activities):
        if not activity.needs:
            arrive(index)
    env.run()
    return start_s, finish_s
