"""A second scheduler with the rules of the engines, written another way."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from simulator.engines.trace import Outcome
from simulator.network import Network, Policy


def oracle(
    network: Network, durations_s: list[float], fails: list[bool] | None = None
) -> tuple[list[float], list[float], list[Outcome]]:
    """The engines' rules by looking at everything again at every instant; shares no code with them.

    It knows policies, ready places, tasks of several activities and failures, not links.
    """
    count = len(network.activities)
    failing = [index for index, each in enumerate(fails or ()) if each]
    state = _State(network, durations_s, set(failing))
    if failing:
        start, finish, _ = oracle(network, durations_s)
        state.first_s = min(finish[index] for index in failing)
        state.at_once = {
            index
            for index in failing
            if start[head(network, index)] == finish[index] == state.first_s
            and not any(each in failing for each in chain(network, index)[:-1])
        }
    state.run()
    return (
        [state.start.get(index, math.nan) for index in range(count)],
        [state.finish.get(index, math.nan) for index in range(count)],
        [state.outcome.get(index, Outcome.NEVER) for index in range(count)],
    )


def chain(network: Network, index: int) -> list[int]:
    """The activities of a task up to this one."""
    before = network.activities[index].continues
    return [*([] if before is None else chain(network, before)), index]


def head(network: Network, index: int) -> int:
    """The first activity of its task."""
    return chain(network, index)[0]


def held(network: Network, index: int) -> int:
    """The activity until whose finish an activity holds what it took: mostly the last of its task."""
    queue = network.activities[index].queue
    if queue is not None and not network.queues[queue].held:
        return index
    while network.continued[index] != -1:
        index = network.continued[index]
    return index


@dataclass
class _State:
    """`over` are the tasks, by their heads, that a failure has ended."""

    network: Network
    durations_s: list[float]
    failing: set[int]
    first_s: float = math.inf
    at_once: set[int] = field(default_factory=set)
    now: float = 0.0
    arrival: dict[int, float] = field(default_factory=dict)
    start: dict[int, float] = field(default_factory=dict)
    taking: dict[int, float] = field(default_factory=dict)
    finish: dict[int, float] = field(default_factory=dict)
    outcome: dict[int, Outcome] = field(default_factory=dict)
    cold: set[int] = field(default_factory=set)
    over: set[int] = field(default_factory=set)

    def run(self) -> None:
        failed: set[int] = set()
        while True:
            while self.at_once and self.now == self.first_s:
                failed.add(index := self.at_once.pop())
                self.start[index] = self.now
                self._end(index, Outcome.FAILED)
            failed |= self._finish_and_arrive()
            for number in range(len(self.network.queues)):
                self._serve(number)
            ends = [self.start[index] + self.taking[index] for index in self._running()]
            if min(ends, default=math.inf) == self.now:
                continue
            if failed:
                self._kill(failed)
                failed = set()
            elif ends:
                self.now = min(ends)
            else:
                return

    def _running(self) -> list[int]:
        return [index for index in self.start if index not in self.finish]

    def _may_start(self, index: int) -> bool:
        """Its task has begun before the first failure, or begins before it, and is not over."""
        first = head(self.network, index)
        return first not in self.over and (index != first or self.now < self.first_s)

    def _end(self, index: int, outcome: Outcome) -> None:
        self.finish[index], self.outcome[index] = self.now, outcome

    def _finish_and_arrive(self) -> set[int]:
        failed: set[int] = set()
        changed = True
        while changed:
            changed = False
            for index in self._running():
                if self.start[index] + self.taking[index] == self.now:
                    self._end(index, Outcome.FAILED if index in self.failing else Outcome.DONE)
                    failed |= {index} & self.failing
                    changed = True
            for index, activity in enumerate(self.network.activities):
                needed = all(self.outcome.get(need) is Outcome.DONE for need in activity.needs)
                if index not in self.arrival and needed and self._may_start(index):
                    self.arrival[index] = self.now
                    changed = True
                    if activity.queue is None:
                        self.start[index], self.taking[index] = self.now, self.durations_s[index]
        return failed

    def _serve(self, number: int) -> None:
        queue = self.network.queues[number]
        for index in self._line(number):
            wanted = self.network.activities[index].demand
            used = self._used(number)
            if any(u + w > c for u, w, c in zip(used, wanted, queue.capacity, strict=True)):
                if queue.policy is Policy.FIFO:
                    break
                continue
            # The ready places are those of the beginning and all that were ever made ready.
            made = sum(self.network.activities[each].queue == number for each in self.cold)
            self.start[index], self.taking[index] = self.now, self.durations_s[index]
            if queue.ready is not None and queue.ready + made > used[0]:
                self.taking[index] = 0.0
            else:
                self.cold.add(index)

    def _line(self, queue: int) -> list[int]:
        waiting = [index for index in self._waiting() if self.network.activities[index].queue == queue]
        if self.network.queues[queue].policy is Policy.LONGEST_FIRST:
            return sorted(waiting, key=lambda each: (-self.network.activities[each].priority, each))
        return sorted(waiting, key=lambda each: (self.arrival[each], each))

    def _waiting(self) -> list[int]:
        return [index for index in self.arrival if index not in self.start and self._may_start(index)]

    def _used(self, queue: int) -> list[int]:
        holding = [
            each.demand
            for index, each in enumerate(self.network.activities)
            if each.queue == queue and self._holds(index)
        ]
        return [sum(each[k] for each in holding) for k in range(len(self.network.queues[queue].capacity))]

    def _holds(self, index: int) -> bool:
        """Whether an activity's place is taken now."""
        return (
            index in self.taking
            and self.outcome.get(held(self.network, index)) is not Outcome.DONE
            and head(self.network, index) not in self.over
        )

    def _kill(self, failed: set[int]) -> None:
        """What the failures of this instant, which is over, end with them."""
        self.over |= {head(self.network, index) for index in failed}
        if not any(self._places_kill(index, before=False) for index in failed):
            return
        running = [index for index in self._running() if self._places_kill(index, before=False)]
        waiting = [index for index in self._waiting() if self._places_kill(index, before=True)]
        for index in running:
            self._end(index, Outcome.CANCELLED)
        self.over |= {head(self.network, index) for index in (*running, *waiting)}

    def _places_kill(self, index: int, *, before: bool) -> bool:
        """Whether what a task has while an activity runs, or what it has before that, is to be killed."""
        *earlier, own = (self.network.activities[each].queue for each in chain(self.network, index))
        queues = self.network.queues
        kept = any(each is not None and queues[each].kills and queues[each].held for each in earlier)
        return kept or (not before and own is not None and queues[own].kills)
