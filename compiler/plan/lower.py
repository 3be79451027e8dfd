"""From a checked environment to its plan.

Takes a `Context` without errors. Services are taken in queue order, so that
the order in the file means nothing. Knows no back end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from compiler.plan.builds import lower_builds
from compiler.plan.encode import plan_digest
from compiler.plan.images import lower_images
from compiler.plan.model import (
    Build,
    BuildLimits,
    Estimate,
    GitOps,
    Limits,
    Plan,
    Previews,
    Stage,
    Target,
    TaskKind,
    task_id,
)
from compiler.plan.tasks import order_tasks
from compiler.plan.workloads import lower_workload
from compiler.spec.context import Context
from compiler.spec.limits import build_slots, pipeline_limits
from compiler.spec.model import Distribution, Environment, GitOpsSettings, Service
from compiler.vocabulary import Delivery, ServiceType, Strategy

# docs/concepts.md: the order in which a stage's services stand in the queues.
DEPLOY_ORDER = (
    ServiceType.DATABASE,
    ServiceType.JOB,
    ServiceType.CONTAINER,
    ServiceType.APPLICATION,
    ServiceType.HELM,
    ServiceType.TERRAFORM,
)
_DEPLOY_RANK = {kind: rank for rank, kind in enumerate(DEPLOY_ORDER)}


def lower(context: Context, spec: str) -> Plan:
    """The plan of a checked environment; `spec` is the entry file's path from the repository's root."""
    environment = context.environment
    active = _in_queue_order(context)
    builds = lower_builds(context, active)
    images, image_of = lower_images(context, active, builds)
    workloads = tuple(lower_workload(context, name, active, image_of.get(name)) for name in active)
    stages = _stages(context, active)
    strategy = environment.pipeline.strategy if environment.pipeline else Strategy.BUILD_FIRST
    target = environment.target
    plan = Plan(
        environment=environment.name,
        digest="",
        spec=spec,
        strategy=strategy,
        delivery=environment.delivery,
        target=Target(
            target.namespace if target and target.namespace else environment.name,
            target.context if target else None,
        ),
        stages=stages,
        limits=_limits(context),
        builds=builds,
        images=images,
        workloads=workloads,
        tasks=order_tasks(strategy, stages, builds, images, workloads),
        skipped=tuple(sorted(name for name, service in context.services.items() if service.skip)),
        estimates=tuple(_estimates(active, builds)),
        gitops=_gitops(environment),
        previews=Previews(environment.previews.secrets_from) if environment.previews else None,
    )
    return replace(plan, digest=plan_digest(plan))


def _in_queue_order(context: Context) -> dict[str, Service]:
    """The services that are not skipped, by (stage, kind of service, name)."""
    stage_of = context.stage_of
    names = [name for name, service in context.services.items() if not service.skip]
    names.sort(key=lambda name: (stage_of[name], _DEPLOY_RANK[context.services[name].type], name))
    return {name: context.services[name] for name in names}


def _stages(context: Context, active: Mapping[str, Service]) -> tuple[Stage, ...]:
    members: list[list[str]] = [[] for _ in context.stages]
    for name in active:
        members[context.stage_of[name]].append(name)
    return tuple(
        Stage(stage.name, tuple(names)) for stage, names in zip(context.stages, members, strict=True)
    )


def _gitops(environment: Environment) -> GitOps | None:
    """Where Argo CD finds its state; None when it is not Argo CD that deploys."""
    if environment.delivery is not Delivery.ARGOCD:
        return None
    said = environment.gitops or GitOpsSettings(at=environment.at)
    return GitOps(
        branch=said.branch or f"stagecast/{environment.name}",
        repository=said.repository,
        namespace=said.namespace,
        project=said.project,
        server=said.server,
    )


def _limits(context: Context) -> Limits:
    limits = pipeline_limits(context.environment)
    build = BuildLimits(
        parallelism=limits.parallelism,
        slots=build_slots(limits),
        resources=limits.resources,
        timeout_s=limits.timeout_s,
        pool=limits.pool,
        cache=limits.cache,
        attestations=limits.attestations,
    )
    return Limits(build, limits.deploy_parallelism)


def _estimates(active: Mapping[str, Service], builds: tuple[Build, ...]) -> Iterator[Estimate]:
    """What the spec says of durations. A shared build takes the first of its services that says something."""
    for build in builds:
        said = (active[name].estimates for name in build.services)
        found = next(
            (estimates.build for estimates in said if estimates and estimates.build is not None), None
        )
        if found is not None:
            yield _estimate(build.id, found)
    for name, service in active.items():
        if service.estimates is not None and service.estimates.deploy is not None:
            yield _estimate(task_id(TaskKind.DEPLOY, name), service.estimates.deploy)


def _estimate(task: str, said: float | Distribution) -> Estimate:
    if not isinstance(said, Distribution):
        return Estimate(task, said)
    if said.fixed is not None:
        return Estimate(task, said.fixed, fixed=True)
    assert said.median is not None, "the schema asks for a median or a fixed duration"
    return Estimate(task, said.median, said.p90)
