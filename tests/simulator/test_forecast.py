from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import jsonschema
import numpy as np
import pytest

from compiler.plan.model import Estimate, Resources, Strategy, TaskKind
from sim_plans import GB, Service, container, database, fixed, job, make_plan
from simulator.drawing.sampling import sample
from simulator.engines.reference import simulate
from simulator.forecasting.forecast import Forecast, ServiceForecast
from simulator.forecasting.run import forecast
from simulator.modelling.pipeline import model
from simulator.modelling.scenario import Scenario
from simulator.network import from_plan
from simulator.report.json import as_data, render

SCHEMA = json.loads(files("schemas").joinpath("forecast.schema.json").read_text("utf-8"))

# The example that test_engine.py works out on paper.
FIXED = tuple(
    fixed(task, seconds)
    for task, seconds in {
        "check:pre": 1,
        "mirror:db": 2,
        "deploy:db": 5,
        "build:a": 10,
        "deploy:a": 4,
        "build:b": 6,
        "deploy:b": 3,
    }.items()
)
SERVICES = [database("db"), Service("a", "first"), Service("b", "second")]


def by_hand(strategy: Strategy = Strategy.BUILD_FIRST) -> Forecast:
    return forecast(make_plan(SERVICES, strategy=strategy, builds=2, deploys=1, estimates=FIXED), runs=20)


def mixed(strategy: Strategy = Strategy.BUILD_FIRST, **rest: Any) -> Forecast:
    services = [
        database("db"),
        job("migrate"),
        container("cache"),
        Service("web", after=("api",)),
        Service("api"),
        Service("admin"),
    ]
    estimates = (Estimate("build:web", 180.0), Estimate("deploy:web", 40.0, 60.0), fixed("build:api", 60.0))
    plan = make_plan(services, strategy=strategy, builds=2, deploys=2, estimates=estimates)
    return forecast(plan, **{"runs": 200, **rest})


def services_of(found: Forecast) -> dict[str, ServiceForecast]:
    return {each.name: each for each in found.services}


@pytest.mark.parametrize(
    ("strategy", "makespan"), [(Strategy.BUILD_FIRST, 25), (Strategy.STAGED, 31), (Strategy.DAG, 15)]
)
def test_fixed_durations_give_the_makespan_on_paper(strategy: Strategy, makespan: float) -> None:
    found = by_hand(strategy).makespan
    assert (found.p50.value_s, found.p90.value_s, found.p99.value_s) == (makespan,) * 3
    assert (found.mean_s, found.standard_error_s) == (makespan, 0)


def test_everything_else_on_paper() -> None:
    found = by_hand()
    services = services_of(found)
    assert {name: each.critical for name, each in services.items()} == {"db": 1, "a": 1, "b": 1}
    # check 1, build a 10, mirror 2, deploy db 5, deploy a 4, deploy b 3, one after another.
    assert {name: each.share for name, each in services.items()} == pytest.approx(
        {"db": 7 / 25, "a": 14 / 25, "b": 3 / 25}
    )
    assert {each.term: each.share for each in found.terms} == pytest.approx(
        {"check": 1 / 25, "build": 10 / 25, "mirror": 2 / 25, "deploy": 12 / 25}
    )
    assert (services["b"].build_s, services["b"].mirror_s, services["b"].deploy_s) == (6, None, 3)
    assert {name: each.ready_p50_s for name, each in services.items()} == {"db": 18, "a": 22, "b": 25}
    assert [(span.phase, span.stage, span.begin_s, span.end_s) for span in found.spans] == [
        ("check", None, 0, 1),
        ("build", None, 1, 11),
        ("deploy", "database", 11, 18),
        ("deploy", "first", 18, 22),
        ("deploy", "second", 22, 25),
    ]
    assert (found.bounds.critical_path_s, found.bounds.area_s, found.bounds.gap) == (25, 14, 0)
    uses = {(use.queue, use.resource): (use.mean, use.peak) for use in found.uses}
    assert uses["build", "slots"] == pytest.approx((16 / 50, 2))
    assert uses["build", "cpu_milli"] == pytest.approx((16 * 4 / (25 * 28), 8000))
    assert uses["deploy", "slots"] == pytest.approx((14 / 25, 1))


def test_queueing_is_not_waiting_at_a_barrier() -> None:
    staged = by_hand(Strategy.STAGED)
    assert {each.wait_s for each in staged.services} == {0}
    dag = services_of(by_hand(Strategy.DAG))
    # b could be deployed at 7 and got the slot at 8.
    assert {name: each.wait_s for name, each in dag.items()} == {"db": 0, "a": 0, "b": 1}


def test_a_shared_build_counts_in_equal_parts() -> None:
    plan = make_plan([Service("a"), Service("b", builds=False)], check=False)
    tasks = tuple(
        type(task)(task.id, task.kind, ("a", "b"), task.stage, task.needs, task.resources)
        if task.kind is TaskKind.BUILD
        else task
        for task in plan.tasks
    )
    estimates = (fixed("build:a", 10), fixed("deploy:a", 2), fixed("deploy:b", 1))
    fields = {name: getattr(plan, name) for name in plan.__slots__}
    found = forecast(type(plan)(**fields | {"tasks": tasks, "estimates": estimates}), runs=3)
    services = services_of(found)
    assert (services["a"].share, services["b"].share) == pytest.approx((7 / 12, 5 / 12))
    assert (services["a"].build_s, services["b"].build_s) == (10, 10)
    assert (services["a"].critical, services["b"].critical) == (1, 1)


@pytest.mark.parametrize("strategy", list(Strategy))
def test_shares_add_up_to_the_whole_path(strategy: Strategy) -> None:
    found = mixed(strategy)
    assert sum(each.share for each in found.terms) == pytest.approx(1)
    assert sum(task.share for task in found.tasks) == pytest.approx(1)
    check = next(task.share for task in found.tasks if task.kind is TaskKind.CHECK)
    assert sum(each.share for each in found.services) == pytest.approx(1 - check)


@pytest.mark.parametrize("strategy", list(Strategy))
def test_bounds_use_and_the_median_run_hang_together(strategy: Strategy) -> None:
    found = mixed(strategy)
    assert found.bounds.lower_s >= max(found.bounds.area_s, found.bounds.critical_path_s)
    assert found.bounds.lower_s <= found.makespan.p50.value_s
    assert found.median_run.makespan_s == found.makespan.p50.value_s
    assert found.makespans_s[found.median_run.replication] == found.makespan.p50.value_s
    assert found.p90_run is not None
    assert found.p90_run.makespan_s == found.makespan.p90.value_s
    assert all(0 < use.mean <= 1 and 0 < use.peak <= use.capacity for use in found.uses)
    critical = sum(step.finish_s - step.start_s for step in found.median_run.steps if step.critical)
    assert critical == pytest.approx(found.median_run.makespan_s)


def test_same_seed_same_bytes_and_more_runs_keep_the_earlier_ones() -> None:
    few, again, many = mixed(runs=50), mixed(runs=50), mixed(runs=300)
    assert render(few) == render(again)
    assert many.makespans_s[:50] == few.makespans_s
    assert mixed(runs=50, seed=1).makespans_s != few.makespans_s


def test_assumptions_are_named() -> None:
    found = mixed()
    tasks = {task.id: task for task in found.tasks}
    assert not tasks["build:web"].assumed
    assert tasks["build:web"].spread_assumed
    assert not tasks["deploy:web"].spread_assumed
    assert not tasks["build:api"].spread_assumed
    assert tasks["build:admin"].assumed
    data = as_data(found)["assumptions"]
    assert data["durations"] == len(found.tasks) == 13
    assert set(tasks) - set(data["assumed"]) == {"build:web", "deploy:web", "build:api"}
    assert data["spreadAssumed"] == ["build:web"]


def test_a_timeout_is_a_failure_and_counted() -> None:
    estimates = (fixed("build:web", 100.0), fixed("deploy:web", 10.0), fixed("check:pre", 0.0))
    plan = make_plan([Service("web")], estimates=estimates, timeouts={"build:web": 60})
    found = forecast(plan, runs=10)
    assert (found.timed_out, found.failed, found.succeeded) == (1, 1, 0)
    assert found.failures == (("build:web", 1.0),)
    assert found.median_run.makespan_s == 60


def test_a_common_factor_widens_a_large_pipeline() -> None:
    """200 services in 4 stages; the shared model has 1.17 without and 1.90 with, at wider laws."""
    plan = make_plan([Service(f"s{number:03d}", f"stage{number // 50}") for number in range(200)])

    def ratio(correlation: float) -> float:
        makespan = forecast(model(plan, Scenario(correlation=correlation)), runs=300).makespan
        return makespan.p99.value_s / makespan.p50.value_s

    assert 1 < ratio(0.0) < 1.1
    assert ratio(0.3) > 1.4


def test_the_pool_makes_a_difference() -> None:
    services = [Service(f"s{number}") for number in range(7)]
    wide = forecast(make_plan(services), runs=100)
    narrow = forecast(make_plan(services, pool=Resources(12_000, 12 * GB)), runs=100)
    assert wide.makespan.p50.value_s < narrow.makespan.p50.value_s
    assert max(use.peak for use in narrow.uses if use.queue == "build" and use.resource == "slots") == 3


@pytest.mark.parametrize("strategy", list(Strategy))
def test_the_json_fits_its_schema(strategy: Strategy) -> None:
    found = mixed(strategy)
    data = json.loads(render(found))
    jsonschema.Draft7Validator(SCHEMA).validate(data)
    assert data["makespan"]["p50"] == round(found.makespan.p50.value_s, 3)
    low, high = data["makespan"]["intervals"]["p90"]
    assert low <= data["makespan"]["p90"] <= high
    assert (data["runs"], data["seed"], data["engine"]) == (200, 0, "numpy")
    assert list(data["services"]) == ["db", "migrate", "cache", "web", "api", "admin"]
    # Too few runs for an upper end of P99.
    assert data["makespan"]["intervals"]["p99"][1] is None


def test_the_schema_is_one_and_explains_every_key() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    missing = []

    def walk(schema: dict[str, Any], path: str) -> None:
        if "description" not in schema:
            missing.append(path)
        if schema.get("type") == "object" and "properties" in schema:
            assert schema["additionalProperties"] is False, path
            assert schema["required"] == list(schema["properties"]), path
        for name, each in schema.get("properties", {}).items():
            walk(each, f"{path}.{name}")
        for name in ("items", "additionalProperties"):
            if isinstance(schema.get(name), dict):
                walk(schema[name], f"{path}.{name}")

    walk(SCHEMA, "$")
    assert not missing


@pytest.mark.parametrize("runs", [1, 2, 7])
def test_few_runs(runs: int) -> None:
    found = mixed(runs=runs)
    jsonschema.Draft7Validator(SCHEMA).validate(as_data(found))
    assert (found.makespan.standard_error_s is None) == (runs == 1)


def test_plans_with_next_to_nothing() -> None:
    for plan in (make_plan([], check=False), make_plan([Service("a", builds=False)], check=False)):
        found = forecast(plan, runs=10)
        jsonschema.Draft7Validator(SCHEMA).validate(as_data(found))
    assert forecast(make_plan([], check=False), runs=10).makespan.p99.value_s == 0


def test_the_forecast_is_of_what_was_drawn() -> None:
    """The parts put together by hand give the same makespans."""
    from simulator.modelling.durations import task_durations

    plan = make_plan(SERVICES)
    drawn = sample(task_durations(plan), runs=30, seed=5, correlation=0.3)
    makespans = simulate(from_plan(plan), drawn.durations_s).makespan_s
    assert np.array_equal(makespans, forecast(plan, runs=30, seed=5).makespans_s)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"runs": 0}, "at least one run"),
        ({"workers": 0}, "at least one worker"),
        ({"precision": 0.0}, "a precision is between"),
        ({"precision": float("nan")}, "a precision is between"),
        ({"engine": "fortran"}, "there is no engine"),
    ],
)
def test_requests_that_make_no_sense_are_refused(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        forecast(make_plan(SERVICES), **arguments)


def test_a_build_that_the_pool_cannot_hold_is_refused() -> None:
    plan = make_plan([Service("a", size=Resources(4000, 40 * GB))])
    with pytest.raises(ValueError, match="build:a asks for 40000000000 memory_bytes of 28000000000"):
        forecast(plan, runs=1)
