"""What an engine gives: when every activity of every replication started, finished, and how it ended.

The contract of all engines is `simulate(network, durations_s, fails) -> Trace`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Outcome(IntEnum):
    """How an activity ended in one replication."""

    DONE = 0
    FAILED = 1
    CANCELLED = 2
    NEVER = 3


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """Start and finish times in seconds on one absolute clock that begins at 0.

    Both have the shape (activities, replications); NaN where the activity
    never started. Where an activity is done, stands in no link and took no
    ready builder, `finish_s` is `start_s + duration` exactly, in floating point
    too. `outcome` has the same shape and holds `Outcome`s; None means that
    everything is done.
    """

    start_s: Floats
    finish_s: Floats
    outcome: NDArray[np.uint8] | None = None

    @property
    def makespan_s(self) -> Floats:
        """When the last activity ended, per replication; 0 where there is none."""
        if self.outcome is None:
            return np.asarray(self.finish_s.max(axis=0, initial=0.0), dtype=np.float64)
        ended = np.where(np.isnan(self.finish_s), 0.0, self.finish_s)
        return np.asarray(ended.max(axis=0, initial=0.0), dtype=np.float64)

    @property
    def failed(self) -> Flags:
        """Per replication, whether anything failed: then the makespan is the time until all stood still."""
        if self.outcome is None:
            return np.zeros(self.finish_s.shape[1], dtype=np.bool_)
        return np.asarray((self.outcome == Outcome.FAILED).any(axis=0))
