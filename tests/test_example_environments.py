"""The examples: clean, their committed outputs as they should be, and taken by the real consumers.

`make update-goldens` writes the outputs anew: expected/ with `stagecast compile`,
as a user would, and reports/, what the other commands print. Files of the
output are found by their kind, wherever the layout has them.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from cli_runs import CHECKOUT, SURROUNDINGS, Cli, run_here
from compiler.diagnostics.model import Findings
from compiler.project import FILE_NAME, project_jobs
from helm_plans import parse
from kubernetes_schemas import VERSIONS, validate
from toolchain import Helm

Golden = Callable[[Path, str], None]

EXAMPLES = sorted(path.parent for path in (CHECKOUT / "examples").glob("*/stagecast.yaml"))
MANIFEST = ".stagecast-manifest.json"
# What is shown, and by which command.
REPORTS = {
    "graph.txt": ("graph",),
    "plan.txt": ("plan",),
    "forecast.txt": ("simulate", "--seed", "1"),
}

every_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)


@pytest.fixture
def cli(example: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line in the example's folder."""
    monkeypatch.chdir(example)
    for name in SURROUNDINGS:
        monkeypatch.delenv(name, raising=False)
    return lambda *arguments: run_here(capsys, *arguments)


def test_the_examples_are_there() -> None:
    assert {path.name for path in EXAMPLES} >= {"online-boutique", "quickstart", "voting-app"}


@every_example
def test_what_the_commands_give_is_what_is_committed(
    example: Path, cli: Cli, golden: Golden, request: pytest.FixtureRequest
) -> None:
    if request.config.getoption("--update-goldens"):
        assert cli("compile").code == 0
    check = cli("compile", "--check")
    assert check.code == 0, f"`make update-goldens` writes expected/ anew\n{check.err}{check.out[:2000]}"
    reports = dict(_reports(example))
    for name, command in reports.items():
        result = cli(*command)
        assert (result.code, result.err) == (0, ""), name
        golden(example / "reports" / name, result.out)
    assert {path.name for path in (example / "reports").iterdir()} == reports.keys()


def _reports(example: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """File and command of every report. Of several environments the first has the short names."""
    first, *others = (job.name for job in project_jobs(example / FILE_NAME, Findings()))
    for file, (command, *options) in REPORTS.items():
        yield file, (command, first, *options)
        for name in others:
            yield f"{name}.{file}", (command, name, *options)


@every_example
@pytest.mark.usefixtures("example")
def test_it_is_clean(cli: Cli) -> None:
    assert cli("validate", "--strict").code == 0
    assert json.loads(cli("validate", "-f", "json").out) == {"diagnostics": []}


# --- the real consumers


def outputs(example: Path) -> Iterator[Path]:
    """The output folders of an example."""
    for manifest in example.rglob(MANIFEST):
        yield manifest.parent


@cache
def releases(example: Path) -> tuple[tuple[Path, Path, tuple[str, ...]], ...]:
    """Of every release of ours its chart, its values, and what the pipeline sets."""
    found = []
    for folder in outputs(example):
        charts = {path.parent.name: path.parent for path in folder.rglob("Chart.yaml")}
        for path in folder.rglob("values/**/*.yaml"):
            [values] = parse(path.read_text(encoding="utf-8"))
            chart = charts.get(values["component"]) or charts["workload"]
            # A managed database has no image.
            pinned = "image" not in values or {"tag", "digest"} & set(values["image"])
            found.append((chart, path, () if pinned else ("--set-string", "image.tag=v1")))
    return tuple(sorted(found))


@every_example
def test_helm_lints_and_renders_what_kubernetes_takes(example: Path, helms: Helm) -> None:
    def render(release: tuple[Path, Path, tuple[str, ...]]) -> str:
        chart, values, settings = release
        arguments: list[str | Path] = [chart, "--values", values, *settings, "--namespace", "shop"]
        lint = helms.run("lint", "--strict", *arguments)
        assert lint.returncode == 0, lint.stdout + lint.stderr
        result = helms.run("template", values.stem, *arguments)
        assert result.returncode == 0, result.stderr
        return result.stdout

    deployed = {
        (plan["environment"], work["service"]) for plan in _plans(example) for work in plan["workloads"]
    }
    assert {(values.parent.name, values.stem) for _, values, _ in releases(example)} == deployed
    with ThreadPoolExecutor(2) as pool:
        manifests = [manifest for text in pool.map(render, releases(example)) for manifest in parse(text)]
    assert {"Service", "Deployment"} <= {manifest["kind"] for manifest in manifests}
    for version in VERSIONS:
        validate(manifests, version)


def _plans(example: Path) -> list[Any]:
    return [json.loads(path.read_text(encoding="utf-8")) for path in example.rglob("*plan.json")]


@every_example
def test_github_takes_the_workflow(example: Path, actionlint: Path, check_jsonschema: Path) -> None:
    workflows = [path for folder in outputs(example) for path in folder.rglob(".github/workflows/*.yml")]
    assert workflows
    commands: tuple[list[str | Path], ...] = (
        [actionlint, "-no-color", *workflows],
        [check_jsonschema, "--builtin-schema", "vendor.github-workflows", *workflows],
    )
    for command in commands:
        result = subprocess.run(command, cwd=example, capture_output=True, text=True, timeout=60, check=False)
        assert result.returncode == 0, result.stdout + result.stderr


@every_example
def test_no_output_names_a_place_of_a_machine(example: Path) -> None:
    for folder in (*outputs(example), example / "reports"):
        for path in folder.rglob("*"):
            if path.is_file():
                assert str(CHECKOUT).encode() not in path.read_bytes(), path
