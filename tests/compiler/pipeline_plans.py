"""Plans made by hand for the tests of CI back ends: small, complete, without a spec."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ruamel.yaml import YAML

from compiler.plan.model import (
    Build,
    BuildCache,
    BuildLimits,
    BuildSecret,
    Chart,
    Delivery,
    Image,
    Limits,
    Plan,
    Resources,
    SecretRef,
    ServiceType,
    Source,
    Stage,
    Strategy,
    Target,
    Task,
    TaskKind,
    Volume,
    Workload,
    task_id,
)
from compiler.targets import ci
from compiler.targets.ci.names import data_path
from compiler.targets.github import emit

CPU, GB = 4000, 10**9
BUILD_SIZE = Resources(CPU, 4 * GB)
MIRROR = "registry.example.com/shop"


@dataclass(frozen=True)
class Service:
    """What a test says of a service: built from Git, or an image that is mirrored, or a chart of its own."""

    name: str
    stage: str
    built: bool = False
    chart: Chart | None = None
    stateful: bool = False
    depends_on: tuple[str, ...] = ()


def build(name: str, *, source: Source | None = None, resources: Resources = BUILD_SIZE) -> Build:
    """A build of one service from the folder of its name."""
    return Build(
        id=task_id(TaskKind.BUILD, name),
        image=name,
        services=(name,),
        source=source or Source(".", None, name, f"{name}/Dockerfile", platforms=("linux/amd64",)),
        arguments=(),
        secrets=(),
        resources=resources,
        timeout_s=1800,
        cache=BuildCache.REGISTRY,
    )


def make_plan(
    services: Sequence[Service],
    *,
    strategy: Strategy = Strategy.BUILD_FIRST,
    delivery: Delivery = Delivery.HELM,
    slots: int = 7,
    deploy_parallelism: int = 7,
    builds: Mapping[str, Build] | None = None,
) -> Plan:
    """The plan of some services; the stages stand in the order in which they are first named."""
    names = list(dict.fromkeys(service.stage for service in services))
    made = {s.name: (builds or {}).get(s.name) or build(s.name) for s in services if s.built}
    return Plan(
        environment="shop",
        digest="0" * 64,
        spec="shop.yaml",
        strategy=strategy,
        delivery=delivery,
        target=Target("shop", "prod-eu"),
        stages=tuple(Stage(n, tuple(s.name for s in services if s.stage == n)) for n in names),
        limits=Limits(
            BuildLimits(7, slots, BUILD_SIZE, 1800, Resources(28000, 28 * GB), BuildCache.REGISTRY),
            deploy_parallelism,
        ),
        builds=tuple(made.values()),
        images=tuple(_image(service) for service in services if service.chart is None),
        workloads=tuple(_workload(service) for service in services),
        tasks=tuple(_tasks(services, strategy, delivery)),
    )


def _image(service: Service) -> Image:
    repository = f"{MIRROR}/{service.name}"
    if service.built:
        return Image(service.name, repository, build=task_id(TaskKind.BUILD, service.name))
    origin = f"docker.io/library/{service.name}:1.2"
    return Image(service.name, repository, None, origin, "1.2", mirror=task_id(TaskKind.MIRROR, service.name))


def _workload(service: Service) -> Workload:
    kind = ServiceType.APPLICATION if service.built else ServiceType.CONTAINER
    return Workload(
        service=service.name,
        type=kind if service.chart is None else ServiceType.HELM,
        stage=service.stage,
        release=service.name,
        timeout_s=600,
        resources=Resources(500, 512_000_000),
        image=service.name if service.chart is None else None,
        chart=service.chart,
        volumes=(Volume("data", 10 * GB, "/data"),) if service.stateful else (),
        depends_on=service.depends_on,
    )


def _tasks(services: Sequence[Service], strategy: Strategy, delivery: Delivery) -> Iterable[Task]:
    """Builds, copies and deployments with the gates that the strategy puts between them."""
    stages = list(dict.fromkeys(service.stage for service in services))
    before: tuple[str, ...] = ()
    if strategy is Strategy.BUILD_FIRST:
        built = [task_id(TaskKind.BUILD, service.name) for service in services if service.built]
        yield from (Task(i, TaskKind.BUILD, (i[6:],), None, (), BUILD_SIZE, 1800) for i in built)
        yield Task("gate:built", TaskKind.GATE, (), None, tuple(built))
        before = ("gate:built",)
    for stage in stages:
        here = [service for service in services if service.stage == stage]
        if strategy is not Strategy.BUILD_FIRST:
            built = [task_id(TaskKind.BUILD, service.name) for service in here if service.built]
            yield from (Task(i, TaskKind.BUILD, (i[6:],), stage, before, BUILD_SIZE, 1800) for i in built)
            yield Task(f"gate:{stage}-built", TaskKind.GATE, (), stage, (*before, *built))
            before = (f"gate:{stage}-built",)
        deployed = []
        for service in here:
            needs = list(before)
            if service.chart is None and not service.built:
                copy = task_id(TaskKind.MIRROR, service.name)
                yield Task(copy, TaskKind.MIRROR, (service.name,), stage, before, None, 600, 3)
                needs.append(copy)
            if delivery is Delivery.HELM:
                needs += [task_id(TaskKind.DEPLOY, name) for name in service.depends_on]
                deployed.append(task_id(TaskKind.DEPLOY, service.name))
                yield Task(deployed[-1], TaskKind.DEPLOY, (service.name,), stage, tuple(needs), None, 600)
        yield Task(f"gate:{stage}", TaskKind.GATE, (), stage, (*before, *deployed))
        before = (f"gate:{stage}",)


def with_build(plan: Plan, changed: Build) -> Plan:
    """The plan with one build replaced by another of the same id."""
    return replace(plan, builds=tuple(changed if b.id == changed.id else b for b in plan.builds))


REMOTE = Source(
    "https://git.example.com/shop.git",
    "main",
    "web",
    "web/Dockerfile",
    "run",
    credentials=SecretRef("git", "token"),
)
OWN = Chart(
    repository="https://charts.example.com",
    name="redis",
    version="1.2.3",
    source=None,
    values={"a": 1},
    set_values=(("b.c", "x,y"),),
    value_files=("redis.yaml",),
    arguments=("--devel",),
)
FROM_GIT = Chart(None, None, None, Source("https://git.example.com/charts.git", None, "charts/web"))
RICH = [
    Service("postgres", "database", stateful=True),
    Service("web", "application", built=True, depends_on=("postgres",)),
    Service("api", "application", built=True),
    Service("redis", "extra", chart=OWN),
    Service("tools", "extra", chart=FROM_GIT, depends_on=("redis",)),
]


def rich_plan(**options: Any) -> Plan:
    """A plan with everything that this back end reads."""
    web = replace(
        build("web", source=REMOTE),
        arguments=(("LEVEL", "info"),),
        labels=(("team", "shop"),),
        secrets=(BuildSecret("npm", SecretRef("npm-registry", "token")),),
    )
    plan = make_plan(RICH, builds={"web": web}, **options)
    digest = "sha256:" + "a" * 64
    images = [
        replace(image, digest=digest, origin_credentials="hub") if image.id == "postgres" else image
        for image in plan.images
    ]
    return replace(plan, images=tuple(images))


def github_outputs(plan: Plan) -> tuple[dict[str, Any], dict[str, Any]]:
    """The workflow and the data file, read back by other parsers than ours."""
    files = {artifact.path: artifact.content for artifact in (*ci.emit(plan), *emit(plan))}
    workflow = YAML(typ="safe").load(files[f".github/workflows/stagecast-{plan.environment}.yml"])
    return workflow, json.loads(files[data_path(plan.environment)])
