"""One build: fetch the source, start a BuildKit builder of the right size, build and push."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from . import git, registry
from .contract import Build
from .process import Outcome, run
from .report import error, fenced, group, say
from .state import Job, PipelineError, commits, number, tags

CPU_PERIOD_US = 100_000
BUILDER_TIMEOUT_S = 300
CACHE_TAG = "buildcache"


def build(job: Job) -> int:
    """Build the image that STAGECAST_GROUP and STAGECAST_BUILD name, unless it is there; the exit code."""
    index = job.document["groups"][number("STAGECAST_GROUP")][number("STAGECAST_BUILD")]
    task = job.document["builds"][index]
    image = f"{task['repository']}:{tags()[index]}"
    ends = time.monotonic() + task["timeout_s"]
    registry.log_in(job)
    if registry.exists(job, image):
        say(f"{image} is already there")
        return 0
    with group(f"git clone: {task['name']}"):
        repository = git.check_out(job, job.document["sources"][task["source"]], commits()[task["source"]])
        say(f"commit {repository.commit}")
    builder = f"stagecast-{secrets.token_hex(8)}"
    try:
        with group("builder"), fenced():
            create = builder_command(builder, task)
            started = run(create, env=job.environment, capture=False, timeout_s=BUILDER_TIMEOUT_S)
        if not started.ok:
            raise PipelineError(f"the builder does not start ({_reason(started)})")
        with group(f"build: {task['name']}"), fenced():
            command, environment = build_command(job, task, builder, repository, image)
            outcome = run(
                command, env=environment, capture=False, timeout_s=max(1.0, ends - time.monotonic())
            )
    finally:
        run(["docker", "buildx", "rm", "--force", builder], env=job.environment, timeout_s=BUILDER_TIMEOUT_S)
    if not outcome.ok:
        error(f"{task['name']}: the build failed ({_reason(outcome)})")
    return 0 if outcome.ok else 1


def builder_command(builder: str, task: Build) -> list[str]:
    """The command that starts a builder which cannot use more than the build asked for.

    CPU is a quota per period of the kernel's scheduler; swap equal to memory means no swap
    (docs.docker.com/build/builders/drivers/docker-container).
    """
    limits = {
        "memory": task["memory_bytes"],
        "memory-swap": task["memory_bytes"],
        "cpu-period": CPU_PERIOD_US,
        "cpu-quota": task["cpu_milli"] * CPU_PERIOD_US // 1000,
    }
    options = [f"--driver-opt={name}={value}" for name, value in limits.items()]
    return [
        "docker",
        "buildx",
        "create",
        f"--name={builder}",
        "--driver=docker-container",
        *options,
        "--bootstrap",
    ]


def build_command(
    job: Job, task: Build, builder: str, repository: git.Repository, image: str
) -> tuple[list[str], dict[str, str]]:
    """The command that builds and pushes, and its environment: the only one with the build's secrets."""
    root = Path(repository.path)
    command = [
        "docker",
        "buildx",
        "build",
        f"--builder={builder}",
        "--progress=plain",
        "--push",
        f"--tag={image}",
    ]
    command += ["--provenance=false", "--sbom=false", f"--file={root / git.normal(task['dockerfile'])}"]
    command += [f"--platform={','.join(task['platforms'])}"] if task["platforms"] else []
    command += [f"--target={task['target']}"] if task["target"] is not None else []
    command += [f"--build-arg={name}={value}" for name, value in task["arguments"]]
    command += [f"--label={name}={value}" for name, value in task["labels"]]
    command += [f"--label=org.opencontainers.image.revision={repository.commit}"]
    if task["cache"] == "registry":
        reference = f"type=registry,ref={task['repository']}:{CACHE_TAG}"
        command += [f"--cache-from={reference}", f"--cache-to={reference},mode=max,ignore-error=true"]
    environment = dict(job.environment)
    for secret in task["secrets"]:
        command.append(f"--secret=id={secret['id']},env={secret['variable']}")
        environment[secret["variable"]] = job.secret(secret["variable"])
    return [*command, "--", str(root / git.normal(task["context"]))], environment


def _reason(outcome: Outcome) -> str:
    return f"exit code {outcome.code}{outcome.output and ': '}{outcome.output.strip()}"
