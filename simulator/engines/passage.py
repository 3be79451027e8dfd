"""One chunk of replications through the segments of a network.

Takes a program of `segments` and rows of durations, one number per replication, gives when
everything is done, and starts and finishes where they are asked for.

Per queue the times at which its slots get free are rows too, and stay sorted from row to row: an
activity starts at the first, its finish goes in that place, and a minimum and a maximum per
further row put it where it belongs.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from simulator.engines.feedback import pick_in_turn
from simulator.engines.segments import Feedback, Free, InTurn, Segment, Together
from simulator.engines.trace import Floats

# The durations of an activity, which the next call may overwrite.
Rows = Callable[[int], Floats]


def run(
    program: tuple[Segment, ...],
    rows: Rows,
    at: Floats,
    start_s: list[Floats] | None = None,
    finish_s: list[Floats] | None = None,
    *,
    begins: list[Floats] | None = None,
) -> Floats:
    """Segment after segment from the times `at`, shape (replications,): when the last is done.

    `start_s` and `finish_s` are rows by activity that are filled in, `begins`
    gets the times at which each segment, its barrier included, arrives.
    """
    for segment in program:
        if begins is not None:
            begins.append(at)
        if segment.barrier is not None:
            begin, at = at, at + rows(segment.barrier)
            if start_s is not None and finish_s is not None:
                start_s[segment.barrier][:], finish_s[segment.barrier][:] = begin, at
        if segment.members:
            at = _Passage(segment, rows, at, start_s, finish_s).end()
    return at


class _Passage:
    """One segment for one chunk of replications, which arrives at the times `at`."""

    def __init__(
        self,
        segment: Segment,
        rows: Rows,
        at: Floats,
        start_s: list[Floats] | None,
        finish_s: list[Floats] | None,
    ) -> None:
        self._segment, self._rows, self._at = segment, rows, at
        self._lines: dict[int, list[Floats]] = {}
        self._last = at
        self._start_s: dict[int, Floats] | list[Floats] | None = start_s
        self._finish_s: dict[int, Floats] | list[Floats] | None = finish_s
        if start_s is None and not segment.apart:
            kept = np.empty((2, len(segment.members), len(at)))
            self._start_s = dict(zip(segment.members, kept[0], strict=True))
            self._finish_s = dict(zip(segment.members, kept[1], strict=True))

    def end(self) -> Floats:
        """When everything is done."""
        for wave in self._segment.waves:
            match wave:
                case Free():
                    self._free(wave)
                case Together():
                    self._together(wave)
                case InTurn():
                    self._in_turn(wave)
                case Feedback():
                    self._feedback(wave)
        for line in self._lines.values():
            self._last = np.maximum(self._last, line[-1])
        return self._last

    def _line(self, queue: int, slots: int) -> list[Floats]:
        if queue not in self._lines:
            self._lines[queue] = list(np.tile(self._at, (slots, 1)))
        return self._lines[queue]

    def _drawn(self, members: tuple[int, ...]) -> Floats:
        """Durations (members, replications); row by row, as the next call may overwrite a row."""
        drawn = np.empty((len(members), len(self._at)))
        for number, index in enumerate(members):
            drawn[number] = self._rows(index)
        return drawn

    def _arrival(self, needs: tuple[int, ...]) -> Floats:
        if not needs or self._finish_s is None:
            return self._at
        latest = self._finish_s[needs[0]]
        for need in needs[1:]:
            latest = np.maximum(latest, self._finish_s[need])
        return latest

    def _free(self, wave: Free) -> None:
        arrival = self._arrival(wave.needs)
        finish = arrival + self._rows(wave.index)
        self._keep(wave.index, arrival, finish)
        self._last = np.maximum(self._last, finish)

    def _keep(self, index: int, start: Floats, finish: Floats) -> None:
        if self._start_s is not None and self._finish_s is not None:
            self._start_s[index][:], self._finish_s[index][:] = start, finish

    def _together(self, wave: Together) -> None:
        line = self._line(wave.queue, wave.slots)
        moving = np.empty_like(self._at)
        first, pairs, rows = line[0], list(pairwise(line)), self._rows
        for index in wave.members:
            done = moving
            if self._start_s is not None and self._finish_s is not None:
                self._start_s[index][:] = first
                done = self._finish_s[index]
            np.add(first, rows(index), out=done)
            _put(pairs, first, done, moving)

    def _in_turn(self, wave: InTurn) -> None:
        line = self._line(wave.queue, wave.slots)
        first, pairs, moving = line[0], list(pairwise(line)), np.empty_like(self._at)
        start = np.array([self._arrival(needs) for needs in wave.needs])
        order = _order(start)
        finish = self._drawn(wave.members).take(order)
        start = start.take(order)
        for begin, done in zip(start, finish, strict=True):
            np.maximum(begin, first, out=begin)
            np.add(begin, done, out=done)
            _put(pairs, first, done, moving)
        by_member = np.empty_like(start)
        for kept, values in ((self._start_s, start), (self._finish_s, finish)):
            by_member.reshape(-1)[order] = values
            if kept is not None:
                for index, row in zip(wave.members, by_member, strict=True):
                    kept[index][:] = row

    def _feedback(self, wave: Feedback) -> None:
        arrival = np.array([self._arrival(needs) for needs in wave.needs])
        lines = [self._line(queue, slots) if queue >= 0 else [] for queue, slots, _, _ in wave.parts]
        start, finish = pick_in_turn(wave, arrival, self._drawn(wave.members), lines)
        for number, index in enumerate(wave.members):
            self._keep(index, start[number], finish[number])
        self._last = np.maximum(self._last, finish.max(axis=0))


def _put(pairs: list[tuple[Floats, Floats]], first: Floats, done: Floats, moving: Floats) -> None:
    """Put a finish in the place of the smallest time in a sorted line; `moving` is lost."""
    if not pairs:
        first[:] = done
        return
    for low, high in pairs[:-1]:
        np.minimum(done, high, out=low)
        np.maximum(done, high, out=moving)
        done = moving
    low, high = pairs[-1]
    np.minimum(done, high, out=low)
    np.maximum(done, high, out=high)


def _order(arrival: Floats) -> NDArray[np.intp]:
    """Flat positions that sort each column of (members, replications), the first of equals first."""
    by_run = np.ascontiguousarray(arrival.T)
    order = by_run.argsort(axis=1)
    ordered = np.take_along_axis(by_run, order, axis=1)
    ties = np.flatnonzero((ordered[:, 1:] == ordered[:, :-1]).any(axis=1))
    order[ties] = by_run[ties].argsort(axis=1, kind="stable")
    flat: NDArray[np.intp] = order.T * arrival.shape[1] + np.arange(arrival.shape[1])
    return flat
