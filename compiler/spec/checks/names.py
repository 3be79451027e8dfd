"""Names: of services, of the environment, of variables and of ports."""

from __future__ import annotations

from collections.abc import Callable

from compiler.diagnostics.model import Findings, Label
from compiler.document.node import Node
from compiler.source import Span
from compiler.spec.context import Context, error, git_source, place
from compiler.spec.model import DatabaseService, JobService, PortDeclaration, RunningService, Service, Serving
from compiler.values.malformed import Malformed
from compiler.values.names import (
    CRON_JOB_MAX,
    RELEASE_MAX,
    check_annotation_key,
    check_dns_label,
    check_label_key,
    check_label_value,
    check_service_label,
    check_variable,
    variable_prefix,
)
from compiler.vocabulary import Protocol


def check_names(context: Context, findings: Findings) -> None:
    """Every name that Kubernetes or Helm would refuse, and names that become the same."""
    _check_environment(context, findings)
    by_prefix: dict[str, list[str]] = {}
    for name in context.services:
        by_prefix.setdefault(variable_prefix(name), []).append(name)
    for prefix, (first, *others) in by_prefix.items():
        if not others:
            _check_service_name(first, context.services[first], findings)
        for name in others:
            label = Label(context.services[first].at.key_span, "the other one")
            message = f"`{name}` and `{first}` both become `{prefix}` in the names of variables"
            span = context.services[name].at.key_span
            error(findings, "STC203", span, message, labels=(label,), hint="rename one")
    for service in context.services.values():
        _check_labels(service, findings)


def _check_service_name(name: str, service: Service, findings: Findings) -> None:
    span = service.at.key_span
    limit = CRON_JOB_MAX if isinstance(service, JobService) and service.cron else RELEASE_MAX
    if len(name) > limit:
        what = "a cron job" if limit == CRON_JOB_MAX else "a Helm release"
        message = f"the service name is {len(name)} characters long; {what} takes at most {limit}"
        error(findings, "STC202", span, message, hint="shorten it")
        return
    listens = isinstance(service, DatabaseService) or (isinstance(service, Serving) and bool(service.ports))
    try:
        # What listens becomes a Service of Kubernetes, which is stricter than the other objects.
        (check_service_label if listens else check_dns_label)(name)
    except Malformed as problem:
        error(findings, "STC201", span, _about("the service name", problem), hint=problem.hint)


def _about(what: str, problem: Malformed) -> str:
    """The message about a name, with what is named."""
    said = problem.message.removeprefix("the name")
    return f"{what}{said}" if said != problem.message else f"{what} {said}"


def _check_environment(context: Context, findings: Findings) -> None:
    root = context.loaded.root
    for path in (("name",), ("target", "namespace")):
        node = root.at(path)
        if node is root or not isinstance(node.value, str) or not context.loaded.is_whole(*path):
            continue
        try:
            check_dns_label(node.value)
        except Malformed as problem:
            what = "environment's name" if path == ("name",) else "namespace"
            error(findings, "STC201", node.place, _about(f"the {what}", problem), hint=problem.hint)


def _check_labels(service: Service, findings: Findings) -> None:
    selector = service.node_selector if isinstance(service, RunningService) else None
    sections = (
        ("labels", "label", service.labels),
        ("annotations", "annotation", service.annotations),
        ("nodeSelector", "label", selector),
    )
    for section, what, values in sections:
        for key, value in (values or {}).items():
            node = service.at.at((section, key))
            if what == "label":
                _judge_label(check_label_key, key, node.key_span, findings)
                _judge_label(check_label_value, value, node.place, findings)
            else:
                _judge_label(check_annotation_key, key, node.key_span, findings)


def _judge_label(judge: Callable[[str], str], text: str, span: Span, findings: Findings) -> None:
    try:
        judge(text)
    except Malformed as problem:
        error(findings, "STC105", span, problem.message, hint=problem.hint)


def check_port_names(context: Context, findings: Findings) -> None:
    """Port numbers and names that stand twice in one service."""
    for service in context.services.values():
        if not isinstance(service, Serving):
            continue
        numbers: dict[str, PortDeclaration] = {}
        named: dict[str, PortDeclaration] = {}
        for port in service.ports:
            layer = "UDP" if port.protocol is Protocol.UDP else "TCP"
            number = f"{port.external or port.internal}/{layer}"
            field = "external" if port.external is not None else "internal"
            _check_twice(numbers, number, port, field, f"the port `{number}`", findings)
            if port.name is not None:
                _check_twice(named, port.name, port, "name", f"the port name `{port.name}`", findings)


def _check_twice(
    seen: dict[str, PortDeclaration],
    key: str,
    port: PortDeclaration,
    field: str,
    what: str,
    findings: Findings,
) -> None:
    first = seen.setdefault(key, port)
    if first is not port:
        label = Label(place(first.at, field), "first used here")
        hint = "give each port its own"
        error(findings, "STC408", place(port.at, field), f"{what} is used twice", labels=(label,), hint=hint)


def check_variable_names(context: Context, findings: Findings) -> None:
    """Names that no process can have in its environment, and no build as an argument."""
    environment = context.environment
    _check_keys(environment.at.get("variables"), "variable", findings)
    for service in context.services.values():
        _check_keys(service.at.get("variables"), "variable", findings)
        source = git_source(service)
        _check_keys(source.at.get("args") if source is not None else None, "build argument", findings)
        for index, name in enumerate(service.outputs if isinstance(service, JobService) else ()):
            _judge_name(name, place(service.at, "outputs", index), "output", findings)


def _check_keys(section: Node | None, what: str, findings: Findings) -> None:
    for name, child in section.items() if section is not None else ():
        _judge_name(name, child.key_span, what, findings)


def _judge_name(name: str, span: Span, what: str, findings: Findings) -> None:
    try:
        check_variable(name)
    except Malformed as problem:
        article = "an" if what[0] in "aeiou" else "a"
        message = problem.message.replace("a variable's name", f"{article} {what}'s name")
        message = message.replace("the variable's name", f"the {what}'s name")
        error(findings, "STC608", span, message, hint=problem.hint)
