"""What the jobs of a plan use: the secrets that each must see, and what it needs of the check.

Takes a plan and parts of it, gives names of variables and answers; the values
are the CI service's. `document` says the same to the scripts as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from compiler.plan.model import Build, Delivery, Plan, Source, TaskKind
from compiler.targets.ci.document import logins, registries
from compiler.targets.ci.jobs import Rollout
from compiler.targets.ci.names import label, secret_variable
from compiler.targets.pipeline import contract


@dataclass(frozen=True, slots=True)
class Needs:
    """What a deploy job needs: builds whose tags it asks for, sources that it clones, whether it deploys."""

    builds: frozenset[int]
    sources: tuple[Source, ...]
    deploys: bool


def registry_secrets(plan: Plan) -> list[str]:
    """What opens the registries that the run pushes to."""
    return [contract.REGISTRY_USERNAME, contract.REGISTRY_PASSWORD] if registries(plan) else []


def origin_secrets(plan: Plan) -> list[str]:
    """What opens the registries that images are copied from."""
    return logins(plan.images)


def source_secrets(sources: Iterable[Source]) -> list[str]:
    """The tokens for these repositories, those that need one."""
    return sorted({secret_variable(source.credentials) for source in sources if source.credentials})


def mounted_secrets(builds: Iterable[Build]) -> list[str]:
    """What these builds mount."""
    return sorted({secret_variable(secret.secret) for build in builds for secret in build.secrets})


def all_sources(plan: Plan) -> Iterator[Source]:
    """Every repository that the run clones."""
    yield from (build.source for build in plan.builds)
    yield from (work.chart.source for work in plan.workloads if work.chart and work.chart.source)


def all_secrets(plan: Plan, stages: Iterable[Rollout]) -> list[str]:
    """Every secret that a run needs, by name."""
    deploys = any(task.kind is TaskKind.DEPLOY for stage in stages for task in stage.tasks)
    found = {*registry_secrets(plan), *origin_secrets(plan), *source_secrets(all_sources(plan))}
    found.update(mounted_secrets(plan.builds))
    return sorted(found | ({contract.KUBE_CONFIG} if deploys else set()))


def deploy_needs(plan: Plan, stages: Iterable[Rollout]) -> list[Needs]:
    """What each of the deploy jobs needs."""
    places = {build.id: place for place, build in enumerate(plan.builds)}
    built = {image.id: places[image.build] for image in plan.images if image.build is not None}
    works = {work.service: work for work in plan.workloads}
    found = []
    for stage in stages:
        here = [works[task.services[0]] for task in stage.tasks if task.kind is TaskKind.DEPLOY]
        builds = frozenset(built[work.image] for work in here if work.image in built)
        sources = tuple(work.chart.source for work in here if work.chart and work.chart.source)
        found.append(Needs(builds, sources, bool(here)))
    return found


def locks(plan: Plan) -> bool:
    """Whether the run commits what was built to the branch that Argo CD reads."""
    return plan.delivery is Delivery.ARGOCD and plan.gitops is not None


def removes(plan: Plan) -> bool:
    """Whether the run uninstalls services that left the spec."""
    return plan.delivery is Delivery.HELM and any(gone.prune for gone in plan.departed)


def previews(plan: Plan) -> bool:
    """Whether pull requests get environments of their own."""
    return plan.delivery is Delivery.HELM and plan.previews is not None


def build_label(build: Build) -> str:
    """A build for people: the services that share it."""
    return label(", ".join(build.services))
