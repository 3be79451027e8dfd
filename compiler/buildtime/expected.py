"""How long a rebuild takes on average: the mean, over builds, of the longest path through the steps that ran.

Takes a graph, a time per step and which steps ran in which builds, gives
seconds. Steps that do not need each other run at the same time, as BuildKit does it
(one build's steps are taken to have all the processors that they want).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from compiler.buildtime.defaults import DEFAULTS, SPEEDS
from compiler.buildtime.durations import StepTime
from compiler.layers.model import BuildGraph, Replay, StepKind


def expected_s(graph: BuildGraph, times: Sequence[StepTime], replay: Replay) -> float:
    """The mean time of the builds in a replay in seconds, overheads included; 0.0 without builds.

    The longest path is that of the steps' means: a little less than the mean of the longest path.
    """
    if not replay.missed:
        return 0.0
    layers = image_layers(graph)
    constant = start_s(times) + DEFAULTS["overhead", "finish"].median_s
    total = 0.0
    for ran, builds in Counter(replay.missed).items():
        took = longest_s(graph, times, ran) + sum(layer_s(times[step]) for step in ran if step in layers)
        total += builds * (constant + took)
    return total / len(replay.missed)


def longest_s(graph: BuildGraph, times: Sequence[StepTime], ran: Iterable[int]) -> float:
    """The longest path through the steps that ran, by their means; the others take no time."""
    running = frozenset(ran)
    ends: list[float] = []
    for step in graph.steps:
        begin = max((ends[need] for need in step.needs), default=0.0)
        ends.append(begin + (times[step.index].mean_s if step.index in running else 0.0))
    return max(ends, default=0.0)


def image_layers(graph: BuildGraph) -> frozenset[int]:
    """The steps whose layers are in the image: those of the target and of the stages that it is FROM."""
    stages = graph.dockerfile.stages
    lineage: set[int] = set()
    at: int | None = graph.target
    while at is not None and 0 <= at < len(stages) and at not in lineage:
        lineage.add(at)
        at = stages[at].parent
    return frozenset(
        step.index for step in graph.steps if step.stage in lineage and step.kind is not StepKind.IMAGE
    )


def start_s(times: Sequence[StepTime]) -> float:
    """The time before the steps in seconds: the Dockerfile is read and the files that steps read are sent.

    All of them, as to a builder that has not seen this context; one that has gets what changed.
    """
    return DEFAULTS["overhead", "start"].median_s + context_s(times)


def context_s(times: Sequence[StepTime]) -> float:
    """The time in which the context is sent: the most that one step reads, for a file is sent only once."""
    return max((time.context_bytes for time in times), default=0) / SPEEDS["context"].bytes_per_s


def layer_s(time: StepTime) -> float:
    """The time in which a new layer is compressed and pushed."""
    return time.layer_bytes / SPEEDS["export"].bytes_per_s + time.layer_bytes / SPEEDS["push"].bytes_per_s
