"""Plans that differ in one thing: what still waits for what."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from compiler.plan.model import Plan, Resources, Strategy, TaskKind
from sim_networks import plans
from sim_plans import GB, Service, container, database, fixed, make_plan
from simulator.engines import simulate
from simulator.modelling.pipeline import model
from simulator.modelling.variants import barriers, with_builders, with_strategy, without_barrier
from simulator.studies.paired import CommonDraws


def makespan(plan: Plan) -> float:
    made = model(plan)
    durations_s, fails = CommonDraws(0, 0, 1).of(made)
    return float(simulate(made.network, durations_s, fails, engine="simpy").makespan_s[0])


def ancestors(plan: Plan, task: str) -> set[str]:
    needs = {each.id: each.needs for each in plan.tasks}
    found: set[str] = set()
    todo = [task]
    while todo:
        for need in needs[todo.pop()]:
            if need not in found:
                found.add(need)
                todo.append(need)
    return found


def with_dependencies(plan: Plan) -> Plan:
    """Workloads that say what their tasks wait for, as lowered ones do."""
    needs = {task.services[0]: task.needs for task in plan.tasks if task.kind is TaskKind.DEPLOY}
    workloads = tuple(
        replace(
            each,
            depends_on=tuple(
                need.removeprefix("deploy:") for need in needs[each.service] if need.startswith("deploy:")
            ),
        )
        for each in plan.workloads
    )
    built = {build.services[0]: build.id for build in plan.builds}
    mirrored = {task.services[0]: task.id for task in plan.tasks if task.kind is TaskKind.MIRROR}
    images = tuple(
        replace(each, build=built.get(each.id), mirror=mirrored.get(each.id)) for each in plan.images
    )
    return replace(plan, workloads=workloads, images=images)


# After a check of 1 a database (mirror 2, deploy 5), then a (build 10, deploy 4), then b (build 6, deploy 3).
SECONDS = {
    "check:environment": 1,
    "mirror:db": 2,
    "deploy:db": 5,
    "build:a": 10,
    "deploy:a": 4,
    "build:b": 6,
    "deploy:b": 3,
}
ESTIMATES = tuple(fixed(task, seconds) for task, seconds in SECONDS.items())
SERVICES = [database("db"), Service("a", "first"), Service("b", "second")]


@pytest.mark.parametrize(
    ("strategy", "as_it_is", "without"),
    [
        # 1 + 10 builds, 7 database, 4 a, 3 b. Without the barrier behind the builds a is deployed from 11 on.
        (
            Strategy.BUILD_FIRST,
            25,
            {"gate:builds": 18, "gate:stage:database": 21, "gate:stage:first": 22},
        ),
        # Database until 8, a built until 18, deployed until 22, b 28 and 31. Without the barrier behind the
        # database a is built at once and deployed until 15; without that behind a, b is built from 18 on.
        (
            Strategy.STAGED,
            31,
            {
                "gate:stage:database": 24,
                "gate:builds:first": 31,
                "gate:stage:first": 27,
                "gate:builds:second": 31,
            },
        ),
    ],
)
def test_without_each_barrier_by_hand(strategy: Strategy, as_it_is: float, without: dict[str, float]) -> None:
    plan = make_plan(SERVICES, builds=2, deploys=2, estimates=ESTIMATES)
    plan = with_strategy(with_dependencies(plan), strategy)
    assert makespan(plan) == as_it_is
    found = {each.task: makespan(without_barrier(plan, each)) for each in barriers(plan)}
    assert found == without


@given(plans())
def test_without_a_barrier_all_else_is_kept(plan: Plan) -> None:
    plan = with_strategy(with_dependencies(plan), plan.strategy)
    for barrier in barriers(plan):
        changed = without_barrier(plan, barrier)
        tasks = {task.id: task for task in changed.tasks}
        assert tasks.keys() == {task.id for task in plan.tasks} - {barrier.task}
        model(changed)
        for workload in plan.workloads:
            deploy = f"deploy:{workload.service}"
            before = ancestors(changed, deploy)
            assert {f"deploy:{other}" for other in workload.depends_on} <= before
            assert f"build:{workload.service}" in before or f"build:{workload.service}" not in tasks
            assert f"mirror:{workload.service}" in before or f"mirror:{workload.service}" not in tasks
        for other in barriers(plan):
            if other.task != barrier.task and not other.builds:
                deployed = {each for each in ancestors(plan, other.task) if each.startswith("deploy:")}
                assert deployed <= ancestors(changed, other.task)


def test_the_last_gate_is_no_barrier() -> None:
    plan = make_plan(SERVICES)
    assert [each.task for each in barriers(plan)] == [
        "gate:built",
        "gate:database-deployed",
        "gate:first-deployed",
    ]
    assert [each.builds for each in barriers(plan)] == [True, False, False]
    assert list(barriers(make_plan(SERVICES, strategy=Strategy.DAG))) == []


def test_strategies_come_and_go() -> None:
    plan = with_dependencies(make_plan(SERVICES, estimates=ESTIMATES, builds=2, deploys=2))
    lowered = with_strategy(plan, Strategy.BUILD_FIRST)
    dag = with_strategy(plan, Strategy.DAG)
    assert not [task for task in dag.tasks if task.kind is TaskKind.GATE]
    assert with_strategy(dag, Strategy.BUILD_FIRST) == lowered
    assert dag.digest == plan.digest


def test_builders() -> None:
    large = Service("large", size=Resources(12_000, 4 * GB))
    plan = with_builders(make_plan([Service("a"), large, container("c")]), 2)
    limits = plan.limits.build
    assert (limits.parallelism, limits.slots) == (2, 2)
    # Two of 4 CPU and 4 GB; the large one, of 12 CPU, still fits.
    assert limits.pool == Resources(12_000, 8 * GB)
    assert plan.limits.deploy_parallelism == 7
    model(plan)
