"""Numbers that do not come from this project, through every engine that covers them.

The rules are in `claims`: a mean within 3 standard errors, a quantile inside
its order-statistic interval of the same confidence. The seed is fixed, and was not looked for.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import closed_forms
from claims import broken
from closed_forms import CASES, Case
from sim_networks import matrix, networks
from sim_plans import slots_network
from simulator import engines
from simulator.forecasting.critical import busy, critical_path_bound
from simulator.network import Network

# Bit-equal engines agree on fewer replications as well: the slow one has fewer.
RUNS = {"numpy": 20_000, "events": 2_000, "simpy": 1_000}


@pytest.fixture(params=list(engines.ENGINES))
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_published_numbers_are_those_of_the_formulas() -> None:
    assert not broken(list(closed_forms.formula_claims()))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_hypoexponential_makespans(case: Case, engine: str) -> None:
    runs = RUNS[engine] * (5 if case.count == 7 else 1)
    assert not broken(list(closed_forms.hypoexponential_claims(case, engine, runs)))


def test_lognormal_maximum_when_there_are_slots_for_all(engine: str) -> None:
    assert not broken(list(closed_forms.lognormal_claims(engine, RUNS[engine] * 5)))


def test_deterministic_waves(engine: str) -> None:
    assert not broken(list(closed_forms.deterministic_claims(engine)))


def test_every_engine_covers_plain_slots() -> None:
    assert closed_forms.covering(slots_network([50], 7)) == tuple(engines.ENGINES)


@settings(max_examples=100)
@given(networks(), st.data())
def test_bounds_and_busy_time_on_random_networks(network: Network, data: st.DataObject) -> None:
    drawn = matrix(data, len(network.activities))
    for engine in closed_forms.covering(network):
        trace = engines.simulate(network, drawn, engine=engine)
        # The bounds add up in another order than the clock: allow its rounding.
        room = trace.makespan_s * (1 + 1e-12)
        assert (critical_path_bound(network, drawn) <= room).all()
        assert (trace.makespan_s <= drawn.sum(axis=0) * (1 + 1e-12)).all()
        for each in busy(network, trace):
            if each.capacity:
                assert (each.amount_s / each.capacity <= room).all()
        worked = (trace.finish_s - trace.start_s).sum(axis=0)
        np.testing.assert_allclose(worked, drawn.sum(axis=0), rtol=1e-12, atol=1e-12)
