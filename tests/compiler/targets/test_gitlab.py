"""The GitLab back end: its jobs and their order, what it refuses and says, and that its consumers take it."""

from __future__ import annotations

import heapq
import random
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml as pyyaml
from hypothesis import given
from hypothesis import strategies as st

from compiler.plan.model import (
    BuildCache,
    Delivery,
    Departed,
    GitOps,
    Plan,
    Previews,
    Resources,
    Strategy,
)
from compiler.targets.gitlab import check, emit
from compiler.targets.gitlab.lanes import MOST_JOBS
from pipeline_plans import CPU, GB, REMOTE, Service, build, make_plan, rich_plan, with_build
from pipeline_runs import at_once

Value = dict[str, Any]
# Keys of a pipeline that are no jobs.
GLOBAL = {"workflow", "stages", "variables", "default", "include"}
DEPARTED = (Departed("old", "old", prune=True), Departed("older", "older"))


def codes(plan: Plan) -> list[tuple[str, str]]:
    return [(limitation.code, limitation.severity) for limitation in check(plan)]


def files(plan: Plan) -> tuple[Value, Value]:
    """The file to include and the child pipeline, as a YAML 1.1 parser reads them."""
    contents = {artifact.path: artifact.content for artifact in emit(plan)}
    stem = f".gitlab/stagecast/{plan.environment}"
    return pyyaml.safe_load(contents[f"{stem}.yml"]), pyyaml.safe_load(contents[f"{stem}.pipeline.yml"])


def merged(base: Value, over: Value) -> Value:
    """What `extends` gives: hashes are merged, everything else is replaced."""
    found = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(found.get(key), dict)
        found[key] = merged(found[key], value) if both else value
    return found


def jobs_of(child: Value) -> dict[str, Value]:
    """The jobs with what they extend, without hidden ones."""

    def whole(job: Value) -> Value:
        base = whole(child[job["extends"]]) if "extends" in job else {}
        return merged(base, {key: value for key, value in job.items() if key != "extends"})

    return {
        name: whole(job) for name, job in child.items() if name not in GLOBAL and not name.startswith(".")
    }


# --- the child pipeline


def test_the_stages_of_a_build_first_plan() -> None:
    _, child = files(replace(rich_plan(), departed=DEPARTED))
    assert child["stages"] == [
        "check",
        "build",
        "deploy 1: database",
        "deploy 2: application",
        "deploy 3: extra",
        "remove",
    ]
    jobs = jobs_of(child)
    assert list(jobs) == [
        "check",
        "build 1: web",
        "build 2: api",
        "deploy 1: database",
        "deploy 2: application",
        "deploy 3: extra",
        "remove",
    ]
    assert jobs["build 2: api"]["variables"] == {"STAGECAST_BUILDS": "1"}
    assert jobs["deploy 3: extra"]["variables"] == {"STAGECAST_STAGE": "2"}
    assert child["workflow"]["auto_cancel"] == {"on_job_failure": "all", "on_new_commit": "none"}


def test_the_stages_of_a_staged_plan_alternate() -> None:
    services = [Service("a", "one", built=True), Service("b", "two", built=True)]
    _, child = files(make_plan(services, strategy=Strategy.STAGED))
    assert child["stages"] == ["check", "build 1", "deploy 1: one", "build 2", "deploy 2: two"]


@pytest.mark.parametrize("delivery", [Delivery.ARGOCD, Delivery.NONE])
def test_nothing_is_deployed_when_somebody_else_delivers(delivery: Delivery) -> None:
    gitops = GitOps("stagecast/shop") if delivery is Delivery.ARGOCD else None
    plan = replace(rich_plan(delivery=delivery), gitops=gitops, departed=DEPARTED, previews=Previews())
    parent, child = files(plan)
    locked = ["lock"] if gitops else []
    assert list(jobs_of(child)) == ["check", "build 1: web", "build 2: api", "mirror", *locked]
    assert list(parent) == ["stagecast shop"]
    assert "environment" not in parent["stagecast shop"]
    assert "deploy" not in [line.split()[-1] for job in jobs_of(child).values() if "lock" in job["stage"]
                            for line in job["script"]]  # fmt: skip


def test_every_job_is_complete() -> None:
    _, child = files(replace(rich_plan(), departed=DEPARTED))
    for name, job in jobs_of(child).items():
        assert job["interruptible"] is False, name
        assert job["environment"] == {"name": "$STAGECAST_ENVIRONMENT", "action": "access"}
        assert job["script"] == [f"python3 .stagecast/run.py {name.split()[0].rstrip(':')}"]
        assert 0 < int(job["timeout"].removesuffix(" minutes")) <= 43_200
        assert len(name) <= 255
        # With `needs` a job gets the artifacts of what it names, otherwise of its `dependencies`.
        assert name == "check" or "check" in (job.get("needs") or job["dependencies"])
        assert not ("needs" in job and "dependencies" in job)
    assert child["variables"]["STAGECAST_FOUND"] in child["check"]["artifacts"]["paths"]
    assert child["check"]["artifacts"]["expire_in"]


def test_a_departed_service_stays_without_prune_and_in_previews() -> None:
    _, child = files(replace(rich_plan(), departed=DEPARTED[1:]))
    assert "remove" not in child
    _, child = files(replace(rich_plan(), departed=DEPARTED, previews=Previews()))
    assert child["remove"]["rules"] == [{"if": "$STAGECAST_PREVIEW == null"}]


# --- order and caps


@dataclass(frozen=True)
class Run:
    """When a job of a simulated run started and ended."""

    name: str
    job: Value
    start: float
    end: float


def simulated(child: Value, durations: random.Random) -> list[Run]:
    """A run on unlimited runners that honours stages and `needs` and nothing else.

    Also checks what GitLab checks when it reads a pipeline: that what is
    needed or depended on exists, at most 50 of them, in an earlier stage
    (dependencies) or the same one (needs).
    """
    jobs = jobs_of(child)
    place = {name: child["stages"].index(job["stage"]) for name, job in jobs.items()}
    in_stage: dict[int, list[str]] = {}
    for name, at in place.items():
        in_stage.setdefault(at, []).append(name)
    waits: dict[str, set[str]] = {}
    for name, job in jobs.items():
        assert all(place[other] < place[name] for other in job.get("dependencies", []))
        if "needs" in job:
            assert len(job["needs"]) <= 50
            assert all(place[other] <= place[name] for other in job["needs"])
            waits[name] = set(job["needs"])
        else:
            waits[name] = {other for at in range(place[name]) for other in in_stage.get(at, [])}
    return list(_played(jobs, waits, durations))


def _played(jobs: Mapping[str, Value], waits: Mapping[str, set[str]], durations: random.Random) -> list[Run]:
    now, done, started = 0.0, set[str](), set[str]()
    running: list[tuple[float, str]] = []
    runs = []
    while len(done) < len(jobs):
        for name in jobs:
            if name not in started and waits[name] <= done:
                started.add(name)
                run = Run(name, jobs[name], now, now + durations.uniform(0.1, 9))
                runs.append(run)
                heapq.heappush(running, (run.end, name))
        assert running, "a job waits for itself"
        now, ended = heapq.heappop(running)
        done.add(ended)
    return runs


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=40),
    st.integers(1, 7),
    st.sampled_from([Strategy.BUILD_FIRST, Strategy.STAGED]),
    st.randoms(use_true_random=False),
)
def test_never_more_parallel_and_never_out_of_order_on_any_number_of_runners(
    stages: list[int], slots: int, strategy: Strategy, durations: random.Random
) -> None:
    services = [Service(f"s{n}", f"stage {at}", built=n % 4 != 3) for n, at in enumerate(stages)]
    plan = make_plan(services, strategy=strategy, slots=slots)
    runs = simulated(files(plan)[1], durations)
    builds = [run for run in runs if run.job["stage"].startswith("build")]
    wanted = min(slots, max((len(part) for part in _queues(plan)), default=0))
    # All slots are used, and no more.
    assert at_once(builds) == wanted
    built = [int(index) for run in builds for index in run.job["variables"]["STAGECAST_BUILDS"].split(",")]
    assert sorted(built) == list(range(len(plan.builds)))
    deployments = [run for run in runs if run.job["stage"].startswith("deploy")]
    assert at_once(deployments) == 1
    assert [run.job["variables"]["STAGECAST_STAGE"] for run in deployments] == [
        str(place) for place in range(len(plan.stages))
    ]
    order = sorted(runs, key=lambda run: run.start)
    assert order[0].name == "check"
    for before, after in pairwise(order):
        if before.job["stage"] != after.job["stage"]:
            stage_ends = max(run.end for run in runs if run.job["stage"] == before.job["stage"])
            assert stage_ends <= after.start


def _queues(plan: Plan) -> list[list[str]]:
    """The builds that may wait for each other: all of them, or those of a stage."""
    if plan.strategy is Strategy.BUILD_FIRST:
        return [[build.id for build in plan.builds]]
    return [
        [build.id for build in plan.builds if build.services[0] in stage.services] for stage in plan.stages
    ]


@pytest.mark.parametrize(("count", "jobs", "batch"), [(498, 498, 1), (499, 250, 2), (2000, 400, 5)])
def test_more_builds_than_jobs_share_jobs(count: int, jobs: int, batch: int) -> None:
    plan = make_plan([Service(f"s{number:04}", "all", built=True) for number in range(count)])
    _, child = files(plan)
    held = [job["variables"]["STAGECAST_BUILDS"].split(",")
            for name, job in jobs_of(child).items() if name.startswith("build")]  # fmt: skip
    assert (len(held), max(map(len, held))) == (jobs, batch)
    assert [int(index) for part in held for index in part] == list(range(count))
    assert len(jobs_of(child)) <= MOST_JOBS
    assert codes(plan) == ([] if batch == 1 else [("gitlab-several-builds", "note")])
    runs = simulated(child, random.Random(0))
    assert at_once([run for run in runs if run.job["stage"] == "build"]) == 7
    # The default of `max_yaml_size_bytes` is 2 MB, of objects in memory.
    assert memory(child) < 2_000_000


def memory(value: Any) -> int:
    """What GitLab's size check counts, rather too much: an object of Ruby has 40 bytes and what it holds."""
    if isinstance(value, dict):
        inside = sum(memory(key) + memory(item) for key, item in value.items())
        return 40 + max(128, 96 * len(value)) + inside
    if isinstance(value, list):
        return 40 + 16 * len(value) + sum(map(memory, value))
    return 40 + len(str(value).encode())


def test_stages_of_many_sizes_share_the_room() -> None:
    services = [Service(f"s{n}", f"stage {n % 90}", built=True) for n in range(1000)]
    plan = make_plan(services, strategy=Strategy.STAGED)
    _, child = files(plan)
    assert len(jobs_of(child)) <= MOST_JOBS
    runs = simulated(child, random.Random(1))
    assert at_once([run for run in runs if run.job["stage"].startswith("build")]) <= 7


def sized(sizes: list[tuple[int, int]], slots: int) -> Plan:
    services = [Service(f"s{number}", "all", built=True) for number in range(len(sizes))]
    made = {
        service.name: build(service.name, resources=Resources(cpu, memory))
        for service, (cpu, memory) in zip(services, sizes, strict=True)
    }
    return make_plan(services, slots=slots, builds=made)


def test_the_lanes_never_ask_for_more_than_the_pool() -> None:
    plan = sized([(4 * CPU, 4 * GB), (4 * CPU, 4 * GB), *[(CPU, 4 * GB)] * 5], slots=7)
    runs = simulated(files(plan)[1], random.Random(2))
    assert at_once([run for run in runs if run.job["stage"] == "build"]) == 1
    assert codes(plan) == [("gitlab-build-slots", "note")]


def test_a_job_lasts_as_long_as_its_tasks_may() -> None:
    _, child = files(with_build(rich_plan(), replace(build("api"), timeout_s=3601)))
    jobs = jobs_of(child)
    assert jobs["build 2: api"]["timeout"] == "76 minutes"
    # A mirror with three retries and a deployment, 600 s each.
    assert jobs["deploy 1: database"]["timeout"] == "65 minutes"


# --- the file to include


def test_one_trigger_job_holds_the_environment_until_the_child_is_done() -> None:
    parent, _ = files(rich_plan())
    assert list(parent) == ["stagecast shop"]
    job = parent["stagecast shop"]
    assert job["trigger"] == {
        "include": [{"local": ".gitlab/stagecast/shop.pipeline.yml"}],
        "strategy": "depend",
    }
    assert (job["resource_group"], job["interruptible"]) == ("shop", False)
    assert job["inherit"] == {"variables": False}
    # What a person types arrives as one of two literals.
    assert [rule.get("variables") for rule in job["rules"]] == [{"STAGECAST_FORCE": "true"}, None, None]


def test_a_preview_and_its_teardown_share_an_environment_and_a_group() -> None:
    parent, _ = files(replace(rich_plan(), previews=Previews()))
    preview, teardown = parent["stagecast shop preview"], parent["stagecast shop preview teardown"]
    assert preview["environment"] == {
        "name": "shop-preview/pr-$CI_MERGE_REQUEST_IID",
        "on_stop": "stagecast shop preview teardown",
    }
    assert teardown["environment"] == {"name": preview["environment"]["name"], "action": "stop"}
    for key in ("resource_group", "stage"):
        assert preview[key] == teardown[key]
    assert preview["variables"]["STAGECAST_PREVIEW"] == teardown["variables"]["STAGECAST_PREVIEW"]
    [same], [stop] = preview["rules"], teardown["rules"]
    assert stop == {**same, "when": "manual", "allow_failure": True}
    assert "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_MERGE_REQUEST_PROJECT_ID" in same["if"]


# --- what is refused and said


def changed_build(**changes: Any) -> Plan:
    plan = rich_plan()
    return with_build(plan, replace(plan.builds[0], **changes))


def many_stages(count: int) -> Plan:
    return make_plan([Service(f"s{number}", f"stage {number}") for number in range(count)])


SAID: dict[str, tuple[str, Callable[[], Plan]]] = {
    "gitlab-dag": ("error", lambda: rich_plan(strategy=Strategy.DAG)),
    "gitlab-environment-name": ("error", lambda: replace(rich_plan(), environment="shop.pipeline")),
    "gitlab-persistent-cache": ("warning", lambda: changed_build(cache=BuildCache.PERSISTENT)),
    "gitlab-platform": ("warning", lambda: changed_build(source=replace(REMOTE, platforms=("linux/arm64",)))),
    "gitlab-job-timeout": ("warning", lambda: changed_build(timeout_s=31 * 24 * 3600)),
    "gitlab-stages": ("error", lambda: many_stages(500)),
}


@pytest.mark.parametrize("code", SAID)
def test_what_the_pipeline_cannot_express_is_said(code: str) -> None:
    severity, plan = SAID[code]
    assert codes(plan()) == [(code, severity)]


def test_as_many_stages_as_there_are_jobs_are_taken() -> None:
    assert codes(many_stages(499)) == []
    assert len(jobs_of(files(many_stages(499))[1])) == MOST_JOBS


def test_an_ordinary_plan_has_nothing_to_say() -> None:
    assert check(rich_plan()) == []


def test_a_name_that_is_no_file_name_is_never_written() -> None:
    with pytest.raises(ValueError, match="file name"):
        emit(replace(rich_plan(), environment="../x"))


# --- consumers


VARIANTS: dict[str, Callable[[], Plan]] = {
    "rich": lambda: replace(rich_plan(), departed=DEPARTED, previews=Previews()),
    "staged": lambda: rich_plan(strategy=Strategy.STAGED),
    "argocd": lambda: replace(rich_plan(delivery=Delivery.ARGOCD), gitops=GitOps("stagecast/shop")),
    "no-builds": lambda: make_plan([Service("cache", "only")]),
    "split": lambda: make_plan([Service(f"s{number}", "all", built=True) for number in range(600)]),
}


def test_the_schema_of_gitlab_takes_every_file(tmp_path: Path, check_jsonschema: Path) -> None:
    paths = []
    for variant, plan in VARIANTS.items():
        for artifact in emit(plan()):
            paths.append(tmp_path / variant / Path(artifact.path).name)
            paths[-1].parent.mkdir(exist_ok=True)
            paths[-1].write_text(artifact.content, encoding="utf-8")
    options = ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"]
    result = subprocess.run(
        [check_jsonschema, *options, *paths], capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_same_plan_gives_the_same_bytes() -> None:
    assert emit(rich_plan()) == emit(rich_plan())
