"""The jobs of the workflow as the neutral graph: the same parts in the same order as `jobs.chain` draws."""

from __future__ import annotations

from compiler.plan.jobs import Job, JobGraph, Machine
from compiler.plan.model import Plan
from compiler.targets.ci.graph import CHECK, build_caps, check_job, deploy_machine
from compiler.targets.ci.jobs import Group
from compiler.targets.github.jobs import jobs_of, parts


def job_graph(plan: Plan) -> JobGraph:
    """What runs when: a matrix is a job with a machine for each build, `max-parallel` of them at once."""
    jobs = jobs_of(plan)
    caps = build_caps(jobs.groups, kills=True)
    found = [check_job(plan)]
    for key, part, _, before in parts(jobs):
        if isinstance(part, Group):
            cap = caps[part.slots].name
            machines = tuple(Machine((plan.builds[index].id,), cap=cap) for index in part.builds)
        else:
            machines = (deploy_machine(plan, part),)
        found.append(Job(key, (CHECK, *before), machines))
    return JobGraph("github", tuple(found), tuple(caps.values()))
