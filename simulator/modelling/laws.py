"""Laws of durations: lognormal, by median and spread, and where they come from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

# The standard normal's 90 % quantile: what turns a P90 into a sigma.
Z90 = 1.2815515655446004
# Thirty years: no duration is longer, whatever spread an estimate claims, so that sums stay finite.
LONGEST_S = 1e9

Source = Literal["assumed", "scenario", "estimate", "measured", "dockerfile"]


@dataclass(frozen=True, slots=True)
class Law:
    """A lognormal law: the median in seconds and the standard deviation of the logarithm.

    `sigma` 0 means always the median. `source` says where the median comes
    from, `spread_source` where sigma does: "dockerfile" is what the steps of a build usually take.
    """

    median_s: float
    sigma: float
    source: Source = "assumed"
    spread_source: Source = "assumed"

    def __post_init__(self) -> None:
        if not 0 <= self.median_s <= LONGEST_S:
            raise ValueError(f"a median duration is between 0 and {LONGEST_S:g} s, not {self.median_s}")
        if not (math.isfinite(self.sigma) and self.sigma >= 0):
            raise ValueError(f"a sigma is finite and not negative, not {self.sigma}")

    @property
    def fixed(self) -> bool:
        """Whether every draw is the median."""
        return self.sigma == 0 or self.median_s == 0

    @property
    def p90_s(self) -> float:
        """The 90 % quantile in seconds."""
        return min(self.median_s * math.exp(min(self.sigma * Z90, 100.0)), LONGEST_S)
