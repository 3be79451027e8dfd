"""What all replications of a model have in common, found once.

Takes a model; knows which activities a task consists of, which tasks make a
phase, and whose times are not what was drawn. Knows no draw and no trace.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from compiler.plan.model import Strategy, Task, TaskKind
from simulator.engines.trace import Flags, Floats
from simulator.modelling.model import Model

PHASES = {
    TaskKind.CHECK: "check",
    TaskKind.BUILD: "build",
    TaskKind.MIRROR: "deploy",
    TaskKind.DEPLOY: "deploy",
}


@dataclass(frozen=True, slots=True)
class Phase:
    """The tasks of one phase of one stage, and what they wait for.

    `tasks` are indices of tasks, `lasts` of their last activities; `needs` has every set of
    activities that a first activity of them waits for, each once.
    """

    name: str
    stage: str | None
    tasks: tuple[int, ...]
    lasts: tuple[int, ...]
    needs: tuple[tuple[int, ...], ...]


class Frame:
    """What all blocks of a model have in common, found once."""

    def __init__(self, model: Model) -> None:
        self.model = model
        network = model.network
        self.firsts = np.array([each[0] for each in model.activities], dtype=np.intp)
        self.lasts = np.array([each[-1] for each in model.activities], dtype=np.intp)
        # Whether activity i is task i.
        self.plain = model.activities == tuple((index,) for index in range(len(network.activities)))
        # The task of every activity; what belongs to none (a machine's start) counts for the first.
        self.owner = np.zeros(len(network.activities), dtype=np.int32)
        for task, members in enumerate(model.activities):
            self.owner[list(members)] = task
        ready = {number for number, queue in enumerate(network.queues) if queue.ready is not None}
        # Whose time is not what was drawn: transfers share, and a ready place takes none.
        self.elastic = [
            index
            for index, activity in enumerate(network.activities)
            if activity.link is not None or activity.queue in ready
        ]
        names = dict.fromkeys(term.name for law in model.laws for term in law.terms)
        self.term_names = tuple(names)

    @cached_property
    def phases(self) -> tuple[Phase, ...]:
        """In the order of their first tasks; builds of all stages are one when they come first."""
        plan, network = self.model.plan, self.model.network
        together = plan.strategy is Strategy.BUILD_FIRST
        groups: dict[tuple[str, str | None], list[int]] = {}
        for index, task in timed(plan.tasks):
            name = PHASES[task.kind]
            stage = None if name == "check" or (name == "build" and together) else task.stage
            groups.setdefault((name, stage), []).append(index)
        return tuple(
            Phase(
                name,
                stage,
                tuple(members),
                tuple(self.lasts[members].tolist()),
                tuple(
                    dict.fromkeys(network.activities[first].needs for first in self.firsts[members].tolist())
                ),
            )
            for (name, stage), members in groups.items()
        )

    def of_tasks(self, per_activity: Floats) -> Floats:
        """Sums over the activities of each task: (activities, n) gives (tasks, n)."""
        if self.plain:
            return per_activity
        result = per_activity[self.firsts]
        for index, members in enumerate(self.model.activities):
            for activity in members[1:]:
                result[index] += per_activity[activity]
        return result

    def any_of_tasks(self, per_activity: Flags) -> Flags:
        """Whether any activity of each task: (activities, n) gives (tasks, n)."""
        if self.plain:
            return per_activity
        result = per_activity[self.firsts]
        for index, members in enumerate(self.model.activities):
            for activity in members[1:]:
                result[index] |= per_activity[activity]
        return result


def timed(tasks: Sequence[Task]) -> Iterable[tuple[int, Task]]:
    """The tasks that take time, with their index."""
    return ((index, task) for index, task in enumerate(tasks) if task.kind is not TaskKind.GATE)
