"""A comparison as JSON, for machines: schemas/whatif.schema.json, key by key.

Times are seconds, rounded to milliseconds, CPU is in core seconds, shares are rounded to six digits.
"""

from __future__ import annotations

import json
from typing import Any

from simulator.statistics.compare import Change, Difference
from simulator.statistics.quantiles import CONFIDENCE, Quantile
from simulator.studies.whatif import WHATIF_VERSION, WORTH, Compared, Comparison, Figures, Shift, Sweep


def render(comparison: Comparison) -> str:
    """The comparison as a JSON document, ending with a line end."""
    return as_text(as_data(comparison))


def as_text(data: dict[str, Any]) -> str:
    """A JSON document as all reports write it."""
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def as_data(comparison: Comparison) -> dict[str, Any]:
    """The comparison as plain dicts and lists, in the order of the schema."""
    return {
        "version": WHATIF_VERSION,
        "environment": comparison.environment,
        "digest": comparison.digest,
        "profile": comparison.profile,
        "runs": comparison.runs,
        "seed": comparison.seed,
        "confidence": CONFIDENCE,
        "base": figures_data(comparison.base),
        "cases": [
            {**compared_data(each), "criticalInstead": [_shift(shift) for shift in each.shifts]}
            for each in comparison.cases
        ],
        "sweep": sweep_data(comparison.sweep) if comparison.sweep is not None else None,
    }


def figures_data(figures: Figures) -> dict[str, Any]:
    """What one case takes and costs."""
    return {
        "name": figures.name,
        "settings": list(figures.settings),
        "strategy": figures.strategy.value,
        "engine": figures.engine,
        "buildSlots": figures.slots,
        "p50": _quantile(figures.p50),
        "p90": _quantile(figures.p90),
        "mean": _seconds(figures.mean_s),
        "buildCpu": _seconds(figures.build_cpu_s),
        "poolCpu": _seconds(figures.pool_cpu_s),
        "failed": share(figures.failed),
    }


def compared_data(each: Compared) -> dict[str, Any]:
    """A case beside the base."""
    return {
        **figures_data(each.figures),
        "change": change_data(each.change),
        "leftOut": share(each.left_out),
        "anomaly": each.anomaly,
    }


def change_data(change: Change | None) -> dict[str, Any] | None:
    """Differences and how sure they are; None where nothing can be compared."""
    if change is None:
        return None
    return {
        "runs": change.runs,
        "p50": _difference(change.p50),
        "p90": _difference(change.p90),
        "mean": _difference(change.mean),
        "slower": share(change.slower),
        "faster": share(change.faster),
        "varianceRatio": None if change.variance_ratio is None else round(change.variance_ratio, 1),
    }


def sweep_data(sweep: Sweep) -> dict[str, Any]:
    """One setting through its values."""
    return {
        "setting": sweep.setting,
        "knee": sweep.knee,
        "worth": WORTH,
        "points": [
            {"value": value, **compared_data(point)}
            for value, point in zip(sweep.values, sweep.points, strict=True)
        ],
        "slower": [
            {"value": each.value, "after": each.after, "change": change_data(each.change)}
            for each in sweep.slower
        ],
    }


def _shift(shift: Shift) -> dict[str, Any]:
    return {"task": shift.task, "before": share(shift.before), "after": share(shift.after)}


def share(value: float) -> float:
    """A share, rounded: below that, processors may differ."""
    return round(value, 6)


def _seconds(value_s: float | None) -> float | None:
    # Adding 0.0 makes -0.0 0.0.
    return None if value_s is None else round(value_s, 3) + 0.0


def _quantile(quantile: Quantile | None) -> dict[str, float | None] | None:
    if quantile is None:
        return None
    return {
        "value": _seconds(quantile.value_s),
        "low": _seconds(quantile.low_s),
        "high": _seconds(quantile.high_s),
    }


def _difference(difference: Difference) -> dict[str, float | None]:
    return {
        "value": _seconds(difference.value_s),
        "low": _seconds(difference.low_s),
        "high": _seconds(difference.high_s),
    }
