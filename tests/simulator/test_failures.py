from __future__ import annotations

import numpy as np

from simulator.engines import slots
from simulator.engines.trace import Outcome
from simulator.network import Activity, Network, Queue

# Two build slots that kill, one deployment slot that does not; 3 waits for a slot, 5 for builds.
NETWORK = Network(
    (
        Activity("build a", (), 0, (1,)),
        Activity("build b", (), 0, (1,)),
        Activity("build c", (), 0, (1,)),
        Activity("mirror d", (), 1, (1,)),
        Activity("mirror e", (), 1, (1,)),
        Activity("deploy a", (0, 1, 2), 1, (1,)),
    ),
    (Queue("build", ("slots",), (2,), kills=True), Queue("deploy", ("slots",), (1,))),
)
DURATIONS_S = np.array([[3.0], [10.0], [4.0], [6.0], [2.0], [1.0]])
DONE, FAILED, CANCELLED, NEVER = Outcome


def outcomes(*failing: int) -> tuple[list[int], list[float | None]]:
    """How each ended, and when."""
    fails = np.zeros(DURATIONS_S.shape, dtype=bool)
    fails[list(failing)] = True
    trace = slots.simulate(NETWORK, DURATIONS_S, fails)
    assert trace.outcome is not None
    ends = [None if each != each else each for each in trace.finish_s[:, 0].tolist()]
    return trace.outcome[:, 0].tolist(), ends


def test_a_failed_build_kills_the_running_ones_and_lets_a_copy_finish() -> None:
    ended, ends = outcomes(0)
    assert ended == [FAILED, CANCELLED, NEVER, DONE, NEVER, NEVER]
    assert ends == [3, 3, None, 6, None, None]


def test_a_failed_copy_lets_what_runs_finish() -> None:
    ended, ends = outcomes(3)
    assert ended == [DONE, DONE, DONE, FAILED, NEVER, NEVER]
    assert ends == [3, 10, 7, 6, None, None]


def test_a_build_that_fails_after_the_first_failure_still_kills() -> None:
    ended, ends = outcomes(2, 3)
    assert ended == [DONE, CANCELLED, FAILED, FAILED, NEVER, NEVER]
    assert ends == [3, 7, 7, 6, None, None]


def test_what_would_fail_later_than_it_is_killed_is_cancelled() -> None:
    assert outcomes(0, 1)[0] == [FAILED, CANCELLED, NEVER, DONE, NEVER, NEVER]


def test_no_failure_at_all() -> None:
    assert outcomes()[0] == [DONE] * 6
    assert outcomes()[1] == [3, 10, 7, 6, 8, 11]
