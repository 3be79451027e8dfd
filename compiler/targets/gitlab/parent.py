"""The file that a person includes: trigger jobs that start the child pipeline, and the teardown of previews.

One trigger job with a resource group makes one pipeline per environment at a
time of the whole child. It waits for the child and holds the group as long.
"""

from __future__ import annotations

from typing import Any

from compiler.plan.model import Delivery, Plan
from compiler.targets.ci import uses
from compiler.targets.ci.names import data_path

Value = dict[str, Any]

SCRIPT = "python3 .stagecast/run.py"
ENVIRONMENT = "STAGECAST_ENVIRONMENT"
PREVIEW = "STAGECAST_PREVIEW"
FORCE = "STAGECAST_FORCE"
# The global `variables:` of the file that includes ours would win over those of the child pipeline.
_NOTHING_INHERITED = {"variables": False}
TEARDOWN_MIN = 60

_BY_HAND = '$CI_PIPELINE_SOURCE == "web"'
_DEFAULT_BRANCH = '$CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH'
# A merge request from a fork has another source than target project, wherever its pipeline runs.
_OWN_MERGE_REQUEST = (
    '$CI_PIPELINE_SOURCE == "merge_request_event" '
    "&& $CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_MERGE_REQUEST_PROJECT_ID"
)


def parent_path(environment: str) -> str:
    """Where the file to include lies."""
    return f".gitlab/stagecast/{environment}.yml"


def child_path(environment: str) -> str:
    """Where the child pipeline lies."""
    return f".gitlab/stagecast/{environment}.pipeline.yml"


def parent(plan: Plan) -> Value:
    """The jobs of the file to include. `plan.environment` must be a safe name (`names.is_environment`)."""
    name = plan.environment
    jobs = {f"stagecast {name}": _trigger_job(plan)}
    if uses.previews(plan):
        jobs[f"stagecast {name} preview"] = _preview_job(name)
        jobs[_teardown_name(name)] = _teardown_job(name)
    return jobs


def _trigger_job(plan: Plan) -> Value:
    name = plan.environment
    rules = [
        {"if": f'{_BY_HAND} && ${FORCE} == "true"', "variables": {FORCE: "true"}},
        {"if": _BY_HAND},
        {"if": _DEFAULT_BRANCH},
    ]
    # Only who deploys has a deployment to show, and outdated ones to refuse.
    shown = {"environment": {"name": name}} if plan.delivery is Delivery.HELM else {}
    return {**_trigger(name), "resource_group": name, **shown, "rules": rules}


def _preview_job(name: str) -> Value:
    shown = _preview_environment(name)
    return {
        **_trigger(name),
        "resource_group": _preview_group(name),
        "environment": {"name": shown, "on_stop": _teardown_name(name)},
        "variables": {PREVIEW: _preview_number(), ENVIRONMENT: shown},
        "rules": [{"if": _OWN_MERGE_REQUEST}],
    }


def _teardown_job(name: str) -> Value:
    """What GitLab runs when the merge request is closed or merged, or its environment is stopped by hand.

    `needs: []`: the jobs of the pipeline before it may have failed.
    """
    return {
        "stage": "deploy",
        "needs": [],
        "interruptible": False,
        "timeout": f"{TEARDOWN_MIN} minutes",
        "resource_group": _preview_group(name),
        "environment": {"name": _preview_environment(name), "action": "stop"},
        "inherit": _NOTHING_INHERITED,
        "variables": {
            "GIT_STRATEGY": "fetch",
            "GIT_DEPTH": "1",
            "STAGECAST_DATA": data_path(name),
            PREVIEW: _preview_number(),
        },
        "rules": [{"if": _OWN_MERGE_REQUEST, "when": "manual", "allow_failure": True}],
        "script": [f"{SCRIPT} teardown"],
    }


def _trigger(name: str) -> Value:
    return {
        "stage": "deploy",
        "interruptible": False,
        "inherit": _NOTHING_INHERITED,
        "trigger": {"include": [{"local": child_path(name)}], "strategy": "depend"},
    }


def _teardown_name(name: str) -> str:
    return f"stagecast {name} preview teardown"


def _preview_environment(name: str) -> str:
    """The GitLab environment of a preview: `NAME-preview/*` is the scope of its variables."""
    return f"{name}-preview/{_preview_number()}"


def _preview_group(name: str) -> str:
    return f"{name}-preview-{_preview_number()}"


def _preview_number() -> str:
    return "pr-$CI_MERGE_REQUEST_IID"
