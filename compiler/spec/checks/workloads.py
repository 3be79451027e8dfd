"""What a pod cannot be: host names that are none, mounts that are relative or collide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from compiler.diagnostics.model import Findings, Label
from compiler.document.node import Node, shortened
from compiler.spec.context import Context, error, place
from compiler.spec.model import RunningService, Serving, VariableSource
from compiler.spec.scopes import ServiceVariables
from compiler.spec.variables import Variable
from compiler.values.malformed import Malformed
from compiler.values.names import check_host
from compiler.vocabulary import Protocol, RolloutStrategy


def check_hosts(context: Context, findings: Findings) -> None:
    """Hosts belong to public HTTP and gRPC ports, and have to be host names."""
    for service in context.services.values():
        if not isinstance(service, Serving):
            continue
        for index, port in enumerate(service.ports):
            if port.hosts and (not port.public or port.protocol not in (Protocol.HTTP, Protocol.GRPC)):
                span = port.at.at(("hosts",)).key_span
                message = (
                    f"hosts need a public HTTP or gRPC port; this one is {_sort(port.public, port.protocol)}"
                )
                error(findings, "STC107", span, message, hint="add `public: true`, or remove the hosts")
            for number, host in enumerate(port.hosts):
                try:
                    check_host(host)
                except Malformed as problem:
                    span = place(service.at, "ports", index, "hosts", number)
                    error(findings, "STC105", span, f"the host: {problem.message}", hint=problem.hint)


def _sort(public: bool, protocol: Protocol) -> str:
    return f"{'public' if public else 'private'} {protocol.value}"


def check_rollouts(context: Context, findings: Findings) -> None:
    """Pods that can be replaced neither by more nor by fewer ones."""
    for service in context.services.values():
        rollout = service.rollout if isinstance(service, Serving) else None
        if rollout is None or rollout.strategy is not RolloutStrategy.ROLLING:
            continue
        if rollout.max_surge.rstrip("%").strip("0") == rollout.max_unavailable.rstrip("%").strip("0") == "":
            message = "with neither more nor fewer pods than wanted, no pod can be replaced"
            hint = "let one of `maxSurge` and `maxUnavailable` be more than 0"
            error(findings, "STC106", place(rollout.at, "maxUnavailable"), message, hint=hint)


def check_mounts(context: Context, findings: Findings) -> None:
    """Mount paths are absolute and stand once in a pod."""
    outer = _files(context.all_variables.outer.scope.variables)
    for name, service in context.services.items():
        if not isinstance(service, RunningService):
            continue
        seen: dict[str, Node] = {}
        for node in sorted(_mounts(service, context.variables[name], outer), key=lambda mount: mount.start):
            path = node.value.rstrip("/") or "/"
            shown = shortened(node.value)
            if not path.startswith("/") or path == "/" or ":" in path or ".." in path.split("/"):
                hint = "write an absolute path below `/`, without `..` and `:`"
                error(findings, "STC105", node.place, f"`{shown}` is not a mount path", hint=hint)
                continue
            first = seen.setdefault(path, node)
            if first is not node:
                labels = (Label(first.place, "first mounted here"),)
                hint = "give each a path of its own"
                message = f"two things are mounted at `{shown}`"
                error(findings, "STC412", node.place, message, labels=labels, hint=hint)


def _mounts(
    service: RunningService, variables: ServiceVariables, outer: Mapping[str, Variable]
) -> Iterator[Node]:
    """The nodes that say where something is mounted: files, storage, and variables that are files."""
    for file in service.files:
        yield file.at.at(("mount",))
    for volume in service.storage if isinstance(service, Serving) else ():
        yield volume.at.at(("mount",))
    for said in (service.variables or {}).values():
        if isinstance(said, VariableSource) and said.file is not None:
            yield said.file.at.at(("mount",))
    for name, variable in outer.items():
        if variables.declared.get(name) is variable:
            yield variable.node.at(("file", "mount"))


def _files(variables: Mapping[str, Variable]) -> dict[str, Variable]:
    """The variables that are files."""
    return {
        name: variable
        for name, variable in variables.items()
        if isinstance(variable.declared, VariableSource) and variable.declared.file is not None
    }
