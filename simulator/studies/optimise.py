"""What is worth changing: builds and deployments halved, Dockerfiles, orders, pools, strategies, barriers.

Takes a plan and a scenario, gives what each change would bring, by simulating
it on the same draws. Prints nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from compiler.plan.model import Plan, Strategy
from simulator import engines
from simulator.modelling import pipeline
from simulator.modelling.model import Model
from simulator.modelling.scenario import Scenario
from simulator.modelling.variants import Barrier, barriers, with_builders, with_strategy, without_barrier
from simulator.network import Policy
from simulator.statistics.compare import Change
from simulator.studies.halving import Ranking, affordable_runs, rank
from simulator.studies.paired import Outcomes, outcomes
from simulator.studies.rebuilds import Applied, Rebuild, Rebuilt
from simulator.studies.rebuilds import rank as rank_rebuilds
from simulator.studies.whatif import Case, Compared, Figures, Sweep, compared, figures, swept

OPTIMISATION_VERSION = "stagecast/optimize/v1"
# A pool is tried up to this size, or twice what it is.
POOL_SIZES = 14
# Of the mean: what saves less is no advice.
_WORTH_ADVISING = 0.005
Lower = Callable[[Plan, Scenario], Model]


@dataclass(frozen=True, slots=True)
class BarrierCost:
    """What the pipeline would take without one barrier."""

    barrier: Barrier
    compared: Compared


@dataclass(frozen=True, slots=True)
class Optimisation:
    """All changes that were tried, each beside the base.

    `profile` is the target whose ways were simulated. `policies` are the other orders of the
    queues, `strategies` the other strategies, `pool` has the builders from one on. `dockerfiles` are
    better Dockerfiles, of `findings` that there are; `applied` the best of them together, where asked for;
    `remarks` say what of Dockerfiles is not forecast.
    """

    environment: str
    digest: str
    scenario: str
    runs: int
    seed: int
    base: Figures
    ranking: Ranking
    policies: tuple[Compared, ...]
    strategies: tuple[Compared, ...]
    barriers: tuple[BarrierCost, ...]
    pool: Sweep | None
    profile: str | None = None
    dockerfiles: tuple[Rebuilt, ...] = ()
    findings: int = 0
    applied: Applied | None = None
    remarks: tuple[str, ...] = ()

    @property
    def advice(self) -> tuple[Advice, ...]:
        """The best of each sort that surely saves time worth saying, the largest saving of P50 first."""
        others: tuple[tuple[Sort, Sequence[Compared]], ...] = (
            ("order", self.policies),
            ("strategy", self.strategies),
            ("barrier", [each.compared for each in self.barriers]),
            ("builders", self._enough_builders()),
        )
        found = [Advice("halve", each.task, each.change) for each in self.ranking.halvings[:1]]
        found += [
            Advice("dockerfile", each.rebuild.place, each.compared.change)
            for each in self.dockerfiles[:1]
            if each.compared.change is not None
        ]
        for sort, options in others:
            tried = [
                Advice(sort, each.figures.name, each.change) for each in options if each.change is not None
            ]
            found += sorted(tried, key=_saving)[:1]
        worth_s = _WORTH_ADVISING * (self.base.mean_s or 0.0)
        sure = (
            each
            for each in found
            if each.change.mean.sign < 0 and (each.sort == "halve" or -each.change.mean.value_s >= worth_s)
        )
        return tuple(sorted(sure, key=_saving))

    def _enough_builders(self) -> Sequence[Compared]:
        """The pool at the knee, or the largest that was tried where there is none."""
        if self.pool is None:
            return ()
        found = [each for each in self.pool.points if each.figures.name == self.pool.knee]
        return found or self.pool.points[-1:]


Sort = Literal["halve", "dockerfile", "order", "strategy", "barrier", "builders"]


@dataclass(frozen=True, slots=True)
class Advice:
    """A change that surely saves time.

    `subject` is a task, a place in a Dockerfile, a policy, a strategy, a gate or a number.
    """

    sort: Sort
    subject: str
    change: Change


def _saving(advice: Advice) -> tuple[float, float, str]:
    return advice.change.p50.value_s, advice.change.mean.value_s, advice.subject


def optimise(
    plan: Plan,
    scenario: Scenario | None = None,
    *,
    runs: int | None = None,
    seed: int = 0,
    lower: Lower = pipeline.model,
    strategies: Sequence[Strategy] = tuple(Strategy),
    own_order: bool = False,
    rebuilds: Sequence[Rebuild] = (),
) -> Optimisation:
    """Try every change. The same plan, scenario, runs and seed give the same result.

    With `runs` None so many are made as end in seconds: 1,000 where the numpy engine runs.

    `lower` makes the model of a plan under a scenario: a target's own, where it has one. `own_order`
    says that the target has queues and barriers of its own, so that no others are tried. `rebuilds` are
    the builds with better Dockerfiles.

    Raises:
        ValueError: the plan cannot be scheduled, or there are no runs; the message is fit for a user.
    """
    scenario = scenario or Scenario()
    base = Case(scenario.name, lower(plan, scenario))
    removable = () if own_order else tuple(barriers(plan))
    groups = (
        [] if own_order else list(_policies(plan, scenario, lower)),
        [
            Case(each.value, lower(with_strategy(plan, each), scenario))
            for each in strategies
            if each is not plan.strategy
        ],
        [Case(each.task, lower(without_barrier(plan, each), scenario)) for each in removable],
        list(_pools(plan, scenario, lower)),
    )
    models = [base.model, *(case.model for group in groups for case in group)]
    made = runs if runs is not None else _affordable(models)
    base_found, *rest = outcomes(models, runs=made, seed=seed, closely=0)
    told = iter(rest)
    found = [[next(told) for _ in group] for group in groups]
    policies, others, without = (
        tuple(compared(case, each, base, base_found) for case, each in zip(group, outcome, strict=True))
        for group, outcome in zip(groups[:3], found[:3], strict=True)
    )
    return Optimisation(
        environment=plan.environment,
        digest=plan.digest,
        scenario=scenario.name,
        runs=made,
        seed=seed,
        base=figures(base, base_found),
        ranking=rank(base.model, runs=runs, seed=seed),
        policies=policies,
        strategies=others,
        barriers=tuple(map(BarrierCost, removable, without)),
        pool=_pool(groups[3], found[3], base, base_found),
        profile=base.model.profile,
        dockerfiles=rank_rebuilds(plan, rebuilds, lambda each: lower(each, scenario), runs=runs, seed=seed),
        findings=len(rebuilds),
    )


def _affordable(models: Sequence[Model]) -> int:
    slow = [each for each in models if engines.choose(each.network).name != "numpy"]
    return affordable_runs("events", sum(len(each.network.activities) for each in slow))


def _policies(plan: Plan, scenario: Scenario, lower: Lower) -> Iterator[Case]:
    for policy in Policy:
        if (scenario.build_policy, scenario.deploy_policy) != (policy, policy):
            changed = replace(scenario, build_policy=policy, deploy_policy=policy)
            yield Case(policy.value, lower(plan, changed))


def _pools(plan: Plan, scenario: Scenario, lower: Lower) -> Iterator[Case]:
    """Builders from one to more than there are, and not more than there are builds."""
    most = min(max(POOL_SIZES, 2 * plan.limits.build.slots), len(plan.builds))
    step = -(-most // (2 * POOL_SIZES))
    for count in range(1, most + 1, step or 1):
        nodes = scenario.builders
        if nodes is not None:
            nodes = replace(nodes, warm=min(nodes.warm, count), maximum=count)
        yield Case(str(count), lower(with_builders(plan, count), replace(scenario, builders=nodes)))


def _pool(cases: Sequence[Case], found: Sequence[Outcomes], base: Case, base_found: Outcomes) -> Sweep | None:
    if not cases:
        return None
    return swept("builders", [(case.name, case) for case in cases], found, base, base_found)
