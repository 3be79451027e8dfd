"""A forecast as JSON, for machines.

The shape is schemas/forecast.schema.json, key by key. Times are seconds,
rounded to milliseconds, shares are rounded to six digits: below that,
processors may differ.
"""

from __future__ import annotations

import json
from typing import Any

from simulator.durations import Term
from simulator.forecast import (
    FORECAST_VERSION,
    Bounds,
    Forecast,
    Makespan,
    RunTrace,
    ServiceForecast,
    Span,
    TaskForecast,
    Use,
)
from simulator.quantiles import CONFIDENCE, Quantile


def render(forecast: Forecast) -> str:
    """The forecast as a JSON document, ending with a line end."""
    return json.dumps(as_data(forecast), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def as_data(forecast: Forecast) -> dict[str, Any]:
    """The forecast as plain dicts and lists, in the order of the schema."""
    return {
        "version": FORECAST_VERSION,
        "environment": forecast.environment,
        "digest": forecast.digest,
        "strategy": forecast.strategy.value,
        "engine": forecast.engine,
        "runs": forecast.runs,
        "seed": forecast.seed,
        "correlation": forecast.correlation,
        "makespan": _makespan(forecast.makespan),
        "bounds": _bounds(forecast.bounds),
        "phases": [_span(span) for span in forecast.spans],
        "services": {service.name: _service(service) for service in forecast.services},
        "terms": {each.term: _share(each.share) for each in forecast.terms},
        "uses": [_use(use) for use in forecast.uses],
        "tasks": [_task(task) for task in forecast.tasks],
        "assumptions": _assumptions(forecast),
        "timedOut": _share(forecast.timed_out),
        "medianRun": _run(forecast.median_run),
    }


def _seconds(value_s: float) -> float:
    return round(value_s, 3)


def _optional(value_s: float | None) -> float | None:
    return None if value_s is None else _seconds(value_s)


def _share(value: float) -> float:
    return round(value, 6)


def _makespan(makespan: Makespan) -> dict[str, Any]:
    quantiles = {"p50": makespan.p50, "p90": makespan.p90, "p99": makespan.p99}
    return {
        **{name: _seconds(each.value_s) for name, each in quantiles.items()},
        "intervals": {name: _interval(each) for name, each in quantiles.items()},
        "confidence": CONFIDENCE,
        "mean": _seconds(makespan.mean_s),
        "standardError": _optional(makespan.standard_error_s),
        "shortest": _seconds(makespan.shortest_s),
        "longest": _seconds(makespan.longest_s),
    }


def _interval(quantile: Quantile) -> list[float | None]:
    return [_optional(quantile.low_s), _optional(quantile.high_s)]


def _bounds(bounds: Bounds) -> dict[str, float]:
    return {
        "area": _seconds(bounds.area_s),
        "criticalPath": _seconds(bounds.critical_path_s),
        "lower": _seconds(bounds.lower_s),
        "gap": _share(bounds.gap),
    }


def _span(span: Span) -> dict[str, Any]:
    return {
        "phase": span.phase,
        "stage": span.stage,
        "tasks": span.tasks,
        "begin": _seconds(span.begin_s),
        "end": _seconds(span.end_s),
        "p50": _seconds(span.p50_s),
        "p90": _seconds(span.p90_s),
    }


def _service(service: ServiceForecast) -> dict[str, Any]:
    return {
        "type": service.type.value,
        "stage": service.stage,
        "critical": _share(service.critical),
        "share": _share(service.share),
        "wait": _seconds(service.wait_s),
        "build": _optional(service.build_s),
        "mirror": _optional(service.mirror_s),
        "deploy": _optional(service.deploy_s),
        "ready": {"p50": _seconds(service.ready_p50_s), "p90": _seconds(service.ready_p90_s)},
    }


def _use(use: Use) -> dict[str, Any]:
    return {
        "queue": use.queue,
        "resource": use.resource,
        "capacity": use.capacity,
        "mean": _share(use.mean),
        "peak": use.peak,
    }


def _task(task: TaskForecast) -> dict[str, Any]:
    return {
        "id": task.id,
        "kind": task.kind.value,
        "services": list(task.services),
        "stage": task.stage,
        "critical": _share(task.critical),
        "share": _share(task.share),
        "p50": _seconds(task.duration_p50_s),
        "p90": _seconds(task.duration_p90_s),
        "wait": _seconds(task.wait_p50_s),
        "timedOut": _share(task.timed_out),
        "terms": [_term(term) for term in task.terms],
    }


def _term(term: Term) -> dict[str, Any]:
    return {
        "term": term.name,
        "median": _seconds(term.law.median_s),
        "p90": _seconds(term.law.p90_s),
        "fixed": term.law.fixed,
        "source": term.law.source,
        "spreadSource": term.law.spread_source,
    }


def _assumptions(forecast: Forecast) -> dict[str, Any]:
    return {
        "durations": len(forecast.tasks),
        "assumed": [task.id for task in forecast.tasks if task.assumed],
        "spreadAssumed": [task.id for task in forecast.tasks if task.spread_assumed],
    }


def _run(run: RunTrace) -> dict[str, Any]:
    return {
        "replication": run.replication,
        "makespan": _seconds(run.makespan_s),
        "steps": [
            {
                "task": step.task,
                "arrival": _seconds(step.arrival_s),
                "start": _seconds(step.start_s),
                "finish": _seconds(step.finish_s),
                "critical": step.critical,
            }
            for step in run.steps
        ],
    }
