"""Numbers that do not come from this project.

The rule: a mean lies within 3 standard errors of the closed form, a variance
too, and a quantile lies inside its order-statistic interval at the confidence
of 3 standard errors (99.73 %), so that with a dozen comparisons a right
simulator passes and a wrong one does not. Seeds are fixed.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim_networks import matrix, networks
from sim_plans import slots_network
from simulator.critical import busy, critical_path_bound
from simulator.engines.reference import simulate
from simulator.network import Network
from simulator.quantiles import quantile
from simulator.streams import Floats, normals, uniforms

THREE_SIGMA = 0.9973


def durations(network: Network, law: Callable[[str, int], Floats], runs: int) -> Floats:
    """One stream per activity; the barriers take no time."""
    return np.array(
        [
            np.zeros(runs) if activity.queue is None else law(activity.id, runs)
            for activity in network.activities
        ]
    )


def exponential(name: str, runs: int) -> Floats:
    return -np.log(uniforms(0, ("exponential", name), runs))


def lognormal(name: str, runs: int) -> Floats:
    return np.exp(5 + 0.5 * normals(0, ("lognormal", name), runs))


def assert_quantiles(values: Floats, expected: dict[float, float]) -> None:
    for probability, value in expected.items():
        found = quantile(values, probability, THREE_SIGMA)
        assert found.low_s is not None
        assert found.high_s is not None
        assert found.low_s <= value <= found.high_s


@pytest.mark.parametrize(
    ("count", "slots", "stages", "mean", "variance", "quantiles", "runs"),
    [
        (50, 7, 1, 8.735714, 2.389348, (8.5772, 10.7444, 13.1654), 4000),
        (50, 7, 4, 34.942857, 9.557392, (34.7666, 38.9775, 42.9816), 2500),
        (7, 7, 1, 2.592857, 1.511797, (2.3615, 4.2038, 6.5468), 8000),
        (200, 7, 1, 30.164286, 5.450573, (30.0655, 33.1904, 36.0996), 2500),
    ],
)
def test_hypoexponential_makespans(
    count: int, slots: int, stages: int, mean: float, variance: float, quantiles: tuple[float, ...], runs: int
) -> None:
    network = slots_network([count] * stages, slots)
    makespans = simulate(network, durations(network, exponential, runs)).makespan_s
    deviations = (makespans - makespans.mean()) ** 2
    assert abs(makespans.mean() - mean) < 3 * makespans.std() / math.sqrt(runs)
    assert abs(deviations.mean() - variance) < 3 * deviations.std() / math.sqrt(runs)
    assert_quantiles(makespans, dict(zip((0.5, 0.9, 0.99), quantiles, strict=True)))


def test_lognormal_maximum_when_there_are_slots_for_all() -> None:
    network = slots_network([7], 7)
    makespans = simulate(network, durations(network, lognormal, 8000)).makespan_s
    assert_quantiles(makespans, {0.5: 286.413, 0.9: 439.595, 0.99: 658.98})


@pytest.mark.parametrize(
    ("count", "slots", "seconds", "makespan"), [(50, 7, 10, 80), (49, 7, 10, 70), (7, 7, 3, 3), (1, 7, 2, 2)]
)
def test_deterministic_waves(count: int, slots: int, seconds: float, makespan: float) -> None:
    network = slots_network([count], slots)
    trace = simulate(network, durations(network, lambda _, runs: np.full(runs, float(seconds)), 1))
    assert trace.makespan_s[0] == makespan == math.ceil(count / slots) * seconds


@settings(max_examples=100)
@given(networks(), st.data())
def test_bounds_on_random_networks(network: Network, data: st.DataObject) -> None:
    drawn = matrix(data, len(network.activities))
    makespans = simulate(network, drawn).makespan_s
    # The bounds add up in another order than the clock: allow its rounding.
    room = makespans * (1 + 1e-12)
    assert (critical_path_bound(network, drawn) <= room).all()
    for each in busy(network, drawn):
        if each.capacity:
            assert (each.amount_s / each.capacity <= room).all()
    assert (makespans <= drawn.sum(axis=0) * (1 + 1e-12)).all()
