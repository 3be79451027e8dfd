"""Checked environments to the files of their targets, and what a target cannot say."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import replace

from compiler.artifacts import Artifact
from compiler.diagnostics.model import Diagnostic, Severity
from compiler.document.node import Node
from compiler.plan.departed import with_departed
from compiler.plan.diff import NotAPlan
from compiler.plan.encode import plan_text
from compiler.plan.model import Plan
from compiler.spec.context import Context
from compiler.targets import NEEDS, load, with_needs
from compiler.targets.helm.upgrade import upgrade_limitations
from compiler.targets.model import Limitation


def plan_path(environment: str) -> str:
    """Where an environment's plan lies in the output, for the comparison with the next one."""
    return f".stagecast/{environment}.plan.json"


def limitations(plan: Plan, targets: Iterable[str], context: Context) -> Iterator[Diagnostic]:
    """What the targets cannot express of the plan, each at the place in the spec that is to blame.

    What several targets say is said once, with the names of all of them.
    """
    said: dict[Limitation, list[str]] = {}
    for name in with_needs(targets):
        for limitation in load(name).check(plan):
            said.setdefault(limitation, []).append(name)
    for limitation, names in said.items():
        yield _diagnostic(", ".join(dict.fromkeys(names)), limitation, context)


def left_out(plan: Plan, targets: Iterable[str], context: Context) -> dict[str, Diagnostic]:
    """The targets that refuse the plan by themselves, each with a note that says why.

    What stands against a part that they share (charts, scripts) is not among it.
    """
    found: dict[str, Diagnostic] = {}
    for name in targets:
        refusal = next((each for each in load(name).check(plan) if each.severity == "error"), None)
        if refusal is not None and not any(name in needs for needs in NEEDS.values()):
            node = _node(refusal.service, refusal.field, context)
            message = f"{name} is left out: {refusal.message}"
            hint = refusal.hint or ""
            found[name] = Diagnostic("STC702", Severity.NOTE, message, node.key_span, hint=hint)
    return found


def artifacts(plans: Iterable[tuple[Plan, Sequence[str]]]) -> tuple[Artifact, ...]:
    """The files of all plans that share an output folder, each with its targets, by path.

    What does not depend on the environment (charts, scripts) is there once.

    Raises:
        ValueError: two plans or targets write different files to one path; environments
            with different names never do.
    """
    files: dict[str, Artifact] = {}
    for plan, targets in plans:
        # Estimates change nothing that is deployed: a new one makes no output stale.
        emitted = [Artifact(plan_path(plan.environment), plan_text(replace(plan, estimates=())))]
        for name in with_needs(targets):
            emitted.extend(load(name).emit(plan))
        for artifact in emitted:
            if files.setdefault(artifact.path, artifact) != artifact:
                raise ValueError(f"two environments or targets write {artifact.path}")
    return tuple(files[path] for path in sorted(files))


def compared(
    plan: Plan, previous: bytes | None, context: Context, *, allowed: Container[str] = (), prune: bool = False
) -> tuple[Plan, list[Diagnostic]]:
    """The plan with what the previous one of the output adds to it, and what stands against the upgrade.

    `previous` is the content of the file at `plan_path`, None when there is
    none. Services in `allowed` may be replaced. With `prune`, what left the
    spec is removed.
    """
    if previous is None:
        return plan, []
    try:
        before = json.loads(previous)
        plan = with_departed(plan, before, prune=prune)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, NotAPlan) else "it is not JSON"
        message = f"what runs is not known, the plan in the output cannot be compared with: {reason}"
        span = context.environment.at.at(("name",)).key_span
        return plan, [Diagnostic("STC709", Severity.WARNING, message, span)]
    found = (each for each in upgrade_limitations(before, plan) if each.service not in allowed)
    return plan, [_refusal(each, context) for each in found]


def _refusal(limitation: Limitation, context: Context) -> Diagnostic:
    node = _node(limitation.service, limitation.field, context)
    hint = f"{limitation.hint}; then say `--allow-replace {limitation.service}`"
    return Diagnostic("STC708", Severity.ERROR, limitation.message, node.place, hint=hint)


def _diagnostic(targets: str, limitation: Limitation, context: Context) -> Diagnostic:
    node = _node(limitation.service, limitation.field, context)
    severity = Severity(limitation.severity)
    return Diagnostic(
        code="STC701" if severity is Severity.ERROR else "STC702",
        severity=severity,
        message=f"{targets}: {limitation.message}",
        span=node.key_span,
        hint=limitation.hint or "",
    )


def _node(service: str | None, field: str | None, context: Context) -> Node:
    """The deepest node that a service and a dotted field lead to."""
    root = context.environment.at
    steps = field.split(".") if field else []
    path = [int(step) if step.isdigit() else step for step in steps]
    if service is not None and service in context.services:
        return context.services[service].at.at(path)
    node = root.at(path)
    return node if node is not root else root.at(("name",))
