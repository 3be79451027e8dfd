from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim_networks import matrix, networks
from sim_plans import slots_network
from simulator.critical import arrivals, busy, critical_activities, critical_path_bound
from simulator.engines.reference import simulate
from simulator.network import Activity, Network, Queue


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
    slots, cpu = busy(network, durations)
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
