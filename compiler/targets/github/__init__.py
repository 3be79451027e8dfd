"""The GitHub Actions back end: the workflow of an environment, and that of its previews.

Takes a plan, gives artifacts; docs/targets/github.md says how each part of a
plan is expressed. All values of a spec are in the scripts' data file, none in a
workflow or in a script, so GitHub and shells have nothing to evaluate.
"""

from __future__ import annotations

from compiler.artifacts import Artifact
from compiler.emit import yaml
from compiler.plan.model import Plan
from compiler.targets.ci import uses
from compiler.targets.ci.names import data_path
from compiler.targets.github.jobs import jobs_of
from compiler.targets.github.limits import limitations
from compiler.targets.github.steps import CHECKOUT_VERSION
from compiler.targets.github.workflow import preview_workflow, workflow
from compiler.targets.model import Limitation

SUMMARY = "a GitHub Actions workflow: check, build with BuildKit, mirror, deploy stage after stage with helm"


def check(plan: Plan) -> list[Limitation]:
    """What the workflows cannot express of a plan, beside what the scripts cannot be given."""
    return list(dict.fromkeys(limitations(plan)))


def emit(plan: Plan) -> list[Artifact]:
    """The workflows. They work at the root of a repository, beside the scripts and their data.

    Raises:
        ValueError: the environment's name cannot be a file name (the scripts' `check` says so too).
    """
    data_path(plan.environment)
    jobs = jobs_of(plan)
    header = f"generated from {plan.spec}, do not edit\nactions/checkout is {CHECKOUT_VERSION}, by its commit"
    stem = f".github/workflows/stagecast-{plan.environment}"
    found = [Artifact(f"{stem}.yml", yaml.dump(workflow(jobs), header=header))]
    if uses.previews(plan):
        found.append(Artifact(f"{stem}-preview.yml", yaml.dump(preview_workflow(jobs), header=header)))
    return found
