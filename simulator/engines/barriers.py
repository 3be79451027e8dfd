"""The quick way through networks of barriers: groups of activities that arrive together.

Where every member of a queue asks for the same, and every group of activities
with the same needs arrives only after the group before it in its queue is
done, the order of service is known beforehand: no event has to be looked
for, and a start is the smallest of the times at which slots get free. Stages with
barriers (`build-first` and `staged` without dependencies inside a stage) are such networks.
Takes a network and the durations of one replication, gives starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from heapq import heapify, heapreplace
from itertools import pairwise

from simulator.network import Network, Policy, Queue

# The bits of all sets of ancestors together: 250 MB, some ten thousand services.
_MOST_BITS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Step:
    """A group that arrives together: the positions `first` to `end`, in the order in which they start.

    It arrives when the steps `after` are done, and the activities at the
    positions `and_after`. `slots` is how many run at once, None for all.
    """

    first: int
    end: int
    slots: int | None
    after: tuple[int, ...]
    and_after: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Steps:
    """All steps, in an order in which they can be worked through, and the activity at each position."""

    steps: tuple[Step, ...]
    order: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Group:
    needs: tuple[int, ...]
    queue: int | None
    members: list[int]
    ancestors: int


def steps(network: Network) -> Steps | None:
    """The steps of a network; None where the order of service depends on the durations."""
    if any(each.link is not None or each.continues is not None for each in network.activities):
        return None
    slots = []
    for number, queue in enumerate(network.queues):
        asked = {each.demand for each in network.activities if each.queue == number}
        if len(asked) > 1 or queue.ready is not None:
            return None
        slots.append(_slots(queue, asked.pop()) if asked else None)
    groups = _groups(network)
    if groups is None or not all(_one_after_another(groups, number) for number in range(len(slots))):
        return None
    return _steps(network, groups, slots)


def starts(steps: Steps, durations_s: list[float]) -> list[float]:
    """Start times by position, for durations by position."""
    started: list[float] = []
    ends: list[float] = []
    for step in steps.steps:
        at = max([ends[number] for number in step.after], default=0.0)
        for position in step.and_after:
            at = max(at, started[position] + durations_s[position])
        slots = step.slots
        if slots is None:
            started += [at] * (step.end - step.first)
            ends.append(at + max(durations_s[step.first : step.end]))
        else:
            middle = step.first + slots
            free = [at + duration for duration in durations_s[step.first : middle]]
            heapify(free)
            started += [at] * slots
            started += [heapreplace(free, free[0] + duration) for duration in durations_s[middle : step.end]]
            ends.append(max(free))
    return started


def _slots(queue: Queue, demand: Sequence[int]) -> int | None:
    """How many run at once when all ask for the same; None for any number."""
    most = [there // asked for there, asked in zip(queue.capacity, demand, strict=True) if asked]
    return min(most, default=None)


def _groups(network: Network) -> list[_Group] | None:
    """Activities with the same needs and queue, every group after those that it needs."""
    ancestors: dict[tuple[int, ...], int] = {}
    groups: dict[tuple[tuple[int, ...], int | None], _Group] = {}
    needs_of = [tuple(sorted(set(each.needs))) for each in network.activities]
    for index in network.order:
        needs, queue = needs_of[index], network.activities[index].queue
        if needs not in ancestors:
            if len(ancestors) * len(network.activities) > _MOST_BITS:
                return None
            mask = 0
            for need in needs:
                mask |= ancestors[needs_of[need]] | 1 << need
            ancestors[needs] = mask
        groups.setdefault((needs, queue), _Group(needs, queue, [], ancestors[needs])).members.append(index)
    return list(groups.values())


def _one_after_another(groups: list[_Group], queue: int) -> bool:
    """Whether each group of a queue arrives when the one before it is done."""
    inside = sorted(
        (each for each in groups if each.queue == queue), key=lambda each: each.ancestors.bit_count()
    )
    for before, after in pairwise(inside):
        members = 0
        for index in before.members:
            members |= 1 << index
        if after.ancestors & members != members:
            return False
    return True


def _steps(network: Network, groups: list[_Group], slots: list[int | None]) -> Steps:
    found: list[Step] = []
    order: list[int] = []
    position: dict[int, int] = {}
    step_of: dict[int, int] = {}
    for number, group in enumerate(groups):
        needed = set(group.needs)
        whole = {
            each for each in {step_of[need] for need in needed} if needed.issuperset(groups[each].members)
        }
        single = tuple(position[need] for need in group.needs if step_of[need] not in whole)
        most = None if group.queue is None else slots[group.queue]
        limit = most if most is not None and most < len(group.members) else None
        first = len(order)
        found.append(Step(first, first + len(group.members), limit, tuple(sorted(whole)), single))
        for index in sorted(group.members, key=partial(_key, network)):
            position[index] = len(order)
            step_of[index] = number
            order.append(index)
    return Steps(tuple(found), tuple(order))


def _key(network: Network, index: int) -> tuple[float, int]:
    """The order of service of activities that arrive together."""
    activity = network.activities[index]
    longest = activity.queue is not None and network.queues[activity.queue].policy is Policy.LONGEST_FIRST
    return (-activity.priority if longest else 0.0, index)
