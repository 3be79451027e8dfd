"""Stages and dependencies: unknown ones, wrong directions, and cycles."""

from __future__ import annotations

from collections.abc import Collection

from compiler.diagnostics.model import Findings, Label
from compiler.source import Span
from compiler.spec.context import Context, error, listed, note, place, warning
from compiler.spec.model import DEFAULT_STAGES

_MOST_OF_A_CYCLE = 50
"""Services of a cycle that are shown; who sees these will find the others."""


def check_stages(context: Context, findings: Findings) -> None:
    """Stages that stand twice, that no service is in, or that a service names without there being one."""
    if not context.loaded.is_whole("stages"):
        return
    first: dict[str, int] = {}
    doubles: set[int] = set()
    for index, stage in enumerate(context.stages):
        other = first.setdefault(stage.name.lower(), index)
        if other != index and stage.at is not None:
            doubles.add(index)
            earlier = context.stages[other]
            labels = (Label(earlier.at.head, "first defined here"),) if earlier.at is not None else ()
            message = f"the stage `{stage.name}` stands here a second time"
            error(
                findings,
                "STC206",
                stage.at.head,
                message,
                labels=labels,
                hint="names ignore upper and lower case",
            )
    names = {stage.name.lower(): stage.name for stage in context.stages}
    for name, service in context.services.items():
        if service.stage is not None and service.stage.lower() not in names:
            _unknown_stage(context, findings, place(service.at, "stage"), service.stage, names.values())
        elif service.stage is None and name not in context.stage_of:
            message = f"no stage is the default for the type `{service.type.value}`"
            hint = f"give `{name}` a `stage`, or list the type under `defaultFor` of a stage"
            error(findings, "STC204", place(service.at, "type"), message, hint=hint)
    used = doubles | set(context.stage_of.values())
    for index, stage in enumerate(context.stages):
        is_default = stage.name.lower() in DEFAULT_STAGES
        if (
            stage.at is not None
            and index not in used
            and not is_default
            and context.loaded.is_whole("services")
        ):
            message = f"no service is in the stage `{stage.name}`"
            note(
                findings, "STC207", stage.at.head, message, hint="remove it, or leave it for services to come"
            )


def check_default_stages(context: Context, findings: Findings) -> None:
    """Types of services that two stages claim."""
    first: dict[str, Span] = {}
    for stage in context.stages:
        claims = stage.at.get("defaultFor") if stage.at is not None else None
        for claim in claims.elements() if claims is not None else ():
            earlier = first.get(str(claim.value))
            if earlier is None:
                first[str(claim.value)] = claim.span
            else:
                message = f"another stage is the default for the type `{claim.value}` already"
                hint = f"a service has one default stage: take `{claim.value}` out of one of them"
                labels = (Label(earlier, "the first one counts"),)
                error(findings, "STC208", claim.span, message, labels=labels, hint=hint)


def _unknown_stage(
    context: Context, findings: Findings, span: Span, name: str, known: Collection[str]
) -> None:
    suggestion = context.suggestions.closest(name, known)
    hint = f"did you mean `{suggestion}`?" if suggestion else f"the stages are {listed(known)}"
    error(findings, "STC204", span, f"there is no stage `{name}`", hint=hint)


def check_dependencies(context: Context, findings: Findings) -> None:
    """Dependencies on nothing, on oneself, on a later stage, or on something that is skipped."""
    services, stage_of = context.services, context.stage_of
    for name, service in services.items():
        for index, other in enumerate(service.depends_on):
            if other == name:
                span = place(service.at, "dependsOn", index)
                error(findings, "STC304", span, f"`{name}` depends on itself", hint="remove it")
            elif other not in context.known_services:
                _unknown_service(context, findings, name, index, other)
            elif other not in services:
                continue
            elif name in stage_of and other in stage_of and stage_of[other] > stage_of[name]:
                _later_stage(context, findings, name, index, other)
            elif services[other].skip and not service.skip:
                span = place(service.at, "dependsOn", index)
                label = Label(place(services[other].at, "skip"), "skipped here")
                message = f"`{name}` depends on `{other}`, which is skipped"
                hint = "nothing waits for it; it has to be there already"
                warning(findings, "STC303", span, message, labels=(label,), hint=hint)


def _unknown_service(context: Context, findings: Findings, name: str, index: int, other: str) -> None:
    span = place(context.services[name].at, "dependsOn", index)
    others = (known for known in context.known_services if known != name)
    suggestion = context.suggestions.closest(other, others)
    hint = f"did you mean `{suggestion}`?" if suggestion else "name a service of this environment"
    error(findings, "STC205", span, f"there is no service `{other}`", hint=hint)


def _later_stage(context: Context, findings: Findings, name: str, index: int, other: str) -> None:
    services, stages, stage_of = context.services, context.stages, context.stage_of
    own, later = stages[stage_of[name]].name, stages[stage_of[other]].name
    message = f"`{name}` (stage {own}) depends on `{other}`, which is deployed later (stage {later})"
    label = Label(services[other].at.key_span, f"in the stage {later}")
    hint = f"move `{other}` to the stage {own} or earlier, or `{name}` to {later}"
    span = place(services[name].at, "dependsOn", index)
    error(findings, "STC302", span, message, labels=(label,), hint=hint)


def check_cycles(context: Context, findings: Findings) -> None:
    """Services that wait for each other: one finding a knot, with its shortest cycle."""
    # The standard library answers "is there one" without the 0.2 s that networkx takes to import.
    from graphlib import CycleError, TopologicalSorter

    services = context.services
    stage_of = context.stage_of
    # What points to itself or to a later stage has a finding of its own.
    needs = {
        name: [
            other
            for other in service.depends_on
            if other in services
            and other != name
            and stage_of.get(other, -1) <= stage_of.get(name, len(context.stages))
        ]
        for name, service in services.items()
    }
    try:
        TopologicalSorter(needs).prepare()
    except CycleError:
        from compiler.cycles import shortest_cycles

        for cycle in shortest_cycles(needs):
            _report_cycle(context, findings, cycle)


def _report_cycle(context: Context, findings: Findings, cycle: tuple[str, ...]) -> None:
    """`cycle` names each service once; each depends on the next, the last on the first."""
    services = context.services
    spans = []
    for name, other in zip(cycle, (*cycle[1:], cycle[0]), strict=True):
        index = services[name].depends_on.index(other)
        spans.append(place(services[name].at, "dependsOn", index))
    labels = tuple(
        Label(span, f"`{name}` waits for `{other}`")
        for span, name, other in zip(spans[1:], cycle[1:], (*cycle[2:], cycle[0]), strict=True)
    )[:_MOST_OF_A_CYCLE]
    names = cycle if len(cycle) <= _MOST_OF_A_CYCLE else (*cycle[:_MOST_OF_A_CYCLE], "...")
    message = f"dependency cycle: {' -> '.join((*names, cycle[0]))}"
    hint = "take one of these dependencies out"
    label = f"`{cycle[0]}` waits for `{cycle[1]}`" if len(cycle) > 1 else ""
    error(findings, "STC301", spans[0], message, label=label, labels=labels, hint=hint)
