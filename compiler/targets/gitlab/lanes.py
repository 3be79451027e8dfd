"""Builds to jobs, and jobs to lanes: never more builds at once than there are slots, on any runner.

GitLab has no cap on how many jobs of a pipeline run at once that would hold on
every runner. So a stage's build jobs form as many chains as there are slots:
a job `needs` the one before it in its lane.
"""

from __future__ import annotations

from dataclasses import dataclass

from compiler.plan.model import Plan
from compiler.targets.ci import uses
from compiler.targets.ci.jobs import Group, Rollout, queues, rollouts

# The default limits of a pipeline: 500 jobs with an environment
# (https://docs.gitlab.com/administration/cicd/limits/), and on GitLab.com's free tier 500 jobs in all
# active pipelines of a project (https://docs.gitlab.com/user/gitlab_com/).
MOST_JOBS = 500


@dataclass(frozen=True, slots=True)
class BuildJob:
    """One job: its builds, one after another, and the place in its queue's list of the job before it."""

    builds: tuple[int, ...]
    after: int | None


@dataclass(frozen=True, slots=True)
class Layout:
    """The jobs of a pipeline.

    `lanes` is parallel to `queues`: the jobs of each. `batch` is how many
    builds one job may hold.
    """

    queues: list[Group]
    lanes: list[list[BuildJob]]
    stages: list[Rollout]
    batch: int


def layout(plan: Plan) -> Layout:
    """The jobs of a plan.

    Raises:
        ValueError: its stages alone are more jobs than a pipeline may have.
    """
    waiting, stages = queues(plan), rollouts(plan)
    batch = _batch([len(queue.builds) for queue in waiting], room(plan, stages))
    return Layout(waiting, [lanes(queue, batch) for queue in waiting], stages, batch)


def room(plan: Plan, stages: list[Rollout]) -> int:
    """How many jobs of a pipeline are left for builds: one is the check."""
    return MOST_JOBS - 1 - len(stages) - uses.locks(plan) - uses.removes(plan)


def _batch(sizes: list[int], room: int) -> int:
    """The fewest builds per job with which all queues have room."""
    if len(sizes) > room:
        raise ValueError("the stages do not fit into one pipeline")
    batch = max(1, -(-sum(sizes) // max(1, room)))
    while sum(-(-size // batch) for size in sizes) > room:
        batch += 1
    return batch


def lanes(queue: Group, batch: int) -> list[BuildJob]:
    """The jobs of a queue, in its order: the first ones of all lanes, then the second ones, and so on."""
    starts = range(0, len(queue.builds), batch)
    return [
        BuildJob(queue.builds[start : start + batch], None if place < queue.slots else place - queue.slots)
        for place, start in enumerate(starts)
    ]
