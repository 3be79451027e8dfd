"""Attempts that fail, and what they cost.

Takes the drawn terms of a task, and ways to draw more; gives what the task takes
after all its attempts, and whether the last one failed too. Knows no law and
no stream.

An attempt that fails ends at a uniformly drawn part of what it would have
taken. One that would take longer than its timeout fails at the timeout. After the last
attempt the task has failed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from simulator.engines.trace import Flags, Floats
from simulator.modelling.durations import LONGEST_BACKOFF_S, TaskDuration
from simulator.modelling.laws import LONGEST_S


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What a task comes to, per replication.

    `terms_s` are the last attempt's, then, where there are retries, what all before it took.
    """

    total_s: Floats
    terms_s: tuple[Floats, ...]
    timed_out: Flags
    fails: Flags


@dataclass(frozen=True, slots=True)
class More:
    """Ways to draw more: the terms of another attempt, and uniform numbers of an attempt by name."""

    terms: Callable[[int], Sequence[Floats]]
    uniforms: Callable[[str, int], Floats]


def total_s(task: TaskDuration, terms_s: Sequence[Floats]) -> Floats:
    """What the task takes when its first attempt succeeds: what is never repeated, then the rest."""
    rest_s = _sum(terms_s[task.again :], terms_s[0].shape)
    return _sum(terms_s[: task.again], rest_s.shape) + rest_s if task.again else rest_s


def safe_s(task: TaskDuration) -> float:
    """What the first attempt may take so that it surely succeeds, and is all there is to know; else -inf."""
    limits = [each for each in (task.timeout_s, task.deadline_s, LONGEST_S) if each is not None]
    return min(limits) if task.failure <= 0 else -math.inf


def attempt(task: TaskDuration, terms_s: Sequence[Floats], more: More) -> Result:
    """All attempts of a task; `terms_s` are those of the first, without the term "retry"."""
    terms = [each.copy() for each in terms_s]
    width = terms[0].shape
    lost_s, spent_s = np.zeros(width), np.zeros(width)
    fails, timed_out = np.zeros(width, dtype=np.bool_), np.zeros(width, dtype=np.bool_)
    going = np.arange(width[0])
    for number in range(task.retries + 1):
        if number:
            lost_s[going] += spent_s[going] + _pause_s(task, number)
            for row, drawn in zip(terms[task.again :], more.terms(number)[task.again :], strict=True):
                row[going] = drawn[going]
        takes_s = _sum(terms[task.again :], width)[going]
        failing = np.zeros(takes_s.shape, dtype=np.bool_)
        if task.failure > 0:
            failing = more.uniforms("fails", number)[going] < task.failure
            takes_s = np.where(failing, takes_s * more.uniforms("part", number)[going], takes_s)
        if task.timeout_s is not None:
            late = takes_s > task.timeout_s
            timed_out[going] |= late
            failing |= late
            takes_s = np.minimum(takes_s, task.timeout_s)
        spent_s[going], fails[going] = takes_s, failing
        going = going[failing]
        if task.deadline_s is not None:
            going = going[lost_s[going] + spent_s[going] < task.deadline_s]
        if not going.size:
            break
    return _cut(task, terms, lost_s, spent_s, timed_out, fails)


def _cut(
    task: TaskDuration,
    terms: list[Floats],
    lost_s: Floats,
    spent_s: Floats,
    timed_out: Flags,
    fails: Flags,
) -> Result:
    """The deadline over all attempts, and every term as far as the last attempt got."""
    before_s = _sum(terms[: task.again], lost_s.shape)
    total = before_s + lost_s + spent_s
    if task.deadline_s is not None:
        late = total > task.deadline_s
        timed_out, fails = timed_out | late, fails | late
    limit_s = min(LONGEST_S, LONGEST_S if task.deadline_s is None else task.deadline_s)
    rows = [*terms, lost_s] if task.retries else terms
    # Where nothing was cut, the terms keep their bits, whoever else is drawn at the same time.
    cut = np.flatnonzero(fails | (total > limit_s))
    if cut.size:
        ends = np.cumsum([row[cut] for row in terms], axis=0)
        np.minimum(ends, (before_s + spent_s)[cut], out=ends)
        if task.retries:
            ends = np.vstack((ends, ends[-1] + lost_s[cut]))
        np.minimum(ends, limit_s, out=ends)
        for row, seconds in zip(rows, np.diff(ends, axis=0, prepend=0.0), strict=True):
            row[cut] = seconds
    return Result(np.minimum(total, limit_s), tuple(rows), timed_out, fails)


def _pause_s(task: TaskDuration, number: int) -> float:
    """How long it takes until the retry with this number (from 1) begins."""
    return min(task.backoff_s * 2.0 ** min(number - 1, 60), LONGEST_BACKOFF_S)


def _sum(rows: Sequence[Floats], shape: tuple[int, ...]) -> Floats:
    """One after another: the same rounding wherever it is done. A single row is given back itself."""
    if not rows:
        return np.zeros(shape)
    if len(rows) == 1:
        return rows[0]
    total = rows[0] + rows[1]
    for row in rows[2:]:
        total += row
    return total
