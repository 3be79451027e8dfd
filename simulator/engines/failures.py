"""What a failure makes of a schedule in which nothing fails.

Takes a trace without failures and says which activities fail; gives the trace
that the rules of `reference` would have led to: before the first failure nothing
is different, and after it no task starts. Exact where there are no links and no
activity that continues another stands in a queue, as then what goes on does
so as before. Knows no durations.
"""

from __future__ import annotations

import numpy as np

from simulator.engines.prepared import heads
from simulator.engines.trace import Flags, Floats, Outcome, Trace
from simulator.network import Network


def truncate(network: Network, trace: Trace, fails: Flags) -> Trace:
    """The trace with the failures `fails`, of the shape (activities, replications).

    What belongs to a task that would start at the first failing finish or later never starts,
    but for what fails at that instant itself. The first failure of a task with a place
    in a queue that kills ends all running tasks with such a place. What continues an
    activity that failed or was ended never starts.
    """
    start_s, finish_s = trace.start_s.copy(), trace.finish_s.copy()
    outcome = np.where(fails, Outcome.FAILED, Outcome.DONE).astype(np.uint8)
    stop_s = _earliest(finish_s, fails)
    first = heads(network)
    begun_s = start_s if first == list(range(len(first))) else start_s[first]
    never = (begun_s >= stop_s) & ~(fails & (finish_s == stop_s))
    killing = np.flatnonzero(_killing(network))
    kill_s = _earliest(finish_s[killing], fails[killing] & ~never[killing])
    cancelled = np.zeros_like(never)
    cancelled[killing] = ~never[killing] & (finish_s[killing] > kill_s)
    cut = (fails & ~never) | cancelled
    for index in network.order:
        before = network.activities[index].continues
        if before is not None:
            never[index] |= cut[before]
            cut[index] |= cut[before]
    cancelled &= ~never
    finish_s = np.where(cancelled, kill_s, finish_s)
    outcome[cancelled] = Outcome.CANCELLED
    outcome[never] = Outcome.NEVER
    start_s[never] = finish_s[never] = np.nan
    return Trace(start_s, finish_s, outcome)


def _earliest(finish_s: Floats, chosen: Flags) -> Floats:
    """The earliest chosen finish per replication, infinite where there is none."""
    return np.asarray(np.where(chosen, finish_s, np.inf).min(axis=0, initial=np.inf), dtype=np.float64)


def _killing(network: Network) -> list[bool]:
    """Per activity, whether its task has a place in a queue that kills while the activity runs."""
    now = [False] * len(network.activities)
    still = now.copy()
    for index in network.order:
        activity = network.activities[index]
        queue = None if activity.queue is None else network.queues[activity.queue]
        still[index] = activity.continues is not None and still[activity.continues]
        now[index] = still[index] or (queue is not None and queue.kills)
        still[index] |= queue is not None and queue.kills and queue.held
    return now
