"""Queues with Poisson arrivals, through the code that runs many pipelines on one pool.

A pipeline of a single build, whose duration is drawn from the law of the case; runs are independent,
each begins empty, and what comes before the warm-up ends is not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

import claims
import queueing
from claims import SEED, Claim
from simulator.drawing.streams import normals, uniforms
from simulator.engines.trace import Floats
from simulator.network import Activity, Network, Queue
from simulator.studies import shared_pool
from simulator.studies.shared_pool import DAY_S, Traffic


def exponential(names: tuple[str, ...], count: int) -> Floats:
    """Mean 1."""
    return -np.log(uniforms(SEED, names, count))


def lognormal(names: tuple[str, ...], count: int) -> Floats:
    """Mean 1, sigma 0.5."""
    return np.exp(0.5 * normals(SEED, names, count) - 0.125)


def fixed(names: tuple[str, ...], count: int) -> Floats:  # noqa: ARG001 - the laws' signature
    """Always 1."""
    return np.ones(count)


@dataclass(frozen=True, slots=True)
class Line:
    """A queue: its name as theory writes it, servers, load per server, law, and the published mean wait."""

    name: str
    servers: int
    load: float
    law: Callable[[tuple[str, ...], int], Floats]
    wait: float


# M/M/7 at 0.8 has a published probability of waiting, 0.485938, as well; percentiles are the formula's.
LINES = (
    Line("M/M/7", 7, 0.8, exponential, 0.347098),
    Line("M/M/7", 7, 0.9, exponential, 1.028510),
    Line("M/D/7", 7, 0.8, fixed, 0.183361),
    Line("M/D/7", 7, 0.9, fixed, 0.526556),
    Line("M/D/1", 1, 0.8, fixed, 2.0),
    Line("M/LN(0.5)/1", 1, 0.8, lognormal, 2.568051),
)
WAITS = 0.485938


def waits(line: Line, runs: int, jobs: int, engine: str) -> list[Floats]:
    """The waits of every run of about so many jobs, in units of the mean service.

    A run is a day, and the unit such that the load is right. The warm-up is a fifth of a run. At load
    0.9 and 12,000 jobs that is 2,400 jobs, seven times the 340 that come within a relaxation
    time, 1 / (c (1 - sqrt(load))^2) = 54 units: what is left of the empty start is a thousandth.
    """
    one = Network((Activity("job", (), 0, (1,)),), (Queue("build", ("slots",), (line.servers,)),))
    unit_s = line.servers * line.load * DAY_S / jobs
    found = []
    for run in range(runs):
        start_s = shared_pool.starts(Traffic(jobs), 1, SEED, run)
        crowd = shared_pool.crowd(one, len(start_s))
        service = line.law(("open", line.name, f"{line.load}", str(run)), len(start_s))
        waited = shared_pool.simulate(crowd, start_s, service[None] * unit_s, engine=engine)
        found.append(waited.wait_s[0, start_s >= DAY_S / 5] / unit_s)
    return found


def line_claims(line: Line, runs: int, jobs: int, engine: str = "auto") -> Iterator[Claim]:
    """The mean wait; for M/M/c the probability of waiting and percentiles as well."""
    found = waits(line, runs, jobs, engine)
    what = f"{line.name} at {line.load}"
    yield claims.cluster_mean(f"{what}: wait", found, line.wait)
    if line.law is not exponential:
        return
    waited = [(cluster > 0).astype(float) for cluster in found]
    chance = queueing.erlang_c(line.servers, line.load)
    yield claims.cluster_mean(f"{what}: P(wait)", waited, chance)
    for probability in (0.9, 0.95):
        expected = queueing.mmc_wait_quantile(line.servers, line.load, probability)
        yield claims.cluster_percentile(
            f"{what}: P{probability * 100:.0f} of the wait", found, probability, expected
        )
