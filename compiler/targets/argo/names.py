"""The names that an environment's Kubernetes objects have, and that manifests and docs share."""

from __future__ import annotations

import re

from compiler.targets.ci.names import is_environment

# The API server cuts what is before a generated name's last five characters to 58, and Argo puts a
# Workflow's name into labels, which have at most 63. A DNS label: the rule for most names.
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,45}[a-z0-9])?")

SCRIPT = "start.py"
LAYOUT = "layout.json"
BUILDS_KEY = "builds"
DEPLOYMENTS_KEY = "deployments"

# Keys of the Secret that an environment's credentials are in, beside those that the scripts name.
GIT_TOKEN = "GIT_TOKEN"


def is_name(environment: str) -> bool:
    """Whether an environment's name can be part of the names of all objects."""
    return is_environment(environment) and _NAME.fullmatch(environment) is not None


def base(environment: str) -> str:
    """The namespace that workflows run in, and there the WorkflowTemplate, the ConfigMap and the Secret."""
    return f"stagecast-{environment}"


def runner_account(environment: str) -> str:
    """The service account of pods that need no rights at all."""
    return f"{base(environment)}-run"


def executor_account(environment: str) -> str:
    """The service account by which Argo's own container in each pod reports results."""
    return f"{base(environment)}-executor"


def deploy_account(environment: str) -> str:
    """The service account that may deploy into the environment's namespace."""
    return f"{base(environment)}-deploy"


def token_secret(account: str) -> str:
    """The Secret in which Argo looks for the token of a service account (docs/service-account-secrets.md)."""
    return f"{account}.service-account-token"
