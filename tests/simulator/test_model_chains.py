"""From a plan and a scenario to a network: indices, chains, queues and links."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from compiler.plan.model import Estimate, Plan, Probe, Replicas, Strategy, TaskKind
from sim_plans import Service, container, database, fixed, job, make_plan
from simulator import engines
from simulator.drawing.sampling import Sample, sample
from simulator.engines import reference
from simulator.engines.trace import Trace
from simulator.modelling.durations import task_durations
from simulator.modelling.laws import Law
from simulator.modelling.model import Model
from simulator.modelling.pipeline import model
from simulator.modelling.scenario import Builders, Cluster, Failure, Registry, Scenario
from simulator.network import Policy, from_plan

EVERYTHING = Scenario(
    builders=Builders(1, 2), registry=Registry(bandwidth_bytes_s=30e6), cluster=Cluster(nodes=2)
)
# So wide and so many that nobody waits for them.
ENDLESS = Scenario(
    builders=Builders(7, 7),
    registry=Registry(bandwidth_bytes_s=20e9),
    cluster=Cluster(nodes=10_000),
)


def plan(strategy: Strategy = Strategy.BUILD_FIRST, **more: Any) -> Plan:
    made = make_plan(
        [
            database("db"),
            job("migrate"),
            container("cache"),
            Service("web"),
            Service("api"),
            Service("idle", builds=False),
        ],
        strategy=strategy,
        **more,
    )
    probe = Probe("tcp", port=1)
    return replace(made, workloads=tuple(replace(each, readiness=probe) for each in made.workloads))


def run(made: Model, runs: int = 20) -> tuple[Sample, Trace]:
    found = sample(made.laws, runs=runs, seed=4, correlation=0.3, terms=True)
    return found, reference.simulate(made.network, found.durations_s, found.fails)


def ids(made: Model, task: str) -> list[str]:
    index = next(n for n, each in enumerate(made.plan.tasks) if each.id == task)
    return [made.network.activities[each].id for each in made.activities[index]]


def chains_of(made: Model, kind: TaskKind) -> list[tuple[int, ...]]:
    tasks = zip(made.plan.tasks, made.activities, strict=True)
    return [chain for task, chain in tasks if task.kind is kind]


@pytest.mark.parametrize("strategy", list(Strategy))
def test_by_default_a_task_is_an_activity_with_its_index(strategy: Strategy) -> None:
    made = model(plan(strategy))
    base = from_plan(made.plan)
    assert [replace(each, priority=0.0) for each in made.network.activities] == list(base.activities)
    assert made.laws == task_durations(made.plan)
    assert made.activities == tuple((index,) for index in range(len(made.plan.tasks)))
    assert made.network.links == ()
    assert [replace(each, kills=False) for each in made.network.queues] == list(base.queues)
    assert engines.choose(made.network).name == "numpy"


def test_a_failed_build_kills_builds_and_nothing_else() -> None:
    assert [queue.kills for queue in model(plan(), EVERYTHING).network.queues] == [
        True,
        False,
        False,
        False,
        False,
    ]


def test_policies_are_the_scenarios_and_the_longest_is_expected_to_be() -> None:
    scenario = Scenario(build_policy=Policy.LONGEST_FIRST, deploy_policy=Policy.BACKFILL)
    made = model(plan(estimates=(Estimate("build:api", 900.0),)), scenario)
    assert [queue.policy for queue in made.network.queues] == [Policy.LONGEST_FIRST, Policy.BACKFILL]
    expected = {each.id: each.priority for each in made.network.activities}
    assert expected["build:api"] == 900.0
    assert expected["build:web"] == 205.0


@pytest.mark.parametrize("strategy", list(Strategy))
def test_a_task_is_a_chain_only_where_something_is_waited_for(strategy: Strategy) -> None:
    builders, link, nodes = (
        model(plan(strategy), each)
        for each in (
            Scenario(builders=Builders()),
            Scenario(registry=Registry(bandwidth_bytes_s=1e8)),
            Scenario(cluster=Cluster(nodes=3)),
        )
    )
    assert ids(builders, "build:web") == ["build:web/slot", "build:web/builder", "build:web"]
    assert ids(builders, "deploy:web") == ["deploy:web"]
    assert ids(link, "build:web") == ["build:web", "build:web/push"]
    assert ids(link, "mirror:cache") == ["mirror:cache"]
    assert ids(link, "deploy:web") == ["deploy:web/pull", "deploy:web"]
    assert ids(nodes, "build:web") == ["build:web"]
    assert ids(nodes, "deploy:web") == ["deploy:web/slot", "deploy:web/pull", "deploy:web"]
    assert ids(nodes, "check:pre") == ["check:pre"]


@pytest.mark.parametrize("scenario", [EVERYTHING, ENDLESS, Scenario(cluster=Cluster(nodes=1))])
@pytest.mark.parametrize("strategy", list(Strategy))
def test_chains_are_whole_and_in_order(strategy: Strategy, scenario: Scenario) -> None:
    made = model(plan(strategy), scenario)
    assert [index for chain in made.activities for index in chain] == list(range(len(made.laws)))
    last = {task.id: chain[-1] for task, chain in zip(made.plan.tasks, made.activities, strict=True)}
    for task, chain in zip(made.plan.tasks, made.activities, strict=True):
        first, *rest = (made.network.activities[index] for index in chain)
        assert first.needs == tuple(last[need] for need in task.needs)
        assert first.continues is None
        assert [each.continues for each in rest] == list(chain[:-1])
        assert {each.priority for each in (first, *rest)} == {first.priority}
        assert {made.laws[index].task for index in chain} == {task.id}
        assert sum(each.id == task.id for each in (first, *rest)) == 1


def test_what_an_estimate_covers_is_not_split() -> None:
    made = model(plan(estimates=(Estimate("build:web", 60.0), Estimate("deploy:web", 60.0))), EVERYTHING)
    assert ids(made, "build:web") == ["build:web/slot", "build:web/builder", "build:web"]
    assert ids(made, "deploy:web") == ["deploy:web"]


def test_nobody_pulls_what_every_node_has() -> None:
    made = model(plan(), Scenario(cluster=Cluster(nodes=3, warm=1.0)))
    assert ids(made, "deploy:web") == ["deploy:web"]


def test_pods_go_to_nodes_in_turn() -> None:
    made = make_plan([Service(name) for name in "abcd"])
    counts = {"b": 2}
    workloads = tuple(
        replace(each, replicas=Replicas(counts.get(each.service, 1), 2)) for each in made.workloads
    )
    found = model(replace(made, workloads=workloads), Scenario(cluster=Cluster(nodes=3))).network
    pulls = {each.id: each.queue for each in found.activities if each.id.endswith("/pull")}
    names = {task: found.queues[queue].name for task, queue in pulls.items() if queue is not None}
    assert names == {
        "deploy:a/pull": "node 1",
        "deploy:b/pull": "node 2",
        "deploy:c/pull": "node 1",
        "deploy:d/pull": "node 2",
    }


def test_no_more_nodes_than_pods_and_no_more_builders_than_said() -> None:
    queues = {each.name: each for each in model(plan(), ENDLESS).network.queues}
    assert len(queues) == 2 + 1 + 6
    assert (queues["builders"].capacity, queues["builders"].ready) == ((7,), 7)
    some = model(plan(builds=4), Scenario(builders=Builders(warm=9))).network.queues[2]
    assert (some.capacity, some.ready) == ((4,), 4)


@pytest.mark.parametrize("strategy", list(Strategy))
def test_chains_take_what_one_activity_takes_where_nobody_waits(strategy: Strategy) -> None:
    """The streams are the same, and so is the phase of the probes after the pull."""
    one, chains = model(plan(strategy)), model(plan(strategy), ENDLESS)
    (_, whole), (_, parts) = run(one), run(chains)
    for index, chain in enumerate(chains.activities):
        assert parts.start_s[chain[0]] == pytest.approx(whole.start_s[index], abs=1e-6)
        assert parts.finish_s[chain[-1]] == pytest.approx(whole.finish_s[index], abs=1e-6)


def test_a_builder_is_waited_for_once() -> None:
    """Two builders that take 90 s to come: four builds of 60 s one after another on them."""
    services = [Service(name) for name in "abcd"]
    estimates = tuple(fixed(f"build:{name}", 60.0) for name in "abcd")
    start = Law(90.0, 0.0)
    made = model(
        make_plan(services, estimates=(*estimates, fixed("check:pre", 0.0))),
        Scenario(builders=Builders(0, 2, start)),
    )
    _, trace = run(made, 1)
    built = chains_of(made, TaskKind.BUILD)
    assert [trace.finish_s[chain[-1], 0] for chain in built] == [150, 150, 210, 210]
    assert [trace.finish_s[chain[1], 0] for chain in built] == [90, 90, 150, 150]


def test_a_node_pulls_one_image_at_a_time_while_pods_start() -> None:
    """Three images of 10 s on one node: pulls end at 10, 20, 30, and what follows is not waited for."""
    services = [Service(name, builds=False) for name in "abc"]
    laws = {
        ("pull", "any"): Law(10.0, 0.0),
        ("helm", "any"): Law(40.0, 0.0),
        ("start", "any"): Law(2.0, 0.0),
    }
    made = model(make_plan(services, check=False), Scenario(cluster=Cluster(nodes=1), laws=laws))
    _, trace = run(made, 1)
    deployed = chains_of(made, TaskKind.DEPLOY)
    assert [trace.finish_s[chain[1], 0] for chain in deployed] == [10, 20, 30]
    assert [trace.finish_s[chain[2], 0] for chain in deployed] == [52, 62, 72]


def test_transfers_share_the_registry() -> None:
    """Two pushes of 10 s at full speed over a registry that is as fast as one connection."""
    services = [Service(name) for name in "ab"]
    laws = {("clone", "any"): Law(0.0, 0.0), ("build", "any"): Law(5.0, 0.0), ("push", "any"): Law(10.0, 0.0)}
    scenario = Scenario(registry=Registry(20e6, 20e6), laws=laws)
    made = model(make_plan(services, check=False), scenario)
    assert [link.width for link in made.network.links] == [1.0]
    _, trace = run(made, 1)
    ends = {each.id: trace.finish_s[index, 0] for index, each in enumerate(made.network.activities)}
    assert (ends["build:a"], ends["build:a/push"], ends["build:b/push"]) == (5, 25, 25)


def test_a_failure_ends_the_chain() -> None:
    scenario = replace(EVERYTHING, failures={"build": Failure(1.0)})
    found, trace = run(model(plan(), scenario))
    assert found.fails is not None
    assert trace.failed.all()
    made = model(plan(), scenario)
    pushes = [index for index, each in enumerate(made.network.activities) if each.id.endswith("/push")]
    assert np.isnan(trace.start_s[pushes]).all()


def test_every_engine_that_covers_it_agrees() -> None:
    for scenario in (EVERYTHING, replace(EVERYTHING, failures={"deploy": Failure(0.2, 1)})):
        made = model(plan(), scenario)
        found, trace = run(made)
        other = engines.simulate(made.network, found.durations_s, found.fails, engine="events")
        assert np.array_equal(trace.finish_s, other.finish_s, equal_nan=True)


@pytest.mark.parametrize("strategy", list(Strategy))
def test_a_thousand_services_are_lowered_quickly(strategy: Strategy) -> None:
    """Chains of every kind; linear in the number of tasks."""
    made = model(make_plan([Service(f"s{n}") for n in range(1000)], strategy=strategy), EVERYTHING)
    assert sum(map(len, made.activities)) == len(made.network.activities) == len(made.laws)
