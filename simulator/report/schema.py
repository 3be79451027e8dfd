"""The JSON Schema of a forecast: schemas/forecast.schema.json is made of it.

Every key has its meaning beside it. All keys are required and no others are
allowed, so that a reader can rely on them.
"""

from __future__ import annotations

from typing import Any, get_args

from compiler.plan.model import ServiceType, Strategy, TaskKind
from simulator.forecasting.forecast import FORECAST_VERSION
from simulator.modelling.laws import Source

_Schema = dict[str, Any]
_STAGE = (
    "The stage's name; null for what belongs to no single stage: the pre-check, and builds that all "
    "stages share."
)


def forecast_schema() -> _Schema:
    """Of `stagecast simulate --json` (draft 7)."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "urn:stagecast:forecast:v1",
        "title": "Stagecast forecast",
        **_record(
            "How long an environment's pipeline takes, as `stagecast simulate --json` prints it. "
            "All times are seconds, all shares are between 0 and 1.",
            {**_about(), **_results(), **_parts(), **_runs()},
        ),
    }


def _about() -> dict[str, _Schema]:
    return {
        "version": {
            "type": "string",
            "description": "The version of this format.",
            "const": FORECAST_VERSION,
        },
        "environment": _text("The environment's name."),
        "digest": _text("The digest of the plan that was simulated; estimates are not in it."),
        "strategy": _one_of(Strategy, "Which barriers stand between builds, deployments and stages."),
        "scenario": _text("The scenario's name; `base` for the default one."),
        "profile": _nullable(_text("The target whose ways were simulated; null for the plan itself.")),
        "engine": _text("Which engine scheduled the runs; all give the same times.", examples=["numpy"]),
        "engineReason": _text("Why it was that engine: a clause."),
        "runs": _count("How many replications were simulated.", 1),
        "detailedRuns": _count(
            "How many of them, from the first on, rest `bounds`, `services`, `terms`, `swings`, `uses`, "
            "`tasks` and both runs on.",
            1,
        ),
        "interrupted": _flag("Whether fewer runs were made than asked for."),
        "precision": _nullable(
            _record(
                "Null unless intervals of a certain width were asked for.",
                {
                    "asked": _share(
                        "The distance from a quantile to its interval's ends, over the quantile."
                    ),
                    "reached": _flag("Whether the intervals of P50, P90 and P99 are that narrow."),
                },
            )
        ),
        "seed": {
            "type": "integer",
            "description": "The seed of the random numbers: the same seed and plan give the same forecast.",
        },
        "correlation": _share(
            "The part of the variance of every duration's logarithm that the tasks of one run have in common."
        ),
    }


def _results() -> dict[str, _Schema]:
    ends = _list(
        "Low and high end of the order-statistic interval.",
        _nullable(_seconds("A time; null where there are too few runs for this end.")),
        minItems=2,
        maxItems=2,
    )
    return {
        "makespan": _nullable(
            _record(
                "How long the whole pipeline takes, over the runs that succeeded; null when none did.",
                {
                    "p50": _seconds("The time that half of the runs kept to."),
                    "p90": _seconds("The time that 90 % of the runs kept to."),
                    "p99": _seconds("The time that 99 % of the runs kept to."),
                    "intervals": _record(
                        "How sure the quantiles are, given the number of runs. How sure the assumed "
                        "durations are is not in it.",
                        {"p50": ends, "p90": ends, "p99": ends},
                    ),
                    "confidence": _share(
                        "The probability with which an interval encloses the quantile that endless runs "
                        "would give."
                    ),
                    "mean": _seconds("The mean."),
                    "standardError": _nullable(_seconds("The mean's standard error; null for a single run.")),
                    "shortest": _seconds("The shortest run."),
                    "longest": _seconds("The longest run."),
                },
            )
        ),
        "baseline": _nullable(_comparison()),
        "failed": _share("The share of runs that failed."),
        "failures": _map(
            "The tasks that failed first, most often first.", _share("In which share of all runs it did.")
        ),
        "timedOut": _share("The share of runs in which any task hit its timeout, which is a failed attempt."),
        "bounds": _record(
            "What no scheduling could beat; medians over the runs.",
            {
                "area": _seconds("The work on the busiest resource over its capacity."),
                "criticalPath": _seconds("The longest chain of tasks, with endless capacity."),
                "lower": _seconds("The larger of the two, per run."),
                "gap": _number("Median of makespan / lower bound - 1."),
            },
        ),
    }


def _comparison() -> _Schema:
    change = _nullable(
        _record(
            "How one quantile changes; null when there is nothing to compare.",
            {
                "before": _seconds("The baseline's."),
                "after": _seconds("The forecast's, of the runs that were compared."),
                "change": {"type": "number", "description": "After minus before."},
                "interval": _list(
                    "Low and high end of the change's interval.",
                    {"type": ["number", "null"], "description": "A difference; null where it is not known."},
                    minItems=2,
                    maxItems=2,
                ),
            },
        )
    )
    return _record(
        "What the forecast was compared with; null without a baseline.",
        {
            "name": _text("The revision or the file."),
            "pairs": _count(
                "How many replications were compared in pairs; 0 when they have no common draws."
            ),
            "note": _text("Why they were not, or what else differs; empty for nothing."),
            "p50": change,
            "p90": change,
        },
    )


def _parts() -> dict[str, _Schema]:
    return {
        "phases": _list("The phases of the stages, in the order in which they begin.", _phase()),
        "services": _map("The services by name, in the order of the stages.", _service()),
        "terms": _map(
            "What the time of the critical paths was spent on, by term, largest first.",
            _share("Its part of the time of the critical paths."),
        ),
        "swings": _list(
            "How the makespan goes with single tasks, widest first: the bars of a tornado. What the "
            "durations of a run have in common is taken out.",
            _record(
                "One task.",
                {
                    "task": _text("The task's id."),
                    "low": _seconds("The median makespan of the tenth of runs in which it was shortest."),
                    "high": _seconds("The median makespan of the tenth of runs in which it was longest."),
                },
            ),
        ),
        "uses": _list("Use of capacity.", _use()),
        "tasks": _list("The tasks that take time, in queue order.", _task()),
        "assumptions": _record(
            "What nobody said and was assumed.",
            {
                "durations": _count("How many durations the forecast rests on: the tasks that take time."),
                "assumed": _list("The tasks whose durations are defaults.", _text("A task's id.")),
                "spreadAssumed": _list(
                    "The tasks whose median was estimated but whose spread is a default.",
                    _text("A task's id."),
                ),
            },
        ),
    }


def _runs() -> dict[str, _Schema]:
    return {
        "medianRun": _run("The detailed replication whose makespan is nearest to P50."),
        "p90Run": _nullable(_run("The one that is nearest to P90; null when no run succeeded.")),
        "makespans": _list(
            "The makespans by replication.", _nullable(_seconds("A makespan; null where the run failed."))
        ),
    }


def _phase() -> _Schema:
    return _record(
        "A phase, from the moment its first task could start to its last finish.",
        {
            "phase": _one_of(
                ("check", "build", "deploy"), "What happens in it; a deploy phase includes its mirrors."
            ),
            "stage": _nullable(_text(_STAGE)),
            "tasks": _count("How many tasks it has.", 1),
            "begin": _seconds("When it begins, median."),
            "end": _seconds("When it ends, median."),
            "p50": _seconds("How long it takes, median."),
            "p90": _seconds("How long it takes, 90 % quantile."),
        },
    )


def _service() -> _Schema:
    return _record(
        "One service: its build, mirror and deployment together. Times are medians.",
        {
            "type": _one_of(ServiceType, "What the service is."),
            "stage": _text("Its stage."),
            "critical": _share("In how many of the runs one of its tasks was on the critical path."),
            "share": _share(
                "Its part of the time of the critical paths; shared tasks count in equal parts for each of "
                "their services."
            ),
            "wait": _seconds("How long its tasks waited for a slot or the builder pool."),
            "build": _nullable(_seconds("How long its build takes; null when it has none.")),
            "mirror": _nullable(_seconds("How long the copy of its image takes; null when there is none.")),
            "deploy": _nullable(_seconds("How long its deployment takes; null when it has none.")),
            "ready": _record(
                "When its last task is done, from the start of the pipeline.",
                {"p50": _seconds("Median."), "p90": _seconds("90 % quantile.")},
            ),
        },
    )


def _use() -> _Schema:
    return _record(
        "One resource.",
        {
            **_resource(),
            "mean": _number("How much of capacity times makespan was used."),
            "peak": _count("The most that was in use at once in the median run."),
        },
    )


def _resource() -> dict[str, _Schema]:
    return {
        "queue": _text("Whose resource it is: `build`, or `deploy` for mirrors and deployments, and others."),
        "resource": _text("What it is: `slots`, `cpu_milli` (thousandths of a core), `memory_bytes`."),
        "capacity": _count("How much there is."),
    }


def _task() -> _Schema:
    kinds = [kind for kind in TaskKind if kind is not TaskKind.GATE]
    return _record(
        "One task. Times are medians unless they say otherwise.",
        {
            "id": _text("The task's id in the plan."),
            "kind": _one_of(kinds, "What the task does; mirrors and deployments share the deployment slots."),
            "services": _list("The services that it serves.", _text("A service's name.")),
            "stage": _nullable(_text(_STAGE)),
            "critical": _share("In how many of the runs it was on the critical path."),
            "share": _share("Its part of the time of the critical paths."),
            "p50": _seconds("How long it takes, median."),
            "p90": _seconds("How long it takes, 90 % quantile."),
            "wait": _seconds("How long it waited for a slot or the pool."),
            "timedOut": _share("In how many of the runs it hit its timeout."),
            "terms": _list(
                "What its duration is the sum of.",
                _record(
                    "One term with its lognormal law.",
                    {
                        "term": _text("The term's name: docs/forecast.md has them all."),
                        "median": _seconds("The law's median."),
                        "p90": _seconds("The law's 90 % quantile."),
                        "fixed": _flag("Whether it always takes the median."),
                        "source": _one_of(get_args(Source), "Where the median comes from."),
                        "spreadSource": _one_of(get_args(Source), "Where the spread comes from."),
                    },
                ),
            ),
        },
    )


def _run(description: str) -> _Schema:
    return _record(
        description,
        {
            "replication": _count("Its number, from 0."),
            "makespan": _seconds("Its makespan; of a failed run, when all stood still."),
            "steps": _list(
                "Its tasks, in queue order; what never started is left out.",
                _record(
                    "One task of the run.",
                    {
                        "task": _text("The task's id."),
                        "arrival": _seconds("When all that it needs was done."),
                        "start": _seconds("When it got its slot and its part of the pool."),
                        "finish": _seconds("When it ended."),
                        "critical": _flag("Whether it was on the run's critical path."),
                        "outcome": _one_of(
                            ("done", "failed", "cancelled"),
                            "How it ended; `cancelled` is what another task's failure ended.",
                        ),
                    },
                ),
            ),
            "loads": _list(
                "What was in use when.",
                _record(
                    "One resource: `amounts[i]` was in use from `times[i]` to the next time.",
                    {
                        **_resource(),
                        "times": _list("Rising, the first is 0.", _seconds("A time.")),
                        "amounts": _list("As many as times; the last is 0.", _count("An amount.")),
                    },
                ),
            ),
        },
    )


def _record(description: str, properties: dict[str, _Schema]) -> _Schema:
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _map(description: str, values: _Schema) -> _Schema:
    return {"type": "object", "description": description, "additionalProperties": values}


def _list(description: str, items: _Schema, **more: int) -> _Schema:
    return {"type": "array", "description": description, "items": items, **more}


def _text(description: str, **more: Any) -> _Schema:
    return {"type": "string", "description": description, **more}


def _one_of(values: Any, description: str) -> _Schema:
    return {"type": "string", "description": description, "enum": [str(value) for value in values]}


def _flag(description: str) -> _Schema:
    return {"type": "boolean", "description": description}


def _count(description: str, least: int = 0) -> _Schema:
    return {"type": "integer", "minimum": least, "description": description}


def _number(description: str) -> _Schema:
    return {"type": "number", "minimum": 0, "description": description}


def _seconds(description: str) -> _Schema:
    return _number(description)


def _share(description: str) -> _Schema:
    return {"type": "number", "minimum": 0, "maximum": 1, "description": description}


def _nullable(schema: _Schema) -> _Schema:
    return {**schema, "type": [schema["type"], "null"]}
