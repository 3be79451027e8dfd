"""A part of a plan: some services and what they need, with or without their deployment."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from compiler.plan.model import Plan, Stage, Task, TaskKind
from simulator.network import from_plan


def with_needed(plan: Plan, services: Iterable[str]) -> frozenset[str]:
    """The services and all that they depend on, in this plan. Unknown names are left out."""
    workloads = {workload.service: workload for workload in plan.workloads}
    found: set[str] = set()
    waiting = list(services)
    while waiting:
        name = waiting.pop()
        if name in workloads and name not in found:
            found.add(name)
            waiting.extend(workloads[name].depends_on)
    return frozenset(found)


def narrowed(plan: Plan, services: Collection[str], *, deploys: bool) -> Plan:
    """The plan of some of its services, in the order of the whole.

    Without `deploys` images are built and mirrored only. What waited for a task
    that is left out waits for what that one waited for. The digest stays that of
    the whole plan.
    """
    kept = [task for task in plan.tasks if _is_kept(task, services, deploys=deploys)]
    tasks = tuple(_rewired(plan, {task.id for task in kept}))
    here = {task.id for task in kept}
    workloads = tuple(workload for workload in plan.workloads if workload.service in services)
    images = {workload.image for workload in workloads}
    return replace(
        plan,
        stages=tuple(
            Stage(stage.name, tuple(name for name in stage.services if name in services))
            for stage in plan.stages
        ),
        builds=tuple(build for build in plan.builds if build.id in here),
        images=tuple(image for image in plan.images if image.id in images),
        workloads=workloads,
        tasks=tasks,
        estimates=tuple(estimate for estimate in plan.estimates if estimate.task in here),
        departed=(),
    )


def _is_kept(task: Task, services: Collection[str], *, deploys: bool) -> bool:
    match task.kind:
        case TaskKind.CHECK | TaskKind.GATE:
            return True
        case TaskKind.DEPLOY:
            return deploys and task.services[0] in services
        case TaskKind.BUILD | TaskKind.MIRROR:
            return any(service in services for service in task.services)


def _rewired(plan: Plan, kept: Collection[str]) -> Iterable[Task]:
    """The tasks that are kept, in queue order, with needs among themselves."""
    stands_for: dict[str, tuple[str, ...]] = {}
    needs: dict[str, tuple[str, ...]] = {}
    for index in from_plan(plan).order:
        task = plan.tasks[index]
        needs[task.id] = tuple(dict.fromkeys(part for need in task.needs for part in stands_for[need]))
        stands_for[task.id] = (task.id,) if task.id in kept else needs[task.id]
    return (replace(task, needs=needs[task.id]) for task in plan.tasks if task.id in kept)
