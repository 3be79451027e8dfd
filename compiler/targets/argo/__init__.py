"""The Argo Workflows back end: a WorkflowTemplate, what its pods run, and the rights that they need.

Takes a plan, gives artifacts; docs/targets/argo.md says how each part of a
plan is expressed. All values of a spec are in the scripts' data file of the
checkout, none in a manifest, so Argo, Kubernetes and shells have nothing to
evaluate.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources

from compiler.artifacts import Artifact
from compiler.emit import json, yaml
from compiler.plan.model import Plan, Strategy
from compiler.targets.argo import names
from compiler.targets.argo.access import access
from compiler.targets.argo.limits import limitations
from compiler.targets.argo.pods import SLICE, slice_count
from compiler.targets.argo.units import Phase, caps, phases
from compiler.targets.argo.workflow import build_units, labels, workflow_template
from compiler.targets.ci.document import document
from compiler.targets.ci.jobs import groups, rollouts
from compiler.targets.model import Limitation
from compiler.targets.pipeline import contract

SUMMARY = "an Argo Workflow: check, rootless builds in pods of their size, mirror, deploy in order with helm"


def check(plan: Plan) -> list[Limitation]:
    """What the workflow cannot express of a plan, beside what the scripts cannot be given."""
    return list(dict.fromkeys(limitations(plan)))


def emit(plan: Plan) -> list[Artifact]:
    """The WorkflowTemplate, the ConfigMap that its pods mount, and namespace, accounts and roles.

    Raises:
        ValueError: the environment's name cannot be part of a name, or tasks need each other in
            a circle (`check` says both).
    """
    if not names.is_name(plan.environment):
        raise ValueError(f"{plan.environment!r} cannot be part of the name of a Kubernetes object")
    data = document(plan, groups(plan), rollouts(plan))
    found = phases(plan, data)
    folder = f"argo/{plan.environment}"
    header = f"generated from {plan.spec}, do not edit"
    manifests = (
        ("rbac", access(plan)),
        ("scripts", _config_map(plan, data, found)),
        ("workflow-template", workflow_template(plan, data, found)),
    )
    return [
        Artifact(f"{folder}/{name}.yaml", yaml.dump(manifest, header=header)) for name, manifest in manifests
    ]


def _config_map(plan: Plan, data: contract.Document, found: Sequence[Phase]) -> dict[str, object]:
    """What the pods start, which builds each unit does, and with strategy dag the sizes of the semaphores."""
    own = names.base(plan.environment)
    units = [list(unit.members) for unit in build_units(found)]
    layout = {"slice": SLICE, "slices": slice_count(data), "units": units}
    script = resources.files("compiler.targets.argo").joinpath(names.SCRIPT).read_text(encoding="utf-8")
    limits = caps(plan)
    sizes = {names.BUILDS_KEY: str(limits.builds), names.DEPLOYMENTS_KEY: str(limits.deployments)}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": own, "namespace": own, "labels": labels()},
        "data": {
            **(sizes if plan.strategy is Strategy.DAG else {}),
            names.LAYOUT: json.canonical(layout).decode(),
            names.SCRIPT: script,
        },
    }
