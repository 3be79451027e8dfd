"""How large a shared pool of builders must be: waits per size, and the smallest that keeps a bound.

Takes a model of one pipeline and a question (traffic, bound), gives a
`PoolForecast`. Every size is tried on the same starts and the same durations.
Knows no plan's text and no report.

That more builders wait less is likely, not certain (Graham, SIAM Journal on
Applied Mathematics 17 (1969) 416-429): the search supposes it to find its way,
and what it says rests on the sizes that it ran; those that break the rule are named.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simulator import engines
from simulator.drawing.sampling import sample
from simulator.drawing.streams import uniforms
from simulator.engines.trace import Flags, Floats
from simulator.modelling.model import Model
from simulator.network import Network
from simulator.statistics import clusters
from simulator.statistics.quantiles import Quantile
from simulator.studies import shared_pool
from simulator.studies.shared_pool import DAY_S, HOUR_S, Crowd, Traffic

# Runs are clusters: ten give intervals with 9 degrees of freedom.
RUNS = 10
# Enough to say where to look.
FEW_RUNS = 2
# Warm-up: a day that is not measured, as every run begins with an empty pool.
WARM_UP_DAYS = 1
# Who starts after the last measured pipeline can still stand before a late build of it.
TAIL_S = 6 * HOUR_S
# About two gigabytes, and minutes.
MOST_ACTIVITIES = 3_000_000
MOST_BUILDERS = 10_000
# The k-th pipeline of run r draws as replication r * _APART + k.
_APART = 1 << 24


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a pool.

    The `probability` quantile of the waits is to be `max_wait_s` at most. `rebuilt` is the
    probability that a build of a pipeline has to be made (else its image is there already). `cap` is how
    many builds one pipeline may have at a time. `days` are measured, over all runs.
    """

    traffic: Traffic
    max_wait_s: float = 60.0
    probability: float = 0.95
    rebuilt: float = 1.0
    cap: int | None = None
    days: int = 20
    seed: int = 0
    correlation: float = 0.3

    def __post_init__(self) -> None:
        if not 0 < self.rebuilt <= 1 or not 0 < self.probability < 1:
            raise ValueError("the share of builds and the quantile are between 0 and 1")
        if not 0 <= self.max_wait_s < math.inf or self.days < 1:
            raise ValueError("a bound that is not negative and at least one day are needed")


@dataclass(frozen=True, slots=True)
class PoolRow:
    """One size of the pool. Waits are in seconds, of the builds of all measured pipelines.

    `waited` is the share of builds that waited at all, `used` the mean share of the slots in use
    (nights included), `kept` whether the estimate is within the bound.
    """

    slots: int
    cpu_milli: int
    memory_bytes: int
    mean: clusters.Mean
    p50: Quantile
    p95: Quantile
    p99: Quantile
    bounded: Quantile
    waited: float
    used: float
    kept: bool


@dataclass(frozen=True, slots=True)
class PoolForecast:
    """What is said of the pools that were tried, `rows` by their slots and then the rest.

    `best` is the smallest pool that keeps the bound: slots first, then CPU, then memory; None where none
    of the range does. `fewest` is the first number of slots that its interval does not rule out, `safe`
    the first whose whole interval is within the bound. `exceptions` are larger pools than the best
    that break the bound nevertheless. `assumed` is of how many of a pipeline's builds nobody said how
    long they take. `offered` and `offered_peak` are how many builders would work on
    average, over the days and in the hour with the most starts, if nothing waited.
    """

    environment: str
    digest: str
    question: Question
    engine: str
    pipelines: int
    builds: int
    assumed: int
    offered: float
    offered_peak: float
    rows: tuple[PoolRow, ...]
    best: PoolRow | None
    fewest: int | None
    safe: int | None
    exceptions: tuple[int, ...] = ()


def forecast(
    model: Model,
    question: Question,
    sizes: range | None = None,
    *,
    progress: Callable[[int], None] | None = None,
) -> PoolForecast:
    """Find the smallest pool that keeps the bound, or try all `sizes` (slots).

    `progress` is told how many runs of some pool have been made; how many it takes nobody knows before.

    Raises:
        ValueError: nothing is built, the days are too many to simulate, or too few for a
            single build, or no size is asked for.
    """
    days = _Days(model, question, progress)
    best: int | None
    fewest: int | None
    safe: int | None
    if sizes is None:
        lowest = math.floor(days.offered) + 1
        guess = _least(lambda slots: days.row(slots, FEW_RUNS).kept, lowest)
        best = days.nearest(lambda row: row.kept, guess, lowest)
        start = best or guess
        fewest = days.nearest(lambda row: _within(row.bounded.low_s, question), start, lowest)
        safe = days.nearest(lambda row: _within(row.bounded.high_s, question), start, lowest)
    else:
        if not sizes or sizes[0] < 1 or sizes[-1] > MOST_BUILDERS:
            raise ValueError(f"a range of 1 to {MOST_BUILDERS} builders is needed")
        tried = [days.row(slots) for slots in sizes]
        best = next((row.slots for row in tried if row.kept), None)
        fewest = next((row.slots for row in tried if _within(row.bounded.low_s, question)), None)
        safe = next((row.slots for row in tried if _within(row.bounded.high_s, question)), None)
    chosen = None if best is None else days.shrunk(best)
    rows = days.rows()
    larger = [row for row in rows if best is not None and row.slots > best]
    return PoolForecast(
        environment=model.plan.environment,
        digest=model.plan.digest,
        question=question,
        engine=days.engine,
        pipelines=days.pipelines,
        builds=days.builds,
        assumed=days.assumed,
        offered=days.offered,
        offered_peak=days.offered * question.traffic.busiest_per_hour * 24 / question.traffic.per_day,
        rows=rows,
        best=chosen,
        fewest=fewest,
        safe=safe,
        exceptions=tuple(row.slots for row in larger if not row.kept),
    )


def _within(end_s: float | None, question: Question) -> bool:
    return end_s is not None and end_s <= question.max_wait_s


def _least(holds: Callable[[int], bool], lowest: int) -> int:
    """The smallest number from `lowest` on for which it holds, as far as steps and halving see it."""
    fails, found, step = lowest - 1, lowest, 1
    while found < MOST_BUILDERS and not holds(found):
        fails, found, step = found, found + step, step * 2
    while found - fails > 1:
        middle = (fails + found) // 2
        fails, found = (fails, middle) if holds(middle) else (middle, found)
    return found


def _assumed(model: Model, members: tuple[int, ...]) -> int:
    """How many builds, by one of their activities, have terms of which nobody said how long they take.

    One that takes what the steps of its Dockerfile do is none of them.
    """
    of_builds = [each for each in model.activities if not set(members).isdisjoint(each)]
    terms = ([term for index in each for term in model.laws[index].terms] for each in of_builds)
    return sum(
        all(term.profile is None for term in each) and any(term.law.source == "assumed" for term in each)
        for each in terms
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """One run's crowd and draws; `measured` (builds, pipelines) says which builds count."""

    crowd: Crowd
    start_s: Floats
    durations_s: Floats
    measured: Flags


class _Days:
    """The drawn days, and what each size of the pool makes of them; every size is run once."""

    def __init__(
        self, model: Model, question: Question, progress: Callable[[int], None] | None = None
    ) -> None:
        self._question = question
        self._progress = progress
        self._made = 0
        self._days = math.ceil(question.days / RUNS)
        total = (WARM_UP_DAYS + self._days) * RUNS
        if question.traffic.per_day * total * len(model.network.activities) > MOST_ACTIVITIES:
            raise ValueError(
                f"{question.traffic.per_day:g} pipelines a day are too many to simulate for so many days"
            )
        self._runs = [self._draw(model, run) for run in range(RUNS)]
        crowd = self._runs[0].crowd
        self.engine = engines.choose(crowd.network).name
        self.pipelines = sum(int(run.measured.any(axis=0).sum()) for run in self._runs)
        self.builds = len(crowd.builds)
        if not self.pipelines:
            raise ValueError(f"nothing was built in {question.days} days: simulate more of them (--days)")
        self.assumed = _assumed(model, crowd.members)
        work_s = (self._work_s(model.network, run) for run in self._runs)
        self.offered = sum(work_s) / (RUNS * self._days * DAY_S)
        self._demands = crowd.demands
        self._rows: dict[tuple[tuple[int, ...], int], PoolRow] = {}

    def _draw(self, model: Model, run: int) -> _Run:
        question = self._question
        begin_s, end_s = WARM_UP_DAYS * DAY_S, (WARM_UP_DAYS + self._days) * DAY_S
        start_s = shared_pool.starts(question.traffic, WARM_UP_DAYS + self._days + 1, question.seed, run)
        start_s = start_s[start_s < end_s + TAIL_S]
        count, first = len(start_s), run * _APART
        drawn = sample(
            model.laws, runs=count, seed=question.seed, correlation=question.correlation, first=first
        ).durations_s
        absent = np.zeros(drawn.shape, dtype=np.bool_)
        crowd = shared_pool.crowd(model.network, count, cap=question.cap)
        if question.rebuilt < 1:
            for task, activities in zip(model.plan.tasks, model.activities, strict=True):
                if not set(crowd.members).isdisjoint(activities):
                    luck = uniforms(question.seed, ("pool", "rebuilt", task.id), count, first)
                    absent[list(activities)] = luck >= question.rebuilt
            crowd = shared_pool.crowd(model.network, count, cap=question.cap, absent=absent)
        in_time = (start_s >= begin_s) & (start_s < end_s)
        measured = in_time & ~absent[list(crowd.members)]
        return _Run(crowd, start_s, np.where(absent, 0.0, drawn), measured)

    def _work_s(self, network: Network, run: _Run) -> float:
        """Seconds of builders that the measured builds take."""
        chains = [shared_pool.chain(network, index) for index in run.crowd.members]
        taken = np.array([run.durations_s[chain].sum(axis=0) for chain in chains])
        return float(taken[run.measured].sum())

    def row(self, slots: int, runs: int = RUNS) -> PoolRow:
        """A pool of so many slots, with CPU and memory for the largest build in each."""
        largest = (max(column) for column in list(zip(*self._demands, strict=True))[1:])
        return self._row((slots, *(slots * amount for amount in largest)), runs)

    def shrunk(self, slots: int) -> PoolRow:
        """So many slots, then the least CPU and then the least memory that keep the bound.

        With builds of one size, less of either is fewer slots.
        """
        row = self.row(slots)
        if len(set(self._demands)) == 1:
            return row
        capacity = [slots, row.cpu_milli, row.memory_bytes]
        for place, coarse in ((1, 500), (2, 500_000_000)):
            asked = [demand[place] for demand in self._demands]
            step = max(math.gcd(*asked), coarse)

            def keeps(steps: int, place: int = place, step: int = step) -> bool:
                smaller = min(steps * step, capacity[place])
                return self._row((*capacity[:place], smaller, *capacity[place + 1 :])).kept

            found = _least(keeps, max(1, math.ceil(max(asked) / step)))
            capacity[place] = min(found * step, capacity[place])
        return self._row(tuple(capacity))

    def nearest(self, holds: Callable[[PoolRow], bool], start: int, lowest: int) -> int | None:
        """The fewest slots for which it holds, step by step from a good guess.

        None where it does not even hold of a pool for which nothing ever waits: too few builds to say.
        """
        found = start
        while not holds(self.row(found)):
            if not self.row(found).waited or found >= MOST_BUILDERS:
                return None
            found += 1
        while found > lowest and holds(self.row(found - 1)):
            found -= 1
        return found

    def rows(self) -> tuple[PoolRow, ...]:
        """All sizes that all runs were made of, so far."""
        return tuple(row for (_, runs), row in sorted(self._rows.items()) if runs == RUNS)

    def _row(self, capacity: tuple[int, ...], runs: int = RUNS) -> PoolRow:
        if (capacity, runs) not in self._rows:
            self._rows[capacity, runs] = self._simulate(capacity, runs)
        return self._rows[capacity, runs]

    def _simulate(self, capacity: tuple[int, ...], runs: int) -> PoolRow:
        found, held_s = [], 0.0
        for run in self._runs[:runs]:
            waits = shared_pool.simulate(run.crowd.with_pool(capacity), run.start_s, run.durations_s)
            found.append(waits.wait_s[run.measured])
            held_s += float(waits.held_s[run.measured].sum())
            self._made += 1
            if self._progress is not None:
                self._progress(self._made)
        slots, cpu, memory = (*capacity, 0, 0)[:3]
        bounded = clusters.quantile(found, self._question.probability)
        builds = sum(len(cluster) for cluster in found)
        return PoolRow(
            slots=slots,
            cpu_milli=cpu,
            memory_bytes=memory,
            mean=clusters.mean(found),
            p50=clusters.quantile(found, 0.5),
            p95=clusters.quantile(found, 0.95),
            p99=clusters.quantile(found, 0.99),
            bounded=bounded,
            waited=sum(int((cluster > 0).sum()) for cluster in found) / max(builds, 1),
            used=held_s / (slots * runs * self._days * DAY_S),
            kept=bounded.value_s <= self._question.max_wait_s,
        )
