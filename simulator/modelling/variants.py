"""Other plans that the same spec could have: another strategy, more builders, better builds, a barrier less.

Takes a plan, gives plans that differ from it in one thing, for the forecast alone:
they keep the digest of the plan that they come from and are never emitted. Knows no durations.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from compiler.plan.model import BuildProfile, Estimate, Plan, Resources, Strategy, Task, TaskKind, task_id
from compiler.plan.tasks import order_tasks

_WAYPOINTS = (TaskKind.GATE, TaskKind.CHECK)


@dataclass(frozen=True, slots=True)
class Barrier:
    """A gate that something waits for. `builds` says that it stands behind builds, not behind a stage."""

    task: str
    stage: str | None
    builds: bool


def with_strategy(plan: Plan, strategy: Strategy) -> Plan:
    """The plan with another strategy, its tasks ordered as the compiler would."""
    tasks = order_tasks(strategy, plan.stages, plan.builds, plan.images, plan.workloads)
    return replace(plan, strategy=strategy, tasks=tasks)


def with_builders(plan: Plan, count: int) -> Plan:
    """The plan with `count` builds at a time, and a pool for as many of the default size.

    A build that is larger than that still fits: the pool is never smaller than the largest build.
    """
    limits = plan.limits.build
    sizes = [task.resources or limits.resources for task in plan.tasks if task.kind is TaskKind.BUILD]
    pool = Resources(
        max([count * limits.resources.cpu_milli, *(size.cpu_milli for size in sizes)]),
        max([count * limits.resources.memory_bytes, *(size.memory_bytes for size in sizes)]),
    )
    build = replace(limits, parallelism=count, slots=count, pool=pool)
    return replace(plan, limits=replace(plan.limits, build=build))


def with_profiles(plan: Plan, profiles: Iterable[BuildProfile], estimates: Iterable[Estimate] = ()) -> Plan:
    """The plan with other profiles and other estimates of some builds; those of others stay."""
    new = {profile.task: profile for profile in profiles}
    kept = tuple(profile for profile in plan.profiles if profile.task not in new)
    other = {estimate.task: estimate for estimate in estimates}
    return replace(
        plan,
        profiles=tuple(sorted((*kept, *new.values()), key=lambda each: each.task)),
        estimates=tuple(other.get(estimate.task, estimate) for estimate in plan.estimates),
    )


def barriers(plan: Plan) -> Iterator[Barrier]:
    """The barriers of a plan in their order; the last gate of a plan holds nothing up."""
    kinds = {task.id: task.kind for task in plan.tasks}
    waited_for = {need for task in plan.tasks for need in task.needs}
    for task in plan.tasks:
        if task.kind is TaskKind.GATE and task.id in waited_for:
            behind_builds = any(kinds[need] is TaskKind.BUILD for need in task.needs)
            yield Barrier(task.id, task.stage, behind_builds)


def without_barrier(plan: Plan, barrier: Barrier) -> Plan:
    """The plan without one barrier: what stood behind it waits for what the barrier's tasks waited for.

    A deployment still waits for its own image and for the deployments that it
    depends on. All other barriers stay: the next one behind a stage now waits for both stages.
    """
    kept = _explicit(plan)
    removed = next(task for task in kept if task.id == barrier.task)
    by_id = {task.id: task for task in kept}
    before = _waypoints_before(removed, by_id)
    heir = None if barrier.builds else _next_stage_gate(kept, removed)
    tasks = []
    for task in kept:
        if task.id == barrier.task:
            continue
        needs = tuple(each for need in task.needs for each in (before if need == removed.id else (need,)))
        if task.id == heir:
            needs = (*needs, *removed.needs)
        tasks.append(replace(task, needs=tuple(dict.fromkeys(needs))))
    return replace(plan, tasks=tuple(tasks))


def _explicit(plan: Plan) -> list[Task]:
    """The tasks, deployments with all that they need themselves: barriers make most of it needless."""
    known = {task.id for task in plan.tasks}
    workloads = {workload.service: workload for workload in plan.workloads}
    images = {image.id: image for image in plan.images}
    tasks = []
    for task in plan.tasks:
        if task.kind is TaskKind.DEPLOY:
            workload = workloads[task.services[0]]
            image = images.get(workload.image or "")
            own = [image.build, image.mirror] if image is not None else []
            own += [task_id(TaskKind.DEPLOY, other) for other in workload.depends_on]
            needs = (*task.needs, *(need for need in own if need in known))
            tasks.append(replace(task, needs=tuple(dict.fromkeys(needs))))
        else:
            tasks.append(task)
    return tasks


def _waypoints_before(gate: Task, by_id: dict[str, Task]) -> tuple[str, ...]:
    """The gates and the pre-check that the tasks of a gate wait for."""
    needs = [need for member in gate.needs for need in by_id[member].needs] + list(gate.needs)
    return tuple(dict.fromkeys(need for need in needs if by_id[need].kind in _WAYPOINTS))


def _next_stage_gate(tasks: list[Task], gate: Task) -> str | None:
    """The next gate behind deployments."""
    kinds = {task.id: task.kind for task in tasks}
    later = tasks[tasks.index(gate) + 1 :]
    for task in later:
        if task.kind is TaskKind.GATE and any(kinds[need] is TaskKind.DEPLOY for need in task.needs):
            return task.id
    return None
