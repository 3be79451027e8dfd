"""How long tasks take: terms, their laws, and the defaults where nobody said.

Takes a plan and a scenario, gives every task's terms. A task's duration is the
sum of its terms, one after another:

    check   check
    build   clone + build + push
            clone + build                  with a profile, whose steps the transfers are
    mirror  mirror
    deploy  pull + helm + start + ready + router
            pull + helm + start + run      a job that runs at the start
            helm                           a cron job, a job for later, a managed database
            deploy                         somebody's chart, Terraform

Knows no seed, no queue and no engine. The defaults are in `simulator.modelling.defaults`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from compiler.plan.model import (
    BuildProfile,
    Estimate,
    JobRun,
    Plan,
    Protocol,
    ServiceType,
    Task,
    TaskKind,
    Workload,
)
from simulator.modelling.defaults import DEFAULTS as DEFAULTS
from simulator.modelling.laws import LONGEST_S, Z90, Law
from simulator.modelling.rollout import Readiness, readiness
from simulator.modelling.scenario import IMAGE_BYTES, Scenario
from simulator.modelling.steps import law_of, unmeasured

# More attempts than anybody waits for; a job may have a thousand restarts.
MOST_RETRIES = 100
# A Job makes its next pod 10 s after the first failure, then after twice as long, at most 10 minutes
# (Kubernetes' job controller: DefaultJobPodFailureBackOff, MaxJobPodFailureBackOff).
JOB_BACKOFF_S = 10.0
LONGEST_BACKOFF_S = 600.0


@dataclass(frozen=True, slots=True)
class Term:
    """A part of a task's duration; `name` is also the name of its random stream.

    `chance` is the probability that it takes any time at all. With a `profile` it is drawn step by
    step from that, and `law` only tells about what comes of it. The profile is no part of the
    hash: models have hundreds of them, and their laws tell them apart.
    """

    name: str
    law: Law
    chance: float = 1.0
    profile: BuildProfile | None = field(default=None, hash=False)

    @property
    def unconfirmed(self) -> float:
        """The part of its time that rests on a default: of a kind of task, or of a kind of command."""
        if self.profile is not None:
            return unmeasured(self.profile)
        return float(self.law.source == "assumed")


@dataclass(frozen=True, slots=True)
class TaskDuration:
    """What a task's duration, or that of one activity of its chain, is made of. Gates have no terms.

    `timeout_s` ends one attempt, `deadline_s` all of them together. An attempt
    fails with the probability `failure` or at its timeout, and is repeated from
    the term with the index `again` on, `retries` times, after a pause of
    `backoff_s` that doubles each time. What failed attempts and pauses took is the
    term "retry", the last one, where there is one.

    `readiness` says what the term "ready" makes of its law, the application's
    boot; `pulled` is the pull before it, for the phase of the kubelet's probes.
    """

    task: str
    terms: tuple[Term, ...]
    timeout_s: float | None = None
    deadline_s: float | None = None
    failure: float = 0.0
    retries: int = 0
    again: int = 0
    backoff_s: float = 0.0
    readiness: Readiness | None = None
    pulled: Term | None = None

    @property
    def expected_s(self) -> float:
        """About the median: the sum of the terms' medians, probes and turns included."""
        medians = {term.name: term.law.median_s if term.chance > 0.5 else 0.0 for term in self.terms}
        total = sum(medians.values())
        if self.readiness is not None and "ready" in medians:
            start_s, turns = medians.get("start", 0.0), self.readiness.turns
            probe = self.readiness.readiness or self.readiness.startup
            waits_s = 0.0
            if probe is not None:
                waits_s = max(probe.initial_delay_s - medians["ready"], 0.0) + 0.5 * probe.period_s
            total += waits_s * turns + (turns - 1) * (start_s + medians["ready"])
        return min(total, self.timeout_s or math.inf, LONGEST_S)


# P90 over median of a whole deployment, for an estimate that says none.
_DEPLOYMENT_RATIO = {ServiceType.DATABASE: 1.5, ServiceType.JOB: 1.5}
_USUAL_RATIO = 1.4
_MIRROR_OVERHEAD_S = 5.0


def task_durations(plan: Plan, scenario: Scenario | None = None) -> tuple[TaskDuration, ...]:
    """What every task of the plan takes, in the plan's order; scenario None is the default one.

    An estimate replaces all terms of its task by one (a build's is "build",
    without clone and push beside it): a person times the whole. One for a task that the
    plan does not have changes nothing. A profile replaces the terms "build" and "push" of a build
    without an estimate, unless the scenario has a law of its own for builds.

    Raises:
        ValueError: an estimate that is negative or not finite, or has a P90 below its median, a
            profile that makes no sense, or a rollout that Kubernetes would refuse.
    """
    scenario = scenario or Scenario()
    workloads = {workload.service: workload for workload in plan.workloads}
    estimates = {estimate.task: estimate for estimate in plan.estimates}
    profiles = {profile.task: profile for profile in plan.profiles}
    if _said("build", "any", scenario.laws) is not None:
        profiles = {}
    result = []
    for task in plan.tasks:
        workload = workloads.get(task.services[0]) if task.services else None
        duration = _assumed(task, workload, scenario)
        estimate = estimates.get(task.id)
        if estimate is not None and duration.terms:
            duration = _estimated(duration, task, workload, estimate)
        elif task.kind is TaskKind.BUILD and (profile := profiles.get(task.id)) is not None:
            duration = _profiled(task, profile, scenario)
        result.append(_with_failures(duration, task, workload, scenario))
    return tuple(result)


def estimated_law(estimate: Estimate, sigma: float) -> Law:
    """The law of an estimate; a plain one takes the spread `sigma` of what it replaces.

    A lognormal with this median and P90 has sigma = ln(P90 / median) / z(0.9).

    Raises:
        ValueError: see `task_durations`.
    """
    if estimate.fixed or estimate.median_s == 0:
        return Law(estimate.median_s, 0.0, "estimate", "estimate")
    if estimate.p90_s is None:
        return Law(estimate.median_s, sigma, "estimate", "assumed")
    if not LONGEST_S >= estimate.p90_s >= estimate.median_s > 0:
        raise ValueError(
            f"the estimate of {estimate.task} needs a positive median and a P90 that is not below it"
        )
    sigma = (math.log(estimate.p90_s) - math.log(estimate.median_s)) / Z90
    return Law(estimate.median_s, sigma, "estimate", "estimate")


def kind_of(task: Task, workload: Workload | None) -> str:
    """The kind by which failures are given: check, build, mirror, deploy or job."""
    return "job" if task.kind is TaskKind.DEPLOY and _runs(workload) else task.kind.value


def _estimated(
    duration: TaskDuration, task: Task, workload: Workload | None, estimate: Estimate
) -> TaskDuration:
    """Stands for all terms, under the name of the stream that an estimate of such a task has always had."""
    name = "run" if kind_of(task, workload) == "job" else task.kind.value
    replaced = next((term.law.sigma for term in duration.terms if term.name == name), None)
    if replaced is None:
        kind = workload.type if workload is not None else ServiceType.APPLICATION
        replaced = math.log(_DEPLOYMENT_RATIO.get(kind, _USUAL_RATIO)) / Z90
    return TaskDuration(task.id, (Term(name, estimated_law(estimate, replaced)),))


def _profiled(task: Task, profile: BuildProfile, scenario: Scenario) -> TaskDuration:
    """A clone, then the longest path through the steps that run: transfers and push are among them."""
    build = Term("build", law_of(profile, scenario.correlation), profile=profile)
    return TaskDuration(task.id, (_term("clone", scenario), build))


def _assumed(task: Task, workload: Workload | None, scenario: Scenario) -> TaskDuration:
    """The terms of a task that nobody timed."""
    connection = scenario.registry.connection_bytes_s
    match task.kind:
        case TaskKind.GATE:
            terms: tuple[Term, ...] = ()
        case TaskKind.CHECK:
            terms = (_term("check", scenario),)
        case TaskKind.BUILD:
            push = _transfer("push", task, scenario, connection)
            terms = (_term("clone", scenario), _term("build", scenario), push)
        case TaskKind.MIRROR:
            terms = (_transfer("mirror", task, scenario, connection, _MIRROR_OVERHEAD_S),)
        case TaskKind.DEPLOY:
            return _deployment(task, workload, scenario)
    return TaskDuration(task.id, terms)


def _deployment(task: Task, workload: Workload | None, scenario: Scenario) -> TaskDuration:
    if workload is not None and workload.type in (ServiceType.HELM, ServiceType.TERRAFORM):
        return TaskDuration(task.id, (_term("deploy", scenario, workload.type.value),))
    helm = _term("helm", scenario)
    if workload is not None and not _runs(workload) and not _serves(workload):
        return TaskDuration(task.id, (helm,))
    warm = scenario.cluster.warm
    pull = _transfer("pull", task, scenario, scenario.cluster.pull_bytes_s, chance=1.0 - warm)
    terms = [pull, helm] if warm < 1 else [helm]
    if workload is None:
        return TaskDuration(task.id, (*terms, _term("start", scenario)))
    terms.append(_term("start", scenario, "stateful" if workload.stateful else "any"))
    if _runs(workload):
        return TaskDuration(task.id, (*terms, _term("run", scenario, "job")))
    how = readiness(workload, first_install=scenario.cluster.first_install)
    if how.turns == 0:
        return TaskDuration(task.id, (helm,))
    if how.probed:
        terms.append(_term("ready", scenario, workload.type.value))
    elif how.turns > 1:
        terms.append(Term("ready", Law(0.0, 0.0, "scenario", "scenario")))
    if any(port.public and port.protocol in (Protocol.HTTP, Protocol.GRPC) for port in workload.ports):
        terms.append(_term("router", scenario))
    return TaskDuration(task.id, tuple(terms), readiness=how, pulled=pull if warm < 1 else None)


def _with_failures(
    duration: TaskDuration, task: Task, workload: Workload | None, scenario: Scenario
) -> TaskDuration:
    """Timeouts, the probability that an attempt fails, and how often it is tried again."""
    if not duration.terms:
        return duration
    kind = kind_of(task, workload)
    said = scenario.failures.get(kind)
    failure = said.probability if said is not None else 0.0
    timeout_s: float | None = task.timeout_s
    deadline_s, retries, again, backoff_s = None, task.retries, 0, 0.0
    if kind == "job" and workload is not None and workload.job is not None:
        # Kubernetes ends one pod of the job, Helm ends waiting for all of them.
        timeout_s, deadline_s = workload.job.max_duration_s, task.timeout_s
        retries, backoff_s = workload.job.max_restarts, JOB_BACKOFF_S
        again = next((n for n, term in enumerate(duration.terms) if term.name in ("start", "run")), 0)
    if said is not None and said.retries is not None:
        retries = said.retries
    retries = min(retries, MOST_RETRIES) if failure > 0 or timeout_s is not None else 0
    terms = duration.terms
    if retries:
        terms = (*terms, Term("retry", Law(0.0, 0.0, "scenario", "scenario")))
    return TaskDuration(
        task=duration.task,
        terms=terms,
        timeout_s=timeout_s,
        deadline_s=deadline_s,
        failure=failure,
        retries=retries,
        again=again,
        backoff_s=backoff_s,
        readiness=duration.readiness,
        pulled=duration.pulled,
    )


def _runs(workload: Workload | None) -> bool:
    """Whether its deployment runs a job to the end."""
    return workload is not None and workload.job is not None and workload.job.run is JobRun.START


def _serves(workload: Workload) -> bool:
    """Whether it has pods that stay."""
    managed = workload.database is not None and workload.database.managed
    return workload.job is None and not managed


def _term(name: str, scenario: Scenario, about: str = "any") -> Term:
    return Term(name, _law(name, about, scenario))


def _law(name: str, about: str, scenario: Scenario) -> Law:
    """The scenario's law, or the default; what is said of "any" is for all that nothing else is said of."""
    return _said(name, about, scenario.laws) or DEFAULTS[name, about].law


def _said(name: str, about: str, laws: Mapping[tuple[str, str], Law]) -> Law | None:
    return laws.get((name, about)) or laws.get((name, "any"))


def _transfer(
    name: str,
    task: Task,
    scenario: Scenario,
    bytes_s: float,
    overhead_s: float = 0.0,
    chance: float = 1.0,
) -> Term:
    """A term that is bytes over a speed; a law that the scenario says goes first."""
    said = _said(name, "any", scenario.laws)
    if said is not None:
        return Term(name, said, chance)
    default = DEFAULTS[name, "any"].law
    sizes = [scenario.image_bytes[each] for each in task.services if each in scenario.image_bytes]
    median_s = overhead_s + max(sizes, default=IMAGE_BYTES) / bytes_s
    if median_s == default.median_s:
        return Term(name, default, chance)
    return Term(name, Law(min(median_s, LONGEST_S), default.sigma, "scenario", "assumed"), chance)
