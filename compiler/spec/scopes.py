"""All variables of all services, resolved once for the checks and for the plan.

Scopes, innermost first: the service, the environment, the project, and the
built-in names of all services. An inner name overrides an outer one, also
where an outer variable is interpolated. What the outer scopes say is resolved
once; a service resolves its own variables and those that they change.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

from compiler.document.node import Node
from compiler.spec.model import DatabaseService, Environment, Service
from compiler.spec.resolve import Allowance, Mention, Problem, Resolver, Scope
from compiler.spec.variables import Parts, Variable, builtin_variables, declared


@dataclass(frozen=True, slots=True)
class ServiceVariables:
    """What one service sees.

    `declared` and `values` are the variables of its process, `arguments` its
    build arguments. `scope` is what it may refer to. `problems` and `mentions`
    are of what it resolves itself: its own variables, its arguments, and outer
    ones that depend on its own. Those are `anew`, by name; the problems of the
    others are the environment's.
    """

    declared: Mapping[str, Variable]
    values: Mapping[str, Parts]
    arguments: Mapping[str, Parts]
    scope: Scope
    problems: tuple[Problem, ...]
    mentions: tuple[Mention, ...]
    anew: Set[str]


@dataclass(frozen=True, slots=True)
class AllVariables:
    """The variables of every service, and what is wrong with the outer scopes' own."""

    outer: Resolver
    by_service: Mapping[str, ServiceVariables]

    def outer_problems(self) -> Iterator[Problem]:
        """The problems of outer variables that not every service resolves by itself."""
        for name, problems in self.outer.problems.items():
            services = self.by_service.values()
            if not services or any(name not in service.anew for service in services):
                yield from problems

    def outer_mentions(self, service: ServiceVariables) -> Iterator[Mention]:
        """What the outer variables of a service's process mention."""
        for name, mentions in self.outer.mentions.items():
            if name in service.declared and name not in service.anew:
                yield from mentions


def resolve_variables(
    environment: Environment, services: Mapping[str, Service], project: Mapping[str, Variable]
) -> AllVariables:
    """The variables of every service."""
    builtins = builtin_variables(services)
    outer_scope = Scope({**project, **declared(environment.at, environment.variables)}, builtins)
    allowance = Allowance()
    outer = Resolver(outer_scope, allowance, {})
    for name in outer_scope.variables:
        outer.resolve(name)
    dependents: dict[str, list[str]] = {}
    for variable, mentions in outer.mentions.items():
        for mention in mentions:
            dependents.setdefault(mention.name, []).append(str(variable))
    return AllVariables(
        outer,
        {name: _of_service(service, outer, dependents, allowance) for name, service in services.items()},
    )


def _of_service(
    service: Service, outer: Resolver, dependents: Mapping[str, list[str]], allowance: Allowance
) -> ServiceVariables:
    own = declared(service.at, getattr(service, "variables", None))
    anew = _changed_by(own, dependents, allowance.changes)
    problems = []
    if anew is None:
        problems.append(Problem("changes", service.at.at(("variables",)).key_span))
        anew = dict.fromkeys(own)
        # The next ones are the same mistake.
        allowance.changes = 0
    allowance.changes -= len(anew) - len(own)
    scope = outer.scope
    if own:
        scope = Scope(_over(own, outer.scope.variables), outer.scope.builtins)
    resolver = Resolver(scope, allowance, outer.values, anew.keys())
    for name in anew:
        resolver.resolve(name)
    arguments = _arguments(service, resolver)
    values: Mapping[str, Parts] = outer.values
    variables: Mapping[str, Variable] = scope.variables
    if isinstance(service, DatabaseService):
        # A database's image gives meaning to the variables of its process: it gets no others.
        values = {name: resolver.values[name] for name in own}
        variables = own
    elif anew:
        values = _over(resolver.values, outer.values)
    return ServiceVariables(
        variables,
        values,
        arguments,
        scope,
        tuple(chain(problems, *resolver.problems.values())),
        tuple(mention for mentions in resolver.mentions.values() for mention in mentions),
        anew.keys(),
    )


Value = TypeVar("Value")


def _over(inner: dict[str, Value], outer: Mapping[str, Value]) -> Mapping[str, Value]:
    """Both, the inner ones first. Not a copy: every service has one, and most of it is the same in all."""
    return ChainMap(inner, outer)  # type: ignore[arg-type]


def _changed_by(
    own: Mapping[str, Variable], dependents: Mapping[str, list[str]], most: int
) -> dict[str, None] | None:
    """A service's own variables and the outer ones that mention them, directly or not, in a fixed order.

    None when there are more than `most` of the outer ones.
    """
    changed = dict.fromkeys(own)
    todo = list(own)
    while todo:
        for name in dependents.get(todo.pop(), ()):
            if name not in changed:
                if len(changed) - len(own) == most:
                    return None
                changed[name] = None
                todo.append(name)
    return changed


def _arguments(service: Service, resolver: Resolver) -> dict[str, Parts]:
    source = getattr(service, "source", None)
    args: dict[str, str] = getattr(source, "args", None) or {}
    if not args:
        return {}
    node: Node = source.at.at(("args",))  # type: ignore[union-attr]
    return {name: resolver.text(value, node.at((name,))) for name, value in args.items()}
