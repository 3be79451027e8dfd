"""A workload's ports as chart values: Service ports, Ingresses and Gateway API routes.

Takes ports of a plan, gives plain data in the shape of the workload chart's
values.schema.json.
"""

from __future__ import annotations

from typing import Any

from compiler.plan.model import Port, Protocol

Values = dict[str, Any]

_ROUTED = (Protocol.HTTP, Protocol.GRPC)
# gRPC without TLS, as Kubernetes names it: https://kubernetes.io/docs/concepts/services-networking/service/
_H2C = "kubernetes.io/h2c"
# An Ingress cannot say what its back end speaks; this is how the commonest controller is told.
_GRPC_ANNOTATIONS = {"nginx.ingress.kubernetes.io/backend-protocol": "GRPC"}


def service_ports(ports: tuple[Port, ...]) -> list[Values]:
    """Ports of the Service; a public TCP or UDP port is exposed by a load balancer."""
    result = []
    for port in ports:
        values: Values = {
            "name": port.name,
            "port": port.external,
            "targetPort": port.internal,
            "protocol": "UDP" if port.protocol is Protocol.UDP else "TCP",
        }
        if port.protocol is Protocol.GRPC:
            values["appProtocol"] = _H2C
        if port.public and port.protocol not in _ROUTED:
            values["expose"] = True
        result.append(values)
    return result


def ingresses(ports: tuple[Port, ...]) -> list[Values]:
    """An Ingress for every public HTTP or gRPC port that names no Gateway."""
    result = []
    for port in ports:
        if port.public and port.protocol in _ROUTED and port.gateway is None:
            optional = {
                "hosts": list(port.hosts),
                "className": port.ingress_class,
                "tlsSecret": port.tls_secret,
                "annotations": dict(_GRPC_ANNOTATIONS) if port.protocol is Protocol.GRPC else None,
            }
            result.append(
                {
                    "port": port.name,
                    "path": port.path,
                    **{key: value for key, value in optional.items() if value},
                }
            )
    return result


def routes(ports: tuple[Port, ...]) -> list[Values]:
    """A Gateway API route for every public HTTP or gRPC port that names a Gateway."""
    result = []
    for port in ports:
        if port.public and port.protocol in _ROUTED and port.gateway is not None:
            namespace, _, name = port.gateway.rpartition("/")
            values: Values = {
                "kind": "GRPCRoute" if port.protocol is Protocol.GRPC else "HTTPRoute",
                "port": port.name,
                "number": port.external,
                "gateway": {"name": name, "namespace": namespace} if namespace else {"name": name},
            }
            if port.hosts:
                values["hosts"] = list(port.hosts)
            match = _match(port)
            if match:
                values["match"] = match
            result.append(values)
    return result


def _match(port: Port) -> Values | None:
    if port.protocol is Protocol.HTTP:
        return {"path": {"type": "PathPrefix", "value": port.path}}
    method = grpc_method(port.path)
    return {"method": method} if method else None


def grpc_method(path: str) -> Values | None:
    """A path as a GRPCRoute's match: `/` is everything, {}; then `/service`, `/service/method`; else None.

    A request's path is `/service/method` (gRPC over HTTP/2, "Path").
    """
    parts = path.strip("/").split("/")
    if parts == [""]:
        return {}
    if len(parts) > 2 or not all(parts):
        return None
    return {"type": "Exact", **dict(zip(("service", "method"), parts, strict=False))}
