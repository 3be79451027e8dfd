"""Where the Argo CD back end puts things, and what it calls them."""

from __future__ import annotations

import re

from compiler.plan.model import GitOps, Plan
from compiler.targets.ci.names import is_environment

ROOT = "argocd"
STEP_LABEL = "stagecast.dev/step"
STAGE_LABEL = "stagecast.dev/stage"
SERVICE_LABEL = "stagecast.dev/service"
ENVIRONMENT_LABEL = "stagecast.dev/environment"

_NOT_LABEL = re.compile(r"[^A-Za-z0-9_.-]+")
_LABEL_LENGTH = 63


def folder(environment: str) -> str:
    """The folder with everything of an environment, relative to the output and to the branch's root.

    Raises:
        ValueError: the environment's name cannot be a folder's name.
    """
    if not is_environment(environment):
        raise ValueError(f"{environment!r} cannot be a folder's name")
    return f"{ROOT}/{environment}"


def chart_folder(environment: str, name: str) -> str:
    """The folder of a chart that only Argo CD uses."""
    return f"{folder(environment)}/charts/{name}"


def repository(plan: Plan) -> tuple[GitOps, str]:
    """Where Argo CD finds the environment, and the URL of that repository.

    Raises:
        ValueError: the plan does not say it.
    """
    if plan.gitops is None or plan.gitops.repository is None:
        raise ValueError("Argo CD needs a repository to read")
    return plan.gitops, plan.gitops.repository


def set_name(environment: str) -> str:
    """The name of the ApplicationSet and of the Application that keeps it."""
    return f"stagecast-{environment}"


def application_name(environment: str, service: str) -> str:
    """The Application's name: environments share Argo CD's namespace."""
    return f"{environment}-{service}"


def label_value(text: str) -> str:
    """A text as a label's value, which has at most 63 letters, digits, `-`, `_` and `.`."""
    return _NOT_LABEL.sub("-", text)[:_LABEL_LENGTH].strip("-_.") or "x"
