"""The event-driven run of one replication with links, ready places, chains and failures.

Takes a prepared network, the durations and who fails; gives start, finish and
outcome by activity. The rules are those of `reference`, without its events:
time goes from one instant to the next at which something finishes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from simulator.engines.prepared import (
    Classes,
    Heap,
    Places,
    Prepared,
    admit_in_order,
    admit_what_fits,
    before,
    only,
)
from simulator.engines.sharing import SharedLink
from simulator.engines.trace import Outcome
from simulator.network import Policy

Result = tuple[list[float], list[float], list[int]]


def replicate(prepared: Prepared, durations_s: Sequence[float]) -> tuple[list[float], list[float]]:
    """One replication in which nothing fails: start and finish in seconds."""
    run = _Run(prepared, durations_s, _Failures([False] * len(durations_s)))
    run.go()
    return run.start_s, run.finish_s


def replicate_failing(
    prepared: Prepared,
    durations_s: Sequence[float],
    fails: list[bool],
    start_s: Sequence[float],
    finish_s: Sequence[float],
) -> Result:
    """The same with at least one failure: start and finish, NaN where it never started, and outcomes.

    `start_s` and `finish_s` are those of the replication in which nothing fails.
    """
    failing = [index for index, each in enumerate(fails) if each]
    first_s = min(finish_s[index] for index in failing)
    heads = prepared.heads
    at_once: dict[int, int] = {}
    for index in prepared.network.order:
        if fails[index] and finish_s[index] == first_s == start_s[heads[index]]:
            at_once.setdefault(heads[index], index)
    run = _Run(prepared, durations_s, _Failures(fails, first_s, tuple(at_once.values())))
    run.go()
    return run.start_s, run.finish_s, run.outcome


@dataclass(frozen=True, slots=True)
class _Failures:
    """Who fails, when the first does, and who fails then having started then: one per task at most."""

    fails: list[bool]
    first_s: float = math.inf
    at_once: tuple[int, ...] = ()


class _Run:
    """The state of a replication at the instant `_now`."""

    __slots__ = (
        "_alive",
        "_at_once",
        "_changed",
        "_due",
        "_durations_s",
        "_ended",
        "_fails",
        "_failures",
        "_finishes",
        "_first_s",
        "_free",
        "_links",
        "_missing",
        "_now",
        "_prepared",
        "_ready",
        "_stopped",
        "_waiting",
        "finish_s",
        "outcome",
        "start_s",
    )

    def __init__(self, prepared: Prepared, durations_s: Sequence[float], failures: _Failures) -> None:
        count = len(durations_s)
        self._prepared = prepared
        self._durations_s = durations_s
        self._fails = failures.fails
        self._first_s, self._at_once = failures.first_s, failures.at_once
        self._now = 0.0
        self._missing = prepared.missing.copy()
        self._free = [line.capacity for line in prepared.lines]
        self._ready = [line.ready or 0 for line in prepared.lines]
        self._waiting: list[Heap | Classes] = [
            [] if line.policy is Policy.FIFO else {} for line in prepared.lines
        ]
        self._links = [SharedLink(link.width) for link in prepared.network.links]
        self._due = [math.inf] * len(self._links)
        self._alive = [False] * count
        self._finishes: list[tuple[float, int]] = []
        self._ended: list[int] = []
        self._failures: list[int] = []
        self._stopped = False
        self._changed: set[int] = set()
        self.start_s = [math.nan] * count
        self.finish_s = [math.nan] * count
        self.outcome = [int(Outcome.NEVER)] * count

    def go(self) -> None:
        if self._first_s == 0.0:
            self._stop()
        for index in self._prepared.first:
            self._arrive(index)
        while True:
            self._round()
            next_s = self._next_s()
            if next_s > self._now and self._failures:
                # What ends with it gives back places, for others to start at the same instant.
                self._judge()
                continue
            if next_s == math.inf:
                return
            self._now = next_s
            if next_s == self._first_s and not self._stopped:
                self._stop()

    def _next_s(self) -> float:
        """When the next thing happens: now, if there is another round."""
        if self._ended:
            return self._now
        finish_s = self._finishes[0][0] if self._finishes else math.inf
        return min(finish_s, min(self._due, default=math.inf))

    def _round(self) -> None:
        """All that finishes now, all that arrives, then all that starts."""
        now, ended, finishes = self._now, self._ended, self._finishes
        for number, due_s in enumerate(self._due):
            if due_s == now:
                ended += self._links[number].finished(now)
        while finishes and finishes[0][0] == now:
            ended.append(heappop(finishes)[1])
        while ended:
            index = ended.pop()
            if self._alive[index]:
                self._finish(index)
        # Nothing can start where nothing arrived and nothing was given back: queues may be many.
        changed = sorted(self._changed)
        self._changed.clear()
        for queue in changed:
            if self._waiting[queue]:
                self._admit(queue, self._waiting[queue])
        self._look_at_links()

    def _look_at_links(self) -> None:
        for number, link in enumerate(self._links):
            if link.changed:
                wait_s = link.wait_s()
                self._due[number] = math.inf if wait_s is None else self._now + wait_s

    def _arrive(self, index: int) -> None:
        if self._stopped and self._prepared.heads[index] == index:
            return
        queue = self._prepared.queues[index]
        if queue < 0:
            self._start(index, self._durations_s[index])
            return
        self._changed.add(queue)
        longest_first = self._prepared.lines[queue].policy is Policy.LONGEST_FIRST
        key = self._prepared.keys[index] if longest_first else (self._now, index)
        waiting = self._waiting[queue]
        heappush(
            waiting if isinstance(waiting, list) else waiting.setdefault(self._prepared.demands[index], []),
            key,
        )

    def _admit(self, queue: int, waiting: Heap | Classes) -> None:
        started: list[int] = []
        free, guards = self._free[queue], self._prepared.lines[queue].guards
        if isinstance(waiting, list):
            free = admit_in_order(waiting, free, guards, self._prepared.demands, started)
        else:
            free = admit_what_fits(waiting, free, guards, started)
        self._free[queue] = free
        for index in started:
            if self._ready[queue]:
                self._ready[queue] -= 1
                self._start(index, None)
            else:
                self._start(index, self._durations_s[index])

    def _start(self, index: int, duration_s: float | None) -> None:
        """An activity starts; without a duration it is on a ready place."""
        self.start_s[index] = now = self._now
        self._alive[index] = True
        link = self._prepared.links[index]
        if duration_s is None:
            self._ended.append(index)
        elif link >= 0:
            self._links[link].join(index, duration_s, now)
        elif (finish_s := now + duration_s) == now:
            self._ended.append(index)
        else:
            heappush(self._finishes, (finish_s, index))

    def _finish(self, index: int) -> None:
        self._alive[index] = False
        self.finish_s[index] = self._now
        prepared = self._prepared
        if self._fails[index]:
            self.outcome[index] = Outcome.FAILED
            self._failures.append(index)
            return
        self.outcome[index] = Outcome.DONE
        self._give_back(prepared.given_back[index])
        for successor in prepared.successors[index]:
            self._missing[successor] -= 1
            if not self._missing[successor]:
                self._arrive(successor)

    def _give_back(self, places: Places) -> None:
        prepared = self._prepared
        for queue, each in places:
            self._changed.add(queue)
            self._free[queue] += prepared.demands[each]
            self._ready[queue] += prepared.lines[queue].ready is not None

    def _stop(self) -> None:
        """The first failure is at this instant, which begins: no task starts any more."""
        self._stopped = True
        heads = self._prepared.heads
        self._leave([head == index for index, head in enumerate(heads)])
        for index in self._at_once:
            self.start_s[index] = self.finish_s[index] = self._now
            self.outcome[index] = Outcome.FAILED
            self._failures.append(index)

    def _judge(self) -> None:
        """Something failed at this instant, which is over."""
        prepared = self._prepared
        if any(prepared.killing[index] for index in self._failures):
            for index, alive in enumerate(self._alive):
                if alive and prepared.killing[index]:
                    self._cancel(index)
            for index in self._leave(prepared.killing_before):
                self._give_back(before(prepared.held[index], index))
        for index in self._failures:
            if index not in self._at_once:
                self._give_back(prepared.held[index])
        self._failures.clear()

    def _leave(self, leaves: list[bool]) -> list[int]:
        """Take some out of all lines; gives those that waited."""
        left: list[int] = []
        for queue, waiting in enumerate(self._waiting):
            heaps = [waiting] if isinstance(waiting, list) else waiting.values()
            left += (index for heap in heaps for _, index in heap if leaves[index])
            self._waiting[queue] = only(waiting, lambda index: not leaves[index])
            # Whoever was behind them may fit.
            self._changed.add(queue)
        return left

    def _cancel(self, index: int) -> None:
        self._alive[index] = False
        self.finish_s[index], self.outcome[index] = self._now, Outcome.CANCELLED
        link = self._prepared.links[index]
        if link >= 0:
            self._links[link].leave(index, self._now)
        self._give_back(self._prepared.held[index])
