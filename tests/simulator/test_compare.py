"""Paired differences: by hand, against exact truths, and how often the intervals hold."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from simulator.drawing.streams import Floats
from simulator.statistics.compare import Difference, both_succeed, compare, quantile_difference, student_t


def pairs(runs: int, seed: int) -> tuple[Floats, Floats]:
    """Makespans exp(6 + 0.4 X) without a change and exp(5.8 + 0.35 Y) with it; X, Y correlate 0.9."""
    normal = np.random.default_rng(seed).standard_normal((2, runs))
    other = 0.9 * normal[0] + math.sqrt(1 - 0.81) * normal[1]
    return np.exp(6 + 0.4 * normal[0]), np.exp(5.8 + 0.35 * other)


def exact(probability: float) -> float:
    z = NormalDist().inv_cdf(probability)
    return math.exp(5.8 + 0.35 * z) - math.exp(6 + 0.4 * z)


EXACT_MEAN = math.exp(5.8 + 0.35**2 / 2) - math.exp(6 + 0.4**2 / 2)


def holds(found: Difference, truth: float) -> bool:
    assert found.low_s is not None
    assert found.high_s is not None
    return found.low_s <= truth <= found.high_s


def test_by_hand() -> None:
    found = compare(np.array([10.0, 20.0, 30.0, 40.0]), np.array([8.0, 20.0, 31.0, 35.0]))
    assert (found.runs, found.slower, found.faster) == (4, 0.25, 0.5)
    assert found.mean.value_s == pytest.approx(-1.5)
    # Differences -2, 0, 1, -5: standard deviation 2.6458, t with 3 degrees of freedom 3.182.
    assert found.mean.high_s == pytest.approx(-1.5 + 3.182 * 2.6458 / 2, abs=0.01)
    assert found.p90.low_s is None


def test_the_same_shift_everywhere_is_sure() -> None:
    base_s, _ = pairs(200, 1)
    found = compare(base_s, base_s - 3)
    for each in (found.mean, found.p50, found.p90):
        assert each.value_s == pytest.approx(-3)
        assert each.low_s == pytest.approx(-3)
        assert each.high_s == pytest.approx(-3)
        assert each.sign == -1
    assert found.faster == 1


def test_rounding_is_no_difference() -> None:
    base_s, _ = pairs(50, 2)
    found = compare(base_s, base_s * (1 + 1e-15))
    assert (found.slower, found.faster) == (0, 0)


def test_intervals_hold_as_often_as_they_say() -> None:
    """Over 300 trials: 95 % give or take 3.5 standard errors of 1.26 points."""
    trials = 300
    held = np.zeros(3)
    for trial in range(trials):
        found = compare(*pairs(300, 1000 + trial))
        truths = ((found.mean, EXACT_MEAN), (found.p50, exact(0.5)), (found.p90, exact(0.9)))
        held += [holds(each, truth) for each, truth in truths]
    assert (np.abs(held / trials - 0.95) < 0.044).all(), held / trials


def test_pairing_narrows_the_interval() -> None:
    base_s, other_s = pairs(1000, 3)
    _, unpaired_s = pairs(1000, 4)

    def width(difference: Difference) -> float:
        assert difference.low_s is not None
        assert difference.high_s is not None
        return difference.high_s - difference.low_s

    paired, apart = compare(base_s, other_s), compare(base_s, unpaired_s)
    assert width(paired.p50) < 0.75 * width(apart.p50)
    assert width(paired.mean) < 0.6 * width(apart.mean)
    assert paired.variance_ratio is not None
    assert apart.variance_ratio is not None
    assert paired.variance_ratio > 3 > 1.2 > apart.variance_ratio


# scipy.stats.mstats.hdquantiles of the squares of 1 to 100, whose weights are exact integrals of the density.
@pytest.mark.parametrize(("probability", "value"), [(0.5, 2574.843137), (0.9, 8199.156862)])
def test_quantiles_are_those_of_harrell_and_davis(probability: float, value: float) -> None:
    squares = np.arange(1.0, 101.0) ** 2
    found = quantile_difference(np.zeros(100), squares, probability)
    assert found.value_s == pytest.approx(value, abs=0.1)
    assert quantile_difference(squares, squares[::-1].copy(), probability).value_s == 0


def test_savings_that_differ_from_run_to_run_are_covered() -> None:
    """Three runs in ten save up to 50 s of two hours: little against the spread, and not the same for all."""

    def pair(seed: int, runs: int) -> tuple[Floats, Floats]:
        generator = np.random.default_rng(seed)
        base_s = np.exp(8.8 + 0.2 * generator.standard_normal(runs))
        saves = generator.random(runs) < 0.3
        return base_s, base_s - saves * 50 * generator.random(runs)

    # Without dependence on the makespan the quantiles move by the mean, 7.5 s, but for the curvature.
    found = [quantile_difference(*pair(seed, 400), 0.5) for seed in range(300)]
    assert 0.9 < np.mean([holds(each, -7.4) for each in found]) < 0.985
    assert np.std([each.value_s for each in found]) < 3


@pytest.mark.parametrize(("runs", "there"), [(5, False), (49, False), (51, True)])
def test_few_runs_have_no_interval_of_p90(runs: int, there: bool) -> None:
    found = quantile_difference(*pairs(runs, 5), 0.9)
    assert (found.low_s is not None, found.high_s is not None) == (there, there)
    assert there or found.sign == 0


# Two-sided 95 %, from any table of Student's t.
@pytest.mark.parametrize(
    ("freedom", "value"), [(3, 3.182), (4, 2.776), (5, 2.571), (10, 2.228), (30, 2.042), (100, 1.984)]
)
def test_students_t(freedom: int, value: float) -> None:
    assert student_t(freedom) == pytest.approx(value, abs=0.004)


def test_one_run_has_a_difference_and_no_interval() -> None:
    found = compare(np.array([5.0]), np.array([4.0]))
    assert (found.mean, found.p50) == (Difference(-1, None, None), Difference(-1, None, None))


@pytest.mark.parametrize(
    ("base", "other"), [(np.zeros(0), np.zeros(0)), (np.zeros(3), np.zeros(2)), (np.zeros((2, 2)),) * 2]
)
def test_what_is_no_pair_is_refused(base: Floats, other: Floats) -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        compare(base, other)


def test_runs_that_fail_on_either_side_are_left_out() -> None:
    fine = both_succeed(np.array([False, True, False, True]), np.array([False, False, True, True]))
    assert fine.tolist() == [True, False, False, False]
