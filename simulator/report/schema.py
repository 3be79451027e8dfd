"""The JSON Schema of a forecast: schemas/forecast.schema.json is made of it.

Every key has its meaning beside it. All keys are required and no others are
allowed, so that a reader can rely on them.
"""

from __future__ import annotations

from typing import Any, get_args

from compiler.plan.model import ServiceType, Strategy, TaskKind
from simulator.forecasting.forecast import FORECAST_VERSION
from simulator.modelling.laws import Source
from simulator.report.json_schema import Schema, amount, array, count, nullable, record, share, text

_STAGE = (
    "The stage's name; null for what belongs to no single stage: the pre-check, and builds that all "
    "stages share."
)


def forecast_schema() -> Schema:
    """Of `stagecast simulate --json` (draft 7)."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "urn:stagecast:forecast:v1",
        "title": "Stagecast forecast",
        **record(
            "How long an environment's pipeline takes, as `stagecast simulate --json` prints it. "
            "All times are seconds, all shares are between 0 and 1.",
            {**_about(), **_results(), **_parts(), **_runs()},
        ),
    }


def _about() -> dict[str, Schema]:
    return {
        "version": {
            "type": "string",
            "description": "The version of this format.",
            "const": FORECAST_VERSION,
        },
        "environment": text("The environment's name."),
        "digest": text("The digest of the plan that was simulated; estimates are not in it."),
        "strategy": _one_of(Strategy, "Which barriers stand between builds, deployments and stages."),
        "scenario": text("The scenario's name; `base` for the default one."),
        "profile": nullable(text("The target whose ways were simulated; null for the plan itself.")),
        "engine": text("Which engine scheduled the runs; all give the same times.", examples=["numpy"]),
        "engineReason": text("Why it was that engine: a clause."),
        "runs": count("How many replications were simulated.", 1),
        "detailedRuns": count(
            "How many of them, from the first on, rest `bounds`, `services`, `terms`, `swings`, `uses`, "
            "`tasks` and both runs on.",
            1,
        ),
        "interrupted": _flag("Whether fewer runs were made than asked for."),
        "precision": nullable(
            record(
                "Null unless intervals of a certain width were asked for.",
                {
                    "asked": share("The distance from a quantile to its interval's ends, over the quantile."),
                    "reached": _flag("Whether the intervals of P50, P90 and P99 are that narrow."),
                },
            )
        ),
        "seed": {
            "type": "integer",
            "description": "The seed of the random numbers: the same seed and plan give the same forecast.",
        },
        "correlation": share(
            "The part of the variance of every duration's logarithm that the tasks of one run have in common."
        ),
    }


def _results() -> dict[str, Schema]:
    ends = array(
        "Low and high end of the order-statistic interval.",
        nullable(_seconds("A time; null where there are too few runs for this end.")),
        minItems=2,
        maxItems=2,
    )
    return {
        "makespan": nullable(
            record(
                "How long the whole pipeline takes, over the runs that succeeded; null when none did.",
                {
                    "p50": _seconds("The time that half of the runs kept to."),
                    "p90": _seconds("The time that 90 % of the runs kept to."),
                    "p99": _seconds("The time that 99 % of the runs kept to."),
                    "intervals": record(
                        "How sure the quantiles are, given the number of runs. How sure the assumed "
                        "durations are is not in it.",
                        {"p50": ends, "p90": ends, "p99": ends},
                    ),
                    "confidence": share(
                        "The probability with which an interval encloses the quantile that endless runs "
                        "would give."
                    ),
                    "mean": _seconds("The mean."),
                    "standardError": nullable(_seconds("The mean's standard error; null for a single run.")),
                    "shortest": _seconds("The shortest run."),
                    "longest": _seconds("The longest run."),
                },
            )
        ),
        "baseline": nullable(_comparison()),
        "failed": share("The share of runs that failed."),
        "failures": _map(
            "The tasks that failed first, most often first.", share("In which share of all runs it did.")
        ),
        "timedOut": share("The share of runs in which any task hit its timeout, which is a failed attempt."),
        "bounds": record(
            "What no scheduling could beat; medians over the runs.",
            {
                "area": _seconds("The work on the busiest resource over its capacity."),
                "criticalPath": _seconds("The longest chain of tasks, with endless capacity."),
                "lower": _seconds("The larger of the two, per run."),
                "gap": amount("Median of makespan / lower bound - 1."),
            },
        ),
    }


def _comparison() -> Schema:
    change = nullable(
        record(
            "How one quantile changes; null when there is nothing to compare.",
            {
                "before": _seconds("The baseline's."),
                "after": _seconds("The forecast's, of the runs that were compared."),
                "change": {"type": "number", "description": "After minus before."},
                "interval": array(
                    "Low and high end of the change's interval.",
                    {"type": ["number", "null"], "description": "A difference; null where it is not known."},
                    minItems=2,
                    maxItems=2,
                ),
            },
        )
    )
    return record(
        "What the forecast was compared with; null without a baseline.",
        {
            "name": text("The revision or the file."),
            "pairs": count("How many replications were compared in pairs; 0 when they have no common draws."),
            "note": text("Why they were not, or what else differs; empty for nothing."),
            "p50": change,
            "p90": change,
        },
    )


def _parts() -> dict[str, Schema]:
    return {
        "phases": array("The phases of the stages, in the order in which they begin.", _phase()),
        "services": _map("The services by name, in the order of the stages.", _service()),
        "terms": _map(
            "What the time of the critical paths was spent on, by term, largest first.",
            share("Its part of the time of the critical paths."),
        ),
        "swings": array(
            "How the makespan goes with single tasks, widest first: the bars of a tornado. What the "
            "durations of a run have in common is taken out.",
            record(
                "One task.",
                {
                    "task": text("The task's id."),
                    "low": _seconds("The median makespan of the tenth of runs in which it was shortest."),
                    "high": _seconds("The median makespan of the tenth of runs in which it was longest."),
                },
            ),
        ),
        "uses": array("Use of capacity.", _use()),
        "tasks": array("The tasks that take time, in queue order.", _task()),
        "assumptions": record(
            "What nobody said and was assumed.",
            {
                "durations": count("How many durations the forecast rests on: the tasks that take time."),
                "assumed": array("The tasks whose durations are defaults.", text("A task's id.")),
                "spreadAssumed": array(
                    "The tasks whose median was estimated but whose spread is a default.",
                    text("A task's id."),
                ),
                "dockerfiles": array(
                    "The builds that take what the steps of their Dockerfiles do: not assumed as a whole, "
                    "though what is not measured of them is.",
                    _profile(),
                ),
            },
        ),
    }


def _profile() -> Schema:
    step = {
        "step": text("Where it is and what it does."),
        "median": _seconds("What it takes when it runs, median."),
        "p90": _seconds("What it takes when it runs, 90 % quantile."),
        "runs": share("In how many of the builds it runs; in the others it comes from the cache."),
        "measured": _flag("Whether real builds were timed for that, or it is usual for such a command."),
    }
    return record(
        "A build by its Dockerfile.",
        {
            "task": text("The task's id."),
            "builds": count("How many builds of the history its shares are from; 0 where they are assumed."),
            "measured": share("The part of its expected work that real builds were timed for."),
            "steps": array("Its steps, each after those that it needs.", record("A step.", step)),
        },
    )


def _runs() -> dict[str, Schema]:
    return {
        "medianRun": _run("The detailed replication whose makespan is nearest to P50."),
        "p90Run": nullable(_run("The one that is nearest to P90; null when no run succeeded.")),
        "makespans": array(
            "The makespans by replication.", nullable(_seconds("A makespan; null where the run failed."))
        ),
    }


def _phase() -> Schema:
    return record(
        "A phase, from the moment its first task could start to its last finish.",
        {
            "phase": _one_of(
                ("check", "build", "deploy"), "What happens in it; a deploy phase includes its mirrors."
            ),
            "stage": nullable(text(_STAGE)),
            "tasks": count("How many tasks it has.", 1),
            "begin": _seconds("When it begins, median."),
            "end": _seconds("When it ends, median."),
            "p50": _seconds("How long it takes, median."),
            "p90": _seconds("How long it takes, 90 % quantile."),
        },
    )


def _service() -> Schema:
    return record(
        "One service: its build, mirror and deployment together. Times are medians.",
        {
            "type": _one_of(ServiceType, "What the service is."),
            "stage": text("Its stage."),
            "critical": share("In how many of the runs one of its tasks was on the critical path."),
            "share": share(
                "Its part of the time of the critical paths; shared tasks count in equal parts for each of "
                "their services."
            ),
            "wait": _seconds("How long its tasks waited for a slot or the builder pool."),
            "build": nullable(_seconds("How long its build takes; null when it has none.")),
            "mirror": nullable(_seconds("How long the copy of its image takes; null when there is none.")),
            "deploy": nullable(_seconds("How long its deployment takes; null when it has none.")),
            "ready": record(
                "When its last task is done, from the start of the pipeline.",
                {"p50": _seconds("Median."), "p90": _seconds("90 % quantile.")},
            ),
        },
    )


def _use() -> Schema:
    return record(
        "One resource.",
        {
            **_resource(),
            "mean": amount("How much of capacity times makespan was used."),
            "peak": count("The most that was in use at once in the median run."),
        },
    )


def _resource() -> dict[str, Schema]:
    return {
        "queue": text("Whose resource it is: `build`, or `deploy` for mirrors and deployments, and others."),
        "resource": text("What it is: `slots`, `cpu_milli` (thousandths of a core), `memory_bytes`."),
        "capacity": count("How much there is."),
    }


def _task() -> Schema:
    kinds = [kind for kind in TaskKind if kind is not TaskKind.GATE]
    return record(
        "One task. Times are medians unless they say otherwise.",
        {
            "id": text("The task's id in the plan."),
            "kind": _one_of(kinds, "What the task does; mirrors and deployments share the deployment slots."),
            "services": array("The services that it serves.", text("A service's name.")),
            "stage": nullable(text(_STAGE)),
            "critical": share("In how many of the runs it was on the critical path."),
            "share": share("Its part of the time of the critical paths."),
            "p50": _seconds("How long it takes, median."),
            "p90": _seconds("How long it takes, 90 % quantile."),
            "wait": _seconds("How long it waited for a slot or the pool."),
            "timedOut": share("In how many of the runs it hit its timeout."),
            "terms": array(
                "What its duration is the sum of.",
                record(
                    "One term with its lognormal law.",
                    {
                        "term": text("The term's name: docs/forecast.md has them all."),
                        "median": _seconds("The law's median."),
                        "p90": _seconds("The law's 90 % quantile."),
                        "fixed": _flag("Whether it always takes the median."),
                        "source": _one_of(
                            get_args(Source),
                            "Where the median comes from; `dockerfile` is drawn step by step, and the "
                            "law is about what comes of it.",
                        ),
                        "spreadSource": _one_of(get_args(Source), "Where the spread comes from."),
                    },
                ),
            ),
        },
    )


def _run(description: str) -> Schema:
    return record(
        description,
        {
            "replication": count("Its number, from 0."),
            "makespan": _seconds("Its makespan; of a failed run, when all stood still."),
            "steps": array(
                "Its tasks, in queue order; what never started is left out.",
                record(
                    "One task of the run.",
                    {
                        "task": text("The task's id."),
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
            "loads": array(
                "What was in use when.",
                record(
                    "One resource: `amounts[i]` was in use from `times[i]` to the next time.",
                    {
                        **_resource(),
                        "times": array("Rising, the first is 0.", _seconds("A time.")),
                        "amounts": array("As many as times; the last is 0.", count("An amount.")),
                    },
                ),
            ),
        },
    )


def _map(description: str, values: Schema) -> Schema:
    return {"type": "object", "description": description, "additionalProperties": values}


def _one_of(values: Any, description: str) -> Schema:
    return {"type": "string", "description": description, "enum": [str(value) for value in values]}


def _flag(description: str) -> Schema:
    return {"type": "boolean", "description": description}


def _seconds(description: str) -> Schema:
    return amount(description)
