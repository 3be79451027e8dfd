"""Builds by their Dockerfiles in forecasts: what is read, when nothing is, and what is said of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from built_shop import API, COMMITS, LOG, SHOP, commit, git, make_shop
from cli_runs import Cli
from compiler.diagnostics.model import Findings
from compiler.driver import check_environment, make_plan
from compiler.plan.model import BuildProfile, Plan
from compiler.project import job_for_spec
from simulator.modelling.steps import running
from stagecast.forecasting.builds import Builds, Reading
from stagecast.session import Usage


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a history, the working folder."""
    make_shop(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def planned(spec: str = "environment.yaml") -> Plan:
    checked = check_environment(job_for_spec(Path(spec), Findings()), Findings())
    assert not checked.errors
    return make_plan(checked)


def profiles(root: Path, reading: Reading | None = None) -> dict[str, BuildProfile]:
    filled = Builds(root, reading or Reading()).filled(planned())
    return {profile.task: profile for profile in filled.profiles}


def simulated(cli: Cli, *arguments: str) -> dict[str, Any]:
    result = cli("simulate", "environment.yaml", "--runs", "100", "--json", *arguments)
    assert result.code == 0, result.err
    data: dict[str, Any] = json.loads(result.out)
    return data


def sources(data: dict[str, Any]) -> dict[str, list[tuple[str, str]]]:
    return {
        task["id"]: [(term["term"], term["source"]) for term in task["terms"] if term["term"] != "retry"]
        for task in data["tasks"]
        if task["kind"] == "build"
    }


def test_every_local_build_has_the_profile_of_its_history(shop: Path) -> None:
    found = profiles(shop)
    counted = {task: profile.builds for task, profile in found.items()}
    assert counted == {"build:api": COMMITS, "build:tiny": COMMITS // 5}
    api = found["build:api"]
    ran = {step.name: share for step, share in zip(api.steps, running(api), strict=True)}
    assert ran["line 4: RUN apt-get update && apt-get install -y gcc libpq-dev"] == 1.0


def test_the_order_of_a_dockerfile_decides_how_often_its_steps_run(shop: Path) -> None:
    copied, *rest = API.splitlines()[2:4]
    (shop / "api/Dockerfile").write_text(API.replace(f"{copied}\n{rest[0]}", f"{rest[0]}\n{copied}"))
    api = profiles(shop)["build:api"]
    # The packages come from the cache in every rebuild, so they are no step of the profile.
    assert not any("apt-get" in step.name for step in api.steps)


@pytest.mark.usefixtures("shop")
def test_the_forecast_says_where_the_time_is_from(cli: Cli) -> None:
    data = simulated(cli)
    assert sources(data) == {
        "build:api": [("clone", "assumed"), ("build", "dockerfile")],
        "build:tiny": [("clone", "assumed"), ("build", "dockerfile")],
    }
    assert [each["builds"] for each in data["assumptions"]["dockerfiles"]] == [20, 4]
    out = cli("simulate", "environment.yaml", "--runs", "100").out
    assert "api (20 builds of history)" in " ".join(out.split())


@pytest.mark.usefixtures("shop")
def test_the_same_repository_gives_the_same_forecast(cli: Cli) -> None:
    assert simulated(cli) == simulated(cli)


@pytest.mark.usefixtures("shop")
def test_it_can_be_left_out(cli: Cli) -> None:
    data = simulated(cli, "--no-dockerfiles")
    assert sources(data)["build:api"] == [("clone", "assumed"), ("build", "assumed"), ("push", "assumed")]
    assert data["assumptions"]["dockerfiles"] == []


@pytest.mark.usefixtures("shop")
def test_what_somebody_says_goes_first(cli: Cli) -> None:
    data = simulated(cli, "--set", "services.api.estimates.build=3m")
    assert sources(data)["build:api"] == [("build", "estimate")]
    assert sources(data)["build:tiny"][1] == ("build", "dockerfile")
    data = simulated(cli, "--set", "terms.build=1m")
    assert sources(data)["build:tiny"][1] == ("build", "scenario")


def test_with_estimates_for_all_nothing_is_read(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = SHOP.replace("    ports:", "    estimates: {build: 1m}\n    ports:")
    (shop / "environment.yaml").write_text(text)
    monkeypatch.setenv("PATH", "")
    assert profiles(shop) == {}


def test_measured_steps_take_what_they_took(cli: Cli, shop: Path) -> None:
    (shop / "build.log").write_text(LOG)
    before = simulated(cli)["makespan"]["p50"]
    data = simulated(cli, "--build-log", "build.log")
    assert data["makespan"]["p50"] > before + 200
    steps = {s["step"]: s for s in data["assumptions"]["dockerfiles"][0]["steps"]}
    packages = steps["line 4: RUN apt-get update && apt-get install -y gcc libpq-dev"]
    assert (packages["median"], packages["measured"]) == (300, True)
    assert data["assumptions"]["dockerfiles"][0]["measured"] > 0.9


def test_a_log_without_a_build_is_refused(cli: Cli, shop: Path) -> None:
    result = cli("simulate", "environment.yaml", "--build-log", "environment.yaml")
    assert (result.code, result.out) == (2, "")
    assert "times no build" in " ".join(result.err.split())
    result = cli("simulate", "environment.yaml", "--build-log", "nothing.log")
    assert (result.code, result.out) == (3, "")
    with pytest.raises(Usage):
        Builds(shop, Reading(logs=(shop / "api/Dockerfile",)))


def test_of_a_shallow_clone_shares_are_assumed_and_that_is_said(
    cli: Cli, shop: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = tmp_path_factory.mktemp("clone")
    git(clone, "clone", "-q", "--depth", "1", f"file://{shop}", "shop")
    monkeypatch.chdir(clone / "shop")
    result = cli("simulate", "environment.yaml", "--runs", "50")
    assert result.code == 0
    assert result.err.count("shallow") == 2, "the note is said once: what it is, and the way out"
    assert "no rebuilds known" in " ".join(result.out.split())


def test_without_git_and_without_commits_it_still_forecasts(cli: Cli, tmp_path: Path) -> None:
    make_shop(tmp_path)
    (tmp_path / ".git").rename(tmp_path / "elsewhere")
    result = cli("simulate", tmp_path / "environment.yaml", "--runs", "50")
    assert (result.code, result.err) == (0, "")
    assert "no rebuilds known" in " ".join(result.out.split())


def test_another_repository_takes_the_default(cli: Cli, shop: Path) -> None:
    other = 'source: {repository: "https://github.com/acme/shop", ref: v1.0.0, context: api}'
    text = SHOP.replace('source: {repository: ".", context: api}', other)
    (shop / "environment.yaml").write_text(text)
    result = cli("simulate", "environment.yaml", "--runs", "50", "--json")
    assert (result.code, result.err) == (0, "")
    assert sources(json.loads(result.out))["build:api"][1] == ("build", "assumed")


def test_without_a_cache_every_step_runs(shop: Path) -> None:
    (shop / "environment.yaml").write_text(SHOP + "pipeline: {build: {cache: none}}\n")
    api = profiles(shop)["build:api"]
    assert (len(api.outcomes), api.builds) == (1, 0)
    assert set(running(api)) == {1.0}


def test_a_dockerfile_that_leads_out_of_the_repository_is_not_read(shop: Path) -> None:
    plan = planned()
    build = plan.builds[0]
    (shop.parent / "outside").write_text(API)
    (shop / "api/link").symlink_to(shop.parent / "outside")
    for dockerfile in ("api/nothing", "api", "../outside", "api/link"):
        builds = Builds(shop, Reading())
        source = replace(build.source, dockerfile=dockerfile)
        assert builds.profile(replace(build, source=source)) is None
    builds = Builds(shop, Reading())
    assert builds.profile(replace(build, source=replace(build.source, context="../.."))) is None


def test_an_earlier_revision_has_its_own_history(cli: Cli, shop: Path) -> None:
    """The files of a baseline are exported without `.git`; how often they changed is still known."""
    data = simulated(cli, "--baseline", "HEAD")
    assert data["baseline"]["p50"]["change"] == 0
    assert data["baseline"]["p90"]["change"] == 0
    lines = API.splitlines()
    better = [*lines[:2], lines[3], lines[2], *lines[4:]]
    (shop / "api/Dockerfile").write_text("\n".join(better) + "\n")
    commit(shop, "packages first")
    found = simulated(cli, "--baseline", "HEAD~1")["baseline"]
    assert found["p50"]["change"] < -3


@pytest.mark.usefixtures("shop")
def test_whatif_and_pool_know_dockerfiles(cli: Cli) -> None:
    arguments = ("environment.yaml", "--set", "pipeline.build.parallelism=1", "--runs", "50", "--json")
    with_, without = (
        json.loads(cli("whatif", *arguments, *more).out)["base"]["p50"]["value"]
        for more in ((), ("--no-dockerfiles",))
    )
    assert with_ < without - 60
    out = cli("pool", "environment.yaml", "--days", "1", "--pool-range", "1..2").out
    assert "assumed durations" not in out
    out = cli("pool", "environment.yaml", "--days", "1", "--pool-range", "1..2", "--no-dockerfiles").out
    assert "2 of 2 builds have assumed durations" in out
