"""A forecast as tables for spreadsheets and data frames.

Takes a `Forecast`, gives tables as CSV (RFC 4180, but with plain line feeds), one text per
table, each with one header line, one thing per row and one figure per column.
Times are seconds, shares are between 0 and 1, nothing is an empty cell. A text
that a spreadsheet would run as a formula gets an apostrophe in front.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from simulator.engines.trace import Outcome
from simulator.forecasting.forecast import Forecast, RunTrace, Step

Cell: TypeAlias = str | float | int | bool | None
Row: TypeAlias = Iterable[Cell]

# The characters that start a formula: OWASP, "CSV Injection".
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its name, and its text."""

    name: str
    text: str


SERVICES = (
    "service",
    "type",
    "stage",
    "critical",
    "share",
    "queued_s",
    "build_s",
    "mirror_s",
    "deploy_s",
    "ready_p50_s",
    "ready_p90_s",
)
TASKS = (
    "task",
    "kind",
    "services",
    "stage",
    "critical",
    "share",
    "p50_s",
    "p90_s",
    "queued_s",
    "timed_out",
    "source",
    "swing_low_s",
    "swing_high_s",
    "median_run_start_s",
    "median_run_finish_s",
    "median_run_outcome",
    "p90_run_start_s",
    "p90_run_finish_s",
)
PHASES = ("phase", "stage", "tasks", "begin_s", "end_s", "p50_s", "p90_s")
MAKESPAN = ("quantile", "value_s", "low_s", "high_s")
RUNS = ("replication", "failed", "makespan_s")
# The columns of every table, what is asked for first at first.
HEADERS = {"services": SERVICES, "tasks": TASKS, "phases": PHASES, "makespan": MAKESPAN, "runs": RUNS}


def tables(forecast: Forecast) -> tuple[Table, ...]:
    """The tables of `HEADERS`, always with the same columns."""
    rows = {
        "services": service_rows(forecast),
        "tasks": _tasks(forecast),
        "phases": phase_rows(forecast),
        "makespan": _makespan(forecast),
        "runs": _runs(forecast),
    }
    return tuple(Table(name, text(header, rows[name])) for name, header in HEADERS.items())


def service_rows(forecast: Forecast) -> Iterator[tuple[str | float | None, ...]]:
    """A row per service, in the order of `SERVICES`."""
    for each in forecast.services:
        yield (
            each.name,
            each.type.value,
            each.stage,
            each.critical,
            each.share,
            each.wait_s,
            each.build_s,
            each.mirror_s,
            each.deploy_s,
            each.ready_p50_s,
            each.ready_p90_s,
        )


def _tasks(forecast: Forecast) -> Iterator[Row]:
    median, slow = _steps(forecast.median_run), _steps(forecast.p90_run)
    # The run at P90 is one that succeeded, in which all is done.
    swings = {swing.task: swing for swing in forecast.swings}
    for task in forecast.tasks:
        swing = swings.get(task.id)
        sources = dict.fromkeys(term.law.source for term in task.terms)
        yield (
            task.id,
            task.kind.value,
            " ".join(task.services),
            task.stage,
            task.critical,
            task.share,
            task.duration_p50_s,
            task.duration_p90_s,
            task.wait_p50_s,
            task.timed_out,
            " ".join(sources),
            None if swing is None else swing.low_s,
            None if swing is None else swing.high_s,
            *_times(median.get(task.id)),
            _outcome(median.get(task.id)),
            *_times(slow.get(task.id)),
        )


def _steps(run: RunTrace | None) -> dict[str, Step]:
    return {} if run is None else {step.task: step for step in run.steps}


def _times(step: Step | None) -> tuple[float | None, float | None]:
    return (None, None) if step is None else (step.start_s, step.finish_s)


def _outcome(step: Step | None) -> str:
    return (Outcome.NEVER if step is None else step.outcome).name.lower()


def phase_rows(forecast: Forecast) -> Iterator[tuple[str | float | None, ...]]:
    """A row per phase, in the order of `PHASES`."""
    for span in forecast.spans:
        yield span.phase, span.stage, span.tasks, span.begin_s, span.end_s, span.p50_s, span.p90_s


def _makespan(forecast: Forecast) -> Iterator[Row]:
    if forecast.succeeded:
        makespan = forecast.makespan
        for name, each in (("p50", makespan.p50), ("p90", makespan.p90), ("p99", makespan.p99)):
            yield name, each.value_s, each.low_s, each.high_s
        yield "mean", makespan.mean_s, None, None


def _runs(forecast: Forecast) -> Iterator[Row]:
    rest = iter(forecast.makespans_s)
    failed = frozenset(forecast.failed_runs)
    for number in range(forecast.runs):
        yield number, number in failed, None if number in failed else next(rest)


def text(header: Iterable[str], rows: Iterable[Row]) -> str:
    """A table with its header, as the module says; numbers have at most six decimals."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_cell(cell) for cell in row] for row in rows)
    return out.getvalue()


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(round(value, 6))
    if isinstance(value, int):
        return str(value)
    return f"'{value}" if value.startswith(_FORMULA) else value
