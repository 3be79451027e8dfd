"""The WorkflowTemplate: phases one after another, in each a graph of units, and what they all share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from compiler.plan.model import Delivery, Plan
from compiler.targets.argo import names
from compiler.targets.argo.pods import (
    MARGIN_S,
    Template,
    assign,
    check_template,
    closing_template,
    unit_template,
)
from compiler.targets.argo.units import Phase, Unit
from compiler.targets.pipeline import contract

Value = dict[str, Any]

API = "argoproj.io/v1alpha1"
# A tag, as no digest can be known without asking a registry: pass one with `-p buildkit=`.
BUILDKIT = "moby/buildkit:v0.32.2-rootless"
MANAGED_BY = "app.kubernetes.io/managed-by"
DAY_S = 24 * 3600

# What may stand in a manifest of a repository's address: nothing that Argo or Kubernetes evaluates.
_URL = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9._~:/+-]{0,500}")


def workflow_template(plan: Plan, document: contract.Document, found: Sequence[Phase]) -> Value:
    """The WorkflowTemplate of a plan with these phases.

    `plan.environment` must be a safe name (`names.is_name`).
    """
    own = names.base(plan.environment)
    return {
        "apiVersion": API,
        "kind": "WorkflowTemplate",
        "metadata": {"name": own, "namespace": own, "labels": labels()},
        "spec": {
            "entrypoint": "main",
            "arguments": {"parameters": _parameters(plan)},
            "synchronization": {"mutexes": [{"name": own}]},
            "serviceAccountName": names.runner_account(plan.environment),
            "automountServiceAccountToken": False,
            "executor": {"serviceAccountName": names.executor_account(plan.environment)},
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 1000,
                "runAsGroup": 1000,
                "fsGroup": 1000,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "podMetadata": {"labels": labels()},
            # More than there are pods: a drained node waits for them.
            "podDisruptionBudget": {"minAvailable": 9999},
            "podGC": {"strategy": "OnWorkflowSuccess"},
            "ttlStrategy": {"secondsAfterSuccess": DAY_S, "secondsAfterFailure": 7 * DAY_S},
            "volumes": [
                {"name": "work", "emptyDir": {}},
                {"name": "stagecast", "configMap": {"name": own}},
            ],
            "templates": _templates(plan, document, found),
        },
    }


def labels() -> dict[str, str]:
    """The labels of everything that is ours."""
    return {MANAGED_BY: "stagecast"}


def _parameters(plan: Plan) -> list[Value]:
    said = "" if plan.gitops is None else plan.gitops.repository or ""
    known = {"value": said} if _URL.fullmatch(said) else {}
    return [
        {"name": "repository", "description": "the repository that holds this output", **known},
        {"name": "revision", "description": "a branch, a tag or a commit of it", "value": "HEAD"},
        {"name": "runner", "description": "the image with python3, git, skopeo, helm, kubectl and buildctl"},
        {"name": "buildkit", "description": "rootless BuildKit, best by digest", "value": BUILDKIT},
        {"name": "force", "description": "true: also what is unchanged", "value": "false"},
    ]


def _templates(plan: Plan, document: contract.Document, found: Sequence[Phase]) -> list[Value]:
    wanted = assign(plan, document, found)
    named: dict[Template, str] = {}
    counts: dict[str, int] = {}
    for template in wanted.values():
        if template not in named:
            counts[template.kind] = counts.get(template.kind, 0) + 1
            named[template] = f"{template.kind}-{counts[template.kind]}"
    names_of = {unit: named[template] for unit, template in wanted.items()}
    layout = build_units(found)
    numbers = {unit.name: number for number, unit in enumerate(layout)}
    mixed = {wanted[unit.name] for phase in found if phase.parallelism is None for unit in phase.units}
    closing = closing_commands(plan, document)
    steps = ["check", *(phase.name for phase in found), *closing]
    return [
        {"name": "main", "steps": [[{"name": name, "template": name}] for name in steps]},
        check_template(plan, document),
        *(_graph(phase, names_of, numbers) for phase in found),
        *(
            unit_template(plan, name, template, _semaphore(template, mixed))
            for template, name in named.items()
        ),
        *(closing_template(plan, document, command) for command in closing),
    ]


def build_units(found: Sequence[Phase]) -> list[Unit]:
    """The units that build, in the order of their numbers in the layout and in the parameter `todo`."""
    return [unit for phase in found for unit in phase.units if unit.size is not None]


def closing_commands(plan: Plan, document: contract.Document) -> list[str]:
    """What comes after all phases."""
    if plan.delivery is Delivery.ARGOCD and document["gitops"] is not None:
        return ["lock"]
    return ["remove"] if plan.delivery is Delivery.HELM and document["removed"] else []


def _semaphore(template: Template, mixed: set[Template]) -> str | None:
    if template not in mixed:
        return None
    return names.BUILDS_KEY if template.kind == "build" else names.DEPLOYMENTS_KEY


def _graph(phase: Phase, names_of: Mapping[str, str], numbers: Mapping[str, int]) -> Value:
    """One phase. Every task is a target: Argo starts targets in the order in which they are listed.

    `failFast` of the template, not of the graph, is what lets nothing start after a failure.
    """
    made: Value = {"name": phase.name, "failFast": True}
    if phase.parallelism is not None:
        made["parallelism"] = phase.parallelism
    tasks = []
    for unit in phase.units:
        task: Value = {"name": unit.name, "template": names_of[unit.name]}
        if unit.needs:
            task["dependencies"] = list(unit.needs)
        if unit.size is not None:
            # Nothing is evaluated but `todo`, in which the check has put ",0,3," and the like.
            task["when"] = f"{{{{=workflow.outputs.parameters.todo contains ',{numbers[unit.name]},'}}}}"
        task["arguments"] = {"parameters": _arguments(unit)}
        tasks.append(task)
    made["dag"] = {"target": " ".join(unit.name for unit in phase.units), "tasks": tasks}
    return made


def _arguments(unit: Unit) -> list[Value]:
    members = ",".join(map(str, unit.members))
    given = {"builds": members} if unit.stage is None else {"stage": str(unit.stage), "tasks": members}
    given["timeout"] = str(unit.timeout_s + MARGIN_S)
    return [{"name": name, "value": value} for name, value in given.items()]
