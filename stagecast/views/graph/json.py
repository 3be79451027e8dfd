"""The stage graph as JSON, for machines; schemas/graph.schema.json is its shape, key by key."""

from __future__ import annotations

from typing import Any

from compiler.emit.json import dump
from compiler.graph import Barrier, StageGraph

GRAPH_VERSION = "stagecast/graph/v1"


def render(graph: StageGraph) -> str:
    """The graph as a JSON document, ending with a line end."""
    return dump(as_data(graph))


def as_data(graph: StageGraph) -> dict[str, Any]:
    """The graph as plain dicts and lists, in the order of the schema."""
    return {
        "version": GRAPH_VERSION,
        "stages": [
            {"name": name, "services": [node.name for node in nodes]}
            for name, nodes in zip(graph.stages, graph.members(), strict=True)
        ],
        "services": [
            {
                "name": node.name,
                "type": node.type,
                "stage": graph.stages[node.stage],
                "skipped": node.skipped,
                "dependsOn": list(graph.dependencies(node.name)),
            }
            for node in graph.services.values()
        ],
        "minimalStages": [list(layer) for layer in graph.minimal_stages()],
        "barriers": [_barrier(graph, barrier) for barrier in graph.barriers()],
    }


def _barrier(graph: StageGraph, barrier: Barrier) -> dict[str, Any]:
    return {
        "after": graph.stages[barrier.after],
        "before": graph.stages[barrier.before],
        "askedFor": barrier.asked_for,
        "unasked": list(barrier.unasked),
    }
