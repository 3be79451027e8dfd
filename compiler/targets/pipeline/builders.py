"""The programs that build images: one module each with the same names, and what they all share.

STAGECAST_BUILDER chooses. All build the same image from the same data:
arguments, labels, target, platforms, secret mounts, and a label with the
commit. How each limits a build and keeps its cache is its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

from .contract import Build
from .git import Repository, normal
from .layers import Layers
from .process import Outcome, run
from .state import Job, PipelineError

BUILDER = "STAGECAST_BUILDER"
DEFAULT = "buildx"
ENGINES = ("buildx", "docker", "buildah", "buildctl")

REVISION_LABEL = "org.opencontainers.image.revision"
CACHE_TAG = "buildcache"
CPU_PERIOD_US = 100_000
ASK_S = 60


@dataclass(frozen=True)
class Order:
    """One image to build: from which files, under which name. `folder` is private and goes away afterwards.

    `ignore_file` is the file, relative to the repository, that says what of the
    context is left out.
    """

    job: Job
    task: Build
    repository: Repository
    image: str
    folder: Path
    ignore_file: str | None = None

    @property
    def context(self) -> str:
        """The folder that is built."""
        return os.path.join(self.repository.path, normal(self.task["context"]))

    @property
    def dockerfile(self) -> str:
        """The Dockerfile's path."""
        return os.path.join(self.repository.path, normal(self.task["dockerfile"]))

    @property
    def labels(self) -> list[tuple[str, str]]:
        """All labels of the image; that of the commit is ours."""
        return [*self.task["labels"], (REVISION_LABEL, self.repository.commit)]

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the command that builds, the only one with the build's secrets."""
        names = [secret["variable"] for secret in self.task["secrets"]]
        return {**self.job.environment, **{name: self.job.secret(name) for name in names}}


@dataclass(frozen=True)
class Command:
    """A command of a build. What is not `required` may fail: its failure is said, and no more."""

    argv: list[str]
    environment: dict[str, str]
    required: bool = True


class Engine(Protocol):
    """What the module of a builder has."""

    PROGRAM: str
    # Whether it stores SBOM and provenance with an image; whether it builds for several platforms at once.
    ATTESTS: bool
    SEVERAL_PLATFORMS: bool

    def problems(self, job: Job) -> Iterable[str]:
        """Why it cannot build on this machine; asked only if the program is there."""

    def builder(self, job: Job, task: Build) -> AbstractContextManager[str]:
        """A builder of the size of a build, by name, as long as it is open. Raises PipelineError."""

    def limits(self, task: Build) -> str:
        """For the log: how the size of a build is held, or why it is not."""

    def commands(self, order: Order, builder: str) -> Sequence[Command]:
        """What builds and pushes an image, one after another."""

    def layers(self) -> Layers:
        """A counter that understands the log of the first command."""


def chosen() -> tuple[str, Engine]:
    """The builder that STAGECAST_BUILDER names, and its name. Raises PipelineError."""
    name = os.environ.get(BUILDER) or DEFAULT
    if name not in ENGINES:
        raise PipelineError(f"{BUILDER} is {name!r}: there are {', '.join(ENGINES)}")
    engine: Engine = import_module(f".{name}", __package__)
    return name, engine


def refusals(name: str, engine: Engine, builds: Iterable[Build]) -> Iterator[str]:
    """What a builder cannot do of what builds ask for, wherever it runs."""
    for build in builds:
        if build["attestations"] and not engine.ATTESTS:
            asked = " and ".join(build["attestations"])
            yield f"{build['name']}: {name} stores no {asked} with an image; buildx and buildctl do"
        if len(build["platforms"]) > 1 and not engine.SEVERAL_PLATFORMS:
            yield f"{build['name']}: {name} builds for one platform; buildx, buildctl, buildah for more"


def ask(job: Job, *argv: str) -> Outcome:
    """Run a quick command that changes nothing."""
    return run(argv, env=job.environment, timeout_s=ASK_S)


def cpu_quota_us(task: Build) -> int:
    """The CPU time of a build in every CPU_PERIOD_US: how the kernel's scheduler takes a number of CPUs."""
    return task["cpu_milli"] * CPU_PERIOD_US // 1000


def size(task: Build) -> str:
    """The size of a build, for people."""
    return f"{task['cpu_milli'] / 1000:g} CPU and {task['memory_bytes'] / 1e9:g} GB"


def toml_of_registries(hosts: Iterable[str]) -> str:
    """The part of buildkitd.toml that lets BuildKit speak plain HTTP to these registries.

    See github.com/moby/buildkit/blob/master/docs/buildkitd.toml.md. A host is
    written as a JSON string, which is a basic string of TOML.
    """
    return "".join(f"[registry.{json.dumps(host)}]\n  http = true\n  insecure = true\n" for host in hosts)
