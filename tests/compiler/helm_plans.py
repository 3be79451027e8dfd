"""Plans with every kind of workload, and what the Helm SDK renders from them."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import helm_python

from compiler.plan.model import (
    BuildCache,
    BuildLimits,
    Chart,
    ConfigFile,
    Cron,
    Database,
    Delivery,
    Image,
    Job,
    JobRun,
    Limits,
    Literal,
    Plan,
    Port,
    Probe,
    Protocol,
    Replicas,
    Resources,
    Rollout,
    SecretRef,
    ServiceType,
    Strategy,
    Target,
    Variable,
    Volume,
    Workload,
)
from compiler.targets.helm.charts import chart_artifacts
from compiler.targets.helm.layout import ChartKind, chart_kind, chart_path
from compiler.targets.helm.values import service_values

Manifest = dict[str, Any]

SIZE = Resources(500, 512_000_000)
BUILT = Image("web", "registry.example.com/shop/web", build="build:web", credentials="pull-web")
PREBUILT = Image("store", "registry.example.com/shop/store", origin="docker.io/acme/store:1.2", tag="1.2")
IMAGES = (BUILT, PREBUILT)
PASSWORD = SecretRef("credentials", "password")


def plan(*workloads: Workload, environment: str = "shop") -> Plan:
    """A plan of these workloads; the Helm back end reads nothing else but images and names."""
    size = Resources(4000, 4 * 10**9)
    pool = Resources(28_000, 28 * 10**9)
    return Plan(
        environment=environment,
        digest="0" * 64,
        spec="environments/shop.yaml",
        strategy=Strategy.BUILD_FIRST,
        delivery=Delivery.HELM,
        target=Target("shop", None),
        stages=(),
        limits=Limits(BuildLimits(7, 7, size, 1800, pool, BuildCache.REGISTRY), 7),
        builds=(),
        images=IMAGES,
        workloads=workloads,
        tasks=(),
    )


def application(name: str = "web", **fields: Any) -> Workload:
    """An application with nothing but a built image."""
    return Workload(
        name, ServiceType.APPLICATION, "application", f"shop-{name}", 600, SIZE, BUILT.id, **fields
    )


def job(run: JobRun | None = JobRun.START, name: str = "", **fields: Any) -> Workload:
    """A lifecycle job, or a cron job where `run` is None."""
    name = name or (run.value if run else "cron")
    cron = None if run else Cron("30 3 * * 1", "Europe/Paris")
    outputs = fields.pop("outputs", ())
    return Workload(
        name,
        ServiceType.JOB,
        "job",
        f"shop-{name}",
        660,
        SIZE,
        PREBUILT.id,
        job=Job(run, cron, 1, 300, outputs),
        **fields,
    )


def database(engine: str, version: str, *, host: str | None = None, **fields: Any) -> Workload:
    """A database in the cluster, or a managed one where there is a host."""
    port = {"postgresql": 5432, "mysql": 3306, "mongodb": 27017, "redis": 6379}[engine]
    named = None if engine == "redis" else "shop"
    parts = {"port": port, "name": named, "username": named, **fields.pop("database", {})}
    fields.setdefault("volumes", () if host else (Volume("data", 10 * 2**30, "/data"),))
    return Workload(
        engine,
        ServiceType.DATABASE,
        "database",
        f"shop-{engine}",
        600,
        SIZE,
        None if host else PREBUILT.id,
        database=Database(engine, version, host is not None, password=PASSWORD, host=host, **parts),
        **fields,
    )


def foreign(**fields: Any) -> Workload:
    """A service of type helm."""
    chart = Chart(
        "https://charts.example.com", "nginx", "1.2.3", None, {"replicaCount": 2, "on": {"y": "no"}}
    )
    return Workload("proxy", ServiceType.HELM, "container", "shop-proxy", 600, SIZE, chart=chart, **fields)


FULL = application(
    entrypoint=("/bin/web", "$(id)"),
    arguments=("--listen", "{{ .Values.port }}"),
    replicas=Replicas(2, 5, 70),
    rollout=Rollout("rolling", "1", "0%", 45),
    ports=(
        Port("http", 8080, 80, Protocol.HTTP, True, ("a.example.com", "b.example.com"), "/", "tls", "nginx"),
        Port("grpc", 9090, 9090, Protocol.GRPC, True, ("g.example.com",)),
        Port("route", 8081, 81, Protocol.HTTP, True, ("r.example.com",), "/api", gateway="infra/public"),
        Port("calls", 9091, 82, Protocol.GRPC, True, (), "/shop.Cart/Add", gateway="public"),
        Port("dns", 53, 53, Protocol.UDP, True),
        Port("dns-tcp", 53, 53, Protocol.TCP, True),
        Port("admin", 9000, 9000, Protocol.TCP, False),
    ),
    files=(
        ConfigFile("/etc/web/app.ini", "[web]\nlisten = on\n"),
        ConfigFile("/etc/other/app.ini", SecretRef("shop-files", "app"), 0o400),
        ConfigFile("/opt/run.sh", "#!/bin/sh\n", 0o755),
    ),
    readiness=Probe("http", 8080, "/healthz", "HTTPS", initial_delay_s=3),
    liveness=Probe("exec", command=("sh", "-c", "test $PPID")),
    startup=Probe("grpc", 9090, service="shop.Web", failure_threshold=60),
    variables=(
        Variable("URL", (Literal("postgres://shop:"), PASSWORD, Literal("@db/$x"))),
        Variable("TOKEN", (SecretRef("shop-api", "token"),)),
        Variable("PLAIN", (Literal("$(id)"),)),
        Variable("EMPTY", ()),
    ),
    service_account="shop",
    non_root_user=1000,
    affinity={
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 1, "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname"}}
            ]
        }
    },
    node_selector=(("disk", "ssd"),),
    labels=(("team", "checkout"), ("app.kubernetes.io/version", "mine")),
    annotations=(("example.com/note", "on"),),
    values={
        "pod": {"priorityClassName": "high", "tolerations": [{"key": "a", "operator": "Exists"}]},
        "container": {"workingDir": "/srv"},
        "sidecars": [{"name": "proxy", "image": "envoy:1"}],
        "extraEnv": [{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "extraVolumes": [{"name": "tmp", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
        "serviceAnnotations": {"example.com/service": "1"},
        "ingressAnnotations": {"example.com/ingress": "1"},
    },
)
STATEFUL = Workload(
    "store",
    ServiceType.CONTAINER,
    "container",
    "shop-store",
    600,
    SIZE,
    PREBUILT.id,
    replicas=Replicas(3, 3),
    ports=(Port("tcp", 7000, 7000, Protocol.TCP, False),),
    volumes=(Volume("data", 10 * 2**30, "/data", "fast"), Volume("logs", 2 * 10**9, "/logs")),
)
EVERYTHING = (
    FULL,
    STATEFUL,
    application("bare"),
    job(JobRun.START, outputs=("URL",), files=(ConfigFile("/etc/job", "a"),)),
    job(JobRun.STOP),
    job(JobRun.DELETE, service_account="cleaner", outputs=("X",)),
    job(None),
    database("postgresql", "16"),
    database("mysql", "8.4"),
    database("mongodb", "7"),
    database("redis", "7.4"),
)
MANAGED = (
    database("postgresql", "16", host="db.example.com"),
    database("mysql", "8.4", host="10.0.0.7"),
    database("redis", "7", host="fd00::7"),
)


@cache
def charts_folder() -> Path:
    """A folder with all our charts, as the compiler writes them."""
    folder = tempfile.TemporaryDirectory(prefix="stagecast-charts-")
    _FOLDERS.append(folder)
    for kind in ("workload", "job", "database"):
        write(Path(folder.name), chart_artifacts(kind))
    return Path(folder.name)


_FOLDERS: list[tempfile.TemporaryDirectory[str]] = []


def write(root: Path, artifacts: Iterable[Any]) -> None:
    """Put artifacts on the disk."""
    for artifact in artifacts:
        path = root / artifact.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(artifact.content.encode())


@cache
def _chart(kind: ChartKind) -> helm_python.Chart:
    return helm_python.Chart.load(charts_folder() / chart_path(kind))


def values_of(workload: Workload, environment: str = "shop") -> dict[str, Any]:
    """The values of a workload, before they are written."""
    image = next((image for image in IMAGES if image.id == workload.image), None)
    values = service_values(plan(workload, environment=environment), workload, image)
    assert values is not None
    return values


def render(
    workload: Workload, values: dict[str, Any] | None = None, tag: str | None = "v1"
) -> list[Manifest]:
    """The manifests of a workload from the Helm 4 SDK, values checked against the chart's schema."""
    values = values if values is not None else values_of(workload)
    if tag is not None and "image" in values and workload.image == BUILT.id:
        values = values | {"image": values["image"] | {"tag": tag}}
    kind = chart_kind(workload)
    assert kind is not None
    chart = _chart(kind)
    chart.validate_schema(values)
    files = chart.render(values, name=workload.release, namespace="shop")
    return [manifest for path in sorted(files) for manifest in parse(files[path])]


def parse(text: str) -> list[Manifest]:
    """The manifests of a stream, read by Helm's own YAML parser; no string in ours spans lines."""
    documents = re.split(r"^---$", text, flags=re.MULTILINE)
    return [found for document in documents if (found := helm_python.values_from_yaml(document))]


def one(manifests: list[Manifest], kind: str, name: str | None = None) -> Manifest:
    """The only manifest of a kind (and name)."""
    found = [m for m in manifests if m["kind"] == kind and name in (None, m["metadata"]["name"])]
    assert len(found) == 1, [(m["kind"], m["metadata"]["name"]) for m in manifests]
    return found[0]


def kinds(manifests: list[Manifest]) -> list[str]:
    """Kinds, sorted."""
    return sorted(manifest["kind"] for manifest in manifests)


def pod_template(manifests: list[Manifest]) -> Manifest:
    """The pod template of whatever makes pods."""
    for manifest in manifests:
        if manifest["kind"] == "CronJob":
            return manifest["spec"]["jobTemplate"]["spec"]["template"]  # type: ignore[no-any-return]
        if manifest["kind"] in ("Deployment", "StatefulSet", "Job"):
            return manifest["spec"]["template"]  # type: ignore[no-any-return]
    raise AssertionError(kinds(manifests))


def container(manifests: list[Manifest]) -> Manifest:
    """The first container of the pod."""
    return pod_template(manifests)["spec"]["containers"][0]  # type: ignore[no-any-return]
