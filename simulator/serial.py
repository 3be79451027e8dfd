"""Serial schedule generation: activities one after another, each at the earliest time that has room for it.

Takes a network, durations and lists of activities, gives starts. It looks into the
future where the engines do not: an activity may begin in a gap before one that was placed earlier. So
fed with the right list it finds an optimal schedule (for makespan some list always leads to
one: Kolisch, European Journal of Operational Research 90 (1996) 320-333), and the
engines' schedules can be held against it. Knows no laws and no seeds.

`schedule` places one list on any clock. `schedules` places many at once on a
clock of whole numbers, which is what sampling needs.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from operator import add

import numpy as np
from numpy.typing import NDArray

from simulator.network import Activity, Network

Whole = NDArray[np.int32]
_KIND = np.int32


def schedule(network: Network, durations_s: Sequence[float], order: Sequence[int]) -> list[float]:
    """The start of every activity in seconds, placed in the order of a list.

    Raises:
        ValueError: the network has links, chains or builders on demand; the list does not name every
            activity once, or one before what it needs; a duration is negative or not finite.
    """
    check_order(network, order)
    if len(durations_s) != len(network.activities) or not all(0 <= each < np.inf for each in durations_s):
        raise ValueError("every activity has a duration that is finite and not negative")
    profiles = [_Profile(queue.capacity) for queue in network.queues]
    start_s = [0.0] * len(order)
    for index in order:
        activity = network.activities[index]
        earliest = max((start_s[need] + durations_s[need] for need in activity.needs), default=0.0)
        if activity.queue is not None:
            earliest = profiles[activity.queue].place(earliest, durations_s[index], activity.demand)
        start_s[index] = earliest
    return start_s


def schedules(network: Network, durations: Sequence[int], orders: NDArray[np.intp]) -> Whole:
    """The starts of many lists at once: orders (lists, activities) give starts (activities, lists).

    Durations are whole numbers of some unit, and so are the starts. The lists are trusted: `check_order`
    says what is asked of one.

    Raises:
        ValueError: the network has links, chains or builders on demand.
    """
    _check_covered(network)
    lists, count = orders.shape
    taken = np.asarray(durations, dtype=_KIND)
    # One more column of needs than any has, filled with an activity that is done at 0.
    most = max((len(activity.needs) for activity in network.activities), default=0)
    needs = np.full((count + 1, most + 1), count)
    for index, activity in enumerate(network.activities):
        needs[index, : len(activity.needs)] = activity.needs
    finish = np.zeros((count + 1, lists), dtype=_KIND)
    profiles = [
        _Profiles(network, number, int(taken.sum()) + 1, lists) for number in range(len(network.queues))
    ]
    column = np.arange(lists)
    for index in orders.T:
        start = finish[needs[index], column[:, None]].max(axis=1, initial=0)
        for profile in profiles:
            start = profile.place(index, start, taken[index])
        finish[index, column] = start + taken[index]
    return np.asarray(finish[:-1] - taken[:, None])


def check_order(network: Network, order: Sequence[int]) -> None:
    """Refuse what is no list of all activities after their needs.

    Raises:
        ValueError: as `schedule` says.
    """
    _check_covered(network)
    if sorted(order) != list(range(len(network.activities))):
        raise ValueError("the list does not name every activity once")
    seen: set[int] = set()
    for index in order:
        if not seen.issuperset(network.activities[index].needs):
            raise ValueError(f"{network.activities[index].id} stands in the list before what it needs")
        seen.add(index)


def _check_covered(network: Network) -> None:
    def plain(activity: Activity) -> bool:
        return activity.link is None and activity.continues is None

    if not all(plain(each) for each in network.activities) or any(
        q.ready is not None for q in network.queues
    ):
        raise ValueError("links, chains and builders on demand have no serial schedule")


class _Profile:
    """What is taken of one queue's resources over time.

    `_taken[i]` holds from `_times[i]` until the next time. Times rise strictly and begin at 0; the last
    entry is all zeros.
    """

    __slots__ = ("_capacity", "_taken", "_times")

    def __init__(self, capacity: tuple[int, ...]) -> None:
        self._capacity = capacity
        self._times = [0.0]
        self._taken: list[tuple[int, ...]] = [(0,) * len(capacity)]

    def place(self, earliest: float, duration: float, demand: tuple[int, ...]) -> float:
        """Take the demand for a duration at the first time from `earliest` on that has room; gives it."""
        start, at = earliest, bisect_right(self._times, earliest) - 1
        while (blocked := self._blocked(at, start + duration, demand)) is not None:
            at = blocked + 1
            start = self._times[at]
        if duration > 0:
            begin, end = self._cut(start), self._cut(start + duration)
            for each in range(begin, end):
                self._taken[each] = tuple(map(add, self._taken[each], demand))
        return start

    def _blocked(self, first: int, end: float, demand: tuple[int, ...]) -> int | None:
        """The first entry without room from `first` on that begins before `end`."""
        for at in range(first, len(self._times)):
            if at > first and self._times[at] >= end:
                break
            used = map(add, self._taken[at], demand)
            if any(amount > most for amount, most in zip(used, self._capacity, strict=True)):
                return at
        return None

    def _cut(self, time: float) -> int:
        """The entry that begins at a time, made where there is none."""
        at = bisect_right(self._times, time) - 1
        if self._times[at] < time:
            at += 1
            self._times.insert(at, time)
            self._taken.insert(at, self._taken[at - 1])
        return at


class _Profiles:
    """What is free of one queue's resources per unit of time and list: (resources, units, lists)."""

    __slots__ = ("_demand", "_end", "_free", "_units")

    def __init__(self, network: Network, number: int, horizon: int, lists: int) -> None:
        queue = network.queues[number]
        nothing = (0,) * len(queue.capacity)
        rows = [each.demand if each.queue == number else nothing for each in network.activities]
        self._demand = np.array(rows, dtype=_KIND).T
        self._free = np.empty((len(queue.capacity), horizon, lists), dtype=_KIND)
        self._free[:] = np.array(queue.capacity, dtype=_KIND)[:, None, None]
        self._units = np.arange(horizon, dtype=_KIND)[:, None]
        # From this unit on all is free in every list.
        self._end = 0

    def place(self, index: NDArray[np.intp], start: Whole, taken: Whole) -> Whole:
        """Take room for one activity per list, from `start` at the earliest; gives where there is room."""
        demand = self._demand[:, index]
        low, end = min(int(start.min()), self._end), self._end
        units = self._units[low:end]
        blocked = np.zeros((end - low, len(index)), dtype=np.bool_)
        for free, asked in zip(self._free[:, low:end], demand, strict=True):
            blocked |= free < asked
        until = np.where(blocked, units, np.iinfo(_KIND).max)
        until = np.minimum.accumulate(until[::-1], axis=0)[::-1]
        # What takes no time needs room at its instant all the same, as in the engines.
        fits = (until - units >= np.maximum(taken, 1)) & (units >= start)
        found = np.where(fits, units, end).min(axis=0, initial=end)
        begin: Whole = np.maximum(found, start).astype(_KIND)
        self._take(demand, begin, begin + taken)
        return begin

    def _take(self, demand: Whole, begin: Whole, end: Whole) -> None:
        low, high = int(begin.min()), int(end.max())
        units = self._units[low:high]
        during = (units >= begin) & (units < end)
        for free, asked in zip(self._free[:, low:high], demand, strict=True):
            free -= during * asked
        self._end = max(self._end, high)
