"""The GitHub back end: what it refuses, what it says, and that its consumers take what it writes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

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
from compiler.targets.ci.document import without_tag_beside_digest
from compiler.targets.ci.jobs import rollouts
from compiler.targets.ci.uses import all_secrets
from compiler.targets.github import check, emit
from compiler.targets.pipeline import contract
from pipeline_plans import (
    CPU,
    FROM_GIT,
    GB,
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
    gitops = GitOps("stagecast/shop") if delivery is Delivery.ARGOCD else None
    gone = (Departed("old", "old", prune=True),)
    plan = replace(rich_plan(delivery=delivery), gitops=gitops, previews=Previews(), departed=gone)
    workflow, data = github_outputs(plan)
    assert list(workflow["jobs"]) == ["check", "build_1", "mirror", *(["lock"] if gitops else [])]
    assert workflow["jobs"]["mirror"]["needs"] == ["check", "build_1"]
    assert [task["release"] for stage in data["stages"] for task in stage["tasks"]] == [None]
    assert "KUBE_CONFIG" not in json.dumps([workflow, data])
    assert len(emit(plan)) == 1


def test_only_the_lock_may_write_to_the_repository() -> None:
    plan = replace(rich_plan(delivery=Delivery.ARGOCD), gitops=GitOps("stagecast/shop"))
    jobs = github_outputs(plan)[0]["jobs"]
    rights = {name: job["permissions"] for name, job in jobs.items()}
    assert rights.pop("lock") == {"contents": "write"}
    assert all(right == {"contents": "read"} for right in rights.values())
    environment = jobs["lock"]["steps"][1]["env"]
    assert environment["STAGECAST_PUSH_TOKEN"] == "${{ github.token }}"
    assert "STAGECAST_PUSH_TOKEN" not in json.dumps([job for name, job in jobs.items() if name != "lock"])
    assert environment["STAGECAST_TAGS_1"] == "${{ needs.check.outputs.tags_1 }}"
    assert jobs["lock"]["needs"] == ["check", "mirror"]


def test_a_departed_service_is_removed_last_and_only_with_prune() -> None:
    plan = replace(rich_plan(), departed=(Departed("old", "old", prune=True),))
    remove = github_outputs(plan)[0]["jobs"]["remove"]
    assert remove["needs"] == ["check", "deploy_3"]
    assert "needs.deploy_3.result == 'success'" in remove["if"]
    assert remove["steps"][1]["env"]["KUBE_CONFIG"] == "${{ secrets.KUBE_CONFIG }}"
    kept = replace(rich_plan(), departed=(Departed("old", "old"),))
    assert "remove" not in github_outputs(kept)[0]["jobs"]


def test_force_is_handed_over_through_the_environment_only() -> None:
    workflow, _ = github_outputs(rich_plan())
    [force] = workflow["on"]["workflow_dispatch"]["inputs"].values()
    assert (force["type"], force["default"]) == ("boolean", False)
    for job in workflow["jobs"].values():
        assert job["steps"][1]["env"]["STAGECAST_FORCE"] == "${{ inputs.force }}"
        assert "inputs" not in job["steps"][1]["run"]


# --- previews


def preview() -> dict[str, Any]:
    plan = replace(rich_plan(), previews=Previews("x"), departed=(Departed("old", "old", prune=True),))
    [content] = [a.content for a in emit(plan) if a.path.endswith("-preview.yml")]
    workflow: dict[str, Any] = YAML(typ="safe").load(content)
    return workflow


def test_a_preview_is_for_pull_requests_of_the_same_repository() -> None:
    workflow = preview()
    assert set(workflow["on"]) == {"pull_request", "workflow_dispatch"}
    own = "github.event.pull_request.head.repo.full_name == github.repository"
    jobs = workflow["jobs"]
    # All others need the check.
    assert own in jobs["check"]["if"]
    assert f"github.event.action == 'closed' && {own}" in jobs["teardown"]["if"]
    others = {name: job for name, job in jobs.items() if name not in ("check", "teardown")}
    assert list(others) == ["build_1", "deploy_1", "deploy_2", "deploy_3"]
    for job in others.values():
        assert "check" in job["needs"]
        assert "needs.check.result == 'success'" in job["if"]


def test_a_preview_is_apart_from_the_environment_and_from_other_previews() -> None:
    workflow = preview()
    number = "${{ github.event.pull_request.number || inputs.pull_request }}"
    assert workflow["permissions"] == {}
    assert workflow["concurrency"] == {
        "group": f"stagecast-shop-preview-{number}",
        "cancel-in-progress": False,
    }
    for job in workflow["jobs"].values():
        assert job["environment"] == "shop-preview"
        assert job["permissions"] == {"contents": "read"}
        assert job["steps"][1]["env"]["STAGECAST_PREVIEW"] == f"pr-{number}"
    teardown = workflow["jobs"]["teardown"]["steps"][1]
    assert teardown["run"] == "python3 .stagecast/run.py teardown"
    assert set(teardown["env"]) == {"STAGECAST_DATA", "STAGECAST_PREVIEW", "KUBE_CONFIG"}


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
    long_names = make_plan([Service(f"s{number:03}" * 20, "all", built=True) for number in range(256)])
    # https://docs.github.com/en/actions/reference/limits: no expression above 21,000 characters.
    name = github_outputs(long_names)[0]["jobs"]["build_1"]["name"]
    assert name.count("matrix.build == ") == 256
    assert len(name) < 21_000


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


SAID: dict[str, tuple[str, Callable[[], Plan]]] = {
    "github-dag": ("error", lambda: rich_plan(strategy=Strategy.DAG)),
    "github-environment-name": ("error", lambda: replace(rich_plan(), environment="shop-preview")),
    "github-persistent-cache": ("warning", lambda: changed_build(cache=BuildCache.PERSISTENT)),
    "github-platform": ("warning", lambda: changed_source(platforms=("linux/arm64",))),
    "github-job-timeout": ("warning", lambda: changed_build(timeout_s=7 * 3600)),
}


@pytest.mark.parametrize("code", SAID)
def test_what_the_workflow_cannot_express_is_said(code: str) -> None:
    severity, plan = SAID[code]
    assert codes(plan()) == [(code, severity)]


def test_more_tags_than_a_job_can_hand_over_are_refused() -> None:
    def built(count: int) -> Plan:
        return make_plan([Service(f"s{number}", "all", built=True) for number in range(count)])

    assert ("github-outputs", "error") not in codes(built(8000))
    assert ("github-outputs", "error") in codes(built(10_000))


def test_an_ordinary_plan_has_nothing_to_say() -> None:
    assert check(rich_plan()) == []


def test_a_name_that_is_no_file_name_is_never_written() -> None:
    with pytest.raises(ValueError, match="file name"):
        emit(replace(rich_plan(), environment="../x"))


# --- consumers


VARIANTS: dict[str, Callable[[], Plan]] = {
    "rich": lambda: replace(
        rich_plan(), previews=Previews("x"), departed=(Departed("old", "old", prune=True),)
    ),
    "staged": lambda: rich_plan(strategy=Strategy.STAGED),
    "argocd": lambda: replace(rich_plan(delivery=Delivery.ARGOCD), gitops=GitOps("stagecast/shop")),
    "no-builds": lambda: make_plan([Service("cache", "only")]),
    "split": lambda: make_plan([Service(f"s{number}", "all", built=True) for number in range(257)]),
}


@pytest.fixture(scope="module")
def workflows(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The workflows of all variants, as they lie in a repository."""
    folder = tmp_path_factory.mktemp("repository") / ".github" / "workflows"
    folder.mkdir(parents=True)
    found = []
    for variant, plan in VARIANTS.items():
        for artifact in emit(replace(plan(), environment=variant)):
            found.append(folder / Path(artifact.path).name)
            found[-1].write_text(artifact.content, encoding="utf-8")
    return found


def verdict(*command: str | Path) -> tuple[int, str]:
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return result.returncode, result.stdout + result.stderr


def test_actionlint_and_the_schema_find_nothing(
    workflows: list[Path], actionlint: Path, check_jsonschema: Path
) -> None:
    assert verdict(actionlint, "-no-color", *workflows) == (0, "")
    code, said = verdict(check_jsonschema, "--builtin-schema", "vendor.github-workflows", *workflows)
    assert code == 0, said


def test_the_auditor_has_one_remark(workflows: list[Path], zizmor: Path) -> None:
    """It wants a comment beside the lock's right to write, which the file's description is."""
    _, said = verdict(zizmor, "--offline", "--persona=auditor", "--format=json", "--quiet", *workflows)
    findings = json.loads(said[said.index("[") :])
    places = [place["symbolic"] for finding in findings for place in finding["locations"]]
    routes = [[step["Key"] for step in p["route"]["route"]] for p in places if p["kind"] == "Primary"]
    assert [finding["ident"] for finding in findings] == ["undocumented-permissions"]
    assert routes == [["jobs", "lock", "permissions", "contents"]]


def test_the_secrets_of_the_jobs_are_those_of_the_data_file() -> None:
    plan = rich_plan()
    _, data = github_outputs(plan)
    names = [secret["name"] for secret in data["secrets"] if secret["name"] != contract.PUSH_TOKEN]
    assert names == all_secrets(plan, rollouts(plan))


def test_the_same_plan_gives_the_same_bytes() -> None:
    assert emit(rich_plan()) == emit(rich_plan())
