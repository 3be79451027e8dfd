"""The JSON Schema of `stagecast pool --json` (draft 7).

Every key has its meaning beside it. All keys are required and no others are
allowed, so that a reader can rely on them.
"""

from __future__ import annotations

from typing import Any

from simulator.report.pool_json import POOL_VERSION

_Schema = dict[str, Any]


def pool_schema() -> _Schema:
    """Of `stagecast pool --json`."""
    size = _record("A size of the pool and what waits there are.", _size())
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "urn:stagecast:pool:v1",
        "title": "Stagecast pool of builders",
        **_record(
            "How large a shared pool of builders must be, as `stagecast pool --json` prints it. Times are "
            "seconds, shares are between 0 and 1.",
            {
                "version": {"const": POOL_VERSION, "description": "The version of this format."},
                "environment": _text("The environment's name."),
                "digest": _text("The plan's digest."),
                "question": _record("What was asked.", _question()),
                "engine": _text("The engine that ran."),
                "pipelines": _count("How many pipelines were measured."),
                "builds": _count("How many builds one pipeline has."),
                "assumedBuilds": _count("Of how many of them nobody said how long they take."),
                "offered": _record(
                    "How many builders would work if nothing waited.",
                    {
                        "mean": _number("On average, nights included."),
                        "busiestHour": _number("In the hour in which most pipelines start."),
                    },
                ),
                "best": {
                    "anyOf": [size, {"type": "null"}],
                    "description": "The smallest that keeps the bound.",
                },
                "interval": _record(
                    "The numbers of builders that the simulation cannot tell from the best.",
                    {
                        "confidence": _number("How sure the interval is."),
                        "low": _optional(
                            "The fewest; null where none of the sizes could keep the bound.", "integer"
                        ),
                        "high": _optional("The most; null where none of the sizes surely does.", "integer"),
                    },
                ),
                "exceptions": _list("Larger pools than the best that break the bound.", {"type": "integer"}),
                "sizes": _list("All sizes that were tried, by their builders.", size),
            },
        ),
    }


def _question() -> dict[str, _Schema]:
    return {
        "perDay": _number("Pipelines that start a day, on average."),
        "profile": {
            **_list("How starts spread over the hours of a day: weights of any sum.", {"type": "number"}),
            "minItems": 24,
            "maxItems": 24,
        },
        "maxWait": _number("The bound."),
        "percentile": _number("How many per cent of the builds are to keep it."),
        "rebuilt": _number("The share of a pipeline's builds that are made."),
        "buildsOfAPipeline": _optional("How many builds of one pipeline may run or wait at once.", "integer"),
        "days": _count("How many days were asked for."),
        "seed": _count("Of the random streams."),
        "correlation": _number("What the durations of one pipeline have in common."),
    }


def _size() -> dict[str, _Schema]:
    quantile = {
        "value": _number("The estimate."),
        "interval": {
            **_list("Its 95 % interval.", {"type": ["number", "null"]}),
            "minItems": 2,
            "maxItems": 2,
        },
    }
    waits = {name: _record(f"The {name.upper()} of the waits.", quantile) for name in ("p50", "p95", "p99")}
    return {
        "builders": _count("Builds at once."),
        "cpuMilli": _count("CPU of the pool, in thousandths of a core."),
        "memoryBytes": _count("Memory of the pool."),
        "keeps": {"type": "boolean", "description": "Whether the estimate is within the bound."},
        "wait": _record(
            "How long builds wait for a builder.",
            {
                "mean": _number("The mean."),
                "meanInterval": {**quantile["interval"], "description": "The mean's 95 % interval."},
                **waits,
            },
        ),
        "waited": _number("The share of the builds that waited at all."),
        "used": _number("The mean share of the builders that work, nights included."),
        "cpuHoursPerDay": _number("What the pool has in a day, in core hours."),
        "gigabyteHoursPerDay": _number("What the pool has in a day, in GB hours."),
    }


def _record(description: str, properties: dict[str, _Schema]) -> _Schema:
    return {
        "description": description,
        "type": "object",
        "required": list(properties),
        "additionalProperties": False,
        "properties": properties,
    }


def _text(description: str) -> _Schema:
    return {"type": "string", "description": description}


def _number(description: str) -> _Schema:
    return {"type": "number", "minimum": 0, "description": description}


def _count(description: str) -> _Schema:
    return {"type": "integer", "minimum": 0, "description": description}


def _optional(description: str, kind: str) -> _Schema:
    return {"type": [kind, "null"], "description": description}


def _list(description: str, items: _Schema) -> _Schema:
    return {"type": "array", "items": items, "description": description}
