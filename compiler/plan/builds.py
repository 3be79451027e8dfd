"""Which images are built: services with the same source and arguments share one build."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compiler.plan.model import Build, BuildSecret, Source, TaskKind, task_id
from compiler.spec.context import Context, git_source
from compiler.spec.limits import PipelineLimits, build_resources, build_timeout_s, pipeline_limits
from compiler.spec.model import GitSource, Service
from compiler.spec.sources import ResolvedSource
from compiler.spec.variables import Parts, secret_ref
from compiler.vocabulary import Literal, Resources, ServiceType

# docs/concepts.md: the order of a stage's builds in the queue.
_BUILD_RANK = {ServiceType.APPLICATION: 0, ServiceType.JOB: 1, ServiceType.TERRAFORM: 2}


def lower_builds(context: Context, active: Mapping[str, Service]) -> tuple[Build, ...]:
    """The builds in queue order: by the earliest stage of their services, kind of service, and name."""
    limits = pipeline_limits(context.environment)
    groups: dict[Any, list[str]] = {}
    parts: dict[Any, tuple[Source, tuple[tuple[str, str], ...], tuple[BuildSecret, ...]]] = {}
    for name, service in active.items():
        source = git_source(service)
        if source is None:
            continue
        said = context.sources.resolve(source)
        key = (_source(source, said), _arguments(context, name, source, said), _secrets(service))
        groups.setdefault(key, []).append(name)
        parts[key] = key
    builds = []
    for key, names in groups.items():
        source_, arguments, secrets = parts[key]
        builds.append(_build(active, sorted(names), source_, arguments, secrets, limits))
    rank = {name: index for index, name in enumerate(active)}
    stage_of = context.stage_of
    builds.sort(
        key=lambda build: min((stage_of[n], _BUILD_RANK[active[n].type], n, rank[n]) for n in build.services)
    )
    return tuple(builds)


def _build(
    active: Mapping[str, Service],
    names: list[str],
    source: Source,
    arguments: tuple[tuple[str, str], ...],
    secrets: tuple[BuildSecret, ...],
    limits: PipelineLimits,
) -> Build:
    """One build for all of `names`; where they ask for different resources it gets the most."""
    sizes = [build_resources(active[name], limits) for name in names]
    return Build(
        id=task_id(TaskKind.BUILD, names[0]),
        image=names[0],
        services=tuple(names),
        source=source,
        arguments=arguments,
        secrets=secrets,
        resources=Resources(max(s.cpu_milli for s in sizes), max(s.memory_bytes for s in sizes)),
        timeout_s=max(build_timeout_s(active[name], limits) for name in names),
        cache=limits.cache,
    )


def _source(source: GitSource, said: ResolvedSource) -> Source:
    return Source(
        repository=said.repository,
        ref=said.ref,
        context=said.context,
        dockerfile=said.dockerfile,
        target=source.target,
        platforms=tuple(source.platforms or ()),
        credentials=secret_ref(source.credentials) if source.credentials else None,
    )


def _arguments(
    context: Context, name: str, source: GitSource, said: ResolvedSource
) -> tuple[tuple[str, str], ...]:
    """The arguments that the spec gives, and the plain variables that the Dockerfile declares with ARG.

    The Dockerfile of another repository is not known here: it gets what `args` says.
    """
    variables = context.variables[name]
    arguments = {key: plain_text(value) for key, value in variables.arguments.items()}
    dockerfile = context.dockerfiles.get(said.dockerfile or "") if said.is_local else None
    if dockerfile is not None:
        for argument in dockerfile.declared_arguments(source.target):
            if argument.name not in arguments and argument.name in variables.values:
                arguments[argument.name] = plain_text(variables.values[argument.name])
    return tuple(sorted(arguments.items()))


def plain_text(parts: Parts) -> str:
    """The text of a value that holds no secret (a check has made sure of it)."""
    return "".join(part.text for part in parts if isinstance(part, Literal))


def _secrets(service: Service) -> tuple[BuildSecret, ...]:
    settings = getattr(service, "build", None)
    mounts = settings.secrets if settings is not None else ()
    return tuple(sorted((BuildSecret(m.id, secret_ref(m.secret)) for m in mounts), key=lambda m: m.id))
