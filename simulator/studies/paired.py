"""Several models run on common draws.

Takes models, gives how long every replication of each takes and what it
costs. A draw is keyed by (seed, task, term, replication), so replication k is the same day in all
of them: where two models have the same law of a task, its durations are the
same numbers. What differs between models (an estimate, a correlation) changes the
draws of what it is about and no others. Fixed estimates have no draws.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from simulator import engines
from simulator.drawing.sampling import sample
from simulator.engines.slots import makespans
from simulator.engines.trace import Flags, Floats, Trace
from simulator.forecasting.critical import arrivals, critical_activities
from simulator.modelling.durations import TaskDuration
from simulator.modelling.model import Model
from simulator.network import Network

# Durations of one block of replications: what is in memory at once, a few times over.
MOST_DRAWS = 2_000_000
# What is done once per activity and block must not be done for a few runs only.
FEWEST_RUNS = 250
# Runs whose critical paths are followed: a share of 200 is known to 7 points, which is enough to name tasks.
DETAILED_RUNS = 200


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """All replications of one model, by position.

    `makespan_s` and `failed` have the shape (replications,). `build_cpu_s` is the
    CPU of builds times the time that they held it, in core seconds, a mean over the runs that succeeded;
    `pool_cpu_s` that of the whole pool over the makespan. `critical` has per task of the plan
    the share of the first runs in which it is on the critical path.
    """

    engine: str
    reason: str
    makespan_s: Floats
    failed: Flags
    build_cpu_s: float
    pool_cpu_s: float
    critical: dict[str, float]


def outcomes(
    models: Sequence[Model], *, runs: int, seed: int, closely: int | None = None
) -> tuple[Outcomes, ...]:
    """Run every model `runs` times on common draws.

    Of the first `closely` models (None: of all) the critical paths of the first `DETAILED_RUNS`
    runs are followed; of the others `critical` is empty. The same models, runs and seed give the
    same outcomes. Memory is bounded whatever the runs.

    Raises:
        ValueError: there are no runs, or what the sampling and the engines refuse.
    """
    if runs < 1:
        raise ValueError(f"at least one run is needed, not {runs}")
    most = len(models) if closely is None else closely
    tallies = [_Tally(each, DETAILED_RUNS if place < most else 0) for place, each in enumerate(models)]
    for draws in blocks(models, runs=runs, seed=seed):
        for tally in tallies:
            tally.add(draws)
    return tuple(tally.outcomes() for tally in tallies)


def blocks(models: Sequence[Model], *, runs: int, seed: int) -> Iterator[CommonDraws]:
    """The draws of all replications, in blocks that fit in memory."""
    largest = max([1, *(len(each.network.activities) for each in models)])
    size = max(FEWEST_RUNS, MOST_DRAWS // largest)
    for first in range(0, runs, size):
        yield CommonDraws(seed, first, min(size, runs - first))


class CommonDraws:
    """The draws of replications `first` to `first + runs`, each law drawn once for all models."""

    def __init__(self, seed: int, first: int, runs: int) -> None:
        self.seed, self.first, self.runs = seed, first, runs
        self._rows: dict[float, _Rows] = {}

    def of(self, model: Model) -> tuple[Floats, Flags | None]:
        """Durations in seconds and which of them end in a failure: shapes (activities, replications)."""
        correlation = model.scenario.correlation
        rows = self._rows.get(correlation)
        if rows is None:
            rows = self._rows[correlation] = self._draw(model.laws, correlation)
        if model.laws == rows.laws:
            return rows.durations_s, rows.fails
        new = tuple(dict.fromkeys(law for law in model.laws if law not in rows.index))
        drawn = self._draw(new, correlation)
        index = rows.index | {law: len(rows.laws) + number for law, number in drawn.index.items()}
        order = [index[law] for law in model.laws]
        durations_s = np.concatenate((rows.durations_s, drawn.durations_s))[order]
        if rows.fails is None and drawn.fails is None:
            return durations_s, None
        fails = np.concatenate((_flags(rows), _flags(drawn)))[order]
        return durations_s, fails

    def _draw(self, laws: tuple[TaskDuration, ...], correlation: float) -> _Rows:
        drawn = sample(laws, runs=self.runs, seed=self.seed, correlation=correlation, first=self.first)
        return _Rows(laws, {law: row for row, law in enumerate(laws)}, drawn.durations_s, drawn.fails)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Draws by law: `index` says which row is whose."""

    laws: tuple[TaskDuration, ...]
    index: dict[TaskDuration, int]
    durations_s: Floats
    fails: Flags | None


def _flags(rows: _Rows) -> Flags:
    return np.zeros(rows.durations_s.shape, dtype=np.bool_) if rows.fails is None else rows.fails


class _Tally:
    """What is kept of one model's runs while they are made."""

    def __init__(self, model: Model, detailed: int) -> None:
        self._model = model
        self._detailed = detailed
        self._engine = engines.choose(model.network)
        self._makespans: list[Floats] = []
        self._failed: list[Flags] = []
        self._build_cpu_s = 0.0
        self._on_path = np.zeros(len(model.plan.tasks))
        self._looked_at = 0

    def add(self, draws: CommonDraws) -> None:
        durations_s, fails = draws.of(self._model)
        if fails is None and self._engine.name == "numpy" and plain(self._model.network):
            self._add_plain(durations_s, self._detailed - self._looked_at)
        else:
            self._add_traced(durations_s, fails, self._detailed - self._looked_at)

    def _add_plain(self, durations_s: Floats, closely: int) -> None:
        """Without the trace of more runs than are looked at: several times faster."""
        network = self._model.network
        self._keep(makespans(network, durations_s), None, asked_cpu_s(network, durations_s))
        if closely > 0:
            self._look(engines.simulate(network, durations_s[:, :closely], engine="numpy"))

    def _add_traced(self, durations_s: Floats, fails: Flags | None, closely: int) -> None:
        network = self._model.network
        trace = engines.simulate(network, durations_s, fails, engine=self._engine.name)
        self._keep(trace.makespan_s, trace.failed, held_cpu_s(network, trace))
        chosen = np.flatnonzero(~trace.failed)[: max(0, closely)]
        if chosen.size:
            self._look(_columns(trace, chosen))

    def _keep(self, makespan_s: Floats, failed: Flags | None, cpu_s: Floats) -> None:
        failed = np.zeros(len(makespan_s), dtype=np.bool_) if failed is None else failed
        self._makespans.append(makespan_s)
        self._failed.append(failed)
        self._build_cpu_s += float(cpu_s[~failed].sum())

    def _look(self, trace: Trace) -> None:
        network = self._model.network
        critical = critical_activities(network, trace, arrivals(network, trace))
        self._looked_at += critical.shape[1]
        for number, members in enumerate(self._model.activities):
            self._on_path[number] += critical[list(members)].any(axis=0).sum()

    def outcomes(self) -> Outcomes:
        makespan_s, failed = np.concatenate(self._makespans), np.concatenate(self._failed)
        fine = max(1, int((~failed).sum()))
        pool_cpu = self._model.plan.limits.build.pool.cpu_milli / 1000
        shares = self._on_path / max(1, self._looked_at)
        tasks = self._model.plan.tasks if self._looked_at else ()
        return Outcomes(
            engine=self._engine.name,
            reason=self._engine.reason,
            makespan_s=makespan_s,
            failed=failed,
            build_cpu_s=self._build_cpu_s / fine,
            pool_cpu_s=pool_cpu * float(makespan_s[~failed].sum()) / fine,
            critical={task.id: float(share) for task, share in zip(tasks, shares, strict=False)},
        )


def _columns(trace: Trace, chosen: np.ndarray) -> Trace:
    outcome = None if trace.outcome is None else trace.outcome[:, chosen]
    return Trace(trace.start_s[:, chosen], trace.finish_s[:, chosen], outcome)


def plain(network: Network) -> bool:
    """Whether everything holds what it asks for as long as it takes by itself."""
    return (
        not network.links
        and all(each.continues is None for each in network.activities)
        and all(each.ready is None for each in network.queues)
    )


def asked_cpu_s(network: Network, durations_s: Floats) -> Floats:
    """Core seconds of all that asks for CPU, per replication, in a `plain` network without failures."""
    return np.asarray(_cpu(network) @ durations_s, dtype=np.float64)


def held_cpu_s(network: Network, trace: Trace) -> Floats:
    """Core seconds that queues with CPU gave out, per replication: what a chain holds, until its end."""
    total = np.zeros(trace.start_s.shape[1])
    cpu = _cpu(network)
    for index in np.flatnonzero(cpu):
        last = int(index)
        while network.continued[last] >= 0:
            last = network.continued[last]
        total += cpu[index] * np.nan_to_num(trace.finish_s[last] - trace.start_s[index])
    return total


def _cpu(network: Network) -> Floats:
    """The cores that each activity asks for, shape (activities,)."""
    cores = np.zeros(len(network.activities))
    for index, activity in enumerate(network.activities):
        if activity.queue is not None:
            resources = network.queues[activity.queue].resources
            if "cpu_milli" in resources:
                cores[index] = activity.demand[resources.index("cpu_milli")] / 1000
    return cores
