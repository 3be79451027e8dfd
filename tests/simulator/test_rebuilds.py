"""Better Dockerfiles: what they save the pipeline, on common draws."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compiler.plan.model import BuildOutcome, BuildProfile, BuildStep, Plan, Strategy
from sim_plans import Service, fixed, make_plan
from simulator.modelling.pipeline import model
from simulator.modelling.variants import with_profiles
from simulator.report import optimise_json, optimise_text
from simulator.studies.optimise import optimise
from simulator.studies.rebuilds import Applied, Rebuild, rank, together


def profile(task: str, *seconds: float, p90: float = 1.5) -> BuildProfile:
    steps = tuple(
        BuildStep(f"line {n + 1}: RUN {n}", (n - 1,) if n else (), each, each * p90)
        for n, each in enumerate(seconds)
    )
    return BuildProfile(task, steps, (BuildOutcome(tuple(range(len(steps))), 1.0),), 30)


def plan(strategy: Strategy = Strategy.BUILD_FIRST) -> Plan:
    made = make_plan(
        [Service("slow"), Service("quick"), Service("twin")],
        strategy=strategy,
        estimates=tuple(fixed(f"deploy:{name}", 5.0) for name in ("slow", "quick", "twin")),
    )
    profiles = (profile("build:slow", 300, 60), profile("build:quick", 10), profile("build:twin", 20))
    return replace(made, profiles=profiles)


def rebuild(task: str, *seconds: float, code: str = "STC902", saved: float = 1.0) -> Rebuild:
    name = task.partition(":")[2]
    what = "packages are installed after files that change"
    return Rebuild(
        f"{name}/Dockerfile:7", code, what, "safe", (task,), (name,), saved, (profile(task, *seconds),)
    )


HELPS = rebuild("build:slow", 100, 60, saved=200)
USELESS = rebuild("build:quick", 2, saved=8)


def test_only_what_the_pipeline_waits_for_is_worth_something() -> None:
    first, second = rank(plan(), [USELESS, HELPS], model, runs=300, seed=1)
    assert (first.rebuild, second.rebuild) == (HELPS, USELESS)
    assert first.saves
    assert first.critical == 1.0
    assert first.compared.change is not None
    # The step that is better draws from the stream that it had: its quantiles go from 300 to 100 s.
    assert first.compared.change.p50.value_s == pytest.approx(-200, rel=0.15)
    assert second.idle
    assert not second.saves
    assert second.critical == 0.0


def test_the_same_dockerfile_changes_no_bit() -> None:
    (same,) = rank(plan(), [rebuild("build:slow", 300, 60)], model, runs=200, seed=1)
    assert same.idle


def test_builds_side_by_side_do_not_add_up() -> None:
    made = plan()
    twin = replace(made, profiles=(*made.profiles[:2], profile("build:twin", 300, 60)))
    both = rebuild("build:twin", 100, 60)
    found = rank(twin, [HELPS, both], model, runs=300, seed=1)
    changed = with_profiles(twin, (*HELPS.profiles, *both.profiles))
    joint = together(twin, changed, model, runs=300, seed=1)
    alone = [each.compared.change.p50.value_s for each in found if each.compared.change is not None]
    assert joint.change is not None
    assert joint.change.p50.value_s < 2 * sum(alone)


def test_nothing_to_rank() -> None:
    assert rank(plan(), [], model, runs=None, seed=0) == ()


def test_the_report_names_what_is_worth_nothing() -> None:
    found = optimise(plan(), runs=200, rebuilds=[USELESS, replace(HELPS, safety="display")])
    text = optimise_text.render(found, width=80)
    assert max(map(len, text.splitlines())) <= 80
    rows = [line for line in text.splitlines() if "Dockerfile:7 STC902" in line]
    assert any("nothing" in row for row in rows)
    assert "Worth nothing to the pipeline" in text
    assert "display" in text
    assert found.advice[0].sort == "dockerfile"
    assert "Mend slow/Dockerfile:7" in text
    data = optimise_json.as_data(found)["dockerfiles"]
    assert [each["place"] for each in data["rebuilds"]] == ["slow/Dockerfile:7", "quick/Dockerfile:7"]
    assert data["rebuilds"][0]["perRebuild"] == -200
    assert data["applied"] is None


def test_what_is_applied_is_told_step_by_step() -> None:
    base = plan()
    found = optimise(base, runs=200, rebuilds=[HELPS, USELESS])
    result = together(base, with_profiles(base, HELPS.profiles), model, runs=200, seed=0)
    applied = replace(found, applied=Applied(3, found.dockerfiles[:1], result))
    text = " ".join(optimise_text.render(applied, width=80).split())
    assert "Applied on paper: 1 of 3; no other surely saves time" in text
    assert "Then P50 is" in text
    data = optimise_json.as_data(applied, "--- a\n")["dockerfiles"]["applied"]
    assert (data["asked"], len(data["steps"]), data["diff"]) == (3, 1, "--- a\n")
    none = replace(found, applied=Applied(2, (), result))
    assert "nothing, as no better Dockerfile surely saves time" in " ".join(
        optimise_text.render(none).split()
    )
