"""What is worth changing: by hand, against brute force, and when a speed-up slows down."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.plan.model import Estimate, Plan, Resources, Strategy, TaskKind
from sim_networks import plans
from sim_plans import GB, Service, container, database, fixed, make_plan
from simulator.engines import simulate
from simulator.modelling.durations import task_durations
from simulator.modelling.model import Model
from simulator.modelling.pipeline import model
from simulator.modelling.scenario import Builders, Failure, Registry, Scenario
from simulator.report import optimise_json, optimise_text
from simulator.statistics.compare import compare
from simulator.studies import halving
from simulator.studies.halving import Ranking, rank
from simulator.studies.optimise import Optimisation, optimise
from simulator.studies.paired import CommonDraws
from simulator.studies.whatif import Case, whatif
from test_variants import with_dependencies

GOLDENS = Path(__file__).parent / "goldens"
SCHEMA = json.loads(files("schemas").joinpath("optimize.schema.json").read_text("utf-8"))

SECONDS = {
    "check:pre": 1,
    "mirror:db": 2,
    "deploy:db": 5,
    "build:a": 10,
    "deploy:a": 4,
    "build:b": 6,
    "deploy:b": 3,
}
ESTIMATES = tuple(fixed(task, seconds) for task, seconds in SECONDS.items())
SERVICES = [database("db"), Service("a", "first"), Service("b", "second")]


def brute_force(made: Model, runs: int, seed: int) -> dict[str, Any]:
    """Every build and deployment halved by hand and simulated as a whole by the reference engine."""
    durations_s, fails = CommonDraws(seed, 0, runs).of(made)
    if fails is not None:
        durations_s = durations_s[:, ~fails.any(axis=0)]
    before_s = simulate(made.network, durations_s, engine="simpy").makespan_s
    found = {}
    for index, task in enumerate(made.plan.tasks):
        if task.kind in (TaskKind.BUILD, TaskKind.DEPLOY):
            changed = durations_s.copy()
            changed[made.activities[index][-1]] *= 0.5
            after_s = simulate(made.network, changed, engine="simpy").makespan_s
            found[task.id] = compare(before_s, after_s)
    return found


def by_task(ranking: Ranking) -> dict[str, tuple[float, float]]:
    return {each.task: (each.own_p50_s, each.change.p50.value_s) for each in ranking.halvings}


def test_halving_by_hand() -> None:
    """1 + 10 builds, 7 database, 4 a, 3 b: halving a's build leaves b's 6 s, so 4 of its 5 s arrive."""
    plan = make_plan(SERVICES, builds=2, deploys=1, estimates=ESTIMATES)
    ranking = rank(model(plan), runs=50, seed=0)
    assert by_task(ranking) == {
        "build:a": (5, -4),
        "deploy:db": (2.5, -2.5),
        "deploy:a": (2, -2),
        "deploy:b": (1.5, -1.5),
        "build:b": (3, 0),
    }
    assert [each.task for each in ranking.halvings] == list(by_task(ranking))
    assert (ranking.runs, ranking.tasks) == (50, 5)


@settings(max_examples=40)
@given(plans(), st.integers(0, 5))
def test_the_ranking_equals_brute_force(plan: Plan, seed: int) -> None:
    made = model(plan)
    ranking = rank(made, runs=9, seed=seed)
    expected = brute_force(made, 9, seed)
    assert {each.task: each.change for each in ranking.halvings} == expected
    savings = [each.change.p50.value_s for each in ranking.halvings]
    assert savings == sorted(savings)


@settings(max_examples=10)
@given(plans())
def test_the_ranking_equals_brute_force_where_numpy_does_not_cover(plan: Plan) -> None:
    scenario = Scenario(builders=Builders(warm=1), registry=Registry(bandwidth_bytes_s=3e7))
    made = model(plan, scenario)
    ranking = rank(made, runs=5, seed=0)
    pulls = {
        task.id
        for task, members in zip(plan.tasks, made.activities, strict=True)
        if task.kind is TaskKind.DEPLOY and len(members) > 1
    }
    expected = brute_force(made, 5, 0)
    # A pull over a link of its own is halved with its task; brute force here halves the last activity alone.
    for each in ranking.halvings:
        if each.task not in pulls and each.kind is not TaskKind.BUILD:
            assert each.change == expected[each.task]
    assert {each.task for each in ranking.halvings} == expected.keys()


def test_waiting_for_a_node_is_not_halved() -> None:
    """A node starts for 90 s whatever the Dockerfile says."""
    plan = make_plan([Service("a")], estimates=(fixed("build:a", 60), fixed("deploy:a", 8)), check=False)
    start = Builders().start
    slow = Scenario(builders=Builders(start=type(start)(90.0, 0.0)))
    assert by_task(rank(model(plan, slow), runs=5, seed=0)) == {"build:a": (30, -30), "deploy:a": (4, -4)}


def test_halving_is_what_half_the_estimate_brings() -> None:
    """Two ways to the same: the duration scaled in the ranking, and another law in a what-if."""
    estimates = {"build:a": 200.0, "build:b": 120.0, "deploy:a": 40.0, "deploy:b": 30.0}

    def plan(**changed: float) -> Plan:
        said = {**estimates, **{name.replace("_", ":"): value for name, value in changed.items()}}
        found = tuple(Estimate(task, seconds) for task, seconds in said.items())
        return make_plan([Service("a"), Service("b")], builds=1, estimates=found)

    ranking = rank(model(plan()), runs=200, seed=2)
    half = whatif(Case("base", model(plan())), [Case("half", model(plan(build_a=100.0)))], runs=200, seed=2)
    ranked = next(each.change for each in ranking.halvings if each.task == "build:a")
    said = half.cases[0].change
    assert said is not None
    assert (ranked.slower, ranked.faster) == (said.slower, said.faster)
    for one, other in ((ranked.p50, said.p50), (ranked.p90, said.p90), (ranked.mean, said.mean)):
        assert (one.value_s, one.low_s) == pytest.approx((other.value_s, other.low_s), abs=1e-6)


# Two deployments at a time. At 4 the fifth task gets the slot of the first, at 8 the fourth that of the
# second, at 12 the third: all is done at 20. With the second in half the time the third is there at 4 as
# well and gets its slot; the fourth begins at 12 and ends at 24.
ANOMALY_S = {"first": 4, "second": 8, "third": 8, "fourth": 12, "fifth": 8}


def anomaly() -> Plan:
    after = {"third": ("second",), "fourth": ("first",)}
    services = [Service(name, builds=False, after=after.get(name, ())) for name in ANOMALY_S]
    estimates = tuple(fixed(f"deploy:{name}", seconds) for name, seconds in ANOMALY_S.items())
    return make_plan(services, strategy=Strategy.DAG, deploys=2, estimates=estimates, check=False)


def test_a_faster_task_that_makes_it_slower_is_reported() -> None:
    found = optimise(anomaly(), runs=40, seed=0)
    assert by_task(found.ranking)["deploy:second"] == (4, 4)
    assert found.ranking.halvings[-1].task == "deploy:second"
    text = optimise_text.render(found)
    assert (
        "Halving makes the pipeline slower on average (Graham's anomaly): deployment second by +4.0s" in text
    )


def test_runs_that_fail_are_left_out() -> None:
    plan = make_plan(SERVICES, builds=2, deploys=1, estimates=ESTIMATES)
    made = model(plan, Scenario(failures={"build": Failure(0.3, retries=0)}))
    ranking = rank(made, runs=300, seed=0)
    assert by_task(ranking)["build:a"] == (5, -4)
    assert 100 < ranking.runs < 200


def test_when_every_run_fails_nothing_is_ranked() -> None:
    plan = make_plan(SERVICES, estimates=ESTIMATES)
    found = optimise(plan, Scenario(failures={"build": Failure(1.0, retries=0)}), runs=10, seed=0)
    assert found.ranking.halvings == ()
    assert "No run succeeds" in optimise_text.render(found)
    jsonschema.validate(optimise_json.as_data(found), SCHEMA)


def test_too_many_tasks_are_cut_to_the_critical_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    services = [Service("slow"), *(Service(f"s{number:02d}") for number in range(20))]
    pool = Resources(21 * 4000, 21 * 4 * GB)
    plan = make_plan(services, builds=21, pool=pool, estimates=(Estimate("build:slow", 500.0),))
    monkeypatch.setitem(halving.WORK, "numpy", 50_000)
    ranking = rank(model(plan), runs=None, seed=0)
    assert (ranking.tasks, ranking.runs, len(ranking.halvings)) == (42, halving.FEWEST_RUNS, 11)
    assert ranking.halvings[0].task == "build:slow"


def worthwhile(**rest: Any) -> Optimisation:
    services = [
        database("db"),
        container("cache"),
        *(Service(f"api-{number}") for number in range(5)),
        Service("web", "edge", after=("api-0",)),
        Service("admin", "edge"),
    ]
    estimates = (Estimate("build:web", 400.0), Estimate("build:admin", 60.0), Estimate("deploy:web", 90.0))
    plan = with_dependencies(make_plan(services, builds=2, deploys=3, estimates=estimates))
    return optimise(plan, **{"runs": 300, "seed": 0, **rest})


def test_all_changes_are_tried_and_the_best_of_each_sort_is_said() -> None:
    found = worthwhile()
    assert [each.figures.name for each in found.strategies] == ["staged", "dag"]
    assert [each.figures.name for each in found.policies] == ["backfill", "longest-first"]
    assert [each.barrier.task for each in found.barriers] == [
        "gate:built",
        "gate:database-deployed",
        "gate:container-deployed",
        "gate:application-deployed",
    ]
    assert found.pool is not None
    assert found.pool.values == tuple("1234567")
    sorts = {each.sort for each in found.advice}
    assert sorts == {"halve", "order", "strategy", "barrier", "builders"}
    savings = [each.change.p50.value_s for each in found.advice]
    assert savings == sorted(savings)
    assert savings[-1] < 0


def test_longest_first_by_hand() -> None:
    """2, 2 and 4 s on two builders: in order 6 s, the longest first 4 s."""
    estimates = [fixed("build:a", 2), fixed("build:b", 2), fixed("build:c", 4)]
    services = [Service(name) for name in "abc"]
    estimates += [fixed(f"deploy:{name}", 1) for name in "abc"]
    plan = make_plan(services, builds=2, estimates=tuple(estimates), check=False)
    found = optimise(plan, runs=30, seed=0)
    assert found.base.mean_s == 7
    longest = next(each for each in found.policies if each.figures.name == "longest-first")
    assert longest.change is not None
    assert longest.change.mean.value_s == -2


def test_a_target_with_an_order_of_its_own() -> None:
    found = worthwhile(own_order=True, strategies=(Strategy.STAGED,))
    assert (found.policies, found.barriers) == ((), ())
    assert [each.figures.name for each in found.strategies] == ["staged"]
    jsonschema.validate(optimise_json.as_data(found), SCHEMA)


def test_nothing_to_do() -> None:
    found = optimise(make_plan([], check=False), runs=5, seed=0)
    assert found.pool is None
    assert "Nothing that was tried surely saves time." in optimise_text.render(found)
    jsonschema.validate(optimise_json.as_data(found), SCHEMA)


def test_the_report(golden: Any) -> None:
    golden(GOLDENS / "optimize.txt", optimise_text.render(worthwhile()))


@pytest.mark.parametrize("width", [60, 80, 100])
@pytest.mark.parametrize("count", [1, 12, 60])
def test_it_fits_a_screen(width: int, count: int) -> None:
    services = [
        Service(f"a-rather-long-service-name-{number:03d}", f"stage-{number // 8}") for number in range(count)
    ]
    lines = optimise_text.render(optimise(make_plan(services), runs=60, seed=0), width=width).splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) <= (55 if width < 80 else 45)


def test_json_is_valid_and_says_the_same() -> None:
    found = worthwhile()
    data = json.loads(optimise_json.render(found))
    jsonschema.validators.validator_for(SCHEMA).check_schema(SCHEMA)
    jsonschema.validate(data, SCHEMA)
    assert [each["task"] for each in data["ranking"]["tasks"]] == [
        each.task for each in found.ranking.halvings
    ]
    assert len(data["advice"]) == len(found.advice)


def test_the_same_seed_gives_the_same_result_and_the_order_of_laws_is_kept() -> None:
    assert worthwhile() == worthwhile()
    plan = make_plan(SERVICES)
    np.testing.assert_equal([each.task for each in task_durations(plan)], [task.id for task in plan.tasks])
