"""The Pod Security Standards as rules over a pod template: an oracle for what the charts make.

Written from kubernetes.io/docs/concepts/security/pod-security-standards, control
by control in its order. `violations` of a level are the names of the controls
that a pod breaks; an empty set means that a namespace of that level admits it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

Level = Literal["baseline", "restricted"]

_CAPABILITIES = frozenset(
    (
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE"),
        *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    )
)
_SYSCTLS = frozenset(
    (
        *("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start"),
        *("net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports"),
        *("net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl"),
        *("net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"),
    )
)
_SELINUX = frozenset(("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"))
_SECCOMP = frozenset(("RuntimeDefault", "Localhost"))
_VOLUMES = frozenset(
    (
        *("name", "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim"),
        *("projected", "secret"),
    )
)


def violations(template: dict[str, Any], level: Level) -> set[str]:
    """The controls of a level that a pod template breaks."""
    pod = template["spec"]
    found = set(_baseline(template))
    return found | set(_restricted(pod)) if level == "restricted" else found


def _containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    kinds = ("containers", "initContainers", "ephemeralContainers")
    return [container for kind in kinds for container in pod.get(kind) or ()]


def _contexts(pod: dict[str, Any]) -> list[dict[str, Any]]:
    own = [container.get("securityContext") or {} for container in _containers(pod)]
    return [pod.get("securityContext") or {}, *own]


def _baseline(template: dict[str, Any]) -> Iterator[str]:
    pod = template["spec"]
    contexts, containers = _contexts(pod), _containers(pod)
    annotations = template.get("metadata", {}).get("annotations") or {}
    if any("windowsOptions" in c and c["windowsOptions"].get("hostProcess") for c in contexts):
        yield "HostProcess"
    if any(pod.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")):
        yield "Host Namespaces"
    if any(context.get("privileged") for context in contexts):
        yield "Privileged Containers"
    added = {name for c in contexts for name in (c.get("capabilities") or {}).get("add") or ()}
    if not added <= _CAPABILITIES:
        yield "Capabilities"
    if any("hostPath" in volume for volume in pod.get("volumes") or ()):
        yield "HostPath Volumes"
    if any(port.get("hostPort") for container in containers for port in container.get("ports") or ()):
        yield "Host Ports"
    probes = (container.get(key) or {} for container in containers for key in _PROBES)
    if any((probe.get(way) or {}).get("host") for probe in probes for way in ("httpGet", "tcpSocket")):
        yield "Host Probes"
    apparmor = [v for k, v in annotations.items() if k.startswith("container.apparmor.security.beta")]
    profiles = [(context.get("appArmorProfile") or {}).get("type", "RuntimeDefault") for context in contexts]
    if not set(profiles) <= _SECCOMP or any(value == "unconfined" for value in apparmor):
        yield "AppArmor"
    for context in contexts:
        selinux = context.get("seLinuxOptions") or {}
        if selinux.get("type", "") not in _SELINUX or selinux.get("user") or selinux.get("role"):
            yield "SELinux"
    if any(context.get("procMount", "Default") != "Default" for context in contexts):
        yield "/proc Mount Type"
    if any((c.get("seccompProfile") or {}).get("type", "RuntimeDefault") not in _SECCOMP for c in contexts):
        yield "Seccomp"
    if any(s["name"] not in _SYSCTLS for s in contexts[0].get("sysctls") or ()):
        yield "Sysctls"


_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def _restricted(pod: dict[str, Any]) -> Iterator[str]:
    whole, *own = _contexts(pod)
    if any(set(volume) - _VOLUMES for volume in pod.get("volumes") or ()):
        yield "Volume Types"
    if any(context.get("allowPrivilegeEscalation") is not False for context in own):
        yield "Privilege Escalation"
    if any(context.get("runAsNonRoot", whole.get("runAsNonRoot")) is not True for context in own):
        yield "Running as Non-root"
    if any(context.get("runAsUser") == 0 for context in (whole, *own)):
        yield "Running as Non-root user"
    if any(not (c.get("seccompProfile") or whole.get("seccompProfile")) for c in own):
        yield "Seccomp (restricted)"
    for context in own:
        capabilities = context.get("capabilities") or {}
        if "ALL" not in (capabilities.get("drop") or ()):
            yield "Capabilities (restricted)"
        if not set(capabilities.get("add") or ()) <= {"NET_BIND_SERVICE"}:
            yield "Capabilities (restricted)"
