"""One service of the spec to the span-free record that back ends deploy."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from compiler.plan.model import (
    Chart,
    ConfigFile,
    Cron,
    Database,
    Job,
    PathFilter,
    Port,
    Probe,
    Replicas,
    Rollout,
    Source,
    Terraform,
    Variable,
    Volume,
    Workload,
)
from compiler.spec.context import Context, git_source
from compiler.spec.model import (
    Commanded,
    DatabaseService,
    FileSource,
    HelmService,
    JobService,
    PortDeclaration,
    ProbeDeclaration,
    ReplicaRange,
    RunningService,
    Service,
    Serving,
    TerraformService,
    VariableSource,
)
from compiler.spec.sources import is_local_repository, resolve_file
from compiler.spec.variables import DATABASE_PORTS, Parts, database_password, has_names, secret_ref
from compiler.vocabulary import DatabaseMode, Resources

# docs/concepts.md: Helm's timeout for applications is at least this.
_HELM_TIMEOUT_S = 600
# docs/concepts.md: the platform's delay before the first check.
_START_S = 30.0


def lower_workload(context: Context, name: str, active: Mapping[str, Service], image: str | None) -> Workload:
    """The workload of one service; `image` is the id of its image."""
    service = context.services[name]
    fields = {
        "service": name,
        "type": service.type,
        "stage": context.stages[context.stage_of[name]].name,
        "release": name,
        "timeout_s": deploy_timeout_s(service),
        "resources": _resources(service),
        "image": image,
        "labels": tuple(sorted((service.labels or {}).items())),
        "annotations": tuple(sorted((service.annotations or {}).items())),
        "depends_on": tuple(sorted({other for other in service.depends_on if other in active})),
    }
    if service.path_filter is not None:
        fields["path_filter"] = PathFilter(service.path_filter.match, service.path_filter.exclude)
    if isinstance(service, RunningService):
        fields |= _running(context, name, service)
    if isinstance(service, Commanded):
        fields |= {"entrypoint": service.entrypoint, "arguments": service.arguments}
    if isinstance(service, Serving):
        fields |= _serving(service)
    if isinstance(service, JobService):
        fields["job"] = _job(service)
    elif isinstance(service, DatabaseService):
        fields |= _database(name, service)
    elif isinstance(service, HelmService):
        fields["chart"] = _chart(context, service)
    elif isinstance(service, TerraformService):
        fields["terraform"] = _terraform(context, name, service)
    return Workload(**fields)  # type: ignore[arg-type]


def deploy_timeout_s(service: Service) -> int:
    """How long a deployment may take, in seconds.

    An application: max(600, initial delay + (timeout + period) x failure
    threshold); a job: 60 + duration x (restarts + 1) (docs/concepts.md). A cron
    job is only installed, not run.
    """
    if isinstance(service, JobService):
        if service.cron is not None:
            return _HELM_TIMEOUT_S
        return 60 + math.ceil(service.max_duration) * (service.max_restarts + 1)
    if isinstance(service, HelmService | TerraformService):
        return math.ceil(service.timeout)
    slowest = 0.0
    if isinstance(service, Serving) and service.health_checks is not None:
        checks = service.health_checks
        slowest = max(
            (
                _delay_s(probe) + (probe.timeout + probe.period) * probe.failure_threshold
                for probe in (checks.readiness, checks.liveness, checks.startup)
                if probe is not None
            ),
            default=0.0,
        )
    return max(_HELM_TIMEOUT_S, math.ceil(slowest))


def _resources(service: Service) -> Resources:
    if isinstance(service, RunningService | TerraformService):
        return Resources(service.cpu, service.memory)
    return Resources(0, 0)


def _running(context: Context, name: str, service: RunningService) -> dict[str, object]:
    return {
        "variables": _variables(context.variables[name].values),
        "files": tuple(_files(context, name, service)),
        "service_account": service.service_account,
        "non_root_user": _user(context, service),
        "affinity": service.affinity or {},
        "node_selector": tuple(sorted((service.node_selector or {}).items())),
        "values": service.values or {},
    }


def _variables(values: Mapping[str, Parts]) -> tuple[Variable, ...]:
    return tuple(Variable(key, values[key]) for key in sorted(values))


def _files(context: Context, name: str, service: RunningService) -> Iterator[ConfigFile]:
    for file in service.files:
        content = secret_ref(file.secret) if file.secret is not None else file.content or ""
        yield ConfigFile(file.mount, content, 0o755 if file.executable else 0o644)
    for variable in context.variables[name].declared.values():
        said = variable.declared
        if isinstance(said, VariableSource) and said.file is not None:
            yield ConfigFile(said.file.mount, said.file.content)


def _user(context: Context, service: RunningService) -> int | None:
    """The numeric user that the container runs as: the spec's, or the Dockerfile's where it is here."""
    if service.security is not None and service.security.user is not None:
        return service.security.user
    source = git_source(service)
    if source is None or not is_local_repository(source.repository):
        return None
    dockerfile = context.dockerfiles.get(context.sources.resolve(source).dockerfile or "")
    user = dockerfile.final_user(source.target) if dockerfile is not None else None
    number = (user or "").split(":", 1)[0]
    return int(number) if number.isascii() and number.isdigit() and 0 < int(number) < 2**31 else None


def _serving(service: Serving) -> dict[str, object]:
    fields: dict[str, object] = {
        "replicas": _replicas(service),
        "ports": tuple(_port(port) for port in service.ports),
        "volumes": tuple(
            Volume(
                volume.name or ("data" if not index else f"data-{index + 1}"),
                volume.size,
                volume.mount,
                volume.storage_class,
            )
            for index, volume in enumerate(service.storage)
        ),
    }
    if service.rollout is not None:
        said = service.rollout
        fields["rollout"] = Rollout(
            said.strategy.value, said.max_surge, said.max_unavailable, math.ceil(said.grace_period)
        )
    if service.health_checks is not None:
        fields |= _probes(service)
    return fields


def _replicas(service: Serving) -> Replicas:
    said = service.replicas
    if not isinstance(said, ReplicaRange):
        count = 1 if said is None else said
        return Replicas(count, count)
    maximum = said.max if said.max is not None and not service.storage else said.min
    return Replicas(said.min, max(said.min, maximum), said.target_cpu)


def _port(port: PortDeclaration) -> Port:
    return Port(
        name=port.name or f"{port.protocol.value.lower()}-{port.internal}",
        internal=port.internal,
        external=port.external or port.internal,
        protocol=port.protocol,
        public=port.public,
        hosts=port.hosts,
        path=port.path,
        tls_secret=port.tls.secret if port.tls else None,
        ingress_class=port.ingress_class,
        gateway=port.gateway,
    )


def _probes(service: Serving) -> dict[str, Probe | None]:
    """The probes. A startup probe stands in for a liveness check's initial delay: it ends when it can."""
    checks = service.health_checks
    assert checks is not None
    readiness = _probe(checks.readiness, delayed=True)
    startup = _probe(checks.startup, delayed=True)
    liveness = _probe(checks.liveness, delayed=False)
    if checks.liveness is not None and startup is None:
        said = checks.liveness
        waits = math.ceil(_delay_s(said) / max(said.period, 1))
        startup = _probe(said, delayed=False, failures=said.failure_threshold + waits)
    return {"readiness": readiness, "liveness": liveness, "startup": startup}


def _delay_s(probe: ProbeDeclaration) -> float:
    """The time that a container is given to come up, where the spec says nothing that of the platform."""
    return _START_S if probe.initial_delay is None else probe.initial_delay


def _probe(said: ProbeDeclaration | None, *, delayed: bool, failures: int | None = None) -> Probe | None:
    if said is None:
        return None
    kind = next(kind for kind in ("http", "tcp", "grpc", "exec") if getattr(said, kind) is not None)
    way = getattr(said, kind)
    return Probe(
        kind=kind,
        port=getattr(way, "port", None),
        path=getattr(way, "path", None),
        scheme=getattr(way, "scheme", None),
        service=getattr(way, "service", None),
        command=getattr(way, "command", ()),
        initial_delay_s=math.ceil(said.initial_delay or 0) if delayed else 0,
        period_s=max(1, math.ceil(said.period)),
        timeout_s=max(1, math.ceil(said.timeout)),
        success_threshold=said.success_threshold,
        failure_threshold=failures or said.failure_threshold,
    )


def _job(service: JobService) -> Job:
    cron = Cron(service.cron.schedule, service.cron.timezone) if service.cron is not None else None
    return Job(service.run, cron, service.max_restarts, math.ceil(service.max_duration), service.outputs)


def _database(name: str, service: DatabaseService) -> dict[str, object]:
    managed = service.mode is DatabaseMode.MANAGED
    named = has_names(service.engine)
    database = Database(
        engine=service.engine,
        version=service.version,
        managed=managed,
        port=service.port or DATABASE_PORTS[service.engine],
        name=(service.database or name) if named else None,
        username=(service.username or name) if named else None,
        password=database_password(name, service),
        host=service.host if managed else None,
    )
    volumes = (
        () if managed else (Volume("data", service.storage, _DATA[service.engine], service.storage_class),)
    )
    return {"database": database, "volumes": volumes}


# Where the official images keep their data.
_DATA = {
    "postgresql": "/var/lib/postgresql/data",
    "mysql": "/var/lib/mysql",
    "mongodb": "/data/db",
    "redis": "/data",
}


def _chart(context: Context, service: HelmService) -> Chart:
    said = service.chart
    return Chart(
        repository=said.repository,
        name=said.name,
        version=said.version,
        source=_files_of(context, said.source) if said.source is not None else None,
        values=service.values or {},
        set_values=tuple(sorted((service.set or {}).items())),
        value_files=tuple(
            resolve_file(context.root, node, path, "valueFiles")
            for node, path in zip(service.at.at(("valueFiles",)).elements(), service.value_files, strict=True)
        ),
        arguments=service.arguments,
    )


def _terraform(context: Context, name: str, service: TerraformService) -> Terraform:
    return Terraform(
        source=_files_of(context, service.source),
        engine=service.engine.value,
        version=service.version,
        backend=service.backend.value,
        variables=_variables(context.variables[name].values),
    )


def _files_of(context: Context, source: FileSource) -> Source:
    resolved = context.sources.resolve(source)
    credentials = secret_ref(source.credentials) if source.credentials else None
    return Source(resolved.repository, resolved.ref, resolved.context, credentials=credentials)
