"""The JSON Schemas of `stagecast whatif --json` and `stagecast optimize --json` (draft 7).

Every key has its meaning beside it. All keys are required and no others are
allowed, so that a reader can rely on them.
"""

from __future__ import annotations

from typing import Any, get_args

from compiler.plan.model import Strategy
from simulator.studies.halving import KINDS
from simulator.studies.optimise import OPTIMISATION_VERSION, Sort
from simulator.studies.whatif import WHATIF_VERSION

_Schema = dict[str, Any]


def whatif_schema() -> _Schema:
    """Of `stagecast whatif --json`."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "urn:stagecast:whatif:v1",
        "title": "Stagecast what-if",
        **_record(
            "What changes would bring, as `stagecast whatif --json` prints it. Times are seconds, CPU is "
            "core seconds, shares are between 0 and 1. A negative difference is faster.",
            {
                **_about(WHATIF_VERSION),
                "base": _record("The environment without any change.", _figures()),
                "cases": _list(
                    "Every case beside the base.", _record("A case.", {**_compared(), **_shifts()})
                ),
                "sweep": _nullable(_sweep("One setting through several values; null without `--sweep`.")),
            },
        ),
    }


def optimise_schema() -> _Schema:
    """Of `stagecast optimize --json`."""
    barrier = {
        "gate": _text("The task that is the barrier."),
        "stage": _nullable(_text("The stage that it stands behind; null behind all builds.")),
        **_compared(),
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "urn:stagecast:optimize:v1",
        "title": "Stagecast optimisation",
        **_record(
            "What is worth changing, as `stagecast optimize --json` prints it. Times are seconds, CPU is "
            "core seconds, shares are between 0 and 1. A negative difference is faster.",
            {
                **_about(OPTIMISATION_VERSION, scenario=_text("The scenario under which all was tried.")),
                "base": _record("The environment as it is.", _figures()),
                "advice": _list(
                    "The best change of each sort that surely saves time, the largest saving of P50 first.",
                    _record("A change.", _advice()),
                ),
                "ranking": _ranking(),
                "policies": _list("Other orders of the queues.", _record("An order.", _compared())),
                "strategies": _list("Other strategies.", _record("A strategy.", _compared())),
                "barriers": _list("The plan without one barrier.", _record("A barrier.", barrier)),
                "builders": _nullable(_sweep("Pools for 1 to n builds; null where nothing is built.")),
            },
        ),
    }


def _about(version: str, **more: _Schema) -> dict[str, _Schema]:
    return {
        "version": {"type": "string", "description": "The version of this format.", "const": version},
        "environment": _text("The environment's name."),
        "digest": _text("The digest of the plan; estimates are not in it."),
        "profile": _nullable(_text("The target whose ways were simulated; null for the plan itself.")),
        **more,
        "runs": _count("How many replications of each were simulated, on the same draws.", 1),
        "seed": _count("The seed of the random numbers."),
        "confidence": _share("The probability with which an interval encloses the true difference."),
    }


def _figures() -> dict[str, _Schema]:
    return {
        "name": _text("What people call it."),
        "settings": _list("The settings that make it.", {"type": "string"}),
        "strategy": {"enum": [each.value for each in Strategy], "description": "The strategy."},
        "engine": _text("The engine that ran; all give the same times."),
        "buildSlots": _count("How many builds of the default size run at once."),
        "p50": _nullable(_interval("The time that half of the runs kept to; null where none succeeds.")),
        "p90": _nullable(_interval("The time that 90 % of the runs kept to.")),
        "mean": _nullable(_number("The mean time.")),
        "buildCpu": _number("CPU of builds times the time that they hold it, a mean over the runs."),
        "poolCpu": _number("CPU of the whole pool times the makespan, a mean over the runs."),
        "failed": _share("The share of runs that fail."),
    }


def _shifts() -> dict[str, _Schema]:
    shift = {
        "task": _text("The task's id."),
        "before": _share("In how many runs it is critical in the base."),
        "after": _share("In how many runs it is critical here."),
    }
    return {"criticalInstead": _list("Tasks that are critical in many more runs.", _record("A task.", shift))}


def _compared() -> dict[str, _Schema]:
    return {
        **_figures(),
        "change": _nullable(_change("Against the base; null where no run succeeds in both.")),
        "leftOut": _share("The share of runs that fail in either and are not compared."),
        "anomaly": {
            "type": "boolean",
            "description": "Whether it is surely slower although it only makes things easier (Graham).",
        },
    }


def _change(description: str) -> _Schema:
    return _record(
        description,
        {
            "runs": _count("How many runs were compared.", 1),
            "p50": _interval("The difference of P50."),
            "p90": _interval("The difference of P90."),
            "mean": _interval("The mean of the runs' differences."),
            "slower": _share("The share of runs that get slower."),
            "faster": _share("The share of runs that get faster."),
            "varianceRatio": _nullable(
                _number(
                    "How much larger the variance of the mean's difference would be with draws of "
                    "their own on both sides; null where every run changes by the same."
                )
            ),
        },
    )


def _sweep(description: str) -> _Schema:
    value = {"value": _text("The value."), **_compared()}
    step = {
        "value": _text("The value that is slower."),
        "after": _text("The value before it."),
        "change": _change("From the one to the other."),
    }
    return _record(
        description,
        {
            "setting": _text("What is varied."),
            "knee": _nullable(
                _text("The smallest value from which no larger one saves `worth` of P50; null without one.")
            ),
            "worth": _share("The part of P50 that is worth a larger value."),
            "points": _list("A point per value.", _record("A value, compared with the base.", value)),
            "slower": _list("Steps that should help and surely slow down.", _record("A step.", step)),
        },
    )


def _ranking() -> _Schema:
    task = {
        "task": _text("The task's id."),
        "kind": {"enum": [each.value for each in KINDS], "description": "What it does."},
        "services": _list("The services that it is for.", {"type": "string"}),
        "offTask": _number("What the change takes off the median of the task itself."),
        "change": _change("What it does to the pipeline."),
    }
    return _record(
        "Every build and deployment shortened in turn.",
        {
            "engine": _text("The engine that ran."),
            "runs": _count("How many runs were simulated of each."),
            "factor": _share("What durations were multiplied by."),
            "candidates": _count("How many builds and deployments there are."),
            "tasks": _list("The largest saving of P50 first.", _record("A task.", task)),
        },
    )


def _advice() -> dict[str, _Schema]:
    return {
        "sort": {"enum": list(get_args(Sort)), "description": "What sort of change."},
        "subject": _text("A task, an order, a strategy, a gate or a number of builders."),
        "change": _change("What it brings."),
    }


def _record(description: str, properties: dict[str, _Schema]) -> _Schema:
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(description: str, items: _Schema) -> _Schema:
    return {"type": "array", "description": description, "items": items}


def _nullable(schema: _Schema) -> _Schema:
    return {**schema, "type": [schema["type"], "null"]}


def _interval(description: str) -> _Schema:
    end = _nullable(_number("An end of the interval; null where there are too few runs."))
    return _record(description, {"value": _number("The estimate."), "low": end, "high": end})


def _text(description: str) -> _Schema:
    return {"type": "string", "description": description}


def _number(description: str) -> _Schema:
    return {"type": "number", "description": description}


def _share(description: str) -> _Schema:
    return {"type": "number", "minimum": 0, "maximum": 1, "description": description}


def _count(description: str, least: int = 0) -> _Schema:
    return {"type": "integer", "minimum": least, "description": description}
