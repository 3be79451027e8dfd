"""From replications to a forecast.

Takes a model and its replications as one `Block`, gives the `Forecast`. Draws
nothing but the factor that the durations of a run have in common, schedules
nothing, prints nothing. Single tasks and services are in `simulator.forecasting.details`,
single replications in `simulator.forecasting.replication`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.engines import Choice
from simulator.engines.trace import Floats
from simulator.forecasting.blocks import Block
from simulator.forecasting.details import Selection, bounds, services, swings, tasks, terms, uses
from simulator.forecasting.forecast import Forecast, Makespan, RunTrace, Span
from simulator.forecasting.frame import Frame
from simulator.forecasting.replication import run_trace
from simulator.statistics.quantiles import Quantile, order_statistic, quantile

_NO_TIME = Quantile(0.0, None, None)
_NOTHING = Makespan(_NO_TIME, _NO_TIME, _NO_TIME, 0.0, None, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for, beside the model. `cut` says that fewer runs were made."""

    seed: int
    engine: Choice
    precision: float | None = None
    cut: bool = False


def summarise(frame: Frame, runs: Block, request: Request) -> Forecast:
    """The forecast of a model from its replications, the first of which are detailed."""
    model = frame.model
    assert runs.detail is not None
    succeeded = runs.failure < 0
    makespan_s = runs.makespan_s if succeeded.all() else runs.makespan_s[succeeded]
    makespan = makespan_of(makespan_s)
    chosen = Selection.of(runs, succeeded)
    median, p90 = _shown(runs, succeeded, makespan)
    median_run = run_trace(frame, runs.detail, median, float(runs.makespan_s[median]))
    return Forecast(
        environment=model.plan.environment,
        digest=model.plan.digest,
        strategy=model.plan.strategy,
        engine=request.engine.name,
        runs=runs.count,
        seed=request.seed,
        correlation=model.scenario.correlation,
        makespan=makespan,
        makespans_s=tuple(makespan_s.tolist()),
        spans=tuple(_spans(frame, runs, succeeded)),
        services=tuple(services(frame, chosen)),
        tasks=tuple(tasks(frame, chosen)),
        terms=terms(frame, chosen),
        uses=tuple(uses(frame, chosen, median_run.loads)),
        bounds=bounds(chosen),
        median_run=median_run,
        timed_out=float(runs.timed_out.mean()),
        p90_run=_p90_run(frame, runs, p90),
        swings=swings(frame, chosen, request.seed),
        failed=1 - len(makespan_s) / runs.count,
        failed_runs=tuple(np.flatnonzero(~succeeded).tolist()),
        failures=_failures(frame, runs),
        detailed_runs=runs.detail.start_s.shape[1],
        engine_reason=request.engine.reason,
        scenario=model.scenario.name,
        profile=model.profile,
        interrupted=request.cut,
        precision=request.precision,
    )


def makespan_of(makespan_s: Floats) -> Makespan:
    """Quantiles and mean of the makespans of the runs that succeeded, in any order."""
    count = len(makespan_s)
    if count == 0:
        return _NOTHING
    ordered = np.sort(makespan_s)
    return Makespan(
        p50=quantile(ordered, 0.5),
        p90=quantile(ordered, 0.9),
        p99=quantile(ordered, 0.99),
        mean_s=float(makespan_s.mean()),
        standard_error_s=float(makespan_s.std(ddof=1)) / math.sqrt(count) if count > 1 else None,
        shortest_s=float(ordered[0]),
        longest_s=float(ordered[-1]),
    )


def _shown(runs: Block, succeeded: NDArray[np.bool_], makespan: Makespan) -> tuple[int, int | None]:
    """The detailed replications nearest to P50 and to P90; failed ones when none succeeded."""
    assert runs.detail is not None
    count = runs.detail.start_s.shape[1]
    candidates = np.flatnonzero(succeeded[:count])
    if not candidates.size:
        at_s = runs.makespan_s[:count]
        return int(np.argmin(np.abs(at_s - order_statistic(at_s, 0.5)))), None
    at_s = runs.makespan_s[candidates]
    return (
        int(candidates[np.argmin(np.abs(at_s - makespan.p50.value_s))]),
        int(candidates[np.argmin(np.abs(at_s - makespan.p90.value_s))]),
    )


def _p90_run(frame: Frame, runs: Block, replication: int | None) -> RunTrace | None:
    if replication is None:
        return None
    assert runs.detail is not None
    return run_trace(frame, runs.detail, replication, float(runs.makespan_s[replication]))


def _spans(frame: Frame, runs: Block, succeeded: NDArray[np.bool_]) -> Iterable[Span]:
    """Phases of the runs that succeeded, in the order in which they begin."""
    if not succeeded.any():
        return ()
    whole = succeeded.all()
    spans = []
    for row, phase in enumerate(frame.phases):
        begin_s, end_s = runs.begin_s[row], runs.end_s[row]
        if not whole:
            begin_s, end_s = begin_s[succeeded], end_s[succeeded]
        took_s = end_s - begin_s
        spans.append(
            Span(
                phase=phase.name,
                stage=phase.stage,
                tasks=len(phase.tasks),
                begin_s=float(order_statistic(begin_s, 0.5)),
                end_s=float(order_statistic(end_s, 0.5)),
                p50_s=float(order_statistic(took_s, 0.5)),
                p90_s=float(order_statistic(took_s, 0.9)),
            )
        )
    return sorted(spans, key=lambda span: (span.begin_s, span.end_s))


def _failures(frame: Frame, runs: Block) -> tuple[tuple[str, float], ...]:
    """What failed first in which share of all runs, largest first."""
    failed = runs.failure[runs.failure >= 0]
    counts = np.bincount(failed, minlength=1)
    found = [
        (frame.model.plan.tasks[index].id, float(counts[index]) / runs.count)
        for index in np.flatnonzero(counts).tolist()
    ]
    return tuple(sorted(found, key=lambda each: (-each[1], each[0])))
