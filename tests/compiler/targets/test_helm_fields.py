"""Every field of the plan's workloads lands in what Kubernetes gets, or is listed here with the reason.

For each field two workloads that differ in it alone; their manifests must differ
as well. A field that somebody adds to the plan fails the first test until it is here.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from compiler.plan.model import (
    Chart,
    ConfigFile,
    Cron,
    Database,
    Image,
    Job,
    JobRun,
    Literal,
    PathFilter,
    Port,
    Probe,
    Protocol,
    Replicas,
    Resources,
    Rollout,
    SecretRef,
    ServiceType,
    Variable,
    Volume,
    Workload,
)
from compiler.targets.helm.values import service_values
from helm_plans import BUILT, PREBUILT, application, database, foreign, job, kinds, plan, render, values_of

PORT = Port("http", 80, 80, Protocol.HTTP, True, ("a.example.com",))
FILE = ConfigFile("/etc/a", "b")
VOLUME = Volume("data", 2**30, "/data")
HTTP = Probe("http", 80, "/a")
CRON = Cron("0 1 * * *", "UTC")
ELSEWHERE = Variable("A", (Literal("b"),))


def ports(**fields: Any) -> Workload:
    return application(ports=(dataclasses.replace(PORT, **fields),))


def volumes(**fields: Any) -> Workload:
    return application(volumes=(dataclasses.replace(VOLUME, **fields),))


def files(**fields: Any) -> Workload:
    return application(files=(dataclasses.replace(FILE, **fields),))


def probe(kind: str = "http", **fields: Any) -> Workload:
    return application(readiness=dataclasses.replace(HTTP, kind=kind, **fields))


def jobs(run: JobRun | None = JobRun.START, **fields: Any) -> Workload:
    made = job(run)
    assert made.job is not None
    return dataclasses.replace(made, job=dataclasses.replace(made.job, **fields))


def cron(**fields: Any) -> Workload:
    return jobs(None, cron=dataclasses.replace(CRON, **fields))


def engine(sort: str = "postgresql", version: str = "16", **fields: Any) -> Workload:
    made = database(sort, version)
    assert made.database is not None
    return dataclasses.replace(made, database=dataclasses.replace(made.database, **fields))


def managed(host: str = "db.example.com") -> Workload:
    return database("postgresql", "16", host=host)


def different(**fields: Any) -> tuple[Workload, Workload]:
    return application(), dataclasses.replace(application(), **fields)


# Reasons for fields that are not a matter of the manifests.
DEPLOYED_BY_OTHERS = "order, limits and timeouts of deployments are the deploying target's"
NOT_OURS = "the service brings its own chart or none; see below"

FIELDS: dict[str, tuple[Workload, Workload] | str] = {
    "Workload.service": (application("a"), dataclasses.replace(application("b"), release="shop-a")),
    "Workload.type": different(type=ServiceType.CONTAINER),
    "Workload.stage": DEPLOYED_BY_OTHERS,
    "Workload.release": different(release="other"),
    "Workload.timeout_s": different(timeout_s=601),
    "Workload.resources": different(resources=Resources(501, 512_000_000)),
    "Workload.image": different(image=PREBUILT.id),
    "Workload.entrypoint": different(entrypoint=("a",)),
    "Workload.arguments": different(arguments=("a",)),
    "Workload.replicas": different(replicas=Replicas(2, 2)),
    "Workload.rollout": different(rollout=Rollout("recreate")),
    "Workload.ports": different(ports=(PORT,)),
    "Workload.volumes": different(volumes=(VOLUME,)),
    "Workload.files": different(files=(FILE,)),
    "Workload.readiness": different(readiness=HTTP),
    "Workload.liveness": different(liveness=HTTP),
    "Workload.startup": different(startup=HTTP),
    "Workload.variables": different(variables=(ELSEWHERE,)),
    "Workload.job": (job(JobRun.START, "a"), job(JobRun.DELETE, "a")),
    "Workload.database": (engine(), engine("mysql")),
    "Workload.chart": NOT_OURS,
    "Workload.terraform": NOT_OURS,
    "Workload.service_account": different(service_account="a"),
    "Workload.non_root_user": different(non_root_user=5),
    "Workload.affinity": different(affinity={"nodeAffinity": {"a": 1}}),
    "Workload.node_selector": different(node_selector=(("a", "b"),)),
    "Workload.labels": different(labels=(("a", "b"),)),
    "Workload.annotations": different(annotations=(("a", "b"),)),
    "Workload.values": different(values={"pod": {"priorityClassName": "a"}}),
    "Workload.path_filter": "says when a pipeline starts",
    "Workload.depends_on": DEPLOYED_BY_OTHERS,
    "Port.name": (ports(), ports(name="web")),
    "Port.internal": (ports(), ports(internal=81)),
    "Port.external": (ports(), ports(external=81)),
    "Port.protocol": (ports(), ports(protocol=Protocol.GRPC)),
    "Port.public": (ports(), ports(public=False)),
    "Port.hosts": (ports(), ports(hosts=("b.example.com",))),
    "Port.path": (ports(), ports(path="/a")),
    "Port.tls_secret": (ports(), ports(tls_secret="tls")),
    "Port.ingress_class": (ports(), ports(ingress_class="nginx")),
    "Port.gateway": (ports(), ports(gateway="public")),
    "Volume.name": (volumes(), volumes(name="logs")),
    "Volume.size_bytes": (volumes(), volumes(size_bytes=2**31)),
    "Volume.mount": (volumes(), volumes(mount="/logs")),
    "Volume.storage_class": (volumes(), volumes(storage_class="fast")),
    "ConfigFile.mount": (files(), files(mount="/etc/b")),
    "ConfigFile.content": (files(), files(content=SecretRef("a", "b"))),
    "ConfigFile.mode": (files(), files(mode=0o755)),
    "Probe.kind": (probe(), probe("tcp")),
    "Probe.port": (probe(), probe(port=81)),
    "Probe.path": (probe(), probe(path="/b")),
    "Probe.scheme": (probe(), probe(scheme="HTTPS")),
    "Probe.service": (probe("grpc"), probe("grpc", service="a")),
    "Probe.command": (probe("exec", command=("a",)), probe("exec", command=("b",))),
    "Probe.initial_delay_s": (probe(), probe(initial_delay_s=1)),
    "Probe.period_s": (probe(), probe(period_s=1)),
    "Probe.timeout_s": (probe(), probe(timeout_s=1)),
    "Probe.success_threshold": (probe(), probe(success_threshold=2)),
    "Probe.failure_threshold": (probe(), probe(failure_threshold=2)),
    "Replicas.minimum": different(replicas=Replicas(0, 1)),
    "Replicas.maximum": different(replicas=Replicas(1, 3)),
    "Replicas.target_cpu_percent": (
        application(replicas=Replicas(1, 3, 50)),
        application(replicas=Replicas(1, 3, 70)),
    ),
    "Rollout.strategy": different(rollout=Rollout("recreate")),
    "Rollout.max_surge": different(rollout=Rollout(max_surge="1")),
    "Rollout.max_unavailable": different(rollout=Rollout(max_unavailable="1")),
    "Rollout.grace_period_s": different(rollout=Rollout(grace_period_s=1)),
    "Cron.schedule": (cron(), cron(schedule="0 2 * * *")),
    "Cron.timezone": (cron(), cron(timezone="Europe/Paris")),
    "Cron.concurrency": (cron(), cron(concurrency="Replace")),
    "Cron.history_succeeded": (cron(), cron(history_succeeded=2)),
    "Cron.history_failed": (cron(), cron(history_failed=2)),
    "Job.run": (jobs(), jobs(run=JobRun.DELETE)),
    "Job.cron": (jobs(None), jobs(run=JobRun.STOP, cron=None)),
    "Job.max_restarts": (jobs(), jobs(max_restarts=2)),
    "Job.max_duration_s": (jobs(), jobs(max_duration_s=301)),
    "Job.outputs": (jobs(), jobs(outputs=("A",))),
    "Database.engine": (engine(), engine("mysql")),
    "Database.version": (engine("mongodb", "7"), engine("mongodb", "4.4")),
    "Database.managed": (engine(), managed()),
    "Database.port": (engine(), engine(port=1)),
    "Database.name": (engine(), engine(name="a")),
    "Database.username": (engine(), engine(username="a")),
    "Database.password": (engine(), engine(password=SecretRef("a", "b"))),
    "Database.host": (managed(), managed("other.example.com")),
    "Variable.name": (application(variables=(ELSEWHERE,)), application(variables=(Variable("B", ()),))),
    "Variable.parts": (
        application(variables=(ELSEWHERE,)),
        application(variables=(Variable("A", (SecretRef("a", "b"),)),)),
    ),
}
IMAGES: dict[str, Image | str] = {
    "id": "names the image inside the plan",
    "repository": dataclasses.replace(PREBUILT, repository="registry.example.com/other"),
    "build": "says who makes the image; the deployment gives its tag or digest",
    "origin": "where the copy comes from; pods pull the copy",
    "tag": dataclasses.replace(PREBUILT, tag="1.3"),
    "digest": dataclasses.replace(PREBUILT, digest="sha256:" + "0" * 64),
    "mirror": "the task that copies the image",
    "credentials": dataclasses.replace(PREBUILT, credentials="pull"),
    "origin_credentials": "opens the origin to whoever copies",
}
CHART = {
    "repository": NOT_OURS,
    "name": NOT_OURS,
    "version": NOT_OURS,
    "source": NOT_OURS,
    "values": {"replicaCount": 3},
    "set_values": "flags of the deployment",
    "value_files": "flags of the deployment",
    "arguments": "flags of the deployment",
}


def names(kind: Any) -> list[str]:
    return [f"{kind.__name__}.{field.name}" for field in dataclasses.fields(kind)]


def test_no_field_is_forgotten() -> None:
    kinds_of_parts = (
        Workload,
        Port,
        Volume,
        ConfigFile,
        Probe,
        Replicas,
        Rollout,
        Cron,
        Job,
        Database,
        Variable,
    )
    assert sorted(FIELDS) == sorted(name for kind in kinds_of_parts for name in names(kind))
    assert sorted(IMAGES) == sorted(field.name for field in dataclasses.fields(Image))
    assert sorted(CHART) == sorted(field.name for field in dataclasses.fields(Chart))
    assert {field.name for field in dataclasses.fields(PathFilter)} == {"match", "exclude"}


@pytest.mark.parametrize("name", [name for name, pair in FIELDS.items() if not isinstance(pair, str)])
def test_every_field_lands(name: str) -> None:
    pair = FIELDS[name]
    assert isinstance(pair, tuple)
    before, after = pair
    assert before != after
    assert render(before) != render(after)


@pytest.mark.parametrize("name", [name for name, image in IMAGES.items() if isinstance(image, Image)])
def test_every_field_of_an_image_lands(name: str) -> None:
    changed = IMAGES[name]
    assert isinstance(changed, Image)
    workload = dataclasses.replace(application(), image=PREBUILT.id)

    def rendered(image: Image) -> Any:
        return render(workload, service_values(plan(workload), workload, image), tag=None)

    assert rendered(changed) != rendered(PREBUILT)
    assert BUILT.repository not in str(rendered(changed))


def test_values_of_a_foreign_chart_land_and_the_rest_is_left_to_who_deploys() -> None:
    made = foreign()
    assert made.chart is not None
    changed = dataclasses.replace(made, chart=dataclasses.replace(made.chart, values=CHART["values"]))  # type: ignore[arg-type]
    assert values_of(changed) == CHART["values"]
    for name, reason in CHART.items():
        if isinstance(reason, str):
            other = dataclasses.replace(made, chart=dataclasses.replace(made.chart, **{name: None}))  # type: ignore[arg-type]
            assert values_of(other) == values_of(made)


def test_fields_with_a_reason_change_nothing() -> None:
    """A reason that no longer holds is to be removed."""
    said = {"stage": "other", "path_filter": PathFilter(("a",), ("b",)), "depends_on": ("other",)}
    changed = dataclasses.replace(application(), **said)  # type: ignore[arg-type]
    assert kinds(render(changed)) == kinds(render(application()))
    assert render(changed) == render(application())
