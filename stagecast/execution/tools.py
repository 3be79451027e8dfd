"""What a run needs of this machine: which programs, what for, and which of the builders is there."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from compiler.plan.model import Plan, TaskKind

ANSWER_TIMEOUT_S = 30

# In the order in which they are taken: the first of them keeps a build within its CPU and memory,
# the second takes part in the engine's cache, the third needs no engine.
BUILDERS = ("buildx", "docker", "buildah")


@dataclass(frozen=True, slots=True)
class Missing:
    """A program that is not there, or does not answer; `purpose` is what it is needed for."""

    program: str
    purpose: str
    problem: str = "is not on PATH"


def missing(plan: Plan, builder: str | None) -> Iterator[Missing]:
    """What is missing for a plan; `builder` is the one that was found, None for none."""
    kinds = [task.kind for task in plan.tasks]
    builds, mirrors, deploys = (
        kinds.count(kind) for kind in (TaskKind.BUILD, TaskKind.MIRROR, TaskKind.DEPLOY)
    )
    wanted = (
        ("git", builds, "to see what a build reads"),
        ("skopeo", builds + mirrors, "to ask the registry what is there, and to copy images"),
        ("helm", deploys, f"to install {_count(deploys, 'release')}"),
        ("kubectl", deploys, "to ask the cluster what is deployed"),
    )
    for program, count, purpose in wanted:
        if count and shutil.which(program) is None:
            yield Missing(program, purpose)
    if builds and builder is None:
        purpose = f"to make {_count(builds, 'image')}"
        yield Missing("docker or buildah", purpose, "is not on PATH, or its engine does not answer")


def builder_problem(name: str) -> str | None:
    """Why a builder that was asked for cannot be used; None when it can."""
    program = "buildah" if name == "buildah" else "docker"
    if shutil.which(program) is None:
        return f"there is no {program} on PATH"
    return None if _WORKS[name]() else f"{name} does not answer: is its engine running?"


def found_builder() -> str | None:
    """The first builder that works here; None without any."""
    return next((name for name in BUILDERS if builder_problem(name) is None), None)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _answers(*command: str) -> bool:
    try:
        result = subprocess.run(
            command,
            env={**os.environ, "DOCKER_CLI_HINTS": "false"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=ANSWER_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return result.returncode == 0


def _engine_answers() -> bool:
    return _answers("docker", "version", "--format={{.Server.Version}}")


_WORKS: dict[str, Callable[[], bool]] = {
    "buildx": lambda: _answers("docker", "buildx", "version") and _engine_answers(),
    "docker": _engine_answers,
    "buildah": lambda: _answers("buildah", "version"),
}
