"""Names that may stand in a CI service's file: what of the plan is shown or referred to, made harmless.

GitHub evaluates `${{ }}` nearly everywhere in a workflow, Argo `{{ }}`, GitLab
`$NAME`. So no text of the plan gets there but through this module, which keeps letters, digits and a few
signs that mean nothing to YAML, expressions and shells.
"""

from __future__ import annotations

import re

from compiler.plan.model import SecretRef

FOLDER = ".stagecast"
"""The output's folder with the scripts and their data."""

_ENVIRONMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_NOT_LABEL = re.compile(r"[^A-Za-z0-9 ._/-]+")
_NOT_VARIABLE = re.compile(r"[^A-Z0-9]+")
_LABEL_LENGTH = 60

# The file `.dockerconfigjson` is what Kubernetes calls the key of a registry credential.
DOCKER_CONFIG_KEY = ".dockerconfigjson"


def is_environment(name: str) -> bool:
    """Whether an environment's name can be part of a file name and of a concurrency group as it is."""
    return _ENVIRONMENT.fullmatch(name) is not None


def data_path(environment: str) -> str:
    """Where the scripts' data lies in the output.

    Raises:
        ValueError: the environment's name cannot be a file name (`limits` says so too).
    """
    if not is_environment(environment):
        raise ValueError(f"{environment!r} cannot be part of a file name")
    return f"{FOLDER}/{environment}.run.json"


def label(text: str) -> str:
    """A text for people, at most 60 characters; anything unusual in it becomes "-"."""
    return _NOT_LABEL.sub("-", text)[:_LABEL_LENGTH].strip() or "-"


def secret_variable(secret: SecretRef) -> str:
    """The CI service's secret that stands for a key of a Kubernetes Secret: SECRET_NAME__KEY.

    Upper case; every run of other characters than letters and digits becomes
    one underscore. Two secrets may get the same name: see `limits`.
    """
    return f"SECRET_{_part(secret.name)}__{_part(secret.key)}"


def login_variable(name: str) -> str:
    """The CI service's secret that stands for registry credentials kept in the Kubernetes Secret `name`."""
    return secret_variable(SecretRef(name, DOCKER_CONFIG_KEY))


def _part(text: str) -> str:
    return _NOT_VARIABLE.sub("_", text.upper()).strip("_") or "_"
