"""Graphs and contexts for the tests of build times."""

from __future__ import annotations

from collections.abc import Mapping

from compiler.buildtime.durations import StepTime, step_times
from compiler.context.model import Entry, Tree
from compiler.dockerfile.reader import read_dockerfile
from compiler.layers.lower import lower
from compiler.layers.model import BuildGraph
from compiler.source import SourceFile


def graph_of(text: str, target: str | None = None) -> BuildGraph:
    """The steps of a Dockerfile."""
    return lower(read_dockerfile(SourceFile("Dockerfile", text)), target)


def tree(sizes: Mapping[str, int]) -> Tree:
    """A context of files by their sizes in bytes."""
    return Tree("context", {path: Entry(0o100644, path, size) for path, size in sizes.items()})


def by_text(text: str, context: Tree | None = None) -> dict[str, StepTime]:
    """The times of a Dockerfile's steps, by the start of each instruction."""
    graph = graph_of(text)
    times = step_times(graph, context)
    return {
        f"{step.instruction.name} {step.instruction.arguments}"[:24]: time
        for step, time in zip(graph.steps, times, strict=True)
    }
