"""What of a plan the pipeline cannot express, or expresses in a way worth knowing."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.plan.model import Build, BuildCache, Plan, Strategy
from compiler.targets.ci.jobs import queues, rollouts
from compiler.targets.gitlab.lanes import MOST_JOBS, layout, room
from compiler.targets.gitlab.pipeline import LONGEST_JOB_MIN, MARGIN_MIN
from compiler.targets.model import Limitation

_NATIVE = "linux/amd64"
_CHILD = ".pipeline"


def limitations(plan: Plan) -> Iterator[Limitation]:
    """Everything that there is to say, errors and the rest, in the order of the plan."""
    if plan.environment.endswith(_CHILD):
        yield Limitation(
            "gitlab-environment-name",
            "error",
            None,
            "name",
            f"the file of an environment named ...{_CHILD} would be the child pipeline of another",
            "choose a name that ends otherwise",
        )
    if plan.strategy is Strategy.DAG:
        yield Limitation(
            "gitlab-dag",
            "error",
            None,
            "pipeline.strategy",
            "without barriers between stages GitLab CI cannot hold both caps: no strategy dag",
            "use build-first or staged, Argo Workflows or the local run",
        )
    elif len(queues(plan)) > room(plan, rollouts(plan)):
        yield Limitation(
            "gitlab-stages",
            "error",
            None,
            "stages",
            f"a pipeline has at most {MOST_JOBS} jobs with an environment, and each stage is at least one",
            "put services of several stages into one",
        )
    else:
        yield from _parallelism(plan)
    for build in plan.builds:
        yield from _build(build)


def _parallelism(plan: Plan) -> Iterator[Limitation]:
    parts = layout(plan)
    if parts.batch > 1:
        yield Limitation(
            "gitlab-several-builds",
            "note",
            None,
            None,
            f"a pipeline has at most {MOST_JOBS} jobs with an environment: a job holds up to {parts.batch} "
            "builds, one after another",
        )
    for queue in parts.queues:
        wanted = min(plan.limits.build.slots, len(queue.builds))
        if queue.slots < wanted:
            yield Limitation(
                "gitlab-build-slots",
                "note",
                None,
                "pipeline.build.pool",
                f"the number of lanes is fixed, and the {queue.slots + 1} largest builds together do not "
                f"fit into the pool: at most {queue.slots} of {wanted} builds run at once",
            )
    for jobs in parts.lanes:
        for job in jobs:
            longest_s = sum(plan.builds[index].timeout_s for index in job.builds)
            if longest_s // 60 + MARGIN_MIN > LONGEST_JOB_MIN:
                yield Limitation(
                    "gitlab-job-timeout",
                    "warning",
                    plan.builds[job.builds[0]].services[0],
                    "pipeline.build.timeout",
                    "GitLab ends a job after one month, so also this build",
                )


def _build(build: Build) -> Iterator[Limitation]:
    service = build.services[0]
    if build.cache is BuildCache.PERSISTENT:
        yield Limitation(
            "gitlab-persistent-cache",
            "warning",
            service,
            "pipeline.build.cache",
            "every build job starts a builder of its own, so there is no persistent cache",
            "use the registry cache, or a builder that stays: STAGECAST_BUILDER=buildctl",
        )
    for platform in build.source.platforms:
        if platform != _NATIVE:
            yield Limitation(
                "gitlab-platform",
                "warning",
                service,
                "source.platforms",
                f"unless your runners are of that platform, a build for {platform} works only if its "
                "Dockerfile cross-compiles",
            )
