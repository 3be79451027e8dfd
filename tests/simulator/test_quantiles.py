from __future__ import annotations

import math

import numpy as np
import pytest

from simulator.drawing.streams import uniforms
from simulator.statistics.quantiles import interval_ranks, order_statistic, quantile


def binomial_cdf(count: int, probability: float, k: int) -> float:
    """By whole-number arithmetic, term by term."""
    return math.fsum(
        math.comb(count, each) * probability**each * (1 - probability) ** (count - each)
        for each in range(k + 1)
    )


@pytest.mark.parametrize("count", [1, 5, 20, 100, 367, 368, 500])
@pytest.mark.parametrize("probability", [0.5, 0.9, 0.99])
def test_ranks_are_the_tightest_that_hold_the_confidence(count: int, probability: float) -> None:
    low, high = interval_ranks(count, probability, 0.95)
    if low is None:
        assert binomial_cdf(count, probability, 0) > 0.025
    else:
        assert binomial_cdf(count, probability, low - 1) <= 0.025 < binomial_cdf(count, probability, low)
    if high is None:
        assert 1 - binomial_cdf(count, probability, count - 1) > 0.025
    else:
        assert binomial_cdf(count, probability, high - 1) >= 0.975
        assert high == 1 or binomial_cdf(count, probability, high - 2) < 0.975


def test_p99_has_an_upper_end_from_368_values_on() -> None:
    assert interval_ranks(367, 0.99, 0.95)[1] is None
    assert interval_ranks(368, 0.99, 0.95)[1] == 368


def test_textbook_median_interval() -> None:
    # n = 100: ranks 40 and 61 (Conover, Practical Nonparametric Statistics, from the binomial tables).
    assert interval_ranks(100, 0.5, 0.95) == (40, 61)


def test_a_quantile_is_a_value_that_occurred() -> None:
    values = np.array([5.0, 1.0, 4.0, 2.0, 3.0, 10.0, 9.0, 8.0, 7.0, 6.0])
    assert [float(order_statistic(values, p)) for p in (0.5, 0.9, 0.99, 0.01)] == [5.0, 9.0, 10.0, 1.0]
    assert quantile(values, 0.5).value_s == 5.0


def test_large_numbers_of_runs_work() -> None:
    low, high = interval_ranks(1_000_000, 0.99, 0.95)
    spread = 1.96 * math.sqrt(1_000_000 * 0.99 * 0.01)
    assert low == pytest.approx(990_000 - spread, abs=2)
    assert high == pytest.approx(990_000 + spread, abs=3)


@pytest.mark.parametrize("probability", [0.5, 0.9, 0.99])
def test_intervals_cover_as_often_as_they_say(probability: float) -> None:
    """Of 600 repetitions at least 95 % cover, less 3 standard errors. The law does not matter: uniform."""
    repetitions, count = 600, 500
    values = uniforms(0, ("coverage", str(probability)), repetitions * count).reshape(repetitions, count)
    found = [quantile(row, probability) for row in values]
    covered = sum(
        (each.low_s or 0.0) <= probability <= (1.0 if each.high_s is None else each.high_s) for each in found
    )
    assert covered >= repetitions * 0.95 - 3 * math.sqrt(repetitions * 0.95 * 0.05)
    # Not by being needlessly wide either: discreteness adds little.
    assert covered <= repetitions * 0.985 + 3 * math.sqrt(repetitions * 0.985 * 0.015)
