"""Durations of every replication, drawn from the terms' laws.

Takes terms, a seed and a correlation, gives the matrix that an engine needs.
Knows no network and no engine.

A term's draw is exp(mu + sigma * (sqrt(rho) * R + sqrt(1 - rho) * T)): R is one
standard normal of the whole replication (a slow day of the registry, a busy
cluster), T one of this term. As R and T are independent, the sum is standard
normal for every rho: correlation changes no term's own law.

Replications are drawn in tiles that fit a processor's cache, several terms and
thousands of replications at a time. How they are cut changes no bit of any of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from simulator.drawing.attempts import More, attempt, safe_s, total_s
from simulator.drawing.probes import wait_s
from simulator.drawing.steps import build_s, pattern
from simulator.drawing.streams import fill_quantiles, fill_uniforms, normals, uniforms
from simulator.engines.trace import Flags, Floats
from simulator.modelling.durations import TaskDuration, Term
from simulator.modelling.laws import LONGEST_S, Law

_RUN_FACTOR = ("run", "factor")
# A tile is five arrays of so many numbers: 640 kB, which the second cache of a core holds.
_TILE = 16_384
_LONGEST_ROW = 4_096
# No standard normal made of 53 bits is further out than 8.3; a mixture of two at most sqrt(2) times that.
_FURTHEST = 12.0
_LOG_LONGEST = math.log(LONGEST_S)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Drawn durations in seconds, one row per `TaskDuration`.

    `durations_s` has the shape (tasks, replications). `terms_s` has per task
    an array (terms, replications) whose sum over terms is the duration; it is
    empty unless it was asked for. `timed_out` (tasks, replications) says where a
    timeout ended an attempt, `fails` where the last attempt failed; None when none did.
    """

    durations_s: Floats
    terms_s: tuple[Floats, ...]
    timed_out: Flags
    fails: Flags | None = None


def sample(
    tasks: tuple[TaskDuration, ...],
    *,
    runs: int,
    seed: int,
    correlation: float,
    first: int = 0,
    terms: bool = False,
) -> Sample:
    """Draw the replications `first` to `first + runs`.

    The k-th depends on nothing but the seed, the task, its terms and k.

    Raises:
        ValueError: the correlation is not within 0 and 1.
    """
    if not 0 <= correlation <= 1:
        raise ValueError(f"the correlation must be between 0 and 1, not {correlation}")
    made = _Made(tasks, runs, terms)
    streams = [_random(task) for task in tasks]
    single = [index for index, task in enumerate(tasks) if _is_single(task)]
    others = [index for index, task in enumerate(tasks) if task.terms and not _is_single(task)]
    for begin, width in _pieces(runs):
        draws = _Draws(seed, first + begin, width, correlation)
        columns = slice(begin, begin + width)
        for tile, rows in _tiles(single, streams, draws):
            made.put_single(tile, columns, rows, draws)
        for tile, rows in _tiles(others, streams, draws):
            drawn = iter(rows)
            for index in tile:
                own = list(islice(drawn, len(streams[index])))
                made.put(index, columns, _of_task(tasks[index], draws, own, 0), draws)
    return made.sample()


class _Made:
    """What is drawn so far of all replications."""

    def __init__(self, tasks: tuple[TaskDuration, ...], runs: int, terms: bool) -> None:
        shape = (len(tasks), runs)
        self._tasks = tasks
        self._safe_s = np.array([safe_s(task) for task in tasks])
        self._durations_s = np.zeros(shape)
        # Zeros that nobody writes to take no memory.
        self._timed_out, self._fails = np.zeros(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_)
        self._terms_s = tuple(np.zeros((len(task.terms), runs)) for task in tasks) if terms else ()
        self._any_fails = False

    def put_single(self, tasks: list[int], columns: slice, rows: Floats, draws: _Draws) -> None:
        """Tasks of a single term each, a row of `rows` each."""
        self._durations_s[tasks, columns] = rows
        if self._terms_s:
            for index, row in zip(tasks, rows, strict=True):
                self._terms_s[index][0, columns] = row
        for number in np.flatnonzero(rows.max(axis=1) > self._safe_s[tasks]).tolist():
            self.put(tasks[number], columns, [rows[number]], draws)

    def put(self, index: int, columns: slice, drawn: Sequence[Floats], draws: _Draws) -> None:
        """A task whose first attempt has these terms, without "retry"."""
        task = self._tasks[index]
        total = total_s(task, drawn)
        if total.max() > self._safe_s[index]:
            result = attempt(task, drawn, draws.more(task))
            total, drawn = result.total_s, result.terms_s
            self._timed_out[index, columns], self._fails[index, columns] = result.timed_out, result.fails
            self._any_fails = self._any_fails or bool(result.fails.any())
        self._durations_s[index, columns] = total
        if self._terms_s:
            for row, each in enumerate(drawn):
                self._terms_s[index][row, columns] = each

    def sample(self) -> Sample:
        """As the result."""
        fails = self._fails if self._any_fails else None
        return Sample(self._durations_s, self._terms_s, self._timed_out, fails)


def _pieces(runs: int) -> Iterator[tuple[int, int]]:
    """Replications cut into equal parts that are not too long: (begin, width)."""
    width = max(1, -(-runs // max(1, -(-runs // _LONGEST_ROW))))
    return ((begin, min(width, runs - begin)) for begin in range(0, runs, width))


# The names of a stream, and the law of what is drawn from it.
_Stream = tuple[tuple[str, ...], Law]


class _Draws:
    """The numbers of some replications: `width` of them from the `first` on."""

    def __init__(self, seed: int, first: int, width: int, correlation: float) -> None:
        self._seed = seed
        self._first = first
        self.width = width
        self._common = math.sqrt(correlation) * normals(seed, _RUN_FACTOR, width, first)
        self._own_share = math.sqrt(1 - correlation)

    def lognormals(self, streams: Sequence[_Stream], space: Floats) -> Floats:
        """A row for each of some terms, inside `space`: flat, at least five times as large."""
        shape = (len(streams), self.width)
        if not streams:
            return np.empty(shape)
        result, probability, *scratch = space[: 5 * shape[0] * shape[1]].reshape((5, *shape))
        mu = np.array([[math.log(law.median_s)] for _, law in streams])
        sigma = np.array([[law.sigma] for _, law in streams])
        if self._own_share:
            fill_uniforms(probability, self._seed, [names for names, _ in streams], self._first)
            fill_quantiles(result, probability, scratch)
            result *= self._own_share
            result += self._common
        else:
            result[:] = self._common
        result *= sigma
        result += mu
        if (mu + _FURTHEST * sigma).max() > _LOG_LONGEST:
            np.minimum(result, _LOG_LONGEST, out=result)
        return np.exp(result, out=result)

    def uniforms(self, names: tuple[str, ...]) -> Floats:
        """A row of uniform numbers."""
        return uniforms(self._seed, names, self.width, self._first)

    def more(self, task: TaskDuration) -> More:
        """What the attempts of a task need beside the first one's terms."""

        def again(number: int) -> Sequence[Floats]:
            streams = _random(task, number)
            rows = self.lognormals(streams, np.empty(5 * len(streams) * self.width)) if streams else ()
            return _of_task(task, self, rows, number)

        return More(again, lambda name, number: self.uniforms(("task", task.task, name, str(number))))


def _tiles(
    tasks: Sequence[int], streams_of: Sequence[Sequence[_Stream]], draws: _Draws
) -> Iterator[tuple[list[int], Floats]]:
    """So many of some tasks at once as fit a tile, and a row for all that each draws; good until the next.

    `streams_of` has what every task draws.
    """
    most = max(_TILE // draws.width, max((len(streams_of[index]) for index in tasks), default=0), 1)
    space = np.empty(5 * most * draws.width)
    tile: list[int] = []
    streams: list[_Stream] = []
    for index in tasks:
        if len(streams) + len(streams_of[index]) > most:
            yield tile, draws.lognormals(streams, space)
            tile, streams = [], []
        tile.append(index)
        streams += streams_of[index]
    if tile:
        yield tile, draws.lognormals(streams, space)


def _is_single(task: TaskDuration) -> bool:
    """Whether its first attempt takes one draw and nothing else."""
    return (
        task.readiness is None
        and task.again == 0
        and [
            term.law.fixed or term.chance < 1 or term.profile is not None
            for term in task.terms
            if term.name != "retry"
        ]
        == [False]
    )


def _random(task: TaskDuration, number: int = 0) -> list[_Stream]:
    """What one attempt draws; the first is 0."""
    attempt_names = (str(number),) if number else ()
    found: list[_Stream] = []
    for term in _needed(task):
        if term.profile is not None:
            steps = pattern(term.profile)
            found += [
                (("task", task.task, "step", *steps.steps[each].about, *attempt_names), steps.steps[each].law)
                for each in steps.random
            ]
        elif not term.law.fixed:
            found.append((("task", task.task, term.name, *attempt_names), term.law))
    return found


def _needed(task: TaskDuration) -> tuple[Term, ...]:
    """A task's terms, and the pull before it where the probes' phase needs it."""
    if task.pulled is None or task.pulled in task.terms or task.terms == ():
        return task.terms
    return (*task.terms, task.pulled)


def _of_task(task: TaskDuration, draws: _Draws, random: Iterable[Floats], number: int) -> Sequence[Floats]:
    """A row for each term but "retry"; `random` has the drawn ones."""
    rows = iter(random)
    found: dict[str, Floats] = {}
    for term in _needed(task):
        if term.profile is not None:
            steps = pattern(term.profile)
            # One commit is built in all attempts: what its cache holds does not change between them.
            luck = draws.uniforms(("task", task.task, "outcome"))
            found[term.name] = build_s(steps, list(islice(rows, len(steps.random))), luck)
            continue
        row = np.full(draws.width, float(term.law.median_s)) if term.law.fixed else next(rows)
        if term.chance < 1:
            attempt_names = (str(number),) if number else ()
            row *= draws.uniforms(("task", task.task, term.name, "chance", *attempt_names)) < term.chance
        found[term.name] = row
    if task.readiness is not None and "ready" in found:
        none = np.zeros(draws.width)
        found["ready"] = wait_s(
            task.readiness, found.get("pull", none), found.get("start", none), found["ready"]
        )
    return [found[term.name] for term in task.terms if term.name != "retry"]
