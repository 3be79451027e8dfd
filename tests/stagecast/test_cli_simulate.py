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
    assert (data["runs"], data["seed"], data["engine"]) == (200, 7, "numpy")
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
    fixed = SPEC.replace("{build: 3m, deploy: {fixed: 40s}}", "{build: {fixed: 25m}, deploy: {fixed: 40s}}")
    before = forecast(cli, spec, "--runs", "50")
    spec.write_text(fixed)
    after = forecast(cli, spec, "--runs", "50")
    assert after["makespan"]["p50"] > before["makespan"]["p50"] + 1200
    assert before["assumptions"]["spreadAssumed"] == ["build:web"]
    assert after["assumptions"]["spreadAssumed"] == []


def test_what_cannot_end_in_time_fails(cli: Cli, spec: Path) -> None:
    """The default time limit of a build is 30 minutes."""
    spec.write_text(SPEC.replace("{build: 3m,", "{build: {fixed: 2h},"))
    data = forecast(cli, spec, "--runs", "20")
    assert (data["failed"], data["makespan"], data["failures"]) == (1, None, {"build:web": 1})
    assert "No run succeeds." in cli("simulate", spec, "--runs", "20").out


def test_the_text_says_what_was_forecast_and_what_was_assumed(cli: Cli, spec: Path) -> None:
    result = cli("simulate", spec, "--runs", "100", "--seed", "3")
    assert (result.code, result.err) == (0, "")
    data = forecast(cli, spec, "--runs", "100", "--seed", "3")
    for word in ("P50", "P90", "P99", "100 runs, seed 3", "Spent on", "Lower bound", "Assumed", "Engine"):
        assert word in result.out
    for service in data["services"]:
        assert service in result.out
    assert max(map(len, result.out.splitlines())) <= 80
    assert len(result.out.splitlines()) <= 24
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
        ("--workers", "0"),
        ("--engine", "fortran"),
        ("--precision", "1"),
        ("--precision", "0%"),
        ("--precision", "much"),
        ("--max-p90", "12"),
        ("--max-p90", "0s"),
        ("--max-regression", "10%"),
        ("--target", "helm"),
        ("--target", "jenkins"),
        ("--scenario",),
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


# --- how much is simulated, and how


def test_workers_and_engines_change_no_figure(cli: Cli, spec: Path) -> None:
    one = cli("simulate", spec, "--runs", "40", "--json")
    assert one == cli("simulate", spec, "--runs", "40", "--json", "--workers", "2")
    for engine in ("events", "simpy"):
        data = forecast(cli, spec, "--runs", "40", "--engine", engine)
        assert (data["engine"], data["engineReason"]) == (engine, "it was asked for")
        assert data["makespans"] == json.loads(one.out)["makespans"]


def test_precision_is_reached_or_it_says_so(cli: Cli, spec: Path) -> None:
    data = forecast(cli, spec, "--precision", "10%")
    assert data["precision"] == {"asked": 0.1, "reached": True}
    short = forecast(cli, spec, "--precision", "0.1%", "--runs", "500")
    assert (short["runs"], short["precision"]["reached"]) == (500, False)
    text = cli("simulate", spec, "--precision", "0.1%", "--runs", "500").out
    assert "wider than the 0.1% asked for" in " ".join(text.split())


# --- what is simulated


def test_settings_a_strategy_and_a_scenario_change_the_forecast(cli: Cli, spec: Path, folder: Path) -> None:
    base = forecast(cli, spec, "--runs", "50")
    assert (base["scenario"], base["profile"], base["strategy"]) == ("base", None, "build-first")
    assert forecast(cli, spec, "--runs", "50", "--strategy", "dag")["strategy"] == "dag"
    loose = forecast(cli, spec, "--runs", "50", "--correlation", "0")
    assert (base["correlation"], loose["correlation"]) == (0.3, 0)
    narrow = forecast(cli, spec, "--runs", "50", "--set", "services.web.estimates.build={fixed: 20m}")
    assert narrow["makespan"]["p50"] > base["makespan"]["p50"] + 900
    (folder / "cold.yaml").write_text("correlation: 0.5\nfailures: {build: {probability: 50%, retries: 0}}\n")
    cold = forecast(cli, spec, "--runs", "50", "--scenario", "cold.yaml")
    assert (cold["scenario"], cold["correlation"]) == ("cold", 0.5)
    assert 0 < cold["failed"] < 1
    text = cli("simulate", spec, "--runs", "50", "--scenario", "cold.yaml").out
    assert "scenario cold" in text
    assert "Failures" in text


@pytest.mark.parametrize("target", ["github", "gitlab", "argo"])
def test_a_target_has_ways_of_its_own(cli: Cli, spec: Path, target: str) -> None:
    base, found = forecast(cli, spec, "--runs", "50"), forecast(cli, spec, "--runs", "50", "--target", target)
    assert found["profile"] == target
    assert found["makespan"]["p50"] > base["makespan"]["p50"]
    assert "job start" in found["terms"]
    assert f"as {target} runs it" in cli("simulate", spec, "--runs", "50", "--target", target).out


def test_what_is_wrong_with_a_scenario_is_shown(cli: Cli, spec: Path, folder: Path) -> None:
    (folder / "bad.yaml").write_text("correlaton: 0.5\n")
    result = cli("simulate", spec, "--scenario", "bad.yaml")
    assert (result.code, result.out) == (1, "")
    assert "bad.yaml:1" in result.err
    assert cli("simulate", spec, "--scenario", "none.yaml").code == 3


# --- files


def test_files_are_written_beside_the_report(cli: Cli, spec: Path, folder: Path) -> None:
    plain = cli("simulate", spec, "--runs", "60")
    result = cli("simulate", spec, "--runs", "60", "--gantt", "g.svg", "--csv", "out.csv")
    assert result == plain
    assert (folder / "g.svg").read_text().startswith("<svg")
    names = {path.name for path in folder.glob("*.csv")}
    assert names == {"out.csv", "out-tasks.csv", "out-phases.csv", "out-makespan.csv", "out-runs.csv"}
    assert (folder / "out.csv").read_text().startswith("service,type,stage,")
    # Ours are replaced, and the same forecast gives the same bytes.
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    assert cli("simulate", spec, "--runs", "60", "--gantt", "g.svg", "--csv", "out.csv") == plain
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_a_report_is_one_page(cli: Cli, spec: Path, folder: Path) -> None:
    pytest.importorskip("vl_convert", reason="THE CHARTS OF THE REPORT ARE NOT TESTED: stagecast[report]")
    assert cli("simulate", spec, "--runs", "60", "--report", "r.html").code == 0
    assert (folder / "r.html").read_text().lstrip().lower().startswith("<!doctype html>")


@pytest.mark.parametrize("option", ["--gantt", "--csv", "--report"])
def test_a_folder_that_is_not_there_is_named_before_anything_runs(cli: Cli, spec: Path, option: str) -> None:
    if option == "--report":
        pytest.importorskip("vl_convert", reason="--report INTO NO FOLDER IS NOT TESTED: stagecast[report]")
    result = cli("simulate", spec, "--runs", "20", option, "no/x.html")
    assert (result.code, result.out) == (3, "")
    assert result.err == "stagecast: no: no such file or directory\n"


@pytest.mark.parametrize(("option", "name"), [("--gantt", "mine.svg"), ("--csv", "mine.csv")])
def test_a_file_of_a_person_is_never_replaced(
    cli: Cli, spec: Path, folder: Path, option: str, name: str
) -> None:
    (folder / name).write_text("my own notes\n")
    result = cli("simulate", spec, "--runs", "20", option, name)
    assert (result.code, result.out) == (2, "")
    assert f"{name} is there and was not written by stagecast simulate" in " ".join(result.err.split())
    assert (folder / name).read_text() == "my own notes\n"


# --- the gate

ESTIMATED = SPEC.replace(
    "engine: postgresql,", "engine: postgresql, estimates: {deploy: {fixed: 60s}},"
).replace('image: "redis:7.4.2"', 'image: "redis:7.4.2"\n    estimates: {deploy: {fixed: 20s}}')


@pytest.fixture
def estimated(spec: Path) -> Path:
    """A spec whose durations are given, but for the pre-check and the mirrors."""
    spec.write_text(ESTIMATED)
    return spec


def test_a_limit_passes_or_fails(cli: Cli, estimated: Path) -> None:
    passed = cli("simulate", estimated, "--max-p90", "1h", "--allow-assumed")
    assert passed.code == 0
    assert passed.err.startswith("stagecast: passed: P90 ")
    failed = cli("simulate", estimated, "--max-p90", "2m", "--allow-assumed")
    assert failed.code == 1
    assert failed.err.startswith("stagecast: failed: P90 ")
    assert failed.out == passed.out


def test_a_gate_on_assumptions_refuses(cli: Cli, spec: Path) -> None:
    result = cli("simulate", spec, "--max-p90", "1h")
    assert result.code == 2
    assert result.err.startswith("stagecast: no verdict: the gate would rest on assumed durations")
    assert "deploy:postgres" in result.err
    assert "P90" in result.out


def test_a_baseline_in_a_file(cli: Cli, estimated: Path, folder: Path) -> None:
    (folder / "before.json").write_text(cli("simulate", estimated, "--json").out)
    estimated.write_text(ESTIMATED.replace("build: 3m", "build: 5m"))
    gate = ("--baseline", "before.json", "--allow-assumed")
    failed = cli("simulate", estimated, *gate, "--max-regression", "10%")
    assert failed.code == 1
    assert "paired on 1,000 common runs" in " ".join(failed.out.split())
    assert cli("simulate", estimated, *gate, "--max-regression", "90%").code == 0
    # Without a condition it only tells.
    assert cli("simulate", estimated, *gate).code == 0
    other = cli("simulate", estimated, *gate, "--seed", "4")
    assert "not paired: the baseline has seed 0, not 4" in " ".join(other.out.split())
    assert "paired on 100 common" in " ".join(cli("simulate", estimated, *gate, "--runs", "100").out.split())


def test_the_json_says_what_it_was_compared_with(cli: Cli, estimated: Path, folder: Path) -> None:
    (folder / "before.json").write_text(cli("simulate", estimated, "--json").out)
    data = forecast(cli, estimated, "--baseline", "before.json")
    schema = json.loads((CHECKOUT / "schemas" / "forecast.schema.json").read_text())
    jsonschema.Draft7Validator(schema).validate(data)
    assert (data["baseline"]["name"], data["baseline"]["pairs"]) == ("before.json", 1000)
    assert data["baseline"]["p90"]["change"] == 0


def test_markdown_is_a_summary_for_a_pull_request(cli: Cli, estimated: Path, folder: Path) -> None:
    (folder / "before.json").write_text(cli("simulate", estimated, "--json").out)
    result = cli(
        "simulate", estimated, "--format", "markdown", "--baseline", "before.json", "--max-regression", "0%"
    )
    assert result.out.startswith("### Forecast of shop\n")
    assert "| change |" in result.out
    assert ("**Passed:**" in result.out) == (result.code == 0)


@pytest.mark.parametrize("target", ["github", "gitlab", "argo"])
def test_an_environment_without_services_takes_what_the_target_takes(
    cli: Cli, spec: Path, target: str
) -> None:
    head = SPEC[: SPEC.index("services:")]
    spec.write_text(f"{head}services: {{}}\n")
    found = forecast(cli, spec, "--runs", "50", "--target", target)
    assert found["makespan"]["p50"] > 0
    assert found["services"] == {}
