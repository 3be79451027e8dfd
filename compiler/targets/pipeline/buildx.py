"""Builds with docker buildx: a BuildKit of its own in a container of the build's size, per build."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from .builders import CACHE_TAG, CPU_PERIOD_US, Command, Order, ask, cpu_quota_us, size, toml_of_registries
from .contract import Build
from .layers import BuildKitLayers as layers
from .process import run
from .registry import insecure_hosts
from .report import group
from .state import Job, PipelineError

PROGRAM = "docker"
ATTESTS = True
SEVERAL_PLATFORMS = True
START_TIMEOUT_S = 300

__all__ = ["ATTESTS", "PROGRAM", "SEVERAL_PLATFORMS", "builder", "commands", "layers", "limits", "problems"]


def problems(job: Job) -> Iterable[str]:
    """Why it cannot build on this machine."""
    if not (plugin := ask(job, "docker", "buildx", "version")).ok:
        yield f"docker has no buildx (Debian: docker-buildx; STAGECAST_BUILDER takes others): {plugin.said}"
    if not (engine := ask(job, "docker", "version", "--format={{.Server.Version}}")).ok:
        yield f"no Docker engine answers: {engine.said}"


def limits(task: Build) -> str:
    """How the size is held."""
    return f"the builder's container has {size(task)}"


@contextmanager
def builder(job: Job, task: Build) -> Iterator[str]:
    """A BuildKit in a container; with a persistent cache its volume stays for the next one of this name."""
    persistent = task["cache"] == "persistent"
    name = f"stagecast-{_identity(job, task) if persistent else secrets.token_hex(8)}"
    remove = ["docker", "buildx", "rm", "--force", *(["--keep-state"] if persistent else []), name]
    try:
        if persistent:
            # One that a job left behind when it was killed; its container is in the way.
            run(remove, env=job.environment, timeout_s=START_TIMEOUT_S)
        with group("builder"):
            started = run(create_command(job, name, task), env=job.environment, timeout_s=START_TIMEOUT_S)
        if not started.ok:
            raise PipelineError(f"the builder does not start ({started.ended}): {started.said[-2000:]}")
        yield name
    finally:
        run(remove, env=job.environment, timeout_s=START_TIMEOUT_S)


def create_command(job: Job, name: str, task: Build) -> list[str]:
    """The command that starts a builder which cannot use more than the build asked for.

    CPU is a quota per period of the kernel's scheduler; swap equal to memory means no swap
    (docs.docker.com/build/builders/drivers/docker-container). A registry on
    this machine's loopback is reached from the machine's own network only.
    """
    options = {
        "memory": task["memory_bytes"],
        "memory-swap": task["memory_bytes"],
        "cpu-period": CPU_PERIOD_US,
        "cpu-quota": cpu_quota_us(task),
    }
    command = ["docker", "buildx", "create", f"--name={name}", "--driver=docker-container"]
    command += [f"--driver-opt={option}={value}" for option, value in options.items()]
    if _is_loopback(task["repository"]):
        command.append("--driver-opt=network=host")
    if hosts := insecure_hosts(job):
        settings = job.scratch / "buildkitd.toml"
        settings.write_text(toml_of_registries(hosts), encoding="utf-8")
        command.append(f"--config={settings}")
    return [*command, "--bootstrap"]


def commands(order: Order, builder: str) -> list[Command]:
    """One command builds, pushes, and fills the cache."""
    task = order.task
    attested = {name: name in task["attestations"] for name in ("sbom", "provenance")}
    argv = ["docker", "buildx", "build", f"--builder={builder}", "--progress=plain", "--push"]
    argv += [f"--tag={order.image}", f"--file={order.dockerfile}"]
    argv.append(f"--sbom={'true' if attested['sbom'] else 'false'}")
    argv.append(f"--provenance={'mode=max' if attested['provenance'] else 'false'}")
    argv += [f"--platform={','.join(task['platforms'])}"] if task["platforms"] else []
    argv += [f"--target={task['target']}"] if task["target"] is not None else []
    argv += [f"--build-arg={name}={value}" for name, value in task["arguments"]]
    argv += [f"--label={name}={value}" for name, value in order.labels]
    argv += [f"--secret=id={secret['id']},env={secret['variable']}" for secret in task["secrets"]]
    if task["cache"] == "registry":
        reference = f"type=registry,ref={task['repository']}:{CACHE_TAG}"
        argv += [f"--cache-from={reference}", f"--cache-to={reference},mode=max,ignore-error=true"]
    argv += ["--no-cache"] if task["cache"] == "none" else []
    return [Command([*argv, "--", order.context], order.environment)]


def _identity(job: Job, task: Build) -> str:
    parts = (job.document["environment"], job.environment.get("STAGECAST_PREVIEW", ""), task["id"])
    return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()[:16]


def _is_loopback(reference: str) -> bool:
    name = reference.partition("/")[0].rpartition(":")[0]
    return name in ("localhost", "[::1]") or name.startswith("127.")
