"""`stagecast simulate`: its options, its JSON, and that the same seed gives the same bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cli_runs import BROKEN, CHECKOUT, SPEC, Cli


def forecast(cli: Cli, *arguments: str | Path) -> dict[str, Any]:
    result = cli("simulate", *arguments, "--json")
    assert result.code == 0, result.err
    data: dict[str, Any] = json.loads(result.out)
    return data


def test_json_has_the_keys_that_are_promised_and_is_valid(cli: Cli, spec: Path) -> None:
    data = forecast(cli, spec, "--runs", "200", "--seed", "7")
    schema = json.loads((CHECKOUT / "schemas" / "forecast.schema.json").read_text())
    jsonschema.validators.validator_for(schema)(schema).validate(data)
    assert (data["runs"], data["seed"], data["engine"]) == (200, 7, "simpy")
    makespan = data["makespan"]
    assert 0 < makespan["p50"] <= makespan["p90"] <= makespan["p99"]
    for quantile in ("p50", "p90"):
        low, high = makespan["intervals"][quantile]
        assert low <= makespan[quantile] <= high
    assert set(data["services"]) == {"postgres", "cache", "web"}


def test_the_digest_is_that_of_the_plan(cli: Cli, spec: Path) -> None:
    plan = json.loads(cli("plan", spec, "--json").out)
    assert forecast(cli, spec, "--runs", "10")["digest"] == plan["digest"]


def test_the_seed_decides(cli: Cli, spec: Path) -> None:
    arguments = ("simulate", spec, "--runs", "60", "--json")
    first = cli(*arguments, "--seed", "1").out
    assert cli(*arguments, "--seed", "1").out == first
    other = cli(*arguments, "--seed", "2").out
    assert json.loads(other)["makespan"] != json.loads(first)["makespan"]
    assert cli(*arguments).out == cli(*arguments, "--seed", "0").out


def test_estimates_decide_what_is_assumed(cli: Cli, spec: Path) -> None:
    fixed = SPEC.replace("{build: 3m, deploy: {fixed: 40s}}", "{build: {fixed: 2h}, deploy: {fixed: 40s}}")
    before = forecast(cli, spec, "--runs", "50")["makespan"]["p50"]
    spec.write_text(fixed)
    # The default time limit of a build is 30 minutes.
    assert forecast(cli, spec, "--runs", "50")["makespan"]["p50"] > before + 1500


def test_the_text_says_what_was_forecast_and_what_was_assumed(cli: Cli, spec: Path) -> None:
    result = cli("simulate", spec, "--runs", "100", "--seed", "3")
    assert (result.code, result.err) == (0, "")
    data = forecast(cli, spec, "--runs", "100", "--seed", "3")
    for word in (
        "P50",
        "P90",
        "P99",
        "100 runs, seed 3, engine simpy",
        "Critical path",
        "Assumed",
        "Median run",
    ):
        assert word in result.out
    for service in data["services"]:
        assert service in result.out
    assert max(map(len, result.out.splitlines())) <= 100
    assert cli("simulate", spec, "--runs", "100", "--seed", "3", "--format", "text").out == result.out


def test_one_run_is_enough(cli: Cli, spec: Path) -> None:
    data = forecast(cli, spec, "--runs", "1")
    assert data["makespan"]["p50"] == data["makespan"]["p99"]
    assert cli("simulate", spec, "--runs", "1").code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("--runs", "0"),
        ("--runs", "-5"),
        ("--runs", "1.5"),
        ("--runs", "many"),
        ("--runs", "1000001"),
        ("--seed", "-1"),
        ("--seed", "x"),
        ("--correlation", "-0.1"),
        ("--correlation", "1.1"),
        ("--correlation", "nan"),
        ("--format", "sarif"),
        ("--run", "5", "extra"),
    ],
)
def test_values_that_make_no_sense_are_wrong_usage(cli: Cli, spec: Path, arguments: tuple[str, ...]) -> None:
    result = cli("simulate", spec, *arguments)
    assert (result.code, result.out) == (2, "")
    assert "Error: " in result.err


def test_huge_seeds_are_seeds(cli: Cli, spec: Path) -> None:
    assert forecast(cli, spec, "--runs", "5", "--seed", str(2**64 + 1))["seed"] == 2**64 + 1


def test_an_environment_with_nothing_to_do_takes_no_time(cli: Cli, spec: Path) -> None:
    spec.write_text("apiVersion: stagecast/v1beta1\nkind: Environment\nname: nothing\nservices: {}\n")
    result = cli("simulate", spec, "--runs", "5")
    assert result.code == 0, result.err
    assert cli("simulate", spec, "--runs", "5", "--json").code == 0


def test_errors_are_shown_and_nothing_is_forecast(cli: Cli, spec: Path) -> None:
    spec.write_text(BROKEN)
    result = cli("simulate", spec)
    assert (result.code, result.out) == (1, "")
    assert "error[STC205]" in result.err


def test_which_environment_has_to_be_clear(cli: Cli, project: Path) -> None:  # noqa: ARG001
    result = cli("simulate")
    assert result.code == 2
    assert "which environment? name one of prod, staging" in result.err
    assert forecast(cli, "staging", "--runs", "5")["environment"] == "shop-staging"
