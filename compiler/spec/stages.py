"""Deployment stages after defaults: which there are, and which type of service goes where."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.document.node import Node
from compiler.spec.model import DEFAULT_STAGES, Environment, StageDeclaration
from compiler.vocabulary import ServiceType

_TYPES = {kind.value: kind for kind in ServiceType}
# The platform does not document a default stage for these; ours is that of containers.
_LIKE_CONTAINERS = (ServiceType.HELM, ServiceType.TERRAFORM)


@dataclass(frozen=True, slots=True)
class ResolvedStage:
    """One stage. `at` is None for the four default stages, which no file mentions."""

    name: str
    default_for: frozenset[ServiceType]
    at: Node | None


def resolve_stages(environment: Environment) -> tuple[ResolvedStage, ...]:
    """The stages in order. Each type has at most one default stage: the first that claims it.

    A stage claims the types that it lists, or the type that it is named after.
    """
    declared = environment.stages if environment.stages is not None else DEFAULT_STAGES
    nodes = environment.at.get("stages")
    places = nodes.elements() if nodes is not None else []
    claims = [_claims(stage) for stage in declared]
    container = next((i for i, claim in enumerate(claims) if ServiceType.CONTAINER in claim), None)
    taken: set[ServiceType] = set()
    result = []
    claimed = set().union(*claims)
    for index, stage in enumerate(declared):
        types = claims[index] - taken
        if index == container:
            types |= {kind for kind in _LIKE_CONTAINERS if kind not in claimed}
        taken |= types
        name = stage if isinstance(stage, str) else stage.name
        result.append(ResolvedStage(name, frozenset(types), places[index] if index < len(places) else None))
    return tuple(result)


def _claims(stage: str | StageDeclaration) -> set[ServiceType]:
    if isinstance(stage, StageDeclaration) and stage.default_for:
        return set(stage.default_for)
    name = stage if isinstance(stage, str) else stage.name
    kind = _TYPES.get(name.lower())
    return {kind} if kind is not None else set()
