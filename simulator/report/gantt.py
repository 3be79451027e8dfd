"""One run as rows of characters: a Gantt chart for the terminal.

Takes a `RunTrace` and the services to show, gives rows of cells. Knows no
terminal and no colour; a cell says what it stands for.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from compiler.plan.model import TaskKind
from compiler.values.elapsed import duration
from simulator.engines.trace import Outcome
from simulator.forecasting.forecast import RunTrace, Span, Step


class Cell(StrEnum):
    """What a service does in one column of the chart; the value is its character."""

    NOTHING = " "
    WAITS = "·"
    BUILDS = "▒"
    MIRRORS = "░"
    DEPLOYS = "█"
    FAILS = "✗"
    ENDED = "┤"


PHASE_CELL = "▬"
# What the last column of a bar becomes where the task was not done.
_ENDS = {Outcome.FAILED: Cell.FAILS, Outcome.CANCELLED: Cell.ENDED}
_CELLS = {TaskKind.BUILD: Cell.BUILDS, TaskKind.MIRROR: Cell.MIRRORS, TaskKind.DEPLOY: Cell.DEPLOYS}
# Distances of ticks in seconds that people read easily.
_TICKS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)


@dataclass(frozen=True, slots=True)
class Row:
    """A service's row; `critical` when the run's critical path goes through it."""

    service: str
    cells: tuple[Cell, ...]
    critical: bool


def rows(run: RunTrace, services: tuple[str, ...], columns: int) -> tuple[Row, ...]:
    """One row per service. What takes time has at least one column, what is queued may have none.

    The bar of a task that failed or was ended closes with its mark.
    """
    steps: dict[str, list[Step]] = {service: [] for service in services}
    for step in run.steps:
        if step.kind in _CELLS:
            for service in step.services:
                if service in steps:
                    steps[service].append(step)
    scale = columns / run.makespan_s if run.makespan_s > 0 else 0.0
    return tuple(
        Row(service, _cells(steps[service], scale, columns), any(step.critical for step in steps[service]))
        for service in services
    )


def phase_bar(run: RunTrace, span: Span, columns: int, *, builds_together: bool) -> str:
    """From the first arrival to the last finish of a phase; it has at least one column."""
    steps = [
        step for step in run.steps if _phase_of(step, together=builds_together) == (span.phase, span.stage)
    ]
    if not steps or run.makespan_s <= 0:
        return ""
    scale = columns / run.makespan_s
    first = min(round(min(step.arrival_s for step in steps) * scale), columns - 1)
    last = max(first + 1, round(max(step.finish_s for step in steps) * scale))
    return " " * first + PHASE_CELL * (min(last, columns) - first)


def _phase_of(step: Step, *, together: bool) -> tuple[str, str | None]:
    if step.kind is TaskKind.CHECK:
        return "check", None
    if step.kind is TaskKind.BUILD:
        return "build", None if together else step.stage
    return "deploy", step.stage


def axis(makespan_s: float, columns: int) -> str:
    """Times under the columns: 0 and round times, as many as fit legibly."""
    most = min(6, max(1, columns // 10))
    step_s = next((tick for tick in _TICKS_S if makespan_s / tick <= most), makespan_s / most)
    line = ""
    tick = 0
    while step_s > 0 and tick * step_s <= makespan_s:
        at = round(tick * step_s / makespan_s * columns) if makespan_s > 0 else 0
        label = duration(tick * step_s)
        if (not line or len(line) + 2 <= at) and at + len(label) <= columns:
            line = line.ljust(at) + label
        tick += 1
    return line


def _cells(steps: list[Step], scale: float, columns: int) -> tuple[Cell, ...]:
    cells = [Cell.NOTHING] * columns
    for step in steps:
        for column in range(round(step.arrival_s * scale), min(round(step.start_s * scale), columns)):
            cells[column] = Cell.WAITS
    for step in sorted(steps, key=lambda step: step.start_s):
        first = min(round(step.start_s * scale), columns - 1)
        end = max(first + 1, min(round(step.finish_s * scale), columns))
        for column in range(first, end):
            cells[column] = _CELLS[step.kind]
        cells[end - 1] = _ENDS.get(step.outcome, cells[end - 1])
    return tuple(cells)
