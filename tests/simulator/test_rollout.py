"""Turns and probes by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from compiler.plan.model import Probe, Replicas, Resources, Rollout, ServiceType, Volume, Workload
from simulator.drawing.probes import wait_s
from simulator.modelling.rollout import Readiness, fenceposts, readiness, turns


def workload(count: int, surge: str = "25%", missing: str = "25%", **more: Any) -> Workload:
    fields: dict[str, Any] = {
        "replicas": Replicas(count, count),
        "rollout": Rollout("rolling", surge, missing),
    }
    return Workload(
        service="web",
        type=ServiceType.APPLICATION,
        stage="s",
        release="web",
        timeout_s=600,
        resources=Resources(500, 512_000_000),
        **(fields | more),
    )


@pytest.mark.parametrize(
    ("replicas", "missing", "surge", "expected"),
    [
        # The examples beside ResolveFenceposts in Kubernetes' pkg/controller/deployment/util: "2 desired,
        # max unavailable 1%, surge 0% - should scale old(-1), then new(+1), then old(-1), then new(+1)" ...
        (2, "1%", "0%", (0, 1)),
        (1, "1%", "0%", (0, 1)),
        (2, "25%", "1%", (1, 0)),
        (1, "25%", "1%", (1, 0)),
        (2, "0%", "1%", (1, 0)),
        (1, "0%", "1%", (1, 0)),
        # 25 % of 10 are 2.5: up is 3, down is 2; counts are what they are.
        (10, "25%", "25%", (3, 2)),
        (10, "4", "0", (0, 4)),
        (3, "100%", "0%", (0, 3)),
    ],
)
def test_kubernetes_rounds_surges_up_and_what_is_missing_down(
    replicas: int, missing: str, surge: str, expected: tuple[int, int]
) -> None:
    assert fenceposts(Rollout("rolling", surge, missing), replicas) == expected


@pytest.mark.parametrize(
    ("replicas", "expected"), [(0, 0), (1, 1), (2, 2), (3, 3), (4, 2), (5, 2), (8, 2), (9, 2), (10, 2)]
)
def test_turns_of_the_default_rolling_update(replicas: int, expected: int) -> None:
    """E.g. 3: one more may be there, none may be missing, so one by one; 4: one and one, so two by two."""
    assert turns(workload(replicas), first_install=False) == expected


def test_turns_of_other_ways() -> None:
    assert turns(workload(7, "0", "1"), first_install=False) == 7
    assert turns(workload(7, "100%", "0"), first_install=False) == 1
    assert turns(workload(7, rollout=Rollout("recreate")), first_install=False) == 1
    assert turns(workload(7), first_install=True) == 1
    volume = Volume("data", 1, "/data")
    assert turns(workload(3, volumes=(volume,)), first_install=False) == 3
    assert turns(workload(3, volumes=(volume,)), first_install=True) == 1
    assert turns(workload(4, replicas=Replicas(0, 9)), first_install=False) == 1


@pytest.mark.parametrize("text", ["", "%", "-1", "1.5", "25%%", "²", "9" * 40])
def test_rollouts_that_kubernetes_would_refuse(text: str) -> None:
    with pytest.raises(ValueError, match="maxSurge"):
        turns(workload(3, surge=text), first_install=False)


def test_probes_are_the_workloads() -> None:
    probe = Probe("tcp", port=1)
    found = readiness(workload(1, readiness=probe, startup=probe), first_install=False)
    assert found == Readiness(probe, probe, 1)
    assert found.probed
    assert not readiness(workload(1, liveness=probe), first_install=False).probed


def probe(delay: int = 0, period: int = 10, successes: int = 1) -> Probe:
    return Probe("tcp", port=1, initial_delay_s=delay, period_s=period, success_threshold=successes)


@pytest.mark.parametrize(
    ("how", "pull", "start", "boot", "expected"),
    [
        # Without a probe a container is ready when it runs, whatever the application does.
        (Readiness(), 7, 2, 12, 0),
        # Looks at 0, 10, 20, 30 since the kubelet took the pod up; the container runs at 9, answers at 21.
        (Readiness(None, probe()), 7, 2, 12, 21),
        # Answers at 20, when there is a look.
        (Readiness(None, probe()), 7, 2, 11, 11),
        (Readiness(None, probe(period=3)), 7, 2, 12, 12),
        # Not before 9 + 30 = 39: at 40.
        (Readiness(None, probe(delay=30)), 7, 2, 12, 31),
        # The boot is longer than the delay: at 9 + 35 = 44, found at 50.
        (Readiness(None, probe(delay=30)), 7, 2, 35, 41),
        # Found at 30, 40 and 50.
        (Readiness(None, probe(successes=3)), 7, 2, 12, 41),
        # Who needs no time is found at the container's start, and again at the next looks, 10 and 20.
        (Readiness(None, probe()), 7, 2, 0, 0),
        (Readiness(None, probe(successes=3)), 7, 2, 0, 11),
        # The startup probe's looks are at 24 (3 * 8); its success makes the readiness probe look at once.
        (Readiness(probe(period=8), probe()), 7, 2, 12, 15),
        (Readiness(probe(period=8), None), 7, 2, 12, 15),
        # ... unless the delay of that is not over: 9 + 20 = 29, so at 30.
        (Readiness(probe(period=8), probe(delay=20)), 7, 2, 12, 21),
        # ... and once more at 30.
        (Readiness(probe(period=8), probe(successes=2)), 7, 2, 12, 21),
        # Two more turns without a pull: each starts at 2, answers at 14, is found at 20.
        (Readiness(None, probe(), 3), 7, 2, 12, 21 + 2 * 20),
        (Readiness(None, None, 3), 7, 2, 12, 2 * 2),
    ],
)
def test_readiness_by_hand(how: Readiness, pull: float, start: float, boot: float, expected: float) -> None:
    found = wait_s(how, *(np.array([each], dtype=float) for each in (pull, start, boot)))
    assert found.tolist() == [expected]


def test_kubernetes_takes_no_period_for_its_default() -> None:
    found = wait_s(Readiness(None, probe(period=0)), *(np.array([each]) for each in (0.0, 1.0, 2.0)))
    assert found.tolist() == [9.0]
