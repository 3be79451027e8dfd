"""When the kubelet finds pods ready.

Takes how the pods of a deployment get ready and when their containers start and
answer, gives how long that takes. Draws nothing.

The kubelet starts to look at a pod when it takes it up, before it pulls, and
from then on every period (`worker.run` and `doProbe` of its prober): what a
probe finds, it finds at a multiple of its period. No probe counts before its
initial delay has passed since the container's start, and a readiness probe not before the
startup probe has succeeded; that success makes it look at once. All pods of a
deployment are of one image: they start and answer alike, so that the turns of an
update differ only in the pull, which the first one makes.
"""

from __future__ import annotations

import numpy as np

from compiler.plan.model import Probe
from simulator.engines.trace import Floats
from simulator.modelling.rollout import Readiness


def wait_s(how: Readiness, pull_s: Floats, start_s: Floats, boot_s: Floats) -> Floats:
    """Seconds from the first container's start to the last pod's readiness, per replication.

    `pull_s` and `start_s` come before it, `boot_s` is how long the application
    takes until it answers.
    """
    running_s = pull_s + start_s
    result = _found_s(how, running_s, boot_s) - running_s
    if how.turns > 1:
        result += (how.turns - 1) * _found_s(how, start_s, boot_s)
    return result


def _found_s(how: Readiness, running_s: Floats, boot_s: Floats) -> Floats:
    """When a pod is ready, counted from when the kubelet took it up; its container starts at `running_s`."""
    if how.startup is not None:
        started_s = _look_s(how.startup, running_s, boot_s)
        if how.readiness is None:
            return started_s
        delay_s = how.readiness.initial_delay_s
        later_s = _tick_s(how.readiness, running_s + delay_s)
        found_s = np.where(running_s + delay_s <= started_s, started_s, later_s)
        return _again_s(how.readiness, found_s)
    if how.readiness is None:
        return running_s.copy()
    return _again_s(how.readiness, _look_s(how.readiness, running_s, boot_s))


def _look_s(probe: Probe, running_s: Floats, boot_s: Floats) -> Floats:
    """When a probe succeeds first. The first look is at the container's start, for who needs no time."""
    after_s = np.maximum(boot_s, probe.initial_delay_s)
    return np.where(after_s > 0, _tick_s(probe, running_s + after_s), running_s)


def _tick_s(probe: Probe, at_s: Floats) -> Floats:
    """The first look at `at_s` or after."""
    return np.asarray(np.ceil(at_s / _period_s(probe)) * _period_s(probe), dtype=np.float64)


def _again_s(probe: Probe, found_s: Floats) -> Floats:
    """When as many looks in a row have succeeded as it takes; the first did at `found_s`."""
    more = probe.success_threshold - 1
    if more <= 0:
        return found_s
    return np.asarray((np.floor(found_s / _period_s(probe)) + more) * _period_s(probe), dtype=np.float64)


def _period_s(probe: Probe) -> int:
    """Kubernetes takes 0 for its default."""
    return probe.period_s or 10
