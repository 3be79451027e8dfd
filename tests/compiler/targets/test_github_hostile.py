"""Hostile texts through every field that the GitHub back end reads: none is evaluated, each arrives."""

from __future__ import annotations

import json
import re

import pytest
import yaml as pyyaml
from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from ci_hostile import PAYLOADS, TEXTS, arrived, base_plan, errors, harmless, poisoned, texts
from compiler.plan.model import Delivery
from compiler.targets import ci
from compiler.targets.github import check, emit

_NUMBER = r"github\.event\.pull_request\.number \|\| inputs\.pull_request"
_OWN = r"github\.event\.pull_request\.head\.repo\.full_name == github\.repository"
_NAMED = r"matrix\.build == \d+ && '[A-Za-z0-9 ._/-]{1,48}'"
EXPRESSION = re.compile(
    r"secrets\.[A-Z0-9_]+( != '')?|matrix\.build|steps\.check\.outputs\.[a-z0-9_]+"
    r"|needs\.check\.outputs\.(commits|tags_\d+)|fromJSON\(needs\.check\.outputs\.matrix_\d+\)"
    rf"|{_NAMED}( \|\| {_NAMED})*|github\.token|inputs\.force|{_NUMBER}"
    r"|github\.event_name != 'push' \|\| github\.ref_name == github\.event\.repository\.default_branch"
    rf"|github\.event_name == 'pull_request' && github\.event\.action != 'closed' && {_OWN}"
    rf"|github\.event_name == 'workflow_dispatch' \|\| \(github\.event\.action == 'closed' && {_OWN}\)"
    r"|!cancelled\(\)( && \(?needs\.\w+\.result == 'success'( \|\| needs\.\w+\.result == 'skipped'\))?)+"
    r"( && needs\.check\.outputs\.matrix_\d+ != '\[\]')?"
)
COMMANDS = {"check", "build", "deploy", "lock", "remove", "teardown"}
DELIVERIES = st.sampled_from([Delivery.HELM, Delivery.ARGOCD])


@given(st.sampled_from(sorted(TEXTS)), PAYLOADS, DELIVERIES)
@example("stage", "'] || github.token }}${{ github.token }}", Delivery.HELM)
@example("service", "' || github.token || '", Delivery.HELM)
def test_no_value_is_evaluated_and_every_value_arrives(group: str, payload: str, delivery: Delivery) -> None:
    plan = poisoned(base_plan(delivery), TEXTS[group], payload)
    if errors(plan, check(plan)):
        return
    files = {artifact.path: artifact.content for artifact in (*ci.emit(plan), *emit(plan))}
    for path, content in files.items():
        if not path.endswith(".yml"):
            continue
        workflow = YAML(typ="safe").load(content)
        assert {str(key): value for key, value in pyyaml.safe_load(content).items()} == workflow
        for job in workflow["jobs"].values():
            [checkout, step] = job["steps"]
            assert set(checkout) == {"name", "uses", "with"}
            command = step["run"].removeprefix("python3 .stagecast/run.py ")
            assert command in COMMANDS
        for text in texts(workflow):
            for part in text.split("${{")[1:]:
                inside, closed, _ = part.partition("}}")
                assert closed, text
                assert EXPRESSION.fullmatch(inside.strip()), text
    assert arrived(plan, json.loads(files[f".stagecast/{plan.environment}.run.json"]))


@pytest.mark.parametrize("delivery", [Delivery.HELM, Delivery.ARGOCD])
@pytest.mark.parametrize("group", TEXTS)
def test_no_field_refuses_its_ordinary_text(group: str, delivery: Delivery) -> None:
    """Without this, the test above could pass by refusing everything."""
    plan = harmless(base_plan(delivery), group)
    assert errors(plan, check(plan)) == []
