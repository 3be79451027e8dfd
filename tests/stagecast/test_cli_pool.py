"""`stagecast pool`: its options, and that the same seed gives the same bytes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli_runs import CHECKOUT, Cli


def test_it_names_the_smallest_pool(cli: Cli, spec: Path) -> None:
    result = cli("pool", spec, "--per-day", "100", "--days", "10", "--json")
    assert (result.code, result.err) == (0, "")
    data = json.loads(result.out)
    best = data["best"]
    assert best["keeps"]
    assert best["wait"]["p95"]["value"] <= data["question"]["maxWait"] == 60
    assert data["interval"]["low"] <= best["builders"] <= data["interval"]["high"]
    assert cli("pool", spec, "--per-day", "100", "--days", "10", "--json").out == result.out
    text = cli("pool", spec, "--per-day", "100", "--days", "10").out
    assert f"{best['builders']} builder" in text.splitlines()[0]


def test_a_range_shows_every_size(cli: Cli, spec: Path) -> None:
    arguments = ("--profile", "9-12:2,13-18:1", "--pool-range", "1..3", "--days", "10", "--json")
    data = json.loads(cli("pool", spec, *arguments).out)
    assert [size["builders"] for size in data["sizes"]] == [1, 2, 3]
    assert data["question"]["profile"][8:14] == [0, 2, 2, 2, 0, 1]


def test_settings_of_a_scenario_count(cli: Cli, spec: Path) -> None:
    arguments = ("pool", spec, "--pool-range", "1..1", "--days", "10", "--json")
    usual = json.loads(cli(*arguments).out)
    slow = json.loads(cli(*arguments, "--set", "services.web.estimates.build=20m").out)
    assert slow["offered"]["mean"] > usual["offered"]["mean"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--profile", "17-9:1"), "no profile"),
        (("--profile", "weekend"), "no profile"),
        (("--profile", "9-17:0"), "weights"),
        (("--pool-range", "9..2"), "range of builders"),
        (("--pool-range", "1..99999"), "range of builders"),
        (("--max-wait", "soon"), "--max-wait"),
        (("--rebuilt", "0%"), "--rebuilt: nothing would be built"),
        (("--per-day", "nan"), "--per-day: nan is no number"),
        (("--percentile", "nan"), "--percentile: nan is no number"),
        (("--per-day", "0.001"), "nothing was built in 20 days"),
        (("--per-day", "999999", "--days", "9999"), "too many"),
    ],
)
def test_what_cannot_be_is_said(cli: Cli, spec: Path, arguments: tuple[str, ...], words: str) -> None:
    result = cli("pool", spec, *arguments)
    assert result.code == 2
    assert words in result.err
    assert "Traceback" not in result.err


def test_the_documented_output_is_the_output(cli: Cli) -> None:
    text = (CHECKOUT / "docs" / "pool.md").read_text(encoding="utf-8")
    _, _, block = text.partition("```console\n$ stagecast ")
    command, _, output = block.partition("```")[0].partition("\n")
    arguments = [str(CHECKOUT / part) if part.startswith("examples/") else part for part in command.split()]
    assert cli(*arguments).out == output
