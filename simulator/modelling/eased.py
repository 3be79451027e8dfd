"""Whether a model only makes things easier than another.

Takes two models. List schedules can take longer with less work, more capacity
or fewer constraints (Graham, "Bounds on multiprocessing timing anomalies", SIAM
Journal on Applied Mathematics 17, 1969): whoever says that something is slower asks
here whether that is such an anomaly, or what was to be expected.
"""

from __future__ import annotations

from dataclasses import replace

from simulator.modelling.durations import TaskDuration
from simulator.modelling.model import Model
from simulator.network import Activity, Network


def eased(base: Model, other: Model) -> bool:
    """Whether nothing takes longer, asks or waits for more, and no capacity is smaller.

    Barriers are no work: what counts is what a task waits for, through however many of them.
    False where the two have other tasks or queues: then nothing can be said.
    """
    ours, theirs = _work(base), _work(other)
    return (
        ours.keys() == theirs.keys()
        and _same_queues(base.network, other.network)
        and _no_smaller(base.network, other.network)
        and all(_no_more(ours[name][0], theirs[name][0]) for name in ours)
        and all(_no_longer(ours[name][1], theirs[name][1]) for name in ours)
        and _waits_for_no_more(base, other, list(ours))
    )


def _work(model: Model) -> dict[str, tuple[Activity, TaskDuration]]:
    """What takes time or capacity, by its id."""
    pairs = zip(model.network.activities, model.laws, strict=True)
    return {each.id: (each, law) for each, law in pairs if law.terms or each.queue is not None}


def _same_queues(base: Network, other: Network) -> bool:
    return [(each.name, each.resources, each.policy) for each in base.queues] == [
        (each.name, each.resources, each.policy) for each in other.queues
    ] and len(base.links) == len(other.links)


def _no_more(base: Activity, other: Activity) -> bool:
    return (
        (other.queue, other.link) == (base.queue, base.link)
        and (other.continues is None) == (base.continues is None)
        and all(after <= before for before, after in zip(base.demand, other.demand, strict=True))
    )


def _waits_for_no_more(base: Model, other: Model, work: list[str]) -> bool:
    bits = {name: 1 << number for number, name in enumerate(work)}
    before, after = (_waited_for(each.network, bits) for each in (base, other))
    return all(after[name] | before[name] == before[name] for name in work)


def _waited_for(network: Network, bits: dict[str, int]) -> dict[str, int]:
    """Per activity all work that must be done before it, as a set of bits."""
    found = [0] * len(network.activities)
    for index in network.order:
        for need in network.activities[index].needs:
            found[index] |= found[need] | bits.get(network.activities[need].id, 0)
    return {each.id: waited for each, waited in zip(network.activities, found, strict=True)}


def _no_longer(base: TaskDuration, other: TaskDuration) -> bool:
    """On common draws: no larger median, and the rest as it is."""
    if base == other:
        return True
    return (
        [(term.name, term.chance, term.law.sigma) for term in base.terms]
        == [(term.name, term.chance, term.law.sigma) for term in other.terms]
        and replace(base, terms=other.terms) == other
        and all(
            after.law.median_s <= before.law.median_s
            for before, after in zip(base.terms, other.terms, strict=True)
        )
    )


def _no_smaller(base: Network, other: Network) -> bool:
    capacities = all(
        after >= before
        for ours, theirs in zip(base.queues, other.queues, strict=True)
        for before, after in zip(ours.capacity, theirs.capacity, strict=True)
    )
    return capacities and all(
        after.width >= before.width for before, after in zip(base.links, other.links, strict=True)
    )
