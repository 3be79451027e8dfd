"""A workload's container as chart values: image, command, environment, files, probes, security.

Takes parts of a plan's workload, gives plain data in the shape of
charts/common/values.schema.json. Kubernetes replaces `$(NAME)` in commands,
arguments and environment values and reads `$$` as `$` there, so every `$` is
written twice: what the plan says is what the process gets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from compiler.plan.model import ConfigFile, Image, Literal, Probe, Resources, SecretRef, Variable, Workload

Values = dict[str, Any]

_NOT_NAME = re.compile(r"[^A-Z0-9_]")
_NOT_FILE_NAME = re.compile(r"[^A-Za-z0-9._-]")
# Largest first, but thousands only where nothing larger fits: 4,000,000,000 is 4G and not 3906250Ki.
_UNITS = {
    **{"Ti": 1 << 40, "Gi": 1 << 30, "Mi": 1 << 20},
    **{"T": 10**12, "G": 10**9, "M": 10**6, "Ki": 1 << 10, "k": 10**3},
}
_PRIVILEGED_PORTS_END = 1024


def escape(text: str) -> str:
    """Text as Kubernetes must get it so that it expands to `text` again.

    Doubling only `$(` would not do: `$$(X)` has a `$$` of its own, and Kubernetes
    takes `$` before a character outside ASCII apart
    (k8s.io/kubernetes/third_party/forked/golang/expansion).
    """
    return text.replace("$", "$$")


def quantity(size_bytes: int) -> str:
    """A size as a Kubernetes quantity: in the largest unit that holds it exactly."""
    for unit, factor in _UNITS.items():
        if size_bytes and size_bytes % factor == 0:
            return f"{size_bytes // factor}{unit}"
    return str(size_bytes)


def resources(size: Resources) -> Values:
    """Requests that equal the limits: a pod is never throttled or killed for what a neighbour does."""
    cpu = str(size.cpu_milli // 1000) if size.cpu_milli % 1000 == 0 else f"{size.cpu_milli}m"
    amount = {"cpu": cpu, "memory": quantity(size.memory_bytes)}
    return {"requests": amount, "limits": dict(amount)}


def image(image: Image) -> Values:
    """Where the image is pulled from; tag and digest of a built one come at deployment."""
    values: Values = {"repository": image.repository}
    if image.tag:
        values["tag"] = image.tag
    if image.digest:
        values["digest"] = image.digest
    if image.credentials:
        values["pullSecrets"] = [image.credentials]
    return values


def environment(variables: Iterable[Variable]) -> list[Values]:
    """Variables as a list of {name, value} and {name, secret}, in the plan's order.

    A value that mixes text and secrets refers to auxiliary variables, which
    stand first because `$(NAME)` sees only what stands before it.
    """
    variables = tuple(variables)
    auxiliary = _auxiliary_names(variables)
    head = [_secret_variable(name, reference) for reference, name in auxiliary.items()]
    return head + [_variable(variable, auxiliary) for variable in variables]


def _variable(variable: Variable, auxiliary: dict[SecretRef, str]) -> Values:
    if len(variable.parts) == 1 and isinstance(variable.parts[0], SecretRef):
        return _secret_variable(variable.name, variable.parts[0])
    parts = [
        escape(part.text) if isinstance(part, Literal) else f"$({auxiliary[part]})" for part in variable.parts
    ]
    return {"name": variable.name, "value": "".join(parts)}


def _secret_variable(name: str, reference: SecretRef) -> Values:
    return {"name": name, "secret": {"name": reference.name, "key": reference.key}}


def _auxiliary_names(variables: tuple[Variable, ...]) -> dict[SecretRef, str]:
    """A variable name for every secret that is mixed with something, taken by no other variable."""
    mixed = {
        part
        for variable in variables
        if len(variable.parts) > 1
        for part in variable.parts
        if isinstance(part, SecretRef)
    }
    taken = {variable.name for variable in variables}
    names: dict[SecretRef, str] = {}
    for reference in sorted(mixed, key=lambda reference: (reference.name, reference.key)):
        base = "STAGECAST_" + _NOT_NAME.sub("_", f"{reference.name}_{reference.key}".upper())
        name, number = base, 2
        while name in taken:
            name, number = f"{base}_{number}", number + 1
        taken.add(name)
        names[reference] = name
    return names


def files(config_files: tuple[ConfigFile, ...]) -> list[Values]:
    """Config files; the number in a key keeps files of the same name in different folders apart."""
    result = []
    for number, file in enumerate(config_files):
        name = _NOT_FILE_NAME.sub("_", file.mount.rsplit("/", 1)[-1])[:200]
        values: Values = {"mount": file.mount, "key": f"{number}-{name}", "mode": file.mode}
        if isinstance(file.content, SecretRef):
            values["secret"] = {"name": file.content.name, "key": file.content.key}
        else:
            values["content"] = file.content
        result.append(values)
    return result


def probes(workload: Workload) -> Values:
    """The probes that the plan has: a liveness probe only when it was asked for."""
    found = {"readiness": workload.readiness, "liveness": workload.liveness, "startup": workload.startup}
    return {name: _probe(probe) for name, probe in found.items() if probe is not None}


def _probe(probe: Probe) -> Values:
    values = _action(probe)
    if probe.initial_delay_s:
        values["initialDelaySeconds"] = probe.initial_delay_s
    return values | {
        "periodSeconds": probe.period_s,
        "timeoutSeconds": probe.timeout_s,
        "successThreshold": probe.success_threshold,
        "failureThreshold": probe.failure_threshold,
    }


def _action(probe: Probe) -> Values:
    if probe.kind == "exec":
        return {"exec": {"command": [escape(word) for word in probe.command]}}
    if probe.kind == "tcp":
        return {"tcpSocket": {"port": probe.port}}
    if probe.kind == "grpc":
        service = {"service": probe.service} if probe.service else {}
        return {"grpc": {"port": probe.port, **service}}
    get: Values = {"path": probe.path or "/", "port": probe.port}
    if probe.scheme:
        get["scheme"] = probe.scheme
    return {"httpGet": get}


def security(user: int | None, ports: Iterable[int] = (), group: int | None = None) -> Values:
    """Security contexts: Pod Security `restricted` with a known user, else `baseline`.

    Without a known user most capabilities stay, because an image that starts as
    root and changes user needs them; none needs to forge packets.
    """
    pod: Values = {"seccompProfile": {"type": "RuntimeDefault"}}
    container: Values = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["NET_RAW"]}}
    if user:
        pod = {
            "runAsNonRoot": True,
            "runAsUser": user,
            **({"runAsGroup": group} if group else {}),
            "fsGroup": group or user,
            "fsGroupChangePolicy": "OnRootMismatch",
            **pod,
        }
        container["capabilities"] = {"drop": ["ALL"]}
        if any(port < _PRIVILEGED_PORTS_END for port in ports):
            pod["sysctls"] = [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]
    return {"pod": pod, "container": container}
