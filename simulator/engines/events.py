"""The event-driven engine in plain Python: everything that the reference covers, many times faster.

Takes a network and explicit durations, gives the reference's trace bit for bit.
Knows no laws, no seeds and no plan. Three ways, the quickest that a replication allows:

- `barriers` where the order of service is known beforehand,
- `_plain` here: a heap of finishes, for queues and needs alone,
- `complete`: links, ready places, chains and failures as well.

Where the same network runs with other durations and priorities over and over,
as in sampling schedules, `prepare` it once and call `run_once`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from heapq import heappop, heappush

import numpy as np

from simulator.engines import barriers, complete
from simulator.engines.inputs import checked
from simulator.engines.prepared import (
    Classes,
    Heap,
    Key,
    Prepared,
    admit_in_order,
    admit_what_fits,
    keys,
    prepare,
)
from simulator.engines.trace import Flags, Floats, Outcome, Trace
from simulator.network import Network, Policy

__all__ = ["NAME", "Prepared", "covers", "prepare", "run_once", "simulate"]

NAME = "events"

# Durations that are plain numbers of Python at once: a few megabytes.
_BLOCK = 100_000


def covers(network: Network) -> str | None:  # noqa: ARG001
    """Everything: None."""
    return None


def simulate(network: Network, durations_s: Floats, fails: Flags | None = None) -> Trace:
    """Run every replication, as `simulator.engines.simulate` says.

    Raises:
        ValueError: see `inputs.checked`.
    """
    durations_s, fails = checked(network, durations_s, fails)
    steps = barriers.steps(network)
    trace = _by_steps(steps, durations_s) if steps else _one_by_one(prepare(network), durations_s)
    return trace if fails is None else _with_failures(network, durations_s, fails, trace)


def run_once(
    prepared: Prepared, durations_s: Sequence[float], priorities: Sequence[float] | None = None
) -> tuple[list[float], list[float]]:
    """One replication without failures: start and finish in seconds, by activity.

    `priorities` replace those of the activities (they matter to longest-first
    queues alone). Nothing is checked: durations must be finite and not
    negative, one per activity, and so must be the number of priorities.
    """
    order = prepared.keys if priorities is None else keys(priorities)
    if prepared.plain:
        return _plain(prepared, durations_s, order)
    if priorities is not None:
        prepared = replace(prepared, keys=order)
    return complete.replicate(prepared, durations_s)


def _by_steps(steps: barriers.Steps, durations_s: Floats) -> Trace:
    start_s = np.empty_like(durations_s)
    order = np.array(steps.order, dtype=np.intp)
    block = max(1, _BLOCK // max(1, len(order)))
    for first in range(0, durations_s.shape[1], block):
        part = durations_s[order, first : first + block].T
        started = [barriers.starts(steps, column.tolist()) for column in part]
        start_s[order, first : first + block] = np.array(started, dtype=np.float64).reshape(part.shape).T
    return Trace(start_s, start_s + durations_s)


def _one_by_one(prepared: Prepared, durations_s: Floats) -> Trace:
    start_s, finish_s = np.empty_like(durations_s), np.empty_like(durations_s)
    for number in range(durations_s.shape[1]):
        start_s[:, number], finish_s[:, number] = run_once(prepared, durations_s[:, number].tolist())
    return Trace(start_s, finish_s)


def _with_failures(network: Network, durations_s: Floats, fails: Flags, unfailed: Trace) -> Trace:
    """Where something fails it is another run, which needs to know when that is."""
    start_s, finish_s = unfailed.start_s, unfailed.finish_s
    outcome = np.full(durations_s.shape, Outcome.DONE, dtype=np.uint8)
    again = np.flatnonzero(fails.any(axis=0))
    if not again.size:
        return Trace(start_s, finish_s, outcome)
    prepared = prepare(network)
    for number in again:
        start_s[:, number], finish_s[:, number], outcome[:, number] = complete.replicate_failing(
            prepared,
            durations_s[:, number].tolist(),
            fails[:, number].tolist(),
            start_s[:, number].tolist(),
            finish_s[:, number].tolist(),
        )
    return Trace(start_s, finish_s, outcome)


def _plain(
    prepared: Prepared, durations_s: Sequence[float], order: list[Key]
) -> tuple[list[float], list[float]]:
    """The rules of `reference` for queues and needs, as one loop: calls would double its time."""
    queues, demands, successors = prepared.queues, prepared.demands, prepared.successors
    missing = prepared.missing.copy()
    free = [line.capacity for line in prepared.lines]
    guards = [line.guards for line in prepared.lines]
    waiting: list[Heap | Classes] = [[] if line.policy is Policy.FIFO else {} for line in prepared.lines]
    longest_first = [line.policy is Policy.LONGEST_FIRST for line in prepared.lines]
    start_s, finish_s = [0.0] * len(queues), [0.0] * len(queues)
    running: list[tuple[float, int]] = []
    now = 0.0
    arrived = prepared.first
    while True:
        started = []
        for index in arrived:
            queue = queues[index]
            if queue < 0:
                started.append(index)
                continue
            line = waiting[queue]
            if isinstance(line, list):
                heappush(line, (now, index))
            else:
                key = order[index] if longest_first[queue] else (now, index)
                demand = demands[index]
                if demand in line:
                    heappush(line[demand], key)
                else:
                    line[demand] = [key]
        at_once = bool(started)
        if not at_once:
            for queue, line in enumerate(waiting):
                if isinstance(line, list):
                    free[queue] = admit_in_order(line, free[queue], guards[queue], demands, started)
                elif line:
                    free[queue] = admit_what_fits(line, free[queue], guards[queue], started)
        ended = []
        for index in started:
            start_s[index] = now
            finish_s[index] = finish = now + durations_s[index]
            if finish > now:
                heappush(running, (finish, index))
            else:
                ended.append(index)
        if not ended and not at_once:
            if not running:
                return start_s, finish_s
            now, index = heappop(running)
            ended.append(index)
            while running and running[0][0] == now:
                ended.append(heappop(running)[1])
        arrived = []
        for index in ended:
            if queues[index] >= 0:
                free[queues[index]] += demands[index]
            for successor in successors[index]:
                missing[successor] -= 1
                if not missing[successor]:
                    arrived.append(successor)
