from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.plan.model import Resources, Strategy
from sim_networks import failing, plans
from sim_plans import GB, Service, container, make_plan, slots_network
from simulator.engines import events, feedback, reference, slots
from simulator.engines.segments import Feedback, Free, InTurn, Together, segments
from simulator.engines.trace import Floats
from simulator.network import Activity, Link, Network, Policy, Queue, from_plan

# Ties without zeros: sums of these meet often, and nothing is admitted and done at one instant.
TAKES_TIME = (0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 3.0)


@st.composite
def slot_networks(draw: st.DrawFn, most: int = 14) -> Network:
    """Needs of any shape, queues of equal slots, and some stages and barriers."""
    queues, demands = [], []
    for number in range(draw(st.integers(1, 3))):
        capacity = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=2)))
        queues.append(
            Queue(f"q{number}", ("slots", "cpu")[: len(capacity)], capacity, draw(st.sampled_from(Policy)))
        )
        demands.append(tuple(draw(st.integers(0, there)) for there in capacity))
    count = draw(st.integers(1, most))
    order = draw(st.permutations(range(count)))
    activities: dict[int, Activity] = {}
    stage = 0
    for number, index in enumerate(order):
        barrier = draw(st.integers(0, 4)) == 0
        inside = order[stage:number]
        needs = inside if barrier else draw(st.lists(st.sampled_from(inside), max_size=2)) if inside else []
        if stage:
            needs = [*needs, order[stage - 1]]
        queue = draw(st.sampled_from([None, *range(len(queues))]))
        demand = () if queue is None else demands[queue]
        priority = draw(st.sampled_from([0.0, 1.0, 2.5]))
        activities[index] = Activity(f"a{index}", tuple(needs), queue, demand, priority=priority)
        if barrier:
            stage = number + 1
    return Network(tuple(activities[index] for index in range(count)), tuple(queues))


def matrices(
    rows: int, values: tuple[float, ...] = TAKES_TIME, columns: int = 3
) -> st.SearchStrategy[Floats]:
    one = st.one_of(st.sampled_from(values), st.floats(0.0625, 8.0, width=32))
    many = st.lists(one, min_size=rows * columns, max_size=rows * columns)
    return many.map(lambda drawn: np.array(drawn).reshape(rows, columns))


def check(network: Network, durations_s: Floats) -> None:
    """Starts, finishes and makespans, to the last bit."""
    wanted = reference.simulate(network, durations_s)
    found = slots.simulate(network, durations_s)
    assert np.array_equal(found.start_s, wanted.start_s)
    assert np.array_equal(found.finish_s, wanted.finish_s)
    assert np.array_equal(slots.makespans(network, durations_s), wanted.makespan_s)


@settings(max_examples=300)
@given(slot_networks(), st.data())
def test_bit_for_bit_where_everything_takes_time(network: Network, data: st.DataObject) -> None:
    check(network, data.draw(matrices(len(network.activities))))


@settings(max_examples=150)
@given(slot_networks(), st.data())
def test_bit_for_bit_with_activities_that_take_no_time(network: Network, data: st.DataObject) -> None:
    check(network, data.draw(matrices(len(network.activities), (0.0, 0.0, 1.0, 2.0, 5e-324, 1e-17))))


@settings(max_examples=150)
@given(slot_networks(), st.data())
def test_bit_for_bit_with_failures(network: Network, data: st.DataObject) -> None:
    durations_s = data.draw(matrices(len(network.activities), (0.0, *TAKES_TIME)))
    fails = failing(data, *durations_s.shape)
    wanted, found = (
        reference.simulate(network, durations_s, fails),
        slots.simulate(network, durations_s, fails),
    )
    assert np.array_equal(found.start_s, wanted.start_s, equal_nan=True)
    assert np.array_equal(found.finish_s, wanted.finish_s, equal_nan=True)
    assert wanted.outcome is not None
    assert np.array_equal(found.outcome, wanted.outcome)  # type: ignore[arg-type]


@settings(max_examples=100)
@given(plans(), st.sampled_from(Policy), st.data())
def test_bit_for_bit_on_plans_of_equal_builds(plan: object, policy: Policy, data: st.DataObject) -> None:
    network = from_plan(plan)  # type: ignore[arg-type]
    queues = tuple(replace(queue, policy=policy) for queue in network.queues)
    equal = tuple(replace(each, demand=(1, 0, 0)) if each.queue == 0 else each for each in network.activities)
    check(Network(equal, queues), data.draw(matrices(len(equal))))


@settings(max_examples=60)
@given(slot_networks(), st.sampled_from([0.0, 0.5, 1.0, 3.0]), st.data())
def test_every_rescaling_is_a_simulation_of_its_own(
    network: Network, factor: float, data: st.DataObject
) -> None:
    durations_s = data.draw(matrices(len(network.activities), (0.0, *TAKES_TIME)))
    indices = list(range(len(network.activities)))
    found = slots.rescaled(network, durations_s, indices, factor)
    assert found.shape == durations_s.shape
    for index in indices:
        changed = durations_s.copy()
        changed[index] *= factor
        assert np.array_equal(found[index], reference.simulate(network, changed).makespan_s)


def test_rescaling_the_same_activity_twice_and_none() -> None:
    network = slots_network([5, 5], 2)
    durations_s = np.random.default_rng(0).random((12, 30))
    found = slots.rescaled(network, durations_s, [7, 0, 7], 0.5)
    assert np.array_equal(found[0], found[2])
    assert not np.array_equal(found[0], found[1])
    assert slots.rescaled(network, durations_s, [], 0.5).shape == (0, 30)
    with pytest.raises(ValueError, match="factor"):
        slots.rescaled(network, durations_s, [0], -1.0)


SIX = [Service(f"a{number}") for number in range(6)]
COPIED = [container(f"c{number}", "application") for number in range(4)]
CHAINED = [Service(f"d{number}", after=(f"d{number - 1}",) if number else ()) for number in range(4)]


@pytest.mark.parametrize(
    ("services", "strategy", "waves"),
    [
        (SIX, Strategy.BUILD_FIRST, {Together}),
        (SIX, Strategy.STAGED, {Together}),
        (SIX, Strategy.DAG, {Together, InTurn}),
        (SIX + COPIED, Strategy.BUILD_FIRST, {Together, InTurn}),
        (COPIED, Strategy.DAG, {Together, InTurn}),
        (SIX + CHAINED, Strategy.BUILD_FIRST, {Together, Feedback}),
    ],
)
def test_how_a_plan_is_worked_through(services: list[Service], strategy: Strategy, waves: set[type]) -> None:
    network = from_plan(make_plan(services, strategy=strategy, builds=2, deploys=2))
    program = segments(network, (2, 2))
    assert {type(wave) for segment in program for wave in segment.waves} - {Free} == waves
    covered = [index for segment in program for index in (segment.barrier, *segment.members)]
    assert sorted(index for index in covered if index is not None) == list(range(len(network.activities)))
    generator = np.random.default_rng(3)
    durations_s = generator.choice([0.5, 1.0, 1.5, 4.0], (len(network.activities), 200))
    check(network, durations_s)
    check(network, durations_s + generator.random(durations_s.shape))


def test_a_zero_that_readies_others_goes_by_rounds() -> None:
    # 1 is admitted and done at 0, and 0 arrives a round after 2, which has taken the only other slot.
    activities = (
        Activity("0", (1,), 1, (1,)),
        Activity("1", (), 0, (1,)),
        Activity("2", (), 1, (1,)),
        Activity("3", (), 0, (1,)),
    )
    network = Network(activities, (Queue("q", ("slots",), (1,)), Queue("r", ("slots",), (1,))))
    durations_s = np.array([[1.0, 1.0], [0.0, 2.0], [5.0, 5.0], [1.0, 1.0]])
    trace = slots.simulate(network, durations_s)
    assert trace.start_s[0].tolist() == [5.0, 5.0]
    check(network, durations_s)


def test_more_replications_than_fit_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "_CHUNK", 7)
    monkeypatch.setattr(slots, "_KEPT", 60)
    monkeypatch.setattr(slots, "_FEWEST", 2)
    generator = np.random.default_rng(5)
    for services in (SIX, SIX + CHAINED):
        network = from_plan(make_plan(services, builds=2, deploys=2))
        durations_s = generator.random((len(network.activities), 25)) + 0.5
        check(network, durations_s)
        found = slots.rescaled(network, durations_s, [1, 2], 0.5)
        durations_s[2] *= 0.5
        assert np.array_equal(found[1], slots.makespans(network, durations_s))


def test_slots_for_all_and_a_pool_that_does_not_bind() -> None:
    sizes = (Resources(1000, GB), Resources(4000, 4 * GB))
    services = [Service(f"s{number}", size=sizes[number % 2]) for number in range(9)]
    durations_s = np.random.default_rng(2).random((40, 10)) + 1
    for builds, pool in ((2, Resources(8000, 8 * GB)), (9, Resources(24_000, 24 * GB))):
        network = from_plan(make_plan(services, builds=builds, pool=pool))
        assert slots.covers(network) is None
        check(network, durations_s[: len(network.activities)])


def test_what_it_does_not_cover() -> None:
    services = [Service("a", size=Resources(1000, GB)), Service("b", size=Resources(2000, GB))]
    pool = Resources(2000, 28 * GB)
    reason = slots.covers(from_plan(make_plan(services, pool=pool)))
    assert reason == "what queue build is asked for differs in cpu_milli"
    ready = Queue("nodes", ("nodes",), (2,), ready=1)
    assert "nodes must be made ready" in str(slots.covers(Network((Activity("a", (), 0, (1,)),), (ready,))))
    chain = (Activity("a"), Activity("b", (0,), continues=0))
    assert "hold" in str(slots.covers(Network(chain)))
    linked = Network((Activity("a", link=0),), (), (Link("l", 1.0),))
    assert "bandwidth" in str(slots.covers(linked))
    with pytest.raises(ValueError, match="cannot run this: transfers"):
        slots.simulate(linked, np.ones((1, 1)))


@settings(max_examples=60)
@given(slot_networks(), st.data())
def test_the_first_of_the_firsts_of_blocks(network: Network, data: st.DataObject) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(feedback, "_AT_ONCE", 4)
        check(network, data.draw(matrices(len(network.activities))))


def test_nothing_at_all() -> None:
    assert slots.makespans(Network(()), np.zeros((0, 3))).tolist() == [0.0] * 3
    assert slots.simulate(slots_network([3], 2), np.zeros((4, 0))).start_s.shape == (4, 0)


def test_a_large_network_against_the_event_driven_engine() -> None:
    services = [
        Service(f"s{number}", f"stage {number % 5}", mirrors=number % 3 == 0) for number in range(300)
    ]
    network = from_plan(make_plan(services, strategy=Strategy.STAGED))
    durations_s = np.random.default_rng(4).lognormal(4, 0.5, (len(network.activities), 6))
    wanted, found = events.simulate(network, durations_s), slots.simulate(network, durations_s)
    assert np.array_equal(found.start_s, wanted.start_s)
    assert np.array_equal(found.finish_s, wanted.finish_s)
