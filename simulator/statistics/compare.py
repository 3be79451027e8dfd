"""How much a change makes a pipeline faster or slower, and how sure that is.

Knows numbers only: makespans of the same replications, once without the change
and once with it. Both were drawn from the same streams, so that the k-th values belong
together and only what the change does is left in their difference.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from simulator.engines.trace import Flags, Floats
from simulator.statistics.quantiles import CONFIDENCE

# A run is slower (or faster) when it differs by more than rounding can explain.
ROUNDING_S = 1e-6
# The quantiles of a change.
_TOLD = (0.5, 0.9)


@dataclass(frozen=True, slots=True)
class Difference:
    """With the change minus without it, in seconds: negative is faster.

    The ends of the 95 % interval are None where there are too few runs for one.
    """

    value_s: float
    low_s: float | None
    high_s: float | None

    @property
    def sign(self) -> int:
        """-1 surely faster, 1 surely slower, 0 where the interval does not tell."""
        if self.low_s is None or self.high_s is None:
            return 0
        return (self.low_s > 0) - (self.high_s < 0)


@dataclass(frozen=True, slots=True)
class Change:
    """What a change does to the makespan.

    `runs` were compared: those that succeeded with and without it. `slower`
    and `faster` are shares of these. `variance_ratio` is how much larger the variance
    of the mean's difference would be with draws of their own on both sides; None
    where every run changes by the same.
    """

    runs: int
    mean: Difference
    p50: Difference
    p90: Difference
    slower: float
    faster: float
    variance_ratio: float | None = None


def compare(base_s: Floats, other_s: Floats) -> Change:
    """The change from `base_s` to `other_s`: makespans (replications,) that belong together by position.

    The mean's interval is Student's t on the paired differences; for the quantiles see
    `quantile_difference`.

    Raises:
        ValueError: there are no runs, or not as many on both sides.
    """
    return compare_all(base_s, [other_s])[0]


def compare_all(base_s: Floats, others_s: Iterable[Floats]) -> tuple[Change, ...]:
    """Several changes from one base: what is known of the base is found once.

    Raises:
        ValueError: see `compare`.
    """
    if base_s.ndim != 1 or not len(base_s):
        raise ValueError(f"runs of the shape {base_s.shape} cannot be compared")
    before = _estimates(base_s, _TOLD)
    spread = float(base_s.var())
    made = []
    for other_s in others_s:
        if base_s.shape != other_s.shape:
            raise ValueError(f"runs {base_s.shape} and {other_s.shape} cannot be compared in pairs")
        gone_s = other_s - base_s
        apart = float(gone_s.var())
        after = _estimates(other_s, _TOLD)
        p50, p90 = map(_difference, before, after, _TOLD)
        made.append(
            Change(
                runs=len(gone_s),
                mean=_mean(gone_s),
                p50=p50,
                p90=p90,
                slower=float((gone_s > ROUNDING_S).mean()),
                faster=float((gone_s < -ROUNDING_S).mean()),
                variance_ratio=(spread + float(other_s.var())) / apart if apart > 0 else None,
            )
        )
    return tuple(made)


def both_succeed(base_failed: Flags, other_failed: Flags) -> Flags:
    """The runs to compare: a run that fails ends early, which would look like a gain."""
    return np.asarray(~(base_failed | other_failed))


def quantile_difference(base_s: Floats, other_s: Floats, probability: float) -> Difference:
    """The difference of two quantiles on common draws, with its normal interval.

    The quantiles are those of Harrell and Davis ("A new distribution-free quantile
    estimator", Biometrika 69, 1982): all order statistics, weighted by a beta density around
    the probability. What a change saves differs from run to run, and a single order statistic
    has the saving of the one run that it happens to be: in trials on list schedules and on
    shifts that are small against the spread, the variance of this estimate was up to 14 times smaller.

    It is a smooth function of the order statistics, so that it is, up to a vanishing rest, a
    mean over the runs (Serfling, Approximation Theorems of Mathematical Statistics, 1980, chapter
    8). The difference of two is a mean of paired terms, whose variance needs no resampling.
    In those trials the intervals covered 91 to 98 % with 300 runs and more. Bahadur's
    representation of a single order statistic covered 36 to 97 %, sectioning less; the paired
    bootstrap of one covered 93 to 100 %, up to three times as wide.
    """
    (before,), (after,) = _estimates(base_s, [probability]), _estimates(other_s, [probability])
    return _difference(before, after, probability)


# A quantile, and what every run contributes to its error, shape (replications,).
_Estimate = tuple[float, Floats]


def _estimates(values_s: Floats, probabilities: Sequence[float]) -> list[_Estimate]:
    count = len(values_s)
    # Runs that take the same time contribute the same: their order does not matter.
    order = np.argsort(values_s)
    ordered = values_s[order]
    steps, middle = np.diff(ordered), ordered[count // 2]
    found = []
    for probability in probabilities:
        weights, density = _beta(count, probability)
        # One more run up to the k-th value moves what lies between it and the next.
        gaps = density * steps
        above = np.zeros(count)
        above[:-1] = np.cumsum(gaps[::-1])[::-1]
        influence = np.empty(count)
        influence[order] = gaps @ (np.arange(1, count) / count) - above
        found.append((float(middle + weights @ (ordered - middle)), influence))
    return found


@lru_cache(maxsize=16)
def _beta(count: int, probability: float) -> tuple[Floats, Floats]:
    """The weights of the order statistics, and the density at 1/n to (n-1)/n."""
    a, b = probability * (count + 1), (1 - probability) * (count + 1)

    def log_density(at: Floats) -> Floats:
        return np.asarray((a - 1) * np.log(at) + (b - 1) * np.log1p(-at))

    logs = log_density((np.arange(count) + 0.5) / count)
    weights = np.exp(logs - logs.max())
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return weights / weights.sum(), np.exp(log_density(np.arange(1, count) / count) + scale)


def _difference(before: _Estimate, after: _Estimate, probability: float) -> Difference:
    value_s, terms = after[0] - before[0], after[1] - before[1]
    if len(terms) * min(probability, 1 - probability) < _FEWEST_BEYOND:
        return Difference(value_s, None, None)
    half_s = _Z * float(terms.std(ddof=1)) / math.sqrt(len(terms))
    return Difference(value_s, value_s - half_s, value_s + half_s)


# Runs beyond a quantile on either side, below which its interval is left out.
_FEWEST_BEYOND = 5
_NORMAL = NormalDist()
_Z = _NORMAL.inv_cdf((1 + CONFIDENCE) / 2)


def _mean(values: Floats) -> Difference:
    mean = float(values.mean())
    if len(values) < _FEWEST_RUNS:
        return Difference(mean, None, None)
    half = student_t(len(values) - 1) * float(values.std(ddof=1)) / math.sqrt(len(values))
    return Difference(mean, mean - half, mean + half)


_FEWEST_RUNS = 4


def student_t(freedom: int, confidence: float = CONFIDENCE) -> float:
    """The two-sided quantile of Student's t: what a standard error is multiplied by.

    Fisher and Cornish's expansion in 1 / freedom (Abramowitz and Stegun, Handbook of Mathematical Functions,
    26.7.5): within 0.004 from 3 degrees of freedom on at 95 %.
    """
    z = _NORMAL.inv_cdf((1 + confidence) / 2)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + math.fsum(term / freedom**power for power, term in enumerate(terms, start=1))
