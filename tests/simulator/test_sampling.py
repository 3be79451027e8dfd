from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.plan.model import Estimate, Plan, Probe, Replicas, Resources
from sim_plans import GB, Service, container, database, fixed, job, make_plan
from simulator.drawing.sampling import Sample, sample
from simulator.modelling.durations import TaskDuration, Term, task_durations
from simulator.modelling.laws import LONGEST_S, Law
from simulator.modelling.rollout import Readiness
from simulator.modelling.scenario import Cluster, Failure, Registry, Scenario
from simulator.statistics.quantiles import quantile

THREE_SIGMA = 0.9973
THREE_SIGMAS = 3.0


def drawn(plan: Plan, runs: int = 20, seed: int = 7, correlation: float = 0.3) -> dict[str, list[float]]:
    """Durations by task id."""
    found = sample(task_durations(plan), runs=runs, seed=seed, correlation=correlation)
    return {task.id: row.tolist() for task, row in zip(plan.tasks, found.durations_s, strict=True)}


def draw_law(law: Law, *, runs: int, correlation: float, names: tuple[str, ...] = ("a", "b")) -> Sample:
    tasks = tuple(TaskDuration(name, (Term("build", law),)) for name in names)
    return sample(tasks, runs=runs, seed=0, correlation=correlation, terms=True)


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
        inside(values, probability, value)


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
    found = sample(tasks, runs=2, seed=0, correlation=0.3, terms=True)
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


# How replications are cut.

MIXED = Scenario(
    cluster=Cluster(warm=0.5),
    failures={"build": Failure(0.2, 1), "job": Failure(0.3, 2), "deploy": Failure(0.01)},
)


def mixed_laws() -> tuple[TaskDuration, ...]:
    """Every kind of term: probes, turns, warm nodes, timeouts, retries, estimates, fixed ones."""
    plan = make_plan(
        [database("db"), job("migrate"), container("cache"), Service("web"), Service("api"), Service("odd")],
        estimates=(Estimate("build:api", 60.0, 90.0), fixed("deploy:api", 5.0), Estimate("build:odd", 1e9)),
        timeouts={"build:api": 65, "deploy:db": 40},
    )
    plan = replace(
        plan,
        workloads=tuple(
            replace(each, readiness=Probe("tcp", port=1), replicas=Replicas(3, 3)) for each in plan.workloads
        ),
    )
    return task_durations(plan, MIXED)


def same(one: Sample, other: Sample, columns: slice) -> None:
    assert (one.durations_s[:, columns] == other.durations_s).all()
    assert (one.timed_out[:, columns] == other.timed_out).all()
    assert one.fails is not None
    assert (one.fails[:, columns] == (False if other.fails is None else other.fails)).all()
    for whole, part in zip(one.terms_s, other.terms_s, strict=True):
        assert (whole[:, columns] == part).all()


@settings(max_examples=15)
@given(st.integers(0, 9_990), st.integers(1, 5_000))
def test_how_replications_are_cut_changes_no_bit(first: int, runs: int) -> None:
    laws = mixed_laws()
    part = sample(laws, runs=runs, seed=3, correlation=0.3, first=first, terms=True)
    whole = sample(laws, runs=first + runs, seed=3, correlation=0.3, terms=True)
    same(whole, part, slice(first, None))


def test_a_rare_failure_changes_no_bit_of_its_neighbours() -> None:
    """A piece without any is drawn in a shorter way than one with some."""
    terms = tuple(Term(name, Law(10.0, 0.5)) for name in ("pull", "helm", "run"))
    tasks = (TaskDuration("a", terms, timeout_s=40.0, again=2), TaskDuration("b", terms, timeout_s=80.0))
    whole = sample(tasks, runs=3_000, seed=0, correlation=0.3, terms=True)
    assert whole.fails is not None
    assert (whole.fails.sum(axis=1) > 0).all()
    for first in range(0, 3_000, 10):
        part = sample(tasks, runs=10, seed=0, correlation=0.3, first=first, terms=True)
        same(whole, part, slice(first, first + 10))


def test_with_or_without_terms_and_among_others_or_alone() -> None:
    laws = mixed_laws()
    whole = sample(laws, runs=700, seed=3, correlation=0.3)
    assert whole.terms_s == ()
    for index, law in enumerate(laws):
        alone = sample((law,), runs=700, seed=3, correlation=0.3, terms=True)
        assert (alone.durations_s[0] == whole.durations_s[index]).all()
        assert alone.terms_s[0].sum(axis=0) == pytest.approx(whole.durations_s[index], rel=1e-12)
        assert alone.terms_s[0].shape == (len(law.terms), 700)


def test_no_replications_and_no_tasks() -> None:
    assert sample(mixed_laws(), runs=0, seed=0, correlation=0.3).durations_s.shape[1] == 0
    assert sample((), runs=5, seed=0, correlation=0.3).durations_s.shape == (0, 5)


# A change of the scenario changes what it is about and nothing else.


def terms_of(plan: Plan, scenario: Scenario | None = None) -> dict[tuple[str, str], list[float]]:
    """Drawn seconds by (task, term)."""
    laws = task_durations(plan, scenario)
    found = sample(laws, runs=30, seed=7, correlation=0.3, terms=True)
    return {
        (law.task, term.name): rows.tolist()
        for law, drawn in zip(laws, found.terms_s, strict=True)
        for term, rows in zip(law.terms, drawn, strict=True)
    }


@pytest.mark.parametrize(
    ("scenario", "changed"),
    [
        (Scenario(registry=Registry(connection_bytes_s=10e6)), {"push", "mirror"}),
        (Scenario(image_bytes={"web": 1_000_000}), {"push", "pull"}),
        (Scenario(laws={("helm", "any"): Law(50.0, 0.1)}), {"helm"}),
        (Scenario(cluster=Cluster(warm=0.5)), {"pull"}),
        (Scenario(cluster=Cluster(warm=1.0)), {"pull"}),
        (Scenario(failures={"check": Failure(1.0, 2)}), {"check", "retry"}),
    ],
)
def test_a_setting_leaves_every_other_draw_as_it_was(scenario: Scenario, changed: set[str]) -> None:
    plan = make_plan([container("cache"), Service("web")])
    before, after = terms_of(plan), terms_of(plan, scenario)
    differing = {key[1] for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert differing == changed


def test_a_warm_node_takes_the_time_out_of_some_pulls_and_changes_no_other() -> None:
    plan = make_plan([Service("web")])
    cold = np.array(terms_of(plan)["deploy:web", "pull"])
    warm = np.array(terms_of(plan, Scenario(cluster=Cluster(warm=0.5)))["deploy:web", "pull"])
    assert 0 < (warm == 0).sum() < 30
    assert ((warm == 0) | (warm == cold)).all()


def test_nodes_are_warm_as_often_as_said() -> None:
    runs = 20_000
    task = TaskDuration("a", (Term("pull", Law(10.0, 0.5), 0.3),))
    taken = sample((task,), runs=runs, seed=0, correlation=0.3).durations_s[0] > 0
    assert abs(taken.mean() - 0.3) < THREE_SIGMAS * math.sqrt(0.3 * 0.7 / runs)


def test_a_sum_of_fixed_and_drawn_terms_has_the_law_of_the_drawn_one_moved() -> None:
    runs = 20_000
    task = TaskDuration("a", (Term("helm", Law(5.0, 0.0)), Term("run", Law(30.0, 0.857))))
    values = sample((task,), runs=runs, seed=0, correlation=0.3).durations_s[0]
    for probability, value in ((0.5, 35.0), (0.9, 5 + 30 * math.exp(0.857 * 1.2815515655446004))):
        inside(values, probability, value)


def test_probes_find_what_is_ready_evenly_over_their_period() -> None:
    """With a pull of any length before, the wait for the next look is uniform over the period."""
    runs = 20_000
    pull = Term("pull", Law(500.0, 1.0))
    terms = (pull, Term("start", Law(2.0, 0.0)), Term("ready", Law(12.0, 0.0)))
    task = TaskDuration("a", terms, readiness=Readiness(None, Probe("tcp", port=1)), pulled=pull)
    waits = sample((task,), runs=runs, seed=0, correlation=0.3, terms=True).terms_s[0][2] - 12
    for share in (0.1, 0.5, 0.9):
        inside(waits, share, 10 * share)


def inside(values: Any, probability: float, value: float) -> None:
    """The true quantile lies within the order statistics that hold it in 99.73 % of all samples."""
    found = quantile(values, probability, THREE_SIGMA)
    assert found.low_s is not None
    assert found.high_s is not None
    assert found.low_s <= value <= found.high_s
