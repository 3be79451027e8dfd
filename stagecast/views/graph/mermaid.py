"""The stage graph as a Mermaid flowchart, as GitHub and GitLab draw it.

Ids are ours (`s0`, `n0`), names stand in quoted labels only, where everything
but letters, digits and a few signs is written as a character code: a name can
neither end a label nor bring markup, Markdown or a directive into it.
"""

from __future__ import annotations

from collections.abc import Iterator

from compiler.diagnostics.render.cells import visible
from compiler.graph import Barrier, ServiceNode, StageGraph

# Mermaid draws no more than this unless its host says otherwise (config.maxEdges).
_MOST_EDGES = 500
_SAFE_SIGNS = frozenset(" _-./:,+")
_SHAPES = {"database": ('[("', '")]'), "job": ('(["', '"])')}


def render(graph: StageGraph) -> str:
    """The graph as a flowchart, ending with a line end: a subgraph per stage, thick edges for barriers."""
    return "\n".join(_lines(graph)) + "\n"


def _lines(graph: StageGraph) -> Iterator[str]:
    ids = {name: f"n{index}" for index, name in enumerate(graph.services)}
    barriers = graph.barriers()
    yield "flowchart LR"
    if graph.graph.number_of_edges() + len(barriers) > _MOST_EDGES:
        yield f"  %% More than {_MOST_EDGES} edges: Mermaid draws them with a larger maxEdges only."
    for index, nodes in enumerate(graph.members()):
        if nodes:
            # Not `1. NAME`: Mermaid 11 takes that for a Markdown list and refuses to show it.
            yield f'  subgraph s{index}["stage {index + 1}: {label(graph.stages[index])}"]'
            yield from (f"    {_node(ids[node.name], node)}" for node in nodes)
            yield "  end"
    for barrier in barriers:
        yield f'  s{barrier.after} ==>|"{_cost(barrier)}"| s{barrier.before}'
    for name in graph.services:
        yield from (f"  {ids[other]} --> {ids[name]}" for other in graph.dependencies(name))
    if any(node.skipped for node in graph.services.values()):
        yield "  classDef skipped stroke-dasharray:4 4,opacity:0.6"


def _node(id_: str, node: ServiceNode) -> str:
    begin, end = _SHAPES.get(node.type, ('["', '"]'))
    return f"{id_}{begin}{label(node.name)}{end}{':::skipped' if node.skipped else ''}"


def _cost(barrier: Barrier) -> str:
    services = barrier.asked_for + len(barrier.unasked)
    return f"barrier: {len(barrier.unasked)} of {services} did not ask" if barrier.unasked else "barrier"


def label(text: str) -> str:
    """A text inside the quotes of a label; what could mean something is `#CODE;`."""
    return "".join(
        character if character.isalnum() or character in _SAFE_SIGNS else f"#{ord(character)};"
        for character in visible(text)
    )
