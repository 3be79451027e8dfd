"""How Kubernetes brings the pods of one deployment up: in how many turns, and which probes say when.

Takes a workload of the plan, gives counts and settings. Knows no law, no draw
and no clock. The rules are those of Kubernetes' sources, named where they are used.
"""

from __future__ import annotations

from dataclasses import dataclass

from compiler.plan.model import Probe, Rollout, Workload

# What our chart for databases asks an engine that has no readiness probe of its own.
_ENGINE_PROBE = Probe("exec", period_s=5, failure_threshold=6)


@dataclass(frozen=True, slots=True)
class Readiness:
    """What stands between the start of containers and the readiness of the last pod.

    Without a probe a container is ready when it runs. `turns` is how many sets
    of pods come one after another.
    """

    startup: Probe | None = None
    readiness: Probe | None = None
    turns: int = 1

    @property
    def probed(self) -> bool:
        """Whether anything asks the application, so that its boot is waited for."""
        return self.startup is not None or self.readiness is not None


def readiness(workload: Workload, *, first_install: bool) -> Readiness:
    """How the pods of a workload get ready."""
    probe = workload.readiness
    if probe is None and workload.database is not None:
        probe = _ENGINE_PROBE
    return Readiness(workload.startup, probe, turns(workload, first_install=first_install))


def turns(workload: Workload, *, first_install: bool) -> int:
    """How many times a workload starts pods and waits until they are ready; 0 when it has none.

    A rolling update replaces maxSurge + maxUnavailable pods at a time: so many
    may be new before one of them is ready. A StatefulSet's update goes pod by pod
    (its pod management policy does not matter for that). Pods that nothing stands in
    the way of, as our charts ask for them (`podManagementPolicy: Parallel`), start all at once.
    """
    replicas = workload.replicas.minimum
    if workload.replicas.maximum > replicas and not workload.volumes:
        replicas = max(1, replicas)
    if replicas <= 0:
        return 0
    if first_install:
        return 1
    if workload.stateful:
        return replicas
    if workload.rollout.strategy != "rolling":
        return 1
    return -(-replicas // sum(fenceposts(workload.rollout, replicas)))


def fenceposts(rollout: Rollout, replicas: int) -> tuple[int, int]:
    """How many pods may be too many and how many may be missing during a rolling update.

    Kubernetes rounds shares of the replicas up for maxSurge and down for
    maxUnavailable; when both come to 0 it lets one be missing
    (`ResolveFenceposts` of its deployment controller).

    Raises:
        ValueError: one of the two is neither a count nor a share in per cent.
    """
    surge = _scaled(rollout.max_surge, replicas, up=True)
    missing = _scaled(rollout.max_unavailable, replicas, up=False)
    return (surge, missing) if surge or missing else (0, 1)


def _scaled(text: str, replicas: int, *, up: bool) -> int:
    """A count as it is, a share of the replicas rounded (`GetScaledValueFromIntOrPercent`)."""
    number = text.removesuffix("%")
    if not (number.isascii() and number.isdecimal() and len(number) <= 10):
        raise ValueError(f"a rollout's maxSurge and maxUnavailable are counts or shares, not {text}")
    if number == text:
        return int(number)
    hundredths = int(number) * replicas
    return -(-hundredths // 100) if up else hundredths // 100
