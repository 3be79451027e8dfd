"""The limits of the pipeline after defaults."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.spec.model import BuildPipeline, Environment, Service
from compiler.vocabulary import Attestation, BuildCache, Resources


@dataclass(frozen=True, slots=True)
class PipelineLimits:
    """What builds and deployments may use: counts, milli-cores, bytes, seconds."""

    parallelism: int
    resources: Resources
    timeout_s: int
    pool: Resources
    cache: BuildCache
    deploy_parallelism: int
    attestations: tuple[Attestation, ...]


def pipeline_limits(environment: Environment) -> PipelineLimits:
    """The limits that the environment sets, the defaults for the rest."""
    pipeline = environment.pipeline
    build = pipeline.build if pipeline else None
    deploy = pipeline.deploy if pipeline else None
    if build is None:
        build = BuildPipeline(at=environment.at)
    pool = build.pool
    cpu = pool.cpu if pool is not None and pool.cpu is not None else build.parallelism * build.cpu
    memory = pool.memory if pool is not None and pool.memory is not None else build.parallelism * build.memory
    return PipelineLimits(
        parallelism=build.parallelism,
        resources=Resources(build.cpu, build.memory),
        timeout_s=round(build.timeout),
        pool=Resources(cpu, memory),
        cache=build.cache,
        deploy_parallelism=deploy.parallelism if deploy else 7,
        attestations=build.attestations,
    )


def build_slots(limits: PipelineLimits) -> int:
    """How many builds of the default size the pool really holds, at most the parallelism, at least 1."""
    by_cpu = limits.pool.cpu_milli // limits.resources.cpu_milli
    by_memory = limits.pool.memory_bytes // limits.resources.memory_bytes
    return max(1, min(limits.parallelism, by_cpu, by_memory))


def build_resources(service: Service, limits: PipelineLimits) -> Resources:
    """What the build of a service asks for."""
    settings = getattr(service, "build", None)
    if settings is None:
        return limits.resources
    return Resources(
        settings.cpu if settings.cpu is not None else limits.resources.cpu_milli,
        settings.memory if settings.memory is not None else limits.resources.memory_bytes,
    )


def build_timeout_s(service: Service, limits: PipelineLimits) -> int:
    """How long the build of a service may take."""
    settings = getattr(service, "build", None)
    return (
        round(settings.timeout) if settings is not None and settings.timeout is not None else limits.timeout_s
    )
