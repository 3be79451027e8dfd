"""Every build and deployment in half the time: what the pipeline gains, by simulating each anew.

Takes a model, gives the halvings in the order of what they save. Nothing is
inferred from critical paths: a task may be critical in every run and yet save
little, as another takes its place, and a faster task may make a pipeline slower.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compiler.plan.model import TaskKind
from simulator import engines
from simulator.engines.slots import covers, makespans, rescaled
from simulator.engines.trace import Floats
from simulator.modelling.model import Model
from simulator.modelling.profiles import SETUP, START
from simulator.network import Network
from simulator.statistics.compare import Change, compare_all
from simulator.statistics.quantiles import order_statistic
from simulator.studies.paired import blocks, outcomes

FACTOR = 0.5
KINDS = (TaskKind.BUILD, TaskKind.DEPLOY)
# Activities times replications that an engine simulates in a few seconds.
WORK = {"numpy": 200_000_000, "events": 1_000_000, "simpy": 200_000}
FEWEST_RUNS = 100
DEFAULT_RUNS = 1000
# Somebody who asks for a number of runs waits longer.
_PATIENCE = 20
_NOT_OWN = {START, SETUP}


@dataclass(frozen=True, slots=True)
class Halving:
    """One task in half the time. `own_p50_s` is what that takes off the median of the task itself."""

    task: str
    kind: TaskKind
    services: tuple[str, ...]
    own_p50_s: float
    change: Change


@dataclass(frozen=True, slots=True)
class Ranking:
    """Halvings, the largest saving of P50 first. `tasks` are all that could have been halved.

    `runs` were simulated of each; `engine` is the engine that did. Tasks are left out only
    where there are too many: those least often critical.
    """

    halvings: tuple[Halving, ...]
    tasks: int
    runs: int
    engine: str


def rank(model: Model, *, runs: int | None, seed: int) -> Ranking:
    """Halve every build and deployment in turn, on the runs that succeed as they are.

    The halved duration is that of the whole task, retries included, but not the start of a builder
    node or of a target's machine. With `runs` None so many are made as end in seconds.

    Raises:
        ValueError: see `paired.outcomes`.
    """
    engine = engines.choose(model.network).name
    candidates = [
        number
        for number, task in enumerate(model.plan.tasks)
        if task.kind in KINDS and _own_work(model, number)
    ]
    if not candidates:
        return Ranking((), 0, 0, engine)
    chosen, runs_each = _affordable(model, candidates, runs, seed, engine)
    before_s, after_s, own_s = _halved(model, chosen, runs_each, seed)
    if not before_s.size:
        return Ranking((), len(candidates), 0, engine)
    made = [
        Halving(
            task=model.plan.tasks[number].id,
            kind=model.plan.tasks[number].kind,
            services=model.plan.tasks[number].services,
            own_p50_s=float(own),
            change=change,
        )
        for number, own, change in zip(chosen, own_s, compare_all(before_s, after_s), strict=True)
    ]
    made.sort(key=lambda each: (each.change.p50.value_s, each.change.mean.value_s, each.task))
    return Ranking(tuple(made), len(candidates), len(before_s), engine)


def _affordable(
    model: Model, candidates: list[int], runs: int | None, seed: int, engine: str
) -> tuple[list[int], int]:
    """Which tasks to halve and in how many runs: those most often critical where there are too many."""
    size = max(1, len(model.network.activities))
    work = WORK[engine]
    if runs is None:
        runs = affordable_runs(engine, size * len(candidates))
    else:
        work *= _PATIENCE
    most = max(1, work // (size * runs))
    if len(candidates) <= most:
        return candidates, runs
    (found,) = outcomes([model], runs=min(runs, FEWEST_RUNS), seed=seed)
    share = found.critical
    ordered = sorted(candidates, key=lambda number: (-share[model.plan.tasks[number].id], number))
    return sorted(ordered[:most]), runs


def affordable_runs(engine: str, activities: int) -> int:
    """Runs of so many activities in all that end in seconds, up to what a forecast has by default."""
    return min(DEFAULT_RUNS, max(FEWEST_RUNS, WORK[engine] // max(1, activities)))


def _halved(model: Model, chosen: Sequence[int], runs: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """Makespans as they are, with each task halved, and the tasks' own savings.

    Shapes (replications,), (tasks, replications) and (tasks,), in seconds.
    """
    before, after, own = [], [], []
    for draws in blocks([model], runs=runs, seed=seed):
        durations_s, fails = draws.of(model)
        if fails is not None:
            durations_s = durations_s[:, ~fails.any(axis=0)]
        parts = [_own_work(model, number) for number in chosen]
        before.append(_makespans(model.network, durations_s))
        after.append(_each_scaled(model.network, durations_s, parts))
        own.append(np.array([durations_s[list(part)].sum(axis=0) for part in parts]) * (1 - FACTOR))
    own_s = np.concatenate(own, axis=1)
    saved_s = order_statistic(own_s, 0.5) if own_s.size else np.zeros(len(chosen))
    return np.concatenate(before), np.concatenate(after, axis=1), saved_s


def _own_work(model: Model, number: int) -> tuple[int, ...]:
    """The activities of a task, without what is not its own: a builder node or a machine that comes up."""
    queues = model.network.queues
    own = []
    for index in model.activities[number]:
        queue = model.network.activities[index].queue
        names = {term.name for term in model.laws[index].terms}
        if names and not names <= _NOT_OWN and (queue is None or queues[queue].ready is None):
            own.append(index)
    return tuple(own)


def _makespans(network: Network, durations_s: Floats) -> Floats:
    if covers(network) is None:
        return makespans(network, durations_s)
    return engines.simulate(network, durations_s, engine="events").makespan_s


def _each_scaled(network: Network, durations_s: Floats, parts: Sequence[tuple[int, ...]]) -> Floats:
    """Makespans with the durations of each part scaled in turn, shape (parts, replications)."""
    if covers(network) is None and all(len(part) == 1 for part in parts):
        return rescaled(network, durations_s, [part[0] for part in parts], FACTOR)
    rows = np.empty((len(parts), durations_s.shape[1]))
    for row, part in enumerate(parts):
        changed = durations_s.copy()
        changed[list(part)] *= FACTOR
        rows[row] = _makespans(network, changed)
    return rows
