"""Why steps of a build hit or miss, as JSON for machines; `schema` says what each key means."""

from __future__ import annotations

from typing import Any

from compiler.emit.json import dump
from compiler.layers.why import Verdict
from stagecast.layer_reasons import BuildReasons, End
from stagecast.views.layer_reasons.phrases import line_of, step_text

WHY_VERSION = "stagecast/why/v1"


def render(found: BuildReasons) -> str:
    """The document, ending with a line end."""
    return dump(as_data(found))


def as_data(found: BuildReasons) -> dict[str, Any]:
    """As plain dicts and lists, in the order of the schema."""
    return {
        "version": WHY_VERSION,
        "environment": found.environment,
        "services": list(found.services),
        "dockerfile": _text(found.dockerfile),
        "context": _text(found.context),
        "target": found.target,
        "cache": found.cache,
        "from": _end(found.before),
        "to": _end(found.after),
        "hits": sum(verdict.hit for verdict in found.verdicts),
        "misses": sum(not verdict.hit for verdict in found.verdicts),
        "steps": [_step(verdict, found.stages) for verdict in found.verdicts],
    }


def _end(end: End) -> dict[str, Any]:
    return {"name": _text(end.name), "commit": end.commit, "hasDockerfile": end.has_dockerfile}


def _step(verdict: Verdict, stages: tuple[str, ...]) -> dict[str, Any]:
    step = verdict.step
    return {
        "step": step.index,
        "line": line_of(step),
        "kind": step.kind.value,
        "stage": stages[step.stage],
        "instruction": _text(step_text(step)),
        "hit": verdict.hit,
        "sure": verdict.sure,
        "reason": None if verdict.reason is None else verdict.reason.value,
        "roots": list(verdict.roots),
        "files": [
            {"path": _text(change.path), "difference": change.difference.value} for change in verdict.files
        ],
        "parts": [
            {
                "name": _text(change.name),
                "line": None if change.origin is None else change.origin.span.first.line,
                "gone": change.gone,
                "was": None if change.was is None else _text(change.was),
                "now": None if change.now is None else _text(change.now),
            }
            for change in verdict.parts
        ],
    }


def _text(text: str) -> str:
    """What JSON can hold: a name's bytes that are not UTF-8 become U+FFFD."""
    return text.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="replace")
