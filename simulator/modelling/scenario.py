"""A scenario: what a simulation assumes of the world beside the plan.

Owns the settings and their defaults. What a spec says (strategy, limits, pool,
estimates) is in the plan and not here: a scenario file changes it by changing
the spec before it is lowered. Knows no file format, no network and no seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from simulator.modelling.defaults import DEFAULTS
from simulator.modelling.laws import Law
from simulator.network import Policy

DEFAULT_CORRELATION = 0.3
FAILURE_KINDS = ("check", "build", "mirror", "deploy", "job")
IMAGE_BYTES = 200_000_000
# So that no time and no ratio of two speeds is out of range.
SLOWEST_BYTES_S = 1.0
FASTEST_BYTES_S = 1e15
NODE_START = DEFAULTS["builder", "any"].law


def _check_speed(what: str, bytes_s: float) -> None:
    if not SLOWEST_BYTES_S <= bytes_s <= FASTEST_BYTES_S:
        raise ValueError(
            f"{what} moves between {SLOWEST_BYTES_S:g} and {FASTEST_BYTES_S:g} bytes a second, not {bytes_s}"
        )


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

    def __post_init__(self) -> None:
        if self.warm < 0 or (self.maximum is not None and self.maximum < 1):
            raise ValueError("there is at least one builder at most, and none or more are warm")


@dataclass(frozen=True, slots=True)
class Registry:
    """The mirroring registry. One connection moves `connection` bytes a second.

    All connections together (pushes, copies, pulls) move `bandwidth` bytes a
    second; None: nobody knows it, and no transfer slows another down.
    """

    connection_bytes_s: float = 20_000_000.0
    bandwidth_bytes_s: float | None = None

    def __post_init__(self) -> None:
        _check_speed("a connection to the registry", self.connection_bytes_s)
        if self.bandwidth_bytes_s is not None:
            _check_speed("the registry", self.bandwidth_bytes_s)


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

    def __post_init__(self) -> None:
        if self.nodes is not None and self.nodes < 1:
            raise ValueError(f"a cluster has at least one node, not {self.nodes}")
        if not 0 <= self.warm <= 1:
            raise ValueError(f"a node has the image with a probability between 0 and 1, not {self.warm}")
        _check_speed("a node that pulls", self.pull_bytes_s)


@dataclass(frozen=True, slots=True)
class Failure:
    """Of one kind of task: the probability that an attempt fails, and how often it is tried again.

    `retries` None means what the plan says.
    """

    probability: float = 0.0
    retries: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"a probability is between 0 and 1, not {self.probability}")
        if self.retries is not None and self.retries < 0:
            raise ValueError(f"nothing is tried again {self.retries} times")


@dataclass(frozen=True, slots=True)
class Scenario:
    """All settings of a simulation.

    `failures` are by kind of task: "check", "build", "mirror", "deploy", "job"
    (a deployment that runs a job). `laws` replace defaults by (term, what it is
    about), as in `defaults.DEFAULTS`; about "any" is for all that nothing else
    is said of. A law of a transfer goes before speeds and sizes. `image_bytes` are sizes by service
    where they differ from `IMAGE_BYTES`.

    Raises:
        ValueError: a setting makes no sense; the message is fit for a user.
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

    def __post_init__(self) -> None:
        if not 0 <= self.correlation <= 1:
            raise ValueError(f"the correlation must be between 0 and 1, not {self.correlation}")
        for kind in self.failures:
            if kind not in FAILURE_KINDS:
                raise ValueError(f"tasks that fail are of a kind {', '.join(FAILURE_KINDS)}, not {kind}")
        for service, size in self.image_bytes.items():
            if size < 0:
                raise ValueError(f"the image of {service} cannot have {size} bytes")
