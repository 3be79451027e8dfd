"""The forecast as a gate: limits, regressions on common draws, and what it refuses to judge."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from compiler.plan.model import Estimate
from sim_plans import Service, fixed, make_plan
from simulator.forecasting.forecast import Forecast
from simulator.forecasting.gate import (
    Baseline,
    Change,
    Comparison,
    Conditions,
    compare,
    describe,
    how,
    judge,
    limit,
    refusal,
    regression,
)
from simulator.forecasting.run import forecast
from simulator.modelling.durations import Term
from simulator.modelling.laws import Law
from simulator.modelling.pipeline import model
from simulator.modelling.scenario import Failure, Scenario
from simulator.report import markdown
from simulator.report.json import as_data
from simulator.report.text import render


def shop(build_s: float = 100.0, **rest: Any) -> Forecast:
    """Two services, one of which decides; everything is estimated."""
    estimates = (
        Estimate("build:a", build_s, build_s * 1.5),
        fixed("build:b", 30.0),
        fixed("deploy:a", 10.0),
        fixed("deploy:b", 10.0),
        fixed("check:pre", 1.0),
    )
    plan = make_plan([Service("a"), Service("b")], estimates=estimates)
    scenario = rest.pop("scenario", Scenario())
    return forecast(model(plan, scenario), **{"runs": 500, **rest})


def baseline_of(found: Forecast, **changed: Any) -> Baseline:
    rest = iter(found.makespans_s)
    makespans = tuple(None if k in found.failed_runs else next(rest) for k in range(found.runs))
    made = Baseline(
        "main",
        found.seed,
        found.correlation,
        found.makespan.p50,
        found.makespan.p90,
        makespans,
        found.scenario,
    )
    return replace(made, **changed)


# --- limits


def test_a_limit_is_held_by_the_estimate() -> None:
    found = shop()
    p90_s = found.makespan.p90.value_s
    assert limit(found, p90_s).outcome == "passed"
    assert limit(found, p90_s - 0.001).outcome == "failed"
    assert "over the limit of" in limit(found, 1.0).sentence


def test_it_says_when_the_interval_straddles_the_limit() -> None:
    found = shop()
    p90 = found.makespan.p90
    assert p90.low_s is not None
    assert p90.high_s is not None
    unsure = "more --runs would make this surer"
    assert unsure in limit(found, p90.value_s).sentence
    assert unsure in limit(found, (p90.low_s + p90.value_s) / 2).sentence
    assert unsure not in limit(found, p90.high_s + 1).sentence
    assert unsure not in limit(found, p90.low_s - 1).sentence


# --- regressions


def test_common_draws_show_a_change_exactly() -> None:
    """The build takes 10 % longer in every run, so the interval has hardly any width."""
    before, after = shop(), shop(110.0)
    comparison = compare(after, baseline_of(before))
    assert (comparison.pairs, comparison.note) == (500, "")
    p50 = comparison.changes[0]
    assert p50.before_s == before.makespan.p50.value_s
    assert p50.after_s == after.makespan.p50.value_s
    assert p50.value_s == pytest.approx(0.1 * (p50.before_s - 11))
    assert p50.low_s is not None
    assert p50.high_s is not None
    assert p50.low_s <= p50.value_s <= p50.high_s
    own = before.makespan.p50
    assert own.low_s is not None
    assert own.high_s is not None
    assert p50.high_s - p50.low_s < (own.high_s - own.low_s) / 3


def test_a_regression_is_more_than_is_allowed() -> None:
    comparison = compare(shop(110.0), baseline_of(shop()))
    assert regression(comparison, 0.05).outcome == "failed"
    assert regression(comparison, 0.10).outcome == "passed"
    assert "all that is allowed" in regression(comparison, 0.05).sentence
    assert "main" in regression(comparison, 0.05).sentence
    # Getting faster is none.
    faster = compare(shop(), baseline_of(shop(110.0)))
    assert regression(faster, 0.0).outcome == "passed"
    same = compare(shop(), baseline_of(shop()))
    assert regression(same, 0.0).outcome == "passed"
    assert [change.value_s for change in same.changes] == [0, 0]


def test_a_regression_of_p90_alone_counts() -> None:
    comparison = Comparison(
        "main", (Change("P50", 100.0, 100.0, 0.0, 0.0), Change("P90", 100.0, 130.0, 29.0, 31.0)), 10
    )
    verdict = regression(comparison, 0.1)
    assert verdict.outcome == "failed"
    assert verdict.sentence.startswith("P90 takes 2m 10s instead of 1m 40s")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"seed": 1}, "the baseline has seed 1, not 0"),
        ({"correlation": 0.5}, "the baseline has correlation 0.5, not 0.3"),
        ({"makespans_s": ()}, "the baseline has no single runs"),
    ],
)
def test_without_common_draws_it_is_not_paired_and_says_so(changed: dict[str, Any], says: str) -> None:
    after = shop(110.0)
    comparison = compare(after, baseline_of(shop(), **changed))
    assert (comparison.pairs, comparison.note) == (0, says)
    assert how(comparison) == f"not paired: {says}"
    paired = compare(after, baseline_of(shop()))
    for alone, together in zip(comparison.changes, paired.changes, strict=True):
        assert alone.value_s == pytest.approx(together.value_s)
        assert None not in (alone.low_s, alone.high_s, together.low_s, together.high_s)
        assert alone.low_s < together.low_s < together.high_s < alone.high_s  # type: ignore[operator]


def test_other_scenarios_are_said() -> None:
    comparison = compare(shop(), baseline_of(shop(), scenario="cold"))
    assert comparison.pairs == 500
    assert "different scenarios" in how(comparison)
    assert "different targets" in how(compare(shop(), baseline_of(shop(), profile="github")))


def test_only_runs_that_both_have_and_that_succeed_in_both_are_compared() -> None:
    risky = Scenario(failures={"build": Failure(0.2, retries=0)})
    before, after = shop(runs=300), shop(scenario=risky)
    comparison = compare(after, baseline_of(before))
    both = [k for k in range(300) if k not in after.failed_runs]
    assert comparison.pairs == len(both) < 300
    # In these runs nothing is different.
    assert [change.value_s for change in comparison.changes] == [0, 0]


def test_too_few_pairs_have_no_interval() -> None:
    comparison = compare(shop(110.0, runs=3), baseline_of(shop(runs=3)))
    assert comparison.pairs == 3
    assert comparison.changes[1].low_s is None
    assert "(? to ?)" in describe(comparison.changes[1])
    assert "more --runs" in regression(comparison, 0.05).sentence


def test_nothing_to_compare_fails() -> None:
    doomed = shop(scenario=Scenario(failures={"build": Failure(1.0, retries=0)}))
    for comparison in (compare(doomed, baseline_of(shop())), compare(shop(), baseline_of(doomed))):
        assert comparison.changes == ()
        assert regression(comparison, 0.5).outcome == "failed"
    assert limit(doomed, 1e6).outcome == "failed"


# --- assumptions


def test_a_gate_does_not_rest_on_assumptions() -> None:
    plan = make_plan([Service("a"), Service("b")], estimates=(Estimate("build:a", 100.0, 150.0),))
    found = forecast(plan, runs=200)
    said = refusal(found)
    assert said is not None
    assert "build:b" in said
    assert "build:a" not in said
    assert "at most 10%" in said
    assert "--allow-assumed" in said
    (verdict,) = judge(found, Conditions(max_p90_s=1e6))
    assert (verdict.outcome, verdict.sentence) == ("refused", said)
    (verdict,) = judge(found, Conditions(max_p90_s=1e6, allow_assumed=True))
    assert verdict.outcome == "passed"


def test_only_the_assumed_terms_count() -> None:
    """A build whose clone alone is assumed rests on that by its part of the build."""
    found = shop()
    task = next(task for task in found.tasks if task.id == "build:a")
    term = task.terms[0]
    clone = Term("clone", Law(term.law.median_s / 9, 0.1))
    partly = replace(task, terms=(clone, term))
    assert partly.assumed
    assert partly.assumed_share == pytest.approx(task.share / 10)
    assert task.assumed_share == 0
    assert refusal(replace(found, tasks=(partly,))) is None
    most = replace(task, terms=(replace(clone, law=Law(term.law.median_s, 0.1)), term))
    said = refusal(replace(found, tasks=(most,)))
    assert said is not None
    assert "build:a (clone)" in said


def test_little_may_be_assumed() -> None:
    """The pre-check is never estimated: a share below the threshold is no reason to refuse."""
    estimates = tuple(fixed(task, 200.0) for task in ("build:a", "build:b", "deploy:a", "deploy:b"))
    found = forecast(make_plan([Service("a"), Service("b")], estimates=estimates), runs=50)
    assert [task.id for task in found.tasks if task.assumed] == ["check:pre"]
    assert refusal(found) is None


def test_without_conditions_nothing_is_judged() -> None:
    assert judge(forecast(make_plan([Service("a")]), runs=20), Conditions()) == ()
    assert not Conditions(allow_assumed=True).any


def test_both_conditions_are_judged() -> None:
    found = shop(110.0)
    comparison = compare(found, baseline_of(shop()))
    verdicts = judge(found, Conditions(max_p90_s=1e6, max_regression=0.05), comparison)
    assert [verdict.outcome for verdict in verdicts] == ["passed", "failed"]


# --- in the reports


def test_the_reports_show_the_comparison() -> None:
    found = shop(110.0)
    comparison = compare(found, baseline_of(shop()))
    text = " ".join(render(found, comparison=comparison).split())
    assert f"Baseline main: P50 {describe(comparison.changes[0])};" in text
    assert "paired on 500 common runs" in text
    verdicts = judge(found, Conditions(max_regression=0.05), comparison)
    shown = markdown.render(found, comparison, verdicts)
    assert "**Failed:** P50 takes" in shown or "**Failed:** P90 takes" in shown
    assert "| change |" in shown
    data = as_data(found, comparison)["baseline"]
    assert data["name"] == "main"
    assert data["p50"]["change"] == round(comparison.changes[0].value_s, 3)
