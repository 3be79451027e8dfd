"""The bake back end: the builds of an environment for `docker buildx bake`, and nothing of its deployment.

Takes a plan; gives `bake/ENVIRONMENT.json`, HCL in its JSON syntax, to be run
from the root of the repository. docs/targets/bake.md says how each part of a
build is expressed, and why bake itself cannot hold the caps.
"""

from __future__ import annotations

from compiler.artifacts import Artifact
from compiler.emit import json
from compiler.plan.model import Plan
from compiler.targets.bake.document import document
from compiler.targets.bake.limits import limitations
from compiler.targets.bake.waves import bake_path
from compiler.targets.model import Limitation

SUMMARY = "a bake file: every build as a target, in groups that never build more at once than the plan does"


def check(plan: Plan) -> list[Limitation]:
    """What of the plan bake cannot express; docs/targets/bake.md lists the codes."""
    return list(dict.fromkeys(limitations(plan)))


def emit(plan: Plan) -> list[Artifact]:
    """The bake file; it holds no secret.

    Raises:
        ValueError: the environment's name cannot be a file name (`check` says so too).
    """
    return [Artifact(bake_path(plan.environment), json.dump(document(plan)))]
