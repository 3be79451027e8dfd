"""A build's profile for the simulator: the steps that can run, how long they take, and how often which run.

Takes a graph, times and a replay, gives a BuildProfile of the plan. Beside the
steps of the Dockerfile there are those of the build itself: the start, with the
context that is sent, a push for each layer of the image that is new, and the finish.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from compiler.buildtime.defaults import DEFAULTS, SPEEDS
from compiler.buildtime.durations import StepTime
from compiler.buildtime.expected import context_s, image_layers, layer_s
from compiler.buildtime.measured import Measured
from compiler.context.model import Tree
from compiler.layers.model import BuildGraph, Replay, Step
from compiler.plan.model import BuildOutcome, BuildProfile, BuildStep

_LONGEST_NAME = 72
_SPACES = re.compile(r"\s+")
# A push that takes less than this is not a step of its own.
_LEAST_PUSH_S = 0.05


def build_profile(
    task: str,
    graph: BuildGraph,
    times: Sequence[StepTime],
    replay: Replay,
    context: Tree | None = None,
    measured: Measured | None = None,
) -> BuildProfile:
    """The profile of a build task.

    A replay without builds is one in which every step runs. Rebuilds that no commit stands behind
    (revision "") are assumed and not counted. Without a context none is sent.
    """
    counted = Counter(replay.missed) or Counter([tuple(range(len(graph.steps)))])
    ran = sorted({step for missed in counted for step in missed if times[step].median_s > 0})
    made = _Profile(graph, times)
    made.start(measured, sends=context is None or bool(context.entries))
    for step in ran:
        made.step(graph.steps[step])
    always = (made.START, made.finish(ran, measured))
    outcomes: Counter[tuple[int, ...]] = Counter()
    for missed, builds in counted.items():
        runs = {at for step in missed for at in made.parts.get(step, ())}
        outcomes[tuple(sorted({*always, *runs}))] += builds
    return BuildProfile(
        task,
        tuple(made.steps),
        tuple(BuildOutcome(runs, float(builds)) for runs, builds in sorted(outcomes.items())),
        sum(revision != "" for revision in replay.revisions),
    )


class _Profile:
    """The steps of a profile as they come."""

    START = 0

    def __init__(self, graph: BuildGraph, times: Sequence[StepTime]) -> None:
        self.graph = graph
        self.times = times
        self.steps: list[BuildStep] = []
        # For each step of the graph: which steps of the profile run when it runs.
        self.parts: dict[int, tuple[int, ...]] = {}
        self._at: dict[int, int] = {}
        self._needs: dict[int, frozenset[int]] = {}

    def start(self, measured: Measured | None, *, sends: bool) -> None:
        default, speed = DEFAULTS["overhead", "start"], SPEEDS["context"]
        sent = context_s(self.times) if sends else 0.0
        median, samples = default.median_s + sent, _samples(measured, "context")
        if samples:
            median = default.median_s + sorted(samples)[len(samples) // 2]
        p90 = median * max(default.p90_ratio, speed.p90_ratio)
        name = "start, and the context is sent" if sends else "start"
        self.steps.append(BuildStep(name, (), median, p90, bool(samples)))

    def step(self, step: Step) -> None:
        time = self.times[step.index]
        self._at[step.index] = len(self.steps)
        self.parts[step.index] = (len(self.steps),)
        needs = self._running_needs(step)
        name = _named(self.graph, step)
        self.steps.append(
            BuildStep(name, needs, time.median_s, max(time.median_s, time.p90_s), time.measured)
        )

    def finish(self, ran: Sequence[int], measured: Measured | None) -> int:
        """The pushes, one after another, then the end; the index of the last step."""
        last = tuple(range(len(self.steps)))
        exported = _samples(measured, "export")
        if not exported:
            layers = image_layers(self.graph)
            for index in ran:
                took = layer_s(self.times[index])
                if index in layers and took >= _LEAST_PUSH_S:
                    at = len(self.steps)
                    self.parts[index] = (*self.parts[index], at)
                    name = f"push of {_named(self.graph, self.graph.steps[index])}"
                    self.steps.append(BuildStep(name, last, took, took * SPEEDS["push"].p90_ratio))
                    last = (at,)
        default = DEFAULTS["overhead", "finish"]
        median = sorted(exported)[len(exported) // 2] if exported else default.median_s
        median = max(median, 0.001)
        self.steps.append(
            BuildStep("finish: export and push", last, median, median * default.p90_ratio, bool(exported))
        )
        return len(self.steps) - 1

    def _running_needs(self, step: Step) -> tuple[int, ...]:
        """The steps of the profile that a step waits for: through those that never run."""
        return tuple(sorted({self.START, *self._below(step)}))

    def _below(self, step: Step) -> frozenset[int]:
        found: set[int] = set()
        for need in step.needs:
            if need in self._at:
                found.add(self._at[need])
            else:
                # Steps come after those that they need, so what is below is small and known.
                if need not in self._needs:
                    self._needs[need] = self._known(need)
                found |= self._needs[need]
        return frozenset(found)

    def _known(self, index: int) -> frozenset[int]:
        found: set[int] = set()
        waiting, seen = [index], {index}
        while waiting:
            for need in self.graph.steps[waiting.pop()].needs:
                if need in self._at:
                    found.add(self._at[need])
                elif need not in seen:
                    seen.add(need)
                    waiting.append(need)
        return frozenset(found)


def _samples(measured: Measured | None, overhead: str) -> tuple[float, ...]:
    return measured.overheads.get(overhead, ()) if measured is not None else ()


def _named(graph: BuildGraph, step: Step) -> str:
    """A step for people: its line and the start of its text."""
    line = graph.dockerfile.source.position(step.instruction.span.start).line
    text = _SPACES.sub(" ", f"{step.instruction.name} {step.instruction.arguments}").strip()
    return f"line {line}: {text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 3] + '...'}"
