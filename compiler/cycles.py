"""Cycles in who waits for whom, in networkx: for the check that shows them, before there is a graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import networkx as nx


def shortest_cycles(needs: Mapping[str, Sequence[str]]) -> list[tuple[str, ...]]:
    """One shortest cycle of every knot of services that wait for each other.

    Each cycle names its services once, starting with the first by name; each
    waits for the next, and the last for the first. Linear in the number of
    services and dependencies but for the knots themselves.
    """
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(sorted(needs))
    graph.add_edges_from((name, other) for name in sorted(needs) for other in sorted(needs[name]))
    cycles = []
    for knot in nx.strongly_connected_components(graph):
        if len(knot) > 1:
            cycles.append(_shortest_through(graph.subgraph(knot), min(knot)))
    return sorted(cycles)


def _shortest_through(knot: nx.DiGraph[str], start: str) -> tuple[str, ...]:
    """The shortest cycle through `start`; a knot is strongly connected, so there is one."""
    paths = (nx.shortest_path(knot, other, start) for other in sorted(knot.successors(start)))
    best = min(paths, key=lambda path: (len(path), path))
    return (start, *best[:-1])
