"""docs/scenarios.md is true: its commands run, its outputs are real, its files are scenarios."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from cli_runs import CHECKOUT, Cli
from simulator.modelling.profiles import DEFAULTS
from stagecast.scenario_file import variant
from stagecast.session import the_one, usable

PAGE = (CHECKOUT / "docs" / "scenarios.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"(?m)^stagecast (.*)$", PAGE)
OUTPUTS = re.findall(r"```console\n\$ stagecast ([^\n]*)\n(.*?)```\n", PAGE, re.DOTALL)
FILES = re.findall(r"```yaml\n(.*?)```\n", PAGE, re.DOTALL)


@pytest.fixture(autouse=True)
def marketplace(monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands of the page are run beside the example that they are about."""
    monkeypatch.chdir(CHECKOUT / "examples" / "marketplace")


def test_the_page_has_what_the_tests_look_for() -> None:
    assert (len(COMMANDS), len(OUTPUTS), len(FILES)) == (3, 2, 2)


@pytest.mark.parametrize("command", COMMANDS)
def test_its_commands_run(cli: Cli, command: str) -> None:
    result = cli(*shlex.split(command), "--runs", "20")
    assert (result.code, result.err) == (0, "")
    assert "P90" in result.out
    target = re.search(r"--target (\w+)", command)
    assert (f"as {target[1]} runs it" if target else "strategy") in " ".join(result.out.split())


@pytest.mark.parametrize(("command", "output"), OUTPUTS)
def test_its_outputs_are_what_the_commands_print(cli: Cli, command: str, output: str) -> None:
    result = cli(*shlex.split(command))
    assert (result.code, result.out, result.err) == (1, "", output)


@pytest.mark.parametrize("text", FILES)
def test_its_files_are_scenarios(tmp_path: Path, text: str) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_text(text, encoding="utf-8")
    made = variant(usable(*the_one("environment.yaml")), scenario_file=file)
    assert made.scenario.laws


def test_its_table_of_laws_is_that_of_the_code() -> None:
    rows = [
        f"| {term} | {about} | {law.median_s:g} s | {law.p90_ratio:g} | {law.reason} |"
        for (term, about), law in DEFAULTS.items()
    ]
    assert re.findall(r"(?m)^\| job .*$", PAGE) == rows
