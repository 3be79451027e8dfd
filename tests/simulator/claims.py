"""What the validation claims, and the rules by which a claim holds.

Tests assert claims, docs/validation.py prints them: one source for both. The
rules are stated once here; seeds are fixed, and chosen before looking.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from simulator.engines.trace import Floats
from simulator.statistics import clusters
from simulator.statistics.quantiles import quantile

SEED = 1
# The confidence of 3 standard errors of a normal estimate.
THREE_SIGMA = 0.9973

MEAN = "within 3 sigma"
QUANTILE = "inside its 99.73 % order-statistic interval"
CLUSTER_MEAN = "inside its 99.73 % t interval over runs"
CLUSTER_QUANTILE = "inside its 99.73 % interval over runs"
EXACT = "equal"
_MEASURED = Path(__file__).resolve().parents[1] / "e2e" / "measured"


@dataclass(frozen=True, slots=True)
class Claim:
    """One comparison: what, by which rule, the number that is not ours, and ours."""

    what: str
    rule: str
    expected: str
    found: str
    holds: bool


def mean(what: str, values: Floats, expected: float) -> Claim:
    """The mean of independent values within 3 standard errors."""
    found = float(values.mean())
    sigma = float(values.std(ddof=1)) / math.sqrt(len(values))
    return Claim(what, MEAN, f"{expected:.6g}", _and(found, sigma), abs(found - expected) <= 3 * sigma)


def variance(what: str, values: Floats, expected: float) -> Claim:
    """The mean of squared deviations within 3 standard errors."""
    return mean(what, (values - values.mean()) ** 2, expected)


def percentile(what: str, values: Floats, probability: float, expected: float) -> Claim:
    """A quantile inside its order-statistic interval."""
    found = quantile(values, probability, THREE_SIGMA)
    assert found.low_s is not None
    assert found.high_s is not None
    told = f"{found.value_s:.6g} ({found.low_s:.5g} to {found.high_s:.5g})"
    holds = found.low_s <= expected <= found.high_s
    return Claim(what, QUANTILE, f"{expected:.6g}", told, holds)


def cluster_mean(what: str, values: Sequence[Floats], expected: float) -> Claim:
    """The mean of values that depend on each other within a run."""
    found = clusters.mean(values, THREE_SIGMA)
    assert found.low is not None
    assert found.high is not None
    told = f"{found.value:.6g} ({found.low:.5g} to {found.high:.5g})"
    return Claim(what, CLUSTER_MEAN, f"{expected:.6g}", told, found.low <= expected <= found.high)


def cluster_percentile(what: str, values: Sequence[Floats], probability: float, expected: float) -> Claim:
    """A quantile of values that depend on each other within a run."""
    found = clusters.quantile(values, probability, THREE_SIGMA)
    assert found.low_s is not None
    assert found.high_s is not None
    told = f"{found.value_s:.6g} ({found.low_s:.5g} to {found.high_s:.5g})"
    holds = found.low_s <= expected <= found.high_s
    return Claim(what, CLUSTER_QUANTILE, f"{expected:.6g}", told, holds)


def equal(what: str, found: float, expected: float) -> Claim:
    """The very same number."""
    return Claim(what, EXACT, f"{expected:.15g}", f"{found:.15g}", found == expected)


def _and(value: float, sigma: float) -> str:
    return f"{value:.6g} (sigma {sigma:.2g})"


def broken(claims: Sequence[Claim]) -> list[Claim]:
    """Those that do not hold: what a test asserts to be empty."""
    return [claim for claim in claims if not claim.holds]


def measured(kind: str) -> list[Claim]:
    """What end-to-end tests measured with real clocks and recorded, in the order of its names."""
    return [Claim(**claim) for _, claim in sorted(_read(kind).items())]


def record(kind: str, name: str, claim: Claim) -> None:
    """Keep a measurement; one process at a time per kind."""
    _MEASURED.mkdir(exist_ok=True)
    found = {**_read(kind), name: asdict(claim)}
    text = json.dumps(dict(sorted(found.items())), indent=2, ensure_ascii=False)
    (_MEASURED / f"{kind}.json").write_text(text + "\n", encoding="utf-8")


def _read(kind: str) -> dict[str, dict[str, Any]]:
    path = _MEASURED / f"{kind}.json"
    if not path.is_file():
        return {}
    found: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return found
