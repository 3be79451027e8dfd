"""What the event-driven engine reads off a network once, for all replications, and its waiting lines.

Takes a network, gives lists by index. A request for several resources is one
integer, so that a start is one comparison and one subtraction whatever it asks
for: every resource has a field of bits with a guard bit above it, set while
the amount is not negative. Field widths come from the capacities, which no demand exceeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from simulator.network import Network, Policy, Queue

# (arrival or minus priority, index): the order in which a queue serves.
Key = tuple[float, int]
# Who waits: a heap of all for first in, first out; else a heap per packed demand, none of them empty.
Heap = list[Key]
Classes = dict[int, Heap]
# (queue, activity that took it)
Places = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A queue: its packed capacity with all guard bits set, the guard bits alone, and its rules."""

    capacity: int
    guards: int
    policy: Policy
    ready: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A network as lists by activity; nothing here is changed by a run.

    `queues` and `links` hold -1 for none. `demands` are packed. `keys` are those of
    longest-first. `missing` counts needs, `first` are the activities without any.
    `heads` are per activity the first one of its task. `held` are per activity the (queue,
    activity that took it) of all places that its task has while it runs, `given_back` those of them that
    its finish gives back when it succeeds. `killing` says whether a place of `held` is in a
    queue that kills, `killing_before` the same while it waits, having none of its own yet.
    `plain` says that there are no links, chains or ready places.
    """

    network: Network
    lines: tuple[Line, ...]
    queues: list[int]
    demands: list[int]
    keys: list[Key]
    links: list[int]
    missing: list[int]
    first: list[int]
    successors: tuple[tuple[int, ...], ...]
    heads: list[int]
    held: list[Places]
    given_back: list[Places]
    killing: list[bool]
    killing_before: list[bool]
    plain: bool


def prepare(network: Network) -> Prepared:
    """Read everything off a network that no replication changes."""
    activities = network.activities
    queues = [-1 if each.queue is None else each.queue for each in activities]
    held = [tuple(_held(network, index)) for index in range(len(activities))]
    widths = [[most.bit_length() + 1 for most in queue.capacity] for queue in network.queues]
    return Prepared(
        network=network,
        lines=tuple(map(_line, network.queues, widths)),
        queues=queues,
        demands=[
            0 if queue < 0 else _packed(each.demand, widths[queue])
            for each, queue in zip(activities, queues, strict=True)
        ],
        keys=keys([each.priority for each in activities]),
        links=[-1 if each.link is None else each.link for each in activities],
        missing=[len(each.needs) for each in activities],
        first=[index for index, each in enumerate(activities) if not each.needs],
        successors=network.successors,
        heads=heads(network),
        held=held,
        given_back=[_given_back(network, index, places) for index, places in enumerate(held)],
        killing=[_kills(network, places) for places in held],
        killing_before=[_kills(network, before(places, index)) for index, places in enumerate(held)],
        plain=all(each.link is None and each.continues is None for each in activities)
        and all(queue.ready is None for queue in network.queues),
    )


def keys(priorities: Sequence[float]) -> list[Key]:
    """The order of longest-first: by falling priority, then by index."""
    return [(-priority, index) for index, priority in enumerate(priorities)]


def admit_in_order(heap: Heap, free: int, guards: int, demands: list[int], started: list[int]) -> int:
    """Start whom first in, first out starts now; gives what is free afterwards."""
    while heap:
        index = heap[0][1]
        rest = free - demands[index]
        if rest & guards != guards:
            break
        heappop(heap)
        free = rest
        started.append(index)
    return free


def admit_what_fits(classes: Classes, free: int, guards: int, started: list[int]) -> int:
    """Start all that fits, in the order of the keys; gives what is free afterwards.

    What is free only falls here, so a demand that does not fit is out until the
    next time, with all that ask for as much. That makes it a merge of the few classes that fit.
    """
    heads = [(heap[0], demand) for demand, heap in classes.items() if (free - demand) & guards == guards]
    if len(heads) > 1:
        heapify(heads)
    while heads:
        key, demand = heappop(heads)
        rest = free - demand
        if rest & guards == guards:
            free = rest
            started.append(key[1])
            heap = classes[demand]
            heappop(heap)
            if heap:
                heappush(heads, (heap[0], demand))
            else:
                del classes[demand]
    return free


def only(waiting: Heap | Classes, stays: Callable[[int], bool]) -> Heap | Classes:
    """Who still waits when the others have left."""
    if isinstance(waiting, list):
        return _only(waiting, stays)
    kept = {demand: _only(heap, stays) for demand, heap in waiting.items()}
    return {demand: heap for demand, heap in kept.items() if heap}


def _only(heap: Heap, stays: Callable[[int], bool]) -> Heap:
    kept = [key for key in heap if stays(key[1])]
    heapify(kept)
    return kept


def _held(network: Network, index: int) -> Iterator[tuple[int, int]]:
    """(queue, activity that took it) of all places that a task has while an activity of it runs."""
    queue = network.activities[index].queue
    if queue is not None:
        yield queue, index
    each = network.activities[index].continues
    while each is not None:
        queue = network.activities[each].queue
        if queue is not None and network.queues[queue].held:
            yield queue, each
        each = network.activities[each].continues


def before(places: Places, index: int) -> Places:
    """What a task has while an activity waits, of what it has while that runs."""
    return tuple(place for place in places if place[1] != index)


def _given_back(network: Network, index: int, places: Places) -> Places:
    last = network.continued[index] < 0
    return tuple(place for place in places if last or not network.queues[place[0]].held)


def _kills(network: Network, places: Places) -> bool:
    return any(network.queues[queue].kills for queue, _ in places)


def heads(network: Network) -> list[int]:
    """Per activity the first one of its task."""
    first = list(range(len(network.activities)))
    for index in network.order:
        previous = network.activities[index].continues
        if previous is not None:
            first[index] = first[previous]
    return first


def _line(queue: Queue, widths: list[int]) -> Line:
    guards = _packed([1 << (width - 1) for width in widths], widths)
    capacity = guards | _packed(queue.capacity, widths)
    return Line(capacity, guards, queue.policy, queue.ready)


def _packed(amounts: tuple[int, ...] | list[int], widths: list[int]) -> int:
    packed = 0
    for amount, width in zip(amounts, widths, strict=True):
        packed = packed << width | amount
    return packed
