"""The Helm back end: charts of ours, and a values file for every release.

Takes a plan; gives `helm/charts/KIND/` for the kinds of chart that it needs and
`helm/values/ENVIRONMENT/SERVICE.yaml` for every service but Terraform's. It says what to
deploy, not who does: `layout` tells other back ends where everything is.
"""

from __future__ import annotations

from compiler.artifacts import Artifact
from compiler.emit.yaml import dump
from compiler.plan.model import Plan
from compiler.targets.helm.charts import chart_artifacts
from compiler.targets.helm.layout import chart_kind, values_path
from compiler.targets.helm.limits import limitations
from compiler.targets.helm.patch import patch_limitations
from compiler.targets.helm.values import service_values
from compiler.targets.model import Limitation

SUMMARY = "Helm charts for applications, containers, jobs and databases, and values for every service"


def check(plan: Plan) -> list[Limitation]:
    """What of the plan Helm cannot express; docs/targets/helm.md explains the codes."""
    return limitations(plan) + patch_limitations(plan)


def emit(plan: Plan) -> list[Artifact]:
    """Charts and values. Built images have no tag in them: it comes with `--set-string image.tag=TAG`."""
    images = {image.id: image for image in plan.images}
    header = f"generated from {plan.spec}, do not edit"
    kinds = sorted({kind for workload in plan.workloads if (kind := chart_kind(workload)) is not None})
    artifacts = [artifact for kind in kinds for artifact in chart_artifacts(kind)]
    for workload in plan.workloads:
        values = service_values(plan, workload, images.get(workload.image or ""))
        if values is not None:
            artifacts.append(Artifact(values_path(plan.environment, workload), dump(values, header=header)))
    return artifacts
