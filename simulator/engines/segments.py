"""What can be known of the order of service before any duration is.

Takes a network of homogeneous slots, gives a program for the numpy engine. Knows no durations.

A barrier is an activity that all before it lead to and all after it come from. Everything between
two barriers is a segment: it arrives after the first, when every slot is free, and is done before
the second. Inside a segment the members of a queue are served in waves:

- those that need nothing of the segment arrive together, in an order that is known;
- the rest are served by (arrival, index), once all their arrivals are known;
- where an arrival depends on the order itself, one is picked after another (`Feedback`).

This is exact as long as nothing that was admitted to a queue takes no time at all and readies others of
its segment: they would arrive at the same instant, but a round later. These are the segment's `risky`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from simulator.network import Network, Policy


@dataclass(frozen=True, slots=True)
class Free:
    """An activity that waits for no slot: it starts when `needs`, of its own segment, are done."""

    index: int
    needs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Together:
    """Members of a queue that arrive with the segment, in the order in which they are served."""

    queue: int
    slots: int
    members: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class InTurn:
    """Members of a queue, by index, that are served by (arrival, index); `needs` as in `Free`."""

    queue: int
    slots: int
    members: tuple[int, ...]
    needs: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Feedback:
    """The rest of a segment: `members` by queue (-1 for those without), then by index.

    `needs` are as in `Free`, those that are done before the first of these can start; `inner`
    has per member the positions in `members` of what else it needs.
    `parts` has per queue its number, its slots and where its members begin and end in `members`.
    `ranks` are the places of members of longest-first queues in their order, else -1.
    """

    members: tuple[int, ...]
    needs: tuple[tuple[int, ...], ...]
    inner: tuple[tuple[int, ...], ...]
    parts: tuple[tuple[int, int, int, int], ...]
    ranks: tuple[int, ...]


Wave = Free | Together | InTurn | Feedback


@dataclass(frozen=True, slots=True)
class Segment:
    """`barrier` is the activity at its beginning, None at time 0; `members` are the others.

    `apart` says that no wave asks for the finish of another: starts and finishes need not be kept.
    """

    barrier: int | None
    members: tuple[int, ...]
    waves: tuple[Wave, ...]
    risky: tuple[int, ...]

    @property
    def apart(self) -> bool:
        """Whether no activity of the segment needs another of it."""
        return all(
            isinstance(wave, Together) or (isinstance(wave, Free) and not wave.needs) for wave in self.waves
        )


def segments(network: Network, slots: tuple[int | None, ...]) -> tuple[Segment, ...]:
    """The whole network in segments; `slots` is how many of each queue run at once, None for all."""
    found = []
    barrier: int | None = None
    members: list[int] = []
    for index, is_barrier in zip(network.order, _barriers(network), strict=True):
        if is_barrier:
            if members or barrier is not None:
                found.append(_Builder(network, slots, barrier, members).segment())
            barrier, members = index, []
        else:
            members.append(index)
    if members or barrier is not None:
        found.append(_Builder(network, slots, barrier, members).segment())
    return tuple(found)


def _barriers(network: Network) -> list[bool]:
    """By position in the network's order: no need reaches past it, nothing begins later or ends earlier."""
    order, activities = network.order, network.activities
    position = {index: number for number, index in enumerate(order)}
    beginnings = [number for number, index in enumerate(order) if not activities[index].needs]
    endings = [number for number, index in enumerate(order) if not network.successors[index]]
    first, last = max(beginnings, default=0), min(endings, default=0)
    result = []
    reached = 0
    for number, index in enumerate(order):
        result.append(first <= number <= last and reached <= number)
        reached = max([reached, *(position[each] for each in network.successors[index])])
    return result


class _Builder:
    """The waves of one segment, found by looking again and again at what is known by then."""

    def __init__(
        self, network: Network, slots: tuple[int | None, ...], barrier: int | None, members: list[int]
    ) -> None:
        self.network = network
        self.barrier, self.members = barrier, members
        inside = set(members)
        self.needs = {
            index: tuple(sorted(inside.intersection(network.activities[index].needs))) for index in members
        }
        self.lines: dict[int, list[int]] = {}
        for index in members:
            queue = network.activities[index].queue
            if queue is not None:
                self.lines.setdefault(queue, []).append(index)
        # A queue with slots for all its members lets nobody wait.
        self.slots = {
            queue: most
            for queue, line in self.lines.items()
            if (most := slots[queue]) is not None and most < len(line)
        }
        self.left = dict.fromkeys(members)
        self.waves: list[Wave] = []

    def segment(self) -> Segment:
        """The segment with its waves."""
        before = -1
        while self.left and len(self.left) != before:
            before = len(self.left)
            self._free()
            for queue in sorted(self.slots):
                self._wave(queue)
        if self.left:
            self.waves.append(self._feedback())
        return Segment(self.barrier, tuple(self.members), tuple(self.waves), self._risky())

    def _free(self) -> None:
        for index in list(self.left):
            if self._queue(index) < 0 and self._known(index):
                self._emit(Free(index, self.needs[index]), (index,))

    def _wave(self, queue: int) -> None:
        rest = [index for index in self.lines[queue] if index in self.left]
        first = [index for index in rest if not self.needs[index]]
        longest_first = self.network.queues[queue].policy is Policy.LONGEST_FIRST
        if not rest:
            return
        if first and (len(first) == len(rest) or not (longest_first or self._may_arrive_at_once(rest))):
            members = tuple(sorted(first, key=lambda index: (self._rank(index), index)))
            self._emit(Together(queue, self.slots[queue], members), first)
        elif all(self._known(index) for index in rest) and not longest_first:
            members = tuple(sorted(rest))
            needs = tuple(self.needs[index] for index in members)
            self._emit(InTurn(queue, self.slots[queue], members, needs), members)

    def _may_arrive_at_once(self, rest: list[int]) -> bool:
        """Whether one that needs others of the segment may arrive with it, as those take no time."""
        waited = self._behind_queues()
        return any(self.needs[index] and index not in waited for index in rest)

    def _behind_queues(self) -> set[int]:
        """Those that need, near or far, an activity of the segment that was admitted to a queue."""
        found: set[int] = set()
        for index in self.members:
            if any(need in found or self._stands(need) for need in self.needs[index]):
                found.add(index)
        return found

    def _risky(self) -> tuple[int, ...]:
        """Those admitted to a queue that others of the segment come after."""
        return tuple(
            dict.fromkeys(need for index in self.members for need in self.needs[index] if self._stands(need))
        )

    def _feedback(self) -> Feedback:
        rest = sorted(self.left, key=lambda index: (self._queue(index), index))
        parts = []
        for queue in sorted({self._queue(index) for index in rest}):
            inside = [number for number, index in enumerate(rest) if self._queue(index) == queue]
            parts.append((queue, self.slots.get(queue, 0), inside[0], inside[-1] + 1))
        place = {index: number for number, index in enumerate(rest)}
        return Feedback(
            members=tuple(rest),
            needs=tuple(tuple(need for need in self.needs[index] if need not in place) for index in rest),
            inner=tuple(tuple(place[need] for need in self.needs[index] if need in place) for index in rest),
            parts=tuple(parts),
            ranks=tuple(self._ranks(rest)),
        )

    def _ranks(self, rest: list[int]) -> Iterable[int]:
        ordered = sorted(rest, key=lambda index: (self._rank(index), index))
        rank = {index: number for number, index in enumerate(ordered)}
        for index in rest:
            queue = self._queue(index)
            longest = queue >= 0 and self.network.queues[queue].policy is Policy.LONGEST_FIRST
            yield rank[index] if longest else -1

    def _rank(self, index: int) -> float:
        queue = self.network.activities[index].queue
        longest = queue is not None and self.network.queues[queue].policy is Policy.LONGEST_FIRST
        return -self.network.activities[index].priority if longest else 0.0

    def _queue(self, index: int) -> int:
        """The queue whose slots it waits for, -1 for none."""
        queue = self.network.activities[index].queue
        return queue if queue is not None and queue in self.slots else -1

    def _stands(self, index: int) -> bool:
        return self.network.activities[index].queue is not None

    def _known(self, index: int) -> bool:
        return not any(need in self.left for need in self.needs[index])

    def _emit(self, wave: Wave, members: Iterable[int]) -> None:
        self.waves.append(wave)
        for index in members:
            del self.left[index]
