"""The JSON Schema of `stagecast pool --json` (draft 7).

Every key has its meaning beside it. All keys are required and no others are
allowed, so that a reader can rely on them.
"""

from __future__ import annotations

from simulator.report.json_schema import Schema, amount, array, count, record, text
from simulator.report.pool_json import POOL_VERSION


def pool_schema() -> Schema:
    """Of `stagecast pool --json`."""
    size = record("A size of the pool and what waits there are.", _size())
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "urn:stagecast:pool:v1",
        "title": "Stagecast pool of builders",
        **record(
            "How large a shared pool of builders must be, as `stagecast pool --json` prints it. Times are "
            "seconds, shares are between 0 and 1.",
            {
                "version": {"const": POOL_VERSION, "description": "The version of this format."},
                "environment": text("The environment's name."),
                "digest": text("The plan's digest."),
                "question": record("What was asked.", _question()),
                "engine": text("The engine that ran."),
                "pipelines": count("How many pipelines were measured."),
                "builds": count("How many builds one pipeline has."),
                "assumedBuilds": count("Of how many of them nobody said how long they take."),
                "offered": record(
                    "How many builders would work if nothing waited.",
                    {
                        "mean": amount("On average, nights included."),
                        "busiestHour": amount("In the hour in which most pipelines start."),
                    },
                ),
                "best": {
                    "anyOf": [size, {"type": "null"}],
                    "description": "The smallest that keeps the bound.",
                },
                "interval": record(
                    "The numbers of builders that the simulation cannot tell from the best.",
                    {
                        "confidence": amount("How sure the interval is."),
                        "low": _optional(
                            "The fewest; null where none of the sizes could keep the bound.", "integer"
                        ),
                        "high": _optional("The most; null where none of the sizes surely does.", "integer"),
                    },
                ),
                "exceptions": array("Larger pools than the best that break the bound.", {"type": "integer"}),
                "sizes": array("All sizes that were tried, by their builders.", size),
            },
        ),
    }


def _question() -> dict[str, Schema]:
    return {
        "perDay": amount("Pipelines that start a day, on average."),
        "profile": {
            **array("How starts spread over the hours of a day: weights of any sum.", {"type": "number"}),
            "minItems": 24,
            "maxItems": 24,
        },
        "maxWait": amount("The bound."),
        "percentile": amount("How many per cent of the builds are to keep it."),
        "rebuilt": amount("The share of a pipeline's builds that are made."),
        "buildsOfAPipeline": _optional("How many builds of one pipeline may run or wait at once.", "integer"),
        "days": count("How many days were asked for."),
        "seed": count("Of the random streams."),
        "correlation": amount("What the durations of one pipeline have in common."),
    }


def _size() -> dict[str, Schema]:
    quantile = {
        "value": amount("The estimate."),
        "interval": {
            **array("Its 95 % interval.", {"type": ["number", "null"]}),
            "minItems": 2,
            "maxItems": 2,
        },
    }
    waits = {name: record(f"The {name.upper()} of the waits.", quantile) for name in ("p50", "p95", "p99")}
    return {
        "builders": count("Builds at once."),
        "cpuMilli": count("CPU of the pool, in thousandths of a core."),
        "memoryBytes": count("Memory of the pool."),
        "keeps": {"type": "boolean", "description": "Whether the estimate is within the bound."},
        "wait": record(
            "How long builds wait for a builder.",
            {
                "mean": amount("The mean."),
                "meanInterval": {**quantile["interval"], "description": "The mean's 95 % interval."},
                **waits,
            },
        ),
        "waited": amount("The share of the builds that waited at all."),
        "used": amount("The mean share of the builders that work, nights included."),
        "cpuHoursPerDay": amount("What the pool has in a day, in core hours."),
        "gigabyteHoursPerDay": amount("What the pool has in a day, in GB hours."),
    }


def _optional(description: str, kind: str) -> Schema:
    return {"type": [kind, "null"], "description": description}
