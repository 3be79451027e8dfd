"""The tasks of a plan: what each strategy makes wait for what.

A barrier is one gate task, not an edge between every two tasks around it.
Tasks come out in queue order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from compiler.plan.model import Build, Image, Stage, Task, TaskKind, Workload, task_id
from compiler.vocabulary import Strategy

CHECK = task_id(TaskKind.CHECK, "environment")
MIRROR_RETRIES = 3


def order_tasks(
    strategy: Strategy,
    stages: Sequence[Stage],
    builds: Sequence[Build],
    images: Sequence[Image],
    workloads: Sequence[Workload],
) -> tuple[Task, ...]:
    """All tasks in queue order; see the shared model's strategies for what waits for what."""
    planner = _Planner(strategy, stages, builds, images, workloads)
    tasks = [Task(CHECK, TaskKind.CHECK, (), None, ())]
    if strategy is Strategy.DAG:
        tasks += planner.builds(builds, (CHECK,))
        for stage in stages:
            tasks += planner.deployments(stage, ())
        return tuple(tasks)
    after: tuple[str, ...] = (CHECK,)
    if strategy is Strategy.BUILD_FIRST and builds:
        tasks += planner.builds(builds, after)
        tasks.append(_gate("builds", None, [build.id for build in builds]))
        after = (tasks[-1].id,)
    for stage in stages:
        if not stage.services:
            continue
        if strategy is Strategy.STAGED and (own := planner.builds_of(stage)):
            tasks += planner.builds(own, after)
            tasks.append(_gate(f"builds:{stage.name}", stage.name, [build.id for build in own]))
            after = (tasks[-1].id,)
        deployments = planner.deployments(stage, after)
        tasks += deployments
        tasks.append(_gate(f"stage:{stage.name}", stage.name, [task.id for task in deployments]))
        after = (tasks[-1].id,)
    return tuple(tasks)


def _gate(name: str, stage: str | None, needs: Iterable[str]) -> Task:
    """A barrier: `builds`, `builds:STAGE` or `stage:STAGE`. Stages have any names, these never meet."""
    return Task(task_id(TaskKind.GATE, name), TaskKind.GATE, (), stage, tuple(needs))


class _Planner:
    """What the tasks of one plan look up: who builds, who copies, who is in which stage."""

    def __init__(
        self,
        strategy: Strategy,
        stages: Sequence[Stage],
        builds: Sequence[Build],
        images: Sequence[Image],
        workloads: Sequence[Workload],
    ) -> None:
        self.is_dag = strategy is Strategy.DAG
        self.images: Mapping[str, Image] = {image.id: image for image in images}
        self.workloads: Mapping[str, Workload] = {workload.service: workload for workload in workloads}
        self.stage_of = {name: stage.name for stage in stages for name in stage.services}
        rank = {stage.name: index for index, stage in enumerate(stages)}
        self.stage_of_build = {
            build.id: min((self.stage_of[name] for name in build.services), key=rank.__getitem__)
            for build in builds
        }
        self.builds_by_stage: dict[str, list[Build]] = {}
        for build in builds:
            self.builds_by_stage.setdefault(self.stage_of_build[build.id], []).append(build)
        self.mirrored: dict[str, list[str]] = {}
        for workload in workloads:
            image = self.images.get(workload.image or "")
            if image is not None and image.mirror is not None:
                self.mirrored.setdefault(image.mirror, []).append(workload.service)
        self.copied: set[str] = set()

    def builds_of(self, stage: Stage) -> list[Build]:
        """The builds whose earliest service is in `stage`."""
        return self.builds_by_stage.get(stage.name, [])

    def builds(self, builds: Sequence[Build], needs: tuple[str, ...]) -> list[Task]:
        """A task for each build."""
        return [
            Task(
                id=build.id,
                kind=TaskKind.BUILD,
                services=build.services,
                stage=self.stage_of_build[build.id],
                needs=needs,
                resources=build.resources,
                timeout_s=build.timeout_s,
            )
            for build in builds
        ]

    def deployments(self, stage: Stage, after: tuple[str, ...]) -> list[Task]:
        """The copies that a stage needs first, then its deployments; a copy is made once."""
        mirrors, deployments = [], []
        for name in stage.services:
            workload = self.workloads[name]
            image = self.images.get(workload.image or "")
            own = []
            if image is not None and image.mirror is not None:
                own.append(image.mirror)
                if image.mirror not in self.copied:
                    self.copied.add(image.mirror)
                    mirrors.append(self._mirror(image.mirror, stage, after or (CHECK,)))
            elif self.is_dag and image is not None and image.build is not None:
                own.append(image.build)
            own += [
                task_id(TaskKind.DEPLOY, other) for other in workload.depends_on if self._waits(other, stage)
            ]
            deployments.append(
                Task(
                    id=task_id(TaskKind.DEPLOY, name),
                    kind=TaskKind.DEPLOY,
                    services=(name,),
                    stage=stage.name,
                    needs=(*after, *own) or (CHECK,),
                    timeout_s=workload.timeout_s,
                )
            )
        return mirrors + deployments

    def _waits(self, other: str, stage: Stage) -> bool:
        """Whether a dependency needs an edge: one on an earlier stage is kept by the barrier."""
        return other in self.workloads and (self.is_dag or self.stage_of[other] == stage.name)

    def _mirror(self, task: str, stage: Stage, after: tuple[str, ...]) -> Task:
        return Task(
            id=task,
            kind=TaskKind.MIRROR,
            services=tuple(sorted(self.mirrored[task])),
            stage=stage.name,
            needs=after,
            retries=MIRROR_RETRIES,
        )
