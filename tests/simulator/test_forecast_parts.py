"""What a forecast tells beside the distribution: failures, loads, swings, chains of activities."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jsonschema
import numpy as np
import pytest

from compiler.plan.model import Estimate, Strategy
from sim_plans import Service, container, database, fixed, make_plan
from simulator.drawing.sampling import sample
from simulator.engines import simulate
from simulator.forecasting.forecast import Forecast, Load, RunTrace
from simulator.forecasting.run import forecast
from simulator.modelling.pipeline import model
from simulator.modelling.scenario import Builders, Failure, Registry, Scenario
from simulator.report.json import as_data
from test_forecast import FIXED, SCHEMA, SERVICES, by_hand, mixed

PLAN = make_plan([database("db"), *(Service(f"s{number}") for number in range(4))])


def failing(probability: float, **rest: Any) -> Forecast:
    scenario = Scenario(failures={"build": Failure(probability, retries=0)})
    return forecast(model(PLAN, scenario), **{"runs": 400, **rest})


# --- failures


def test_quantiles_are_about_the_runs_that_succeed() -> None:
    found = failing(0.1)
    subject = model(PLAN, Scenario(failures={"build": Failure(0.1, retries=0)}))
    drawn = sample(subject.laws, runs=400, seed=0, correlation=0.3)
    trace = simulate(subject.network, drawn.durations_s, drawn.fails)
    assert found.makespans_s == tuple(trace.makespan_s[~trace.failed].tolist())
    assert found.failed_runs == tuple(np.flatnonzero(trace.failed).tolist())
    assert found.failed == pytest.approx(trace.failed.mean())
    assert found.succeeded + len(found.failed_runs) == found.runs == 400
    # Four builds that fail by 0.1 each.
    assert found.failed == pytest.approx(1 - 0.9**4, abs=0.08)


def test_what_fails_first_adds_up_to_what_fails() -> None:
    found = failing(0.1)
    assert sum(share for _, share in found.failures) == pytest.approx(found.failed)
    assert {task for task, _ in found.failures} == {f"build:s{number}" for number in range(4)}
    assert list(found.failures) == sorted(found.failures, key=lambda each: (-each[1], each[0]))


def test_what_is_told_of_tasks_is_of_the_runs_that_succeed() -> None:
    """Without the runs that fail, a forecast of the same draws tells the same."""
    found, calm = failing(0.1), forecast(PLAN, runs=400)
    kept = [k for k in range(400) if k not in found.failed_runs]
    assert found.makespans_s == tuple(calm.makespans_s[k] for k in kept)
    assert sum(task.share for task in found.tasks) == pytest.approx(1)
    assert sum(each.share for each in found.terms) == pytest.approx(1)
    assert found.median_run.replication in kept
    assert found.p90_run is not None
    assert found.p90_run.replication in kept


def test_no_run_succeeds() -> None:
    found = failing(1.0)
    jsonschema.Draft7Validator(SCHEMA).validate(as_data(found))
    assert (found.failed, found.succeeded, found.makespans_s, found.spans) == (1, 0, (), ())
    assert found.makespan.p50.value_s == 0
    assert (found.makespan.p50.low_s, found.makespan.p50.high_s) == (None, None)
    assert not found.makespan.within(0.5)
    assert found.p90_run is None
    assert {task.share for task in found.tasks} == {0}
    # A failed run is shown, without what never started.
    shown = {step.task for step in found.median_run.steps}
    assert "check:pre" in shown
    assert "deploy:s0" not in shown
    assert found.median_run.makespan_s > 0
    assert as_data(found)["makespan"] is None
    assert as_data(found)["makespans"] == [None] * 400


def test_failed_runs_keep_their_place_in_the_json() -> None:
    found = failing(0.1)
    makespans = as_data(found)["makespans"]
    assert len(makespans) == 400
    assert [k for k, each in enumerate(makespans) if each is None] == list(found.failed_runs)
    rest = [each for each in makespans if each is not None]
    assert rest == pytest.approx(found.makespans_s, abs=0.0005)


def test_a_failed_run_gives_back_what_it_held() -> None:
    found = failing(1.0, runs=1)
    for load in found.median_run.loads:
        assert load.amounts[-1] == 0
        assert load.times_s[-1] <= found.median_run.makespan_s


# --- loads


def loads_of(run: RunTrace | None) -> dict[tuple[str, str], Load]:
    assert run is not None
    return {(load.queue, load.resource): load for load in run.loads}


def test_loads_on_paper() -> None:
    loads = loads_of(by_hand().median_run)
    # check 0-1, builds a 1-11 and b 1-7, mirror 11-13, deploy db 13-18, a 18-22, b 22-25.
    builds = loads["build", "slots"]
    assert (builds.times_s, builds.amounts, builds.capacity) == ((0, 1, 7, 11), (0, 2, 1, 0), 2)
    assert loads["build", "cpu_milli"].amounts == (0, 8000, 4000, 0)
    # One takes the slot as another gives it back: no step.
    deploys = loads["deploy", "slots"]
    assert (deploys.times_s, deploys.amounts) == ((0, 11, 25), (0, 1, 0))


@pytest.mark.parametrize("strategy", list(Strategy))
def test_loads_hold_together(strategy: Strategy) -> None:
    found = mixed(strategy)
    assert found.p90_run is not None
    for run in (found.median_run, found.p90_run):
        for load in run.loads:
            assert load.times_s[0] == 0
            assert list(load.times_s) == sorted(set(load.times_s))
            assert len(load.times_s) == len(load.amounts)
            assert load.amounts[-1] == 0
            assert 0 <= max(load.amounts) <= load.capacity
    peaks = {(use.queue, use.resource): use.peak for use in found.uses}
    assert peaks == {key: max(load.amounts) for key, load in loads_of(found.median_run).items()}
    # The area under a load is the time of its tasks.
    slots = loads_of(found.median_run)["build", "slots"]
    area = sum(
        amount * (end - begin)
        for amount, begin, end in zip(slots.amounts, slots.times_s, slots.times_s[1:], strict=False)
    )
    builds = [step.finish_s - step.start_s for step in found.median_run.steps if step.kind == "build"]
    assert area == pytest.approx(sum(builds))


# --- swings


def test_swings_show_what_the_makespan_hangs_on() -> None:
    """One build of 10 minutes beside short ones: its own spread is the pipeline's."""
    services = [Service(f"s{number}") for number in range(4)]
    estimates = (
        Estimate("build:s0", 600.0, 900.0),
        *(Estimate(f"build:s{number}", 60.0, 90.0) for number in (1, 2, 3)),
        *(fixed(f"deploy:s{number}", 20.0) for number in range(4)),
    )
    found = forecast(make_plan(services, estimates=estimates), runs=1000)
    first = found.swings[0]
    assert first.task == "build:s0"
    # The medians of a lognormal's outer tenths are its 5 % and 95 % quantiles; 0.3 of the variance is common.
    sigma = np.log(1.5) / 1.2815515655446004 * np.sqrt(0.7)
    expected = [600 * np.exp(side * 1.6449 * sigma) + 25 for side in (-1, 1)]
    assert [first.low_s, first.high_s] == pytest.approx(expected, rel=0.05)
    assert all(
        abs(each.high_s - each.low_s) < 0.1 * (first.high_s - first.low_s) for each in found.swings[1:]
    )


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.9])
def test_the_common_factor_is_no_swing(correlation: float) -> None:
    """A deployment that is never last does not matter, however much all tasks of a run go together."""
    estimates = (
        Estimate("build:a", 600.0, 900.0),
        Estimate("build:b", 60.0, 90.0),
        fixed("deploy:a", 5.0),
        fixed("deploy:b", 5.0),
        fixed("check:pre", 1.0),
    )
    plan = make_plan([Service("a"), Service("b")], estimates=estimates)
    found = forecast(model(plan, Scenario(correlation=correlation)), runs=1000)
    swings = {each.task: each.high_s - each.low_s for each in found.swings}
    assert set(swings) == {"build:a"}
    # As it is critical, it would swing by the common factor too.
    own = np.log(1.5) / 1.2815515655446004 * np.sqrt(1 - correlation)
    assert swings["build:a"] == pytest.approx(606 * 2 * np.sinh(1.6449 * own), rel=0.12)


def test_what_only_follows_the_day_has_no_bar() -> None:
    """With correlation 1 no task varies by itself."""
    found = forecast(model(PLAN, Scenario(correlation=1.0)), runs=200)
    assert found.swings == ()


def test_swings_need_some_runs_and_some_spread() -> None:
    assert forecast(PLAN, runs=40).swings == ()
    assert forecast(make_plan(SERVICES, estimates=FIXED), runs=200).swings == ()
    found = forecast(make_plan([Service(f"s{number}") for number in range(80)]), runs=60)
    assert len(found.swings) <= 30


# --- tasks of several activities


@pytest.mark.parametrize(
    "scenario",
    [Scenario(builders=Builders(warm=0, maximum=2)), Scenario(registry=Registry(20e6, 25e6))],
    ids=["builders", "shared registry"],
)
def test_a_task_begins_with_its_first_activity_and_ends_with_its_last(scenario: Scenario) -> None:
    subject = model(make_plan([Service("a"), Service("b"), Service("c"), container("d")]), scenario)
    assert any(len(members) > 1 for members in subject.activities)
    found = forecast(subject, runs=50)
    drawn = sample(subject.laws, runs=50, seed=0, correlation=0.3)
    trace = simulate(subject.network, drawn.durations_s, drawn.fails)
    run = found.median_run
    index = {task.id: number for number, task in enumerate(subject.plan.tasks)}
    for step in run.steps:
        members = subject.activities[index[step.task]]
        assert step.start_s == trace.start_s[members[0], run.replication]
        assert step.finish_s == trace.finish_s[members[-1], run.replication]
    assert sum(each.share for each in found.terms) == pytest.approx(1)
    assert sum(task.share for task in found.tasks) == pytest.approx(1)
    assert found.bounds.lower_s <= found.makespan.p50.value_s
    for load in run.loads:
        assert max(load.amounts) <= load.capacity
        assert load.amounts[-1] == 0
    jsonschema.Draft7Validator(SCHEMA).validate(as_data(found))


def test_a_chain_holds_its_slot_to_its_end() -> None:
    subject = model(make_plan([Service("a")]), Scenario(builders=Builders(warm=0, maximum=1)))
    run = forecast(subject, runs=1).median_run
    build = next(step for step in run.steps if step.task == "build:a")
    slots = loads_of(run)["build", "slots"]
    assert slots.times_s[1:] == (build.start_s, build.finish_s)


def test_the_shown_runs_are_real_ones() -> None:
    found = mixed(runs=300)
    assert found.p90_run is not None
    for run in (found.median_run, found.p90_run):
        assert run.makespan_s == found.makespans_s[run.replication]
        assert max(step.finish_s for step in run.steps) == run.makespan_s
    assert replace(found, precision=0.01).imprecise
