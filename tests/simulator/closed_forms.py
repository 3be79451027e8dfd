"""Makespans with closed forms, through every engine: the table of cases, and the claims made of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

import claims
import queueing
from claims import SEED, Claim
from sim_plans import slots_network
from simulator import engines
from simulator.drawing.streams import normals, uniforms
from simulator.engines.trace import Floats
from simulator.network import Network

PROBABILITIES = (0.5, 0.9, 0.99)


@dataclass(frozen=True, slots=True)
class Case:
    """Stages of `count` exponential tasks of mean 1 on `slots`, a barrier after each; the makespan's law."""

    count: int
    slots: int
    stages: int
    mean: float
    variance: float
    quantiles: tuple[float, float, float]

    @property
    def name(self) -> str:
        """For tables."""
        stages = f", {self.stages} stages" if self.stages > 1 else ""
        return f"{self.count} exponential tasks, {self.slots} slots{stages}"


# Published beside the task of writing this simulator; `queueing` computes them anew.
CASES = (
    Case(50, 7, 1, 8.735714, 2.389348, (8.5772, 10.7444, 13.1654)),
    Case(50, 7, 4, 34.942857, 9.557392, (34.7666, 38.9775, 42.9816)),
    Case(7, 7, 1, 2.592857, 1.511797, (2.3615, 4.2038, 6.5468)),
    Case(200, 7, 1, 30.164286, 5.450573, (30.0655, 33.1904, 36.0996)),
)
LOGNORMAL = (286.413, 439.595, 658.98)
DETERMINISTIC = ((50, 7, 10.0, 80.0), (49, 7, 10.0, 70.0), (7, 7, 3.0, 3.0), (1, 7, 2.0, 2.0))


def covering(network: Network) -> tuple[str, ...]:
    """The engines that cover a network."""
    return tuple(name for name in engines.ENGINES if engines.load(name).covers(network) is None)


def durations(network: Network, law: Callable[[str, int], Floats], runs: int) -> Floats:
    """One stream per activity; the barriers take no time."""
    rows = [np.zeros(runs) if each.queue is None else law(each.id, runs) for each in network.activities]
    return np.array(rows)


def exponential(name: str, runs: int) -> Floats:
    """Mean 1."""
    return -np.log(uniforms(SEED, ("exponential", name), runs))


def lognormal(name: str, runs: int) -> Floats:
    """Median exp(5), sigma 0.5."""
    return np.exp(5 + 0.5 * normals(SEED, ("lognormal", name), runs))


def hypoexponential_claims(case: Case, engine: str, runs: int) -> Iterator[Claim]:
    """Mean, variance and percentiles of one case."""
    network = slots_network([case.count] * case.stages, case.slots)
    makespans = engines.simulate(network, durations(network, exponential, runs), engine=engine).makespan_s
    yield claims.mean(f"{case.name}: mean", makespans, case.mean)
    yield claims.variance(f"{case.name}: variance", makespans, case.variance)
    for probability, expected in zip(PROBABILITIES, case.quantiles, strict=True):
        what = f"{case.name}: P{probability * 100:.0f}"
        yield claims.percentile(what, makespans, probability, expected)


def lognormal_claims(engine: str, runs: int) -> Iterator[Claim]:
    """The largest of 7 lognormals."""
    network = slots_network([7], 7)
    makespans = engines.simulate(network, durations(network, lognormal, runs), engine=engine).makespan_s
    for probability, expected in zip(PROBABILITIES, LOGNORMAL, strict=True):
        what = f"7 lognormal(5, 0.5) tasks, 7 slots: P{probability * 100:.0f}"
        yield claims.percentile(what, makespans, probability, expected)


def deterministic_claims(engine: str) -> Iterator[Claim]:
    """Waves: ceil(n / c) d."""
    for count, slots, seconds, expected in DETERMINISTIC:
        network = slots_network([count], slots)
        taken = durations(network, lambda _, runs, s=seconds: np.full(runs, s), 1)  # type: ignore[misc]
        found = float(engines.simulate(network, taken, engine=engine).makespan_s[0])
        assert expected == math.ceil(count / slots) * seconds
        yield claims.equal(f"{count} tasks of {seconds:g} s, {slots} slots", found, expected)


def formula_claims() -> Iterator[Claim]:
    """The published numbers against the formulas, computed here: agreement to all published digits."""
    for case in CASES:
        rates = queueing.hypoexponential_rates(case.count, case.slots, case.stages)
        mean, variance = queueing.hypoexponential_moments(rates)
        quantiles = queueing.hypoexponential_quantiles(rates, PROBABILITIES)
        yield _agrees(f"{case.name}: mean", mean, case.mean, 6)
        yield _agrees(f"{case.name}: variance", variance, case.variance, 6)
        for probability, found, expected in zip(PROBABILITIES, quantiles, case.quantiles, strict=True):
            yield _agrees(f"{case.name}: P{probability * 100:.0f}", found, expected, 4)
    for probability, expected, digits in zip(PROBABILITIES, LOGNORMAL, (3, 3, 2), strict=True):
        found = queueing.lognormal_maximum_quantile(probability, 7, 5.0, 0.5)
        yield _agrees(f"largest of 7 lognormal(5, 0.5): P{probability * 100:.0f}", found, expected, digits)
    queues = (
        ("M/M/7 at 0.8: P(wait)", queueing.erlang_c(7, 0.8), 0.485938),
        ("M/M/7 at 0.8: wait", queueing.mmc_wait(7, 0.8), 0.347098),
        ("M/M/7 at 0.9: wait", queueing.mmc_wait(7, 0.9), 1.028510),
        ("M/D/7 at 0.8: wait", queueing.mdc_wait(7, 0.8), 0.183361),
        ("M/D/7 at 0.9: wait", queueing.mdc_wait(7, 0.9), 0.526556),
        ("M/D/1 at 0.8: wait", queueing.mdc_wait(1, 0.8), 2.0),
        ("M/LN(0.5)/1 at 0.8: wait", queueing.mg1_wait(0.8, math.exp(0.25)), 2.568051),
    )
    for what, found, expected in queues:
        yield _agrees(what, found, expected, 6)


def _agrees(what: str, found: float, expected: float, digits: int) -> Claim:
    rule = f"rounds to the published {digits} decimals"
    told = f"{found:.{digits + 2}f}"
    return Claim(what, rule, f"{expected:.{digits}f}", told, round(found, digits) == round(expected, digits))
