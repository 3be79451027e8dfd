"""The stage graph in Graphviz's DOT language.

Names stand in quoted strings only. In those a backslash starts an escape (of
labels, not of ids), `&` an HTML entity, and a quote ends them.
"""

from __future__ import annotations

from collections.abc import Iterator

from compiler.diagnostics.render.cells import visible
from compiler.graph import ServiceNode, StageGraph

_SHAPES = {"database": "cylinder", "job": "oval"}


def render(graph: StageGraph) -> str:
    """The graph as a digraph, ending with a line end: a cluster per stage, bold grey edges for barriers."""
    return "\n".join(_lines(graph)) + "\n"


def _lines(graph: StageGraph) -> Iterator[str]:
    members = graph.members()
    yield "digraph stagecast {"
    yield "  rankdir=LR; compound=true;"
    yield '  node [shape=box, fontname="sans-serif"]; graph [fontname="sans-serif", style=rounded];'
    for index, nodes in enumerate(members):
        if nodes:
            yield f"  subgraph cluster_{index} {{"
            yield f"    label={quoted(f'{index + 1}. {graph.stages[index]}')};"
            yield from (f"    {_node(node)}" for node in nodes)
            yield "  }"
    for barrier in graph.barriers():
        ends = (
            next(node.name for node in members[stage] if not node.skipped)
            for stage in (barrier.after, barrier.before)
        )
        clusters = f"ltail=cluster_{barrier.after}, lhead=cluster_{barrier.before}"
        yield f"  {' -> '.join(quoted(name) for name in ends)} [{clusters}, style=bold, color=gray];"
    for name in graph.services:
        yield from (f"  {quoted(other)} -> {quoted(name)};" for other in graph.dependencies(name))
    yield "}"


def _node(node: ServiceNode) -> str:
    shape = f"shape={_SHAPES[node.type]}" if node.type in _SHAPES else ""
    attributes = ", ".join(filter(None, (shape, "style=dashed" if node.skipped else "")))
    return quoted(node.name) + (f" [{attributes}]" if attributes else "") + ";"


def quoted(text: str) -> str:
    """A text as an id or a label, whatever is in it."""
    inner = visible(text).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{inner}"'
