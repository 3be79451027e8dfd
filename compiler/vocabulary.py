"""The words that the spec and the plan share: closed sets of names and what each means."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ServiceType(StrEnum):
    """What a service is; decides its default stage and how it is deployed."""

    APPLICATION = "application"
    CONTAINER = "container"
    DATABASE = "database"
    JOB = "job"
    HELM = "helm"
    TERRAFORM = "terraform"


class Strategy(StrEnum):
    """Which barriers stand between builds, deployments and stages (docs/concepts.md)."""

    BUILD_FIRST = "build-first"
    STAGED = "staged"
    DAG = "dag"


class Delivery(StrEnum):
    """Who deploys: CI with helm, Argo CD from Git, or nobody."""

    HELM = "helm"
    ARGOCD = "argocd"
    NONE = "none"


class BuildCache(StrEnum):
    """Where a build's layers come from."""

    REGISTRY = "registry"
    PERSISTENT = "persistent"
    NONE = "none"


class Attestation(StrEnum):
    """What a build says of its image, beside the image in the registry."""

    SBOM = "sbom"
    PROVENANCE = "provenance"


class Protocol(StrEnum):
    """What a port speaks."""

    HTTP = "HTTP"
    GRPC = "GRPC"
    TCP = "TCP"
    UDP = "UDP"


class JobRun(StrEnum):
    """The moment of an environment's life at which a lifecycle job runs."""

    START = "start"
    STOP = "stop"
    DELETE = "delete"


class RegistryScope(StrEnum):
    """One repository per service, or one per image so that environments share copies."""

    SERVICE = "service"
    CLUSTER = "cluster"


class DatabaseMode(StrEnum):
    """Whether a database runs in the cluster or exists elsewhere."""

    CONTAINER = "container"
    MANAGED = "managed"


class RolloutStrategy(StrEnum):
    """How pods are replaced."""

    ROLLING = "rolling"
    RECREATE = "recreate"


class TerraformEngine(StrEnum):
    """Which program applies a Terraform configuration."""

    TERRAFORM = "terraform"
    OPENTOFU = "opentofu"


class TerraformBackend(StrEnum):
    """Where Terraform's state is kept."""

    KUBERNETES = "kubernetes"
    USER = "user"


@dataclass(frozen=True, slots=True)
class SecretRef:
    """A key of a Kubernetes Secret. The value is never known to the compiler."""

    name: str
    key: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A piece of a variable's value that is known now."""

    text: str


@dataclass(frozen=True, slots=True)
class Resources:
    """What one build or one pod asks for, and is limited to."""

    cpu_milli: int
    memory_bytes: int
