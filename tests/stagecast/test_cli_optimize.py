"""`stagecast optimize`: its outputs, its options, and that its variants are the compiler's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cli_runs import BROKEN, CHECKOUT, Cli
from compiler.diagnostics.model import Findings
from compiler.driver import check_environment
from compiler.plan.model import Strategy
from compiler.project import job_for_spec
from simulator.modelling.variants import with_builders, with_strategy
from stagecast.scenario_file import variant

GOLDENS = Path(__file__).parent / "goldens"
EXAMPLES = CHECKOUT / "examples"


def data_of(cli: Cli, *arguments: str | Path) -> dict[str, Any]:
    result = cli("optimize", *arguments, "--json")
    assert result.code == 0, result.err
    data: dict[str, Any] = json.loads(result.out)
    schema = json.loads((CHECKOUT / "schemas" / "optimize.schema.json").read_text())
    jsonschema.validate(data, schema)
    return data


def test_of_a_single_build_no_knee_is_told(cli: Cli, spec: Path) -> None:
    out = cli("optimize", spec, "--runs", "60").out
    assert "There is one build" in out
    assert "still save time" not in out


def test_json_is_valid_and_complete(cli: Cli, spec: Path) -> None:
    data = data_of(cli, spec, "--runs", "60", "--seed", "5")
    assert (data["runs"], data["seed"], data["scenario"]) == (60, 5, "base")
    assert {each["task"] for each in data["ranking"]["tasks"]} == {
        "build:web",
        "deploy:web",
        "deploy:postgres",
        "deploy:cache",
    }
    web = next(each for each in data["ranking"]["tasks"] if each["task"] == "build:web")
    # The only build, critical in every run: all of what it saves arrives.
    assert web["change"]["mean"]["value"] == pytest.approx(-web["offTask"], rel=0.1)
    assert [each["name"] for each in data["strategies"]] == ["staged", "dag"]


def test_a_scenario_is_under_everything(cli: Cli, spec: Path) -> None:
    settings = ("--set", "services.web.estimates.build={fixed: 100s}")
    data = data_of(cli, spec, "--runs", "60", *settings, "--strategy", "dag")
    assert data["base"]["strategy"] == "dag"
    assert data["barriers"] == []
    web = next(each for each in data["ranking"]["tasks"] if each["task"] == "build:web")
    assert web["offTask"] == 50
    text = "name: slow day\ncorrelation: 0.9\n"
    (spec.parent / "day.yaml").write_text(text)
    assert data_of(cli, spec, "--runs", "60", "--scenario", "day.yaml")["scenario"] == "slow day"


def test_the_ways_of_a_target(cli: Cli, spec: Path) -> None:
    data = data_of(cli, spec, "--runs", "60", "--target", "github")
    assert data["policies"] == data["barriers"] == []
    # GitHub's back end refuses dag.
    assert [each["name"] for each in data["strategies"]] == ["staged"]
    assert [
        each["name"] for each in data_of(cli, spec, "--runs", "60", "--target", "argo")["strategies"]
    ] == [
        "staged",
        "dag",
    ]
    web = next(each for each in data["ranking"]["tasks"] if each["task"] == "build:web")
    # Three minutes: the start of the machine is not halved.
    assert 70 < web["offTask"] < 110


def test_the_same_seed_gives_the_same_bytes(cli: Cli, spec: Path) -> None:
    arguments = ("optimize", spec, "--runs", "60")
    assert cli(*arguments, "--seed", "3").out == cli(*arguments, "--seed", "3").out
    assert cli(*arguments, "--seed", "3").out != cli(*arguments, "--seed", "4").out


@pytest.mark.parametrize(
    "arguments", [("--runs", "0"), ("--seed", "-1"), ("--format", "sarif"), ("--target", "hudson")]
)
def test_values_that_make_no_sense_are_wrong_usage(cli: Cli, spec: Path, arguments: tuple[str, ...]) -> None:
    result = cli("optimize", spec, *arguments)
    assert (result.code, result.out) == (2, "")


def test_errors_are_shown(cli: Cli, spec: Path) -> None:
    result = cli("optimize", spec, "--set", "pipeline.build.paralelism=3")
    assert (result.code, result.out) == (1, "")
    spec.write_text(BROKEN)
    assert cli("optimize", spec).code == 1


def test_an_environment_with_nothing_to_do(cli: Cli, spec: Path) -> None:
    spec.write_text("apiVersion: stagecast/v1beta1\nkind: Environment\nname: nothing\nservices: {}\n")
    result = cli("optimize", spec)
    assert result.code == 0, result.err
    assert cli("optimize", spec, "--json").code == 0


@pytest.mark.parametrize("name", ["quickstart", "voting-app", "online-boutique", "marketplace"])
def test_variants_are_what_the_compiler_lowers(name: str) -> None:
    job = job_for_spec(EXAMPLES / name / "environment.yaml", Findings())
    checked = check_environment(job, Findings())
    plan = variant(checked).plan
    for strategy in Strategy:
        lowered = variant(checked, strategy=strategy.value).plan
        assert with_strategy(plan, strategy).tasks == lowered.tasks
    lowered = variant(checked, sets=("pipeline.build.parallelism=3",)).plan
    assert with_builders(plan, 3).limits.build == lowered.limits.build


def test_the_marketplace(cli: Cli, golden: Any) -> None:
    result = cli("optimize", EXAMPLES / "marketplace" / "environment.yaml")
    assert (result.code, result.err) == (0, "")
    golden(GOLDENS / "optimize-marketplace.txt", result.out)
