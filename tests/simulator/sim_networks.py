"""Random networks and plans, and a second scheduler written another way."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from compiler.plan.model import Plan, Resources, Strategy
from sim_plans import GB, Service, make_plan
from simulator.network import Activity, Network, Queue
from simulator.streams import Floats

# Few values, so that ties are common; 0.1 + 0.2 is there for its last bit.
durations = st.one_of(
    st.sampled_from([0.0, 0.1, 0.2, 0.3, 1.0, 2.0]), st.floats(0.0, 100.0, allow_nan=False, width=32)
)


@st.composite
def networks(draw: st.DrawFn) -> Network:
    queues = tuple(
        Queue(f"q{number}", tuple(f"r{each}" for each in range(len(capacity))), tuple(capacity))
        for number, capacity in enumerate(
            draw(st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=3), max_size=2))
        )
    )
    count = draw(st.integers(1, 12))
    # Needs point to what comes earlier in some other order than that of the indices.
    order = draw(st.permutations(range(count)))
    activities = []
    for index in range(count):
        before = order[: order.index(index)]
        needs = draw(st.lists(st.sampled_from(before), max_size=3)) if before else []
        queue = draw(st.one_of(st.none(), st.integers(0, len(queues) - 1))) if queues else None
        demand = () if queue is None else tuple(draw(st.integers(0, most)) for most in queues[queue].capacity)
        activities.append(Activity(f"a{index}", tuple(needs), queue, demand))
    return Network(tuple(activities), queues)


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


def oracle(network: Network, durations_s: list[float]) -> tuple[list[float], list[float]]:
    """The engine's rules by looking at everything again at every instant; shares no code with it."""
    count = len(network.activities)
    arrival: dict[int, float] = {}
    start: dict[int, float] = {}
    finish: dict[int, float] = {}
    now = 0.0
    while len(finish) < count:
        changed = True
        while changed:
            changed = False
            for index in start:
                if index not in finish and start[index] + durations_s[index] == now:
                    finish[index] = now
                    changed = True
            for index, activity in enumerate(network.activities):
                if index not in arrival and all(need in finish for need in activity.needs):
                    arrival[index] = now
                    changed = True
                    if activity.queue is None:
                        start[index] = now
        for number, queue in enumerate(network.queues):
            members = [index for index, each in enumerate(network.activities) if each.queue == number]
            for index in sorted(
                arrival.keys() & members - start.keys(), key=lambda each: (arrival[each], each)
            ):
                running = [each for each in members if each in start and each not in finish]
                used = [
                    sum(network.activities[each].demand[k] for each in running)
                    for k in range(len(queue.capacity))
                ]
                wanted = network.activities[index].demand
                if any(u + w > c for u, w, c in zip(used, wanted, queue.capacity, strict=True)):
                    break
                start[index] = now
        ends = [start[index] + durations_s[index] for index in start if index not in finish]
        if ends:
            now = min(ends)
    return [start[index] for index in range(count)], [finish[index] for index in range(count)]
