"""Where the helmfile back end puts things."""

from __future__ import annotations

from compiler.plan.model import Workload
from compiler.targets.ci.names import is_environment

ROOT = "helmfile"
STAGES = "stages"
# helmfile takes every path relative to the file that names it: from helmfile/ENVIRONMENT/stages/.
TO_ROOT = "../../.."


def folder(environment: str) -> str:
    """The folder with the helmfiles of an environment.

    Raises:
        ValueError: the environment's name cannot be a folder's name.
    """
    if not is_environment(environment):
        raise ValueError(f"{environment!r} cannot be a folder's name")
    return f"{ROOT}/{environment}"


def set_path(environment: str, workload: Workload) -> str:
    """The values file that stands for the `set` of a service with its own chart."""
    return f"{folder(environment)}/set/{workload.service}.yaml"
