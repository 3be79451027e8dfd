"""Checked environments to the files of their targets, and what a target cannot say."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from compiler.artifacts import Artifact
from compiler.diagnostics.model import Diagnostic, Severity
from compiler.document.node import Node
from compiler.plan.departed import with_departed
from compiler.plan.diff import NotAPlan
from compiler.plan.encode import plan_text
from compiler.plan.model import Plan
from compiler.spec.context import Context
from compiler.targets import NEEDS, TARGETS, load, with_needs
from compiler.targets.helm.upgrade import upgrade_limitations
from compiler.targets.model import Limitation


def plan_path(environment: str) -> str:
    """Where an environment's plan lies in the output, for the comparison with the next one."""
    return f".stagecast/{environment}.plan.json"


def previous_plan(path: Path) -> bytes | None:
    """The content of a plan's file, for `compared`; None when there is no such file.

    Raises:
        OSError: it is there and cannot be read.
    """
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def limitations(plan: Plan, targets: Iterable[str]) -> dict[str, tuple[Limitation, ...]]:
    """What every target, and every part that targets share, cannot express of the plan, by its name."""
    return {name: tuple(load(name).check(plan)) for name in with_needs(targets)}


def without_refusing(
    found: Mapping[str, tuple[Limitation, ...]], context: Context
) -> tuple[dict[str, tuple[Limitation, ...]], tuple[Diagnostic, ...]]:
    """What is left of `limitations` without targets that refuse the plan by themselves, and why they are out.

    What stands against a part that others need (charts, scripts) stays.
    """
    shared = {need for needs in NEEDS.values() for need in needs}
    refusals = {
        name: next(each for each in said if each.severity == "error")
        for name, said in found.items()
        if name not in shared and any(each.severity == "error" for each in said)
    }
    left = with_needs(name for name in found if name in TARGETS and name not in refusals)
    notes = tuple(_left_out(name, refusal, context) for name, refusal in refusals.items())
    kept = {name: found[name] for name in left}
    return kept, notes


def diagnostics_of(found: Mapping[str, tuple[Limitation, ...]], context: Context) -> Iterator[Diagnostic]:
    """Limitations at the places in the spec that are to blame; what several targets say is said once."""
    said: dict[Limitation, list[str]] = {}
    for name, limits in found.items():
        for limitation in limits:
            said.setdefault(limitation, []).append(name)
    for limitation, names in said.items():
        yield _diagnostic(", ".join(dict.fromkeys(names)), limitation, context)


def _left_out(name: str, refusal: Limitation, context: Context) -> Diagnostic:
    node = _node(refusal.service, refusal.field, context)
    message = f"{name} is left out: {refusal.message}"
    return Diagnostic("STC702", Severity.NOTE, message, node.key_span, hint=refusal.hint or "")


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
