"""Hostile texts through every field that the Argo back end reads: none reaches a place that evaluates it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from argo_plans import known_secrets
from argo_semantics import TAG, WHEN, load, problems, texts
from ci_hostile import PAYLOADS, TEXTS, base_plan, harmless, poisoned
from compiler.plan.model import Delivery, Plan, Strategy
from compiler.plan.tasks import order_tasks
from compiler.targets import ci
from compiler.targets.argo import check, emit, start

OWN = re.compile(
    r"(inputs|workflow)\.parameters\.[a-z]+|workflow\.outputs\.parameters\.(commit|found-[0-9]+)"
)
SHELL = 'trap "exit 0" TERM INT; "$0" "$@" & wait "$!"'


def planned(strategy: Strategy, delivery: Delivery) -> Plan:
    plan = replace(base_plan(delivery), strategy=strategy)
    tasks = order_tasks(strategy, plan.stages, plan.builds, plan.images, plan.workloads)
    return replace(plan, tasks=tasks)


@settings(max_examples=60)
@given(
    st.sampled_from(sorted(TEXTS)),
    PAYLOADS | st.sampled_from(["{{workflow.name}}", "{{=sprig.env('X')}}", "$(GIT_TOKEN)", "{{", "}}"]),
    st.sampled_from(list(Strategy)),
    st.sampled_from(list(Delivery)),
)
@example("service", "{{=sprig.repeat(1000, 'x')}}", Strategy.DAG, Delivery.HELM)
@example("stage", "{{inputs.parameters.tasks}}", Strategy.STAGED, Delivery.HELM)
def test_no_value_is_evaluated(group: str, payload: str, strategy: Strategy, delivery: Delivery) -> None:
    plan: Plan = poisoned(planned(strategy, delivery), TEXTS[group], payload)
    if any(said.severity == "error" for said in (*check(plan), *ci.check(plan))):
        return
    manifests = load(emit(plan))
    assert problems(manifests, known_secrets(plan)) == []
    workflow = manifests["workflow-template"]
    for text in texts(workflow):
        for tag in TAG.findall(text):
            assert OWN.fullmatch(tag) or WHEN.fullmatch(tag), text
        assert "{{" not in TAG.sub("", text), text
    for template in workflow["spec"]["templates"]:
        if "container" in template:
            assert template["container"]["command"] == ["python3", "/stagecast/start.py"]
            assert template["container"]["args"][0] in ("check", "build", "deploy", "lock", "remove")
            for sidecar in template.get("sidecars", []):
                assert sidecar["args"][:2] == ["-c", SHELL]
    script = manifests["scripts"]["data"]
    assert script["start.py"] == Path(start.__file__).read_text(encoding="utf-8")
    assert set(json.loads(script["layout.json"])) == {"slice", "slices", "units"}


@pytest.mark.parametrize("group", TEXTS)
def test_no_field_refuses_its_ordinary_text(group: str) -> None:
    """Without this, the test above could pass by refusing everything."""
    plan = harmless(planned(Strategy.DAG, Delivery.HELM), group)
    assert [said for said in check(plan) if said.severity == "error"] == []
    assert problems(load(emit(plan)), known_secrets(plan)) == []
