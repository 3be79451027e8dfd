"""From a plan to the data file of the scripts: everything that a run must know, and no secret."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from compiler.plan.model import Build, Chart, Image, Plan, SecretRef, Source, Task, TaskKind, Workload
from compiler.targets.ci.jobs import Group, Rollout
from compiler.targets.ci.names import label, login_variable, secret_variable
from compiler.targets.helm.layout import (
    chart_kind,
    chart_path,
    pins_folder,
    release_chart,
    values_folder,
    values_path,
)
from compiler.targets.pipeline import contract

# As long as a build may take by default: copying is bounded by the same sort of image.
MIRROR_TIMEOUT_S = 1800


def document(plan: Plan, build_groups: list[Group], stages: list[Rollout]) -> contract.Document:
    """The data file of a plan that is split into these jobs."""
    sources = _Sources(plan)
    images = {image.id: image for image in plan.images}
    return contract.Document(
        version=contract.VERSION,
        environment=plan.environment,
        namespace=plan.target.namespace,
        context=plan.target.context,
        registries=registries(plan),
        secrets=list(_required_secrets(plan, stages)),
        logins=logins(plan.images),
        sources=sources.listed,
        builds=[_build(plan, build, images[build.image], sources) for build in plan.builds],
        groups=[list(group.builds) for group in build_groups],
        stages=_stages(plan, stages, images, sources),
        images=_images(plan),
        removed=[
            contract.Removed(service=gone.service, release=gone.release)
            for gone in plan.departed
            if gone.prune
        ],
        preview=_preview(plan),
        gitops=_gitops(plan),
    )


def _images(plan: Plan) -> list[contract.Image]:
    """Every image with the services that run it, in the plan's order."""
    builds = {build.id: position for position, build in enumerate(plan.builds)}
    users: dict[str, list[str]] = {image.id: [] for image in plan.images}
    for workload in plan.workloads:
        if workload.image is not None:
            users[workload.image].append(workload.service)
    return [
        contract.Image(
            id=image.id,
            repository=image.repository,
            build=None if image.build is None else builds[image.build],
            tag=image.tag,
            digest=image.digest,
            services=users[image.id],
        )
        for image in plan.images
    ]


def _preview(plan: Plan) -> contract.Preview | None:
    if plan.previews is None:
        return None
    return contract.Preview(
        secrets=sorted({name for workload in plan.workloads for name in _pod_secrets(workload)})
        + sorted({image.credentials for image in plan.images if image.credentials}),
        secrets_from=plan.previews.secrets_from,
    )


def _pod_secrets(workload: Workload) -> Iterator[str]:
    """The Secrets that the objects of a workload refer to, but for those that pull its image."""
    for variable in workload.variables:
        yield from (part.name for part in variable.parts if isinstance(part, SecretRef))
    yield from (file.content.name for file in workload.files if isinstance(file.content, SecretRef))
    yield from (port.tls_secret for port in workload.ports if port.tls_secret)
    if workload.database is not None:
        yield workload.database.password.name


def _gitops(plan: Plan) -> contract.GitOps | None:
    if plan.gitops is None:
        return None
    return contract.GitOps(
        branch=plan.gitops.branch,
        paths=list(dict.fromkeys(_deployed_from(plan))),
        # Written by the target argocd, which is not everybody's.
        optional=[f"argocd/{plan.environment}"],
        pins=pins_folder(plan.environment),
    )


def _deployed_from(plan: Plan) -> Iterator[str]:
    """The files and folders of this repository that charts and values are read from."""
    for workload in plan.workloads:
        kind = chart_kind(workload)
        if kind is not None:
            yield chart_path(kind)
    if plan.workloads:
        yield values_folder(plan.environment)
    for chart in own_charts(plan):
        yield from chart.value_files
        if chart.source is not None and chart.source.is_local:
            yield chart.source.context or "."


class _Sources:
    """The distinct sources of a plan and the place of each in the document."""

    def __init__(self, plan: Plan) -> None:
        self.listed: list[contract.Source] = []
        self._places: dict[tuple[str, str | None, str | None], int] = {}
        for build in plan.builds:
            self.place(build.source)
        for chart in own_charts(plan):
            if chart.source is not None:
                self.place(chart.source)

    def place(self, source: Source) -> int:
        credentials = None if source.credentials is None else secret_variable(source.credentials)
        key = (source.repository, source.ref, credentials)
        if key not in self._places:
            self._places[key] = len(self.listed)
            self.listed.append(contract.Source(repository=key[0], ref=key[1], credentials=key[2]))
        return self._places[key]


def own_charts(plan: Plan) -> Iterator[Chart]:
    """The charts that services of type helm bring."""
    return (workload.chart for workload in plan.workloads if workload.chart is not None)


def registries(plan: Plan) -> list[str]:
    """The hosts that images are pushed to."""
    pushed = (image.repository for image in plan.images if image.build or image.mirror)
    return sorted({host(repository) for repository in pushed})


def host(reference: str) -> str:
    """The registry's host of an image's name (the rule of the distribution reference grammar)."""
    first, slash, _ = reference.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else "docker.io"


def logins(images: Iterable[Image]) -> list[str]:
    """The variables with credentials of registries that images are copied from."""
    return sorted({login_variable(i.origin_credentials) for i in images if i.origin_credentials and i.mirror})


def _required_secrets(plan: Plan, stages: list[Rollout]) -> Iterator[contract.RequiredSecret]:
    """Every secret that must be set at the CI service, once, with its first purpose."""
    wanted: dict[str, str] = {}
    if registries(plan):
        wanted[contract.REGISTRY_USERNAME] = "to push to the mirror registry"
        wanted[contract.REGISTRY_PASSWORD] = "to push to the mirror registry"
    if any(task.kind is TaskKind.DEPLOY for stage in stages for task in stage.tasks):
        wanted[contract.KUBE_CONFIG] = "to deploy"
    for variable in logins(plan.images):
        wanted[variable] = "to pull images that are mirrored"
    for build in plan.builds:
        for secret in build.secrets:
            wanted.setdefault(secret_variable(secret.secret), "a secret that a build mounts")
    for source in source_credentials(plan):
        wanted.setdefault(source, "to clone a private repository")
    return (contract.RequiredSecret(name=name, purpose=purpose) for name, purpose in sorted(wanted.items()))


def source_credentials(plan: Plan) -> list[str]:
    """The variables with tokens for private repositories."""
    return [source["credentials"] for source in _Sources(plan).listed if source["credentials"]]


def _build(plan: Plan, build: Build, image: Image, sources: _Sources) -> contract.Build:
    assert build.source.dockerfile is not None, "what is built has a Dockerfile"
    return contract.Build(
        id=build.id,
        name=label(", ".join(build.services)),
        source=sources.place(build.source),
        context=build.source.context,
        dockerfile=build.source.dockerfile,
        target=build.source.target,
        platforms=list(build.source.platforms),
        arguments=list(build.arguments),
        labels=list(build.labels),
        secrets=[
            contract.BuildSecret(id=secret.id, variable=secret_variable(secret.secret))
            for secret in build.secrets
        ],
        repository=image.repository,
        cache=build.cache.value,
        attestations=[attestation.value for attestation in plan.limits.build.attestations],
        cpu_milli=build.resources.cpu_milli,
        memory_bytes=build.resources.memory_bytes,
        timeout_s=build.timeout_s,
    )


def _stages(
    plan: Plan, stages: list[Rollout], images: dict[str, Image], sources: _Sources
) -> list[contract.Stage]:
    workloads = {workload.service: workload for workload in plan.workloads}
    mirrored = {image.mirror: image for image in plan.images if image.mirror}
    builds = {build.id: position for position, build in enumerate(plan.builds)}
    found = []
    for stage in stages:
        here = {task.id for task in stage.tasks}
        tasks = []
        for task in stage.tasks:
            if task.kind is TaskKind.MIRROR:
                timeout_s = task.timeout_s or MIRROR_TIMEOUT_S
                tasks.append(_task(task, here, timeout_s, mirror=_mirror(mirrored[task.id])))
            else:
                workload = workloads[task.services[0]]
                release = _release(plan.environment, workload, images, builds, sources)
                tasks.append(_task(task, here, task.timeout_s or workload.timeout_s, release=release))
        found.append(
            contract.Stage(name=label(stage.name), parallelism=plan.limits.deploy_parallelism, tasks=tasks)
        )
    return found


def _task(
    task: Task,
    here: set[str],
    timeout_s: int,
    *,
    mirror: contract.Mirror | None = None,
    release: contract.Release | None = None,
) -> contract.Task:
    """A task of a deploy job; needs outside the job are met by the order of the jobs."""
    return contract.Task(
        id=task.id,
        name=label(", ".join(task.services)),
        needs=[need for need in task.needs if need in here],
        timeout_s=timeout_s,
        retries=task.retries,
        mirror=mirror,
        release=release,
    )


def _mirror(image: Image) -> contract.Mirror:
    """Copy by digest where it is known; a tag keeps the copy from being collected as garbage."""
    tag = image.tag or f"digest-{(image.digest or '').rpartition(':')[2][:32]}"
    destination = f"{image.repository}:{tag}"
    return contract.Mirror(
        origin=without_tag_beside_digest(image.origin or ""),
        destination=destination,
        present=f"{image.repository}@{image.digest}" if image.digest else destination,
    )


def without_tag_beside_digest(reference: str) -> str:
    """A reference as skopeo takes it: a tag or a digest, not both."""
    name, at, digest = reference.partition("@")
    if not at:
        return reference
    path, slash, last = name.rpartition("/")
    return f"{path}{slash}{last.partition(':')[0]}@{digest}"


def _release(
    environment: str, workload: Workload, images: dict[str, Image], builds: dict[str, int], sources: _Sources
) -> contract.Release:
    chart = workload.chart
    image = images.get(workload.image or "")
    return contract.Release(
        name=workload.release,
        chart=release_chart(workload) if chart is None else _own_chart(chart, sources),
        # Later files win: a service's own files come before the values of the spec.
        values=[*([] if chart is None else chart.value_files), values_path(environment, workload)],
        set=[] if chart is None else [f"{name}={value}" for name, value in chart.set_values],
        arguments=[] if chart is None else list(chart.arguments),
        build=None if image is None or image.build is None else builds[image.build],
        rollback=chart is None and not workload.stateful,
    )


def _own_chart(chart: Chart, sources: _Sources) -> contract.OwnChart:
    if chart.source is not None:
        place = sources.place(chart.source)
        return contract.OwnChart(name=chart.source.context, repository=None, version=None, source=place)
    return contract.OwnChart(
        name=chart.name or "", repository=chart.repository, version=chart.version, source=None
    )
