"""The GitHub Actions back end: a workflow, its data file and the scripts that it runs.

Takes a plan, gives artifacts; docs/targets/github.md says how each part of a
plan is expressed. All values of a spec are in the data file, none in the
workflow or in a script, so GitHub and shells have nothing to evaluate.
"""

from __future__ import annotations

from importlib import resources

from compiler.artifacts import Artifact
from compiler.emit import json, yaml
from compiler.plan.model import Plan
from compiler.targets.generated import marked
from compiler.targets.github.document import document
from compiler.targets.github.jobs import groups, rollouts
from compiler.targets.github.limits import limitations
from compiler.targets.github.names import is_environment
from compiler.targets.github.workflow import CHECKOUT_VERSION, workflow
from compiler.targets.model import Limitation

SUMMARY = "a GitHub Actions workflow: check, build with BuildKit, mirror, deploy stage after stage with helm"

FOLDER = ".github/stagecast"
LAUNCHER = "run.py"


def check(plan: Plan) -> list[Limitation]:
    """What the workflow cannot express of a plan; after an error, `emit` is not to be called."""
    return list(dict.fromkeys(limitations(plan)))


def emit(plan: Plan) -> list[Artifact]:
    """The workflow, the data file and the scripts. The workflow works at the root of a repository.

    Raises:
        ValueError: the environment's name cannot be a file name (`check` says so too).
    """
    if not is_environment(plan.environment):
        raise ValueError(f"{plan.environment!r} cannot be part of a file name")
    build_groups, stages = groups(plan), rollouts(plan)
    data = document(plan, build_groups, stages)
    header = f"generated from {plan.spec}, do not edit\nactions/checkout is {CHECKOUT_VERSION}, by its commit"
    return [
        Artifact(
            f".github/workflows/stagecast-{plan.environment}.yml",
            yaml.dump(workflow(plan, data, build_groups, stages), header=header),
        ),
        Artifact(f"{FOLDER}/{plan.environment}.json", json.dump(data)),
        *_scripts(),
    ]


def _scripts() -> list[Artifact]:
    """The launcher and, in a package beside it, the scripts: the same for every plan."""
    folder = resources.files("compiler.targets.pipeline")
    texts = {
        entry.name: marked(entry.name, entry.read_text(encoding="utf-8"))
        for entry in folder.iterdir()
        if entry.name.endswith(".py")
    }
    launcher = Artifact(f"{FOLDER}/{LAUNCHER}", texts.pop(LAUNCHER))
    return [launcher, *(Artifact(f"{FOLDER}/pipeline/{name}", texts[name]) for name in sorted(texts))]
