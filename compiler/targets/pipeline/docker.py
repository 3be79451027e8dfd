"""Builds with the Docker engine's own BuildKit (`docker build`), and pushes with `docker push`.

Such a build has no limit of its own: Docker 20.10 takes --memory and
--cpu-quota with BuildKit and heeds neither, later versions do not take them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from .builders import CACHE_TAG, Command, Order, ask, size
from .contract import Build
from .layers import BuildKitLayers as layers
from .process import Outcome
from .report import say
from .state import Job

PROGRAM = "docker"
ATTESTS = False
SEVERAL_PLATFORMS = False
# From this version on `docker build` is buildx.
BUILDX_SINCE = 23
INLINE_SINCE = 23
INLINE = "cache"

__all__ = ["ATTESTS", "PROGRAM", "SEVERAL_PLATFORMS", "builder", "commands", "layers", "limits", "problems"]


def problems(job: Job) -> Iterable[str]:
    """Why it cannot build on this machine."""
    engine = ask(job, "docker", "version", "--format={{.Client.Version}}")
    if not engine.ok:
        yield f"no Docker engine answers: {engine.said}"
    elif _major(engine) >= BUILDX_SINCE and not ask(job, "docker", "buildx", "version").ok:
        yield f"docker {engine.output.strip()} builds with its plug-in buildx, which is not there"


def _major(version: Outcome) -> int:
    """The first number of a version that a command printed; 0 where there is none."""
    major = version.output.strip().partition(".")[0]
    return int(major) if version.ok and major.isdecimal() else 0


def limits(task: Build) -> str:
    """That the size is not held."""
    return (
        f"the build is not held to {size(task)}: the engine's own BuildKit limits no build "
        "(STAGECAST_BUILDER=buildx or buildah does)"
    )


@contextmanager
def builder(job: Job, task: Build) -> Iterator[str]:
    """The engine is there already; gives where it can leave its layers for others: inline, or nowhere.

    The BuildKit of older engines fails now and then to export them ("invalid incomplete links",
    github.com/moby/buildkit/issues/1509), and with them the build: they keep their layers to themselves.
    """
    exports = _major(ask(job, "docker", "version", "--format={{.Server.Version}}")) >= INLINE_SINCE
    if task["cache"] == "registry" and not exports:
        say(f"before Docker {INLINE_SINCE} layers stay in the engine: no registry cache")
    yield INLINE if exports else ""


def commands(order: Order, builder: str) -> list[Command]:
    """Build into the engine, then push. The cache in a registry is an image that carries its own (inline)."""
    task = order.task
    environment = {**order.environment, "DOCKER_BUILDKIT": "1", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
    argv = ["docker", "build", "--progress=plain", f"--tag={order.image}", f"--file={order.dockerfile}"]
    argv += [f"--platform={task['platforms'][0]}"] if task["platforms"] else []
    argv += [f"--target={task['target']}"] if task["target"] is not None else []
    argv += [f"--build-arg={name}={value}" for name, value in task["arguments"]]
    argv += [f"--label={name}={value}" for name, value in order.labels]
    argv += [f"--secret=id={secret['id']},env={secret['variable']}" for secret in task["secrets"]]
    push = [Command(["docker", "push", order.image], dict(order.job.environment))]
    if task["cache"] == "registry" and builder == INLINE:
        cache = f"{task['repository']}:{CACHE_TAG}"
        argv += [f"--tag={cache}", f"--cache-from={cache}", "--build-arg=BUILDKIT_INLINE_CACHE=1"]
        push.append(Command(["docker", "push", cache], dict(order.job.environment), required=False))
    argv += ["--no-cache"] if task["cache"] == "none" else []
    return [Command([*argv, "--", order.context], environment), *push]
