"""What common draws are worth: the variance of a what-if's difference, paired and with draws of its own.

Examples as they are, each with some changes; 1,000 replications.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from claims import SEED, Claim
from compiler.diagnostics.model import Findings
from compiler.driver import check_environment, make_plan
from compiler.plan.model import Plan, Resources
from compiler.project import job_for_spec
from simulator import engines
from simulator.drawing.sampling import sample
from simulator.engines.trace import Floats
from simulator.modelling.laws import Law
from simulator.modelling.model import Model
from simulator.modelling.pipeline import model

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
RUNS = 1_000
NAMES = ("online-boutique", "voting-app")


def plan_of(name: str) -> Plan:
    """The plan of an example."""
    job = job_for_spec(EXAMPLES / name / "environment.yaml", Findings())
    return make_plan(check_environment(job, Findings()))


def makespans(lowered: Model, seed: int) -> Floats:
    """Of every replication."""
    drawn = sample(lowered.laws, runs=RUNS, seed=seed, correlation=lowered.scenario.correlation)
    return engines.simulate(lowered.network, drawn.durations_s).makespan_s


def fewer_slots(plan: Plan) -> Plan:
    """One build at a time fewer than there are builds, three at most."""
    slots = max(1, min(3, len(plan.builds) - 1))
    size = plan.limits.build.resources
    pool = Resources(slots * size.cpu_milli, slots * size.memory_bytes)
    build = replace(plan.limits.build, parallelism=slots, slots=slots, pool=pool)
    return replace(plan, limits=replace(plan.limits, build=build))


def halved(lowered: Model, task: str) -> Model:
    """All terms of one task take half as long."""

    def half(law: Law) -> Law:
        return replace(law, median_s=law.median_s / 2)

    laws = tuple(
        replace(each, terms=tuple(replace(term, law=half(term.law)) for term in each.terms))
        if each.task == task
        else each
        for each in lowered.laws
    )
    return replace(lowered, laws=laws)


def changes(name: str) -> Iterator[tuple[str, Model, Model]]:
    """What is changed, before and after."""
    plan = plan_of(name)
    base = model(plan)
    if len(plan.builds) > 1:
        yield f"{name}: fewer build slots", base, model(fewer_slots(plan))
    for build in plan.builds[:2]:
        yield f"{name}: {build.id} in half the time", base, halved(base, build.id)
    deployed = next(task.id for task in plan.tasks if task.id.startswith("deploy:"))
    yield f"{name}: {deployed} in half the time", base, halved(base, deployed)


def gain(before: Model, after: Model) -> float:
    """How many times the variance of the difference is that of the paired difference."""
    first, paired, other = makespans(before, SEED), makespans(after, SEED), makespans(after, SEED + 1)
    spread = float(np.var(paired - first, ddof=1))
    return float(np.var(other - first, ddof=1)) / spread if spread else float("inf")


def variance_claims() -> Iterator[Claim]:
    """The gain of every change. It depends on the plan and the change: a small one gains most."""
    for name in NAMES:
        for what, before, after in changes(name):
            found = gain(before, after)
            published = "31 to 1,610 times, of other plans"
            yield Claim(what, "more than once", published, f"{found:,.0f} times", found > 1)


def stream_claims() -> Iterator[Claim]:
    """Draws that are not concerned by a change stay as they were."""
    for name in NAMES:
        plan = plan_of(name)
        before, after = model(plan), model(fewer_slots(plan))
        first, second = (
            sample(each.laws, runs=300, seed=SEED, correlation=0.3).durations_s for each in (before, after)
        )
        changed = int((first != second).any(axis=0).sum())
        what = f"{name}: replications with another draw, when only the capacity changes"
        yield Claim(what, "none of 300", "267 of 300 with one shared stream", str(changed), changed == 0)
