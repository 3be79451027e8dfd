from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compiler.plan.model import Cron, Database, Estimate, Job, JobRun, Plan, SecretRef, ServiceType, TaskKind
from sim_plans import Service, container, database, fixed, job, make_plan
from simulator.durations import DEFAULTS, TaskDuration, task_durations
from simulator.laws import Z90, Law

DOCS = Path(__file__).parents[2] / "docs" / "forecast.md"


def by_task(plan: Plan) -> dict[str, TaskDuration]:
    return {each.task: each for each in task_durations(plan)}


def names(duration: TaskDuration) -> list[str]:
    return [term.name for term in duration.terms]


def test_every_default_is_in_the_docs_as_it_is() -> None:
    rows = [line.strip("| \n").split(" | ") for line in DOCS.read_text("utf-8").splitlines()]
    documented = {(row[0], row[1]): row[2:] for row in rows if len(row) == 5 and row[0] != "term"}
    documented = {key: row for key, row in documented.items() if row[0].endswith(" s")}
    assert documented == {
        key: [f"{each.median_s:g} s", f"{each.p90_ratio:g}", each.reason] for key, each in DEFAULTS.items()
    }


def test_every_service_type_has_a_default() -> None:
    for kind in ServiceType:
        assert ("run" if kind is ServiceType.JOB else "deploy", kind.value) in DEFAULTS


def test_terms_by_kind_and_type() -> None:
    plan = make_plan([database("db"), job("migrate"), container("cache"), Service("web")])
    found = by_task(plan)
    assert names(found["check:pre"]) == ["check"]
    assert names(found["build:web"]) == ["clone", "build", "push"]
    assert names(found["mirror:cache"]) == ["mirror"]
    assert names(found["deploy:web"]) == ["pull", "deploy"]
    assert names(found["deploy:migrate"]) == ["pull", "run"]
    assert names(found["gate:built"]) == []
    assert found["deploy:db"].terms[1].law == DEFAULTS["deploy", "database"].law
    assert found["build:web"].timeout_s == 1800


@pytest.mark.parametrize(
    ("change", "about"),
    [
        ({"job": Job(JobRun.STOP, None, 0, 60)}, "job"),
        ({"job": Job(None, Cron("0 3 * * *", "UTC"), 0, 60)}, "job"),
        (
            {
                "type": ServiceType.DATABASE,
                "database": Database("redis", "7", True, 1, None, None, SecretRef("a", "b")),
            },
            "managed database",
        ),
        ({"type": ServiceType.HELM, "image": None}, "helm"),
        ({"type": ServiceType.TERRAFORM, "image": None}, "terraform"),
    ],
)
def test_deployments_that_pull_nothing_of_ours(change: dict[str, Any], about: str) -> None:
    plan = make_plan([Service("x", builds=False)])
    plan = replace(plan, workloads=(replace(plan.workloads[0], **change),))
    (term,) = by_task(plan)["deploy:x"].terms
    assert (term.name, term.law) == ("deploy", DEFAULTS["deploy", about].law)


def test_a_plain_estimate_replaces_the_whole_task_and_keeps_the_spread() -> None:
    plan = make_plan([Service("web")], estimates=(Estimate("build:web", 180.0),))
    (term,) = by_task(plan)["build:web"].terms
    assert term.name == "build"
    assert term.law == Law(180.0, DEFAULTS["build", "any"].law.sigma, "estimate", "assumed")


def test_median_and_p90_give_both_back() -> None:
    plan = make_plan([job("migrate")], estimates=(Estimate("deploy:migrate", 180.0, 300.0),))
    (term,) = by_task(plan)["deploy:migrate"].terms
    assert term.name == "run"
    assert term.law.sigma == pytest.approx(math.log(300 / 180) / 1.2815515655446004)
    assert term.law.p90_s == pytest.approx(300.0)
    assert (term.law.source, term.law.spread_source) == ("estimate", "estimate")


def test_fixed_and_zero_estimates_have_no_spread() -> None:
    plan = make_plan([Service("web")], estimates=(fixed("build:web", 9.0), Estimate("deploy:web", 0.0)))
    assert by_task(plan)["build:web"].terms[0].law.fixed
    assert by_task(plan)["deploy:web"].terms[0].law.fixed


def test_estimates_for_gates_and_unknown_tasks_change_nothing() -> None:
    plan = make_plan([Service("web")])
    odd = replace(plan, estimates=(Estimate("gate:built", 5.0), Estimate("build:gone", 5.0)))
    assert task_durations(odd) == task_durations(plan)


@pytest.mark.parametrize(
    "estimate",
    [
        Estimate("build:web", 10.0, 5.0),
        Estimate("build:web", -1.0),
        Estimate("build:web", -1.0, 3.0),
        Estimate("build:web", math.nan),
        Estimate("build:web", 1.0, math.nan),
        Estimate("build:web", 1.0, math.inf),
        Estimate("build:web", 1e12),
    ],
)
def test_estimates_that_make_no_law_are_refused(estimate: Estimate) -> None:
    with pytest.raises(ValueError, match="median"):
        task_durations(make_plan([Service("web")], estimates=(estimate,)))


def test_the_90_percent_point() -> None:
    from statistics import NormalDist

    assert pytest.approx(NormalDist().inv_cdf(0.9), rel=1e-15) == Z90


def test_every_kind_of_task_is_covered() -> None:
    plan = make_plan([container("cache"), Service("web")])
    kinds = {task.kind: duration for task, duration in zip(plan.tasks, task_durations(plan), strict=True)}
    assert set(kinds) == set(TaskKind)
    assert all(bool(duration.terms) == (kind is not TaskKind.GATE) for kind, duration in kinds.items())
