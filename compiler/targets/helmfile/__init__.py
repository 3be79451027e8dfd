"""The helmfile back end: the releases of an environment for `helmfile sync`, stage after stage.

Takes a plan; gives `helmfile/ENVIRONMENT/helmfile.yaml` and the files below it,
for the charts and values of the helm back end. They are plain YAML: helmfile 0.x
evaluates `{{ }}` in its own files, so none has any (`limits` refuses a text with
it); what could have some is in values files, which helmfile does not evaluate.
"""

from __future__ import annotations

from compiler.artifacts import Artifact
from compiler.emit import yaml
from compiler.plan.model import Plan
from compiler.targets.helmfile.layout import folder, set_path
from compiler.targets.helmfile.limits import limitations
from compiler.targets.helmfile.nested import nested
from compiler.targets.helmfile.releases import files
from compiler.targets.model import Limitation

SUMMARY = "helmfiles: one for each stage, with releases that wait for each other and both caps in them"


def check(plan: Plan) -> list[Limitation]:
    """What of the plan helmfile cannot express; docs/targets/helmfile.md lists the codes."""
    return list(dict.fromkeys(limitations(plan)))


def emit(plan: Plan) -> list[Artifact]:
    """The helmfiles, and the values that stand for a service's `set`.

    Raises:
        ValueError: the environment's name cannot be a folder's name, or `set` contradicts
            itself (`check` says so too).
    """
    # A comment is evaluated as well.
    header = f"generated from {plan.spec}, do not edit".replace("{{", "{ {")
    root, stages = folder(plan.environment), files(plan)
    listed = {"helmfiles": [{"path": name} for name, _ in stages]} if stages else {"releases": []}
    found = [Artifact(f"{root}/helmfile.yaml", yaml.dump(listed, header=header))]
    found += [Artifact(f"{root}/{name}", yaml.dump(state, header=header)) for name, state in stages]
    for workload in plan.workloads:
        if workload.chart is not None and workload.chart.set_values:
            values = nested(workload.chart.set_values)
            found.append(Artifact(set_path(plan.environment, workload), yaml.dump(values, header=header)))
    return found
