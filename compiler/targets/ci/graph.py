"""The parts of a job graph that several targets have in common. Takes a plan and its split into jobs."""

from __future__ import annotations

from collections.abc import Iterable

from compiler.plan.jobs import Cap, Job, Machine
from compiler.plan.model import Plan, TaskKind
from compiler.targets.ci.jobs import Group, Rollout

CHECK = "check"


def check_job(plan: Plan) -> Job:
    """The job that everything else waits for."""
    checks = tuple(task.id for task in plan.tasks if task.kind is TaskKind.CHECK)
    return Job(CHECK, (), (Machine(checks),))


def build_caps(groups: Iterable[Group], *, kills: bool) -> dict[int, Cap]:
    """The cap of each number of slots that groups of builds have; groups never run beside each other."""
    sizes = sorted({group.slots for group in groups}, reverse=True)
    return {
        slots: Cap("build" if slots == sizes[0] else f"build, {slots} at a time", slots, kills=kills)
        for slots in sizes
    }


def deploy_machine(plan: Plan, stage: Rollout) -> Machine:
    """One machine that does a stage's mirrors and deployments, as many at a time as the plan says."""
    return Machine(tuple(task.id for task in stage.tasks), max(1, plan.limits.deploy_parallelism))
