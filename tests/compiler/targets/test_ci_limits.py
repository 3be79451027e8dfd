"""What the scripts cannot be given of a plan, whichever back end runs them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from compiler.plan.model import (
    BuildSecret,
    Delivery,
    Departed,
    GitOps,
    Image,
    PathFilter,
    Plan,
    Previews,
    SecretRef,
    ServiceType,
)
from compiler.targets.ci import check, emit
from pipeline_plans import OWN, REMOTE, rich_plan, with_build


def codes(plan: Plan) -> list[tuple[str, str]]:
    return [(limitation.code, limitation.severity) for limitation in check(plan)]


def changed_build(**changes: Any) -> Plan:
    plan = rich_plan()
    return with_build(plan, replace(plan.builds[0], **changes))


def changed_source(**changes: Any) -> Plan:
    return changed_build(source=replace(REMOTE, **changes))


def changed_workload(service: str, **changes: Any) -> Plan:
    plan = rich_plan()
    works = [replace(work, **changes) if work.service == service else work for work in plan.workloads]
    return replace(plan, workloads=tuple(works))


def locking(branch: str) -> Plan:
    return replace(rich_plan(delivery=Delivery.ARGOCD), gitops=GitOps(branch))


REFUSED: dict[str, Callable[[], Plan]] = {
    "environment-name": lambda: replace(rich_plan(), environment="../x"),
    "repository-url": lambda: changed_source(repository="git@example.com:shop.git"),
    "ref": lambda: changed_source(ref="--upload-pack=x"),
    "argument-name": lambda: changed_build(arguments=(("A=B", "c"),)),
    "label-name": lambda: changed_build(labels=(("a=b", "c"),)),
    "secret-id": lambda: changed_build(secrets=(BuildSecret("a,src=/etc/passwd", SecretRef("a", "b")),)),
    "nul": lambda: changed_build(arguments=(("A", "\0"),)),
    "surrogate": lambda: changed_build(arguments=(("A", "\ud800"),)),
    "too-long": lambda: changed_build(arguments=(("A", "x" * 131_072),)),
    "platform": lambda: changed_source(platforms=("linux/amd64,linux/arm64",)),
    "image": lambda: replace(rich_plan(), images=(Image("x", "a,ref=b"),)),
    "terraform": lambda: changed_workload("api", type=ServiceType.TERRAFORM),
    "values-file": lambda: changed_workload("redis", chart=replace(OWN, value_files=("a,b.yaml",))),
    "secret-name": lambda: changed_build(
        secrets=(BuildSecret("a", SecretRef("a-b", "c")), BuildSecret("b", SecretRef("a.b", "c")))
    ),
}


@pytest.mark.parametrize("code", REFUSED)
def test_what_a_tool_would_misread_is_refused(code: str) -> None:
    assert (f"pipeline-{code}", "error") in codes(REFUSED[code]())


@pytest.mark.parametrize("branch", ["main", "master", "--force", "a:b", "+a", "a..b", "a b", "a.lock", ""])
def test_the_branch_of_the_deployed_state_starts_no_pipeline_and_is_a_branch(branch: str) -> None:
    assert codes(locking(branch)) == [("pipeline-gitops-branch", "error")]


def test_the_default_branch_name_is_taken() -> None:
    assert codes(locking("stagecast/shop")) == []


def test_what_leaves_and_where_secrets_come_from_are_handed_to_programs() -> None:
    gone = replace(rich_plan(), departed=(Departed("old", "ol\0d", prune=True),))
    assert codes(gone) == [("pipeline-nul", "error")]
    copied = replace(rich_plan(), previews=Previews("\ud800"))
    assert codes(copied) == [("pipeline-surrogate", "error")]


def test_previews_need_a_pipeline_that_deploys() -> None:
    assert codes(replace(rich_plan(), previews=Previews())) == []
    argocd = replace(locking("stagecast/shop"), previews=Previews())
    assert codes(argocd) == [("pipeline-previews", "warning")]


def test_path_filters_are_not_the_pipelines_business() -> None:
    plan = changed_workload("api", path_filter=PathFilter(match=("web/",)))
    assert codes(plan) == [("pipeline-path-filter", "note")]
    assert emit(plan)


def test_an_ordinary_plan_has_nothing_to_say() -> None:
    assert check(rich_plan()) == []
