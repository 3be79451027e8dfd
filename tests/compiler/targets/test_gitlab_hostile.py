"""Hostile texts through every field that the GitLab back end reads: none is expanded, each arrives."""

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
from compiler.targets.gitlab import check, emit
from compiler.targets.gitlab.parent import parent
from compiler.targets.gitlab.pipeline import pipeline

# All that GitLab is meant to expand.
_REQUEST = "$CI_MERGE_REQUEST_IID"
_SOURCE = re.escape(
    '$CI_PIPELINE_SOURCE == "merge_request_event" '
    "&& $CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_MERGE_REQUEST_PROJECT_ID"
)
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
EXPANDED = re.compile(
    rf'\$STAGECAST_ENVIRONMENT|\$STAGECAST_PREVIEW == null|{_SOURCE}|\$CI_PIPELINE_SOURCE == "web"'
    r'( && \$STAGECAST_FORCE == "true")?|\$CI_PIPELINE_SOURCE == "parent_pipeline"'
    r'|\$CI_PIPELINE_SOURCE == "push" && \$CI_COMMIT_BRANCH == \$CI_DEFAULT_BRANCH'
    rf"|({_NAME}-preview[/-])?pr-{re.escape(_REQUEST)}"
)
SCRIPT = re.compile(r"python3 \.stagecast/run\.py (check|build|deploy|lock|remove|teardown)")
DELIVERIES = st.sampled_from([Delivery.HELM, Delivery.ARGOCD])


@given(st.sampled_from(sorted(TEXTS)), PAYLOADS, DELIVERIES)
@example("stage", "$CI_JOB_TOKEN", Delivery.HELM)
@example("service", "$[[ inputs.x ]]", Delivery.HELM)
@example("Plan.spec", "\n!reference [a, b]", Delivery.HELM)
def test_no_value_is_expanded_and_every_value_arrives(group: str, payload: str, delivery: Delivery) -> None:
    plan = poisoned(base_plan(delivery), TEXTS[group], payload)
    if errors(plan, check(plan)):
        return
    files = {artifact.path: artifact.content for artifact in (*ci.emit(plan), *emit(plan))}
    stem = f".gitlab/stagecast/{plan.environment}"
    for path, meant in ((f"{stem}.yml", parent(plan)), (f"{stem}.pipeline.yml", pipeline(plan))):
        # GitLab reads YAML 1.1 (libyaml), people's tools 1.2.
        assert pyyaml.safe_load(files[path]) == YAML(typ="safe").load(files[path]) == meant
        for name, job in meant.items():
            for line in job.get("script", []) if isinstance(job, dict) else []:
                assert SCRIPT.fullmatch(line), name
        for text in texts(meant):
            assert "$" not in text or EXPANDED.fullmatch(text), text
            assert "[[" not in text
    assert arrived(plan, json.loads(files[f".stagecast/{plan.environment}.run.json"]))


@pytest.mark.parametrize("delivery", [Delivery.HELM, Delivery.ARGOCD])
@pytest.mark.parametrize("group", TEXTS)
def test_no_field_refuses_its_ordinary_text(group: str, delivery: Delivery) -> None:
    """Without this, the test above could pass by refusing everything."""
    plan = harmless(base_plan(delivery), group)
    assert errors(plan, check(plan)) == []
