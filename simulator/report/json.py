"""A forecast as JSON, for machines.

The shape is `simulator.report.schema`, key by key. Times are seconds, rounded
to milliseconds, shares are rounded to six digits: below that, processors may
differ.
"""

from __future__ import annotations

import json
from typing import Any

from compiler.plan.model import BuildProfile
from simulator.forecasting.forecast import (
    FORECAST_VERSION,
    Bounds,
    Forecast,
    Load,
    Makespan,
    RunTrace,
    ServiceForecast,
    Span,
    Swing,
    TaskForecast,
    Use,
)
from simulator.forecasting.gate import Change, Comparison
from simulator.modelling.durations import Term
from simulator.modelling.steps import running, unmeasured
from simulator.statistics.quantiles import CONFIDENCE, Quantile

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
_LINE = 110
# More lists or mappings than that never fit on a line.
_FEW = 12


def render(forecast: Forecast, comparison: Comparison | None = None) -> str:
    """The forecast as a JSON document, ending with a line end."""
    return pretty(as_data(forecast, comparison)) + "\n"


def pretty(value: Any, indent: int = 0) -> str:
    """JSON with a line for what fits on one, and for every list of plain values; the rest is broken up."""
    if not isinstance(value, dict | list):
        return _encode(value)
    children = value.values() if isinstance(value, dict) else value
    plain = not any(isinstance(each, dict | list) for each in children)
    if plain or len(value) <= _FEW:
        flat = _encode(value)
        if len(flat) + indent <= _LINE or (plain and isinstance(value, list)):
            return flat
    inner = " " * (indent + 2)
    if isinstance(value, dict):
        parts = [f"{inner}{_encode(key)}: {pretty(each, indent + 2)}" for key, each in value.items()]
        begin, end = "{", "}"
    else:
        parts = [inner + pretty(each, indent + 2) for each in value]
        begin, end = "[", "]"
    return begin + "\n" + ",\n".join(parts) + "\n" + " " * indent + end


def as_data(forecast: Forecast, comparison: Comparison | None = None) -> dict[str, Any]:
    """The forecast as plain dicts and lists, in the order of the schema."""
    return {
        "version": FORECAST_VERSION,
        "environment": forecast.environment,
        "digest": forecast.digest,
        "strategy": forecast.strategy.value,
        "scenario": forecast.scenario,
        "profile": forecast.profile,
        "engine": forecast.engine,
        "engineReason": forecast.engine_reason,
        "runs": forecast.runs,
        "detailedRuns": forecast.detailed_runs,
        "interrupted": forecast.interrupted,
        "precision": _precision(forecast),
        "seed": forecast.seed,
        "correlation": forecast.correlation,
        "makespan": _makespan(forecast.makespan) if forecast.succeeded else None,
        "baseline": None if comparison is None else _comparison(comparison),
        "failed": _share(forecast.failed),
        "failures": {task: _share(share) for task, share in forecast.failures},
        "timedOut": _share(forecast.timed_out),
        "bounds": _bounds(forecast.bounds),
        "phases": [_span(span) for span in forecast.spans],
        "services": {service.name: _service(service) for service in forecast.services},
        "terms": {each.term: _share(each.share) for each in forecast.terms},
        "swings": [_swing(each) for each in forecast.swings],
        "uses": [_use(use) for use in forecast.uses],
        "tasks": [_task(task) for task in forecast.tasks],
        "assumptions": _assumptions(forecast),
        "medianRun": _run(forecast.median_run),
        "p90Run": None if forecast.p90_run is None else _run(forecast.p90_run),
        "makespans": _makespans(forecast),
    }


def _seconds(value_s: float) -> float:
    return round(value_s, 3)


def _optional(value_s: float | None) -> float | None:
    return None if value_s is None else _seconds(value_s)


def _share(value: float) -> float:
    return round(value, 6)


def _precision(forecast: Forecast) -> dict[str, Any] | None:
    if forecast.precision is None:
        return None
    return {"asked": forecast.precision, "reached": not forecast.imprecise}


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


def _comparison(comparison: Comparison) -> dict[str, Any]:
    changes = {change.quantile.lower(): change for change in comparison.changes}
    return {
        "name": comparison.baseline,
        "pairs": comparison.pairs,
        "note": comparison.note,
        "p50": _change(changes.get("p50")),
        "p90": _change(changes.get("p90")),
    }


def _change(change: Change | None) -> dict[str, Any] | None:
    if change is None:
        return None
    return {
        "before": _seconds(change.before_s),
        "after": _seconds(change.after_s),
        "change": _seconds(change.value_s),
        "interval": [_optional(change.low_s), _optional(change.high_s)],
    }


def _makespans(forecast: Forecast) -> list[float | None]:
    """By replication; null for one that failed, so that forecasts on the same draws can be paired."""
    rest = iter(forecast.makespans_s)
    failed = frozenset(forecast.failed_runs)
    return [None if number in failed else _seconds(next(rest)) for number in range(forecast.runs)]


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


def _swing(swing: Swing) -> dict[str, Any]:
    return {"task": swing.task, "low": _seconds(swing.low_s), "high": _seconds(swing.high_s)}


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
        "dockerfiles": [_profile(task.profile) for task in forecast.tasks if task.profile is not None],
    }


def _profile(profile: BuildProfile) -> dict[str, Any]:
    shares = running(profile)
    return {
        "task": profile.task,
        "builds": profile.builds,
        "measured": _share(1 - unmeasured(profile)),
        "steps": [
            {
                "step": step.name,
                "median": _seconds(step.median_s),
                "p90": _seconds(step.p90_s),
                "runs": _share(share),
                "measured": step.measured,
            }
            for step, share in zip(profile.steps, shares, strict=True)
        ],
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
                "outcome": step.outcome.name.lower(),
            }
            for step in run.steps
        ],
        "loads": [_load(load) for load in run.loads],
    }


def _load(load: Load) -> dict[str, Any]:
    return {
        "queue": load.queue,
        "resource": load.resource,
        "capacity": load.capacity,
        "times": [_seconds(time_s) for time_s in load.times_s],
        "amounts": list(load.amounts),
    }
