"""What findings about Dockerfiles are worth to the pipeline, and the best few on paper."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from built_shop import API, LOG, SHOP, make_shop
from cli_runs import Cli
from compiler.diagnostics.model import Findings
from compiler.driver import Checked, check_environment, make_plan
from compiler.plan.model import BuildOutcome, BuildProfile, BuildStep, Estimate, Plan
from compiler.project import job_for_spec
from simulator.report.paired_schema import optimise_schema
from stagecast.forecasting.builds import Builds, Reading
from stagecast.forecasting.dockerfiles import Advisor, Found, pipeline_cost
from stagecast.forecasting.paper import Paper, aligned, scaled
from stagecast.linting.inputs import of_environment
from stagecast.linting.judging import Settings, judge


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two Dockerfiles with the same mistake; the build of api takes much longer."""
    make_shop(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "build.log").write_text(LOG)
    return tmp_path


def checked_plan() -> tuple[Checked, Plan]:
    checked = check_environment(job_for_spec(Path("environment.yaml"), Findings()), Findings())
    return checked, make_plan(checked)


def found_in(checked: Checked, plan: Plan) -> list[Found]:
    judged = [judge(case, Settings(0.5)) for case in of_environment(checked, plan, Findings())]
    return [
        Found(each.case.task, each.subject, finding)
        for each in judged
        for finding in each.findings
        if each.subject is not None
    ]


def data_of(cli: Cli, *arguments: str) -> dict[str, Any]:
    result = cli("optimize", "environment.yaml", "--runs", "200", "--json", *arguments)
    assert result.code == 0, result.err
    data: dict[str, Any] = json.loads(result.out)
    jsonschema.validate(data, optimise_schema())
    found: dict[str, Any] = data["dockerfiles"]
    return found


def test_a_finding_costs_what_the_pipeline_waits_for(shop: Path) -> None:
    checked, plan = checked_plan()
    findings = [each for each in found_in(checked, plan) if each.finding.diagnostic.code == "STC902"]
    builds = Builds(shop, Reading(logs=(shop / "build.log",)))
    costs = dict(
        zip(
            [each.task for each in findings],
            pipeline_cost(checked, plan, findings, runs=200, builds=builds),
            strict=True,
        )
    )
    api, tiny = costs["build:api"], costs["build:tiny"]
    assert api is not None
    assert tiny is not None
    assert api.p50_s > 100
    assert api.critical == 1.0
    assert (tiny.p50_s, tiny.p90_s, tiny.critical) == (0, 0, 0)


@pytest.mark.usefixtures("shop")
def test_of_no_findings_there_is_no_cost() -> None:
    assert pipeline_cost(*checked_plan(), []) == ()


@pytest.mark.usefixtures("shop")
def test_the_ranking_names_what_is_not_on_the_critical_path(cli: Cli) -> None:
    rebuilds = data_of(cli, "--build-log", "build.log")["rebuilds"]
    packages = {each["place"]: each for each in rebuilds if each["code"] == "STC902"}
    api, tiny = packages["api/Dockerfile:4"], packages["tiny/Dockerfile:4"]
    assert rebuilds.index(api) < rebuilds.index(tiny)
    assert api["change"]["p50"]["value"] < -100
    assert (api["builds"], api["services"], api["safety"]) == (["build:api"], ["api"], "safe")
    assert (tiny["critical"], tiny["change"]["slower"], tiny["change"]["faster"]) == (0, 0, 0)
    result = cli("optimize", "environment.yaml", "--runs", "200", "--build-log", "build.log")
    (row,) = [line for line in result.out.splitlines() if line.startswith("tiny/Dockerfile:4 STC902")]
    assert row.split()[-4:] == ["nothing", "nothing", "nothing", "0%"]
    assert "Worth nothing to the pipeline" in result.out
    assert "Mend api/Dockerfile:4 (STC902" in result.out


def test_the_best_are_applied_on_paper(cli: Cli, shop: Path) -> None:
    before = (shop / "api/Dockerfile").read_bytes()
    arguments = ("environment.yaml", "--runs", "200", "--build-log", "build.log", "--apply-best", "3")
    result = cli("optimize", *arguments, "--diff")
    assert result.code == 0, result.err
    assert "Applied on paper" in result.out
    assert "Then P50 is" in result.out
    assert (shop / "api/Dockerfile").read_bytes() == before
    patch = result.out[result.out.index("diff --git") :]
    subprocess.run(["git", "apply", "-"], cwd=shop, input=patch, text=True, check=True)
    assert (shop / "api/Dockerfile").read_text().index("RUN apt-get") < (
        shop / "api/Dockerfile"
    ).read_text().index("COPY")
    # What is forecast of the better files is what they are forecast to take once they are there.
    applied = json.loads(cli("optimize", "environment.yaml", "--runs", "200", "--json").out)["base"]
    assert applied["p50"]["value"] < 200
    assert "diff --git" not in cli("optimize", *arguments).out


def test_the_forecast_of_what_is_applied_is_that_of_the_patched_files(cli: Cli, shop: Path) -> None:
    """Steps are drawn by what they do, so a Dockerfile on paper and on disk have the same draws."""
    applied = data_of(cli, "--apply-best", "5", "--diff")["applied"]
    assert applied["steps"]
    subprocess.run(["git", "apply", "-"], cwd=shop, input=applied["diff"], text=True, check=True)
    data = json.loads(cli("simulate", "environment.yaml", "--runs", "200", "--json").out)
    assert data["makespan"]["p50"] == pytest.approx(applied["result"]["p50"]["value"], rel=0.02)


def test_an_estimate_shrinks_as_its_steps_do(cli: Cli, shop: Path) -> None:
    text = SHOP.replace(
        "    ports: [{internal: 8080}]", "    ports: [{internal: 8080}]\n    estimates: {build: 9m}"
    )
    (shop / "environment.yaml").write_text(text)
    found = data_of(cli)
    api = next(each for each in found["rebuilds"] if each["place"] == "api/Dockerfile:4")
    assert -540 < api["change"]["p50"]["value"] < -60
    assert any("estimate" in remark for remark in found["remarks"])


def test_builds_that_share_a_dockerfile_have_one_finding(cli: Cli, tmp_path: Path, monkeypatch: Any) -> None:
    shared = SHOP.replace("context: tiny}", "context: api, args: {MODE: small}}")
    make_shop(tmp_path, shared, {"api/Dockerfile": API.replace("CMD", "ARG MODE=large\nRUN echo $MODE\nCMD")})
    monkeypatch.chdir(tmp_path)
    found = [each for each in data_of(cli)["rebuilds"] if each["code"] == "STC902"]
    assert len(found) == 1
    assert sorted(found[0]["services"]) == ["api", "tiny"]


@pytest.mark.usefixtures("shop")
def test_without_dockerfiles_there_is_nothing_to_rank(cli: Cli) -> None:
    found = data_of(cli, "--no-dockerfiles")
    assert (found["findings"], found["rebuilds"], found["applied"], found["remarks"]) == (0, [], None, [])
    assert cli("optimize", "environment.yaml", "--no-dockerfiles", "--apply-best", "1").code == 2
    assert cli("optimize", "environment.yaml", "--diff").code == 2
    assert cli("optimize", "environment.yaml", "--apply-best", "0").code == 2


@pytest.mark.usefixtures("shop")
def test_under_a_scenario_that_says_what_builds_take_no_dockerfile_counts(cli: Cli) -> None:
    found = data_of(cli, "--set", "terms.build=5m", "--apply-best", "2")
    assert found["rebuilds"] == []
    assert found["applied"]["steps"] == []
    assert "2 local builds take what the scenario" in found["remarks"][0]


def test_the_report_is_80_columns_wide(shop: Path) -> None:
    from simulator.report import optimise_text
    from simulator.studies.optimise import optimise

    checked, plan = checked_plan()
    builds = Builds(shop, Reading())
    plan = builds.filled(plan)
    found = optimise(plan, runs=50, rebuilds=Advisor(checked, plan, builds).rebuilds)
    assert found.findings >= 2
    assert max(map(len, optimise_text.render(found, width=80).splitlines())) <= 80


def test_a_fix_that_overlaps_another_is_found_again(shop: Path) -> None:
    checked, plan = checked_plan()
    builds = Builds(shop, Reading())
    paper = Paper(builds, builds.filled(plan))
    findings = [(each.task, each.finding) for each in found_in(checked, plan)]
    first = paper.better(findings)[0]
    paper.apply(first)
    # Its text is another one now, so the old edits of the same file cannot be made any more.
    assert all(
        each.edits[0].span.source.path != first.edits[0].span.source.path for each in paper.better(findings)
    )
    assert paper.diff().count("diff --git") == 1


def build(*names: str) -> BuildProfile:
    steps = tuple(BuildStep(name, (), 10.0, 15.0) for name in names)
    return BuildProfile("build:web", steps, (BuildOutcome(tuple(range(len(names))), 1.0),))


def test_a_step_draws_what_the_step_that_it_stands_for_draws() -> None:
    before = build("line 3: RUN npm ci", "line 4: RUN npm run build")
    after = build("line 3: RUN --mount=type=cache,target=/root/.npm npm ci", "line 4: RUN npm run build")
    assert [step.name for step in aligned(before, after).steps] == [step.name for step in before.steps]
    # What is new has a name of its own.
    other = build("line 2: COPY package.json ./", "line 9: RUN npm run build")
    assert [step.name for step in aligned(before, other).steps] == [step.name for step in other.steps]


def test_an_estimate_keeps_its_clone() -> None:
    before, after = build("a", "b"), build("a")
    halved = BuildProfile("build:web", after.steps, after.outcomes)
    estimate = Estimate("build:web", 105.0, 210.0)
    # Side by side both steps take 10 s: nothing changes.
    assert scaled(estimate, before, halved) == estimate
    chain = BuildProfile(
        "build:web",
        (before.steps[0], BuildStep("b", (0,), 85.0, 90.0)),
        before.outcomes,
    )
    found = scaled(estimate, chain, halved)
    assert found.p90_s is not None
    assert [found.median_s, found.p90_s] == pytest.approx([105 * 15 / 100, 210 * 15 / 100])
