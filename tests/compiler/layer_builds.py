"""Builds of the layer cache's tests: texts to graphs, files to trees, outcomes to letters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compiler.context.model import Entry, Tree
from compiler.dockerfile.reader import read_dockerfile
from compiler.layers.cache import Cache, build
from compiler.layers.lower import lower
from compiler.layers.model import BuildGraph, Step, StepKind
from compiler.source import SourceFile


def graph(
    text: str, target: str | None = None, arguments: Mapping[str, str] | None = None, **more: Any
) -> BuildGraph:
    """The steps of a Dockerfile."""
    return lower(read_dockerfile(SourceFile("Dockerfile", text)), target, arguments, **more)


def tree(files: Mapping[str, str] | None = None, **links: str) -> Tree:
    """A tree of files with these contents, and of links to these targets."""
    entries = {path: Entry(0o100644, f"blob {text}", len(text)) for path, text in (files or {}).items()}
    entries |= {path: Entry(0o120000, f"blob {to}", len(to), to) for path, to in links.items()}
    return Tree("test", dict(sorted(entries.items())))


def letters(
    cache: Cache, text: str | BuildGraph, files: Mapping[str, str] | Tree | None = None, **more: Any
) -> str:
    """H and M for each step but images, "?" behind those that are not sure."""
    made = graph(text) if isinstance(text, str) else text
    context = files if isinstance(files, Tree) else tree(files)
    outcomes = build(made, context, cache, **more)
    return "".join(
        ("H" if outcome.hit else "M") + ("" if outcome.sure else "?")
        for step, outcome in zip(made.steps, outcomes, strict=True)
        if step.kind is not StepKind.IMAGE
    )


def parts(step: Step) -> dict[str, str]:
    """The parts of a step by name; the last of each."""
    return {part.name: part.value for part in step.parts}
