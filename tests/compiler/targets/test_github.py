"""The GitHub back end: what it refuses, what it says, and that its consumers take what it writes."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.plan.model import (
    BuildCache,
    BuildSecret,
    Delivery,
    Image,
    PathFilter,
    Plan,
    Resources,
    SecretRef,
    ServiceType,
    Strategy,
)
from compiler.targets.github import check, emit
from compiler.targets.github.document import without_tag_beside_digest
from pipeline_plans import (
    CPU,
    FROM_GIT,
    GB,
    OWN,
    REMOTE,
    Service,
    build,
    github_outputs,
    make_plan,
    rich_plan,
    with_build,
)


def codes(plan: Plan) -> list[tuple[str, str]]:
    return [(limitation.code, limitation.severity) for limitation in check(plan)]


# --- the workflow


def test_the_jobs_of_a_build_first_plan_form_a_chain() -> None:
    jobs = github_outputs(rich_plan())[0]["jobs"]
    assert {name: job.get("needs") for name, job in jobs.items()} == {
        "check": None,
        "build_1": ["check"],
        "deploy_1": ["check", "build_1"],
        "deploy_2": ["check", "deploy_1"],
        "deploy_3": ["check", "deploy_2"],
    }


def test_the_jobs_of_a_staged_plan_alternate() -> None:
    services = [Service("a", "one", built=True), Service("b", "two", built=True)]
    jobs = github_outputs(make_plan(services, strategy=Strategy.STAGED))[0]["jobs"]
    assert list(jobs) == ["check", "build_1", "deploy_1", "build_2", "deploy_2"]
    assert jobs["build_2"]["needs"] == ["check", "deploy_1"]
    assert jobs["deploy_2"]["needs"] == ["check", "deploy_1", "build_2"]


@pytest.mark.parametrize("delivery", [Delivery.ARGOCD, Delivery.NONE])
def test_nothing_is_deployed_when_somebody_else_delivers(delivery: Delivery) -> None:
    workflow, data = github_outputs(rich_plan(delivery=delivery))
    assert list(workflow["jobs"]) == ["check", "build_1", "mirror"]
    assert workflow["jobs"]["mirror"]["needs"] == ["check", "build_1"]
    assert [task["release"] for stage in data["stages"] for task in stage["tasks"]] == [None]
    assert "KUBE_CONFIG" not in json.dumps([workflow, data])


def test_every_job_has_the_least_rights_and_only_its_own_secrets() -> None:
    workflow, _ = github_outputs(rich_plan())
    assert workflow["permissions"] == {}
    assert workflow["concurrency"] == {"group": "stagecast-shop", "cancel-in-progress": False}
    registry = {"REGISTRY_USERNAME", "REGISTRY_PASSWORD"}
    hub, npm, git = "SECRET_HUB__DOCKERCONFIGJSON", "SECRET_NPM_REGISTRY__TOKEN", "SECRET_GIT__TOKEN"
    expected = {
        "check": {*registry, git},
        "build_1": {*registry, git, npm},
        "deploy_1": {*registry, "KUBE_CONFIG", hub},
        "deploy_2": {*registry, "KUBE_CONFIG", hub},
        "deploy_3": {*registry, "KUBE_CONFIG", hub},
    }
    for name, job in workflow["jobs"].items():
        assert job["permissions"] == {"contents": "read"}
        environment = job["steps"][1]["env"]
        given_ = {key for key, value in environment.items() if value == f"${{{{ secrets.{key} }}}}"}
        assert given_ == expected[name], name
        assert job["steps"][0]["with"]["persist-credentials"] is False
    announced = {key for key in workflow["jobs"]["check"]["steps"][1]["env"] if key.startswith("HAVE_")}
    assert announced == {"HAVE_KUBE_CONFIG", f"HAVE_{hub}", f"HAVE_{npm}"}


def test_a_release_is_rolled_back_unless_it_keeps_data_or_is_not_ours() -> None:
    _, data = github_outputs(rich_plan())
    releases = {
        t["release"]["name"]: t["release"] for s in data["stages"] for t in s["tasks"] if t["release"]
    }
    assert {name: release["rollback"] for name, release in releases.items()} == {
        "postgres": False,
        "web": True,
        "api": True,
        "redis": False,
        "tools": False,
    }
    assert releases["redis"]["chart"] == {
        "name": "redis", "repository": "https://charts.example.com", "version": "1.2.3", "source": None
    }  # fmt: skip
    assert releases["redis"]["values"] == ["redis.yaml", "helm/values/shop/redis.yaml"]
    assert releases["tools"]["chart"]["name"] == "charts/web"
    assert data["sources"][releases["tools"]["chart"]["source"]]["repository"] == FROM_GIT.source.repository  # type: ignore[union-attr]


def test_dependencies_across_stages_are_left_to_the_jobs() -> None:
    _, data = github_outputs(rich_plan())
    needs = {task["id"]: task["needs"] for stage in data["stages"] for task in stage["tasks"]}
    assert needs["deploy:web"] == []
    assert needs["deploy:tools"] == ["deploy:redis"]
    assert needs["deploy:postgres"] == ["mirror:postgres"]


def test_a_shared_task_of_no_stage_belongs_to_the_earliest_stage() -> None:
    plan = make_plan([Service("a", "one", built=True), Service("b", "two"), Service("c", "three")])
    tasks = [
        replace(task, stage=None, services=("c", "b")) if task.id == "mirror:b" else task
        for task in plan.tasks
    ]
    _, data = github_outputs(replace(plan, tasks=tuple(tasks)))
    assert [[task["id"] for task in stage["tasks"]] for stage in data["stages"]][1] == [
        "mirror:b",
        "deploy:b",
    ]


def test_an_image_is_copied_by_digest_and_kept_by_a_tag() -> None:
    _, data = github_outputs(rich_plan())
    [copy] = [task["mirror"] for stage in data["stages"] for task in stage["tasks"] if task["mirror"]]
    assert copy["destination"] == "registry.example.com/shop/postgres:1.2"
    assert copy["present"] == "registry.example.com/shop/postgres@sha256:" + "a" * 64
    reference = "localhost:5000/a/b:1@sha256:00"
    assert without_tag_beside_digest(reference) == "localhost:5000/a/b@sha256:00"
    assert without_tag_beside_digest("localhost:5000/a/b:1") == "localhost:5000/a/b:1"


# --- caps


def test_more_builds_than_a_matrix_takes_become_several_matrices_one_after_another() -> None:
    plan = make_plan([Service(f"s{number:03}", "all", built=True) for number in range(600)])
    workflow, data = github_outputs(plan)
    assert [len(group) for group in data["groups"]] == [256, 256, 88]
    assert sorted(index for group in data["groups"] for index in group) == list(range(600))
    assert workflow["jobs"]["build_2"]["needs"] == ["check", "build_1"]
    assert workflow["jobs"]["build_3"]["needs"] == ["check", "build_1", "build_2"]
    assert workflow["jobs"]["deploy_1"]["needs"] == ["check", "build_1", "build_2", "build_3"]
    assert codes(plan) == [("github-matrix-split", "note")]
    # https://docs.github.com/en/actions/reference/limits: no expression above 21,000 characters.
    assert all(len(job["name"]) < 21_000 for job in workflow["jobs"].values())


def sized(sizes: list[tuple[int, int]], slots: int) -> Plan:
    services = [Service(f"s{number}", "all", built=True) for number in range(len(sizes))]
    made = {
        service.name: build(service.name, resources=Resources(cpu, memory))
        for service, (cpu, memory) in zip(services, sizes, strict=True)
    }
    return make_plan(services, slots=slots, builds=made)


@given(
    st.lists(st.tuples(st.integers(1, 7), st.integers(1, 7)), min_size=1, max_size=12),
    st.integers(1, 7),
)
def test_the_slots_of_a_matrix_never_ask_for_more_than_the_pool(
    sizes: list[tuple[int, int]], slots: int
) -> None:
    plan = sized([(cpu * CPU, memory * 4 * GB) for cpu, memory in sizes], slots)
    at_once = github_outputs(plan)[0]["jobs"]["build_1"]["strategy"]["max-parallel"]
    for part in (0, 1):
        largest = sorted((size[part] for size in sizes), reverse=True)
        assert sum(largest[:at_once]) <= 7
    assert at_once <= slots
    wanted = min(slots, len(sizes))
    assert (("github-build-slots", "note") in codes(plan)) == (at_once < wanted)
    # One more would not always fit: the cap is not lower than it must be.
    if at_once < wanted:
        assert any(sum(sorted((s[part] for s in sizes), reverse=True)[: at_once + 1]) > 7 for part in (0, 1))


def test_seven_builds_of_the_default_size_fill_the_default_pool() -> None:
    plan = sized([(CPU, 4 * GB)] * 9, slots=7)
    assert github_outputs(plan)[0]["jobs"]["build_1"]["strategy"]["max-parallel"] == 7
    assert codes(plan) == []


# --- what is refused


def changed_build(**changes: Any) -> Plan:
    plan = rich_plan()
    return with_build(plan, replace(plan.builds[0], **changes))


def changed_source(**changes: Any) -> Plan:
    return changed_build(source=replace(REMOTE, **changes))


def changed_workload(service: str, **changes: Any) -> Plan:
    plan = rich_plan()
    works = [replace(work, **changes) if work.service == service else work for work in plan.workloads]
    return replace(plan, workloads=tuple(works))


REFUSED: dict[str, Callable[[], Plan]] = {
    "github-dag": lambda: rich_plan(strategy=Strategy.DAG),
    "github-environment-name": lambda: replace(rich_plan(), environment="../x"),
    "github-repository-url": lambda: changed_source(repository="git@example.com:shop.git"),
    "github-ref": lambda: changed_source(ref="--upload-pack=x"),
    "github-argument-name": lambda: changed_build(arguments=(("A=B", "c"),)),
    "github-label-name": lambda: changed_build(labels=(("a=b", "c"),)),
    "github-secret-id": lambda: changed_build(
        secrets=(BuildSecret("a,src=/etc/passwd", SecretRef("a", "b")),)
    ),
    "github-nul": lambda: changed_build(arguments=(("A", "\0"),)),
    "github-surrogate": lambda: changed_build(arguments=(("A", "\ud800"),)),
    "github-too-long": lambda: changed_build(arguments=(("A", "x" * 131_072),)),
    "github-platform": lambda: changed_source(platforms=("linux/amd64,linux/arm64",)),
    "github-image": lambda: replace(rich_plan(), images=(Image("x", "a,ref=b"),)),
    "github-terraform": lambda: changed_workload("api", type=ServiceType.TERRAFORM),
    "github-values-file": lambda: changed_workload("redis", chart=replace(OWN, value_files=("a,b.yaml",))),
    "github-secret-name": lambda: changed_build(
        secrets=(BuildSecret("a", SecretRef("a-b", "c")), BuildSecret("b", SecretRef("a.b", "c")))
    ),
}


@pytest.mark.parametrize("code", REFUSED)
def test_what_the_workflow_cannot_carry_is_refused(code: str) -> None:
    assert (code, "error") in codes(REFUSED[code]())


SAID: dict[str, tuple[str, Callable[[], Plan]]] = {
    "github-argocd": ("warning", lambda: rich_plan(delivery=Delivery.ARGOCD)),
    "github-persistent-cache": ("warning", lambda: changed_build(cache=BuildCache.PERSISTENT)),
    "github-platform": ("warning", lambda: changed_source(platforms=("linux/arm64",))),
    "github-job-timeout": ("warning", lambda: changed_build(timeout_s=7 * 3600)),
    "github-path-filter": ("note", lambda: changed_workload("api", path_filter=PathFilter(match=("web/",)))),
}


@pytest.mark.parametrize("code", SAID)
def test_what_is_worth_knowing_is_said_and_the_workflow_still_written(code: str) -> None:
    severity, plan = SAID[code]
    assert codes(plan()) == [(code, severity)]
    assert emit(plan())


def test_an_ordinary_plan_has_nothing_to_say() -> None:
    assert check(rich_plan()) == []


def test_a_name_that_is_no_file_name_is_never_written() -> None:
    with pytest.raises(ValueError, match="file name"):
        emit(replace(rich_plan(), environment="../x"))


# --- consumers


VARIANTS: dict[str, Callable[[], Plan]] = {
    "rich": rich_plan,
    "staged": lambda: rich_plan(strategy=Strategy.STAGED),
    "argocd": lambda: rich_plan(delivery=Delivery.ARGOCD),
    "no-builds": lambda: make_plan([Service("cache", "only")]),
    "split": lambda: make_plan([Service(f"s{number}", "all", built=True) for number in range(257)]),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_linters_find_nothing(
    variant: str, tmp_path: Path, actionlint: Path, check_jsonschema: Path
) -> None:
    [workflow] = [artifact for artifact in emit(VARIANTS[variant]()) if artifact.path.endswith(".yml")]
    path = tmp_path / "workflow.yml"
    path.write_text(workflow.content, encoding="utf-8")
    commands: tuple[list[str | Path], ...] = (
        [actionlint, "-no-color", path],
        [check_jsonschema, "--builtin-schema", "vendor.github-workflows", path],
    )
    for command in commands:
        result = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert result.returncode == 0, result.stdout + result.stderr


def test_the_scripts_are_the_same_for_every_plan_and_import_nothing_else() -> None:
    scripts = {a.path: a.content for a in emit(rich_plan()) if a.path.endswith(".py")}
    assert scripts == {a.path: a.content for a in emit(VARIANTS["no-builds"]()) if a.path.endswith(".py")}
    assert ".github/stagecast/run.py" in scripts
    for path, text in scripts.items():
        assert "compiler" not in re.findall(r"^\s*(?:from|import)\s+(\w+)", text, re.MULTILINE), path


def test_the_same_plan_gives_the_same_bytes() -> None:
    assert emit(rich_plan()) == emit(rich_plan())
