from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.plan.model import Plan, Resources, Strategy, Task, TaskKind
from sim_networks import matrix, networks, oracle, plans
from sim_plans import GB, Service, database, make_plan, slots_network
from simulator.critical import arrivals
from simulator.engines.reference import simulate
from simulator.network import Activity, Network, Queue, from_plan

POOL = ("slots", "cpu", "memory")


def times(plan: Plan, seconds: Mapping[str, float]) -> dict[str, tuple[float, ...]]:
    """Start and finish per task id; gates take no time."""
    durations = np.array([[seconds.get(task.id, 0.0)] for task in plan.tasks])
    trace = simulate(from_plan(plan), durations)
    return {
        task.id: (trace.start_s[index, 0], trace.finish_s[index, 0]) for index, task in enumerate(plan.tasks)
    }


SECONDS = {
    "check:pre": 1,
    "mirror:db": 2,
    "deploy:db": 5,
    "build:a": 10,
    "deploy:a": 4,
    "build:b": 6,
    "deploy:b": 3,
}
# Two build slots, one deployment slot; worked out on paper.
BY_HAND = {
    Strategy.BUILD_FIRST: {
        "build:a": (1, 11),
        "build:b": (1, 7),
        "mirror:db": (11, 13),
        "deploy:db": (13, 18),
        "deploy:a": (18, 22),
        "deploy:b": (22, 25),
    },
    Strategy.STAGED: {
        "mirror:db": (1, 3),
        "deploy:db": (3, 8),
        "build:a": (8, 18),
        "deploy:a": (18, 22),
        "build:b": (22, 28),
        "deploy:b": (28, 31),
    },
    Strategy.DAG: {
        "build:a": (1, 11),
        "build:b": (1, 7),
        "mirror:db": (1, 3),
        "deploy:db": (3, 8),
        "deploy:b": (8, 11),
        "deploy:a": (11, 15),
    },
}


@pytest.mark.parametrize("strategy", list(Strategy))
def test_strategies_by_hand(strategy: Strategy) -> None:
    plan = make_plan(
        [database("db"), Service("a", "first"), Service("b", "second")],
        strategy=strategy,
        builds=2,
        deploys=1,
    )
    found = times(plan, SECONDS)
    assert {task: found[task] for task in BY_HAND[strategy]} == BY_HAND[strategy]


def test_dependencies_order_deployments_within_a_stage() -> None:
    plan = make_plan([Service("a", after=("b",)), Service("b")])
    found = times(plan, {"deploy:a": 3, "deploy:b": 5})
    assert found == found | {"deploy:b": (0, 5), "deploy:a": (5, 8)}


def test_mirrors_and_deployments_share_slots_and_builds_do_not() -> None:
    plan = make_plan(
        [database("db"), Service("a", "database")], strategy=Strategy.DAG, deploys=1, check=False
    )
    found = times(plan, {"mirror:db": 10, "build:a": 4, "deploy:a": 1, "deploy:db": 1})
    # a could be deployed at 4, but the copy has the only slot; a then came before db.
    assert found == found | {"build:a": (0, 4), "deploy:a": (10, 11), "deploy:db": (11, 12)}


@pytest.mark.parametrize(
    ("pool", "at_once"),
    [
        (Resources(28_000, 28 * GB), 7),
        (Resources(28_000, 28 * GB - 1), 6),
        (Resources(27_999, 28 * GB), 6),
        (Resources(280_000, 280 * GB), 7),
    ],
)
def test_the_pool_limits_builds_to_the_byte(pool: Resources, at_once: int) -> None:
    plan = make_plan([Service(f"s{number}") for number in range(10)], pool=pool, check=False)
    found = times(plan, {f"build:s{number}": 5 for number in range(10)})
    assert sum(start == 0 for task, (start, _) in found.items() if task.startswith("build")) == at_once


def one_queue(capacity: tuple[int, ...], *demands: tuple[int, ...]) -> Network:
    queue = Queue("pool", POOL[: len(capacity)], capacity)
    return Network(tuple(Activity(str(n), (), 0, demand) for n, demand in enumerate(demands)), (queue,))


def test_the_head_of_the_line_blocks_what_would_fit() -> None:
    network = one_queue((3, 8, 8), (1, 6, 1), (1, 4, 1), (1, 1, 1))
    trace = simulate(network, np.array([[10.0], [1.0], [1.0]]))
    assert trace.start_s[:, 0].tolist() == [0, 10, 10]


def test_a_tie_goes_to_the_lower_index_whoever_made_it_ready() -> None:
    # 0 and 1 finish together; 1 readies 2, 0 readies 3; one slot.
    activities = (
        Activity("0"),
        Activity("1"),
        Activity("2", (1,), 0, (1,)),
        Activity("3", (0,), 0, (1,)),
    )
    trace = simulate(
        Network(activities, (Queue("q", ("slots",), (1,)),)), np.array([[5.0], [5.0], [1.0], [1.0]])
    )
    assert trace.start_s[:, 0].tolist() == [0, 0, 5, 6]


def test_one_absolute_clock() -> None:
    # Stage lengths added up would give 0.1 + (0.2 + 0.3); the clock gives (0.1 + 0.2) + 0.3.
    network = slots_network([1, 1, 1], 1)
    trace = simulate(network, np.array([[0.1], [0.0], [0.2], [0.0], [0.3], [0.0]]))
    assert trace.makespan_s[0] == (0.1 + 0.2) + 0.3 != 0.1 + (0.2 + 0.3)


@settings(max_examples=150)
@given(networks(), st.data())
def test_bit_for_bit_on_random_networks(network: Network, data: st.DataObject) -> None:
    check_against_oracle(network, data)


@settings(max_examples=100)
@given(plans(), st.data())
def test_bit_for_bit_on_random_plans(plan: Plan, data: st.DataObject) -> None:
    check_against_oracle(from_plan(plan), data)


def check_against_oracle(network: Network, data: st.DataObject) -> None:
    durations = matrix(data, len(network.activities))
    trace = simulate(network, durations)
    for replication in range(durations.shape[1]):
        start, finish = oracle(network, durations[:, replication].tolist())
        assert trace.start_s[:, replication].tolist() == start
        assert trace.finish_s[:, replication].tolist() == finish


@settings(max_examples=100)
@given(networks(), st.data())
def test_rules_hold_on_random_networks(network: Network, data: st.DataObject) -> None:
    """Capacity is kept, who waits holds nothing, a free head starts, and nobody overtakes."""
    durations = matrix(data, len(network.activities), 1)
    trace = simulate(network, durations)
    assert (trace.finish_s == trace.start_s + durations).all()
    start, finish = trace.start_s[:, 0], trace.finish_s[:, 0]
    arrival = arrivals(network, trace).arrival_s[:, 0]
    assert (start >= arrival).all()
    for number, queue in enumerate(network.queues):
        members = [index for index, each in enumerate(network.activities) if each.queue == number]
        in_line = sorted(members, key=lambda index: (arrival[index], index))
        assert [start[index] for index in in_line] == sorted(start[index] for index in in_line)
        for now in {*start[members].tolist(), *arrival[members].tolist()}:
            running = [index for index in members if start[index] <= now < finish[index]]
            used = np.zeros(len(queue.capacity))
            for index in running:
                used += network.activities[index].demand
            assert (used <= queue.capacity).all()
            head = next((index for index in in_line if arrival[index] <= now < start[index]), None)
            if head is not None:
                assert (used + network.activities[head].demand > queue.capacity).any()


def test_busy_time_is_the_sum_of_the_durations() -> None:
    network = slots_network([20, 30], 7)
    durations = np.random.default_rng(1).random((52, 3))
    trace = simulate(network, durations)
    assert (trace.finish_s - trace.start_s).sum(axis=0) == pytest.approx(durations.sum(axis=0), rel=1e-12)


@pytest.mark.parametrize(
    "durations",
    [
        np.array([[1.0]]),
        np.array([1.0, 2.0]),
        np.array([[1.0], [-1.0]]),
        np.array([[1.0], [np.nan]]),
        np.array([[1.0], [np.inf]]),
    ],
)
def test_durations_that_make_no_sense_are_refused(durations: np.ndarray) -> None:
    with pytest.raises(ValueError, match="durations"):
        simulate(one_queue((1,), (1,), (1,)), durations)


def test_no_activity_at_all() -> None:
    trace = simulate(Network((), ()), np.zeros((0, 4)))
    assert trace.makespan_s.tolist() == [0.0] * 4


@pytest.mark.parametrize(
    ("activities", "says"),
    [
        ((Activity("a", (1,)), Activity("b", (0,))), "a can never start"),
        ((Activity("a", (0,)),), "a can never start"),
        ((Activity("a", (3,)),), "a needs activity 3"),
        ((Activity("a", (), 0, (2,)),), "a asks for 2 slots of 1: it can never start"),
        ((Activity("a", (), 0, (1, 1)),), "a asks for 2 resources"),
    ],
)
def test_networks_that_cannot_run_are_refused(activities: tuple[Activity, ...], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Network(activities, (Queue("q", ("slots",), (1,)),))


def test_a_plan_with_an_unknown_need_is_refused() -> None:
    plan = make_plan([])
    broken = Task("deploy:a", TaskKind.DEPLOY, (), None, ("build:a",))
    with pytest.raises(ValueError, match="deploy:a needs build:a, which is no task"):
        from_plan(type(plan)(**{name: getattr(plan, name) for name in plan.__slots__} | {"tasks": (broken,)}))
