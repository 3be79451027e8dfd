"""What an engine gives: when every activity of every replication started and finished.

The contract of all engines is `simulate(network, durations_s) -> Trace`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """Start and finish times in seconds on one absolute clock that begins at 0.

    Both have the shape (activities, replications), and `finish_s` is
    `start_s + duration` exactly, in floating point too.
    """

    start_s: Floats
    finish_s: Floats

    @property
    def makespan_s(self) -> Floats:
        """When the last activity finished, per replication; 0 where there is none."""
        return np.asarray(self.finish_s.max(axis=0, initial=0.0), dtype=np.float64)
