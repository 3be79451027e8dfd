"""What the sections of a plan's text look up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from compiler.plan.diff import PlanChanges
from compiler.plan.model import Build, Estimate, Image, Plan, Task, TaskKind, Workload
from compiler.values.quantities import format_duration
from stagecast.views.layout import named


@dataclass(frozen=True, slots=True)
class Index:
    """A plan by its ids. `new` and `changed` hold names of services and ids of builds and images.

    Services and images share names; so ids of images stand with `image:` before them.
    """

    plan: Plan
    tasks: Mapping[str, Task]
    of_kind: Mapping[TaskKind, list[Task]]
    builds: Mapping[str, Build]
    mirrored: Mapping[str, Image]
    workloads: Mapping[str, Workload]
    estimates: Mapping[str, Estimate]
    new: frozenset[str]
    changed: frozenset[str]

    @classmethod
    def of(cls, plan: Plan, compared: PlanChanges | None) -> Index:
        """The index of a plan, with what differs from a previous one when there is one."""
        of_kind: dict[TaskKind, list[Task]] = {kind: [] for kind in TaskKind}
        for task in plan.tasks:
            of_kind[task.kind].append(task)
        new: set[str] = set()
        changed: set[str] = set()
        if compared is not None:
            for delta, prefix in (
                (compared.services, ""),
                (compared.builds, ""),
                (compared.images, "image:"),
            ):
                new.update(prefix + name for name in delta.added)
                changed.update(prefix + change.name for change in delta.changed)
        return cls(
            plan=plan,
            tasks={task.id: task for task in plan.tasks},
            of_kind=of_kind,
            builds={build.id: build for build in plan.builds},
            mirrored={image.mirror: image for image in plan.images if image.mirror is not None},
            workloads={workload.service: workload for workload in plan.workloads},
            estimates={estimate.task: estimate for estimate in plan.estimates},
            new=frozenset(new),
            changed=frozenset(changed),
        )

    def mark(self, name: str) -> str:
        """`+` for what is new, `~` for what has changed."""
        return "+" if name in self.new else "~" if name in self.changed else ""

    def estimate(self, task: str) -> str:
        """What the spec says of a task's duration: `about 3m`, `3m` where it is fixed, "" for nothing."""
        known = self.estimates.get(task)
        if known is None:
            return ""
        return f"{'' if known.fixed else 'about '}{format_duration(known.median_s)}"

    def done(self, needs: tuple[str, ...]) -> str:
        """What must have happened, in words, for checks and gates."""
        return " and ".join(self._done(self.tasks[need]) for need in needs)

    def _done(self, task: Task) -> str:
        if task.kind is not TaskKind.GATE:
            return "the check has passed" if task.kind is TaskKind.CHECK else f"{named(task.id)} is done"
        if all(self.tasks[need].kind is TaskKind.BUILD for need in task.needs):
            if task.stage is None:
                return "everything is built"
            return f"the builds of stage {named(task.stage)} are done"
        return f"stage {named(task.stage or '')} is deployed"
