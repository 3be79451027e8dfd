"""The JSON Schemas of `stagecast whatif --json` and `stagecast optimize --json` (draft 7).

Every key has its meaning beside it. All keys are required and no others are
allowed, so that a reader can rely on them.
"""

from __future__ import annotations

from typing import get_args

from compiler.plan.model import Strategy
from simulator.report.json_schema import Schema, array, count, nullable, record, share, text
from simulator.studies.halving import KINDS
from simulator.studies.optimise import OPTIMISATION_VERSION, Sort
from simulator.studies.rebuilds import Safety
from simulator.studies.whatif import WHATIF_VERSION


def whatif_schema() -> Schema:
    """Of `stagecast whatif --json`."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "urn:stagecast:whatif:v1",
        "title": "Stagecast what-if",
        **record(
            "What changes would bring, as `stagecast whatif --json` prints it. Times are seconds, CPU is "
            "core seconds, shares are between 0 and 1. A negative difference is faster.",
            {
                **_about(WHATIF_VERSION),
                "base": record("The environment without any change.", _figures()),
                "cases": array(
                    "Every case beside the base.", record("A case.", {**_compared(), **_shifts()})
                ),
                "sweep": nullable(_sweep("One setting through several values; null without `--sweep`.")),
            },
        ),
    }


def optimise_schema() -> Schema:
    """Of `stagecast optimize --json`."""
    barrier = {
        "gate": text("The task that is the barrier."),
        "stage": nullable(text("The stage that it stands behind; null behind all builds.")),
        **_compared(),
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "urn:stagecast:optimize:v1",
        "title": "Stagecast optimisation",
        **record(
            "What is worth changing, as `stagecast optimize --json` prints it. Times are seconds, CPU is "
            "core seconds, shares are between 0 and 1. A negative difference is faster.",
            {
                **_about(OPTIMISATION_VERSION, scenario=text("The scenario under which all was tried.")),
                "base": record("The environment as it is.", _figures()),
                "advice": array(
                    "The best change of each sort that surely saves time, the largest saving of P50 first.",
                    record("A change.", _advice()),
                ),
                "ranking": _ranking(),
                "dockerfiles": _dockerfiles(),
                "policies": array("Other orders of the queues.", record("An order.", _compared())),
                "strategies": array("Other strategies.", record("A strategy.", _compared())),
                "barriers": array("The plan without one barrier.", record("A barrier.", barrier)),
                "builders": nullable(_sweep("Pools for 1 to n builds; null where nothing is built.")),
            },
        ),
    }


def _about(version: str, **more: Schema) -> dict[str, Schema]:
    return {
        "version": {"type": "string", "description": "The version of this format.", "const": version},
        "environment": text("The environment's name."),
        "digest": text("The digest of the plan; estimates are not in it."),
        "profile": nullable(text("The target whose ways were simulated; null for the plan itself.")),
        **more,
        "runs": count("How many replications of each were simulated, on the same draws.", 1),
        "seed": count("The seed of the random numbers."),
        "confidence": share("The probability with which an interval encloses the true difference."),
    }


def _figures() -> dict[str, Schema]:
    return {
        "name": text("What people call it."),
        "settings": array("The settings that make it.", {"type": "string"}),
        "strategy": {"enum": [each.value for each in Strategy], "description": "The strategy."},
        "engine": text("The engine that ran; all give the same times."),
        "buildSlots": count("How many builds of the default size run at once."),
        "p50": nullable(_interval("The time that half of the runs kept to; null where none succeeds.")),
        "p90": nullable(_interval("The time that 90 % of the runs kept to.")),
        "mean": nullable(_number("The mean time.")),
        "buildCpu": _number("CPU of builds times the time that they hold it, a mean over the runs."),
        "poolCpu": _number("CPU of the whole pool times the makespan, a mean over the runs."),
        "failed": share("The share of runs that fail."),
    }


def _shifts() -> dict[str, Schema]:
    shift = {
        "task": text("The task's id."),
        "before": share("In how many runs it is critical in the base."),
        "after": share("In how many runs it is critical here."),
    }
    return {"criticalInstead": array("Tasks that are critical in many more runs.", record("A task.", shift))}


def _compared() -> dict[str, Schema]:
    return {
        **_figures(),
        "change": nullable(_change("Against the base; null where no run succeeds in both.")),
        "leftOut": share("The share of runs that fail in either and are not compared."),
        "anomaly": {
            "type": "boolean",
            "description": "Whether it is surely slower although it only makes things easier (Graham).",
        },
    }


def _change(description: str) -> Schema:
    return record(
        description,
        {
            "runs": count("How many runs were compared.", 1),
            "p50": _interval("The difference of P50."),
            "p90": _interval("The difference of P90."),
            "mean": _interval("The mean of the runs' differences."),
            "slower": share("The share of runs that get slower."),
            "faster": share("The share of runs that get faster."),
            "varianceRatio": nullable(
                _number(
                    "How much larger the variance of the mean's difference would be with draws of "
                    "their own on both sides; null where every run changes by the same."
                )
            ),
        },
    )


def _sweep(description: str) -> Schema:
    value = {"value": text("The value."), **_compared()}
    step = {
        "value": text("The value that is slower."),
        "after": text("The value before it."),
        "change": _change("From the one to the other."),
    }
    return record(
        description,
        {
            "setting": text("What is varied."),
            "knee": nullable(
                text("The smallest value from which no larger one saves `worth` of P50; null without one.")
            ),
            "worth": share("The part of P50 that is worth a larger value."),
            "points": array("A point per value.", record("A value, compared with the base.", value)),
            "slower": array("Steps that should help and surely slow down.", record("A step.", step)),
        },
    )


def _ranking() -> Schema:
    task = {
        "task": text("The task's id."),
        "kind": {"enum": [each.value for each in KINDS], "description": "What it does."},
        "services": array("The services that it is for.", {"type": "string"}),
        "offTask": _number("What the change takes off the median of the task itself."),
        "change": _change("What it does to the pipeline."),
    }
    return record(
        "Every build and deployment shortened in turn.",
        {
            "engine": text("The engine that ran."),
            "runs": count("How many runs were simulated of each."),
            "factor": share("What durations were multiplied by."),
            "candidates": count("How many builds and deployments there are."),
            "tasks": array("The largest saving of P50 first.", record("A task.", task)),
        },
    )


def _dockerfiles() -> Schema:
    rebuild = {
        "place": text("The Dockerfile and the line."),
        "code": text("The finding's code."),
        "message": text("What could be better."),
        "safety": {
            "enum": list(get_args(Safety)),
            "description": "Of the fix: `display` is never applied but by hand, and forecast as if it were.",
        },
        "builds": array("The builds that it is about.", text("A task's id.")),
        "services": array("The services of these.", text("A service's name.")),
        "perRebuild": _number("What it adds to a rebuild on average, without the pipeline around it."),
        "critical": share("In how many of the runs one of the builds is on the critical path."),
        "change": nullable(_change("What it does to the pipeline; null where no run succeeds in both.")),
        "leftOut": share("The share of runs that fail in either and are not compared."),
    }
    applied = {
        "asked": count("How many were asked for.", 1),
        "steps": array(
            "One after another; each is compared with those before it.", record("A finding.", rebuild)
        ),
        "result": record("With all of them, compared with the base.", _compared()),
        "diff": nullable(text("What they change, as a unified diff; null without `--diff`.")),
    }
    return record(
        "What better Dockerfiles bring.",
        {
            "findings": count("How many findings there are whose fixes change what a build takes."),
            "rebuilds": array(
                "Those that were simulated, the largest saving of P50 first.", record("A finding.", rebuild)
            ),
            "applied": nullable(record("The best few together; null without `--apply-best`.", applied)),
            "remarks": array("What of Dockerfiles is not forecast, and why.", text("A sentence.")),
        },
    )


def _advice() -> dict[str, Schema]:
    return {
        "sort": {"enum": list(get_args(Sort)), "description": "What sort of change."},
        "subject": text(
            "A task, a place in a Dockerfile, an order, a strategy, a gate or a number of builders."
        ),
        "change": _change("What it brings."),
    }


def _interval(description: str) -> Schema:
    end = nullable(_number("An end of the interval; null where there are too few runs."))
    return record(description, {"value": _number("The estimate."), "low": end, "high": end})


def _number(description: str) -> Schema:
    return {"type": "number", "description": description}
