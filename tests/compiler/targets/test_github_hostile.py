"""Hostile texts through every field that the GitHub back end reads: none is evaluated, each arrives."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from dataclasses import replace
from enum import Enum
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from compiler.targets.github import check
from pipeline_plans import github_outputs, rich_plan

# Every text of a plan that this back end reads; a change goes through all places that refer to each other.
TEXTS: dict[str, tuple[str, ...]] = {
    "service": (
        "Stage.services", "Build.services", "Workload.service", "Workload.depends_on", "Task.services"
    ),
    "stage": ("Stage.name", "Workload.stage", "Task.stage"),
    "task": ("Build.id", "Image.build", "Image.mirror", "Task.id", "Task.needs"),
    "image": ("Build.image", "Image.id", "Workload.image"),
    **{
        path: (path,)
        for path in (
            "Plan.environment", "Plan.spec", "Target.namespace", "Target.context", "Workload.release",
            "Source.repository", "Source.ref", "Source.context", "Source.dockerfile", "Source.target",
            "Source.platforms", "Build.arguments", "Build.labels", "BuildSecret.id", "SecretRef.name",
            "SecretRef.key", "Image.repository", "Image.origin", "Image.tag", "Image.digest",
            "Image.credentials", "Chart.repository", "Chart.name",
            "Chart.version", "Chart.set_values", "Chart.value_files",
            "Chart.arguments",
        )
    },
}  # fmt: skip


def poisoned(value: Any, fields: tuple[str, ...], payload: str, here: str = "") -> Any:
    """The value with `payload` at the end of every text in one of the fields, but "." stays local."""
    if isinstance(value, str) and not isinstance(value, Enum):
        return value + payload if here in fields and value != "." else value
    if isinstance(value, tuple):
        return tuple(poisoned(item, fields, payload, here) for item in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changes = {
            field.name: poisoned(
                getattr(value, field.name), fields, payload, f"{type(value).__name__}.{field.name}"
            )
            for field in dataclasses.fields(value)
        }
        return replace(value, **changes)
    return value


EXPRESSION = re.compile(
    r"secrets\.[A-Z0-9_]+( != '')?|matrix\.build|steps\.check\.outputs\.[a-z0-9_]+"
    r"|needs\.check\.outputs\.(commits|tags_\d+)|fromJSON\(needs\.check\.outputs\.matrix_\d+\)"
    r"|fromJSON\('\[\"[A-Za-z0-9 ._/\",-]*\"\]'\)\[matrix\.build\]"
    r"|github\.event_name != 'push' \|\| github\.ref_name == github\.event\.repository\.default_branch"
    r"|!cancelled\(\)( && \(?needs\.\w+\.result == 'success'( \|\| needs\.\w+\.result == 'skipped'\))?)+"
    r"( && needs\.check\.outputs\.matrix_\d+ != '\[\]')?"
)


def texts(value: Any) -> Iterator[str]:
    """All keys and values of a loaded document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from texts(key)
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


PAYLOADS = st.one_of(
    st.sampled_from(
        ["${{ github.token }}", "{{ .Values.x }}", "$(id)", "`id`", "'", '"', "\n", "\r\n  run: id", "on",
         "1e3", "0o7", "\x00", "\x1b[0m", "\u2028", "\ufeff", "'}}'[0] }}", "#", ": ", "--x",
         "::error::x", "\ud800", "x" * 140_000]
    ),
    st.text(max_size=20),
)  # fmt: skip


@given(st.sampled_from(sorted(TEXTS)), PAYLOADS)
@example("stage", "'] || github.token }}${{ github.token }}")
def test_no_value_is_evaluated_and_every_value_arrives(group: str, payload: str) -> None:
    plan = poisoned(rich_plan(), TEXTS[group], payload)
    if any(limitation.severity == "error" for limitation in check(plan)):
        return
    workflow, data = github_outputs(plan)
    scripts = {step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step}
    assert scripts == {
        f"python3 .github/stagecast/run.py {command}" for command in ("check", "build", "deploy")
    }
    for text in texts(workflow):
        for part in text.split("${{")[1:]:
            inside, closed, _ = part.partition("}}")
            assert closed, text
            assert EXPRESSION.fullmatch(inside.strip()), text
    web = plan.builds[0]
    assert data["namespace"] == plan.target.namespace
    assert data["context"] == plan.target.context
    assert data["builds"][0]["arguments"] == [list(pair) for pair in web.arguments]
    assert data["builds"][0]["labels"] == [list(pair) for pair in web.labels]
    assert data["builds"][0]["target"] == web.source.target
    assert data["builds"][0]["context"] == web.source.context
    assert data["sources"][0]["repository"] == web.source.repository
    assert data["sources"][0]["ref"] == web.source.ref
    releases = [t["release"] for stage in data["stages"] for t in stage["tasks"] if t["release"]]
    assert {release["name"] for release in releases} == {work.release for work in plan.workloads}


@pytest.mark.parametrize("group", TEXTS)
def test_no_field_refuses_its_ordinary_text(group: str) -> None:
    """Without this, the test above could pass by refusing everything."""
    harmless = "0" * 64 if group == "Image.digest" else "x"
    plan = rich_plan()
    if group == "Image.digest":
        plan = replace(plan, images=tuple(replace(i, digest=i.digest and "sha256:") for i in plan.images))
    assert [limitation for limitation in check(poisoned(plan, TEXTS[group], harmless))
            if limitation.severity == "error"] == []  # fmt: skip
