"""What a change would bring: cases against a base, on common draws.

Takes models by name, gives what each of them takes and costs and how it
differs from the base, run by run. Owns the rule of a sweep's knee. Reads no files
and prints nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compiler.plan.model import Strategy
from simulator.modelling.eased import eased
from simulator.modelling.model import Model
from simulator.statistics.compare import Change, both_succeed, compare
from simulator.statistics.quantiles import Quantile, quantile
from simulator.studies.paired import Outcomes, outcomes
from simulator.studies.sweep_values import rising

WHATIF_VERSION = "stagecast/whatif/v1"
# A larger value that saves less than this part of P50 is not worth it: what makes a knee.
WORTH = 0.05
# Tasks are named as newly critical from this change of their share on: twice what 200 runs may err by.
_TOLD_FROM = 0.14
_MOST_SHIFTS = 3


@dataclass(frozen=True, slots=True)
class Case:
    """Something to simulate: a name for people, the settings that make it, and the model."""

    name: str
    model: Model
    settings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Figures:
    """What one case takes and costs. Quantiles and mean are None where no run succeeds.

    `build_cpu_s` is the CPU of builds times the time they held it, `pool_cpu_s` that of the
    whole pool over the makespan: core seconds, means over the runs. `failed` is the share of runs that fail.
    `slots` are the builds that the pool can hold at once of those `parallelism` allows.
    """

    name: str
    settings: tuple[str, ...]
    strategy: Strategy
    engine: str
    parallelism: int
    slots: int
    p50: Quantile | None
    p90: Quantile | None
    mean_s: float | None
    build_cpu_s: float
    pool_cpu_s: float
    failed: float


@dataclass(frozen=True, slots=True)
class Shift:
    """How often a task is on the critical path, before and after."""

    task: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Compared:
    """A case beside the base. `change` is None where no run succeeds in both.

    `left_out` is the share of runs that fail in either and are in no comparison.
    `shifts` are the tasks that become critical instead, the largest change first. `anomaly`: it
    is surely slower although it only makes things easier (see `eased`).
    """

    figures: Figures
    change: Change | None
    left_out: float
    shifts: tuple[Shift, ...]
    anomaly: bool = False


@dataclass(frozen=True, slots=True)
class Slower:
    """Two values of a sweep of which the second only makes things easier and is slower, surely."""

    value: str
    after: str
    change: Change


@dataclass(frozen=True, slots=True)
class Sweep:
    """One setting through several values, in the order asked for; each is compared with the base.

    `knee` is the smallest value from which no larger one saves `WORTH` of P50; None where the
    values are no rising numbers or only the last is such. `slower` are the steps that should help
    and make it slower.
    """

    setting: str
    values: tuple[str, ...]
    points: tuple[Compared, ...]
    knee: str | None
    slower: tuple[Slower, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Cases beside a base, all on the same draws; `profile` is the target whose ways were simulated."""

    environment: str
    digest: str
    runs: int
    seed: int
    base: Figures
    cases: tuple[Compared, ...]
    sweep: Sweep | None = None
    profile: str | None = None


def whatif(
    base: Case,
    cases: Sequence[Case],
    *,
    runs: int,
    seed: int,
    sweep: tuple[str, Sequence[tuple[str, Case]]] | None = None,
) -> Comparison:
    """Compare cases with the base; `sweep` is a setting and its values, each with its case.

    The same models, runs and seed give the same comparison.

    Raises:
        ValueError: see `paired.outcomes`.
    """
    points = [case for _, case in sweep[1]] if sweep is not None else []
    everything = [base, *cases, *points]
    models = [case.model for case in everything]
    found = outcomes(models, runs=runs, seed=seed, closely=1 + len(cases))
    return Comparison(
        environment=base.model.plan.environment,
        digest=base.model.plan.digest,
        runs=runs,
        seed=seed,
        base=figures(base, found[0]),
        cases=tuple(
            compared(case, each, base, found[0]) for case, each in zip(cases, found[1:], strict=False)
        ),
        sweep=swept(*sweep, found[len(cases) + 1 :], base, found[0]) if sweep is not None else None,
        profile=base.model.profile,
    )


def figures(case: Case, found: Outcomes) -> Figures:
    """What a case takes and costs."""
    makespan_s = found.makespan_s[~found.failed]
    limits = case.model.plan.limits.build
    return Figures(
        name=case.name,
        settings=case.settings,
        strategy=case.model.plan.strategy,
        engine=found.engine,
        parallelism=limits.parallelism,
        slots=limits.slots,
        p50=quantile(makespan_s, 0.5) if len(makespan_s) else None,
        p90=quantile(makespan_s, 0.9) if len(makespan_s) else None,
        mean_s=float(makespan_s.mean()) if len(makespan_s) else None,
        build_cpu_s=found.build_cpu_s,
        pool_cpu_s=found.pool_cpu_s,
        failed=float(found.failed.mean()),
    )


def compared(case: Case, found: Outcomes, base_case: Case, base: Outcomes) -> Compared:
    """A case beside the base."""
    made = change(base, found)
    return Compared(
        figures=figures(case, found),
        change=made,
        left_out=left_out(base, found),
        shifts=_shifts(base, found),
        anomaly=_slower(made) and eased(base_case.model, case.model),
    )


def change(base: Outcomes, other: Outcomes) -> Change | None:
    """What the second does to the makespan, in the runs that succeed in both."""
    fine = both_succeed(base.failed, other.failed)
    return compare(base.makespan_s[fine], other.makespan_s[fine]) if fine.any() else None


def left_out(base: Outcomes, other: Outcomes) -> float:
    """The share of runs that fail in either."""
    return float((~both_succeed(base.failed, other.failed)).mean())


def _slower(made: Change | None) -> bool:
    return made is not None and made.mean.sign > 0


def _shifts(base: Outcomes, other: Outcomes) -> tuple[Shift, ...]:
    shifts = (Shift(task, base.critical.get(task, 0.0), share) for task, share in other.critical.items())
    gained = [each for each in shifts if each.after - each.before >= _TOLD_FROM and _is_work(each.task)]
    return tuple(sorted(gained, key=lambda each: (each.before - each.after, each.task))[:_MOST_SHIFTS])


def _is_work(task: str) -> bool:
    return not task.startswith("gate:")


def swept(
    setting: str,
    points: Sequence[tuple[str, Case]],
    found: Sequence[Outcomes],
    base_case: Case,
    base: Outcomes,
) -> Sweep:
    """A sweep from the outcomes of its points."""
    values = tuple(value for value, _ in points)
    slower = []
    for number in range(1, len(points)):
        step = change(found[number - 1], found[number])
        if step is not None and _slower(step) and eased(points[number - 1][1].model, points[number][1].model):
            slower.append(Slower(values[number], values[number - 1], step))
    return Sweep(
        setting=setting,
        values=values,
        points=tuple(
            compared(case, each, base_case, base) for (_, case), each in zip(points, found, strict=True)
        ),
        knee=knee(values, [_p50_s(case, each) for (_, case), each in zip(points, found, strict=True)]),
        slower=tuple(slower),
    )


def knee(values: Sequence[str], times_s: Sequence[float | None]) -> str | None:
    """The smallest value from which no larger one saves `WORTH` of the time; None where there is none.

    A plateau in the middle (six builds take as long on three slots as on five) is no knee, as what
    comes later is looked at as well; nor is the last value, of which nothing later is known, nor one
    after which it gets slower by as much. Unlike the distance from a chord (Satopää et al., "Finding
    a Kneedle in a haystack", 2011), the rule says what one gives up.
    """
    if not rising(values):
        return None
    for number, (value, time_s) in enumerate(zip(values, times_s, strict=True)):
        later = [each for each in times_s[number + 1 :] if each is not None]
        if time_s is not None and later and min(later) > time_s * (1 - WORTH):
            return value if max(later) < time_s * (1 + WORTH) else None
    return None


def _p50_s(case: Case, found: Outcomes) -> float | None:
    p50 = figures(case, found).p50
    return p50.value_s if p50 is not None else None
