"""Every engine that covers a network gives the trace of SimPy, to the last bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.plan.model import Plan, TaskKind
from sim_networks import (
    all_networks,
    barrier_networks,
    failing,
    matrix,
    networks,
    plans,
    same,
    simulate_on_all,
)
from simulator import engines
from simulator.engines import barriers, complete, events, reference
from simulator.engines.trace import Flags, Floats, Trace
from simulator.network import Activity, Link, Network, Policy, Queue, from_plan


@settings(max_examples=150)
@given(all_networks(), st.data())
def test_on_networks_with_everything(network: Network, data: st.DataObject) -> None:
    durations_s = matrix(data, len(network.activities))
    simulate_on_all(network, durations_s)
    simulate_on_all(network, durations_s, failing(data, *durations_s.shape))


@settings(max_examples=100)
@given(networks(), st.sampled_from(Policy), st.data())
def test_on_networks_of_queues_alone(network: Network, policy: Policy, data: st.DataObject) -> None:
    network = replace(network, queues=tuple(replace(queue, policy=policy) for queue in network.queues))
    durations_s = matrix(data, len(network.activities))
    simulate_on_all(network, durations_s)
    simulate_on_all(network, durations_s, failing(data, *durations_s.shape))


@settings(max_examples=100)
@given(plans(), st.sampled_from(Policy), st.booleans(), st.data())
def test_on_plans(plan: Plan, policy: Policy, kills: bool, data: st.DataObject) -> None:
    """Every strategy, with gates, atomic builds, dependencies and mirrors."""
    network = from_plan(plan)
    builds, deployments = network.queues
    network = replace(network, queues=(replace(builds, policy=policy, kills=kills), deployments))
    durations_s = matrix(data, len(network.activities))
    gates = [task.kind is TaskKind.GATE for task in plan.tasks]
    durations_s[gates] = 0.0
    fails = failing(data, *durations_s.shape)
    fails[gates] = False
    simulate_on_all(network, durations_s)
    simulate_on_all(network, durations_s, fails)


@settings(max_examples=100)
@given(barrier_networks(), st.data())
def test_on_networks_of_barriers(network: Network, data: st.DataObject) -> None:
    assert barriers.steps(network) is not None
    simulate_on_all(network, matrix(data, len(network.activities)))


@settings(max_examples=30)
@given(networks(), st.data())
def test_the_complete_run_has_the_rules_of_the_plain_one(network: Network, data: st.DataObject) -> None:
    durations_s = matrix(data, len(network.activities), 1)[:, 0].tolist()
    prepared = events.prepare(network)
    assert prepared.plain
    assert complete.replicate(prepared, durations_s) == events.run_once(prepared, durations_s)


@settings(max_examples=30)
@given(all_networks(), st.data())
def test_priorities_of_one_run_are_those_of_the_network(network: Network, data: st.DataObject) -> None:
    count = len(network.activities)
    durations_s = matrix(data, count, 1)
    priorities = data.draw(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=count, max_size=count))
    found = events.run_once(events.prepare(network), durations_s[:, 0].tolist(), priorities)
    pairs = zip(network.activities, priorities, strict=True)
    other = replace(network, activities=tuple(replace(each, priority=rank) for each, rank in pairs))
    trace = reference.simulate(other, durations_s)
    assert found == (trace.start_s[:, 0].tolist(), trace.finish_s[:, 0].tolist())


def test_demands_as_large_as_memory_in_bytes_are_compared_to_the_byte() -> None:
    sizes = (2**63 - 1, 2**62, 2**62 - 1, 1, 0)
    queue = Queue("pool", ("memory", "slots"), (2**63 - 1, 2), Policy.BACKFILL)
    network = Network(tuple(Activity(str(size), (), 0, (size, 1)) for size in sizes), (queue,))
    trace = simulate_on_all(network, np.ones((5, 1)))
    assert trace.start_s[:, 0].tolist() == [0, 1, 1, 2, 0]


def test_many_replications_are_those_one_by_one() -> None:
    """More than the quick way turns into Python numbers at once."""
    activities = [Activity(str(number), (), 0, (1,)) for number in range(500)]
    network = Network(tuple(activities), (Queue("q", ("slots",), (7,)),))
    durations_s = np.random.default_rng(1).random((500, 450))
    trace = events.simulate(network, durations_s)
    for first, last in ((0, 1), (199, 202), (449, 450)):
        same(
            Trace(trace.start_s[:, first:last], trace.finish_s[:, first:last]),
            reference.simulate(network, durations_s[:, first:last]),
        )


ONE = Network((Activity("a", (), 0, (1,)),), (Queue("q", ("slots",), (1,)),))
LINKED = Network((Activity("a", link=0),), (), (Link("l", 1.0),))


def test_numpy_runs_equal_slots_and_events_the_rest() -> None:
    assert engines.choose(ONE) == engines.Choice("numpy", "every queue has equal slots")
    chosen = engines.choose(LINKED)
    assert chosen.name == "events"
    assert chosen.reason.endswith(", which the numpy engine does not cover")


@pytest.mark.parametrize("name", list(engines.ENGINES))
def test_an_engine_that_was_asked_for_runs(name: str) -> None:
    assert engines.choose(ONE, name).name == name
    assert name == engines.load(name).NAME


def test_an_engine_that_does_not_cover_a_network_is_refused() -> None:
    with pytest.raises(ValueError, match=r"the engine numpy cannot run this: .*bandwidth"):
        engines.choose(LINKED, "numpy")
    with pytest.raises(ValueError, match="no engine 'ciw': choose one of auto, numpy, events, simpy"):
        engines.choose(ONE, "ciw")


@pytest.mark.parametrize("name", list(engines.ENGINES))
@pytest.mark.parametrize(
    ("durations_s", "fails", "says"),
    [
        (np.ones((2, 1)), None, r"durations have the shape \(2, 1\), not \(1, replications\)"),
        (np.ones(1), None, "durations have the shape"),
        (np.array([[-1.0]]), None, "finite and not negative"),
        (np.array([[np.nan]]), None, "finite and not negative"),
        (np.array([[np.inf]]), None, "finite and not negative"),
        (np.ones((1, 2)), np.zeros((1, 1)), r"failures have the shape \(1, 1\), durations \(1, 2\)"),
    ],
)
def test_input_that_makes_no_sense_is_refused(
    name: str, durations_s: Floats, fails: Flags | None, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        engines.simulate(ONE, durations_s, fails, engine=name)


@pytest.mark.parametrize("name", list(engines.ENGINES))
def test_no_activity_and_no_replication(name: str) -> None:
    empty = Network(())
    assert engines.simulate(empty, np.zeros((0, 3)), engine=name).makespan_s.tolist() == [0.0] * 3
    assert engines.simulate(ONE, np.zeros((1, 0)), engine=name).makespan_s.tolist() == []
