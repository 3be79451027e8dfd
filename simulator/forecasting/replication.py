"""One replication in full: its steps, its critical path, and what was in use when.

Takes the detailed replications of a model, gives a `RunTrace` of one of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np

from simulator.engines.trace import Outcome, Trace
from simulator.forecasting.blocks import Detail
from simulator.forecasting.critical import arrivals
from simulator.forecasting.forecast import Load, RunTrace, Step
from simulator.forecasting.frame import Frame, timed
from simulator.network import Network


def run_trace(frame: Frame, detail: Detail, replication: int, makespan_s: float) -> RunTrace:
    """A detailed replication as steps in the plan's order, and its loads.

    A task that never started is left out; one that was ended by another's
    failure ends there.
    """
    column = slice(replication, replication + 1)
    outcome = None if detail.outcome is None else detail.outcome[:, column]
    trace = Trace(detail.start_s[:, column], detail.finish_s[:, column], outcome)
    start_s, finish_s = trace.start_s[:, 0].tolist(), trace.finish_s[:, 0].tolist()
    arrival_s = arrivals(frame.model.network, trace).arrival_s[:, 0].tolist()
    critical = detail.critical[:, replication].tolist()
    ended = None if outcome is None else outcome[:, 0].tolist()
    steps = []
    for index, task in timed(frame.model.plan.tasks):
        activities = frame.model.activities[index]
        members = [each for each in activities if start_s[each] == start_s[each]]
        if not members:
            continue
        steps.append(
            Step(
                task=task.id,
                kind=task.kind,
                services=task.services,
                stage=task.stage,
                arrival_s=arrival_s[members[0]],
                start_s=start_s[members[0]],
                finish_s=finish_s[members[-1]],
                critical=critical[index],
                outcome=Outcome.DONE if ended is None else _how([ended[each] for each in activities]),
            )
        )
    return RunTrace(
        replication, makespan_s, tuple(steps), tuple(_loads(frame.model.network, start_s, finish_s))
    )


def _how(ended: Collection[int]) -> Outcome:
    """How a task that started ended, by the outcomes of all its activities: what never came cuts it short."""
    if Outcome.FAILED in ended:
        return Outcome.FAILED
    return Outcome.CANCELLED if any(each != Outcome.DONE for each in ended) else Outcome.DONE


def held_until(network: Network) -> list[int]:
    """Per activity the one at whose finish its places are given back: mostly the last that continues it."""
    last = list(range(len(network.activities)))
    for index in reversed(network.order):
        after = network.continued[index]
        if after >= 0:
            last[index] = last[after]
    for index, activity in enumerate(network.activities):
        if activity.queue is not None and not network.queues[activity.queue].held:
            last[index] = index
    return last


def _loads(network: Network, start_s: list[float], finish_s: list[float]) -> Iterable[Load]:
    """Every resource of every queue that something asks for."""
    last = held_until(network)
    changes: dict[tuple[int, int], list[tuple[float, int]]] = {}
    for index, activity in enumerate(network.activities):
        begin_s = start_s[index]
        if activity.queue is None or begin_s != begin_s:
            continue
        end_s = finish_s[last[index]]
        if end_s != end_s:
            end_s = _cut_short_s(network, finish_s, index)
        for resource, amount in enumerate(activity.demand):
            if amount:
                line = changes.setdefault((activity.queue, resource), [])
                line += ((begin_s, amount), (end_s, -amount))
    for (number, resource), line in sorted(changes.items()):
        queue = network.queues[number]
        times_s, amounts = _steps(line)
        yield Load(queue.name, queue.resources[resource], queue.capacity[resource], times_s, amounts)


def _cut_short_s(network: Network, finish_s: list[float], index: int) -> float:
    """The last finish of a chain that a failure cut short, from an activity that started on: NaN is none."""
    end_s = finish_s[index]
    while (index := network.continued[index]) >= 0 and finish_s[index] == finish_s[index]:
        end_s = finish_s[index]
    return end_s


def _steps(changes: list[tuple[float, int]]) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """What is in use from when on; what ends at an instant is given back before anything takes it."""
    at_s = np.array([0.0, *(time for time, _ in changes)])
    amount = np.array([0, *(change for _, change in changes)], dtype=np.int64)
    times_s, which = np.unique(at_s, return_inverse=True)
    total = np.zeros(len(times_s), dtype=np.int64)
    np.add.at(total, which, amount)
    used = np.cumsum(total)
    # Where nothing changes is no step.
    kept = np.concatenate(([True], np.diff(used) != 0))
    return tuple(times_s[kept].tolist()), tuple(used[kept].tolist())
