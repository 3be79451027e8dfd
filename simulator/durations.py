"""How long tasks take: terms, their laws, and the defaults where nobody said.

Takes a plan, gives every task's terms. A task's duration is the sum of its
terms, one after another, each with a lognormal law of its own:

    check   check
    build   clone + build + push
    mirror  mirror
    deploy  pull + deploy, or pull + run for a job that runs at the start

Knows no seed, no queue and no engine. Why each default is what it is stands
beside it and in docs/forecast.md, which a test holds to this table.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from compiler.plan.model import Estimate, JobRun, Plan, ServiceType, Task, TaskKind, Workload
from simulator.laws import LONGEST_S, Z90, Law


@dataclass(frozen=True, slots=True)
class Term:
    """A part of a task's duration; `name` is also the name of its random stream."""

    name: str
    law: Law


@dataclass(frozen=True, slots=True)
class TaskDuration:
    """What a task's duration is made of. Gates have no terms. `timeout_s` cuts the whole task off."""

    task: str
    terms: tuple[Term, ...]
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class Default:
    """The assumed law of a term. `p90_ratio` is P90 over median; `reason` is where both come from."""

    median_s: float
    p90_ratio: float
    reason: str

    @property
    def law(self) -> Law:
        """As a law."""
        return Law(self.median_s, math.log(self.p90_ratio) / Z90)


DEFAULTS: dict[tuple[str, str], Default] = {
    ("check", "any"): Default(5, 1.5, "judgement: one API call or file read per service, all at once"),
    ("clone", "any"): Default(
        5, 1.6, "a depth-1 clone of 11,000 files, 23 MB, at 11 MB/s was published as 4.6 s"
    ),
    ("build", "any"): Default(
        190,
        1.5,
        "47,511 passed single-job CI builds of 400 public projects: the median project's median is 205 s "
        "for the whole job, less clone and push here; P90/median within a project is 1.3 at the median "
        "project and 1.6 at the upper quartile",
    ),
    ("push", "any"): Default(
        10, 2.0, "200 MB of new layers at 20 MB/s; 204 MB to a registry beside it took 2.4 s"
    ),
    ("mirror", "any"): Default(
        15, 2.0, "200 MB out of one registry at 20 MB/s and into another beside it, plus manifests and tags"
    ),
    ("pull", "any"): Default(
        10, 2.0, "200 MB at 40 MB/s and as long again to unpack; a node that has it needs none"
    ),
    ("deploy", "application"): Default(
        40,
        1.4,
        "probe delay 30 s and half a period of 10 s, pod start (Kubernetes' objective is 5 s at P99 without "
        "the pull), Helm's own calls",
    ),
    ("deploy", "container"): Default(40, 1.4, "as an application: the same objects and the same probes"),
    ("deploy", "database"): Default(
        60, 1.5, "as an application, and a volume to provision, attach and initialise"
    ),
    ("deploy", "managed database"): Default(5, 1.5, "one external service: Helm's own calls, no pod"),
    ("run", "job"): Default(30, 3.0, "judgement: a migration, mostly of nothing, sometimes of much"),
    ("deploy", "job"): Default(
        5, 1.5, "a cron job, or one that runs on stop or delete: Helm's own calls, no pod"
    ),
    ("deploy", "helm"): Default(60, 2.0, "judgement: somebody's chart, several pods, pulls included"),
    ("deploy", "terraform"): Default(120, 3.0, "judgement: init, plan, apply; cloud resources take minutes"),
}
"""The default law per (term, what it is about); the reasons are printed in docs/forecast.md."""

# The term that a person means with an estimate of the whole task, where the task has it.
_MAIN_TERMS = ("build", "run", "deploy", "mirror", "check")


def task_durations(plan: Plan) -> tuple[TaskDuration, ...]:
    """The terms of every task of the plan, in the plan's order.

    An estimate replaces all terms of its task by its main one (a build's is
    "build", without clone and push beside it): a person times the whole. One
    for a task that the plan does not have changes nothing.

    Raises:
        ValueError: an estimate that is negative or not finite, or has a P90 below its median.
    """
    workloads = {workload.service: workload for workload in plan.workloads}
    estimates = {estimate.task: estimate for estimate in plan.estimates}
    result = []
    for task in plan.tasks:
        terms = default_terms(task, workloads)
        estimate = estimates.get(task.id)
        if estimate is not None and terms:
            main = next(term for name in _MAIN_TERMS for term in terms if term.name == name)
            terms = (Term(main.name, estimated_law(estimate, main.law)),)
        result.append(TaskDuration(task.id, terms, task.timeout_s))
    return tuple(result)


def default_terms(task: Task, workloads: dict[str, Workload]) -> tuple[Term, ...]:
    """A task's terms as assumed; `workloads` by service."""
    match task.kind:
        case TaskKind.GATE:
            return ()
        case TaskKind.CHECK:
            return (_default("check"),)
        case TaskKind.BUILD:
            return _default("clone"), _default("build"), _default("push")
        case TaskKind.MIRROR:
            return (_default("mirror"),)
        case TaskKind.DEPLOY:
            workload = workloads.get(task.services[0]) if task.services else None
            return _deploy_terms(workload)


def estimated_law(estimate: Estimate, default: Law) -> Law:
    """The law of an estimate; a plain one takes the spread of the default that it replaces.

    A lognormal with this median and P90 has sigma = ln(P90 / median) / z(0.9).

    Raises:
        ValueError: see `task_durations`.
    """
    if estimate.fixed or estimate.median_s == 0:
        return Law(estimate.median_s, 0.0, "estimate", "estimate")
    if estimate.p90_s is None:
        return Law(estimate.median_s, default.sigma, "estimate", "assumed")
    if not LONGEST_S >= estimate.p90_s >= estimate.median_s > 0:
        raise ValueError(
            f"the estimate of {estimate.task} needs a positive median and a P90 that is not below it"
        )
    sigma = (math.log(estimate.p90_s) - math.log(estimate.median_s)) / Z90
    return Law(estimate.median_s, sigma, "estimate", "estimate")


def _deploy_terms(workload: Workload | None) -> tuple[Term, ...]:
    if workload is None:
        return _default("pull"), _default("deploy", "application")
    if workload.job is not None and workload.job.run is not JobRun.START:
        return (_default("deploy", "job"),)
    if workload.database is not None and workload.database.managed:
        return (_default("deploy", "managed database"),)
    if workload.type in (ServiceType.HELM, ServiceType.TERRAFORM):
        return (_default("deploy", workload.type.value),)
    main = "run" if workload.job is not None else "deploy"
    return _default("pull"), _default(main, workload.type.value)


def _default(term: str, about: str = "any") -> Term:
    return Term(term, DEFAULTS[term, about].law)
