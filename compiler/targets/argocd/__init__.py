"""The Argo CD back end: an ApplicationSet that rolls an environment's services out stage after stage.

Takes a plan; gives `argocd/ENVIRONMENT/`: `install/` for whoever sets Argo CD up,
`set/` with the ApplicationSet, a file for each service in `services/`, and the
charts that Argo CD needs otherwise than Helm does. CI copies all of it, with the
helm back end's charts and values and the pins of the images, to the branch that
Argo CD reads. docs/targets/argocd.md says what must be enabled.
"""

from __future__ import annotations

from compiler.artifacts import Artifact
from compiler.emit import json, yaml
from compiler.plan.model import Plan
from compiler.targets.argocd.applications import applications, has_jobs
from compiler.targets.argocd.appset import application_set
from compiler.targets.argocd.charts import job_chart, removed_chart
from compiler.targets.argocd.install import install
from compiler.targets.argocd.layout import folder
from compiler.targets.argocd.limits import limitations
from compiler.targets.model import Limitation

SUMMARY = (
    "Argo CD: an ApplicationSet with one rolling step for each stage, and an Application for each service"
)


def check(plan: Plan) -> list[Limitation]:
    """What of the plan Argo CD cannot express; docs/targets/argocd.md lists the codes."""
    return list(dict.fromkeys(limitations(plan)))


def emit(plan: Plan) -> list[Artifact]:
    """Everything below `argocd/ENVIRONMENT/`.

    Raises:
        ValueError: the plan says no repository for Argo CD to read, or its name cannot be a
            folder's name (`check` says so too).
    """
    header = f"generated from {plan.spec}, do not edit"
    root = folder(plan.environment)
    found = [Artifact(f"{root}/install/{n}.yaml", yaml.dump(o, header=header)) for n, o in install(plan)]
    described = yaml.dump(application_set(plan), header=header)
    found.append(Artifact(f"{root}/set/applicationset.yaml", described))
    for application in applications(plan):
        path = f"{root}/services/{application['service']}.json"
        found.append(Artifact(path, json.dump(application)))
    if has_jobs(plan):
        found += job_chart(plan.environment)
    if any(departed.prune for departed in plan.departed):
        found += removed_chart(plan.environment)
    return found
