"""The split of a plan's tasks into jobs: groups of builds, stages (a deploy job each).

Never more parallel than the plan and never out of its order. Takes a plan,
gives what the data file and a CI service's files are both drawn after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from compiler.plan.model import Build, Delivery, Limits, Plan, Strategy, Task, TaskKind

# https://docs.github.com/en/actions/reference/limits: jobs that one matrix makes.
MATRIX_JOBS = 256


@dataclass(frozen=True, slots=True)
class Group:
    """Builds that share their slots: indices into the plan's builds in queue order.

    `stage` is the position of the stage that they belong to, None where all
    builds come before all stages. `slots` is how many may run at once.
    """

    builds: tuple[int, ...]
    stage: int | None
    slots: int


@dataclass(frozen=True, slots=True)
class Rollout:
    """What one deploy job does: its position among the plan's stages, None for all stages at once."""

    stage: int | None
    name: str
    tasks: tuple[Task, ...]


def queues(plan: Plan) -> list[Group]:
    """All builds (build-first), or each stage's (staged), in the order in which they run."""
    index = {build.id: position for position, build in enumerate(plan.builds)}
    place = _stage_places(plan)
    waiting: dict[int | None, list[int]] = {}
    for task in plan.tasks:
        if task.kind is TaskKind.BUILD:
            stage = place(task) if plan.strategy is Strategy.STAGED else None
            waiting.setdefault(stage, []).append(index[task.id])
    return [
        Group(tuple(queue), stage, slots(plan.limits, [plan.builds[i] for i in queue]))
        for stage, queue in sorted(waiting.items(), key=lambda item: item[0] or 0)
    ]


def groups(plan: Plan) -> list[Group]:
    """The builds of a plan in groups of at most MATRIX_JOBS, in the order in which they run."""
    found = []
    for queue in queues(plan):
        if len(queue.builds) <= MATRIX_JOBS:
            found.append(queue)
            continue
        for start in range(0, len(queue.builds), MATRIX_JOBS):
            part = queue.builds[start : start + MATRIX_JOBS]
            found.append(Group(part, queue.stage, slots(plan.limits, [plan.builds[i] for i in part])))
    return found


def slots(limits: Limits, builds: Iterable[Build]) -> int:
    """How many of the builds may run at once so that any that many fit into the pool; at least 1.

    A CI service has a fixed number of slots for a group, so the largest builds count.
    """
    sizes = [build.resources for build in builds]
    cpu = sorted((size.cpu_milli for size in sizes), reverse=True)
    memory = sorted((size.memory_bytes for size in sizes), reverse=True)
    fits = 0
    pool = limits.build.pool
    while (
        fits < min(limits.build.slots, len(sizes))
        and sum(cpu[: fits + 1]) <= pool.cpu_milli
        and sum(memory[: fits + 1]) <= pool.memory_bytes
    ):
        fits += 1
    return max(1, fits)


def rollouts(plan: Plan) -> list[Rollout]:
    """The deploy jobs of a plan, in order; only copies of images where CI does not deploy."""
    found: list[list[Task]] = [[] for _ in plan.stages]
    place = _stage_places(plan)
    for task in plan.tasks:
        if task.kind in (TaskKind.MIRROR, TaskKind.DEPLOY):
            found[place(task)].append(task)
    if plan.delivery is not Delivery.HELM:
        copies = tuple(task for tasks in found for task in tasks if task.kind is TaskKind.MIRROR)
        return [Rollout(None, "mirror", copies)] if copies else []
    return [
        Rollout(position, stage.name, tuple(tasks))
        for position, (stage, tasks) in enumerate(zip(plan.stages, found, strict=True))
        if tasks
    ]


def ordered(groups: list[Group], stages: list[Rollout]) -> list[Group | Rollout]:
    """What runs one after another: builds of no stage, then stage after stage its builds and deployments."""
    keyed: list[tuple[tuple[int, int], Group | Rollout]] = []
    last = 1 + max((group.stage or 0 for group in groups), default=0)
    keyed += [((-1 if group.stage is None else group.stage, 0), group) for group in groups]
    keyed += [((last if stage.stage is None else stage.stage, 1), stage) for stage in stages]
    return [part for _, part in sorted(keyed, key=lambda item: item[0])]


def _stage_places(plan: Plan) -> Callable[[Task], int]:
    """What gives a task's stage by position; a task of no stage goes to the earliest one of its services."""
    places = {stage.name: position for position, stage in enumerate(plan.stages)}
    of_service = {workload.service: places[workload.stage] for workload in plan.workloads}

    def place(task: Task) -> int:
        if task.stage is not None:
            return places[task.stage]
        return min(of_service[service] for service in task.services)

    return place
