"""What things need and what there is: the build pool, replicas, ports to the outside, probes, schedules."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.diagnostics.model import Findings, Label
from compiler.document.node import Node
from compiler.spec.context import Context, error, git_source, listed, note, place, warning
from compiler.spec.limits import PipelineLimits, build_resources, build_slots, pipeline_limits
from compiler.spec.model import (
    DatabaseService,
    Distribution,
    JobService,
    PortDeclaration,
    ProbeDeclaration,
    ReplicaRange,
    Service,
    Serving,
)
from compiler.values.malformed import Malformed
from compiler.values.quantities import format_cpu, format_memory
from compiler.vocabulary import DatabaseMode, Protocol


def check_pool(context: Context, findings: Findings) -> None:
    """Builds that the pool can never hold, and a pool that holds fewer than may run."""
    if not context.loaded.is_whole("pipeline"):
        return
    limits = pipeline_limits(context.environment)
    root = context.environment.at
    too_large = _check_default_build(context, limits, findings)
    for name, service in context.services.items():
        if git_source(service) is None or not context.is_whole(name, "build"):
            continue
        needs = build_resources(service, limits)
        if too_large and needs == limits.resources:
            continue
        for field, need, there, show in (
            ("cpu", needs.cpu_milli, limits.pool.cpu_milli, format_cpu),
            ("memory", needs.memory_bytes, limits.pool.memory_bytes, format_memory),
        ):
            if need > there:
                own = service.at.at(("build", field))
                span = own.head if own.key_start >= 0 and own.children is None else service.at.key_span
                message = (
                    f"the build of `{name}` asks for {show(need)} {_unit(field)}, the pool has {show(there)}"
                )
                hint = f"it could never start: make `pipeline.build.pool.{field}` larger or the build smaller"
                said = root.at(("pipeline", "build", "pool", field))
                labels = (Label(said.place, "the pool"),) if said.children is None else ()
                error(findings, "STC401", span, message, labels=labels, hint=hint)
    slots = build_slots(limits)
    if slots < limits.parallelism and not too_large:
        size, pool = limits.resources, limits.pool
        arithmetic = (
            f"CPU: {format_cpu(pool.cpu_milli)} / {format_cpu(size.cpu_milli)} = "
            f"{pool.cpu_milli // size.cpu_milli} builds",
            f"memory: {format_memory(pool.memory_bytes)} / {format_memory(size.memory_bytes)} = "
            f"{pool.memory_bytes // size.memory_bytes} builds",
        )
        span = place(root, "pipeline", "build", "pool")
        message = f"the pool holds {slots} builds at a time, `parallelism` allows {limits.parallelism}"
        note(findings, "STC402", span, message, notes=arithmetic, hint="the smaller number is what happens")


def _check_default_build(context: Context, limits: PipelineLimits, findings: Findings) -> bool:
    """Whether the pool cannot hold a build of the default size: said once, at the pool."""
    size, pool = limits.resources, limits.pool
    short = [
        (field, show(need), show(there))
        for field, need, there, show in (
            ("cpu", size.cpu_milli, pool.cpu_milli, format_cpu),
            ("memory", size.memory_bytes, pool.memory_bytes, format_memory),
        )
        if need > there
    ]
    for field, need, there in short:
        span = place(context.environment.at, "pipeline", "build", "pool", field)
        message = f"a build asks for {need} {_unit(field)}, the pool has {there}"
        hint = f"it could never start: make the pool larger, or `pipeline.build.{field}` smaller"
        error(findings, "STC401", span, message, hint=hint)
    return bool(short)


def _unit(field: str) -> str:
    return "CPU" if field == "cpu" else "memory"


def check_replicas(context: Context, findings: Findings) -> None:
    """A range that ends before it starts, and an autoscaler beside storage."""
    for service in context.services.values():
        if not isinstance(service, Serving) or not isinstance(service.replicas, ReplicaRange):
            continue
        replicas = service.replicas
        if replicas.max is not None and replicas.max < replicas.min:
            span = place(service.at, "replicas", "max")
            label = Label(place(service.at, "replicas", "min"), "the minimum")
            message = f"at most {replicas.max} replicas are fewer than at least {replicas.min}"
            error(findings, "STC403", span, message, labels=(label,), hint="swap the two")
        elif replicas.max is not None and replicas.min == 0 < replicas.max and not service.storage:
            message = "an autoscaler cannot go down to 0 pods"
            error(findings, "STC106", place(service.at, "replicas", "min"), message, hint="write at least 1")
        elif replicas.max is not None and replicas.max > replicas.min and service.storage:
            span = place(service.at, "replicas", "max")
            message = "a service with storage is not scaled automatically"
            hint = f"`min` ({replicas.min}) is what runs; remove `max`, or the storage"
            warning(findings, "STC409", span, message, hint=hint)


def check_public_ports(context: Context, findings: Findings) -> None:
    """Public ports that would answer for the same host and path."""
    claimed: dict[tuple[str, str, str], tuple[str, PortDeclaration]] = {}
    for name, service in context.services.items():
        if not isinstance(service, Serving) or service.skip:
            continue
        for port in service.ports:
            for host, claim in _claims(port):
                owner, first = claimed.setdefault(claim, (name, port))
                if first is port:
                    continue
                label = Label(_host(first, claim[1]).place, f"`{owner}` has it")
                both = f"`{name}` and `{owner}`" if name != owner else f"two ports of `{name}`"
                message = f"{both} answer for {claim[1]}{port.path}"
                hint = "give one of them another host or path"
                error(findings, "STC405", host.place, message, labels=(label,), hint=hint)


def _claims(port: PortDeclaration) -> Iterator[tuple[Node, tuple[str, str, str]]]:
    """What a public port answers for: who routes to it, host and path; and the node that says so."""
    if port.public and port.protocol in (Protocol.HTTP, Protocol.GRPC):
        way = f"gateway {port.gateway}" if port.gateway else f"class {port.ingress_class or ''}"
        for host in dict.fromkeys(port.hosts) or ("every host, path ",):
            yield _host(port, host), (way, host, port.path.rstrip("/"))


def _host(port: PortDeclaration, host: str) -> Node:
    """Where a port names a host; the port itself when it names none."""
    node = port.at.get("hosts")
    places = node.elements() if node is not None else []
    return next((place for place in places if place.value == host), port.at)


def check_probes(context: Context, findings: Findings) -> None:
    """Probes of a port that the service does not declare, and thresholds that Kubernetes refuses."""
    for name, service in context.services.items():
        if not isinstance(service, Serving) or service.health_checks is None:
            continue
        for kind in ("readiness", "liveness", "startup"):
            probe: ProbeDeclaration | None = getattr(service.health_checks, kind)
            if probe is None:
                continue
            if kind != "readiness" and probe.success_threshold != 1:
                message = f"the {kind} check has to count as healthy after 1 success"
                hint = "leave `successThreshold` out: only a readiness check has one"
                error(findings, "STC106", place(probe.at, "successThreshold"), message, hint=hint)
            if service.ports and context.is_whole(name, "ports"):
                _check_probe_port(service, kind, probe, findings)


def _check_probe_port(service: Serving, kind: str, probe: ProbeDeclaration, findings: Findings) -> None:
    declared = {port.internal for port in service.ports}
    for target in (probe.http, probe.tcp, probe.grpc):
        if target is not None and target.port not in declared:
            ports = listed([str(number) for number in sorted(declared)])
            message = f"the {kind} check asks port {target.port}, which is not among the ports"
            hint = f"the service listens on {ports}"
            warning(findings, "STC407", place(target.at, "port"), message, hint=hint)


def check_cron(context: Context, findings: Findings) -> None:
    """Schedules and time zones that Kubernetes does not take."""
    for service in context.services.values():
        if not isinstance(service, JobService) or service.cron is None:
            continue
        # Few specs have any.
        from compiler.values.cron import check_timezone, parse_schedule

        _judge(findings, "STC410", service, "schedule", parse_schedule, service.cron.schedule)
        _judge(findings, "STC411", service, "timezone", check_timezone, service.cron.timezone)


def _judge(findings: Findings, code: str, service: Service, field: str, judge: object, value: str) -> None:
    try:
        judge(value)  # type: ignore[operator]
    except Malformed as problem:
        error(findings, code, place(service.at, "cron", field), problem.message, hint=problem.hint)


def check_databases(context: Context, findings: Findings) -> None:
    """A managed database needs a host; one in the cluster has none."""
    for name, service in context.services.items():
        if not isinstance(service, DatabaseService):
            continue
        managed = service.mode is DatabaseMode.MANAGED
        if not context.is_whole(name):
            continue
        if managed and service.host is None:
            span = place(service.at, "mode")
            hint = "add `host`: the name that the database answers under"
            error(findings, "STC107", span, f"the managed database `{name}` has no `host`", hint=hint)
        elif not managed and service.host is not None:
            span = place(service.at, "host")
            hint = "remove it, or write `mode: managed`"
            error(
                findings, "STC107", span, f"`{name}` runs in the cluster, so its host is `{name}`", hint=hint
            )


def check_estimates(context: Context, findings: Findings) -> None:
    """A spread that ends below its middle."""
    for service in context.services.values():
        if service.estimates is None:
            continue
        for estimate in (service.estimates.build, service.estimates.deploy):
            if isinstance(estimate, Distribution):
                check_spread(estimate, findings)


def check_spread(estimate: Distribution, findings: Findings) -> None:
    """One distribution whose 90 % quantile lies below its median."""
    if estimate.median is not None and estimate.p90 is not None and estimate.p90 < estimate.median:
        label = Label(place(estimate.at, "median"), "the median")
        message = "nine of ten runs cannot take less than half of them do"
        span = place(estimate.at, "p90")
        error(findings, "STC106", span, message, labels=(label,), hint="swap `median` and `p90`")
