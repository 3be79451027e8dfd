"""Hand-made plans and networks for the simulator's tests.

`make_plan` lowers a tiny description as the deployment model says, on its own,
so that these tests do not lean on the compiler.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from compiler.plan.model import (
    Build,
    BuildCache,
    BuildLimits,
    Delivery,
    Estimate,
    Image,
    Job,
    JobRun,
    Limits,
    Plan,
    Resources,
    ServiceType,
    Source,
    Stage,
    Strategy,
    Target,
    Task,
    TaskKind,
    Workload,
    task_id,
)
from simulator.network import Activity, Network, Queue

GB = 1_000_000_000
ONE_BUILD = Resources(4000, 4 * GB)
POOL = Resources(28_000, 28 * GB)


@dataclass(frozen=True)
class Service:
    name: str
    stage: str = "application"
    builds: bool = True
    mirrors: bool = False
    after: tuple[str, ...] = ()
    size: Resources = ONE_BUILD
    type: ServiceType = ServiceType.APPLICATION
    estimates: dict[str, Estimate] = field(default_factory=dict)


def container(name: str, stage: str = "container", **rest: Any) -> Service:
    return Service(name, stage, builds=False, mirrors=True, type=ServiceType.CONTAINER, **rest)


def database(name: str, stage: str = "database") -> Service:
    return Service(name, stage, builds=False, mirrors=True, type=ServiceType.DATABASE)


def job(name: str, stage: str = "job") -> Service:
    return Service(name, stage, type=ServiceType.JOB)


def make_plan(
    services: list[Service],
    *,
    strategy: Strategy = Strategy.BUILD_FIRST,
    builds: int = 7,
    deploys: int = 7,
    pool: Resources = POOL,
    estimates: tuple[Estimate, ...] = (),
    check: bool = True,
    timeouts: dict[str, int] | None = None,
) -> Plan:
    """A plan of these services; stages are in the order of their first mention."""
    names = list(dict.fromkeys(each.stage for each in services))
    stages = tuple(Stage(name, tuple(each.name for each in services if each.stage == name)) for name in names)
    tasks = _tasks(services, names, strategy, check)
    if timeouts:
        tasks = [_with_timeout(task, timeouts.get(task.id)) for task in tasks]
    build_limits = BuildLimits(builds, builds, ONE_BUILD, 1800, pool, BuildCache.REGISTRY)
    return Plan(
        environment="shop",
        digest="sha256:" + "0" * 64,
        spec="environment.yaml",
        strategy=strategy,
        delivery=Delivery.HELM,
        target=Target("shop", None),
        stages=stages,
        limits=Limits(build_limits, deploys),
        builds=tuple(_build(each) for each in services if each.builds),
        images=tuple(Image(each.name, f"mirror/{each.name}") for each in services),
        workloads=tuple(_workload(each) for each in services),
        tasks=tuple(tasks),
        estimates=estimates,
    )


def _tasks(services: list[Service], stages: list[str], strategy: Strategy, check: bool) -> list[Task]:
    tasks = [Task("check:pre", TaskKind.CHECK, (), None, ())] if check else []
    begin = tuple(task.id for task in tasks)
    if strategy is Strategy.DAG:
        for each in services:
            tasks += _build_tasks(each, begin)
        for each in services:
            tasks += _deploy_tasks(each, begin, own_build=True)
        return tasks
    if strategy is Strategy.BUILD_FIRST:
        built = [task for each in services for task in _build_tasks(each, begin)]
        tasks += [*built, _gate("built", begin, built)]
        begin = ("gate:built",)
    for stage in stages:
        members = [each for each in services if each.stage == stage]
        if strategy is Strategy.STAGED:
            built = [task for each in members for task in _build_tasks(each, begin)]
            tasks += [*built, _gate(f"{stage}-built", begin, built)]
            begin = (f"gate:{stage}-built",)
        deployed = [task for each in members for task in _deploy_tasks(each, begin, own_build=False)]
        tasks += [*deployed, _gate(f"{stage}-deployed", begin, deployed)]
        begin = (f"gate:{stage}-deployed",)
    return tasks


def _gate(name: str, begin: tuple[str, ...], tasks: list[Task]) -> Task:
    return Task(task_id(TaskKind.GATE, name), TaskKind.GATE, (), None, (*begin, *(task.id for task in tasks)))


def _build_tasks(each: Service, begin: tuple[str, ...]) -> list[Task]:
    if not each.builds:
        return []
    return [
        Task(
            task_id(TaskKind.BUILD, each.name),
            TaskKind.BUILD,
            (each.name,),
            each.stage,
            begin,
            each.size,
            1800,
        )
    ]


def _deploy_tasks(each: Service, begin: tuple[str, ...], *, own_build: bool) -> list[Task]:
    tasks = []
    needs = (*begin, *(f"deploy:{name}" for name in each.after))
    if own_build and each.builds:
        needs = (*needs, f"build:{each.name}")
    if each.mirrors:
        tasks.append(Task(f"mirror:{each.name}", TaskKind.MIRROR, (each.name,), each.stage, begin))
        needs = (*needs, f"mirror:{each.name}")
    return [*tasks, Task(f"deploy:{each.name}", TaskKind.DEPLOY, (each.name,), each.stage, needs)]


def _with_timeout(task: Task, timeout_s: int | None) -> Task:
    return Task(task.id, task.kind, task.services, task.stage, task.needs, task.resources, timeout_s)


def _build(each: Service) -> Build:
    source = Source(".", None, each.name, f"{each.name}/Dockerfile")
    return Build(
        f"build:{each.name}", each.name, (each.name,), source, (), (), each.size, 1800, BuildCache.REGISTRY
    )


def _workload(each: Service) -> Workload:
    return Workload(
        service=each.name,
        type=each.type,
        stage=each.stage,
        release=each.name,
        timeout_s=600,
        resources=Resources(500, 512_000_000),
        image=each.name,
        job=Job(JobRun.START, None, 0, 300) if each.type is ServiceType.JOB else None,
    )


def fixed(task: str, seconds: float) -> Estimate:
    return Estimate(task, seconds, fixed=True)


def slots_network(stages: list[int], slots: int) -> Network:
    """Stages of independent activities on one queue, a barrier after each stage."""
    activities: list[Activity] = []
    barrier: tuple[int, ...] = ()
    for stage, count in enumerate(stages):
        first = len(activities)
        activities += [Activity(f"{stage}.{number}", barrier, 0, (1,)) for number in range(count)]
        activities.append(Activity(f"gate {stage}", tuple(range(first, first + count))))
        barrier = (len(activities) - 1,)
    return Network(tuple(activities), (Queue("slots", ("slots",), (slots,)),))
