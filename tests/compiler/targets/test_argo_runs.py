"""Whole runs of generated workflows in an executor with Argo's rules: order, caps, failures."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argo_plans import ordered_plans
from argo_semantics import Pod, Run, load, most_at_once
from compiler.plan.model import Delivery, Plan, Strategy, Task, TaskKind
from compiler.plan.tasks import order_tasks
from compiler.targets.argo import emit, units
from compiler.targets.ci.jobs import rollouts
from pipeline_plans import Service, make_plan

EVERYTHING = "".join(f",{number}" for number in range(5000)) + ","


def start(plan: Plan, seed: int = 0, *, failing: frozenset[str] = frozenset(), todo: str = EVERYTHING) -> Run:
    """A run with random durations; pods whose task's name holds one of `failing` fail."""
    chance = random.Random(seed)
    return Run(
        load(emit(plan)),
        duration=lambda _: chance.uniform(1, 10),
        fails=lambda name: any(part in name for part in failing),
        todo=todo,
    )


def tasks_of(plan: Plan, pods: list[Pod]) -> dict[str, list[Pod]]:
    """The pods that did each task of the plan."""
    stages = [rollout.tasks for rollout in rollouts(plan)]
    found: dict[str, list[Pod]] = {}
    for pod in pods:
        if "builds" in pod.inputs:
            names = [plan.builds[int(index)].id for index in pod.inputs["builds"].split(",")]
        elif "stage" in pod.inputs:
            stage = stages[int(pod.inputs["stage"])]
            names = [stage[int(place)].id for place in pod.inputs["tasks"].split(",")]
        else:
            names = ["check:environment"] if pod.task == "check" else []
        for name in names:
            found.setdefault(name, []).append(pod)
    return found


def needs(plan: Plan) -> Iterator[tuple[str, str]]:
    """Every task and every task that must have ended before it, through the gates."""
    tasks = {task.id: task for task in plan.tasks}
    before: dict[str, frozenset[str]] = {}

    def find(task: Task) -> frozenset[str]:
        if task.id not in before:
            found: set[str] = set()
            for need in task.needs:
                found |= {need} if tasks[need].kind is not TaskKind.GATE else find(tasks[need])
            before[task.id] = frozenset(found)
        return before[task.id]

    for task in plan.tasks:
        if task.kind is not TaskKind.GATE:
            yield from ((task.id, need) for need in find(task))


def assert_kept(plan: Plan, pods: list[Pod]) -> None:
    """The plan's order and caps held for all that ran."""
    ran = tasks_of(plan, pods)
    for task, need in needs(plan):
        if task in ran:
            assert need in ran, (task, need)
            assert ran[need][0] is ran[task][0] or ran[need][0].end <= ran[task][0].start, (task, need)
    building = [pod for pod in pods if "builds" in pod.inputs]
    deploying = [pod for pod in pods if "stage" in pod.inputs]
    assert most_at_once(building) <= plan.limits.build.slots
    assert most_at_once(deploying) <= plan.limits.deploy_parallelism
    if any("," in pod.inputs["tasks"] for pod in deploying):
        assert most_at_once(deploying) == 1
    assert_in_pool(plan, building)


def assert_in_pool(plan: Plan, building: list[Pod]) -> None:
    for moment in {pod.start for pod in building}:
        now = [pod for pod in building if pod.start <= moment < pod.end]
        sizes = [plan.builds[int(pod.inputs["builds"].split(",")[0])].resources for pod in now]
        if len(sizes) > 1:
            assert sum(size.cpu_milli for size in sizes) <= plan.limits.build.pool.cpu_milli
            assert sum(size.memory_bytes for size in sizes) <= plan.limits.build.pool.memory_bytes


def wanted(plan: Plan) -> set[str]:
    kinds = {TaskKind.CHECK, TaskKind.BUILD, TaskKind.MIRROR}
    if plan.delivery is Delivery.HELM:
        kinds.add(TaskKind.DEPLOY)
    return {task.id for task in plan.tasks if task.kind in kinds}


@settings(max_examples=60)
@given(ordered_plans(), st.integers(0, 3))
def test_every_task_runs_once_in_the_plans_order_and_never_more_than_the_caps(plan: Plan, seed: int) -> None:
    run = start(plan, seed)
    assert run.execute()
    ran = tasks_of(plan, run.pods)
    assert set(ran) == wanted(plan)
    assert all(len(pods) == 1 for pods in ran.values())
    assert_kept(plan, run.pods)


@settings(max_examples=40)
@given(ordered_plans(), st.integers(0, 3))
def test_the_same_holds_in_parts_and_when_pods_do_several_tasks(plan: Plan, seed: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(units, "BUILD_PODS", 3)
        patch.setattr(units, "DEPLOY_PODS", 4)
        patch.setattr(units, "BATCH", 3)
        patch.setattr(units, "GRAPH_TASKS", 4)
        run = start(plan, seed)
    assert run.execute()
    ran = tasks_of(plan, run.pods)
    assert set(ran) == wanted(plan)
    assert all(len(pods) == 1 for pods in ran.values())
    assert_kept(plan, run.pods)


@settings(max_examples=25)
@given(ordered_plans(), st.integers(1, 5))
def test_the_same_holds_in_parts(plan: Plan, most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(units, "GRAPH_TASKS", most)
        run = start(plan)
    assert run.execute()
    assert set(tasks_of(plan, run.pods)) == wanted(plan)
    assert_kept(plan, run.pods)


@settings(max_examples=50)
@given(ordered_plans(sizes=False), st.integers(0, 3), st.data())
def test_after_a_failure_nothing_starts_and_what_runs_ends(
    plan: Plan, seed: int, data: st.DataObject
) -> None:
    whole = start(plan, seed)
    assert whole.execute()
    victim = data.draw(st.sampled_from(sorted(pod.task for pod in whole.pods)))
    run = Run(whole.manifests, start(plan, seed).duration, lambda name: name == victim, EVERYTHING)
    assert not run.execute()
    failed = next(pod for pod in run.pods if not pod.ok)
    assert all(pod.start < failed.end for pod in run.pods)
    assert [pod.task for pod in run.pods if not pod.ok] == [victim]
    assert_kept(plan, run.pods)


@settings(max_examples=25)
@given(ordered_plans(delivery=Delivery.ARGOCD))
def test_with_argocd_nothing_is_deployed(plan: Plan) -> None:
    run = start(plan)
    assert run.execute()
    assert set(tasks_of(plan, run.pods)) == wanted(plan)


def twelve(strategy: Strategy, *, slots: int = 7, deploy_parallelism: int = 7) -> Plan:
    services = [Service(f"s{number}", "only", built=True) for number in range(12)]
    plan = make_plan(services, strategy=strategy, slots=slots, deploy_parallelism=deploy_parallelism)
    return replace(plan, tasks=order_tasks(strategy, plan.stages, plan.builds, plan.images, plan.workloads))


@pytest.mark.parametrize("strategy", list(Strategy))
def test_both_caps_are_used_to_the_full_and_queues_keep_their_order(strategy: Strategy) -> None:
    run = start(twelve(strategy, slots=3, deploy_parallelism=4))
    assert run.execute()
    building = [pod for pod in run.pods if "builds" in pod.inputs]
    deploying = [pod for pod in run.pods if "stage" in pod.inputs]
    assert most_at_once(building) == 3
    # With dag, deployments come as their builds do, three at a time at most here.
    assert most_at_once(deploying) >= 4 or strategy is Strategy.DAG
    started = {int(pod.inputs["builds"]): pod.start for pod in building}
    assert [started[index] for index in range(12)] == sorted(started.values())


def test_dag_deploys_while_it_builds() -> None:
    run = start(twelve(Strategy.DAG, slots=2, deploy_parallelism=2))
    assert run.execute()
    last_build = max(pod.end for pod in run.pods if "builds" in pod.inputs)
    assert min(pod.start for pod in run.pods if "stage" in pod.inputs) < last_build


def test_an_unchanged_image_gets_no_pod() -> None:
    run = start(twelve(Strategy.BUILD_FIRST), todo=",3,")
    assert run.execute()
    assert [pod.inputs["builds"] for pod in run.pods if "builds" in pod.inputs] == ["3"]


def test_who_waits_for_a_semaphore_does_not_start_after_a_failure() -> None:
    plan = twelve(Strategy.DAG, slots=2, deploy_parallelism=2)
    run = start(plan, failing=frozenset({"build-0-"}))
    assert not run.execute()
    assert {pod.inputs["builds"] for pod in run.pods if "builds" in pod.inputs} <= {"0", "1", "2", "3", "4"}
