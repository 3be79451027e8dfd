"""Means and quantiles of values that come in clusters, and how sure they are.

The waits of one run of a queue depend on each other, those of two runs do not.
So a run is a cluster, and what is said of all values together is as sure as the
clusters agree. Knows numbers only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from simulator.engines.trace import Floats
from simulator.statistics.quantiles import CONFIDENCE, Quantile


@dataclass(frozen=True, slots=True)
class Mean:
    """An estimated mean, its standard error, and its interval; None with a single cluster."""

    value: float
    error: float | None
    low: float | None
    high: float | None


def mean(clusters: Sequence[Floats], confidence: float = CONFIDENCE) -> Mean:
    """The mean of all values together: clusters of shape (n_i,), of which n_i may be random.

    A ratio of two sums over clusters; its error is that of the linearised ratio (Cochran, Sampling
    Techniques, 3rd ed. 1977, section 6.3), with Student's t of clusters - 1 degrees of freedom.
    0 where there is no value at all.
    """
    sums = np.array([cluster.sum() for cluster in clusters])
    counts = np.array([len(cluster) for cluster in clusters], dtype=float)
    if not counts.sum():
        return Mean(0.0, None, None, None)
    value = float(sums.sum() / counts.sum())
    if len(clusters) < 2:
        return Mean(value, None, None, None)
    spread = float(((sums - value * counts) ** 2).sum()) * len(clusters) / (len(clusters) - 1)
    error = math.sqrt(spread) / float(counts.sum())
    reach = student_quantile((1 + confidence) / 2, len(clusters) - 1) * error
    return Mean(value, error, value - reach, value + reach)


def quantile(clusters: Sequence[Floats], probability: float, confidence: float = CONFIDENCE) -> Quantile:
    """The quantile of all values together, as an order statistic, and its interval.

    The share of values up to the estimate is a mean with an error; the quantiles
    at that distance from the probability enclose the true one (Woodruff,
    Journal of the American Statistical Association 47 (1952) 635-646). An end is
    None where the interval leaves the values. 0 where there is no value.
    """
    ordered = np.sort(np.concatenate(clusters)) if clusters else np.empty(0)
    if not len(ordered):
        return Quantile(0.0, None, None)
    value = _at(ordered, probability)
    assert value is not None
    below = mean([np.asarray(cluster <= value, dtype=float) for cluster in clusters], confidence)
    if below.low is None:
        return Quantile(value, None, None)
    # One order statistic more on each side: the number of values is finite.
    reach = below.value - below.low + 1 / len(ordered)
    return Quantile(value, _at(ordered, probability - reach), _at(ordered, probability + reach))


def _at(ordered: Floats, probability: float) -> float | None:
    rank = math.ceil(len(ordered) * probability - 1e-9)
    return float(ordered[rank - 1]) if 1 <= rank <= len(ordered) else None


def student_quantile(probability: float, freedom: int) -> float:
    """Student's t quantile for probabilities from 0.5 on, exact for 1 and 2 degrees of freedom.

    Otherwise the asymptotic expansion (Abramowitz and Stegun, 26.7.5): off by
    less than 1 % from 3 degrees of freedom on at 97.5 %, 0.01 % from 10 on.
    """
    if freedom == 1:
        return math.tan(math.pi * (probability - 0.5))
    if freedom == 2:
        return (2 * probability - 1) * math.sqrt(2 / (4 * probability * (1 - probability)))
    x = NormalDist().inv_cdf(probability)
    more: float = sum(
        term / freedom**power
        for power, term in enumerate(
            (
                (x**3 + x) / 4,
                (5 * x**5 + 16 * x**3 + 3 * x) / 96,
                (3 * x**7 + 19 * x**5 + 17 * x**3 - 15 * x) / 384,
                (79 * x**9 + 776 * x**7 + 1482 * x**5 - 1920 * x**3 - 945 * x) / 92160,
            ),
            start=1,
        )
    )
    return x + more
