"""A scenario: what a simulation assumes of the world beside the plan.

Owns the settings and their defaults. What a spec says (strategy, limits, pool,
estimates) is in the plan and not here: a scenario file changes it by changing
the spec before it is lowered. Knows no file format, no network and no seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from simulator.laws import Law
from simulator.network import Policy

DEFAULT_CORRELATION = 0.3
IMAGE_BYTES = 200_000_000
NODE_START = Law(90.0, 0.3)


@dataclass(frozen=True, slots=True)
class Builders:
    """Builder nodes that start on demand, one build each.

    `warm` of them are there when the pipeline starts, at most `maximum` at any
    time (None: as many as there are build slots); `start` is how long one takes
    to come up. One that came up stays until the pipeline ends.
    """

    warm: int = 0
    maximum: int | None = None
    start: Law = NODE_START


@dataclass(frozen=True, slots=True)
class Registry:
    """The mirroring registry. One connection moves `connection` bytes a second.

    All connections together (pushes, copies, pulls) move `bandwidth` bytes a
    second; None: nobody knows it, and no transfer slows another down.
    """

    connection_bytes_s: float = 20_000_000.0
    bandwidth_bytes_s: float | None = None


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where pods run.

    With `nodes`, pods go to nodes in turn and a node pulls one image at a time
    (the kubelet's `serializeImagePulls`, on by default); None: no pull waits
    for another. `pull_bytes_s` is what a node pulls and unpacks a second;
    `warm` the probability that the node has the image. `first_install` means
    that nothing is deployed yet: all replicas start at once instead of in
    turns of a rolling update.
    """

    nodes: int | None = None
    pull_bytes_s: float = 20_000_000.0
    warm: float = 0.0
    first_install: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """Of one kind of task: the probability that an attempt fails, and how often it is tried again.

    `retries` None means what the plan says.
    """

    probability: float = 0.0
    retries: int | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """All settings of a simulation.

    `failures` are by kind of task: "check", "build", "mirror", "deploy", "job".
    `laws` replace defaults by (term, what it is about), as in
    `durations.DEFAULTS`; about "any" is for all. `image_bytes` are sizes by service where they differ
    from `IMAGE_BYTES`.
    """

    name: str = "base"
    build_policy: Policy = Policy.FIFO
    deploy_policy: Policy = Policy.FIFO
    builders: Builders | None = None
    registry: Registry = Registry()
    cluster: Cluster = Cluster()
    failures: Mapping[str, Failure] = field(default_factory=dict)
    laws: Mapping[tuple[str, str], Law] = field(default_factory=dict)
    image_bytes: Mapping[str, int] = field(default_factory=dict)
    correlation: float = DEFAULT_CORRELATION
