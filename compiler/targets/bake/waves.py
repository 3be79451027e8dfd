"""Names in the bake file, and which builds may stand in one group.

bake builds all targets of its command line at once. So a group has never more
builds than the plan runs at a time: a longer row of builds becomes several
groups, to be run one after another. Takes a plan; gives names and groups.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from compiler.plan.model import Build, BuildLimits, Plan, Strategy, TaskKind
from compiler.targets.ci.names import is_environment

FOLDER = "bake"
DEFAULT = "default"
"""What bake builds when its command line names nothing."""

# bake/bake.go, validTargetNameChars; groups and targets share one name space.
_TARGET = re.compile(r"[a-zA-Z0-9_-]+")
_NOT_TARGET = re.compile(r"[^a-zA-Z0-9_-]+")


def bake_path(environment: str) -> str:
    """Where an environment's bake file lies in the output.

    Raises:
        ValueError: the environment's name cannot be a file name.
    """
    if not is_environment(environment):
        raise ValueError(f"{environment!r} cannot be part of a file name")
    return f"{FOLDER}/{environment}.json"


def tag_variable(index: int) -> str:
    """The variable with the tag of a build's image; the index is the build's place in the plan."""
    return f"TAG_{index}"


def target_names(plan: Plan, taken: Iterable[str]) -> list[str]:
    """A target's name for every build: its first service's, changed where it is taken or cannot be one."""
    used = {DEFAULT, *taken}
    names = []
    for build in plan.builds:
        wanted = build.services[0]
        name = wanted if _TARGET.fullmatch(wanted) else _NOT_TARGET.sub("-", wanted) or "image"
        while name in used:
            name += "-image"
        used.add(name)
        names.append(name)
    return names


def build_groups(plan: Plan) -> list[tuple[str, tuple[int, ...]]]:
    """Groups in the order in which they are to run: their name and their builds' places in the plan.

    `build-N` for all builds of the environment, or with strategy staged
    `stage-POSITION-NAME` for each stage's, with `-N` behind it where a stage
    has several.
    """
    if plan.strategy is not Strategy.STAGED:
        waves = split(plan, range(len(plan.builds)))
        return [(f"build-{number}", wave) for number, wave in enumerate(waves, start=1)]
    found = []
    place = {build.id: index for index, build in enumerate(plan.builds)}
    queues: dict[str | None, list[int]] = {}
    for task in plan.tasks:
        if task.kind is TaskKind.BUILD:
            queues.setdefault(task.stage, []).append(place[task.id])
    for position, stage in enumerate(plan.stages, start=1):
        name = f"stage-{position}-{_NOT_TARGET.sub('-', stage.name)}"
        waves = split(plan, queues.get(stage.name, ()))
        for number, wave in enumerate(waves, start=1):
            found.append((name if len(waves) == 1 else f"{name}-{number}", wave))
    return found


def split(plan: Plan, builds: Iterable[int]) -> list[tuple[int, ...]]:
    """Builds in queue order as rows that may run at once: no more and no larger than the plan allows."""
    waves: list[list[int]] = []
    for index in builds:
        if waves and _fits([plan.builds[i] for i in (*waves[-1], index)], plan.limits.build):
            waves[-1].append(index)
        else:
            waves.append([index])
    return [tuple(wave) for wave in waves]


def _fits(builds: Sequence[Build], limits: BuildLimits) -> bool:
    return (
        len(builds) <= limits.slots
        and sum(build.resources.cpu_milli for build in builds) <= limits.pool.cpu_milli
        and sum(build.resources.memory_bytes for build in builds) <= limits.pool.memory_bytes
    )
