"""The reference engine: the plan's queueing model in SimPy, complete, one event per thing that happens.

Takes a network and explicit durations, gives a trace. Knows no laws, no seeds
and no plan. Its rules, which every other engine must reproduce bit for bit:

- An activity arrives when all that it needs is done (at 0 when it needs nothing).
  Without a queue it starts at once. A queue serves by its policy (`network.Policy`);
  a start takes all that the activity asks for at once.
- A task of several activities (`continues`) gives back what it took when its
  last one finishes, or, of a queue that is not `held`, when the one that took it does.
  The next one arrives at the very instant at which the one before finishes.
- Ready places (`Queue.ready`) are given out first, and an activity on one takes no
  time; every place that is given back is ready.
- Transfers share their link as `sharing` says.
- At one instant, all that finishes finishes and all that arrives arrives
  before any queue starts anything; then all queues, by index, start what they can, and
  links see who is on them. What then finishes at the same instant, having no
  duration, makes another round. Hence simultaneous events have no order of their
  own, only activities have: by (time, index).
- T is the earliest finish of an activity that fails, in the run in which nothing stops for it.
  No task starts at T or later, and who waits to start leaves the queue. But a task that started
  before T goes on: what continues it starts, and may wait for that in a queue, until the task is
  done, fails or is ended.
- Where the task of a failing activity holds a place in a queue that `kills`, all other tasks with
  such a place end with it, at the end of that instant: what runs is cancelled, unless it finishes
  by itself at that very instant; what waits never starts.
- The rest of a task that failed or was ended never starts. What it holds is given back at the end of
  the instant, and whoever goes on may have it at once.
- What starts at T and fails at T, taking no time, has failed then, though it started at T, and holds nothing.

The clock is absolute: a finish is a start plus a duration, never a sum of lengths.
An activity is a SimPy timeout with a callback instead of a process: half the
events, twice as fast, and the same model.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import simpy
from simpy.events import Event, EventPriority

from simulator.engines.inputs import checked
from simulator.engines.sharing import SharedLink
from simulator.engines.trace import Flags, Floats, Outcome, Trace
from simulator.network import Activity, Network, Policy, Queue

NAME = "simpy"

# What happens at one instant happens in this order. SimPy's own priorities are URGENT = 0 and NORMAL = 1.
_STOP = _LINKS = EventPriority(0)
_FINISH = EventPriority(1)
_SETTLE = EventPriority(2)
_JUDGE = EventPriority(3)


def covers(network: Network) -> str | None:  # noqa: ARG001
    """Everything: None."""
    return None


def simulate(network: Network, durations_s: Floats, fails: Flags | None = None) -> Trace:
    """Run every replication, as `simulator.engines.simulate` says.

    Raises:
        ValueError: see `inputs.checked`.
    """
    durations_s, fails = checked(network, durations_s, fails)
    start_s, finish_s = np.empty_like(durations_s), np.empty_like(durations_s)
    outcome = np.zeros(durations_s.shape, dtype=np.uint8)
    for number in range(durations_s.shape[1]):
        seconds = durations_s[:, number].tolist()
        one = _Replication(network, seconds, _Failures([False] * len(seconds)))
        one.run()
        if fails is not None and fails[:, number].any():
            one = _Replication(network, seconds, _failures(network, fails[:, number].tolist(), one))
            one.run()
        start_s[:, number], finish_s[:, number], outcome[:, number] = one.start_s, one.finish_s, one.outcome
    return Trace(start_s, finish_s, None if fails is None else outcome)


@dataclass(frozen=True, slots=True)
class _Failures:
    """Who fails, when the first does (T), and who fails at T having started then, taking no time."""

    fails: list[bool]
    first_s: float = math.inf
    at_once: tuple[int, ...] = ()


def _failures(network: Network, fails: list[bool], unfailed: _Replication) -> _Failures:
    """When the first failure is, by the run in which nothing stops for it."""
    failing = [index for index, each in enumerate(fails) if each]
    first_s = min(unfailed.finish_s[index] for index in failing)
    at_once = tuple(
        index
        for index in failing
        if unfailed.finish_s[index] == unfailed.start_s[_head(network, index)] == first_s
        and not any(fails[each] for each in _task(network, index) if each != index)
    )
    return _Failures(fails, first_s, at_once)


class _Line:
    """A queue at run time: who waits, by the order in which they are served, and what is free."""

    def __init__(self, queue: Queue, activities: tuple[Activity, ...]) -> None:
        self._activities = activities
        self._policy = queue.policy
        self._free = list(queue.capacity)
        self._makes_ready = queue.ready is not None
        self._ready = queue.ready or 0
        self._waiting: list[tuple[float, int]] = []

    def arrive(self, index: int, now_s: float) -> None:
        longest_first = self._policy is Policy.LONGEST_FIRST
        insort(self._waiting, (-self._activities[index].priority if longest_first else now_s, index))

    def waiting(self) -> tuple[int, ...]:
        return tuple(index for _, index in self._waiting)

    def leave(self, index: int) -> None:
        self._waiting = [each for each in self._waiting if each[1] != index]

    def admit(self) -> Iterator[tuple[int, bool]]:
        """Who starts now, all that they ask for taken, and whether on a ready place."""
        position = 0
        while position < len(self._waiting):
            index = self._waiting[position][1]
            demand = self._activities[index].demand
            if all(asked <= free for asked, free in zip(demand, self._free, strict=True)):
                del self._waiting[position]
                self._free = [free - asked for asked, free in zip(demand, self._free, strict=True)]
                ready = self._ready > 0
                self._ready -= ready
                yield index, ready
            elif self._policy is Policy.FIFO:
                return
            else:
                position += 1

    def release(self, index: int) -> None:
        demand = self._activities[index].demand
        self._free = [free + asked for asked, free in zip(demand, self._free, strict=True)]
        self._ready += self._makes_ready


class _Replication:
    """One replication; `start_s`, `finish_s` and `outcome` are its result, by activity."""

    def __init__(self, network: Network, durations_s: list[float], failures: _Failures) -> None:
        count = len(network.activities)
        self._network = network
        self._durations_s = durations_s
        self._fails = failures.fails
        self._first_s, self._at_once = failures.first_s, failures.at_once
        self._env = simpy.Environment()
        self._lines = [_Line(queue, network.activities) for queue in network.queues]
        self._links = [SharedLink(link.width) for link in network.links]
        self._alarms: list[Event | None] = [None] * len(network.links)
        self._missing = [len(activity.needs) for activity in network.activities]
        self._running: set[int] = set()
        self._failed_now: list[int] = []
        self._settling = False
        self.start_s = [math.nan] * count
        self.finish_s = [math.nan] * count
        self.outcome = [Outcome.NEVER] * count

    def run(self) -> None:
        if self._first_s < math.inf:
            self._happen(self._stop, _STOP, self._first_s)
        for index, activity in enumerate(self._network.activities):
            if not activity.needs:
                self._arrive(index)
        self._env.run()

    def _happen(
        self,
        callback: Callable[[Event], None],
        priority: EventPriority,
        after_s: float = 0.0,
        index: int = -1,
    ) -> Event:
        event = Event(self._env)
        event._ok, event._value = True, index
        event.callbacks.append(callback)
        self._env.schedule(event, priority, after_s)
        return event

    def _arrive(self, index: int) -> None:
        queue = self._network.activities[index].queue
        if self._env.now >= self._first_s and _head(self._network, index) == index:
            return
        if queue is None:
            self._start(index)
        else:
            self._lines[queue].arrive(index, self._env.now)
            self._settle_later()

    def _start(self, index: int, ready: bool = False) -> None:
        self.start_s[index] = self._env.now
        self._running.add(index)
        link = self._network.activities[index].link
        if ready:
            self._happen(self._finish, _FINISH, 0.0, index)
        elif link is None:
            self._happen(self._finish, _FINISH, self._durations_s[index], index)
        else:
            self._links[link].join(index, self._durations_s[index], self._env.now)
            self._settle_later()

    def _finish(self, event: Event) -> None:
        index = cast(int, event.value)
        if index not in self._running:
            return  # it was cancelled
        self._running.remove(index)
        self.finish_s[index] = self._env.now
        if self._fails[index]:
            self._fail(index)
            return
        self.outcome[index] = Outcome.DONE
        self._give_back(_given_back(self._network, index))
        for successor in self._network.successors[index]:
            self._missing[successor] -= 1
            if self._missing[successor] == 0:
                self._arrive(successor)

    def _fail(self, index: int) -> None:
        self.outcome[index] = Outcome.FAILED
        if not self._failed_now:
            self._happen(self._judge, _JUDGE)
        self._failed_now.append(index)

    def _give_back(self, places: Iterator[tuple[int, int]]) -> None:
        for queue, each in places:
            self._lines[queue].release(each)
            self._settle_later()

    def _settle_later(self) -> None:
        if not self._settling:
            self._settling = True
            self._happen(self._settle, _SETTLE)

    def _settle(self, _: Event) -> None:
        """Queues start what they can; links that changed say when their next transfer is done."""
        self._settling = False
        for line in self._lines:
            for index, ready in line.admit():
                self._start(index, ready)
        for number, link in enumerate(self._links):
            if link.changed:
                wait_s = link.wait_s()
                self._alarms[number] = (
                    None if wait_s is None else self._happen(self._transferred, _LINKS, wait_s, number)
                )

    def _transferred(self, event: Event) -> None:
        number = cast(int, event.value)
        if event is self._alarms[number]:  # else the link changed since, and there is a later one
            for index in self._links[number].finished(self._env.now):
                self._happen(self._finish, _FINISH, 0.0, index)
            self._settle_later()

    def _stop(self, _: Event) -> None:
        """The first failure is at this instant, which begins: no task starts any more."""
        for line in self._lines:
            for index in line.waiting():
                if _head(self._network, index) == index:
                    line.leave(index)
        for index in self._at_once:
            self.start_s[index] = self.finish_s[index] = self._env.now
            self._fail(index)
        self._settle_later()

    def _judge(self, _: Event) -> None:
        """Something failed at this instant, which is over."""
        if any(self._kills(_held(self._network, index)) for index in self._failed_now):
            for index in sorted(self._running):
                if self._kills(_held(self._network, index)):
                    self._cancel(index)
            for line in self._lines:
                for index in line.waiting():
                    if self._kills(_held_before(self._network, index)):
                        line.leave(index)
                        self._give_back(_held_before(self._network, index))
        for index in self._failed_now:
            if index not in self._at_once:
                self._give_back(_held(self._network, index))
        self._failed_now = []

    def _kills(self, places: Iterator[tuple[int, int]]) -> bool:
        return any(self._network.queues[queue].kills for queue, _ in places)

    def _cancel(self, index: int) -> None:
        self._running.remove(index)
        self.finish_s[index], self.outcome[index] = self._env.now, Outcome.CANCELLED
        link = self._network.activities[index].link
        if link is not None:
            self._links[link].leave(index, self._env.now)
            self._settle_later()
        self._give_back(_held(self._network, index))


def _task(network: Network, index: int) -> Iterator[int]:
    """An activity and those before it that it continues."""
    each: int | None = index
    while each is not None:
        yield each
        each = network.activities[each].continues


def _head(network: Network, index: int) -> int:
    """The first activity of the task of an activity."""
    *_, first = _task(network, index)
    return first


def _held(network: Network, index: int) -> Iterator[tuple[int, int]]:
    """What a task holds while an activity of it runs: (queue, activity that took it there)."""
    for each in _task(network, index):
        queue = network.activities[each].queue
        if queue is not None and (each == index or network.queues[queue].held):
            yield queue, each


def _held_before(network: Network, index: int) -> Iterator[tuple[int, int]]:
    """What its task holds while an activity waits."""
    return (place for place in _held(network, index) if place[1] != index)


def _given_back(network: Network, index: int) -> Iterator[tuple[int, int]]:
    """What an activity that is done gives back: all when it is the last of its task."""
    last = network.continued[index] == -1
    return (place for place in _held(network, index) if last or not network.queues[place[0]].held)
