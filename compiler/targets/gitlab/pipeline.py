"""The child pipeline: its stages in the plan's order, and the jobs of each.

The order of the stages is the order of the work; `needs` are only used inside
a build stage, for the lanes. A plain value for the YAML writer. Every text in
it is ours or went through `ci.names`: GitLab expands `$` in nearly all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from compiler.plan.model import Plan
from compiler.targets.ci import uses
from compiler.targets.ci.document import MIRROR_TIMEOUT_S
from compiler.targets.ci.jobs import Group, Rollout, ordered
from compiler.targets.ci.names import FOLDER, data_path, label
from compiler.targets.gitlab.lanes import BuildJob, Layout, layout
from compiler.targets.gitlab.parent import ENVIRONMENT, PREVIEW, SCRIPT

Value = dict[str, Any]

# A job may take at most one month (https://docs.gitlab.com/ci/pipelines/settings/).
LONGEST_JOB_MIN = 30 * 24 * 60
CHECK_MIN = 60
LOCK_MIN = 60
REMOVE_MIN = 60
# Around what a job does: starting it, checking out, starting and removing the builder.
MARGIN_MIN = 15
FOUND_KEPT = "1 week"
COMMON = ".stagecast"
BUILD = ".build"


def pipeline(plan: Plan) -> Value:
    """The child pipeline. `plan.environment` must be a safe name (`names.is_environment`).

    Raises:
        ValueError: the stages of the plan are more jobs than a pipeline may have.
    """
    jobs = list(_jobs(plan, layout(plan)))
    return {
        # A build that fails ends the others. Deployments of a stage are all in one job, which lets
        # them finish, and nothing else runs beside it.
        "workflow": {
            "auto_cancel": {"on_job_failure": "all", "on_new_commit": "none"},
            "rules": [{"if": '$CI_PIPELINE_SOURCE == "parent_pipeline"'}],
        },
        "stages": list(dict.fromkeys(job["stage"] for _, job in jobs if "stage" in job)),
        "variables": _variables(plan),
        **dict(jobs),
    }


def found_path(environment: str) -> str:
    """Where the check leaves what it found, for the artifacts of the job."""
    return f"{FOLDER}/{environment}.found.json"


def _variables(plan: Plan) -> Value:
    local = any(build.source.is_local for build in plan.builds)
    return {
        "GIT_STRATEGY": "fetch",
        "GIT_DEPTH": "1",
        **({"GIT_SUBMODULE_STRATEGY": "recursive", "GIT_SUBMODULE_DEPTH": "1"} if local else {}),
        "STAGECAST_DATA": data_path(plan.environment),
        "STAGECAST_FOUND": found_path(plan.environment),
        # A preview's trigger says another one.
        ENVIRONMENT: plan.environment,
    }


def _jobs(plan: Plan, parts: Layout) -> Iterator[tuple[str, Value]]:
    """The jobs by name, in the order of their stages."""
    environment = {"name": f"${ENVIRONMENT}", "action": "access"}
    yield COMMON, {"interruptible": False, "environment": environment}
    yield "check", _check_job(plan.environment)
    if parts.queues:
        yield BUILD, {"extends": COMMON, "script": [f"{SCRIPT} build"]}
    for stage, part, place in stages(parts):
        if isinstance(part, Group):
            yield from _build_jobs(plan, stage, parts.lanes[place])
        else:
            yield stage, _deploy_job(stage, part, place)
    if uses.locks(plan):
        yield "lock", _last_job("lock", LOCK_MIN)
    if uses.removes(plan):
        kept = {"rules": [{"if": f"${PREVIEW} == null"}]} if uses.previews(plan) else {}
        yield "remove", {**_last_job("remove", REMOVE_MIN), **kept}


def stages(parts: Layout) -> Iterator[tuple[str, Group | Rollout, int]]:
    """The stages between the check and the end, in order: name, what is in it, its place among its kind."""
    places = {id(part): place for found in (parts.queues, parts.stages) for place, part in enumerate(found)}
    for part in ordered(parts.queues, parts.stages):
        place = places[id(part)]
        if isinstance(part, Group):
            yield "build" if len(parts.queues) == 1 else f"build {place + 1}", part, place
        else:
            yield "mirror" if part.stage is None else f"deploy {place + 1}: {label(part.name)}", part, place


def _check_job(environment: str) -> Value:
    return {
        "extends": COMMON,
        "stage": "check",
        "timeout": _minutes(CHECK_MIN),
        "artifacts": {"paths": [found_path(environment)], "expire_in": FOUND_KEPT},
        "script": [f"{SCRIPT} check"],
    }


def _build_jobs(plan: Plan, stage: str, jobs: list[BuildJob]) -> Iterator[tuple[str, Value]]:
    names = [build_name(plan, job) for job in jobs]
    for name, job in zip(names, jobs, strict=True):
        longest_s = sum(plan.builds[index].timeout_s for index in job.builds)
        # The first of a lane waits for all stages before its own; the others for the one before them.
        # Both get the check's artifacts.
        order = {"dependencies": ["check"]} if job.after is None else {"needs": ["check", names[job.after]]}
        yield (
            name,
            {
                "extends": BUILD,
                "stage": stage,
                **order,
                "timeout": _minutes(-(-longest_s // 60) + MARGIN_MIN),
                "variables": {"STAGECAST_BUILDS": ",".join(map(str, job.builds))},
            },
        )


def build_name(plan: Plan, job: BuildJob) -> str:
    """A name that no other job has: the number of the first build is in it."""
    first = job.builds[0]
    more = f" and {len(job.builds) - 1} more" if len(job.builds) > 1 else ""
    return f"build {first + 1}: {uses.build_label(plan.builds[first])}{more}"


def _deploy_job(name: str, stage: Rollout, place: int) -> Value:
    # Its tasks end by their own timeouts: all of them one after another is the longest it can take.
    longest_s = sum((task.timeout_s or MIRROR_TIMEOUT_S) * (task.retries + 1) for task in stage.tasks)
    return {
        "extends": COMMON,
        "stage": name,
        "dependencies": ["check"],
        "timeout": _minutes(-(-longest_s // 60) + MARGIN_MIN),
        "variables": {"STAGECAST_STAGE": str(place)},
        "script": [f"{SCRIPT} deploy"],
    }


def _last_job(command: str, timeout_min: int) -> Value:
    return {
        "extends": COMMON,
        "stage": command,
        "dependencies": ["check"],
        "timeout": _minutes(timeout_min),
        "script": [f"{SCRIPT} {command}"],
    }


def _minutes(count: int) -> str:
    return f"{min(count, LONGEST_JOB_MIN)} minutes"
