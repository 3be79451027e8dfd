"""Mistakes to make in a document: at every place of its data, one of every sort."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from compiler.diagnostics.model import Findings
from compiler.document.node import Node
from compiler.document.parse import parse
from compiler.source import SourceFile

Path = tuple[str | int, ...]

ODD_SCALARS: list[Any] = [
    *(None, True, False, 0, 1, -1, 7, 80, 65536, 10**20, 0.5, 1.0, -0.0, 1e300, 0.0015, 256.0005),
    *(
        "",
        " ",
        "a",
        "A b",
        "true",
        "7",
        "0",
        "16Gi",
        "512m",
        "4GB",
        "500m",
        "30m",
        "0s",
        "1h30m",
        "25%",
        "HTTP",
    ),
    *(
        "postgresql",
        "job",
        "container",
        "a\nb",
        "a\u0000b",
        "é",
        "x" * 20,
        "x" * 300,
        "../..",
        "{{A}}",
        "0 3 * * *",
    ),
]
ODD_VALUES = [*ODD_SCALARS, [], {}, [None], ["a"], {"a": 1}, {"type": "job"}, [{"internal": 80}]]


def node_of(data: Any) -> Node:
    """Plain data as a document is read; JSON is YAML."""
    findings = Findings()
    root = parse(SourceFile("data.yaml", json.dumps(data, ensure_ascii=False)), findings)
    assert root is not None
    assert not len(findings)
    return root


def all_paths(data: Any, path: Path = ()) -> Iterator[Path]:
    """Every place below the root."""
    children: list[tuple[str | int, Any]] = []
    if isinstance(data, dict):
        children = list(data.items())
    elif isinstance(data, list):
        children = list(enumerate(data))
    for step, child in children:
        yield (*path, step)
        yield from all_paths(child, (*path, step))


def at(data: Any, path: Path) -> Any:
    for step in path:
        data = data[step]
    return data


def replaced(data: Any, path: Path, value: Any) -> Any:
    """A copy with another value at `path`."""
    result = copy.deepcopy(data)
    at(result, path[:-1])[path[-1]] = value
    return result


@st.composite
def mutated(draw: st.DrawFn, data: Any) -> Any:
    """`data` after up to three changes: values replaced, keys dropped, added or renamed."""
    result = copy.deepcopy(data)
    for _ in range(draw(st.integers(0, 3))):
        paths = list(all_paths(result))
        if not paths:
            break
        path = draw(st.sampled_from(paths))
        holder, key = at(result, path[:-1]), path[-1]
        match draw(st.sampled_from(["replace", "replace", "drop", "add", "rename", "copy"])):
            case "replace":
                holder[key] = copy.deepcopy(draw(st.sampled_from(ODD_VALUES)))
            case "drop":
                del holder[key]
            case "add" if isinstance(holder, dict):
                added = draw(st.sampled_from(["x-a", "x", "unknown", "type", "run", "secret", "http", ""]))
                holder[added] = copy.deepcopy(draw(st.sampled_from(ODD_VALUES)))
            case "rename" if isinstance(holder, dict):
                holder[f"{key}s"] = holder.pop(key)
            case "copy":
                holder[key] = copy.deepcopy(at(result, draw(st.sampled_from(paths))))
    return result
