"""The stage graph for people: what is where, what dependsOn alone would need, what each barrier costs."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.graph import Barrier, ServiceNode, StageGraph
from stagecast.views.layout import Page, Row, count, joined, named, some

_WIDTH = 100
_MOST_SERVICES = 25
_MOST_STAGES = 25
_MOST_NAMES = 8


def render(graph: StageGraph) -> str:
    """The graph as text, ending with a line end; the number of lines is bounded."""
    page = Page.of(_WIDTH)
    sections = (_stages(graph, page), _minimal(graph, page), _barriers(graph, page))
    return "\n\n".join("\n".join(lines) for lines in sections) + "\n"


def _stages(graph: StageGraph, page: Page) -> Iterator[str]:
    members = graph.members()
    edges = count(graph.graph.number_of_edges(), "dependency", "dependencies")
    used = sum(bool(nodes) for nodes in members)
    yield f"{count(len(graph.services), 'service')} in {count(used, 'stage')}, {edges}"
    yield ""
    for index, nodes in enumerate(members[:_MOST_STAGES]):
        yield f"{index + 1}. {named(graph.stages[index])}{'' if nodes else ': no service'}"
        yield from page.rows(nodes, lambda node: _service(graph, node), most=_MOST_SERVICES, indent=3)
    if len(members) > _MOST_STAGES:
        yield f"+ {count(len(members) - _MOST_STAGES, 'more stage')}"


def _service(graph: StageGraph, node: ServiceNode) -> Row:
    needs = graph.dependencies(node.name)
    said = joined(
        ("skipped" if node.skipped else "", f"needs {some(needs, _MOST_NAMES)}" if needs else ""), "; "
    )
    return (named(node.name), named(node.type), said)


def _minimal(graph: StageGraph, page: Page) -> Iterator[str]:
    layers = graph.minimal_stages()
    yield f"dependsOn alone would need {count(len(layers), 'stage')}{':' if layers else ''}"
    yield from page.rows(
        list(enumerate(layers, 1)),
        lambda row: (f"{row[0]}.", some(row[1], _MOST_NAMES)),
        most=_MOST_STAGES,
        indent=2,
    )


def _barriers(graph: StageGraph, page: Page) -> Iterator[str]:
    barriers = graph.barriers()
    if not barriers:
        yield "No barriers: there is one stage at most."
        return
    yield "Barriers, and who waits at them for nothing they asked for:"
    yield from page.rows(
        barriers,
        lambda barrier: (f"before {named(graph.stages[barrier.before])}", _cost(graph, barrier)),
        most=_MOST_STAGES,
        indent=2,
    )


def _cost(graph: StageGraph, barrier: Barrier) -> str:
    after = named(graph.stages[barrier.after])
    services = barrier.asked_for + len(barrier.unasked)
    if not barrier.unasked:
        return (
            f"nobody: all {services:,} need {after}" if services > 1 else f"nobody: its service needs {after}"
        )
    unasked = some(barrier.unasked, _MOST_NAMES)
    if barrier.asked_for:
        return f"{len(barrier.unasked):,} of {services:,} need nothing of {after}: {unasked}"
    whole = f"all {services:,} need" if services > 1 else "its one service needs"
    return f"{whole} nothing of {after}, the two could be one stage: {unasked}"
