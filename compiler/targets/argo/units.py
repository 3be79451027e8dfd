"""From a plan to the pods of a run: which tasks each does, what it waits for, which phases there are.

A unit is one pod. It does one task, or several where one pod for each would be
more than a Workflow can hold (etcd takes 1.5 MB, Argo 1 MiB of it). Takes a
plan and its data file; gives numbers and harmless names. Knows no manifest.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from compiler.plan.model import Plan, Resources, Strategy, Task, TaskKind
from compiler.targets.ci.jobs import rollouts, slots
from compiler.targets.pipeline import contract

# What Argo's resource definition takes (v4, `MaxItems`): tasks of one graph, and templates.
GRAPH_TASKS = 200
TEMPLATES = 200
# More pods than these, and several tasks share one. A task of a graph is stored in about 200 bytes.
BUILD_PODS = 500
DEPLOY_PODS = 1000
# Deployments that one pod does then; it keeps to the cap by itself, so that it runs alone.
BATCH = 500

_NOT_SLUG = re.compile(r"[^a-z0-9]+")
_SLUG_LENGTH = 40
_NATIVE = {"linux/amd64": "amd64", "linux/arm64": "arm64"}


@dataclass(frozen=True, slots=True)
class BuildSize:
    """What the pod of a build is made after: its resources, and the architecture where there is one."""

    resources: Resources
    architecture: str | None


@dataclass(frozen=True, slots=True)
class Unit:
    """One pod: builds one after another (`size` is set), or tasks of a stage.

    `members` are indices into the document's builds, or positions among the
    tasks of its stage `stage`. `needs` are names of units of the same phase
    that must have succeeded. `timeout_s` is the sum of its tasks' own.
    """

    name: str
    members: tuple[int, ...]
    stage: int | None
    size: BuildSize | None
    needs: tuple[str, ...]
    timeout_s: int


@dataclass(frozen=True, slots=True)
class Phase:
    """Units that one barrier separates from the next; in queue order, needs before what needs them.

    `parallelism` is the cap; None where builds and deployments are in one
    phase and each kind has a cap of its own (`Caps`).
    """

    name: str
    units: tuple[Unit, ...]
    parallelism: int | None


@dataclass(frozen=True, slots=True)
class Caps:
    """How many pods with builds, and how many with deployments, may run at once."""

    builds: int
    deployments: int


def slug(text: str) -> str:
    """A text as part of a name that Argo takes: letters, digits and hyphens; "x" where nothing is left."""
    return _NOT_SLUG.sub("-", text.lower())[:_SLUG_LENGTH].strip("-") or "x"


def caps(plan: Plan) -> Caps:
    """The caps of a plan, as they count pods."""
    batched = _deployments(plan) > DEPLOY_PODS
    return Caps(slots(plan.limits, plan.builds), 1 if batched else max(1, plan.limits.deploy_parallelism))


def batched(plan: Plan) -> bool:
    """Whether some pods do several tasks."""
    return len(plan.builds) > BUILD_PODS or _deployments(plan) > DEPLOY_PODS


def _deployments(plan: Plan) -> int:
    return sum(len(rollout.tasks) for rollout in rollouts(plan))


def phases(plan: Plan, document: contract.Document) -> list[Phase]:
    """The phases of a plan in the order in which they run; empty ones are left out.

    Raises:
        ValueError: the plan's tasks need each other in a circle.
    """
    maker = _Maker(plan, document)
    limits = caps(plan)
    if plan.strategy is Strategy.DAG:
        everything = [task for tasks in maker.staged() for task in tasks]
        return _present([Phase("all", maker.units(everything), None)])
    found: list[Phase] = []
    building = maker.builds_by_stage()
    if plan.strategy is Strategy.BUILD_FIRST:
        found.append(
            Phase(
                "builds", maker.units([task for tasks in building.values() for task in tasks]), limits.builds
            )
        )
    for number, (place, name, tasks) in enumerate(maker.rollouts, start=1):
        if plan.strategy is Strategy.STAGED:
            # Stages without a deployment have their builds before the next one that has some.
            early = [stage for stage in building if place is None or stage <= place]
            own = [task for stage in early for task in building.pop(stage)]
            found.append(Phase(f"builds-{number}", maker.units(own), maker.cap(own)))
        found.append(Phase(f"stage-{number}-{slug(name)}", maker.units(tasks), limits.deployments))
    if plan.strategy is Strategy.STAGED:
        left = [task for tasks in building.values() for task in tasks]
        found.append(Phase(f"builds-{len(maker.rollouts) + 1}", maker.units(left), maker.cap(left)))
    return _present(found)


def _present(found: Iterable[Phase]) -> list[Phase]:
    return [part for phase in found if phase.units for part in _parts(phase)]


def _parts(phase: Phase) -> Iterator[Phase]:
    """A phase in as many as it takes, one after another, so that what is needed is in the same or before."""
    if len(phase.units) <= GRAPH_TASKS:
        yield phase
        return
    for number, first in enumerate(range(0, len(phase.units), GRAPH_TASKS), start=1):
        units = phase.units[first : first + GRAPH_TASKS]
        here = {unit.name for unit in units}
        kept = (replace(unit, needs=tuple(need for need in unit.needs if need in here)) for unit in units)
        yield Phase(f"{phase.name}-part-{number}", tuple(kept), phase.parallelism)


class _Maker:
    """What the units of one plan look up."""

    def __init__(self, plan: Plan, document: contract.Document) -> None:
        self.plan = plan
        self.document = document
        self.rollouts = [(rollout.stage, rollout.name, rollout.tasks) for rollout in rollouts(plan)]
        self.index = {build.id: number for number, build in enumerate(plan.builds)}
        self.place = {
            task.id: (stage, position)
            for stage, (_, _, tasks) in enumerate(self.rollouts)
            for position, task in enumerate(tasks)
        }
        self.per_build_pod = max(1, -(-len(plan.builds) // BUILD_PODS))
        self.per_deploy_pod = BATCH if len(self.place) > DEPLOY_PODS else 1
        stages = {stage.name: position for position, stage in enumerate(plan.stages)}
        self.stage_of_service = {work.service: stages[work.stage] for work in plan.workloads}
        self.stages = stages

    def builds_by_stage(self) -> dict[int, list[Task]]:
        """The builds by the position of their stage, stages in order, builds in queue order."""
        found: dict[int, list[Task]] = {}
        for task in self.plan.tasks:
            if task.kind is TaskKind.BUILD:
                found.setdefault(self._stage(task), []).append(task)
        return dict(sorted(found.items()))

    def staged(self) -> Iterator[list[Task]]:
        """All tasks, a stage's builds before its deployments: the queues of both kinds keep their order."""
        building = self.builds_by_stage()
        for place, _, tasks in self.rollouts:
            for stage in [stage for stage in building if place is None or stage <= place]:
                yield building.pop(stage)
            yield list(tasks)
        yield from building.values()

    def _stage(self, task: Task) -> int:
        if task.stage is not None:
            return self.stages[task.stage]
        return min(self.stage_of_service[service] for service in task.services)

    def cap(self, builds: Sequence[Task]) -> int:
        """How many of these builds the pool always holds."""
        return slots(self.plan.limits, [self.plan.builds[self.index[task.id]] for task in builds])

    def units(self, tasks: Sequence[Task]) -> tuple[Unit, ...]:
        """The pods that do these tasks, each as early as its needs allow in queue order."""
        chunks: list[list[Task]] = []
        for task in in_order(tasks):
            if chunks and self._joins(chunks[-1], task):
                chunks[-1].append(task)
            else:
                chunks.append([task])
        names = [self._name(chunk) for chunk in chunks]
        unit_of = {task.id: name for name, chunk in zip(names, chunks, strict=True) for task in chunk}
        return tuple(self._unit(name, chunk, unit_of) for name, chunk in zip(names, chunks, strict=True))

    def _joins(self, chunk: Sequence[Task], task: Task) -> bool:
        first = chunk[0]
        if (first.kind is TaskKind.BUILD) != (task.kind is TaskKind.BUILD):
            return False
        if task.kind is TaskKind.BUILD:
            return len(chunk) < self.per_build_pod and self._size(first) == self._size(task)
        return len(chunk) < self.per_deploy_pod and self.place[first.id][0] == self.place[task.id][0]

    def _size(self, task: Task) -> BuildSize:
        build = self.plan.builds[self.index[task.id]]
        platforms = build.source.platforms
        return BuildSize(build.resources, _NATIVE.get(platforms[0]) if len(platforms) == 1 else None)

    def _name(self, chunk: Sequence[Task]) -> str:
        first = chunk[0]
        if first.kind is TaskKind.BUILD:
            where, kind = f"{self.index[first.id]}", "build"
        else:
            stage, position = self.place[first.id]
            where = f"{stage + 1}-{position}"
            kind = first.kind.value if len(chunk) == 1 else "tasks"
        more = slug(first.services[0]) if len(chunk) == 1 and first.services else f"and-{len(chunk) - 1}-more"
        return f"{kind}-{where}-{more}"

    def _unit(self, name: str, chunk: Sequence[Task], unit_of: Mapping[str, str]) -> Unit:
        needs = {unit_of[need]: None for task in chunk for need in task.needs if need in unit_of}
        needs.pop(name, None)
        if chunk[0].kind is TaskKind.BUILD:
            members = tuple(self.index[task.id] for task in chunk)
            timeout_s = sum(self.document["builds"][index]["timeout_s"] for index in members)
            return Unit(name, members, None, self._size(chunk[0]), tuple(needs), timeout_s)
        stage = self.place[chunk[0].id][0]
        members = tuple(self.place[task.id][1] for task in chunk)
        timeout_s = sum(self.document["stages"][stage]["tasks"][place]["timeout_s"] for place in members)
        return Unit(name, members, stage, None, tuple(needs), timeout_s)


def in_order(tasks: Sequence[Task]) -> list[Task]:
    """The tasks in their order, but every task after those of them that it needs.

    Raises:
        ValueError: they need each other in a circle.
    """
    place = {task.id: number for number, task in enumerate(tasks)}
    waits = [len({need for need in task.needs if need in place}) for task in tasks]
    needed_by: dict[int, list[int]] = {}
    for number, task in enumerate(tasks):
        for need in {place[need] for need in task.needs if need in place}:
            needed_by.setdefault(need, []).append(number)
    ready = [number for number, count in enumerate(waits) if not count]
    found = []
    while ready:
        number = heapq.heappop(ready)
        found.append(tasks[number])
        for later in needed_by.get(number, ()):
            waits[later] -= 1
            if not waits[later]:
                heapq.heappush(ready, later)
    if len(found) != len(tasks):
        raise ValueError("tasks of the plan need each other in a circle")
    return found
