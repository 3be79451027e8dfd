"""A recorded run against the simulator: how long its own task times say that it should have taken.

Takes a plan and the steps of a run of it (see simulator.history.recorded and docs/run.md), gives what each
task held its slot for and the makespan that the engines make of these times. What is left between that
and the real one is what the model does not know: starting processes, asking registries between tasks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from compiler.plan.model import Plan, TaskKind
from simulator import engines
from simulator.history.recorded import RecordedStep
from simulator.network import from_plan

QUEUEING = "queueing"


@dataclass(frozen=True, slots=True)
class Replay:
    """What a run took and what its task times predict, in seconds; `held_s` per task of the plan."""

    held_s: tuple[float, ...]
    predicted_s: float
    measured_s: float

    @property
    def error(self) -> float:
        """Of the prediction, as a part of the measured makespan: negative where it is too short."""
        return self.predicted_s / self.measured_s - 1


def replay(plan: Plan, steps: Iterable[RecordedStep]) -> Replay:
    """Predict a run's makespan from its own task times.

    Raises:
        ValueError: the run is not complete (a task failed, was cancelled or has no step), has a task
            that the plan does not have, or took no time.
    """
    held = _held(plan, tuple(steps))
    missing = [task.id for task in plan.tasks if task.kind is not TaskKind.GATE and task.id not in held]
    if missing:
        raise ValueError(f"the run is not complete: nothing is told of {missing[0]}")
    times = [held.get(task.id, (0.0, 0.0)) for task in plan.tasks]
    held_s = [end_s - begin_s for begin_s, end_s in times]
    measured_s = max(end for _, end in held.values()) - min(begin for begin, _ in held.values())
    if not measured_s > 0:
        raise ValueError("the run took no time")
    trace = engines.simulate(from_plan(plan), np.array(held_s, dtype=np.float64)[:, None])
    return Replay(tuple(held_s), float(trace.makespan_s[0]), measured_s)


def _held(plan: Plan, steps: tuple[RecordedStep, ...]) -> dict[str, tuple[float, float]]:
    """Per task from when to when it held its slot: the end of its first waiting until its last end."""
    known = {task.id for task in plan.tasks}
    waited: dict[str, float] = {}
    first: dict[str, float] = {}
    last: dict[str, float] = {}
    for step in steps:
        if step.task not in known:
            raise ValueError(f"the plan has no task {step.task}")
        if step.outcome not in ("done", "skipped"):
            raise ValueError(f"the run is not complete: {step.task} was {step.outcome}")
        if step.step.endswith(QUEUEING):
            waited[step.task] = min(waited.get(step.task, step.end_s), step.end_s)
        first[step.task] = min(first.get(step.task, step.start_s), step.start_s)
        last[step.task] = max(last.get(step.task, step.end_s), step.end_s)
    return {task: (waited.get(task, begin_s), last[task]) for task, begin_s in first.items()}
