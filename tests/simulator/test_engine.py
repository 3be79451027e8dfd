from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.plan.model import Plan, Resources, Strategy, Task, TaskKind
from sim_networks import all_networks, durations, matrix, networks, plans, same, simulate_on_all
from sim_oracle import held, oracle
from sim_plans import GB, Service, database, make_plan, slots_network
from simulator.engines.reference import simulate
from simulator.engines.trace import Floats
from simulator.forecasting.critical import arrivals, critical_path_bound
from simulator.network import Activity, Link, Network, Policy, Queue, from_plan

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


def with_policy(network: Network, policy: Policy) -> Network:
    return replace(network, queues=tuple(replace(queue, policy=policy) for queue in network.queues))


def column(seconds: list[float]) -> Floats:
    return np.array(seconds, dtype=float)[:, None]


def starts(network: Network, seconds: list[float]) -> list[float]:
    return list(simulate_on_all(network, column(seconds)).start_s[:, 0].tolist())


def finishes(network: Network, seconds: list[float]) -> list[float]:
    return list(simulate_on_all(network, column(seconds)).finish_s[:, 0].tolist())


def test_the_head_of_the_line_blocks_what_would_fit() -> None:
    network = one_queue((3, 8, 8), (1, 6, 1), (1, 4, 1), (1, 1, 1))
    trace = simulate(network, np.array([[10.0], [1.0], [1.0]]))
    assert trace.start_s[:, 0].tolist() == [0, 10, 10]


def test_backfill_lets_pass_what_fits() -> None:
    network = with_policy(one_queue((3, 8, 8), (1, 6, 1), (1, 4, 1), (1, 1, 1)), Policy.BACKFILL)
    assert starts(network, [10, 1, 1]) == [0, 10, 0]


def test_backfill_keeps_the_order_among_those_that_fit() -> None:
    # 1 does not fit beside 0. Of those that do, 2 comes before 3, and then there is room for no other.
    network = with_policy(one_queue((2, 4), (1, 3), (1, 2), (1, 1), (1, 1)), Policy.BACKFILL)
    assert starts(network, [4, 1, 1, 1]) == [0, 4, 0, 1]


def test_longest_first_goes_by_what_is_expected_whoever_came_first() -> None:
    # A slot gets free at 1; 3 arrives just then and is expected to take longest, whatever it takes.
    activities = (
        Activity("0", (), 0, (1,), priority=9.0),
        Activity("1", (), 0, (1,), priority=2.0),
        Activity("2", (), 0, (1,), priority=3.0),
        Activity("3", (0,), 0, (1,), priority=4.0),
        Activity("4", (), 0, (1,), priority=2.0),
    )
    network = Network(activities, (Queue("q", ("slots",), (1,), Policy.LONGEST_FIRST),))
    assert starts(network, [1, 1, 1, 1, 1]) == [0, 3, 2, 1, 4]


def test_longest_first_lets_pass_what_fits() -> None:
    queue = Queue("q", ("memory",), (4,), Policy.LONGEST_FIRST)
    sizes = ((3, 1.0), (2, 9.0), (4, 5.0), (1, 0.0))
    network = Network(
        tuple(Activity(str(size), (), 0, (size,), priority=rank) for size, rank in sizes), (queue,)
    )
    assert starts(network, [1, 10, 1, 1]) == [11, 0, 10, 0]


def test_two_transfers_share_a_link() -> None:
    # Half the speed each until the short one is done at 8 with 4; the other has 6 left.
    network = Network((Activity("0", link=0), Activity("1", link=0)), (), (Link("registry", 1.0),))
    assert finishes(network, [10, 4]) == [14, 8]


def test_a_link_wider_than_its_transfers_slows_nobody() -> None:
    network = Network(tuple(Activity(str(n), link=0) for n in range(3)), (), (Link("registry", 3.0),))
    assert finishes(network, [10, 4, 4]) == [10, 4, 4]


def test_a_transfer_that_joins_later_slows_the_one_that_is_there() -> None:
    # Alone until 4; then both at 3/4 of full speed, so that 2 takes 3 / 0.75; 0 then has 3 left.
    activities = (Activity("0", link=0), Activity("1"), Activity("2", (1,), link=0))
    assert finishes(Network(activities, (), (Link("registry", 1.5),)), [10, 4, 3]) == [11, 4, 8]


def test_a_transfer_of_nothing_takes_no_time_and_slows_nobody() -> None:
    activities = (Activity("0", link=0), Activity("1"), Activity("2", (1,), link=0))
    assert finishes(Network(activities, (), (Link("registry", 1.0),)), [10, 4, 0]) == [10, 4, 4]


def test_a_transfer_alone_takes_its_duration_to_the_bit() -> None:
    """However much the link has carried before."""
    durations_s = np.random.default_rng(2).random((50, 20))
    chain = [Activity(str(n), () if n == 0 else (n - 1,)) for n in range(50)]
    linked = (chain[0], *(replace(each, link=0) for each in chain[1:]))
    trace = simulate_on_all(Network(linked, (), (Link("registry", 1.0),)), durations_s)
    assert (trace.finish_s == trace.start_s + durations_s).all()
    same(trace, simulate(Network(tuple(chain)), durations_s))


def test_a_transfer_of_nothing_takes_no_time_just_before_another_is_done() -> None:
    """Where rounding would carry the virtual time of the last moment past the mark of the other."""
    generator = np.random.default_rng(3)
    first, other, joins = generator.random((3, 10_000)) + np.array([[1.0], [0.1], [0.0]])
    virtual = joins * 0.7
    wait = (np.minimum(first, virtual + other) - virtual) / 0.35
    before = np.nextafter(joins + wait, 0.0)
    past = virtual + (before - joins) * 0.35 > np.minimum(first, virtual + other)
    assert past.any()
    activities = (
        Activity("first", link=0),
        Activity("until the other joins"),
        Activity("other", (1,), link=0),
        Activity("until just before one is done"),
        Activity("nothing", (3,), link=0),
    )
    taking = np.array([first, joins, other, before, np.zeros_like(first)])[:, past]
    trace = simulate_on_all(Network(activities, (), (Link("registry", 0.7),)), taking)
    assert (trace.finish_s[4] == trace.start_s[4]).all()
    assert (trace.finish_s[[0, 2]] >= trace.start_s[4]).all()


def test_a_transfer_that_joins_as_another_is_done_is_alone() -> None:
    """To the bit, though the clock and the virtual time are rounded differently."""
    first, other = np.random.default_rng(4).random((2, 500))
    instant = first / 0.7
    activities = (Activity("0"), Activity("1", link=0), Activity("2", (0,), link=0))
    trace = simulate_on_all(
        Network(activities, (), (Link("registry", 0.7),)), np.array([instant, first, other])
    )
    assert (trace.finish_s[1] == instant).all()
    assert (trace.finish_s[2] == instant + other / 0.7).all()


def builders(count: int, places: int, ready: int, policy: Policy = Policy.FIFO) -> Network:
    """Builds that wait for a builder node and then keep it while they build."""
    activities: list[Activity] = []
    for number in range(count):
        activities.append(Activity(f"node {number}", (), 0, (1,)))
        activities.append(Activity(f"build {number}", (len(activities) - 1,), continues=len(activities) - 1))
    return Network(tuple(activities), (Queue("nodes", ("nodes",), (places,), policy, ready),))


def test_a_builder_has_to_start_unless_one_is_ready() -> None:
    # 0 gets the ready one, 1 waits 5 for another to start, 2 for that of 0, which is ready then.
    trace = simulate_on_all(builders(3, 2, 1), column([5, 3, 5, 3, 5, 3]))
    assert trace.start_s[:, 0].tolist() == [0, 0, 0, 5, 3, 3]
    assert trace.finish_s[:, 0].tolist() == [0, 3, 5, 8, 3, 6]


def test_a_builder_that_came_up_stays() -> None:
    # 0 starts the only one and is done at 8; 1 has no wait for a start any more.
    assert finishes(builders(2, 1, 0), [5, 3, 5, 4]) == [5, 8, 8, 12]


def test_a_task_keeps_what_it_took_until_its_last_activity_is_done() -> None:
    # 0 and then 1 hold the one slot of the first queue while 1 waits in the second behind 2.
    activities = (
        Activity("0", (), 0, (1,)),
        Activity("1", (0,), 1, (1,), continues=0),
        Activity("2", (), 1, (1,)),
        Activity("3", (), 0, (1,)),
    )
    queues = (Queue("first", ("slots",), (1,)), Queue("second", ("slots",), (1,)))
    trace = simulate_on_all(Network(activities, queues), column([1, 2, 5, 1]))
    assert trace.start_s[:, 0].tolist() == [0, 5, 0, 7]


def test_a_place_that_is_not_held_is_given_back_at_once() -> None:
    # A node pulls the next image while the pod of the first one starts.
    activities = (
        Activity("pull 0", (), 0, (1,)),
        Activity("start 0", (0,), continues=0),
        Activity("pull 1", (), 0, (1,)),
        Activity("start 1", (2,), continues=2),
    )
    node = Queue("node", ("pulls",), (1,))
    seconds: list[float] = [3, 10, 4, 10]
    assert finishes(Network(activities, (replace(node, held=False),)), seconds) == [3, 13, 7, 17]
    assert finishes(Network(activities, (node,)), seconds) == [3, 13, 17, 27]


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


@settings(max_examples=100)
@given(all_networks(linked=False), st.data())
def test_bit_for_bit_on_random_networks(network: Network, data: st.DataObject) -> None:
    """Policies, ready places and tasks of several activities."""
    check_against_oracle(network, data)


@settings(max_examples=100)
@given(networks(), st.data())
def test_bit_for_bit_on_random_networks_of_queues_alone(network: Network, data: st.DataObject) -> None:
    check_against_oracle(network, data)


@settings(max_examples=100)
@given(plans(), st.data())
def test_bit_for_bit_on_random_plans(plan: Plan, data: st.DataObject) -> None:
    check_against_oracle(from_plan(plan), data)


def check_against_oracle(network: Network, data: st.DataObject) -> None:
    durations = matrix(data, len(network.activities))
    trace = simulate(network, durations)
    for replication in range(durations.shape[1]):
        start, finish, _ = oracle(network, durations[:, replication].tolist())
        assert trace.start_s[:, replication].tolist() == start
        assert trace.finish_s[:, replication].tolist() == finish


@settings(max_examples=100)
@given(networks(), st.data())
def test_nobody_overtakes_in_a_queue_of_first_in_first_out(network: Network, data: st.DataObject) -> None:
    trace = simulate(network, matrix(data, len(network.activities), 1))
    start, arrival = trace.start_s[:, 0], arrivals(network, trace).arrival_s[:, 0]
    for number in range(len(network.queues)):
        members = [index for index, each in enumerate(network.activities) if each.queue == number]
        for one, other in product(members, members):
            # Who comes at the same instant may come after a start of that instant already.
            assert arrival[one] >= arrival[other] or start[one] <= start[other]


@settings(max_examples=100)
@given(all_networks(), st.data())
def test_capacity_is_kept_and_nobody_waits_for_nothing(network: Network, data: st.DataObject) -> None:
    """At every instant, and of whom each policy lets start, whoever fits has started."""
    durations = matrix(data, len(network.activities), 1)
    trace = simulate(network, durations)
    start, finish = trace.start_s[:, 0], trace.finish_s[:, 0]
    arrival = arrivals(network, trace).arrival_s[:, 0]
    given_back = np.array([finish[held(network, index)] for index in range(len(start))])
    assert (start >= arrival).all()
    for number, queue in enumerate(network.queues):
        members = [index for index, each in enumerate(network.activities) if each.queue == number]
        for now in {*start.tolist(), *finish.tolist()}:
            holding = [index for index in members if start[index] <= now < given_back[index]]
            used = np.zeros(len(queue.capacity))
            for index in holding:
                used += network.activities[index].demand
            assert (used <= queue.capacity).all()
            waiting = [index for index in members if arrival[index] <= now < start[index]]
            if queue.policy is Policy.FIFO:
                waiting = sorted(waiting, key=lambda index: (arrival[index], index))[:1]
            for index in waiting:
                assert (used + network.activities[index].demand > queue.capacity).any()


@settings(max_examples=100)
@given(all_networks(linked=False), st.data())
def test_durations_are_taken_but_on_ready_places(network: Network, data: st.DataObject) -> None:
    """To the bit; and no schedule beats the longest chain or the work of a resource."""
    durations = matrix(data, len(network.activities), 1)
    trace = simulate(network, durations)
    makes_ready = np.array(
        [
            each.queue is not None and network.queues[each.queue].ready is not None
            for each in network.activities
        ]
    )
    took = trace.finish_s == trace.start_s + durations
    assert (took | (makes_ready[:, None] & (trace.finish_s == trace.start_s))).all()
    if makes_ready.any():
        return
    makespan = trace.makespan_s[0] * (1 + 1e-12)
    assert makespan >= critical_path_bound(network, durations)[0]
    for number, queue in enumerate(network.queues):
        for resource, capacity in enumerate(queue.capacity):
            work = sum(
                each.demand[resource] * durations[index, 0]
                for index, each in enumerate(network.activities)
                if each.queue == number
            )
            assert makespan >= work / capacity


@settings(max_examples=100)
@given(all_networks(), st.data())
def test_a_link_moves_what_its_transfers_ask_for(network: Network, data: st.DataObject) -> None:
    """Its speed over time adds up to their durations, and none is faster than alone."""
    durations = matrix(data, len(network.activities), 1)
    trace = simulate(network, durations)
    start, finish = trace.start_s[:, 0], trace.finish_s[:, 0]
    for number, link in enumerate(network.links):
        members = [
            index
            for index, each in enumerate(network.activities)
            if each.link == number and (each.queue is None or network.queues[each.queue].ready is None)
        ]
        others = [index for index, each in enumerate(network.activities) if each.link == number]
        if members != others:
            continue
        instants = sorted({*start[members].tolist(), *finish[members].tolist()})
        moved = sum(
            (after - before)
            * min(link.width, sum(start[index] <= before < finish[index] for index in members))
            for before, after in pairwise(instants)
        )
        assert moved == pytest.approx(durations[members, 0].sum(), rel=1e-9, abs=1e-9)
        assert (finish[members] - start[members] >= durations[members, 0] * (1 - 1e-12) - 1e-12).all()


@settings(max_examples=100)
@given(
    st.lists(st.tuples(durations, durations), min_size=1, max_size=6), st.sampled_from([0.7, 1.0, 1.5, 3.0])
)
def test_a_link_by_the_work_that_is_left(transfers: list[tuple[float, float]], width: float) -> None:
    """(arrival, duration) of each; written another way than in virtual time."""
    count = len(transfers)
    activities = [Activity(f"before {number}") for number in range(count)]
    activities += [Activity(f"transfer {number}", (number,), link=0) for number in range(count)]
    begin = [arrival for arrival, _ in transfers]
    left = {number: duration for number, (_, duration) in enumerate(transfers)}
    done: dict[int, float] = {}
    now = 0.0
    while left:
        on = [number for number in left if begin[number] <= now]
        speed = min(1.0, width / len(on)) if on else 1.0
        ends = [now + left[number] / speed for number in on]
        soon = min([*ends, *(at for at in begin if at > now)])
        for number in on:
            left[number] -= (soon - now) * speed
            if left[number] <= 1e-9:
                del left[number]
                done[number] = soon
        now = soon
    found = finishes(
        Network(tuple(activities), (), (Link("link", width),)), [*begin, *(d for _, d in transfers)]
    )
    assert found[count:] == pytest.approx([done[number] for number in range(count)], rel=1e-7, abs=1e-7)


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
