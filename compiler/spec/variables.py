"""Variables as they are declared, and what every service offers to others.

A value ends up as parts: text, and references to secrets that only the running
process can resolve.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from compiler.document.node import Node
from compiler.spec.model import DatabaseService, JobService, Secret, Service, Serving, VariableSource
from compiler.values.names import variable_prefix
from compiler.vocabulary import DatabaseMode, Literal, SecretRef

Parts = tuple[Literal | SecretRef, ...]

DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mongodb": 27017, "redis": 6379}
_NO_NAMES = ("redis",)


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable as declared: its node (key and value) and what it says."""

    node: Node
    declared: str | VariableSource


def declared(at: Node, variables: Mapping[str, str | VariableSource] | None) -> dict[str, Variable]:
    """The variables under the key `variables` of a record that was read from `at`."""
    node = at.get("variables")
    if node is None or not variables or not isinstance(node.children, dict):
        return {}
    children = node.children
    return {name: Variable(children[name], value) for name, value in variables.items()}


def secret_ref(secret: Secret) -> SecretRef:
    """A spec's secret as the plan has it."""
    return SecretRef(secret.name, secret.key)


def database_password(name: str, service: DatabaseService) -> SecretRef:
    """Where a database's password is."""
    return secret_ref(service.password) if service.password else SecretRef(f"{name}-credentials", "password")


def has_names(engine: str) -> bool:
    """Whether an engine knows named databases and users."""
    return engine not in _NO_NAMES


def output_secret(job: str, output: str) -> SecretRef:
    """Where a job leaves an output: a Secret that the job itself writes."""
    return SecretRef(f"{job}-outputs", output)


def builtin_variables(services: Mapping[str, Service]) -> dict[str, Parts]:
    """What every service offers to the others, by name.

    A database: HOST, PORT, PASSWORD and, where the engine has them, DATABASE
    and USERNAME. A service with ports: HOST, PORT (the first one), PORT_NAME
    for each named one, PUBLIC_HOST when there is one. A job: its outputs.
    """
    result: dict[str, Parts] = {}
    for name, service in services.items():
        prefix = variable_prefix(name)
        for suffix, parts in _offers(name, service):
            result[f"{prefix}_{suffix}"] = parts
    return result


def _offers(name: str, service: Service) -> Iterator[tuple[str, Parts]]:
    if isinstance(service, DatabaseService):
        managed = service.mode is DatabaseMode.MANAGED
        yield "HOST", _text((service.host or name) if managed else name)
        yield "PORT", _text(str(service.port or DATABASE_PORTS[service.engine]))
        if has_names(service.engine):
            yield "DATABASE", _text(service.database or name)
            yield "USERNAME", _text(service.username or name)
        yield "PASSWORD", (database_password(name, service),)
    elif isinstance(service, Serving) and service.ports:
        yield "HOST", _text(name)
        first = service.ports[0]
        yield "PORT", _text(str(first.external or first.internal))
        for port in service.ports:
            if port.name:
                yield f"PORT_{variable_prefix(port.name)}", _text(str(port.external or port.internal))
        public = next((host for port in service.ports if port.public for host in port.hosts), None)
        if public:
            yield "PUBLIC_HOST", _text(public)
    elif isinstance(service, JobService):
        for output in service.outputs:
            yield output, (output_secret(name, output),)


def _text(value: str) -> Parts:
    return (Literal(value),)
