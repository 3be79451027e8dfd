"""What a change would bring: by hand, with anomalies, failures and knees."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from compiler.plan.model import Estimate, Plan, Strategy
from sim_plans import Service, container, database, fixed, job, make_plan
from simulator.modelling.eased import eased
from simulator.modelling.pipeline import model
from simulator.modelling.scenario import Failure, Scenario
from simulator.modelling.variants import with_builders
from simulator.report import whatif_json, whatif_text
from simulator.studies.whatif import Case, Comparison, knee, whatif

GOLDENS = Path(__file__).parent / "goldens"
SCHEMA = json.loads(files("schemas").joinpath("whatif.schema.json").read_text("utf-8"))


def case(name: str, plan: Plan, scenario: Scenario | None = None) -> Case:
    return Case(name, model(plan, scenario), (f"{name}=1",))


def two(seconds_a: float, seconds_b: float) -> Plan:
    """Two builds side by side, then a deployment of 3 s each."""
    estimates = [fixed("build:a", seconds_a), fixed("build:b", seconds_b)]
    estimates += [fixed("deploy:a", 3), fixed("deploy:b", 3)]
    return make_plan([Service("a"), Service("b")], estimates=tuple(estimates), check=False)


# Graham's example (SIAM Journal on Applied Mathematics 17, 1969): 9 tasks, the first before the last, the
# fourth before the four that follow. 12 on three machines, 15 on four.
GRAHAM_S = (3, 2, 2, 2, 4, 4, 4, 4, 9)
GRAHAM_NEEDS = {4: (3,), 5: (3,), 6: (3,), 7: (3,), 8: (0,)}


def graham(machines: int) -> Plan:
    services = [
        Service(f"t{number}", builds=False, after=tuple(f"t{need}" for need in GRAHAM_NEEDS.get(number, ())))
        for number in range(9)
    ]
    estimates = tuple(fixed(f"deploy:t{number}", seconds) for number, seconds in enumerate(GRAHAM_S))
    return make_plan(services, strategy=Strategy.DAG, deploys=machines, estimates=estimates, check=False)


def mixed(*estimates: Estimate, **rest: Any) -> Plan:
    services = [
        database("db"),
        job("migrate"),
        container("cache"),
        Service("web", after=("api",)),
        Service("api"),
        Service("admin"),
    ]
    return make_plan(services, estimates=estimates, **{"builds": 2, "deploys": 2, **rest})


def compared() -> Comparison:
    base = case("base", mixed())
    sweep = [(str(count), case(str(count), with_builders(mixed(), count))) for count in range(1, 6)]
    return whatif(
        base,
        [
            case("services.web.estimates.build=60s", mixed(Estimate("build:web", 60.0))),
            case("dag", mixed(strategy=Strategy.DAG)),
            case("one of each", mixed(builds=1, deploys=1)),
            case("flaky", mixed(), Scenario(failures={"deploy": Failure(0.02, retries=0)})),
        ],
        runs=500,
        seed=0,
        sweep=("pipeline.build.parallelism", sweep),
    )


def test_by_hand() -> None:
    """Alone a is critical with 10 s; with 5 s it leaves the 8 s of b: 2 of the 5 s arrive."""
    found = whatif(case("base", two(10, 8)), [case("half", two(5, 8))], runs=100, seed=0)
    assert found.base.p50 is not None
    assert found.base.p50.value_s == 13
    (half,) = found.cases
    assert half.change is not None
    for each in (half.change.p50, half.change.p90, half.change.mean):
        assert (each.value_s, each.low_s, each.high_s) == (-2, -2, -2)
    assert (half.change.faster, half.change.slower) == (1, 0)
    assert [(shift.task, shift.before, shift.after) for shift in half.shifts] == [("build:b", 0, 1)]
    assert (half.figures.build_cpu_s, found.base.build_cpu_s) == (4 * 13, 4 * 18)


def test_more_capacity_that_makes_it_slower_is_said() -> None:
    found = whatif(case("three", graham(3)), [case("four", graham(4))], runs=10, seed=0)
    (four,) = found.cases
    assert found.base.mean_s == 12
    assert four.change is not None
    assert (four.change.mean.value_s, four.change.slower, four.anomaly) == (3, 1, True)
    text = whatif_text.render(found)
    assert "four makes the pipeline slower: by +3.0s ±0s on average, in 100% of the runs." in text
    assert "Graham's anomaly" in text


def test_a_sweep_says_which_step_makes_it_slower() -> None:
    points = [(str(count), case(str(count), graham(count))) for count in range(1, 6)]
    sweep = whatif(points[0][1], [], runs=10, seed=0, sweep=("pipeline.deploy.parallelism", points)).sweep
    assert sweep is not None
    assert [(each.value, each.after) for each in sweep.slower] == [("4", "3")]
    # 15 s with four machines is more than 5 % above the 12 s with three: nothing is called enough.
    assert sweep.knee is None


def test_slower_for_a_reason_is_no_anomaly() -> None:
    found = whatif(case("base", two(10, 8)), [case("longer", two(12, 8))], runs=10, seed=0)
    assert found.cases[0].anomaly is False
    assert "longer makes the pipeline slower" in whatif_text.render(found)
    assert "Graham" not in whatif_text.render(found)


@pytest.mark.parametrize(
    ("base", "other", "easier"),
    [
        (two(10, 8), two(10, 8), True),
        (two(10, 8), two(10, 7), True),
        (two(10, 8), two(11, 7), False),
        (graham(3), graham(4), True),
        (graham(4), graham(3), False),
        # dag has the deployments wait for their own builds alone; staged has builds wait for deployments.
        (mixed(), mixed(strategy=Strategy.DAG), True),
        (mixed(strategy=Strategy.DAG), mixed(), False),
        (mixed(), mixed(strategy=Strategy.STAGED), False),
        (two(10, 8), mixed(), False),
        (mixed(), mixed(Estimate("build:api", 100.0, 101.0)), False),
    ],
)
def test_what_only_makes_things_easier(base: Plan, other: Plan, easier: bool) -> None:
    assert eased(model(base), model(other)) == easier


def test_runs_that_fail_are_left_out_of_both() -> None:
    flaky = Scenario(failures={"build": Failure(0.3, retries=0)})
    found = whatif(case("base", two(10, 8)), [case("flaky", two(10, 8), flaky)], runs=400, seed=0)
    (each,) = found.cases
    assert each.change is not None
    # 1 - 0.7^2 = 0.51 of the runs fail, give or take 4 standard errors of 0.025.
    assert each.left_out == each.figures.failed == pytest.approx(0.51, abs=0.1)
    assert each.change.runs == round(400 * (1 - each.left_out))
    assert (each.change.slower, each.change.faster) == (0, 0)
    assert "are left out of the differences" in whatif_text.render(found)


def test_when_no_run_succeeds_nothing_is_compared() -> None:
    broken = Scenario(failures={"build": Failure(1.0, retries=0)})
    found = whatif(case("base", two(10, 8)), [case("broken", two(10, 8), broken)], runs=10, seed=0)
    assert found.cases[0].change is None
    assert found.cases[0].figures.p50 is None
    assert "no run succeeds" in whatif_text.render(found)
    jsonschema.validate(whatif_json.as_data(found), SCHEMA)


@pytest.mark.parametrize(
    ("values", "times", "found"),
    [
        ("1 2 3 4", (100, 60, 58, 57.5), "2"),
        # A plateau, then a step down: six builds on two to three slots.
        ("1 2 3 4 5 6", (60, 30, 20, 20, 20, 10), None),
        ("1 2 3 4 5 6 7", (60, 30, 20, 20, 20, 10, 10), "6"),
        ("1 2 3", (100, 80, 60), None),
        ("3 2 1", (100, 100, 100), None),
        ("a b c", (100, 50, 50), None),
        ("7 8 9", (10, 10, 10), "7"),
        ("30s 60s 90s", (30, 60, 90), None),
        ("1 2 3", (None, 10, 10), "2"),
        ("1 2", (None, None), None),
    ],
)
def test_the_knee(values: str, times: Sequence[float | None], found: str | None) -> None:
    assert knee(values.split(), times) == found


def test_the_same_seed_gives_the_same_comparison() -> None:
    assert compared() == compared()


def test_the_report(golden: Any) -> None:
    golden(GOLDENS / "whatif.txt", whatif_text.render(compared()))


def test_the_report_of_a_single_case(golden: Any) -> None:
    found = whatif(case("base", mixed()), [case("dag", mixed(strategy=Strategy.DAG))], runs=200, seed=1)
    golden(GOLDENS / "whatif-one.txt", whatif_text.render(found))


@pytest.mark.parametrize("width", [20, 60, 100, 300])
def test_sentences_keep_to_the_width(width: int) -> None:
    lines = whatif_text.render(compared(), width=width).splitlines()
    sentences = [line for line in lines if line.endswith(".") and "  " not in line.strip()]
    assert sentences
    assert max(map(len, sentences)) <= min(max(width, 60), 100)
    assert max(map(len, lines)) <= 110


def test_json_is_valid_and_says_the_same() -> None:
    found = compared()
    data = json.loads(whatif_json.render(found))
    jsonschema.validators.validator_for(SCHEMA).check_schema(SCHEMA)
    jsonschema.validate(data, SCHEMA)
    assert [each["name"] for each in data["cases"]] == [each.figures.name for each in found.cases]
    assert data["sweep"]["knee"] == (found.sweep.knee if found.sweep else "")
    low, value, high = (data["cases"][1]["change"]["p50"][key] for key in ("low", "value", "high"))
    assert low < value < high < 0
