from __future__ import annotations

import math

import numpy as np
import pytest

from compiler.plan.model import Estimate, Plan, Resources
from sim_plans import GB, Service, database, fixed, make_plan
from simulator.durations import TaskDuration, Term, task_durations
from simulator.laws import LONGEST_S, Law
from simulator.quantiles import quantile
from simulator.sampling import Sample, sample

THREE_SIGMA = 0.9973


def drawn(plan: Plan, runs: int = 20, seed: int = 7, correlation: float = 0.3) -> dict[str, list[float]]:
    """Durations by task id."""
    found = sample(task_durations(plan), runs=runs, seed=seed, correlation=correlation)
    return {task.id: row.tolist() for task, row in zip(plan.tasks, found.durations_s, strict=True)}


def draw_law(law: Law, *, runs: int, correlation: float, names: tuple[str, ...] = ("a", "b")) -> Sample:
    tasks = tuple(TaskDuration(name, (Term("build", law),)) for name in names)
    return sample(tasks, runs=runs, seed=0, correlation=correlation)


def test_a_new_service_leaves_every_other_draw_as_it_was() -> None:
    before = drawn(make_plan([Service("web"), Service("api")]))
    after = drawn(make_plan([database("db"), Service("admin"), Service("web"), Service("api")]))
    assert all(after[task] == values for task, values in before.items())


def test_limits_and_order_leave_every_draw_as_it_was() -> None:
    before = drawn(make_plan([Service("web"), Service("api")]))
    pool = Resources(4000, 4 * GB)
    after = drawn(make_plan([Service("api"), Service("web")], builds=1, deploys=2, pool=pool))
    assert after == before


def test_an_estimate_leaves_every_other_draw_as_it_was() -> None:
    before = drawn(make_plan([Service("web"), Service("api")]))
    after = drawn(make_plan([Service("web"), Service("api")], estimates=(Estimate("build:web", 60.0),)))
    assert {task for task in before if before[task] != after[task]} == {"build:web"}


def test_half_the_estimate_is_half_of_every_draw() -> None:
    """Common random numbers: what a comparison of two forecasts rests on."""
    whole = drawn(make_plan([Service("web")], estimates=(Estimate("build:web", 60.0),)))["build:web"]
    half = drawn(make_plan([Service("web")], estimates=(Estimate("build:web", 30.0),)))["build:web"]
    assert half == pytest.approx([each / 2 for each in whole])


def test_more_runs_keep_the_earlier_ones() -> None:
    plan = make_plan([database("db"), Service("web")])
    few, many = drawn(plan, runs=5), drawn(plan, runs=500)
    assert all(many[task][:5] == values for task, values in few.items())


def test_seeds_differ() -> None:
    plan = make_plan([Service("web")])
    assert drawn(plan, seed=1)["build:web"] != drawn(plan, seed=2)["build:web"]


@pytest.mark.parametrize("correlation", [0.0, 0.3, 1.0])
def test_correlation_changes_no_terms_own_law(correlation: float) -> None:
    runs = 20_000
    values = draw_law(Law(100.0, 0.5), runs=runs, correlation=correlation).durations_s[0]
    logs = np.log(values)
    assert abs(logs.mean() - math.log(100)) < 3 * 0.5 / runs**0.5
    assert abs(logs.var() - 0.25) < 3 * 0.25 * (2 / runs) ** 0.5
    for probability, value in ((0.5, 100.0), (0.9, Law(100.0, 0.5).p90_s)):
        found = quantile(values, probability, THREE_SIGMA)
        assert found.low_s is not None
        assert found.high_s is not None
        assert found.low_s <= value <= found.high_s


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.8])
def test_correlation_is_that_of_the_logarithms(correlation: float) -> None:
    runs = 20_000
    first, second = np.log(draw_law(Law(100.0, 0.5), runs=runs, correlation=correlation).durations_s)
    # The standard error of a correlation coefficient is (1 - rho^2) / sqrt(n).
    found = np.corrcoef(first, second)[0, 1]
    assert abs(found - correlation) < 3 * (1 - correlation**2) / runs**0.5


def test_full_correlation_leaves_nothing_to_the_task() -> None:
    first, second = draw_law(Law(100.0, 0.5), runs=50, correlation=1.0).durations_s
    assert (first == second).all()


def test_fixed_durations_are_left_alone() -> None:
    assert set(drawn(make_plan([Service("web")], estimates=(fixed("build:web", 9.5),)))["build:web"]) == {9.5}


def test_terms_add_up_and_the_timeout_cuts_the_last_ones() -> None:
    terms = (Term("clone", Law(10.0, 0.0)), Term("build", Law(100.0, 0.0)), Term("push", Law(5.0, 0.0)))
    tasks = (
        TaskDuration("free", terms),
        TaskDuration("cut", terms, 60.0),
        TaskDuration("exact", terms, 115.0),
    )
    found = sample(tasks, runs=2, seed=0, correlation=0.3)
    assert found.durations_s[:, 0].tolist() == [115.0, 60.0, 115.0]
    assert [each[:, 0].tolist() for each in found.terms_s] == [[10, 100, 5], [10, 50, 0], [10, 100, 5]]
    assert found.timed_out[:, 0].tolist() == [False, True, False]


def test_absurd_spreads_stay_finite() -> None:
    values = draw_law(Law(1e9, 500.0), runs=200, correlation=0.3).durations_s
    assert np.isfinite(values).all()
    assert values.max() == pytest.approx(LONGEST_S)


@pytest.mark.parametrize("correlation", [-0.1, 1.1, math.nan])
def test_correlations_that_make_no_sense_are_refused(correlation: float) -> None:
    with pytest.raises(ValueError, match="correlation must be between 0 and 1"):
        draw_law(Law(1.0, 1.0), runs=1, correlation=correlation)
