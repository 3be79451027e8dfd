"""Our charts as artifacts: files that lie beside this module, put together and copied.

A chart is its own folder plus `charts/common`: shared templates are copied into
it, shared properties and definitions merged into its values.schema.json, so
that each chart in the output stands alone and renders without
`helm dependency build`. Nothing of a plan reaches these files.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from compiler.artifacts import Artifact
from compiler.targets.generated import marked
from compiler.targets.helm.layout import ChartKind, chart_path

_SCHEMA = "values.schema.json"


@cache
def chart_artifacts(kind: ChartKind) -> tuple[Artifact, ...]:
    """All files of one chart, sorted by path."""
    contents = _read(_folder("common")) | _read(_folder(kind))
    contents[_SCHEMA] = json.dumps(values_schema(kind), indent=2) + "\n"
    root = chart_path(kind)
    paths = {name: f"{root}/{name}" for name in sorted(contents)}
    return tuple(Artifact(path, marked(path, contents[name])) for name, path in paths.items())


@cache
def values_schema(kind: ChartKind) -> dict[str, Any]:
    """The JSON Schema (draft-07) of a chart's values; not to be changed by the caller."""
    shared = json.loads(_folder("common").joinpath(_SCHEMA).read_text("utf-8"))
    schema: dict[str, Any] = json.loads(_folder(kind).joinpath(_SCHEMA).read_text("utf-8"))
    schema["properties"] = shared["properties"] | schema["properties"]
    schema["definitions"] = shared["definitions"]
    return schema


def _folder(name: str) -> Traversable:
    return files(__package__) / "charts" / name


def _read(folder: Traversable, prefix: str = "") -> dict[str, str]:
    """Every file below a folder by its path from there; charts are two levels deep."""
    result: dict[str, str] = {}
    for entry in folder.iterdir():
        if entry.is_dir():
            result |= _read(entry, f"{prefix}{entry.name}/")
        else:
            result[prefix + entry.name] = entry.read_text("utf-8").replace("\r\n", "\n")
    return result
