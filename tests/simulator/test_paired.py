"""Runs on common draws: that they are common, and what is made of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from compiler.plan.model import Estimate, Plan, Strategy
from sim_plans import Service, container, database, fixed, make_plan
from simulator.drawing.sampling import sample
from simulator.engines import simulate
from simulator.modelling.model import Model
from simulator.modelling.pipeline import model
from simulator.modelling.scenario import Builders, Failure, Scenario
from simulator.modelling.variants import with_builders
from simulator.statistics.compare import compare
from simulator.studies import paired
from simulator.studies.paired import CommonDraws, outcomes

SERVICES = [
    database("db"),
    container("cache"),
    Service("web", after=("api",)),
    Service("api"),
    Service("ops"),
]


def plan(*estimates: Estimate, strategy: Strategy = Strategy.BUILD_FIRST, builds: int = 2) -> Plan:
    return make_plan(SERVICES, strategy=strategy, builds=builds, estimates=estimates)


def directly(made: Model, runs: int, first: int = 0) -> np.ndarray:
    return sample(
        made.laws, runs=runs, seed=7, correlation=made.scenario.correlation, first=first
    ).durations_s


@pytest.mark.parametrize(
    "other",
    [
        model(plan(builds=1)),
        model(plan(strategy=Strategy.DAG)),
        model(plan(Estimate("build:api", 60.0))),
        model(plan(fixed("build:api", 60.0))),
        model(plan(), Scenario(correlation=0.8)),
        model(plan(), Scenario(builders=Builders(warm=1))),
        model(plan(), Scenario(failures={"build": Failure(0.3)})),
        model(make_plan(SERVICES[1:])),
    ],
)
def test_shared_draws_are_those_of_each_alone(other: Model) -> None:
    base = model(plan())
    for first in (0, 30):
        draws = CommonDraws(7, first, 20)
        np.testing.assert_array_equal(draws.of(base)[0], directly(base, 20, first))
        np.testing.assert_array_equal(draws.of(other)[0], directly(other, 20, first))
        fails = draws.of(other)[1]
        alone = sample(other.laws, runs=20, seed=7, correlation=other.scenario.correlation, first=first).fails
        assert (fails is None) == (alone is None)
        if fails is not None:
            np.testing.assert_array_equal(fails, alone)


def test_only_what_is_said_changes() -> None:
    base, other = model(plan()), model(plan(Estimate("build:api", 60.0)))
    draws = CommonDraws(0, 0, 50)
    same = (draws.of(base)[0] == draws.of(other)[0]).all(axis=1)
    changed = [task.id for task, kept in zip(base.plan.tasks, same, strict=True) if not kept]
    assert changed == ["build:api"]


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    models = [model(plan()), model(plan(), Scenario(failures={"deploy": Failure(0.1)}))]
    whole = outcomes(models, runs=70, seed=3)
    monkeypatch.setattr(paired, "MOST_DRAWS", 13 * 16)
    for one, other in zip(whole, outcomes(models, runs=70, seed=3), strict=True):
        np.testing.assert_array_equal(one.makespan_s, other.makespan_s)
        np.testing.assert_array_equal(one.failed, other.failed)
        assert one.critical == other.critical
        assert one.build_cpu_s == pytest.approx(other.build_cpu_s)


def test_what_it_costs_by_hand() -> None:
    """Builds of 10 and 6 s hold 4 CPU each; the pool of 28 CPU is there for all 1 + 10 + 3 s."""
    estimates = [fixed("check:pre", 1), fixed("build:a", 10), fixed("build:b", 6)]
    estimates += [fixed("deploy:a", 3), fixed("deploy:b", 2)]
    made = model(make_plan([Service("a"), Service("b")], estimates=tuple(estimates)))
    (found,) = outcomes([made], runs=5, seed=0)
    assert found.makespan_s.tolist() == [14.0] * 5
    assert (found.build_cpu_s, found.pool_cpu_s) == (4 * 16, 28 * 14)
    critical = {task for task, share in found.critical.items() if share}
    assert critical - {"gate:built", "gate:application-deployed"} == {"check:pre", "build:a", "deploy:a"}


def test_a_build_that_waits_for_its_node_holds_its_cpu() -> None:
    """On a pool of one node that takes 90 s to start, four CPU are held from the start on."""
    fixed_start = replace(Builders().start, sigma=0.0)
    estimates = (fixed("check:pre", 0), fixed("build:a", 10), fixed("deploy:a", 0))
    made = model(
        make_plan([Service("a")], estimates=estimates), Scenario(builders=Builders(start=fixed_start))
    )
    (found,) = outcomes([made], runs=3, seed=0)
    assert found.makespan_s.tolist() == [100.0] * 3
    assert found.build_cpu_s == pytest.approx(400)


def test_models_looked_at_closely() -> None:
    first, second = outcomes([model(plan()), model(plan(builds=1))], runs=10, seed=0, closely=1)
    assert first.critical
    assert not second.critical


def test_failed_runs_count_in_no_cost() -> None:
    made = model(plan(), Scenario(failures={"build": Failure(0.2, retries=0)}))
    (found,) = outcomes([made], runs=200, seed=1)
    durations_s, fails = CommonDraws(1, 0, 200).of(made)
    trace = simulate(made.network, durations_s, fails, engine="simpy")
    np.testing.assert_array_equal(found.failed, trace.failed)
    assert 0.2 < found.failed.mean() < 0.8
    fine = ~trace.failed
    assert found.pool_cpu_s == pytest.approx(28 * trace.makespan_s[fine].mean())


def test_pairing_reduces_the_variance_more_than_tenfold() -> None:
    services = [Service(f"s{number}", f"stage{number // 10}") for number in range(20)]
    base = make_plan(services, builds=7)
    before, after = outcomes([model(base), model(with_builders(base, 8))], runs=500, seed=0)
    found = compare(before.makespan_s, after.makespan_s)
    assert found.variance_ratio is not None
    assert found.variance_ratio > 10
    (alone,) = outcomes([model(with_builders(base, 8))], runs=500, seed=1)
    apart = compare(before.makespan_s, alone.makespan_s)
    assert apart.variance_ratio is not None
    assert apart.variance_ratio < 1.3


def test_no_runs_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one run"):
        outcomes([model(plan())], runs=0, seed=0)
