"""The tables that the page saves: what is behind each figure, in full.

Takes a forecast, gives `Data`. Times are seconds, shares between 0 and 1.
"""

from __future__ import annotations

from collections.abc import Sequence

from simulator.forecasting.forecast import Forecast, RunTrace
from simulator.report.csv import PHASES, phase_rows, service_rows
from simulator.report.page.data import Data
from simulator.report.page.facts import Bin, runs_shown


def distribution(found: Sequence[Bin]) -> Data:
    """The bars of the histogram."""
    return Data(
        "distribution",
        ("from_s", "to_s", "runs"),
        tuple((each.begin_s, each.end_s, each.runs) for each in found),
    )


def makespans(forecast: Forecast) -> Data:
    """Every run that succeeded. `number` counts these, in the order of the replications."""
    rows = enumerate(forecast.makespans_s, start=1)
    return Data("makespans", ("number", "makespan_s"), tuple(rows))


def phases(forecast: Forecast) -> Data:
    """All phases."""
    return Data("phases", PHASES, tuple(phase_rows(forecast)))


def terms(forecast: Forecast) -> Data:
    """All terms."""
    return Data("terms", ("term", "share"), tuple((each.term, each.share) for each in forecast.terms))


def tasks(forecast: Forecast) -> Data:
    """All tasks."""
    columns = (
        "task",
        "kind",
        "services",
        "stage",
        "critical",
        "share",
        "duration_p50_s",
        "duration_p90_s",
        "wait_p50_s",
        "timed_out",
    )
    rows = (
        (
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
        )
        for task in forecast.tasks
    )
    return Data("tasks", columns, tuple(rows))


def tornado(forecast: Forecast) -> Data:
    """All swings."""
    columns = ("task", "makespan_when_short_s", "makespan_when_long_s")
    return Data("tornado", columns, tuple((each.task, each.low_s, each.high_s) for each in forecast.swings))


def loads(forecast: Forecast) -> Data:
    """Every change of every load of the runs that are shown."""
    rows = tuple(
        (name, load.queue, load.resource, load.capacity, time_s, amount)
        for name, _, run in runs_shown(forecast)
        for load in run.loads
        for time_s, amount in zip(load.times_s, load.amounts, strict=True)
    )
    return Data("use", ("run", "queue", "resource", "capacity", "time_s", "amount"), rows)


def run(name: str, run: RunTrace) -> Data:
    """Every step of a run."""
    columns = ("task", "kind", "services", "stage", "arrival_s", "start_s", "finish_s", "critical", "outcome")
    rows = (
        (
            step.task,
            step.kind.value,
            " ".join(step.services),
            step.stage,
            step.arrival_s,
            step.start_s,
            step.finish_s,
            int(step.critical),
            step.outcome.name.lower(),
        )
        for step in run.steps
    )
    return Data(f"run-{name}", columns, tuple(rows))


def services(forecast: Forecast) -> Data:
    """All services."""
    columns = (
        "service",
        "type",
        "stage",
        "critical",
        "share",
        "wait_s",
        "build_s",
        "mirror_s",
        "deploy_s",
        "ready_p50_s",
        "ready_p90_s",
    )
    return Data("services", columns, tuple(service_rows(forecast)))


def durations(forecast: Forecast) -> Data:
    """The law of every term of every task, and where it comes from."""
    columns = ("task", "term", "median_s", "p90_s", "median_from", "spread_from")
    rows = (
        (task.id, term.name, term.law.median_s, term.law.p90_s, term.law.source, term.law.spread_source)
        for task in forecast.tasks
        for term in task.terms
    )
    return Data("durations", columns, tuple(rows))
