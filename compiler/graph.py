"""The stage and dependency graph of an environment, in networkx.

Owns questions about order: the fewest stages that dependsOn alone would need,
and what each barrier between stages orders that nothing asked for. Skipped
services are in the graph, but nothing waits for them, so they count for neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import networkx as nx


@dataclass(frozen=True, slots=True)
class ServiceNode:
    """A service in the graph: its type's name, its stage's index, whether it is left out."""

    name: str
    type: str
    stage: int
    skipped: bool


@dataclass(frozen=True, slots=True)
class Barrier:
    """The barrier between two stages that follow each other; stages without services are passed over.

    `after` and `before` are indices of stages: the services of `before` start
    when those of `after` are done. `asked_for` counts the services of `before`
    that depend, directly or not, on one of `after`. `unasked` names the others,
    sorted: without this barrier they could start together with `after`.
    """

    after: int
    before: int
    asked_for: int
    unasked: tuple[str, ...]


@dataclass(frozen=True)
class StageGraph:
    """Services, their stages, and who depends on whom.

    An edge runs from a dependency to the service that needs it. The graph has
    no cycles and no edge to an earlier stage: the checks come first. Names
    stand in the order of the input.
    """

    stages: tuple[str, ...]
    services: Mapping[str, ServiceNode]
    graph: nx.DiGraph[str]

    def members(self) -> tuple[tuple[ServiceNode, ...], ...]:
        """The services of each stage, skipped ones too."""
        members: list[list[ServiceNode]] = [[] for _ in self.stages]
        for node in self.services.values():
            members[node.stage].append(node)
        return tuple(tuple(nodes) for nodes in members)

    def dependencies(self, name: str) -> tuple[str, ...]:
        """What a service depends on, sorted."""
        return tuple(sorted(self.graph.predecessors(name)))

    def minimal_stages(self) -> tuple[tuple[str, ...], ...]:
        """The fewest stages in which no service needs one of its own stage; each is as early as it can be."""
        return tuple(tuple(sorted(layer)) for layer in nx.topological_generations(self._deployed()))

    def barriers(self) -> tuple[Barrier, ...]:
        """What each barrier between two stages orders, and for which services nothing asked for it."""
        deployed = self._deployed()
        reach = self._reach(deployed)
        members: list[list[str]] = [[] for _ in self.stages]
        for name in deployed:
            members[self.services[name].stage].append(name)
        used = [stage for stage, names in enumerate(members) if names]
        result = []
        for after, before in pairwise(used):
            unasked = tuple(sorted(name for name in members[before] if reach[name] < after))
            result.append(Barrier(after, before, len(members[before]) - len(unasked), unasked))
        return tuple(result)

    def _deployed(self) -> nx.DiGraph[str]:
        skipped = [node.name for node in self.services.values() if node.skipped]
        if not skipped:
            return self.graph
        graph = self.graph.copy()
        graph.remove_nodes_from(skipped)
        return graph

    def _reach(self, graph: nx.DiGraph[str]) -> dict[str, int]:
        """The latest stage before its own that each service depends on, directly or not; -1 for none."""
        reach: dict[str, int] = {}
        for name in nx.topological_sort(graph):
            own = self.services[name].stage
            stages = [-1]
            for other in graph.predecessors(name):
                stage = self.services[other].stage
                # A dependency's own dependencies are no later than it is.
                stages.append(stage if stage < own else reach[other])
            reach[name] = max(stages)
        return reach


def build_graph(
    stages: Sequence[str], services: Mapping[str, ServiceNode], needs: Mapping[str, Sequence[str]]
) -> StageGraph:
    """The graph of `services`; `needs` maps each to what it depends on."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(services)
    graph.add_edges_from((other, name) for name in services for other in needs.get(name, ()))
    return StageGraph(tuple(stages), services, graph)
