"""The jobs of a workflow: check, builds as matrices, a deployment per stage, lock, remove."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from compiler.plan.model import Build, Plan
from compiler.targets.ci import uses
from compiler.targets.ci.jobs import Group, Rollout, groups, ordered, rollouts
from compiler.targets.ci.names import label
from compiler.targets.github.steps import Place, Value, expression, given, job, steps
from compiler.targets.pipeline import contract

# The longest that a job on a runner of GitHub's may take:
# https://docs.github.com/en/actions/reference/limits.
LONGEST_JOB_MIN = 360
CHECK_MIN = 60
LOCK_MIN = 60
REMOVE_MIN = 60
# Around a build's own timeout: starting the job, checking out, starting and removing the builder.
BUILD_MARGIN_MIN = 15
# The same page: an expression has at most 21,000 characters. A matrix has at most 256 jobs, and
# what stands around a name in `shown_name` is at most 29 characters: 256 x (29 + 48) < 21,000.
NAME_LENGTH = 48


@dataclass(frozen=True, slots=True)
class Jobs:
    """What a plan's jobs are drawn after: made once, used for the workflow and for that of previews.

    `needs` is parallel to `stages`. `registries` and `origins` are the secrets
    of the registries that images are pushed to and copied from.
    """

    plan: Plan
    groups: list[Group]
    stages: list[Rollout]
    needs: list[uses.Needs]
    registries: list[str]
    origins: list[str]


def jobs_of(plan: Plan) -> Jobs:
    """The jobs of a plan."""
    stages = rollouts(plan)
    needs = uses.deploy_needs(plan, stages)
    return Jobs(plan, groups(plan), stages, needs, uses.registry_secrets(plan), uses.origin_secrets(plan))


def check_job(jobs: Jobs, place: Place, condition: str) -> Value:
    """What runs first, when the condition holds; its outputs are what all others go by."""
    plan = jobs.plan
    outputs = ["commits"]
    for number in range(1, len(jobs.groups) + 1):
        outputs += [f"tags_{number}", f"matrix_{number}"]
    seen = [*jobs.registries, *uses.source_secrets(uses.all_sources(plan))]
    announced = [name for name in uses.all_secrets(plan, jobs.stages) if name not in seen]
    environment = {
        **given(seen),
        **{contract.PRESENCE_PREFIX + name: expression(f"secrets.{name} != ''") for name in announced},
    }
    return job(
        place,
        "check",
        {"if": expression(condition)},
        CHECK_MIN,
        outputs={name: expression(f"steps.check.outputs.{name}") for name in outputs},
        steps=steps(place, "check", environment),
    )


def parts(jobs: Jobs) -> Iterator[tuple[str, Group | Rollout, int, tuple[str, ...]]]:
    """Builds and deployments in the order of the strategy: id, part, number, and ids of the jobs before it.

    The number is the place among the groups, or among the stages.
    """
    before: tuple[str, ...] = ()
    numbers = {id(part): number for found in (jobs.groups, jobs.stages) for number, part in enumerate(found)}
    for part in ordered(jobs.groups, jobs.stages):
        number = numbers[id(part)]
        if isinstance(part, Group):
            key = f"build_{number + 1}"
            yield key, part, number, before
            before = (*before, key)
        else:
            key = "mirror" if part.stage is None else f"deploy_{number + 1}"
            yield key, part, number, before
            before = (key,)


def chain(jobs: Jobs, place: Place) -> tuple[Value, list[str]]:
    """Builds and deployments one after another, as the strategy orders them; and the last of them."""
    found: Value = {}
    last: list[str] = []
    for key, part, number, before in parts(jobs):
        if isinstance(part, Group):
            found[key] = _build_job(jobs, place, part, number, after(before, f"matrix_{number + 1}"))
            last = [*before, key]
        else:
            found[key] = _deploy_job(jobs, place, number, after(before))
            last = [key]
    return found, last


def after(before: Sequence[str], matrix: str | None = None) -> Value:
    """`needs` and `if` of a job that runs after these jobs.

    A build job is skipped when the registry has all its images, so skipped
    counts as success there; GitHub's own rule would then skip what follows.
    """
    conditions = ["!cancelled()", "needs.check.result == 'success'"]
    for name in before:
        done = f"needs.{name}.result == 'success'"
        skipped = f"needs.{name}.result == 'skipped'"
        conditions.append(f"({done} || {skipped})" if name.startswith("build_") else done)
    if matrix is not None:
        conditions.append(f"needs.check.outputs.{matrix} != '[]'")
    return {"needs": ["check", *before], "if": expression(" && ".join(conditions))}


def _build_job(jobs: Jobs, place: Place, group: Group, number: int, order: Value) -> Value:
    plan = jobs.plan
    builds = [plan.builds[index] for index in group.builds]
    environment = {
        **_commits(),
        **_tags(number),
        "STAGECAST_GROUP": str(number),
        "STAGECAST_BUILD": expression("matrix.build"),
        **given(
            [
                *jobs.registries,
                *uses.source_secrets(build.source for build in builds),
                *uses.mounted_secrets(builds),
            ]
        ),
    }
    longest_s = max(build.timeout_s for build in builds)
    local = any(build.source.is_local for build in builds)
    matrix = expression(f"fromJSON(needs.check.outputs.matrix_{number + 1})")
    return job(
        place,
        f"build {expression(shown_name(builds))}",
        order,
        min(LONGEST_JOB_MIN, -(-longest_s // 60) + BUILD_MARGIN_MIN),
        strategy={"fail-fast": True, "max-parallel": group.slots, "matrix": {"build": matrix}},
        steps=steps(place, "build", environment, submodules=local),
    )


def shown_name(builds: list[Build]) -> str:
    """The expression that gives a build's name by its place in the matrix.

    The names are in the workflow and not in the check's output, because GitHub
    drops an output that happens to contain a secret (a user name, say). `||`
    chains of any length are one level deep to GitHub's parser.
    """
    names = [uses.build_label(build)[:NAME_LENGTH].strip() or "-" for build in builds]
    return " || ".join(f"matrix.build == {place} && '{name}'" for place, name in enumerate(names))


def _deploy_job(jobs: Jobs, place: Place, number: int, order: Value) -> Value:
    stage, needs = jobs.stages[number], jobs.needs[number]
    environment = {
        **(_commits() if needs.sources else {}),
        **_all_tags(jobs, needs.builds),
        "STAGECAST_STAGE": str(number),
        **given(
            [
                *jobs.registries,
                *jobs.origins,
                *uses.source_secrets(needs.sources),
                *([contract.KUBE_CONFIG] if needs.deploys else []),
            ]
        ),
    }
    name = f"deploy {number + 1}: {label(stage.name)}" if needs.deploys else label(stage.name)
    # Its deployments end by their own timeouts: the job is never cut off before the platform does it.
    return job(place, name, order, LONGEST_JOB_MIN, steps=steps(place, "deploy", environment))


def lock_job(jobs: Jobs, place: Place, before: list[str]) -> Value:
    """Commits what was built to the branch that Argo CD reads: the only job that may write to the repository.

    What is pushed with the job's own token starts no other workflow.
    """
    plan = jobs.plan
    environment = {
        **_commits(),
        **_all_tags(jobs, frozenset(range(len(plan.builds)))),
        **given(jobs.registries),
        contract.PUSH_TOKEN: expression("github.token"),
    }
    return job(
        place,
        "lock",
        after(before),
        LOCK_MIN,
        permissions={"contents": "write"},
        steps=steps(place, "lock", environment),
    )


def remove_job(place: Place, before: list[str]) -> Value:
    """Uninstalls what left the spec, after everything else is deployed."""
    environment = given([contract.KUBE_CONFIG])
    return job(place, "remove", after(before), REMOVE_MIN, steps=steps(place, "remove", environment))


def _commits() -> dict[str, str]:
    """The commits that the check found, for a job that clones."""
    return {"STAGECAST_COMMITS": expression("needs.check.outputs.commits")}


def _tags(group: int) -> dict[str, str]:
    """The tags that the check found for a group of builds."""
    return {f"STAGECAST_TAGS_{group + 1}": expression(f"needs.check.outputs.tags_{group + 1}")}


def _all_tags(jobs: Jobs, builds: frozenset[int]) -> dict[str, str]:
    """The tags of every group that has one of these builds."""
    found: dict[str, str] = {}
    for number, group in enumerate(jobs.groups):
        if not builds.isdisjoint(group.builds):
            found.update(_tags(number))
    return found
