"""How often layers were in the cache, as JSON for machines; `schema` says what each key means."""

from __future__ import annotations

from typing import Any

from compiler.emit.json import dump
from compiler.layers.replay import Split
from stagecast.layer_history import BuildHistory, ChangedPath, EnvironmentHistory, Layer

HISTORY_VERSION = "stagecast/history/v1"


def render(found: EnvironmentHistory) -> str:
    """The document, ending with a line end."""
    return dump(as_data(found))


def as_data(found: EnvironmentHistory) -> dict[str, Any]:
    """As plain dicts and lists, in the order of the schema."""
    return {
        "version": HISTORY_VERSION,
        "environment": found.environment,
        "commits": {
            **_counts(found.commits),
            "first": found.first,
            "last": found.last,
            "complete": found.complete,
        },
        "builds": [_build(build) for build in found.builds],
    }


def _build(build: BuildHistory) -> dict[str, Any]:
    return {
        "services": list(build.services),
        "dockerfile": _text(build.dockerfile),
        "context": _text(build.context),
        "target": build.target,
        "cache": build.cache,
        "rebuilds": _counts(build.rebuilds),
        "unbuildable": {"commits": build.unbuildable, "lacking": [_text(path) for path in build.lacked]},
        "recent": [_text(path) for path in build.recent],
        "outside": [_text(path) for path in build.outside],
        "layers": [_layer(layer, build.rebuilds) for layer in build.layers],
        "paths": [_path(path) for path in build.paths],
    }


def _layer(layer: Layer, rebuilds: Split) -> dict[str, Any]:
    return {
        "step": layer.step,
        "line": layer.line,
        "kind": layer.kind,
        "stage": layer.stage,
        "instruction": _text(layer.text),
        "hits": _counts(layer.hits),
        "hitRate": {
            "people": _share(layer.hits.people, rebuilds.people),
            "automatic": _share(layer.hits.automatic, rebuilds.automatic),
            "all": _share(layer.hits.all, rebuilds.all),
        },
        "breaks": layer.breaks,
    }


def _path(path: ChangedPath) -> dict[str, Any]:
    return {"path": _text(path.path), "changes": _counts(path.changes), "steps": list(path.layers)}


def _counts(split: Split) -> dict[str, int]:
    return {"people": split.people, "automatic": split.automatic, "all": split.all}


def _share(part: int, of: int) -> float | None:
    return round(part / of, 6) if of else None


def _text(text: str) -> str:
    """What JSON can hold: a name's bytes that are not UTF-8 become U+FFFD."""
    return text.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="replace")
