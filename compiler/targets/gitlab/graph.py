"""The jobs of the child pipeline as the neutral graph: the stages and lanes that `pipeline` draws."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.plan.jobs import Job, JobGraph, Machine
from compiler.plan.model import Plan
from compiler.targets.ci.graph import CHECK, build_caps, check_job, deploy_machine
from compiler.targets.ci.jobs import Group
from compiler.targets.gitlab.lanes import BuildJob, layout
from compiler.targets.gitlab.pipeline import build_name, stages


def job_graph(plan: Plan) -> JobGraph:
    """What runs when: the first job of a lane waits for all jobs of the stage before, others for their lane.

    Lanes hold the cap by themselves: nobody ever waits for it.

    Raises:
        ValueError: the stages of the plan are more jobs than a pipeline may have.
    """
    parts = layout(plan)
    caps = build_caps(parts.queues, kills=True)
    found = [check_job(plan)]
    before: tuple[str, ...] = (CHECK,)
    for name, part, place in stages(parts):
        if isinstance(part, Group):
            made = list(_lanes(plan, parts.lanes[place], before, caps[part.slots].name))
        else:
            made = [Job(name, before, (deploy_machine(plan, part),))]
        found += made
        before = tuple(job.id for job in made)
    return JobGraph("gitlab", tuple(found), tuple(caps.values()))


def _lanes(plan: Plan, jobs: list[BuildJob], before: tuple[str, ...], cap: str) -> Iterator[Job]:
    names = [build_name(plan, job) for job in jobs]
    for name, job in zip(names, jobs, strict=True):
        needs = before if job.after is None else (CHECK, names[job.after])
        tasks = tuple(plan.builds[index].id for index in job.builds)
        yield Job(name, needs, (Machine(tasks, cap=cap),))
