"""What is applied once, by hand: the projects, and the Application that keeps the ApplicationSet.

The ApplicationSet changes with the spec's stages, so it comes from the branch as
well. Who may change it may make Applications, so it has a project of its own that
allows nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from compiler.plan.model import Plan
from compiler.targets.argocd.layout import folder, repository, set_name

Data = dict[str, Any]

DEFAULT_PROJECT = "default"
# Argo CD's own cluster, where it keeps ApplicationSets, whatever cluster it deploys to.
IN_CLUSTER = "https://kubernetes.default.svc"
# Every kind of object that our charts have; tests/compiler/targets/test_argocd.py holds them to it.
KINDS = (
    ("", "ConfigMap"),
    ("", "Secret"),
    ("", "Service"),
    ("", "ServiceAccount"),
    ("apps", "Deployment"),
    ("apps", "StatefulSet"),
    ("autoscaling", "HorizontalPodAutoscaler"),
    ("batch", "CronJob"),
    ("batch", "Job"),
    ("discovery.k8s.io", "EndpointSlice"),
    ("gateway.networking.k8s.io", "GRPCRoute"),
    ("gateway.networking.k8s.io", "HTTPRoute"),
    ("networking.k8s.io", "Ingress"),
    ("policy", "PodDisruptionBudget"),
    ("rbac.authorization.k8s.io", "Role"),
    ("rbac.authorization.k8s.io", "RoleBinding"),
)


def install(plan: Plan) -> Iterator[tuple[str, Data]]:
    """The objects by the name of their file.

    The project `default` is Argo CD's own and everybody's: it is left alone.

    Raises:
        ValueError: the plan says no repository for Argo CD to read.
    """
    gitops, url = repository(plan)
    name = set_name(plan.environment)
    if gitops.project != DEFAULT_PROJECT:
        yield "project", _project(gitops.namespace, gitops.project, _services_rights(plan))
    yield (
        "root-project",
        _project(
            gitops.namespace,
            name,
            {
                "description": f"Only the ApplicationSet {name}.",
                "sourceRepos": [url],
                "destinations": [{"server": IN_CLUSTER, "namespace": gitops.namespace}],
                "clusterResourceWhitelist": [],
                "namespaceResourceWhitelist": [{"group": "argoproj.io", "kind": "ApplicationSet"}],
            },
        ),
    )
    yield (
        "root",
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": name, "namespace": gitops.namespace},
            "spec": {
                "project": name,
                "source": {
                    "repoURL": url,
                    "targetRevision": gitops.branch,
                    "path": f"{folder(plan.environment)}/set",
                },
                "destination": {"server": IN_CLUSTER, "namespace": gitops.namespace},
                # Never pruned: an ApplicationSet that is missing by mistake takes nothing with it.
                "syncPolicy": {"automated": {"prune": False, "selfHeal": True}},
            },
        },
    )


def _project(namespace: str, name: str, spec: Data) -> Data:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def _services_rights(plan: Plan) -> Data:
    """What the services' Applications may do: their charts, their namespace, the kinds that they need."""
    gitops, url = repository(plan)
    charts = [workload.chart for workload in plan.workloads if workload.chart is not None]
    elsewhere = {chart.repository.removeprefix("oci://").rstrip("/") for chart in charts if chart.repository}
    elsewhere |= {c.source.repository for c in charts if c.source is not None and not c.source.is_local}
    rights: Data = {
        "description": f"The services of {plan.environment}.",
        "sourceRepos": [url, *sorted(elsewhere - {url})],
        "destinations": [{"server": gitops.server, "namespace": plan.target.namespace}],
        # For CreateNamespace.
        "clusterResourceWhitelist": [{"group": "", "kind": "Namespace"}],
    }
    if not charts:
        rights["namespaceResourceWhitelist"] = [{"group": group, "kind": kind} for group, kind in KINDS]
    return rights
