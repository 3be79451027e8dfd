"""Means and quantiles over clusters: their intervals hold what they claim to hold."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.drawing.streams import Floats, normals
from simulator.statistics import clusters
from simulator.statistics.quantiles import Quantile


@pytest.mark.parametrize(
    ("probability", "freedom", "expected"),
    [
        (0.975, 1, 12.7062),
        (0.975, 2, 4.30265),
        (0.975, 9, 2.26216),
        (0.975, 19, 2.09302),
        (0.99865, 11, 3.8496),
        (0.95, 5, 2.01505),
    ],
)
def test_student_quantiles_are_those_of_the_tables(probability: float, freedom: int, expected: float) -> None:
    assert clusters.student_quantile(probability, freedom) == pytest.approx(expected, rel=0.004)


def dependent(trial: int, count: int = 10, size: int = 60) -> list[Floats]:
    """Values that share a part within their cluster: standard normal, half of the variance common."""
    own = normals(1, ("own", str(trial)), count * size).reshape(count, size)
    common = normals(1, ("common", str(trial)), count)
    return list((own + common[:, None]) / np.sqrt(2))


def test_intervals_cover_as_often_as_they_say() -> None:
    """Of 400 trials at 95 %, 380 cover on average, with a standard deviation of 4.4."""
    means = quantiles = 0
    for trial in range(400):
        values = dependent(trial)
        mean = clusters.mean(values)
        assert mean.low is not None
        assert mean.high is not None
        means += mean.low <= 0 <= mean.high
        found = clusters.quantile(values, 0.7)
        quantiles += (found.low_s is None or found.low_s <= 0.5244) and (
            found.high_s is None or found.high_s >= 0.5244
        )
    assert abs(means - 380) <= 14
    # Quantiles of ten clusters are a little less sure than they say.
    assert quantiles >= 360


def test_few_or_no_values() -> None:
    assert clusters.mean([]).value == clusters.mean([np.empty(0)]).value == 0
    assert clusters.mean([np.ones(3)]).low is None
    assert clusters.quantile([np.array([1.0, 2.0])], 0.5) == Quantile(1.0, None, None)
    assert clusters.quantile([np.empty(0)] * 3, 0.5).value_s == 0
    zeros = clusters.quantile([np.zeros(50)] * 4, 0.95)
    assert (zeros.low_s, zeros.high_s) == (0, 0)
