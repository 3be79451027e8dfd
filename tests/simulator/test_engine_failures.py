"""What a failure stops, ends and lets go on: worked out on paper, and against the oracle."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.plan.model import Plan
from sim_networks import all_networks, failing, matrix, plans, same, simulate_on_all
from sim_oracle import oracle
from simulator.engines import reference
from simulator.engines.failures import truncate
from simulator.engines.trace import Flags, Floats, Outcome, Trace
from simulator.modelling.model import Model
from simulator.modelling.pipeline import model
from simulator.modelling.scenario import Builders, Cluster, Registry, Scenario
from simulator.network import Activity, Link, Network, Policy, Queue


def builds_and_deployments(*tasks: tuple[int, tuple[int, ...]]) -> Network:
    """Activities of (queue, needs); builds, queue 0, have three slots, and their failure kills."""
    activities = (Activity(str(number), needs, queue, (1,)) for number, (queue, needs) in enumerate(tasks))
    queues = (Queue("build", ("slots",), (3,), kills=True), Queue("deploy", ("slots",), (3,)))
    return Network(tuple(activities), queues)


def ended(network: Network, seconds: list[float], failing: set[int]) -> list[tuple[float | None, str]]:
    """How the activities of one replication ended, and when."""
    fails = np.array([[index in failing] for index in range(len(seconds))])
    trace = simulate_on_all(network, np.array(seconds, dtype=float)[:, None], fails)
    assert trace.outcome is not None
    return [
        (None if math.isnan(finish) else finish, Outcome(outcome).name)
        for finish, outcome in zip(trace.finish_s[:, 0].tolist(), trace.outcome[:, 0].tolist(), strict=True)
    ]


def test_a_failed_build_kills_the_running_builds_and_nothing_else() -> None:
    network = builds_and_deployments((0, ()), (0, ()), (0, ()), (0, ()), (1, ()), (1, (0,)))
    # 2 is done at the very instant; 3 had no slot before and gets none; 4 is a deployment.
    assert ended(network, [4, 10, 4, 1, 7, 1], {0}) == [
        (4, "FAILED"),
        (4, "CANCELLED"),
        (4, "DONE"),
        (None, "NEVER"),
        (7, "DONE"),
        (None, "NEVER"),
    ]


def test_a_failed_deployment_lets_the_running_ones_finish() -> None:
    network = builds_and_deployments((1, ()), (1, ()), (1, ()), (1, ()), (0, ()), (1, (0,)))
    assert ended(network, [2, 5, 3, 1, 9, 1], {0}) == [
        (2, "FAILED"),
        (5, "DONE"),
        (3, "DONE"),
        (None, "NEVER"),
        (9, "DONE"),
        (None, "NEVER"),
    ]


def test_a_build_that_fails_after_a_deployment_still_kills() -> None:
    network = builds_and_deployments((1, ()), (0, ()), (0, ()), (0, ()), (1, ()))
    assert ended(network, [2, 4, 9, 6, 8], {0, 1, 3, 4}) == [
        (2, "FAILED"),
        (4, "FAILED"),
        (4, "CANCELLED"),
        (4, "CANCELLED"),
        (8, "FAILED"),
    ]


def test_what_starts_at_the_instant_of_a_failure_never_started() -> None:
    # 0 fails at 2. At that instant 1 is done, 2 would start, 3 would be done, 4 would fail.
    activities = (
        Activity("0"),
        Activity("1"),
        Activity("2", (1,)),
        Activity("3", (1,)),
        Activity("4", (1,)),
    )
    assert ended(Network(activities), [2, 2, 3, 0, 0], {0, 4}) == [
        (2, "FAILED"),
        (2, "DONE"),
        (None, "NEVER"),
        (None, "NEVER"),
        (2, "FAILED"),
    ]


def test_a_task_that_builds_on_is_killed_and_leaves_its_link() -> None:
    # 1 pushes what 0 built and has the place of 0. It shares the link with 2 until 3 fails at 4:
    # 2 has got 1 by then, and goes on alone with 4 left.
    activities = (
        Activity("0", (), 0, (1,)),
        Activity("1", (0,), continues=0, link=0),
        Activity("2", (0,), link=0),
        Activity("3", (), 0, (1,)),
    )
    queues = (Queue("build", ("slots",), (2,), kills=True),)
    network = Network(activities, queues, (Link("registry", 1.0),))
    assert ended(network, [2, 9, 5, 4], {3}) == [
        (2, "DONE"),
        (4, "CANCELLED"),
        (8, "DONE"),
        (4, "FAILED"),
    ]


def test_a_failure_that_has_nothing_to_stop() -> None:
    assert ended(builds_and_deployments((0, ())), [3], {0}) == [(3, "FAILED")]
    assert ended(builds_and_deployments((0, ())), [3], set()) == [(3, "DONE")]


def chains(*tasks: tuple[tuple[int | None, int | None], ...]) -> tuple[Activity, ...]:
    """Tasks of activities given as (queue, link)."""
    activities: list[Activity] = []
    for number, task in enumerate(tasks):
        for position, (queue, link) in enumerate(task):
            before = len(activities) - 1 if position else None
            needs = () if before is None else (before,)
            demand = () if queue is None else (1,)
            activities.append(Activity(f"{number}/{position}", needs, queue, demand, before, link))
    return tuple(activities)


def test_a_deployment_that_pulls_when_another_fails_is_deployed() -> None:
    # 0-1 fail at 6. 2-3 pull until 8 and are deployed then, 4-5 wait for a slot and never start.
    deployment = ((0, None), (None, None))
    network = Network(chains(deployment, deployment, deployment), (Queue("deploy", ("slots",), (2,)),))
    assert ended(network, [2, 4, 8, 5, 1, 1], {1}) == [
        (2, "DONE"),
        (6, "FAILED"),
        (8, "DONE"),
        (13, "DONE"),
        (None, "NEVER"),
        (None, "NEVER"),
    ]


def test_a_deployment_that_waits_for_its_node_when_another_fails_is_deployed() -> None:
    # Slots 0, 3 and 6; all pull on one node, until 2, 5 and 9. The first one fails at 4, while
    # the second pulls and the third waits for the node.
    deployment = ((0, None), (1, None), (None, None))
    queues = (Queue("deploy", ("slots",), (3,)), Queue("node", ("pulls",), (1,), held=False))
    network = Network(chains(deployment, deployment, deployment), queues)
    assert ended(network, [0, 2, 2, 0, 3, 1, 0, 4, 1], {2})[3:] == [
        (0, "DONE"),
        (5, "DONE"),
        (6, "DONE"),
        (0, "DONE"),
        (9, "DONE"),
        (10, "DONE"),
    ]


def test_transfers_that_go_on_share_their_link_with_no_new_task() -> None:
    # 1 fails at 2. 3 joins at 3, as 2 began before; 4 never does. 0 and 3 share until 7, when 0 has 3 left.
    activities = (
        Activity("0", link=0),
        Activity("1"),
        Activity("2"),
        Activity("3", (2,), continues=2, link=0),
        Activity("4", (2,), link=0),
    )
    network = Network(activities, (), (Link("registry", 1.0),))
    assert ended(network, [8, 2, 3, 2, 9], {1}) == [
        (10, "DONE"),
        (2, "FAILED"),
        (3, "DONE"),
        (7, "DONE"),
        (None, "NEVER"),
    ]


BUILD = ((0, None), (1, None), (None, None))


def build_farm(builds: int, builders: int, *others: tuple[tuple[int | None, int | None], ...]) -> Network:
    """Builds [slot] -> [builder] -> build on so many builders that have to start."""
    queues = (
        Queue("build", ("slots",), (9,), kills=True),
        Queue("builders", ("nodes",), (builders,), ready=0),
    )
    return Network(chains(*[BUILD] * builds, *others), queues)


def test_a_build_that_waits_for_a_builder_ends_with_the_one_that_fails() -> None:
    # Builders start until 1. The first build fails at 6, the second runs, the third waits.
    assert ended(build_farm(3, 2), [0, 1, 5, 0, 1, 9, 0, 1, 2], {2}) == [
        (0, "DONE"),
        (1, "DONE"),
        (6, "FAILED"),
        (0, "DONE"),
        (1, "DONE"),
        (6, "CANCELLED"),
        (0, "DONE"),
        (None, "NEVER"),
        (None, "NEVER"),
    ]


def test_what_an_ended_build_held_lets_in_what_goes_on() -> None:
    # The last task is no build, but waits for the only builder too: it is ready at 6.
    network = build_farm(2, 1, ((None, None), (1, None)))
    assert ended(network, [0, 1, 5, 0, 1, 2, 2, 4], {2})[3:] == [
        (0, "DONE"),
        (None, "NEVER"),
        (None, "NEVER"),
        (2, "DONE"),
        (6, "DONE"),
    ]


def test_a_build_goes_on_to_wait_for_a_builder_after_a_failed_deployment() -> None:
    # The deployment fails at 2. The second build gets the ready builder at 6; the third one fails
    # at 11 then, and ends the last, which waits.
    network = build_farm(4, 1, ((None, None),))
    assert ended(network, [0, 1, 5, 0, 1, 2, 0, 1, 3, 0, 1, 1, 2], {12, 8}) == [
        (0, "DONE"),
        (1, "DONE"),
        (6, "DONE"),
        (0, "DONE"),
        (6, "DONE"),
        (8, "DONE"),
        (0, "DONE"),
        (8, "DONE"),
        (11, "FAILED"),
        (0, "DONE"),
        (None, "NEVER"),
        (None, "NEVER"),
        (2, "FAILED"),
    ]


def test_a_task_that_would_start_at_the_failure_never_runs_nor_stands_in_the_way() -> None:
    # 0 fails at 2. 1 is done then and 2 next in line for its place. 4 gets it: it came later, but
    # continues 3, which began before.
    activities = (
        Activity("0"),
        Activity("1", (), 0, (1,)),
        Activity("2", (), 0, (1,)),
        Activity("3"),
        Activity("4", (3,), 0, (1,), continues=3),
    )
    network = Network(activities, (Queue("q", ("places",), (1,)),))
    assert ended(network, [2, 2, 7, 1, 4], {0}) == [
        (2, "FAILED"),
        (2, "DONE"),
        (None, "NEVER"),
        (1, "DONE"),
        (6, "DONE"),
    ]


def test_who_cannot_start_any_more_leaves_the_line() -> None:
    # 1 is the head of the line and does not fit before 9; behind it 3 fits from the failure at 2 on.
    activities = (
        Activity("0", (), 0, (1,)),
        Activity("1", (), 0, (2,)),
        Activity("2"),
        Activity("3", (2,), 0, (1,), continues=2),
        Activity("4"),
    )
    network = Network(activities, (Queue("q", ("places",), (2,)),))
    assert ended(network, [9, 1, 1, 4, 2], {4}) == [
        (9, "DONE"),
        (None, "NEVER"),
        (1, "DONE"),
        (6, "DONE"),
        (2, "FAILED"),
    ]


def test_what_continues_at_a_kill_is_ended_with_no_time() -> None:
    # 1 and 3 are done at 4, when 0 fails. 2 starts and is ended; 4 takes no time and is done.
    build = ((0, None), (None, None))
    network = Network(chains(((0, None),), build, build), (Queue("build", ("slots",), (3,), kills=True),))
    assert ended(network, [4, 4, 9, 4, 0], {0}) == [
        (4, "FAILED"),
        (4, "DONE"),
        (4, "CANCELLED"),
        (4, "DONE"),
        (4, "DONE"),
    ]


def test_what_starts_and_fails_at_once_gives_back_nothing() -> None:
    # 2 fails at 2 in no time; 4 needs both places and waits for that of 0.
    activities = (
        Activity("0", (), 0, (1,)),
        Activity("1"),
        Activity("2", (1,), 0, (1,)),
        Activity("3"),
        Activity("4", (3,), 0, (2,), continues=3),
    )
    network = Network(activities, (Queue("q", ("places",), (2,), Policy.BACKFILL),))
    assert ended(network, [9, 2, 0, 1, 4], {2}) == [
        (9, "DONE"),
        (2, "DONE"),
        (2, "FAILED"),
        (1, "DONE"),
        (13, "DONE"),
    ]


@settings(max_examples=100)
@given(all_networks(linked=False), st.data())
def test_the_oracle_on_random_networks(network: Network, data: st.DataObject) -> None:
    durations_s = matrix(data, len(network.activities))
    fails = failing(data, *durations_s.shape)
    check_against_oracle(network, durations_s, fails, reference.simulate(network, durations_s, fails))


@settings(max_examples=100)
@given(all_networks(linked=False, waiting=False), st.data())
def test_a_failure_found_afterwards_is_the_one_lived_through(network: Network, data: st.DataObject) -> None:
    durations_s = matrix(data, len(network.activities))
    fails = failing(data, *durations_s.shape)
    truncated = truncate(network, reference.simulate(network, durations_s), fails)
    same(truncated, reference.simulate(network, durations_s, fails))


scenarios = st.builds(
    Scenario,
    builders=st.one_of(st.none(), st.builds(Builders, st.integers(0, 2), st.integers(1, 3))),
    registry=st.sampled_from([Registry(), Registry(bandwidth_bytes_s=30e6)]),
    cluster=st.sampled_from([Cluster(), Cluster(nodes=1), Cluster(nodes=2)]),
    build_policy=st.sampled_from(Policy),
    deploy_policy=st.sampled_from(Policy),
)


@settings(max_examples=50)
@given(plans(), scenarios, st.data())
def test_on_models_of_plans(plan: Plan, scenario: Scenario, data: st.DataObject) -> None:
    """Builders on demand, bandwidth, nodes and failures; a task that began is ended, failed or done."""
    made = model(plan, scenario)
    durations_s = matrix(data, len(made.network.activities), 1)
    fails = failing(data, *durations_s.shape)
    timeless = [not each.terms for each in made.laws]
    durations_s[timeless], fails[timeless] = 0.0, False
    trace = simulate_on_all(made.network, durations_s, fails)
    check_tasks(made, durations_s, fails, trace)
    if not made.network.links:
        check_against_oracle(made.network, durations_s, fails, trace)


def check_against_oracle(network: Network, durations_s: Floats, fails: Flags, trace: Trace) -> None:
    assert trace.outcome is not None
    for number in range(durations_s.shape[1]):
        start, finish, outcome = oracle(network, durations_s[:, number].tolist(), fails[:, number].tolist())
        assert np.array_equal(trace.start_s[:, number], start, equal_nan=True)
        assert np.array_equal(trace.finish_s[:, number], finish, equal_nan=True)
        assert trace.outcome[:, number].tolist() == outcome


def check_tasks(made: Model, durations_s: Floats, fails: Flags, trace: Trace) -> None:
    """No deployment is broken off; what began before the first failure ends in one of three ways."""
    assert trace.outcome is not None
    failed_s = trace.finish_s[trace.outcome == Outcome.FAILED]
    unfailed = reference.simulate(made.network, durations_s)
    first_s = unfailed.finish_s[fails].min(initial=math.inf)
    assert first_s == failed_s.min(initial=math.inf)
    build_fails_s = failing_builds(made, trace)
    for task, members in zip(made.plan.tasks, made.activities, strict=True):
        outcomes = [Outcome(each) for each in trace.outcome[list(members), 0].tolist()]
        begins = trace.start_s[members[0], 0] < first_s
        if not begins:
            assert set(outcomes) <= {Outcome.NEVER, Outcome.FAILED}
        elif outcomes[-1] is not Outcome.DONE and Outcome.FAILED not in outcomes:
            assert task.kind == "build"
            assert build_fails_s


def failing_builds(made: Model, trace: Trace) -> bool:
    assert trace.outcome is not None
    builds = [n for n, task in enumerate(made.plan.tasks) if task.kind == "build"]
    rows = [index for n in builds for index in made.activities[n]]
    return bool((trace.outcome[rows] == Outcome.FAILED).any())
