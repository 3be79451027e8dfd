"""What is said of a shared pool, as JSON for machines.

Times are seconds, rounded to milliseconds; shares are between 0 and 1.
"""

from __future__ import annotations

import json
from typing import Any

from simulator.statistics.quantiles import CONFIDENCE, Quantile
from simulator.studies.pool_search import PoolForecast, PoolRow

POOL_VERSION = "stagecast/pool/v1"


def render(found: PoolForecast) -> str:
    """The document, ending with a line end."""
    return json.dumps(as_data(found), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def as_data(found: PoolForecast) -> dict[str, Any]:
    """As plain dicts and lists."""
    question = found.question
    return {
        "version": POOL_VERSION,
        "environment": found.environment,
        "digest": found.digest,
        "question": {
            "perDay": question.traffic.per_day,
            "profile": list(question.traffic.weights),
            "maxWait": question.max_wait_s,
            "percentile": round(question.probability * 100, 6),
            "rebuilt": question.rebuilt,
            "buildsOfAPipeline": question.cap,
            "days": question.days,
            "seed": question.seed,
            "correlation": question.correlation,
        },
        "engine": found.engine,
        "pipelines": found.pipelines,
        "builds": found.builds,
        "assumedBuilds": found.assumed,
        "offered": {"mean": round(found.offered, 6), "busiestHour": round(found.offered_peak, 6)},
        "best": None if found.best is None else _row(found.best),
        "interval": {"confidence": CONFIDENCE, "low": found.fewest, "high": found.safe},
        "exceptions": list(found.exceptions),
        "sizes": [_row(row) for row in found.rows],
    }


def _row(row: PoolRow) -> dict[str, Any]:
    return {
        "builders": row.slots,
        "cpuMilli": row.cpu_milli,
        "memoryBytes": row.memory_bytes,
        "keeps": row.kept,
        "wait": {
            "mean": round(row.mean.value, 3),
            "meanInterval": [_seconds(row.mean.low), _seconds(row.mean.high)],
            "p50": _quantile(row.p50),
            "p95": _quantile(row.p95),
            "p99": _quantile(row.p99),
        },
        "waited": round(row.waited, 6),
        "used": round(row.used, 6),
        "cpuHoursPerDay": round(row.cpu_milli * 24 / 1000, 3),
        "gigabyteHoursPerDay": round(row.memory_bytes * 24 / 1e9, 3),
    }


def _quantile(quantile: Quantile) -> dict[str, Any]:
    return {
        "value": _seconds(quantile.value_s),
        "interval": [_seconds(quantile.low_s), _seconds(quantile.high_s)],
    }


def _seconds(value_s: float | None) -> float | None:
    return None if value_s is None else round(value_s, 3)
