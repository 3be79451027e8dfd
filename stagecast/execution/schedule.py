"""What may start: the plan's queueing model, advanced by what really happens.

Takes the simulator's network, and is told when something ended; gives what
starts. The rules are those of `simulator.engines.reference`: a queue serves first in,
first out by (arrival, index), its head blocks all behind it, a start takes all
that it asks for at once, and at one instant everything ends and arrives before
any queue starts anything. Knows no processes, no outcomes and no clock.
"""

from __future__ import annotations

from heapq import heappop, heappush

from simulator.network import Network


class Schedule:
    """The state of a network at run time; `arrival_s` is when an activity could have started, by index."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._missing = [len(activity.needs) for activity in network.activities]
        self._free = [list(queue.capacity) for queue in network.queues]
        self._waiting: list[list[tuple[float, int]]] = [[] for _ in network.queues]
        self._at_once: list[int] = []
        self.arrival_s: dict[int, float] = {}

    def begin(self, now_s: float) -> None:
        """What needs nothing arrives."""
        for index, missing in enumerate(self._missing):
            if not missing:
                self._arrive(index, now_s)

    def finish(self, index: int, now_s: float) -> None:
        """An activity that was started is done: it gives back what it had, and what waited for it arrives."""
        activity = self._network.activities[index]
        if activity.queue is not None:
            self._give(activity.queue, activity.demand, 1)
        for successor in self._network.successors[index]:
            self._missing[successor] -= 1
            if not self._missing[successor]:
                self._arrive(successor, now_s)

    def admit(self, *, queues: bool = True) -> list[int]:
        """What starts now. Call it until it gives nothing.

        Activities without a queue come alone: those that take no time are to be
        finished before any queue starts something at this instant. Without
        `queues` there is nothing but those.
        """
        if self._at_once:
            started, self._at_once = sorted(self._at_once), []
            return started
        started = []
        for queue, waiting in enumerate(self._waiting if queues else ()):
            while waiting and self._fits(queue, waiting[0][1]):
                index = heappop(waiting)[1]
                self._give(queue, self._network.activities[index].demand, -1)
                started.append(index)
        return started

    def _arrive(self, index: int, now_s: float) -> None:
        self.arrival_s[index] = now_s
        queue = self._network.activities[index].queue
        if queue is None:
            self._at_once.append(index)
        else:
            heappush(self._waiting[queue], (now_s, index))

    def _fits(self, queue: int, index: int) -> bool:
        demand = self._network.activities[index].demand
        return all(asked <= free for asked, free in zip(demand, self._free[queue], strict=True))

    def _give(self, queue: int, demand: tuple[int, ...], sign: int) -> None:
        for resource, amount in enumerate(demand):
            self._free[queue][resource] += sign * amount
