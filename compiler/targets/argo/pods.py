"""The templates that are pods: check, builds with their builder, mirrors, deployments, lock and removal.

Takes a plan, its data file and the units; gives Argo templates as plain
values. Every text in them is ours or went through `names`, but for the names of
Secrets and their keys, which `limits` holds to Kubernetes' rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from compiler.emit import json
from compiler.plan.model import Delivery, Plan, SecretRef
from compiler.targets.argo import names
from compiler.targets.argo.units import BuildSize, Phase, Unit
from compiler.targets.ci.names import DOCKER_CONFIG_KEY, data_path, login_variable, secret_variable
from compiler.targets.pipeline import contract

Value = dict[str, Any]

# How many builds and sources one parameter tells of: 25 bytes each, and a pod's template should
# stay below the 128 KiB above which Argo moves it to a ConfigMap.
SLICE = 1000
# Where pods of a kind would have more different sets of secrets than this, they all get the union.
SECRET_SETS = 40
CHECK_S = 3600
MARGIN_S = 900
SOCKET = "/run/buildkit/buildkitd.sock"
UNINSTALL_S = 1200
# buildkitd ends with code 1 when it is told to stop, which Argo takes for the failure of the pod
# (only 137 and 143 are forgiven): so the shell between them says that all is well.
BUILDER_SCRIPT = 'trap "exit 0" TERM INT; "$0" "$@" & wait "$!"'
BUILDER_ARGS = ("rootlesskit", "buildkitd", "--addr", f"unix://{SOCKET}", "--oci-worker-no-process-sandbox")


@dataclass(frozen=True, slots=True)
class Template:
    """What the pods of several units have in common; units of one template differ in their inputs only.

    `slices` are the numbers of the parameters with what the check found.
    `cluster` is whether they reach the environment's cluster.
    """

    kind: str
    size: BuildSize | None
    secrets: tuple[str, ...]
    slices: tuple[int, ...]
    cluster: bool


def slice_count(document: contract.Document) -> int:
    """How many parameters hold what the check finds."""
    return -(-max(len(document["builds"]), len(document["sources"])) // SLICE)


def secret_refs(plan: Plan) -> dict[str, SecretRef]:
    """Where each variable of the scripts comes from: common ones from the Secret of the environment."""
    own = names.base(plan.environment)
    common = (
        contract.REGISTRY_USERNAME, contract.REGISTRY_PASSWORD, contract.KUBE_CONFIG, contract.PUSH_TOKEN
    )  # fmt: skip
    found = {name: SecretRef(own, name) for name in common}
    sources = [build.source for build in plan.builds]
    sources += [work.chart.source for work in plan.workloads if work.chart and work.chart.source]
    refs = [source.credentials for source in sources if source.credentials is not None]
    refs += [secret.secret for build in plan.builds for secret in build.secrets]
    found.update({secret_variable(ref): ref for ref in refs})
    logins = [image.origin_credentials for image in plan.images if image.mirror and image.origin_credentials]
    found.update({login_variable(name): SecretRef(name, DOCKER_CONFIG_KEY) for name in logins})
    return found


def by_service_account(plan: Plan) -> bool:
    """Whether pods deploy as their service account: into their own cluster, as no context is named."""
    return plan.delivery is Delivery.HELM and plan.target.context is None


def assign(plan: Plan, document: contract.Document, phases: Iterable[Phase]) -> dict[str, Template]:
    """The template of every unit, by the unit's name."""
    units = [unit for phase in phases for unit in phase.units]
    wanted = {unit.name: _template(plan, document, unit) for unit in units}
    for kind in sorted({template.kind for template in wanted.values()}):
        sets = {template.secrets for template in wanted.values() if template.kind == kind}
        if len(sets) > SECRET_SETS:
            union = tuple(sorted({name for secrets in sets for name in secrets}))
            for name, template in wanted.items():
                if template.kind == kind:
                    wanted[name] = Template(kind, template.size, union, template.slices, template.cluster)
    return wanted


def _template(plan: Plan, document: contract.Document, unit: Unit) -> Template:
    registry = _registry(document)
    if unit.stage is None:
        builds = [document["builds"][index] for index in unit.members]
        sources = {build["source"] for build in builds}
        variables = {secret["variable"] for build in builds for secret in build["secrets"]}
        secrets = {*registry, *variables, *_tokens(document, sources)}
        return Template(
            "build", unit.size, tuple(sorted(secrets)), _slices([*unit.members, *sources]), cluster=False
        )
    tasks = [document["stages"][unit.stage]["tasks"][place] for place in unit.members]
    releases = [task["release"] for task in tasks if task["release"] is not None]
    mirrored = any(task["mirror"] is not None for task in tasks)
    secrets = {*registry, *(document["logins"] if mirrored else ())}
    charts = [release["chart"] for release in releases]
    sources = {c["source"] for c in charts if not isinstance(c, str) and c["source"] is not None}
    secrets.update(_tokens(document, sources))
    if releases and not by_service_account(plan):
        secrets.add(contract.KUBE_CONFIG)
    used = [release["build"] for release in releases if release["build"] is not None]
    kind = "deploy" if releases else "mirror"
    return Template(kind, None, tuple(sorted(secrets)), _slices([*used, *sources]), cluster=bool(releases))


def _slices(indices: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted({index // SLICE for index in indices}))


def _registry(document: contract.Document) -> list[str]:
    return [contract.REGISTRY_USERNAME, contract.REGISTRY_PASSWORD] if document["registries"] else []


def _tokens(document: contract.Document, sources: Iterable[int]) -> set[str]:
    found = (document["sources"][index]["credentials"] for index in sources)
    return {token for token in found if token}


def check_template(plan: Plan, document: contract.Document) -> Value:
    """The check: its outputs are parameters of the whole workflow, so that they are stored once."""
    given = {secret["name"] for secret in document["secrets"]}
    extra = {"STAGECAST_LAYOUT": f"/stagecast/{names.LAYOUT}"}
    if by_service_account(plan):
        given.discard(contract.KUBE_CONFIG)
        extra[contract.PRESENCE_PREFIX + contract.KUBE_CONFIG] = "true"
    outputs = ["commit", "todo", *(f"found-{number}" for number in range(slice_count(document)))]
    return {
        "name": "check",
        "activeDeadlineSeconds": CHECK_S,
        "outputs": {
            "parameters": [
                {"name": name, "globalName": name, "valueFrom": {"path": f"/stagecast/out/{name}"}}
                for name in outputs
            ]
        },
        "container": _container(plan, "check", "workflow.parameters.revision", sorted(given), extra),
    }


def unit_template(plan: Plan, name: str, template: Template, semaphore: str | None) -> Value:
    """The template of builds, mirrors or deployments; a semaphore is a key of the ConfigMap."""
    command = "build" if template.kind == "build" else "deploy"
    inputs = ["builds"] if command == "build" else ["stage", "tasks"]
    extra = {f"STAGECAST_{key.upper()}": f"{{{{inputs.parameters.{key}}}}}" for key in inputs}
    made: Value = {
        "name": name,
        "inputs": {
            "parameters": [{"name": key} for key in (*inputs, "timeout")],
            **_found(template.slices),
        },
        "activeDeadlineSeconds": "{{inputs.parameters.timeout}}",
    }
    if semaphore is not None:
        key = {"name": names.base(plan.environment), "key": semaphore}
        made["synchronization"] = {"semaphores": [{"configMapKeyRef": key}]}
    if template.size is not None:
        extra |= {"STAGECAST_BUILDER": "buildctl", "STAGECAST_BUILDKIT": f"unix://{SOCKET}"}
        made |= _builder(template.size)
    if template.cluster:
        extra |= _cluster(plan, made)
    container = _container(plan, command, "workflow.outputs.parameters.commit", template.secrets, extra)
    if template.size is not None:
        container["volumeMounts"] = [
            *container["volumeMounts"],
            {"name": "socket", "mountPath": "/run/buildkit"},
        ]
    made["container"] = container
    return made


def closing_template(plan: Plan, document: contract.Document, command: str) -> Value:
    """The lock of the images, or the removal of what left the spec: one pod at the end."""
    made: Value = {"name": command}
    extra: dict[str, str] = {}
    secrets = _registry(document)
    if command == "lock":
        made["inputs"] = _found(range(slice_count(document)))
        made["activeDeadlineSeconds"] = CHECK_S
        secrets = [*secrets, contract.PUSH_TOKEN]
    else:
        made["activeDeadlineSeconds"] = MARGIN_S + UNINSTALL_S * len(document["removed"])
        extra = _cluster(plan, made)
        secrets = [] if by_service_account(plan) else [contract.KUBE_CONFIG]
    made["container"] = _container(plan, command, "workflow.outputs.parameters.commit", secrets, extra)
    return made


def _found(slices: Iterable[int]) -> Value:
    """What the check found, as files: raw artifacts need no store of artifacts."""
    artifacts = [
        {
            "name": f"found-{number}",
            "path": f"/stagecast/found/found-{number}",
            "raw": {"data": f"{{{{workflow.outputs.parameters.found-{number}}}}}"},
        }
        for number in slices
    ]
    return {"artifacts": artifacts} if artifacts else {}


def _cluster(plan: Plan, template: Value) -> dict[str, str]:
    """Let a template's pods reach the cluster; gives what its container must know."""
    # A node that is drained lets what is being installed finish.
    template["podSpecPatch"] = json.canonical({"terminationGracePeriodSeconds": _grace_s(plan)}).decode()
    if not by_service_account(plan):
        return {}
    template["serviceAccountName"] = names.deploy_account(plan.environment)
    template["automountServiceAccountToken"] = True
    return {"STAGECAST_IN_CLUSTER": "true"}


def _grace_s(plan: Plan) -> int:
    return MARGIN_S + max((workload.timeout_s for workload in plan.workloads), default=0)


def _container(
    plan: Plan, command: str, revision: str, secrets: Sequence[str], extra: dict[str, str]
) -> Value:
    """The runner. Parameters come before secrets: kubelet expands $(NAME) of what stands before."""
    plain = {
        "STAGECAST_REPOSITORY": "{{workflow.parameters.repository}}",
        "STAGECAST_REVISION": f"{{{{{revision}}}}}",
        "STAGECAST_FORCE": "{{workflow.parameters.force}}",
        "STAGECAST_DATA": data_path(plan.environment),
        "HOME": "/stagecast/home",
        "TMPDIR": "/stagecast/tmp",
        **extra,
    }
    refs = secret_refs(plan)
    token = SecretRef(names.base(plan.environment), names.GIT_TOKEN)
    variables = [(names.GIT_TOKEN, token), *((name, refs[name]) for name in secrets)]
    return {
        "name": "main",
        "image": "{{workflow.parameters.runner}}",
        "command": ["python3", f"/stagecast/{names.SCRIPT}"],
        "args": [command],
        "env": [
            *({"name": name, "value": value} for name, value in plain.items()),
            *(
                # Optional: who misses one is told so by the check, while Kubernetes would wait for it.
                {"name": n, "valueFrom": {"secretKeyRef": {"name": r.name, "key": r.key, "optional": True}}}
                for n, r in variables
            ),
        ],
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [
            {"name": "work", "mountPath": "/stagecast"},
            {"name": "stagecast", "mountPath": "/stagecast", "readOnly": True},
        ],
    }


def _builder(size: BuildSize) -> Value:
    """Rootless BuildKit beside the runner, after BuildKit's examples/kubernetes/pod.rootless.yaml.

    It requests exactly what the build may use, and is limited to it. It sees
    neither the runner's files nor its environment.
    """
    amount = {"cpu": f"{size.resources.cpu_milli}m", "memory": str(size.resources.memory_bytes)}
    unconfined = {"type": "Unconfined"}
    builder = {
        "name": "buildkitd",
        "image": "{{workflow.parameters.buildkit}}",
        "command": ["sh"],
        "args": ["-c", BUILDER_SCRIPT, *BUILDER_ARGS],
        "resources": {"requests": amount, "limits": dict(amount)},
        "securityContext": {
            "runAsUser": 1000,
            "runAsGroup": 1000,
            "seccompProfile": unconfined,
            "appArmorProfile": dict(unconfined),
        },
        "volumeMounts": [
            {"name": "socket", "mountPath": "/run/buildkit"},
            {"name": "builder", "mountPath": "/home/user/.local/share/buildkit"},
        ],
    }
    volumes = [{"name": "socket", "emptyDir": {}}, {"name": "builder", "emptyDir": {}}]
    selector = (
        {} if size.architecture is None else {"nodeSelector": {"kubernetes.io/arch": size.architecture}}
    )
    return {"sidecars": [builder], "volumes": volumes, **selector}
