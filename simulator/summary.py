"""From traces to a forecast.

Takes a plan, its drawn durations and a trace of them; gives the `Forecast`.
Draws nothing, schedules nothing, prints nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compiler.plan.model import Plan, ServiceType, Strategy, Task, TaskKind
from simulator.critical import Arrivals, arrivals, busy, critical_activities, critical_path_bound
from simulator.durations import TaskDuration
from simulator.engines.trace import Floats, Trace
from simulator.forecast import (
    Bounds,
    Forecast,
    Makespan,
    RunTrace,
    ServiceForecast,
    Span,
    Step,
    TaskForecast,
    TermShare,
    Use,
)
from simulator.network import Network
from simulator.quantiles import order_statistic, quantile
from simulator.sampling import Sample

_PHASES = {
    TaskKind.CHECK: "check",
    TaskKind.BUILD: "build",
    TaskKind.MIRROR: "deploy",
    TaskKind.DEPLOY: "deploy",
}


@dataclass(frozen=True, slots=True, eq=False)
class _Runs:
    """Everything about the replications that the parts of the forecast are made of."""

    plan: Plan
    network: Network
    laws: tuple[TaskDuration, ...]
    sample: Sample
    trace: Trace
    arrived: Arrivals
    critical: NDArray[np.bool_]
    makespan_s: Floats
    wait_s: Floats

    @property
    def total_s(self) -> float:
        """The time of all runs' critical paths, 1 where there is none: the divisor of every share."""
        return float(self.makespan_s.sum()) or 1.0


def summarise(
    plan: Plan,
    network: Network,
    laws: tuple[TaskDuration, ...],
    sample: Sample,
    trace: Trace,
    *,
    engine: str,
    seed: int,
    correlation: float,
) -> Forecast:
    """The forecast of a plan; network, laws, sample and trace have the plan's tasks in its order."""
    arrived = arrivals(network, trace)
    runs = _Runs(
        plan=plan,
        network=network,
        laws=laws,
        sample=sample,
        trace=trace,
        arrived=arrived,
        critical=critical_activities(network, trace, arrived),
        makespan_s=trace.makespan_s,
        wait_s=trace.start_s - arrived.arrival_s,
    )
    makespan = _makespan(runs.makespan_s)
    median = int(np.argmin(np.abs(runs.makespan_s - makespan.p50.value_s)))
    return Forecast(
        environment=plan.environment,
        digest=plan.digest,
        strategy=plan.strategy,
        engine=engine,
        runs=len(runs.makespan_s),
        seed=seed,
        correlation=correlation,
        makespan=makespan,
        makespans_s=tuple(runs.makespan_s.tolist()),
        spans=tuple(_spans(runs)),
        services=tuple(_services(runs)),
        tasks=tuple(_tasks(runs)),
        terms=_terms(runs),
        uses=tuple(_uses(runs, median)),
        bounds=_bounds(runs),
        median_run=run_trace(runs, median),
        timed_out=float(sample.timed_out.any(axis=0).mean()),
    )


def run_trace(runs: _Runs, replication: int) -> RunTrace:
    """One replication as steps, in the plan's order."""
    steps = tuple(
        Step(
            task=task.id,
            kind=task.kind,
            services=task.services,
            stage=task.stage,
            arrival_s=float(runs.arrived.arrival_s[index, replication]),
            start_s=float(runs.trace.start_s[index, replication]),
            finish_s=float(runs.trace.finish_s[index, replication]),
            critical=bool(runs.critical[index, replication]),
        )
        for index, task in _timed(runs.plan)
    )
    return RunTrace(replication, float(runs.makespan_s[replication]), steps)


def _timed(plan: Plan) -> Iterable[tuple[int, Task]]:
    """The tasks that take time, with their index."""
    return ((index, task) for index, task in enumerate(plan.tasks) if task.kind is not TaskKind.GATE)


def _makespan(makespan_s: Floats) -> Makespan:
    count = len(makespan_s)
    return Makespan(
        p50=quantile(makespan_s, 0.5),
        p90=quantile(makespan_s, 0.9),
        p99=quantile(makespan_s, 0.99),
        mean_s=float(makespan_s.mean()),
        standard_error_s=float(makespan_s.std(ddof=1)) / math.sqrt(count) if count > 1 else None,
        shortest_s=float(makespan_s.min()),
        longest_s=float(makespan_s.max()),
    )


def _spans(runs: _Runs) -> Iterable[Span]:
    """Phases in the order in which they begin; builds of all stages are one when they come first."""
    together = runs.plan.strategy is Strategy.BUILD_FIRST
    groups: dict[tuple[str, str | None], list[int]] = {}
    for index, task in _timed(runs.plan):
        phase = _PHASES[task.kind]
        stage = None if phase == "check" or (phase == "build" and together) else task.stage
        groups.setdefault((phase, stage), []).append(index)
    spans = []
    for (phase, stage), members in groups.items():
        begin_s = runs.arrived.arrival_s[members].min(axis=0)
        end_s = runs.trace.finish_s[members].max(axis=0)
        spans.append(
            Span(
                phase=phase,
                stage=stage,
                tasks=len(members),
                begin_s=float(order_statistic(begin_s, 0.5)),
                end_s=float(order_statistic(end_s, 0.5)),
                p50_s=float(order_statistic(end_s - begin_s, 0.5)),
                p90_s=float(order_statistic(end_s - begin_s, 0.9)),
            )
        )
    return sorted(spans, key=lambda span: (span.begin_s, span.end_s))


def _tasks(runs: _Runs) -> Iterable[TaskForecast]:
    durations_s = runs.sample.durations_s
    p50, p90 = order_statistic(durations_s, 0.5), order_statistic(durations_s, 0.9)
    waits = order_statistic(runs.wait_s, 0.5)
    for index, task in _timed(runs.plan):
        yield TaskForecast(
            id=task.id,
            kind=task.kind,
            services=task.services,
            stage=task.stage,
            critical=float(runs.critical[index].mean()),
            share=_critical_s(runs, index) / runs.total_s,
            duration_p50_s=float(p50[index]),
            duration_p90_s=float(p90[index]),
            wait_p50_s=float(waits[index]),
            timed_out=float(runs.sample.timed_out[index].mean()),
            terms=runs.laws[index].terms,
        )


def _critical_s(runs: _Runs, index: int) -> float:
    """Seconds of a task on critical paths, over all runs."""
    return float(runs.sample.durations_s[index] @ runs.critical[index])


def _services(runs: _Runs) -> Iterable[ServiceForecast]:
    """In the order of the stages; the pre-check belongs to no service."""
    tasks: dict[str, list[int]] = {}
    for index, task in _timed(runs.plan):
        if task.kind is not TaskKind.CHECK:
            for service in task.services:
                tasks.setdefault(service, []).append(index)
    types = {workload.service: workload.type for workload in runs.plan.workloads}
    for stage in runs.plan.stages:
        for name in stage.services:
            yield _service(runs, name, types[name], stage.name, tasks.get(name, []))


def _service(runs: _Runs, name: str, kind: ServiceType, stage: str, members: list[int]) -> ServiceForecast:
    tasks = runs.plan.tasks
    ready_s = runs.trace.finish_s[members].max(axis=0, initial=0.0)
    share_s = sum(_critical_s(runs, index) / len(tasks[index].services) for index in members)
    return ServiceForecast(
        name=name,
        type=kind,
        stage=stage,
        critical=float(runs.critical[members].any(axis=0).mean()),
        share=share_s / runs.total_s,
        wait_s=float(order_statistic(runs.wait_s[members].sum(axis=0), 0.5)),
        build_s=_duration(runs, members, TaskKind.BUILD),
        mirror_s=_duration(runs, members, TaskKind.MIRROR),
        deploy_s=_duration(runs, members, TaskKind.DEPLOY),
        ready_p50_s=float(order_statistic(ready_s, 0.5)),
        ready_p90_s=float(order_statistic(ready_s, 0.9)),
    )


def _duration(runs: _Runs, members: list[int], kind: TaskKind) -> float | None:
    chosen = [index for index in members if runs.plan.tasks[index].kind is kind]
    if not chosen:
        return None
    return float(order_statistic(runs.sample.durations_s[chosen].sum(axis=0), 0.5))


def _terms(runs: _Runs) -> tuple[TermShare, ...]:
    """Largest share first."""
    seconds: dict[str, float] = {}
    for law, drawn_s, critical in zip(runs.laws, runs.sample.terms_s, runs.critical, strict=True):
        for term, on_path_s in zip(law.terms, drawn_s @ critical, strict=True):
            seconds[term.name] = seconds.get(term.name, 0.0) + float(on_path_s)
    shares = (TermShare(term, spent / runs.total_s) for term, spent in seconds.items())
    return tuple(sorted(shares, key=lambda each: (-each.share, each.term)))


def _uses(runs: _Runs, median: int) -> Iterable[Use]:
    """Every resource of every queue that a task asks for."""
    for each in busy(runs.network, runs.sample.durations_s):
        if each.amount_s.any():
            mean = float(each.amount_s.sum()) / (each.capacity * runs.total_s)
            peak = _peak(runs, each.queue, each.resource, median)
            yield Use(each.queue, each.resource, each.capacity, mean, peak)


def _peak(runs: _Runs, queue: str, resource: str, replication: int) -> int:
    """The largest amount in use at once; what ends at an instant is given back before."""
    number = next(number for number, each in enumerate(runs.network.queues) if each.name == queue)
    position = runs.network.queues[number].resources.index(resource)
    changes = []
    for index, activity in enumerate(runs.network.activities):
        if activity.queue == number:
            amount = activity.demand[position]
            changes.append((float(runs.trace.start_s[index, replication]), amount))
            changes.append((float(runs.trace.finish_s[index, replication]), -amount))
    in_use = peak = 0
    for _, amount in sorted(changes):
        in_use += amount
        peak = max(peak, in_use)
    return peak


def _bounds(runs: _Runs) -> Bounds:
    longest_s = critical_path_bound(runs.network, runs.sample.durations_s)
    area_s = np.zeros_like(longest_s)
    for each in busy(runs.network, runs.sample.durations_s):
        if each.amount_s.any():
            np.maximum(area_s, each.amount_s / each.capacity, out=area_s)
    lower_s = np.maximum(area_s, longest_s)
    gap = np.where(lower_s > 0, runs.makespan_s / np.where(lower_s > 0, lower_s, 1.0) - 1, 0.0)
    return Bounds(
        area_s=float(order_statistic(area_s, 0.5)),
        critical_path_s=float(order_statistic(longest_s, 0.5)),
        lower_s=float(order_statistic(lower_s, 0.5)),
        gap=max(0.0, float(order_statistic(gap, 0.5))),
    )
