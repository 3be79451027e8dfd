"""Quantiles of replications and how sure they are.

Knows numbers only. A quantile here is an order statistic: the P90 of n values
is the ceil(0.9 n)-th smallest, the shortest time that at least 90 % of the
replications kept to, hence the time of a replication that can be shown.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from simulator.engines.trace import Floats

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Quantile:
    """An estimated quantile in seconds and its interval; an end is None where n is too small for one."""

    value_s: float
    low_s: float | None
    high_s: float | None

    def within(self, precision: float) -> bool:
        """Whether both ends are there and at most `precision` times the value away from it."""
        room_s = precision * self.value_s
        return (
            self.low_s is not None
            and self.high_s is not None
            and self.value_s - self.low_s <= room_s
            and self.high_s - self.value_s <= room_s
        )


def order_statistic(values: Floats, probability: float) -> Floats:
    """The quantile along the last axis: (..., n) gives (...,)."""
    rank = min(max(math.ceil(values.shape[-1] * probability), 1), values.shape[-1])
    return np.asarray(np.partition(values, rank - 1, axis=-1)[..., rank - 1])


def quantile(values: Floats, probability: float, confidence: float = CONFIDENCE) -> Quantile:
    """The quantile of n values with its order-statistic interval.

    The number B of values below the true quantile is binomial (n, p), whatever
    the law. With l and u the ranks that `interval_ranks` gives, the l-th and
    the u-th smallest enclose it with at least the confidence asked for (David
    and Nagaraja, Order Statistics, 3rd ed. 2003, section 7.1).
    """
    ordered = np.sort(values)
    low, high = interval_ranks(len(ordered), probability, confidence)
    return Quantile(
        value_s=float(order_statistic(ordered, probability)),
        low_s=None if low is None else float(ordered[low - 1]),
        high_s=None if high is None else float(ordered[high - 1]),
    )


def interval_ranks(count: int, probability: float, confidence: float) -> tuple[int | None, int | None]:
    """Ranks from 1: the largest l with P(B < l) <= a/2 and the smallest u with P(B >= u) <= a/2.

    None where there is no such rank: 99 % quantiles have an upper end from
    368 values on at 95 % confidence.
    """
    tail = (1 - confidence) / 2
    below = _binomial_cdf(count, probability)
    low = int(np.searchsorted(below, tail, side="right"))
    high = int(np.searchsorted(below, 1 - tail, side="left")) + 1
    return (low if low >= 1 else None), (high if high <= count else None)


def _binomial_cdf(count: int, probability: float) -> Floats:
    """P(B <= k) for k = 0..count, through logarithms so that no term under- or overflows early."""
    k = np.arange(1, count + 1)
    choose = np.concatenate(([0.0], np.cumsum(np.log((count - k + 1) / k))))
    successes = np.arange(count + 1)
    log_terms = choose + successes * math.log(probability) + (count - successes) * math.log1p(-probability)
    return np.asarray(np.minimum(np.cumsum(np.exp(log_terms)), 1.0))
