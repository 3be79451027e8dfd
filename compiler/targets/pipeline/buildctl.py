"""Builds with a BuildKit daemon that runs elsewhere: STAGECAST_BUILDKIT says where."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from .builders import CACHE_TAG, Command, Order, size
from .contract import Build
from .layers import BuildKitLayers as layers
from .registry import is_insecure
from .state import Job

PROGRAM = "buildctl"
ATTESTS = True
SEVERAL_PLATFORMS = True
ADDRESS = "STAGECAST_BUILDKIT"
DEFAULT_ADDRESS = "unix:///run/buildkit/buildkitd.sock"

__all__ = ["ATTESTS", "PROGRAM", "SEVERAL_PLATFORMS", "builder", "commands", "layers", "limits", "problems"]


def problems(job: Job) -> Iterable[str]:  # noqa: ARG001 - the same for all builders
    """Nothing: the daemon may be there only where the build runs, beside it in a pod."""
    return ()


def limits(task: Build) -> str:
    """Who holds the size."""
    return (
        f"what runs the BuildKit daemon holds the build to {size(task)}: the requests and limits of its pod"
    )


@contextmanager
def builder(job: Job, task: Build) -> Iterator[str]:  # noqa: ARG001 - the same for all builders
    """The daemon's address."""
    yield job.environment.get(ADDRESS) or DEFAULT_ADDRESS


def commands(order: Order, builder: str) -> list[Command]:
    """One command builds, pushes, and fills the cache; arguments, labels and secrets as Docker's frontend."""
    task = order.task
    folder, name = os.path.split(order.dockerfile)
    options = [("filename", name)]
    options += [("platform", ",".join(task["platforms"]))] if task["platforms"] else []
    options += [("target", task["target"])] if task["target"] is not None else []
    options += [(f"build-arg:{argument}", value) for argument, value in task["arguments"]]
    options += [(f"label:{label}", value) for label, value in order.labels]
    options += [("attest:sbom", "")] if "sbom" in task["attestations"] else []
    options += [("attest:provenance", "mode=max")] if "provenance" in task["attestations"] else []
    argv = ["buildctl", f"--addr={builder}", "build", "--progress=plain", "--frontend=dockerfile.v0"]
    argv += [f"--local=context={order.context}", f"--local=dockerfile={folder}"]
    argv += [f"--opt={option}={value}" for option, value in options]
    argv += [f"--secret=id={secret['id']},env={secret['variable']}" for secret in task["secrets"]]
    insecure = ",registry.insecure=true" if is_insecure(order.job, order.image) else ""
    argv.append(f"--output=type=image,name={order.image},push=true{insecure}")
    if task["cache"] == "registry":
        cache = f"type=registry,ref={task['repository']}:{CACHE_TAG}{insecure}"
        argv += [f"--import-cache={cache}", f"--export-cache={cache},mode=max,ignore-error=true"]
    argv += ["--no-cache"] if task["cache"] == "none" else []
    return [Command(argv, order.environment)]
