"""What every engine asks of its input, checked in one place."""

from __future__ import annotations

import numpy as np

from simulator.engines.trace import Flags, Floats
from simulator.network import Network


def checked(network: Network, durations_s: Floats, fails: Flags | None) -> tuple[Floats, Flags | None]:
    """Durations and failures as arrays of the shape (activities, replications).

    Raises:
        ValueError: a shape does not fit, or a duration is negative, infinite or not a number.
    """
    durations_s = np.asarray(durations_s, dtype=np.float64)
    count = len(network.activities)
    if durations_s.ndim != 2 or durations_s.shape[0] != count:
        raise ValueError(f"durations have the shape {durations_s.shape}, not ({count}, replications)")
    # Not a number is neither below nor above anything; minimum and maximum hand it on.
    if durations_s.size and not (durations_s.min() >= 0 and durations_s.max() < np.inf):
        raise ValueError("durations must be finite and not negative")
    if fails is not None:
        fails = np.asarray(fails, dtype=np.bool_)
        if fails.shape != durations_s.shape:
            raise ValueError(f"failures have the shape {fails.shape}, durations {durations_s.shape}")
    return durations_s, fails
