"""Build arguments that each build gives anew, such as a commit: the steps that they make run every time.

A Dockerfile says such an argument without a value, or with a placeholder; what
CI gives is not in the repository. So its value is taken to be another one in
each build. Takes a Subject, gives its graph with such values, and the steps
that are never reused.
"""

from __future__ import annotations

import re
from dataclasses import replace

from compiler.layers.lower import lower
from compiler.layers.model import BuildGraph, Replay
from compiler.practices.model import Subject
from compiler.practices.parts.changing_names import kind, placeholder

_VALUE = "another-in-each-build"
_USED = re.compile(r"\$\{?(\w+)")


def graph_as_given(subject: Subject) -> tuple[BuildGraph, frozenset[int]]:
    """The graph with the changing arguments given, and the steps whose key has one of their values."""
    names = changing(subject)
    if not names:
        return subject.graph, frozenset()
    given = {**dict(subject.arguments), **dict.fromkeys(names, _VALUE)}
    graph = lower(subject.dockerfile, subject.target, given)
    forced: set[int] = set()
    for step in graph.steps:
        own = any(_VALUE in part.value for part in step.parts)
        if own or not forced.isdisjoint(step.needs):
            forced.add(step.index)
    return graph, frozenset(forced)


def with_forced(replay: Replay, forced: frozenset[int]) -> Replay:
    """The same builds with some steps running in each of them."""
    # Builds that miss the same are many, and are made one again.
    known: dict[tuple[int, ...], tuple[int, ...]] = {}
    for missed in replay.missed:
        if missed not in known:
            known[missed] = tuple(sorted(forced.union(missed)))
    return replace(replay, missed=tuple(known[missed] for missed in replay.missed))


def changing(subject: Subject) -> frozenset[str]:
    """The arguments of the build's stages that differ from build to build; none that chooses an image."""
    dockerfile = subject.dockerfile
    images = " ".join(f"{stage.image} {stage.platform or ''}" for stage in dockerfile.stages)
    choosing = set(_USED.findall(images))
    given = dict(subject.arguments)
    return frozenset(
        argument.name
        for argument in dockerfile.declared_arguments(subject.target)
        if kind(argument.name)
        and argument.name not in choosing
        and (argument.name in given or placeholder(argument.default))
    )
