"""Single tasks and services, bounds and uses: what the detailed replications tell.

Takes the frame of a model and a `Selection` of its detailed replications, gives
the parts of the `Forecast`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compiler.plan.model import TaskKind
from simulator.drawing.streams import normals
from simulator.engines.trace import Floats
from simulator.forecasting.blocks import Block, Detail
from simulator.forecasting.forecast import Bounds, Load, ServiceForecast, Swing, TaskForecast, TermShare, Use
from simulator.forecasting.frame import Frame, timed
from simulator.statistics.quantiles import order_statistic

# A tornado has as many bars at most: those of the tasks with the largest shares.
MOST_SWINGS = 30
# Below that a tenth of the runs is too few for a median.
_FEWEST_FOR_SWINGS = 50
# Less of a task's spread may be what is left of a sum of terms, which is no straight line of the factor.
_OWN = 0.1
_RUN_FACTOR = ("run", "factor")


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """Detailed replications: all, or the columns `chosen`. `makespan_s` is of these."""

    detail: Detail
    chosen: NDArray[np.intp] | None
    makespan_s: Floats

    @classmethod
    def of(cls, runs: Block, wanted: NDArray[np.bool_]) -> Selection:
        """The detailed ones among the wanted replications."""
        assert runs.detail is not None
        count = runs.detail.start_s.shape[1]
        if wanted[:count].all():
            return cls(runs.detail, None, runs.makespan_s[:count])
        chosen = np.flatnonzero(wanted[:count])
        return cls(runs.detail, chosen, runs.makespan_s[chosen])

    @property
    def count(self) -> int:
        """How many replications."""
        return len(self.makespan_s)

    @property
    def total_s(self) -> float:
        """The time of all critical paths, 1 where there is none: the divisor of every share."""
        return float(self.makespan_s.sum()) or 1.0

    def pick(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        """The chosen columns of an array whose last axis are the detailed replications."""
        return values if self.chosen is None else values[..., self.chosen]

    def floats(self, values: Floats) -> Floats:
        """The chosen columns; what never started took no time."""
        if self.chosen is None and self.detail.outcome is None:
            return values
        chosen = values if self.chosen is None else values[..., self.chosen]
        return np.asarray(np.nan_to_num(chosen, nan=0.0), dtype=np.float64)


def _quantile(values: Floats, probability: float) -> Floats:
    """Order statistics of the last axis, 0 where there are no values."""
    if values.shape[-1] == 0:
        return np.zeros(values.shape[:-1])
    return order_statistic(values, probability)


def _mean(values: NDArray[np.generic]) -> list[float]:
    """Shares of the last axis, 0 where there are no values."""
    return list(np.count_nonzero(values, axis=-1) / max(1, values.shape[-1]))


def _wait_medians(wait_s: Floats) -> Floats:
    """Most tasks never wait, which costs less to find than a median."""
    medians = np.zeros(len(wait_s))
    waiting = np.flatnonzero(wait_s.any(axis=1))
    medians[waiting] = _quantile(wait_s[waiting], 0.5)
    return medians


def tasks(frame: Frame, runs: Selection) -> Iterable[TaskForecast]:
    """In the plan's order, gates left out."""
    plan, activities = frame.model.plan, frame.model.activities
    chosen = [index for index, _ in timed(plan.tasks)]
    spent_s = runs.floats(runs.detail.spent_s)
    p50, p90 = _quantile(spent_s, 0.5), _quantile(spent_s, 0.9)
    waits = _wait_medians(runs.floats(runs.detail.wait_s))
    critical = _mean(runs.pick(runs.detail.critical))
    timed_out = _mean(runs.pick(runs.detail.timed_out))
    shares = runs.floats(runs.detail.critical_s).sum(axis=1) / runs.total_s
    for index in chosen:
        task = plan.tasks[index]
        yield TaskForecast(
            id=task.id,
            kind=task.kind,
            services=task.services,
            stage=task.stage,
            critical=float(critical[index]),
            share=float(shares[index]),
            duration_p50_s=float(p50[index]),
            duration_p90_s=float(p90[index]),
            wait_p50_s=float(waits[index]),
            timed_out=float(timed_out[index]),
            terms=tuple(term for each in activities[index] for term in frame.model.laws[each].terms),
        )


def services(frame: Frame, runs: Selection) -> Iterable[ServiceForecast]:
    """In the order of the stages; the pre-check belongs to no service."""
    plan = frame.model.plan
    members: dict[str, list[int]] = {}
    for index, task in timed(plan.tasks):
        if task.kind is not TaskKind.CHECK:
            for service in task.services:
                members.setdefault(service, []).append(index)
    types = {workload.service: workload.type for workload in plan.workloads}
    names = [(name, stage.name) for stage in plan.stages for name in stage.services]
    figures = _ServiceFigures(frame, runs, [members.get(name, []) for name, _ in names])
    for row, (name, stage) in enumerate(names):
        yield ServiceForecast(
            name=name,
            type=types[name],
            stage=stage,
            critical=figures.critical[row],
            share=figures.share[row],
            wait_s=float(figures.wait_s[row]),
            build_s=figures.duration(row, TaskKind.BUILD),
            mirror_s=figures.duration(row, TaskKind.MIRROR),
            deploy_s=figures.duration(row, TaskKind.DEPLOY),
            ready_p50_s=float(figures.ready_p50_s[row]),
            ready_p90_s=float(figures.ready_p90_s[row]),
        )


class _ServiceFigures:
    """What is said of services, computed for all of them at once; a row per service."""

    def __init__(self, frame: Frame, runs: Selection, members: list[list[int]]) -> None:
        self._tasks = frame.model.plan.tasks
        self._members = members
        self._spent_s = runs.floats(runs.detail.spent_s)
        self._spent_p50_s = _quantile(self._spent_s, 0.5)
        finish_s = runs.floats(runs.detail.finish_s)
        wait_s = runs.floats(runs.detail.wait_s)
        critical = runs.pick(runs.detail.critical)
        on_path_s = runs.floats(runs.detail.critical_s).sum(axis=1)
        ready_s = np.zeros((len(members), runs.count))
        waited_s = np.zeros_like(ready_s)
        self.critical: list[float] = []
        self.share: list[float] = []
        for row, tasks in enumerate(members):
            on_path = np.zeros(runs.count, dtype=np.bool_)
            share_s = 0.0
            for task in tasks:
                np.maximum(ready_s[row], finish_s[frame.lasts[task]], out=ready_s[row])
                waited_s[row] += wait_s[task]
                on_path |= critical[task]
                share_s += float(on_path_s[task]) / len(self._tasks[task].services)
            self.critical.append(int(np.count_nonzero(on_path)) / max(1, runs.count))
            self.share.append(share_s / runs.total_s)
        self.ready_p50_s, self.ready_p90_s = _quantile(ready_s, 0.5), _quantile(ready_s, 0.9)
        self.wait_s = _wait_medians(waited_s)

    def duration(self, row: int, kind: TaskKind) -> float | None:
        """The median of a service's tasks of a kind, together; None where it has none."""
        chosen = [index for index in self._members[row] if self._tasks[index].kind is kind]
        if not chosen:
            return None
        if len(chosen) == 1:
            return float(self._spent_p50_s[chosen[0]])
        return float(_quantile(self._spent_s[chosen].sum(axis=0), 0.5))


def terms(frame: Frame, runs: Selection) -> tuple[TermShare, ...]:
    """Largest share first."""
    seconds = runs.floats(runs.detail.terms_s).sum(axis=1)
    shares = (
        TermShare(name, float(spent_s) / runs.total_s)
        for name, spent_s in zip(frame.term_names, seconds, strict=True)
    )
    return tuple(sorted(shares, key=lambda each: (-each.share, each.term)))


def uses(frame: Frame, runs: Selection, loads: tuple[Load, ...]) -> Iterable[Use]:
    """Every resource of every queue that a task asks for; `loads` are those of the median run."""
    peaks = {(load.queue, load.resource): max(load.amounts) for load in loads}
    amounts_s = runs.floats(runs.detail.busy_s).sum(axis=1)
    resources = [
        (queue.name, resource, capacity)
        for queue in frame.model.network.queues
        for resource, capacity in zip(queue.resources, queue.capacity, strict=True)
    ]
    for (queue, resource, capacity), amount_s in zip(resources, amounts_s, strict=True):
        if amount_s:
            mean = float(amount_s) / (capacity * runs.total_s)
            yield Use(queue, resource, capacity, mean, peaks.get((queue, resource), 0))


def bounds(runs: Selection) -> Bounds:
    """Medians of the lower bounds."""
    if not runs.count:
        return Bounds(0.0, 0.0, 0.0, 0.0)
    area_s, longest_s = runs.floats(runs.detail.area_s), runs.floats(runs.detail.longest_s)
    lower_s = np.maximum(area_s, longest_s)
    gap = np.where(lower_s > 0, runs.makespan_s / np.where(lower_s > 0, lower_s, 1.0) - 1, 0.0)
    return Bounds(
        area_s=float(order_statistic(area_s, 0.5)),
        critical_path_s=float(order_statistic(longest_s, 0.5)),
        lower_s=float(order_statistic(lower_s, 0.5)),
        gap=max(0.0, float(order_statistic(gap, 0.5))),
    )


def swings(frame: Frame, runs: Selection, seed: int) -> tuple[Swing, ...]:
    """How much the makespan goes with the duration of each of the most critical tasks, widest first.

    The logarithms of both are regressed on the run's common factor by least
    squares, and the residuals taken instead: with correlation 0.3 every task of
    a slow run is slow, and every bar would show that. Runs are then ordered by
    the task's residual; a bar are the median makespans of the first and the
    last tenth, each brought to a run without the factor. Tasks that hardly vary by themselves have none.
    """
    count = runs.count
    if count < _FEWEST_FOR_SWINGS or not runs.makespan_s.min() > 0:
        return ()
    detailed = runs.detail.start_s.shape[1]
    factor = runs.pick(normals(seed, _RUN_FACTOR, detailed))
    base_s = _without(np.log(runs.makespan_s)[None, :], factor)[0]
    shares = runs.floats(runs.detail.critical_s).sum(axis=1)
    ranked = [index for index in np.argsort(-shares, kind="stable").tolist() if shares[index] > 0]
    chosen = [index for index in ranked if frame.model.plan.tasks[index].kind is not TaskKind.GATE]
    spent_s = runs.floats(runs.detail.spent_s)[chosen[:MOST_SWINGS]]
    if not len(spent_s):
        return ()
    logs = np.log(np.maximum(spent_s, 1e-9))
    own = _without(logs, factor)
    least = np.maximum(_OWN * logs.std(axis=1), 1e-6)
    tenth = max(1, count // 10)
    found = []
    for index, residuals, enough in zip(chosen, own, least, strict=False):
        if residuals.std() > enough:
            order = np.argsort(residuals, kind="stable")
            low = order_statistic(base_s[order[:tenth]], 0.5)
            high = order_statistic(base_s[order[-tenth:]], 0.5)
            found.append(Swing(frame.model.plan.tasks[index].id, float(np.exp(low)), float(np.exp(high))))
    return tuple(sorted(found, key=lambda each: (-abs(each.high_s - each.low_s), each.task)))


def _without(values: Floats, factor: NDArray[np.generic]) -> Floats:
    """Values (rows, n) less their least squares slope on a factor (n,); what they are where it is 0 stays."""
    centred = np.asarray(factor, dtype=np.float64) - np.mean(np.asarray(factor, dtype=np.float64))
    variance = float(centred @ centred)
    if variance == 0:
        return values
    slopes = (values - values.mean(axis=1, keepdims=True)) @ centred / variance
    return np.asarray(values - slopes[:, None] * np.asarray(factor, dtype=np.float64))
