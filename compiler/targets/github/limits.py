"""What of a plan the workflow cannot express, or expresses in a way worth knowing."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.plan.model import Build, BuildCache, Plan, Source, Strategy
from compiler.targets.ci.jobs import MATRIX_JOBS, groups
from compiler.targets.github.jobs import BUILD_MARGIN_MIN, LONGEST_JOB_MIN
from compiler.targets.model import Limitation

PREVIEW = "-preview"
# https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idoutputs.
OUTPUTS_BYTES = 1024 * 1024
TAG_LENGTH = len("content-") + 32
_NATIVE = "linux/amd64"


def limitations(plan: Plan) -> Iterator[Limitation]:
    """Everything that there is to say, errors and the rest, in the order of the plan."""
    if plan.environment.endswith(PREVIEW):
        yield Limitation(
            "github-environment-name",
            "error",
            None,
            "name",
            f"the workflow of an environment named ...{PREVIEW} would be the one of another's previews",
            "choose a name that ends otherwise",
        )
    yield from _outputs(plan)
    if plan.strategy is Strategy.DAG:
        yield Limitation(
            "github-dag",
            "error",
            None,
            "pipeline.strategy",
            "without barriers between stages GitHub Actions cannot hold both caps: no strategy dag",
            "use build-first or staged, Argo Workflows or the local run",
        )
    else:
        yield from _parallelism(plan)
    for build in plan.builds:
        yield from _build(build)


def _outputs(plan: Plan) -> Iterator[Limitation]:
    """Whether the check can hand over a tag for every build."""
    longest = len(str(len(plan.builds))) + len('"": "", ') + TAG_LENGTH + len("0000, ")
    if len(plan.builds) * longest * 2 > OUTPUTS_BYTES:
        yield Limitation(
            "github-outputs",
            "error",
            None,
            None,
            f"a job hands over at most 1 MB, as UTF-16: not enough for the tags of {len(plan.builds)} builds",
            "split the environment, or let services share builds",
        )


def _parallelism(plan: Plan) -> Iterator[Limitation]:
    split = groups(plan)
    if len(split) > len({group.stage for group in split}):
        yield Limitation(
            "github-matrix-split",
            "note",
            None,
            None,
            f"a matrix has at most {MATRIX_JOBS} jobs: the builds are split into several, one after another",
        )
    for group in split:
        wanted = min(plan.limits.build.slots, len(group.builds))
        if group.slots < wanted:
            yield Limitation(
                "github-build-slots",
                "note",
                None,
                "pipeline.build.pool",
                f"a matrix has a fixed number of slots, and the {group.slots + 1} largest builds together do "
                f"not fit into the pool: at most {group.slots} of {wanted} builds run at once",
            )


def _build(build: Build) -> Iterator[Limitation]:
    service = build.services[0]
    if build.cache is BuildCache.PERSISTENT:
        yield Limitation(
            "github-persistent-cache",
            "warning",
            service,
            "pipeline.build.cache",
            "every job has a fresh runner, so there is no persistent cache: it is the registry cache",
        )
    if build.timeout_s // 60 + BUILD_MARGIN_MIN > LONGEST_JOB_MIN:
        yield Limitation(
            "github-job-timeout",
            "warning",
            service,
            "pipeline.build.timeout",
            f"GitHub ends a job after {LONGEST_JOB_MIN} minutes, so also this build",
        )
    yield from _platforms(service, build.source)


def _platforms(service: str, source: Source) -> Iterator[Limitation]:
    for platform in source.platforms:
        if platform != _NATIVE:
            yield Limitation(
                "github-platform",
                "warning",
                service,
                "source.platforms",
                f"the runner is {_NATIVE} without emulation: a build for {platform} works only if its "
                "Dockerfile cross-compiles",
            )
