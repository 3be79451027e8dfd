"""The pods of the workflow as the neutral graph: the phases that `workflow` draws, a machine for each pod."""

from __future__ import annotations

from compiler.plan.jobs import Cap, Job, JobGraph, Machine
from compiler.plan.model import Plan
from compiler.targets.argo.units import Phase, Unit, caps, phases
from compiler.targets.ci.document import document
from compiler.targets.ci.graph import check_job
from compiler.targets.ci.jobs import groups, rollouts

BUILDS = "build"
DEPLOYMENTS = "deploy"


def job_graph(plan: Plan) -> JobGraph:
    """What runs when: a phase is a job, its pods are machines under the phase's `parallelism`.

    In a phase of both kinds (`dag`) each kind has its semaphore. Both go by the order of the
    graph's targets: of one workflow's pods a semaphore takes whoever asks first when Argo looks
    (workflow/sync: `isSameWorkflowNodeKeys`). A failed pod ends no other.

    Raises:
        ValueError: the plan's tasks need each other in a circle.
    """
    stages = rollouts(plan)
    found = [check_job(plan)]
    limits: dict[str, Cap] = {}
    for phase in phases(plan, document(plan, groups(plan), stages)):
        machines = []
        for unit in phase.units:
            cap = _cap(plan, phase, unit, limits)
            limits[cap.name] = cap
            if unit.stage is None:
                machines.append(Machine(tuple(plan.builds[index].id for index in unit.members), cap=cap.name))
            else:
                tasks = tuple(stages[unit.stage].tasks[place].id for place in unit.members)
                at_once = 1 if len(tasks) == 1 else max(1, plan.limits.deploy_parallelism)
                machines.append(Machine(tasks, at_once, cap.name))
        found.append(Job(phase.name, (found[-1].id,), tuple(machines)))
    return JobGraph("argo", tuple(found), tuple(limits.values()))


def _cap(plan: Plan, phase: Phase, unit: Unit, known: dict[str, Cap]) -> Cap:
    """The cap of a unit: the phase's, by kind and number, or the semaphore of its kind."""
    kind = DEPLOYMENTS if unit.size is None else BUILDS
    if phase.parallelism is None:
        both = caps(plan)
        return Cap(kind, both.builds if kind == BUILDS else both.deployments)
    cap = Cap(kind, phase.parallelism)
    if known.get(kind, cap) != cap:
        cap = Cap(f"{kind}, {cap.slots} at a time", cap.slots)
    return cap
