"""The GitLab CI back end: a file to include, with a trigger job, and the child pipeline that it starts.

Takes a plan, gives artifacts; docs/targets/gitlab.md says how each part of a
plan is expressed. All values of a spec are in the scripts' data file, none in
the pipeline or in a script, so GitLab, runners and shells have nothing to
expand.
"""

from __future__ import annotations

from compiler.artifacts import Artifact
from compiler.emit import yaml
from compiler.plan.model import Plan
from compiler.targets.ci.names import data_path
from compiler.targets.gitlab.limits import limitations
from compiler.targets.gitlab.parent import child_path, parent, parent_path
from compiler.targets.gitlab.pipeline import pipeline
from compiler.targets.model import Limitation

SUMMARY = "a GitLab CI child pipeline: check, build, mirror, deploy stage after stage with helm"


def check(plan: Plan) -> list[Limitation]:
    """What the pipeline cannot express of a plan, beside what the scripts cannot be given."""
    return list(dict.fromkeys(limitations(plan)))


def emit(plan: Plan) -> list[Artifact]:
    """The file to include and the child pipeline, for a project whose root is the output folder.

    Raises:
        ValueError: the environment's name cannot be a file name (the scripts' `check` says so
            too), or its stages do not fit into one pipeline (`check` says so too).
    """
    data_path(plan.environment)
    header = f"generated from {plan.spec}, do not edit"
    return [
        Artifact(parent_path(plan.environment), yaml.dump(parent(plan), header=header)),
        Artifact(child_path(plan.environment), yaml.dump(pipeline(plan), header=header)),
    ]
