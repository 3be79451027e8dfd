"""What a build takes whose steps come from a cache or run: the longest path through those that run.

Takes drawn steps and uniform numbers, gives a row of seconds. Knows no stream and no law.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from compiler.plan.model import BuildProfile
from simulator.engines.trace import Flags, Floats
from simulator.modelling.steps import Step, steps_of


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """A profile for drawing. `random` are the indices of the steps whose rows are drawn, in order.

    A step that runs in no outcome is not among them, nor one that always takes the same.
    `runs` has the shape (outcomes, steps), `ever` says of each step whether it runs in any, `ends`
    (outcomes,) is where each outcome's part of the numbers from 0 to 1 ends.
    """

    steps: tuple[Step, ...]
    random: tuple[int, ...]
    runs: Flags
    ever: tuple[bool, ...]
    ends: Floats


@lru_cache(maxsize=4096)
def pattern(profile: BuildProfile) -> Pattern:
    """A profile's pattern.

    Raises:
        ValueError: see `simulator.modelling.steps.steps_of`.
    """
    made = steps_of(profile)
    runs = np.zeros((len(made.outcomes), len(made.steps)), dtype=np.bool_)
    for number, outcome in enumerate(made.outcomes):
        runs[number, list(outcome.runs)] = True
    ever = tuple(bool(column.any()) for column in runs.T)
    random = [n for n, step in enumerate(made.steps) if ever[n] and not step.law.fixed]
    ends = np.cumsum([outcome.weight for outcome in made.outcomes])
    return Pattern(made.steps, tuple(random), runs, ever, ends)


def build_s(found: Pattern, drawn: Sequence[Floats], luck: Floats) -> Floats:
    """The build's seconds per replication; `drawn` are the rows of `random`, `luck` draws the outcome."""
    # The last end is 1 but for rounding.
    outcome = np.searchsorted(found.ends[:-1], luck, side="right")
    rows = dict(zip(found.random, drawn, strict=True))
    ends: list[Floats] = []
    longest = np.zeros(luck.shape)
    for number, step in enumerate(found.steps):
        begin = np.zeros(luck.shape)
        for need in step.needs:
            np.maximum(begin, ends[need], out=begin)
        if found.ever[number]:
            runs = found.runs[outcome, number]
            begin += np.where(runs, rows.get(number, step.law.median_s), 0.0)
        ends.append(begin)
        np.maximum(longest, begin, out=longest)
    return longest
