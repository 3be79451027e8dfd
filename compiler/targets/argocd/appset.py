"""The ApplicationSet: as small for 10,000 services as for one, since each service has a file of its own.

Argo CD evaluates `{{ }}` in the template's fields with the keys of a service's
file; what stands there of the plan (project, server, namespace) has none
(`limits` refuses it). A file cannot choose project, cluster or namespace: only
the source, the annotation and the number of retries come from it.
"""

from __future__ import annotations

from typing import Any

from compiler.plan.model import Plan
from compiler.targets.argocd.layout import (
    ENVIRONMENT_LABEL,
    SERVICE_LABEL,
    STAGE_LABEL,
    STEP_LABEL,
    folder,
    label_value,
    repository,
    set_name,
)
from compiler.targets.argocd.steps import steps

Data = dict[str, Any]

# A patch, because a template's fields can only be texts, and not all services have the same ones.
TEMPLATE_PATCH = """\
{
  {{- if hasKey . "paths" }}
  "metadata": {"annotations": {"argocd.argoproj.io/manifest-generate-paths": {{ .paths | toJson }}}},
  {{- end }}
  "spec": {
    {{- if hasKey . "sources" }}
    "sources": {{ .sources | toJson }},
    {{- else }}
    "source": {{ .source | toJson }},
    {{- end }}
    "syncPolicy": {"retry": {"limit": {{ .retries | int }}}}
  }
}
"""


def application_set(plan: Plan) -> Data:
    """The ApplicationSet of an environment.

    Raises:
        ValueError: the plan says no repository for Argo CD to read.
    """
    gitops, url = repository(plan)
    files = [{"path": f"{folder(plan.environment)}/services/*.json"}]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": set_name(plan.environment), "namespace": gitops.namespace},
        "spec": {
            "goTemplate": True,
            "goTemplateOptions": ["missingkey=error"],
            "generators": [{"git": {"repoURL": url, "revision": gitops.branch, "files": files}}],
            "strategy": {"type": "RollingSync", "rollingSync": {"steps": _steps(plan)}},
            # What left the spec stays until it is pruned, and nothing is deleted with this object.
            "syncPolicy": {"applicationsSync": "create-update", "preserveResourcesOnDeletion": True},
            "template": {"metadata": _metadata(plan), "spec": _spec(plan)},
            "templatePatch": TEMPLATE_PATCH,
        },
    }


def _steps(plan: Plan) -> list[Data]:
    """A step for each of the plan's, and one for what is removed."""
    count = len(steps(plan)) + any(departed.prune for departed in plan.departed)
    return [
        {
            "matchExpressions": [{"key": STEP_LABEL, "operator": "In", "values": [str(number)]}],
            "maxUpdate": plan.limits.deploy_parallelism,
        }
        for number in range(1, max(count, 1) + 1)
    ]


def _metadata(plan: Plan) -> Data:
    return {
        "name": "{{ .name }}",
        "labels": {
            ENVIRONMENT_LABEL: label_value(plan.environment),
            SERVICE_LABEL: "{{ .service }}",
            STAGE_LABEL: "{{ .stage }}",
            STEP_LABEL: "{{ .step }}",
        },
    }


def _spec(plan: Plan) -> Data:
    gitops, _ = repository(plan)
    return {
        "project": gitops.project,
        "destination": {"server": gitops.server, "namespace": plan.target.namespace},
        "syncPolicy": {
            # RollingSync takes from here whether to prune, and turns the rest off: it syncs itself.
            "automated": {"prune": True, "selfHeal": False},
            "syncOptions": ["CreateNamespace=true", "PruneLast=true", "FailOnSharedResource=true"],
            "retry": {"backoff": {"duration": "10s", "factor": 2, "maxDuration": "3m"}},
        },
    }
