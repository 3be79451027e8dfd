"""Queues whose order of service depends on itself, one activity at a time, all replications at once.

Takes a `Feedback` of `segments`, arrivals and durations, gives starts and finishes.

In every replication that queue goes on which can start something first (and what
waits for no slot before all queues), with the activity that its policy says. Nothing that is not
yet known can arrive by then, as whatever is admitted to a queue takes time. The
first of many is looked for among the first of every block of them.
"""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from simulator.engines.segments import Feedback
from simulator.engines.trace import Floats

_Ints = NDArray[np.intp]
_Number = TypeVar("_Number", np.float64, np.int32, np.int64)
# So many members are looked through at once, more of them in blocks of about their square root.
_AT_ONCE = 256


def pick_in_turn(
    wave: Feedback, arrival_s: Floats, durations_s: Floats, lines: list[list[Floats]]
) -> tuple[Floats, Floats]:
    """Start and finish by member: shapes (members, replications), as those of the inputs.

    `arrival_s` is how early each can arrive for what was served before; `lines`
    are the times at which the slots of each part get free, by row.
    """
    picker = _Picker(wave, arrival_s, durations_s, lines)
    for _ in wave.members:
        picker.pick()
    columns = picker.places.column
    return picker.start_s.T[columns], picker.finish_s.T[columns]


class _Places:
    """Where members are in arrays of columns: every part begins with a block of its own.

    `column` is that of each member, `blocks` the first block of each part and the one after its last.
    """

    def __init__(self, wave: Feedback) -> None:
        count = len(wave.members)
        self.width = count if count <= _AT_ONCE else max(2, _AT_ONCE // 4, math.isqrt(count))
        self.column = np.empty(count, dtype=np.intp)
        self.blocks: list[tuple[int, int]] = []
        block = 0
        for _, _, begin, end in wave.parts:
            self.column[begin:end] = block * self.width + np.arange(end - begin)
            self.blocks.append((block, block - (begin - end) // self.width))
            block = self.blocks[-1][1]
        self.columns = block * self.width

    def spread(self, by_member: NDArray[_Number], filling: float) -> NDArray[_Number]:
        """Numbers by (member, replication) as numbers by (replication, column)."""
        result = np.full((by_member.shape[1], self.columns), filling, dtype=by_member.dtype)
        result[:, self.column] = by_member.T
        return result


class _Picker:
    """All replications at the same number of picks; arrays are by (replication, column)."""

    def __init__(
        self, wave: Feedback, arrival_s: Floats, durations_s: Floats, lines: list[list[Floats]]
    ) -> None:
        self.places = _Places(wave)
        self.runs = np.arange(arrival_s.shape[1])
        self.arrival_s = self.places.spread(arrival_s, np.inf)
        self.durations_s = self.places.spread(durations_s, 0.0)
        self.start_s, self.finish_s = np.empty_like(self.arrival_s), np.empty_like(self.arrival_s)
        self.free_s = [np.array(line).T.copy() if line else None for line in lines]
        ranks = np.array([wave.ranks])
        self.ranks = self.places.spread(ranks.T, len(wave.ranks))[0]
        self.by_rank = [wave.ranks[begin] >= 0 for _, _, begin, _ in wave.parts]
        self._link(wave)
        # When each that is known and not yet picked arrives, in blocks, and the first of every block.
        known_s = np.where(self.missing > 0, np.inf, self.arrival_s)
        self.known_s = known_s.reshape(len(known_s), -1, self.places.width)
        self.first_s = self.known_s.min(axis=2)

    def _link(self, wave: Feedback) -> None:
        """Who comes after whom, as one array in which the own ones begin at `offset`."""
        column = self.places.column.tolist()
        after: list[list[int]] = [[] for _ in range(self.places.columns)]
        missing = np.array([[len(needs)] for needs in wave.inner], dtype=np.int32)
        for number, needs in enumerate(wave.inner):
            for need in needs:
                after[column[need]].append(column[number])
        self.missing = np.tile(self.places.spread(missing, 0), (len(self.runs), 1))
        self.after = np.array([each for some in after for each in some], dtype=np.intp)
        self.count = np.array([len(some) for some in after], dtype=np.intp)
        self.offset = np.cumsum(self.count) - self.count

    def pick(self) -> None:
        """One more activity in every replication."""
        best_s = np.full(len(self.runs), np.inf)
        chosen = np.zeros(len(self.runs), dtype=np.intp)
        part_of = np.zeros(len(self.runs), dtype=np.intp)
        for part, (begin, end) in enumerate(self.places.blocks):
            block = self.first_s[:, begin:end].argmin(axis=1) + begin
            ready_s = self.first_s[self.runs, block]
            first = block * self.places.width + self._inside(block).argmin(axis=1)
            free_s = self.free_s[part]
            if free_s is not None:
                ready_s = np.maximum(ready_s, free_s.min(axis=1))
            earlier = ready_s < best_s
            best_s[earlier], chosen[earlier], part_of[earlier] = ready_s[earlier], first[earlier], part
        for part, by_rank in enumerate(self.by_rank):
            if by_rank:
                some = np.flatnonzero(part_of == part)
                chosen[some] = self._first_by_rank(part, some, best_s[some])
        self._start(chosen, part_of, best_s)

    def _inside(self, block: _Ints) -> Floats:
        """A block of each replication; a view where there is but one."""
        return self.known_s[:, 0] if self.known_s.shape[1] == 1 else self.known_s[self.runs, block]

    def _first_by_rank(self, part: int, runs: _Ints, now_s: Floats) -> _Ints:
        begin, end = (block * self.places.width for block in self.places.blocks[part])
        known_s = self.known_s.reshape(len(self.runs), -1)[runs, begin:end]
        ranks = np.where(known_s <= now_s[:, None], self.ranks[begin:end], len(self.ranks))
        first: _Ints = ranks.argmin(axis=1) + begin
        return first

    def _start(self, chosen: _Ints, part_of: _Ints, now_s: Floats) -> None:
        runs = self.runs
        finish_s = now_s + self.durations_s[runs, chosen]
        self.start_s[runs, chosen], self.finish_s[runs, chosen] = now_s, finish_s
        block, place = np.divmod(chosen, self.places.width)
        self.known_s[runs, block, place] = np.inf
        self.first_s[runs, block] = self._inside(block).min(axis=1)
        for part, free_s in enumerate(self.free_s):
            if free_s is not None:
                some = np.flatnonzero(part_of == part)
                free_s[some, free_s[some].argmin(axis=1)] = finish_s[some]
        self._ready(chosen, finish_s)

    def _ready(self, chosen: _Ints, finish_s: Floats) -> None:
        """Those that come after the chosen ones miss one less."""
        count = self.count[chosen]
        total = int(count.sum())
        if not total:
            return
        runs = np.repeat(self.runs, count)
        within = np.arange(total) - np.repeat(np.cumsum(count) - count, count)
        after = self.after[np.repeat(self.offset[chosen], count) + within]
        arrival_s = np.maximum(self.arrival_s[runs, after], finish_s[runs])
        self.arrival_s[runs, after] = arrival_s
        missing = self.missing[runs, after] - 1
        self.missing[runs, after] = missing
        ready = missing == 0
        runs, arrival_s = runs[ready], arrival_s[ready]
        block, place = np.divmod(after[ready], self.places.width)
        self.known_s[runs, block, place] = arrival_s
        np.minimum.at(self.first_s, (runs, block), arrival_s)
