"""One run as rows of characters: a Gantt chart for the terminal.

Takes a `RunTrace` and the services to show, gives rows of cells. Knows no
terminal and no colour; a cell says what it stands for.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from compiler.plan.model import TaskKind
from simulator.forecast import RunTrace, Step
from simulator.report.figures import duration


class Cell(StrEnum):
    """What a service does in one column of the chart; the value is its character."""

    NOTHING = " "
    WAITS = "·"
    BUILDS = "▒"
    MIRRORS = "░"
    DEPLOYS = "█"


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
    """One row per service. What takes time has at least one column, what is queued may have none."""
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


def phases(run: RunTrace, columns: int, *, builds_together: bool) -> str:
    """Where phases begin, for strategies with barriers: a bar, and the phase's name as far as it fits."""
    begins: dict[str, float] = {}
    for step in run.steps:
        if step.kind is TaskKind.BUILD:
            name = "builds" if builds_together else f"{step.stage} builds"
        elif step.kind is TaskKind.CHECK:
            continue
        else:
            name = step.stage or "deploy"
        begins[name] = min(step.arrival_s, begins.get(name, step.arrival_s))
    scale = columns / run.makespan_s if run.makespan_s > 0 else 0.0
    line = ""
    for name, begin_s in sorted(begins.items(), key=lambda item: item[1]):
        at = min(round(begin_s * scale), columns - 1)
        line = line[:at].ljust(at) + "|" + name
    return line[:columns].rstrip()


def axis(makespan_s: float, columns: int) -> str:
    """Times under the columns: 0 and round times, as many as fit legibly."""
    step_s = next((tick for tick in _TICKS_S if makespan_s / tick <= 6), makespan_s / 6)
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
        for column in range(first, max(first + 1, min(round(step.finish_s * scale), columns))):
            cells[column] = _CELLS[step.kind]
    return tuple(cells)
