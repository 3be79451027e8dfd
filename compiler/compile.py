"""Checked environments to the files of their targets, and what a target cannot say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from compiler.artifacts import Artifact
from compiler.diagnostics.model import Diagnostic, Severity
from compiler.document.node import Node
from compiler.plan.encode import plan_text
from compiler.plan.model import Plan
from compiler.spec.context import Context
from compiler.targets import load
from compiler.targets.model import Limitation


def plan_path(environment: str) -> str:
    """Where an environment's plan lies in the output, for the comparison with the next one."""
    return f".stagecast/{environment}.plan.json"


def limitations(plan: Plan, targets: Iterable[str], context: Context) -> Iterator[Diagnostic]:
    """What the targets cannot express of the plan, each at the place in the spec that is to blame."""
    for name in targets:
        for limitation in load(name).check(plan):
            yield _diagnostic(name, limitation, context)


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
        for name in targets:
            emitted.extend(load(name).emit(plan))
        for artifact in emitted:
            if files.setdefault(artifact.path, artifact) != artifact:
                raise ValueError(f"two environments or targets write {artifact.path}")
    return tuple(files[path] for path in sorted(files))


def _diagnostic(target: str, limitation: Limitation, context: Context) -> Diagnostic:
    node = _node(limitation, context)
    severity = Severity(limitation.severity)
    return Diagnostic(
        code="STC701" if severity is Severity.ERROR else "STC702",
        severity=severity,
        message=f"{target}: {limitation.message}",
        span=node.key_span,
        hint=limitation.hint or "",
    )


def _node(limitation: Limitation, context: Context) -> Node:
    """The deepest node that a limitation's service and field lead to."""
    root = context.environment.at
    steps = limitation.field.split(".") if limitation.field else []
    path = [int(step) if step.isdigit() else step for step in steps]
    if limitation.service is not None and limitation.service in context.services:
        return context.services[limitation.service].at.at(path)
    node = root.at(path)
    return node if node is not root else root.at(("name",))
