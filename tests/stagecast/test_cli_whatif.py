"""`stagecast whatif`: its grammar, its outputs, and what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from cli_runs import BROKEN, CHECKOUT, Cli
from stagecast.commands.whatif import Asked, read_case, read_sweep
from stagecast.session import Usage

GOLDENS = Path(__file__).parent / "goldens"
MARKETPLACE = CHECKOUT / "examples" / "marketplace" / "environment.yaml"


def data_of(cli: Cli, *arguments: str | Path) -> dict[str, Any]:
    result = cli("whatif", *arguments, "--json", "--runs", "60")
    assert result.code == 0, result.err
    data: dict[str, Any] = json.loads(result.out)
    schema = json.loads((CHECKOUT / "schemas" / "whatif.schema.json").read_text())
    jsonschema.validate(data, schema)
    return data


def test_settings_and_strategy_are_one_case(cli: Cli, spec: Path) -> None:
    data = data_of(
        cli, spec, "--set", "services.web.estimates.build=60s", "--set", "queue=backfill", "--strategy", "dag"
    )
    (case,) = data["cases"]
    assert case["settings"] == [
        "services.web.estimates.build=60s",
        "queue=backfill",
        "pipeline.strategy=dag",
    ]
    assert (case["strategy"], data["base"]["strategy"]) == ("dag", "build-first")
    # Three minutes become one, and the barriers go.
    assert case["change"]["p50"]["high"] < -60
    assert case["change"]["faster"] == 1


def test_scenarios_and_named_cases_are_one_each(cli: Cli, spec: Path) -> None:
    for name in ("slow", "quick"):
        seconds = {"slow": 400, "quick": 30}[name]
        text = f"services: {{web: {{estimates: {{build: {{fixed: {seconds}s}}}}}}}}\n"
        (spec.parent / f"{name}.yaml").write_text(text)
    data = data_of(
        cli,
        spec,
        *("--scenario", "slow.yaml", "--scenario", "quick.yaml"),
        *("--case", "both: scenario=quick.yaml strategy=dag pipeline.build.parallelism=3"),
    )
    assert [case["name"] for case in data["cases"]] == ["slow", "quick", "both"]
    slow, quick, both = (case["change"]["mean"]["value"] for case in data["cases"])
    assert both < quick < 0 < slow
    assert data["cases"][2]["settings"] == ["pipeline.build.parallelism=3", "pipeline.strategy=dag"]


def test_a_base_scenario_is_under_everything(cli: Cli, spec: Path) -> None:
    (spec.parent / "world.yaml").write_text(
        "services: {web: {estimates: {build: {fixed: 10s}, deploy: {fixed: 5s}}}}\n"
    )
    change = ("--set", "services.web.estimates.build={fixed: 110s}")
    data = data_of(cli, spec, "--base", "world.yaml", *change)
    mean = data["cases"][0]["change"]["mean"]
    assert (mean["value"], mean["low"], mean["high"]) == (100, 100, 100)


def test_a_sweep_has_its_values_and_holds_the_other_settings(cli: Cli, spec: Path) -> None:
    data = data_of(cli, spec, "--sweep", "services.web.estimates.build=60s..180s..60s", "--strategy", "dag")
    assert data["cases"] == []
    assert [point["value"] for point in data["sweep"]["points"]] == ["60s", "120s", "180s"]
    assert {point["strategy"] for point in data["sweep"]["points"]} == {"dag"}
    assert data["sweep"]["setting"] == "services.web.estimates.build"


def test_sweeping_what_does_not_matter_has_its_knee_at_once(cli: Cli, spec: Path) -> None:
    data = data_of(cli, spec, "--sweep", "pipeline.build.parallelism=1..3")
    assert data["sweep"]["knee"] == "1"
    assert "Knee 1" in cli("whatif", spec, "--sweep", "pipeline.build.parallelism=1..3", "--runs", "60").out


def test_strategies_can_be_swept(cli: Cli, spec: Path) -> None:
    data = data_of(cli, spec, "--sweep", "pipeline.strategy=build-first,staged,dag")
    assert [point["strategy"] for point in data["sweep"]["points"]] == ["build-first", "staged", "dag"]


def test_the_ways_of_a_target(cli: Cli, spec: Path) -> None:
    plain = data_of(cli, spec, "--set", "pipeline.build.parallelism=1")
    github = data_of(cli, spec, "--set", "pipeline.build.parallelism=1", "--target", "github")
    assert github["base"]["p50"]["value"] > plain["base"]["p50"]["value"]
    result = cli("whatif", spec, "--strategy", "dag", "--target", "github")
    assert result.code == 1
    assert "error" in result.err


def test_a_target_runs_the_points_of_a_sweep_too(cli: Cli, spec: Path) -> None:
    arguments = (spec, "--sweep", "pipeline.build.parallelism=1,7", "--target", "github")
    data = data_of(cli, *arguments)
    assert data["sweep"]["points"][1]["p50"] == data["base"]["p50"]
    assert data["sweep"]["points"][1]["change"]["mean"]["value"] == 0
    assert "as github runs it" in cli("whatif", *arguments, "--runs", "60").out


@pytest.mark.parametrize("ending", ["svg", "html"])
def test_a_plot(cli: Cli, spec: Path, ending: str) -> None:
    pytest.importorskip(
        "vl_convert", reason="THE PLOTTING LIBRARY IS MISSING: pip install 'stagecast[report]'"
    )
    path = spec.parent / f"sweep.{ending}"
    arguments = ("whatif", spec, "--sweep", "pipeline.build.parallelism=1..3", "--runs", "60", "--plot", path)
    result = cli(*arguments)
    assert (result.code, result.err) == (0, "")
    drawn = path.read_text()
    for word in ("pipeline.build.parallelism", "P50", "P90", "knee", "3: P90"):
        assert word in drawn
    assert "http://" not in drawn.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in drawn
    assert "<script" not in drawn
    if ending == "svg":
        assert ElementTree.fromstring(drawn).tag == "{http://www.w3.org/2000/svg}svg"
        assert "var(" not in drawn
    cli(*arguments)
    assert path.read_text() == drawn


def test_the_same_seed_gives_the_same_bytes(cli: Cli, spec: Path) -> None:
    arguments = ("whatif", spec, "--strategy", "dag", "--runs", "60")
    assert cli(*arguments, "--seed", "3").out == cli(*arguments, "--seed", "3").out
    assert cli(*arguments, "--seed", "3").out != cli(*arguments, "--seed", "4").out
    assert cli(*arguments, "--json").out == cli(*arguments, "--format", "json").out


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "what if what?"),
        (("--runs", "0", "--strategy", "dag"), "0"),
        (("--sweep", "pipeline.build.parallelism"), "PATH=VALUES"),
        (("--sweep", "=1..3"), "PATH=VALUES"),
        (("--sweep", "pipeline.build.parallelism=3"), "single value"),
        (("--sweep", "pipeline.build.parallelism=1..1000"), "at most 100"),
        (("--sweep", "pipeline.strategy=staged,dag", "--strategy", "dag"), "leave --strategy out"),
        (("--case", "x: scenario=a.yaml scenario=b.yaml"), "two scenarios"),
        (("--case", "strategy=dag"), "has no name"),
        (("--case", "name:"), "has no name"),
        (("--case", "name: dag"), "is not PATH=VALUE"),
        (("--case", "name: 'a=1"), "no closing quotation"),
        (("--strategy", "dag", "--plot", "a.svg"), "--plot"),
        (("--sweep", "pipeline.build.parallelism=1..3", "--plot", "a.png"), "--plot"),
        (("--strategy", "dag", "--target", "hudson"), "no target hudson"),
        (("--strategy", "dag", "--format", "sarif"), "no format sarif"),
    ],
)
def test_values_that_make_no_sense_are_wrong_usage(
    cli: Cli, spec: Path, arguments: tuple[str, ...], reason: str
) -> None:
    result = cli("whatif", spec, *arguments)
    assert (result.code, result.out) == (2, "")
    assert reason in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("--set", "pipeline.build.paralelism=3"),
        ("--set", "services.wbe.estimates.build=3s"),
        ("--set", "nonsense"),
        ("--strategy", "fast"),
        ("--sweep", "pipeline.build.parallelism=0..2"),
        ("--case", "x: services.web.estimates.build=tomorrow"),
    ],
)
def test_settings_that_cannot_be_are_findings(cli: Cli, spec: Path, arguments: tuple[str, ...]) -> None:
    result = cli("whatif", spec, *arguments)
    assert (result.code, result.out) == (1, "")
    assert "error[STC" in result.err


def test_a_file_that_is_not_there(cli: Cli, spec: Path) -> None:
    assert cli("whatif", spec, "--scenario", "none.yaml").code == 3
    result = cli("whatif", spec, "--sweep", "pipeline.build.parallelism=1..2", "--plot", "no/x.svg")
    assert (result.code, result.out) == (3, "")
    assert result.err == "stagecast: no: no such file or directory\n"


def test_errors_in_the_spec_are_shown(cli: Cli, spec: Path) -> None:
    spec.write_text(BROKEN)
    result = cli("whatif", spec, "--strategy", "dag")
    assert (result.code, result.out) == (1, "")
    assert "error[STC205]" in result.err


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("a: x.y=1", Asked(("x.y=1",), None, None, "a")),
        ("big pool:x=1 y=2", Asked(("x=1", "y=2"), None, None, "big pool")),
        ("a: 'x={median: 3m, p90: 5m}'", Asked(("x={median: 3m, p90: 5m}",), None, None, "a")),
        ("a: strategy=dag scenario=w.yaml", Asked((), "dag", Path("w.yaml"), "a")),
    ],
)
def test_a_case(text: str, asked: Asked) -> None:
    assert read_case(text) == asked


def test_a_sweep_splits_at_its_last_equals_sign() -> None:
    assert read_sweep('services."a=b".estimates.build=1s,2s') == (
        'services."a=b".estimates.build',
        ("1s", "2s"),
    )
    with pytest.raises(Usage):
        read_sweep("nothing")


def test_an_endless_name_of_a_case_is_cut(cli: Cli, spec: Path) -> None:
    result = cli("whatif", spec, "--case", f"{'n' * 5000}: queue=backfill", "--runs", "1")
    assert result.code == 0
    assert "1 run, " in result.out
    assert result.out.count("n" * 40) > 1
    assert len(result.out) < 1500


def test_the_marketplace(cli: Cli, golden: Any) -> None:
    result = cli(
        "whatif",
        MARKETPLACE,
        *("--strategy", "dag", "--set", "services.gateway.estimates.build=60s"),
        *("--case", "one builder: pipeline.build.parallelism=1"),
        *("--case", "three at a time: pipeline.deploy.parallelism=3"),
    )
    assert (result.code, result.err) == (0, "")
    golden(GOLDENS / "whatif-marketplace.txt", result.out)


def test_a_sweep_of_the_marketplace(cli: Cli, golden: Any) -> None:
    result = cli("whatif", MARKETPLACE, "--sweep", "pipeline.deploy.parallelism=1..14")
    assert (result.code, result.err) == (0, "")
    golden(GOLDENS / "whatif-sweep-marketplace.txt", result.out)


@pytest.mark.parametrize("name", ["whatif", "optimize"])
def test_the_page_names_every_option(cli: Cli, name: str) -> None:
    options = set(re.findall(r"--[a-z][a-z-]+", cli(name, "--help").out)) - {"--help", "--format"}
    page = (CHECKOUT / "docs" / f"{name}.md").read_text()
    assert {option for option in options if option not in page} == set()
    unknown = set(re.findall(r"--[a-z][a-z-]+", page)) - options
    assert unknown == set()
