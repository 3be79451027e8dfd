from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim_networks import all_networks, failing, matrix, networks
from sim_plans import slots_network
from simulator.engines.reference import simulate
from simulator.engines.trace import Outcome, Trace
from simulator.forecasting.critical import (
    area_bound,
    arrivals,
    busy,
    critical_activities,
    critical_path_bound,
)
from simulator.network import Activity, Link, Network, Queue


def critical(network: Network, durations: np.ndarray) -> list[list[int]]:
    trace = simulate(network, durations)
    on_path = critical_activities(network, trace, arrivals(network, trace))
    return [np.flatnonzero(column).tolist() for column in on_path.T]


def test_through_needs() -> None:
    network = Network((Activity("a"), Activity("b"), Activity("c", (0, 1)), Activity("d")))
    assert critical(network, np.array([[3.0, 1.0], [2.0, 2.0], [1.0, 1.0], [3.5, 9.0]])) == [[0, 2], [3]]


def test_through_a_wait_for_room() -> None:
    # One slot: 2 waits for 1, which waits for 0; nothing needs anything.
    network = slots_network([3], 1)
    assert critical(network, np.array([[1.0], [2.0], [3.0], [0.0]])) == [[0, 1, 2]]


def test_through_a_wait_behind_the_head() -> None:
    # 2 would fit beside 0, but stands behind 1, which waits for 0.
    demands = ((2,), (2,), (1,))
    network = Network(
        tuple(Activity(str(n), (), 0, demand) for n, demand in enumerate(demands)),
        (Queue("q", ("slots",), (3,)),),
    )
    assert critical(network, np.array([[5.0], [1.0], [4.0]])) == [[0, 2]]


def test_the_first_of_several_candidates_is_taken() -> None:
    network = Network((Activity("a"), Activity("b"), Activity("c", (1, 0))))
    assert critical(network, np.array([[2.0], [2.0], [1.0]])) == [[0, 2]]


@settings(max_examples=150)
@given(networks(), st.data())
def test_the_path_covers_the_makespan_without_a_hole(network: Network, data: st.DataObject) -> None:
    durations = matrix(data, len(network.activities))
    trace = simulate(network, durations)
    on_path = critical_activities(network, trace, arrivals(network, trace))
    for replication, column in enumerate(on_path.T):
        start, finish = trace.start_s[:, replication], trace.finish_s[:, replication]
        path = sorted(np.flatnonzero(column), key=lambda index: (start[index], finish[index]))
        reached = 0.0
        for index in path:
            assert start[index] == reached
            reached = finish[index]
        assert reached == trace.makespan_s[replication]


def test_bounds_by_hand() -> None:
    activities = (
        Activity("a", (), 0, (1, 4)),
        Activity("b", (), 0, (1, 4)),
        Activity("c", (0,), 0, (1, 1)),
        Activity("d", (2,)),
    )
    network = Network(activities, (Queue("q", ("slots", "cpu"), (2, 4)),))
    durations = np.array([[10.0], [6.0], [1.0], [2.0]])
    slots, cpu = busy(network, simulate(network, durations))
    assert slots.amount_s.tolist() == [17.0]
    assert cpu.amount_s.tolist() == [4 * 16.0 + 1.0]
    assert critical_path_bound(network, durations).tolist() == [13.0]
    # CPU makes a and b take turns; c runs behind b, in line.
    assert simulate(network, durations).makespan_s[0] == 19.0


def test_an_order_of_indices_is_not_needed() -> None:
    network = Network((Activity("last", (1,)), Activity("middle", (2,)), Activity("first")))
    durations = np.array([[1.0], [2.0], [4.0]])
    assert critical_path_bound(network, durations)[0] == pytest.approx(7.0)
    assert critical(network, durations) == [[0, 1, 2]]


def plain_path(network: Network, trace: Trace, replication: int) -> set[int]:
    """The critical path by its definition, one activity and one candidate after another."""
    start = trace.start_s[:, replication].tolist()
    finish = trace.finish_s[:, replication].tolist()

    def last(index: int) -> int:
        after = network.continued[index]
        return last(after) if after in ended else index

    ended = [index for index, each in enumerate(finish) if each == each]
    current = max(ended, key=lambda index: (finish[index], -index))
    path = [current]
    while True:
        activity = network.activities[current]
        arrival = max([finish[need] for need in activity.needs], default=0.0)
        took = [index for index in ended if finish[index] == start[current] > start[index]]
        if set(activity.needs) <= set(ended) and start[current] == arrival:
            if not activity.needs:
                return set(path)
            current = min(need for need in activity.needs if finish[need] == arrival)
        else:
            freed = []
            if set(activity.needs) <= set(ended):
                assert activity.queue is not None
                held = network.queues[activity.queue].held
                before = [index for index in ended if network.activities[index].queue == activity.queue]
                freed = [last(index) if held else index for index in before if start[index] < start[current]]
            found = [end for end in freed if finish[end] == start[current]]
            if trace.outcome is not None:
                # A failure may have made room, or have stopped what was needed.
                found += took
            assert found or trace.outcome is not None
            if not found:
                return set(path)
            current = found[0]
        path.append(current)
        assert len(path) <= len(finish)


@settings(max_examples=200)
@given(all_networks(), st.data())
def test_the_path_is_that_of_its_definition(network: Network, data: st.DataObject) -> None:
    """With chains, links, ready places, policies and failures."""
    durations = matrix(data, len(network.activities), 3)
    fails = data.draw(st.one_of(st.none(), st.just(failing(data, *durations.shape))))
    trace = simulate(network, durations, fails)
    on_path = critical_activities(network, trace, arrivals(network, trace))
    for replication, column in enumerate(on_path.T):
        assert set(np.flatnonzero(column).tolist()) == plain_path(network, trace, replication)


@settings(max_examples=100)
@given(all_networks(), st.data())
def test_the_path_covers_the_makespan_with_everything(network: Network, data: st.DataObject) -> None:
    durations = matrix(data, len(network.activities))
    trace = simulate(network, durations, failing(data, *durations.shape))
    on_path = critical_activities(network, trace, arrivals(network, trace))
    for replication, column in enumerate(on_path.T):
        steps = sorted(
            zip(trace.start_s[column, replication], trace.finish_s[column, replication], strict=True)
        )
        reached = 0.0
        for start, finish in steps:
            assert start <= reached
            reached = max(reached, finish)
        assert reached == trace.makespan_s[replication]


def test_many_replications_are_those_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.forecasting.critical._SORTED", 500)
    network = slots_network([30, 20], 3)
    durations = np.random.default_rng(8).choice([0.0, 0.5, 1.0, 1.25, 3.0], (52, 40))
    trace = simulate(network, durations)
    on_path = critical_activities(network, trace, arrivals(network, trace))
    for replication in range(40):
        assert set(np.flatnonzero(on_path[:, replication]).tolist()) == plain_path(
            network, trace, replication
        )


# One builder: a task takes it (0), is built (1) and pushed (2); the next one (3) waits until then.
CHAIN = (
    Activity("node", (), 0, (1,)),
    Activity("build", (0,), continues=0),
    Activity("push", (1,), continues=1, link=0),
    Activity("other", (), 0, (1,)),
)
CHAINED = Network(CHAIN, (Queue("nodes", ("nodes",), (1,), ready=0),), (Link("registry", 1.0),))


def test_who_waits_for_a_place_is_let_in_by_the_last_of_the_task_that_had_it() -> None:
    durations = np.array([[5.0], [10.0], [2.0], [7.0]])
    # The other one finds the builder ready.
    assert simulate(CHAINED, durations).finish_s[:, 0].tolist() == [5, 15, 17, 17]
    assert critical(CHAINED, durations) == [[0, 1, 2]]
    ends = Network((*CHAIN, Activity("end", (3,))), CHAINED.queues, CHAINED.links)
    assert critical(ends, np.vstack((durations, [[1.0]]))) == [[0, 1, 2, 3, 4]]


def test_a_place_is_used_until_the_task_ends() -> None:
    durations = np.array([[5.0, 5.0], [10.0, 10.0], [2.0, 2.0], [7.0, 7.0]])
    fails = np.zeros((4, 2), dtype=bool)
    assert busy(CHAINED, simulate(CHAINED, durations))[0].amount_s.tolist() == [17.0, 17.0]
    fails[1, 1] = True
    trace = simulate(CHAINED, durations, fails)
    assert trace.outcome is not None
    assert trace.outcome[:, 1].tolist() == [Outcome.DONE, Outcome.FAILED, Outcome.NEVER, Outcome.NEVER]
    assert busy(CHAINED, trace)[0].amount_s.tolist() == [17.0, 15.0]


def test_making_a_place_ready_is_no_bound() -> None:
    assert critical_path_bound(CHAINED, np.array([[5.0], [10.0], [2.0], [7.0]])).tolist() == [12.0]


def test_what_another_order_would_save_is_no_work() -> None:
    # Two transfers at once share the bandwidth and hold both places for 20 s; one beside other work would
    # hold its place for 10 s, and all four tasks were done after 20 s.
    queues, links = (Queue("q", ("slots",), (2,)),), (Link("l", 1.0),)
    transfers = tuple(Activity(f"transfer {n}", (), 0, (1,), link=0) for n in range(2))
    work = tuple(Activity(f"work {n}", (), 0, (1,)) for n in range(2))
    durations = np.full((4, 1), 10.0)
    together = Network((*transfers, *work), queues, links)
    apart = Network((transfers[0], work[0], transfers[1], work[1]), queues, links)
    assert simulate(together, durations).makespan_s.tolist() == [30.0]
    assert simulate(apart, durations).makespan_s.tolist() == [20.0]
    assert area_bound(together, durations).tolist() == area_bound(apart, durations).tolist() == [20.0]


def test_waiting_for_a_builder_with_a_slot_in_hand_is_no_work() -> None:
    queues = (Queue("slots", ("slots",), (2,)), Queue("builders", ("nodes",), (1,), ready=0))
    activities: list[Activity] = []
    for n in range(2):
        first = len(activities)
        activities += [
            Activity(f"{n}/slot", (), 0, (1,)),
            Activity(f"{n}/builder", (first,), 1, (1,), continues=first),
            Activity(f"{n}", (first + 1,), continues=first + 1),
        ]
    durations = np.array([[0.0], [5.0], [10.0]] * 2)
    network = Network(tuple(activities), queues)
    assert simulate(network, durations).makespan_s.tolist() == [25.0]
    # One builder does 20 s of work; the slots do as much and are two.
    assert area_bound(network, durations).tolist() == [20.0]


@settings(max_examples=150)
@given(all_networks(), st.data())
def test_the_area_is_a_bound_and_no_more_than_what_was_used(network: Network, data: st.DataObject) -> None:
    durations = matrix(data, len(network.activities))
    trace = simulate(network, durations)
    area_s = area_bound(network, durations)
    used = [each.amount_s / max(each.capacity, 1) for each in busy(network, trace)]
    most_s = np.max(used, axis=0) if used else np.zeros_like(area_s)
    assert (area_s <= trace.makespan_s * (1 + 1e-12) + 1e-9).all()
    assert (area_s <= most_s * (1 + 1e-12) + 1e-9).all()
    simple = not network.links and max(network.continued, default=-1) < 0
    if simple and all(queue.ready is None for queue in network.queues):
        assert area_s == pytest.approx(most_s)
