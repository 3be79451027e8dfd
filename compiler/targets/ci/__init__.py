"""What all back ends that run the pipeline share: the scripts, and the data file that they read.

Not a target of its own: `compiler.targets.NEEDS` says which targets come with
it. Takes a plan; gives `.stagecast/run.py`, the scripts in a package beside it,
and `.stagecast/ENVIRONMENT.run.json` (`pipeline.contract.Document`). `jobs`
splits a plan's tasks into jobs, `names` makes harmless names, `limits` says
what the scripts cannot be given. Knows no CI service.
"""

from __future__ import annotations

from compiler.artifacts import Artifact
from compiler.emit import json
from compiler.plan.model import Plan
from compiler.targets.ci.document import document
from compiler.targets.ci.jobs import groups, rollouts
from compiler.targets.ci.limits import limitations
from compiler.targets.ci.names import data_path
from compiler.targets.ci.scripts import scripts
from compiler.targets.model import Limitation

SUMMARY = "the scripts that check, build, mirror and deploy, and their data"


def check(plan: Plan) -> list[Limitation]:
    """What the scripts cannot be given of a plan; after an error, `emit` is not to be called."""
    return list(dict.fromkeys(limitations(plan)))


def emit(plan: Plan) -> list[Artifact]:
    """The data file and the scripts, for a checkout whose root is the output folder."""
    data = document(plan, groups(plan), rollouts(plan))
    return [Artifact(data_path(plan.environment), json.dump(data)), *scripts()]
