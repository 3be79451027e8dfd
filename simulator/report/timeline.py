"""One run as a timeline: services by stage, phases as bands, the critical path, round times.

Takes a `RunTrace`, gives what a Gantt chart draws. Shared by the HTML report
and the SVG chart; knows neither.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from compiler.plan.model import Strategy, TaskKind
from compiler.values.elapsed import duration
from simulator.engines.trace import Outcome
from simulator.forecasting.forecast import RunTrace, ServiceForecast, Step, TaskForecast

# Distances of ticks that people read easily: seconds, then days.
_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200)
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Row:
    """A service (or the pre-check) and its tasks in the order in which they started.

    `never` are the ids of its tasks that a failure kept from starting.
    """

    name: str
    steps: tuple[Step, ...]
    never: tuple[str, ...] = ()

    @property
    def critical(self) -> bool:
        """Whether the run's critical path goes through it."""
        return any(step.critical for step in self.steps)

    @property
    def failed(self) -> bool:
        """Whether one of its tasks failed."""
        return any(step.outcome is Outcome.FAILED for step in self.steps)

    @property
    def whole(self) -> bool:
        """Whether all its tasks are done."""
        return not self.never and all(step.outcome is Outcome.DONE for step in self.steps)


@dataclass(frozen=True, slots=True)
class Group:
    """A stage with its services in the plan's order; `stage` is None for tasks of no stage."""

    stage: str | None
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Band:
    """A phase in one run: from the moment its first task could start to its last finish."""

    name: str
    phase: str
    begin_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """A run to draw. `path` is its critical path by start; `bands` are empty where phases overlap (dag).

    `failed` says that a task of it failed.
    """

    makespan_s: float
    groups: tuple[Group, ...]
    bands: tuple[Band, ...]
    path: tuple[Step, ...]
    failed: bool = False

    @property
    def rows(self) -> Iterable[Row]:
        """All rows, group after group."""
        return (row for group in self.groups for row in group.rows)


def timeline(
    run: RunTrace,
    services: tuple[ServiceForecast, ...],
    strategy: Strategy,
    tasks: tuple[TaskForecast, ...] = (),
) -> Timeline:
    """A run by stage. Of `tasks`, those that never started are named in their services' rows."""
    steps = [step for step in run.steps if math.isfinite(step.start_s) and math.isfinite(step.finish_s)]
    of_service: dict[str, list[Step]] = {each.name: [] for each in services}
    begun = {step.task for step in steps}
    never: dict[str, list[str]] = {each.name: [] for each in services}
    for task in tasks if run.failed else ():
        for service in () if task.id in begun else task.services:
            if service in never:
                never[service].append(task.id)
    others = []
    for step in sorted(steps, key=lambda step: step.start_s):
        named = [service for service in step.services if service in of_service]
        for service in named:
            of_service[service].append(step)
        if not named:
            others.append(step)
    groups = [Group(None, tuple(Row(_title(step), (step,)) for step in others))] if others else []
    for stage in dict.fromkeys(each.stage for each in services):
        members = (each.name for each in services if each.stage == stage)
        groups.append(
            Group(stage, tuple(Row(name, tuple(of_service[name]), tuple(never[name])) for name in members))
        )
    path = sorted((step for step in steps if step.critical), key=lambda step: (step.start_s, step.finish_s))
    # A strategy without barriers has no phases: its bands would lie on top of each other.
    bands = () if strategy is Strategy.DAG else _bands(steps, strategy)
    return Timeline(run.makespan_s, tuple(groups), bands, tuple(path), run.failed)


def _title(step: Step) -> str:
    return "pre-check" if step.kind is TaskKind.CHECK else step.task


def _bands(steps: list[Step], strategy: Strategy) -> tuple[Band, ...]:
    """Phases in the order in which they begin; builds of all stages are one when they come first."""
    ends: dict[tuple[str, str], tuple[float, float]] = {}
    for step in steps:
        if step.kind is TaskKind.CHECK:
            continue
        phase = "build" if step.kind is TaskKind.BUILD else "deploy"
        stage = step.stage or ""
        if phase == "build":
            name = "builds" if strategy is Strategy.BUILD_FIRST or not stage else f"{stage}: builds"
        else:
            name = stage or "deployments"
        begin_s, end_s = ends.get((name, phase), (step.arrival_s, step.finish_s))
        ends[name, phase] = (min(begin_s, step.arrival_s), max(end_s, step.finish_s))
    found = (Band(name, phase, *begin_end) for (name, phase), begin_end in ends.items())
    return tuple(sorted(found, key=lambda band: (band.begin_s, band.end_s)))


def queued_share(path: tuple[Step, ...]) -> float:
    """The part of a critical path's time that lies in tasks which had to wait for room first."""
    whole_s = sum(step.finish_s - step.start_s for step in path)
    queued_s = sum(step.finish_s - step.start_s for step in path if step.start_s > step.arrival_s)
    return queued_s / whole_s if whole_s > 0 else 0.0


def clock(time_s: float) -> str:
    """A moment of a run: 42s, 3:07, 2:07:12."""
    whole = round(time_s)
    if whole < 60:
        return duration(time_s)
    minutes, seconds = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def running(steps: Iterable[Step]) -> tuple[tuple[float, int], ...]:
    """How many of some tasks run: (from when, how many), times rising, the last count 0."""
    changes: dict[float, int] = {}
    for step in steps:
        changes[step.start_s] = changes.get(step.start_s, 0) + 1
        changes[step.finish_s] = changes.get(step.finish_s, 0) - 1
    count, counts = 0, []
    for time_s, change in sorted(changes.items()):
        count += change
        counts.append((time_s, count))
    return tuple(counts)


def ticks(end_s: float, most: int, begin_s: float = 0.0) -> tuple[float, ...]:
    """At most `most` round times from `begin_s` to `end_s`, at least one where there is any time at all."""
    span_s = end_s - begin_s
    if not (0 < span_s < math.inf):
        return (begin_s,)
    step_s = next((step for step in _STEPS_S if span_s / step <= most - 1), 0.0) or _days(span_s, most)
    first = math.ceil(begin_s / step_s - 1e-9)
    last = math.floor(end_s / step_s + 1e-9)
    return tuple(number * step_s for number in range(first, last + 1)) or (begin_s,)


def _days(span_s: float, most: int) -> float:
    """1, 2 or 5 times a power of ten of days."""
    power = _DAY_S
    while True:
        for factor in (1, 2, 5):
            if span_s / (factor * power) <= most - 1:
                return factor * power
        power *= 10
