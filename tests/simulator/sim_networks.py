"""Random networks and plans, and what all engines make of them."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from compiler.plan.model import Plan, Resources, Strategy
from sim_plans import GB, Service, make_plan
from simulator import engines
from simulator.engines import reference
from simulator.engines.trace import Flags, Floats, Trace
from simulator.network import Activity, Link, Network, Policy, Queue

# Few values, so that ties are common; 0.1 + 0.2 is there for its last bit.
durations = st.one_of(
    st.sampled_from([0.0, 0.1, 0.2, 0.3, 1.0, 2.0]), st.floats(0.0, 100.0, allow_nan=False, width=32)
)


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Needs and queues that serve first in, first out: what every scheduler of the project knows."""
    queues = tuple(
        Queue(f"q{number}", tuple(f"r{each}" for each in range(len(capacity))), tuple(capacity))
        for number, capacity in enumerate(
            draw(st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=3), max_size=2))
        )
    )
    activities = []
    for index, before in _places(draw, 12):
        needs = draw(st.lists(st.sampled_from(before), max_size=3)) if before else []
        queue = draw(st.one_of(st.none(), st.integers(0, len(queues) - 1))) if queues else None
        demand = () if queue is None else tuple(draw(st.integers(0, most)) for most in queues[queue].capacity)
        activities.append(Activity(f"a{index}", tuple(needs), queue, demand))
    return Network(tuple(activities), queues)


@st.composite
def all_networks(draw: st.DrawFn, *, linked: bool = True, waiting: bool = True) -> Network:
    """Networks with everything that there is: policies, ready places, killing queues, chains, links.

    Not `waiting`: what continues another stands in no queue.
    """
    queues = tuple(draw(_queue(number)) for number in range(draw(st.integers(0, 3))))
    links = tuple(
        Link(f"l{number}", width)
        for number, width in enumerate(draw(st.lists(st.sampled_from([0.7, 1.0, 1.5, 3.0]), max_size=2)))
        if linked
    )
    places = _places(draw, 12)
    drawn: dict[int, Activity] = {}
    last_queue: dict[int, int] = {}
    open_ends: set[int] = set()
    for index in sorted(range(len(places)), key=lambda each: len(places[each][1])):
        before = places[index][1]
        continues = draw(st.sampled_from([None, *sorted(open_ends)]))
        open_ends -= {continues}
        if continues is None:
            needs = tuple(draw(st.lists(st.sampled_from(before), max_size=3))) if before else ()
        else:
            needs = (continues,)
        lowest = -1 if continues is None else last_queue[continues]
        inner = continues is not None and not waiting
        queue = None if inner else draw(st.sampled_from([None, *range(lowest + 1, len(queues))]))
        drawn[index] = Activity(
            f"a{index}",
            needs,
            queue,
            () if queue is None else draw(_demand(queues[queue])),
            continues,
            draw(st.sampled_from([None, *range(len(links))])),
            draw(st.sampled_from([0.0, 1.0, 2.5])),
        )
        last_queue[index] = lowest if queue is None else queue
        open_ends.add(index)
    return Network(tuple(drawn[index] for index in range(len(places))), queues, links)


@st.composite
def barrier_networks(draw: st.DrawFn) -> Network:
    """Stages one after another, each of which is two groups on queues of equal slots."""
    sizes = draw(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=3))
    amounts = draw(st.tuples(st.integers(0, 2), st.integers(1, 2)))
    queues = (
        Queue("builds", ("slots", "cpu"), (draw(st.integers(2, 5)), 5), draw(st.sampled_from(Policy))),
        Queue("deployments", ("slots",), (draw(st.integers(1, 3)),), draw(st.sampled_from(Policy))),
    )
    activities: list[Activity] = []
    barrier: tuple[int, ...] = ()
    for stage in sizes:
        for queue, count in enumerate(stage):
            first = len(activities)
            demand = amounts if queue == 0 else (1,)
            for number in range(first, first + count):
                priority = draw(st.sampled_from([0.0, 1.0, 2.0]))
                activities.append(Activity(f"a{number}", barrier, queue, demand, priority=priority))
            activities.append(Activity(f"gate{len(activities)}", (*barrier, *range(first, first + count))))
            barrier = (len(activities) - 1,)
    return Network(tuple(activities), queues)


def _places(draw: st.DrawFn, most: int) -> list[tuple[int, list[int]]]:
    """Per index what it may need: all that is earlier in some other order than that of the indices."""
    order = draw(st.permutations(range(draw(st.integers(1, most)))))
    return [(index, list(order[: order.index(index)])) for index in range(len(order))]


@st.composite
def _queue(draw: st.DrawFn, number: int) -> Queue:
    policy, kills, held = draw(st.sampled_from(Policy)), draw(st.booleans()), draw(st.booleans())
    if draw(st.booleans()):
        places = draw(st.integers(1, 4))
        return Queue(f"q{number}", ("nodes",), (places,), policy, draw(st.integers(0, places)), kills, held)
    capacity = tuple(draw(st.lists(st.integers(1, 5), min_size=1, max_size=3)))
    return Queue(f"q{number}", tuple(f"r{each}" for each in capacity), capacity, policy, None, kills, held)


@st.composite
def _demand(draw: st.DrawFn, queue: Queue) -> tuple[int, ...]:
    return (1,) if queue.ready is not None else tuple(draw(st.integers(0, most)) for most in queue.capacity)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    count = draw(st.integers(1, 8))
    services: list[Service] = []
    for number in range(count):
        stage = draw(st.sampled_from("abc"))
        builds = draw(st.booleans())
        size = Resources(1000 * draw(st.integers(1, 8)), draw(st.integers(1, 8)) * GB)
        earlier = [each.name for each in services if each.stage == stage]
        after = tuple(draw(st.lists(st.sampled_from(earlier), max_size=2, unique=True))) if earlier else ()
        services.append(Service(f"s{number}", stage, builds, draw(st.booleans()), after, size))
    return make_plan(
        services,
        strategy=draw(st.sampled_from(Strategy)),
        builds=draw(st.integers(1, 4)),
        deploys=draw(st.integers(1, 4)),
        pool=Resources(8000, 8 * GB),
        check=draw(st.booleans()),
    )


def matrix(draw_data: st.DataObject, rows: int, columns: int = 2) -> Floats:
    drawn = draw_data.draw(st.lists(durations, min_size=rows * columns, max_size=rows * columns))
    return np.array(drawn, dtype=float).reshape(rows, columns)


def failing(draw_data: st.DataObject, rows: int, columns: int = 2) -> Flags:
    """Few failures, so that many networks run on after some have ended."""
    drawn = draw_data.draw(st.lists(st.integers(0, 3), min_size=rows * columns, max_size=rows * columns))
    return np.array([each == 3 for each in drawn], dtype=bool).reshape(rows, columns)


def same(one: Trace, other: Trace) -> None:
    """Two traces have the same bits, NaN where nothing started included."""
    assert np.array_equal(one.start_s, other.start_s, equal_nan=True)
    assert np.array_equal(one.finish_s, other.finish_s, equal_nan=True)
    assert (one.outcome is None) == (other.outcome is None)
    if one.outcome is not None and other.outcome is not None:
        assert np.array_equal(one.outcome, other.outcome)


def simulate_on_all(network: Network, durations_s: Floats, fails: Flags | None = None) -> Trace:
    """SimPy's trace, which every engine that covers the network must have given."""
    trace = reference.simulate(network, durations_s, fails)
    for name in engines.ENGINES:
        if engines.load(name).covers(network) is None:
            same(engines.simulate(network, durations_s, fails, engine=name), trace)
    return trace
