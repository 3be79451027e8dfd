"""Blocks of replications: drawn, scheduled, and reduced to what a forecast is made of.

Takes a model, an engine, a seed and which replications; gives a `Block`, a pure
function of these. Blocks put together in any cut give the same numbers, so that
memory stays bounded and several processes can share the work. Knows no quantile
and no report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator import engines
from simulator.drawing import sampling
from simulator.engines.trace import Flags, Floats, Outcome, Trace
from simulator.forecasting.critical import (
    area_bound,
    arrivals,
    busy,
    critical_activities,
    critical_path_bound,
)
from simulator.forecasting.frame import Frame


@dataclass(frozen=True, slots=True)
class Piece:
    """A block to make: replications `first` to `first + count`, with single tasks or without."""

    first: int
    count: int
    detailed: bool


@dataclass(frozen=True, slots=True, eq=False)
class Detail:
    """What is told of single tasks: arrays of the shape (tasks, replications) unless said otherwise.

    `start_s` and `finish_s` have the shape (activities, replications), as has
    `outcome`. `spent_s` is how long a task took without waiting for a slot,
    `wait_s` how long it waited for one, `critical_s` the seconds that it is on the critical path.
    `terms_s` (terms, replications) are the seconds of `term_names` on the
    critical path, `busy_s` (resources, replications) what the queues' resources were
    used, amount times seconds, in the order of `critical.busy`. `area_s` and `longest_s` (replications)
    are the bounds.
    """

    start_s: Floats
    finish_s: Floats
    outcome: NDArray[np.uint8] | None
    spent_s: Floats
    wait_s: Floats
    critical: Flags
    critical_s: Floats
    timed_out: Flags
    terms_s: Floats
    busy_s: Floats
    area_s: Floats
    longest_s: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Replications `first` and up, arrays over them; see `Detail` for single tasks.

    `failure` is the index of the task that failed first, -1 where none did.
    `begin_s` and `end_s` have the shape (phases, replications): when the first
    task of the phase could start, and when the last was done; NaN where it never started.
    """

    first: int
    makespan_s: Floats
    failure: NDArray[np.int32]
    timed_out: Flags
    begin_s: Floats
    end_s: Floats
    detail: Detail | None = None

    @property
    def count(self) -> int:
        """How many replications."""
        return len(self.makespan_s)


def simulate(frame: Frame, engine: str, seed: int, piece: Piece) -> Block:
    """The replications of a piece, on the engine of that name.

    Raises:
        ValueError: see `sampling.sample` and `engines.simulate`.
    """
    model = frame.model
    drawn = sampling.sample(
        model.laws,
        runs=piece.count,
        seed=seed,
        correlation=model.scenario.correlation,
        first=piece.first,
        terms=piece.detailed,
    )
    fails = drawn.fails if drawn.fails is not None and drawn.fails.any() else None
    trace = engines.load(engine).simulate(model.network, drawn.durations_s, fails)
    begin_s, end_s = _phases(frame, trace)
    return Block(
        first=piece.first,
        makespan_s=trace.makespan_s,
        failure=_first_failure(frame, trace),
        timed_out=np.logical_or.reduce(_timed_out(drawn, trace), axis=0),
        begin_s=begin_s,
        end_s=end_s,
        detail=_detail(frame, drawn, trace) if piece.detailed else None,
    )


def joined(blocks: Sequence[Block]) -> Block:
    """Blocks one after another as one; the detailed ones are the first."""
    details = [block.detail for block in blocks if block.detail is not None]
    return Block(
        first=blocks[0].first,
        makespan_s=np.concatenate([block.makespan_s for block in blocks]),
        failure=np.concatenate([block.failure for block in blocks]),
        timed_out=np.concatenate([block.timed_out for block in blocks]),
        begin_s=np.concatenate([block.begin_s for block in blocks], axis=1),
        end_s=np.concatenate([block.end_s for block in blocks], axis=1),
        detail=_joined_details(details) if details else None,
    )


def _joined_details(details: list[Detail]) -> Detail:
    if len(details) == 1:
        return details[0]

    def along(name: str) -> NDArray[np.generic]:
        return np.concatenate([getattr(detail, name) for detail in details], axis=-1)

    outcome = None
    if any(detail.outcome is not None for detail in details):
        outcome = np.concatenate(
            [
                np.zeros(detail.start_s.shape, dtype=np.uint8) if detail.outcome is None else detail.outcome
                for detail in details
            ],
            axis=-1,
        )
    names = [name for name in Detail.__slots__ if name != "outcome"]
    arrays: dict[str, NDArray[np.generic]] = {name: along(name) for name in names}
    return Detail(outcome=outcome, **arrays)  # type: ignore[arg-type]


def _timed_out(drawn: sampling.Sample, trace: Trace) -> Flags:
    """Which activities hit their timeout, of those that ran."""
    if trace.outcome is None or not drawn.timed_out.any():
        return drawn.timed_out
    ran = (trace.outcome == Outcome.DONE) | (trace.outcome == Outcome.FAILED)
    return np.asarray(drawn.timed_out & ran)


def _first_failure(frame: Frame, trace: Trace) -> NDArray[np.int32]:
    """The task that failed first per replication, the lowest index of several; -1 where none did."""
    count = trace.finish_s.shape[1]
    found = np.full(count, -1, dtype=np.int32)
    if trace.outcome is None:
        return found
    failed = trace.outcome == Outcome.FAILED
    columns = np.flatnonzero(failed.any(axis=0))
    if not columns.size:
        return found
    at_s = np.where(failed[:, columns], trace.finish_s[:, columns], np.inf)
    found[columns] = frame.owner[at_s.argmin(axis=0)]
    return found


def _phases(frame: Frame, trace: Trace) -> tuple[Floats, Floats]:
    shape = (len(frame.phases), trace.finish_s.shape[1])
    begin_s, end_s = np.zeros(shape), np.zeros(shape)
    for row, phase in enumerate(frame.phases):
        end_s[row] = trace.finish_s[_rows(phase.lasts)].max(axis=0)
        if all(phase.needs):
            begin_s[row] = trace.finish_s[_rows(phase.needs[0])].max(axis=0)
            for needs in phase.needs[1:]:
                np.minimum(begin_s[row], trace.finish_s[_rows(needs)].max(axis=0), out=begin_s[row])
    return begin_s, end_s


def _rows(indices: tuple[int, ...]) -> slice | list[int]:
    """Consecutive indices as a slice, which copies nothing."""
    if indices[-1] - indices[0] == len(indices) - 1 and indices == tuple(range(indices[0], indices[-1] + 1)):
        return slice(indices[0], indices[-1] + 1)
    return list(indices)


def _detail(frame: Frame, drawn: sampling.Sample, trace: Trace) -> Detail:
    network = frame.model.network
    arrived = arrivals(network, trace)
    critical = critical_activities(network, trace, arrived)
    spent_s = drawn.durations_s
    if frame.elastic:
        spent_s = spent_s.copy()
        spent_s[frame.elastic] = trace.finish_s[frame.elastic] - trace.start_s[frame.elastic]
    critical_s = spent_s * critical
    used = busy(network, trace)
    amounts_s = np.array([each.amount_s for each in used]).reshape(len(used), trace.start_s.shape[1])
    return Detail(
        start_s=trace.start_s,
        finish_s=trace.finish_s,
        outcome=trace.outcome,
        spent_s=frame.of_tasks(spent_s),
        wait_s=frame.of_tasks(trace.start_s - arrived.arrival_s),
        critical=frame.any_of_tasks(critical),
        critical_s=frame.of_tasks(critical_s),
        timed_out=frame.any_of_tasks(_timed_out(drawn, trace)),
        terms_s=_terms(frame, drawn, critical, critical_s),
        busy_s=amounts_s,
        area_s=area_bound(network, drawn.durations_s),
        longest_s=critical_path_bound(network, drawn.durations_s),
    )


def _terms(frame: Frame, drawn: sampling.Sample, critical: Flags, critical_s: Floats) -> Floats:
    """Seconds on the critical path per term, (terms, replications)."""
    row = {name: number for number, name in enumerate(frame.term_names)}
    seconds = np.zeros((len(row), critical.shape[1]))
    elastic = set(frame.elastic)
    for index, law in enumerate(frame.model.laws):
        if len(law.terms) == 1:
            seconds[row[law.terms[0].name]] += critical_s[index]
            continue
        scale = critical[index].astype(np.float64)
        if index in elastic:
            drawn_s = drawn.durations_s[index]
            scale = critical_s[index] / np.where(drawn_s > 0, drawn_s, 1.0)
        for term, term_s in zip(law.terms, drawn.terms_s[index], strict=True):
            seconds[row[term.name]] += term_s * scale
    return seconds
