"""Durations of every replication, drawn from the terms' laws.

Takes terms, a seed and a correlation, gives the matrix that an engine needs
and what each term had of it. Knows no network and no engine.

A term's draw is exp(mu + sigma * (sqrt(rho) * R + sqrt(1 - rho) * T)): R is one
standard normal of the whole replication (a slow day of the registry, a busy
cluster), T one of this term. As R and T are independent, the sum is standard
normal for every rho: correlation changes no term's own law.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.durations import TaskDuration, Term
from simulator.engines.trace import Floats
from simulator.laws import LONGEST_S
from simulator.streams import normals

_RUN_FACTOR = ("run", "factor")


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Drawn durations in seconds.

    `durations_s` has the shape (tasks, replications). `terms_s` has per task
    an array (terms, replications) whose sum over terms is the duration.
    `timed_out` (tasks, replications) says where the timeout cut the task off.
    """

    durations_s: Floats
    terms_s: tuple[Floats, ...]
    timed_out: NDArray[np.bool_]


def sample(tasks: tuple[TaskDuration, ...], *, runs: int, seed: int, correlation: float) -> Sample:
    """Draw `runs` replications; the k-th depends on nothing but the seed, the task, the term and k.

    Raises:
        ValueError: the correlation is not within 0 and 1.
    """
    if not 0 <= correlation <= 1:
        raise ValueError(f"the correlation must be between 0 and 1, not {correlation}")
    common = math.sqrt(correlation) * normals(seed, _RUN_FACTOR, runs)
    own_share = math.sqrt(1 - correlation)
    durations_s = np.zeros((len(tasks), runs))
    timed_out = np.zeros((len(tasks), runs), dtype=np.bool_)
    terms_s = []
    for number, task in enumerate(tasks):
        drawn = np.zeros((len(task.terms), runs))
        for row, term in enumerate(task.terms):
            drawn[row] = _draw(task.task, term, seed, common, own_share)
        limit = LONGEST_S if task.timeout_s is None else min(task.timeout_s, LONGEST_S)
        ends = drawn.cumsum(axis=0)
        if task.terms:
            timed_out[number] = ends[-1] > limit
            durations_s[number] = np.minimum(ends[-1], limit)
        terms_s.append(np.diff(np.minimum(ends, limit), axis=0, prepend=0.0))
    return Sample(durations_s, tuple(terms_s), timed_out)


def _draw(task: str, term: Term, seed: int, common: Floats, own_share: float) -> Floats:
    law = term.law
    if law.fixed:
        return np.full_like(common, law.median_s)
    own = own_share * normals(seed, ("task", task, term.name), len(common)) if own_share else 0.0
    exponent = math.log(law.median_s) + law.sigma * (common + own)
    return np.exp(np.minimum(exponent, math.log(LONGEST_S)))
