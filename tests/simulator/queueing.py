"""Queueing theory: exact numbers from formulas, without any simulation.

Service times have the mean 1 throughout.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from simulator.engines.trace import Floats


def hypoexponential_rates(count: int, slots: int, stages: int) -> tuple[float, ...]:
    """The rates of the makespan of exponential tasks: with k done of a stage, min(slots, count - k) run."""
    return tuple(float(min(slots, count - done)) for done in range(count)) * stages


def hypoexponential_moments(rates: Sequence[float]) -> tuple[float, float]:
    """Mean and variance of a sum of exponentials."""
    return sum(1 / rate for rate in rates), sum(1 / rate**2 for rate in rates)


def hypoexponential_quantiles(rates: Sequence[float], probabilities: Sequence[float]) -> tuple[float, ...]:
    """Quantiles by uniformisation: jumps of a Poisson process move a pure death chain or leave it.

    Jensen, Skandinavisk Aktuarietidskrift 36 (1953) 87-91; repeated rates do no harm to it.
    """
    fastest = max(rates)
    mean, variance = hypoexponential_moments(rates)
    latest = mean + 12 * math.sqrt(variance)
    most = int(fastest * latest + 12 * math.sqrt(fastest * latest)) + 20
    move = np.array(rates) / fastest
    state = np.zeros(len(rates) + 1)
    state[0] = 1.0
    absorbed = np.empty(most + 1)
    for jumps in range(most + 1):
        absorbed[jumps] = state[-1]
        moved = state[:-1] * move
        state[:-1] -= moved
        state[1:] += moved
    logs = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, most + 1)))))

    def done_by(time: float) -> float:
        jumps = np.arange(most + 1)
        return float(np.exp(jumps * math.log(fastest * time) - fastest * time - logs) @ absorbed)

    return tuple(_root(lambda t, p=p: done_by(t) - p, 1e-9, latest) for p in probabilities)


def lognormal_maximum_quantile(probability: float, count: int, mu: float, sigma: float) -> float:
    """The quantile of the largest of independent lognormals."""
    return math.exp(mu + sigma * NormalDist().inv_cdf(probability ** (1 / count)))


def erlang_c(servers: int, load: float) -> float:
    """The probability of waiting in M/M/c, of a load per server below 1, through Erlang's recursion for B."""
    blocked = 1.0
    for busy in range(1, servers + 1):
        blocked = servers * load * blocked / (busy + servers * load * blocked)
    return blocked / (1 - load * (1 - blocked))


def mmc_wait(servers: int, load: float) -> float:
    """The mean wait in M/M/c."""
    return erlang_c(servers, load) / (servers * (1 - load))


def mmc_wait_quantile(servers: int, load: float, probability: float) -> float:
    """The quantile of the wait in M/M/c, first in first out: P(W > t) = C exp(-c (1 - load) t)."""
    return max(0.0, math.log(erlang_c(servers, load) / (1 - probability)) / (servers * (1 - load)))


def mdc_wait(servers: int, load: float, most: int = 600) -> float:
    """The mean wait in M/D/c, exact but for the cut at `most` in the system.

    Who is in service at t is gone at t + 1, nobody else is (Crommelin, 1932):
    N(t + 1) = max(N(t) - c, 0) + Poisson(c load). Its stationary mean, less those in service, is the line,
    and Little's law makes a wait of it.
    """
    rate = servers * load
    states = np.arange(most)
    arrivals = np.exp(states * math.log(rate) - rate - np.concatenate(([0.0], np.cumsum(np.log(states[1:])))))
    step: Floats = np.zeros((most, most))
    for before in range(most):
        left = max(before - servers, 0)
        step[before, left:] = arrivals[: most - left]
        step[before, -1] += max(0.0, 1 - step[before].sum())
    for _ in range(24):
        step = step @ step
        step /= step.sum(axis=1, keepdims=True)
    return (float(step[0] @ states) - rate) / rate


def mg1_wait(load: float, second_moment: float) -> float:
    """The mean wait in M/G/1 (Pollaczek and Khinchine)."""
    return load * second_moment / (2 * (1 - load))


def _root(rising: object, low: float, high: float) -> float:
    assert callable(rising)
    for _ in range(200):
        middle = (low + high) / 2
        if rising(middle) < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2
