"""Who may do what: the namespace of the workflows, their service accounts and least roles.

Three accounts. Pods run as one without rights and see no token. Argo's own
container in each pod reports results as the second. Only pods that deploy into
their own cluster get the third, which may write what Helm and our charts write
into the environment's namespace and nothing else.
"""

from __future__ import annotations

from typing import Any

from compiler.plan.model import Plan
from compiler.targets.argo import names
from compiler.targets.argo.pods import by_service_account
from compiler.targets.argo.workflow import labels

Value = dict[str, Any]

_RBAC = "rbac.authorization.k8s.io/v1"
_READ = ("get", "list", "watch")
_WRITE = (*_READ, "create", "update", "patch", "delete")

# What the charts of the Helm back end are made of, Helm's own records (Secrets), and what --wait and
# the explanation of a failure read. Kubernetes lets nobody grant more than they have.
_RULES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("", ("configmaps", "persistentvolumeclaims", "secrets", "serviceaccounts", "services"), _WRITE),
    ("", ("events", "pods", "pods/log"), _READ),
    ("apps", ("deployments", "statefulsets"), _WRITE),
    ("apps", ("replicasets",), _READ),
    ("batch", ("cronjobs", "jobs"), _WRITE),
    ("autoscaling", ("horizontalpodautoscalers",), _WRITE),
    ("policy", ("poddisruptionbudgets",), _WRITE),
    ("networking.k8s.io", ("ingresses",), _WRITE),
    ("gateway.networking.k8s.io", ("grpcroutes", "httproutes"), _WRITE),
    ("discovery.k8s.io", ("endpointslices",), _WRITE),
    ("rbac.authorization.k8s.io", ("rolebindings", "roles"), _WRITE),
)


def access(plan: Plan) -> Value:
    """The objects that must be there before the first workflow, in the order in which they are made."""
    own = names.base(plan.environment)
    runner, executor = names.runner_account(plan.environment), names.executor_account(plan.environment)
    report = {
        "apiGroups": ["argoproj.io"],
        "resources": ["workflowtaskresults"],
        "verbs": ["create", "patch"],
    }
    items = [
        # Rootless BuildKit must create user namespaces, which Pod Security forbids below `privileged`.
        _object(
            "v1",
            "Namespace",
            own,
            None,
            labels={**labels(), "pod-security.kubernetes.io/enforce": "privileged"},
        ),
        _account(runner, own),
        _account(executor, own),
        {
            **_object("v1", "Secret", names.token_secret(executor), own),
            "type": "kubernetes.io/service-account-token",
        },
        {**_object(_RBAC, "Role", executor, own), "rules": [report]},
        _binding(executor, own, executor, own),
    ]
    items[3]["metadata"]["annotations"] = {"kubernetes.io/service-account.name": executor}
    if by_service_account(plan):
        deployer, target = names.deploy_account(plan.environment), plan.target.namespace
        rules = [
            {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}
            for group, resources, verbs in _RULES
        ]
        items += [
            _account(deployer, own),
            {**_object(_RBAC, "Role", deployer, target), "rules": rules},
            _binding(deployer, target, deployer, own),
        ]
    return {"apiVersion": "v1", "kind": "List", "items": items}


def _object(api: str, kind: str, name: str, namespace: str | None, **metadata: Any) -> Value:
    where = {} if namespace is None else {"namespace": namespace}
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": name, **where, "labels": labels(), **metadata},
    }


def _account(name: str, namespace: str) -> Value:
    return {**_object("v1", "ServiceAccount", name, namespace), "automountServiceAccountToken": False}


def _binding(role: str, namespace: str, account: str, home: str) -> Value:
    return {
        **_object(_RBAC, "RoleBinding", role, namespace),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": home}],
    }
