"""Reading as much of a document as can be read: what is wrong is reported and left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from compiler.diagnostics.model import Findings
from compiler.document.node import Node
from compiler.spec.explain import Path, explain
from compiler.spec.shape import Record, Rejected

# What is left out may be needed by what holds it, and so on: less often than values nest.
_MAX_PRUNINGS = 50


@dataclass(frozen=True, slots=True)
class Partial:
    """What could be read, None when not even the frame could be, and the paths that were left out."""

    value: Any
    dropped: frozenset[Path]


def read_partly(shape: Record, root: Node, stand_ins: Mapping[str, Any], findings: Findings) -> Partial:
    """The record that `root` holds, without what is wrong with it, which is reported.

    `stand_ins` are values for the keys of the root that have to be there.
    """
    dropped: set[Path] = set()
    pruned = root
    for attempt in range(_MAX_PRUNINGS):
        try:
            return Partial(shape.read(pruned), frozenset(dropped))
        except Rejected:
            explanation = explain(shape, pruned)
        # A reader rejects nothing that its schema accepts: tests/properties.
        assert explanation.complaints
        if attempt == 0:
            explanation.report(findings)
        if not explanation.complete:
            break
        paths = {complaint.path for complaint in explanation.complaints} - {()}
        dropped |= paths
        pruned = _with_frame(_without(pruned, paths), stand_ins)
    return Partial(None, frozenset(dropped))


def _with_frame(root: Node, stand_ins: Mapping[str, Any]) -> Node:
    assert isinstance(root.children, dict)
    added = {
        key: Node(value, {} if value == {} else None, root.source, 0, 0)
        for key, value in stand_ins.items()
        if key not in root.children
    }
    return root.with_children(root.children | added)


def _without(root: Node, paths: set[Path]) -> Node:
    """The document without the values at `paths` (none of them the root)."""
    heads: dict[str | int, set[Path]] = {}
    for path in paths:
        heads.setdefault(path[0], set()).add(path[1:])
    if isinstance(root.children, dict):
        return root.with_children(
            {
                key: _without(child, heads[key]) if key in heads else child
                for key, child in root.children.items()
                if () not in heads.get(key, ())
            }
        )
    if isinstance(root.children, list):
        return root.with_children(
            [
                _without(child, heads[index]) if index in heads else child
                for index, child in enumerate(root.children)
                if () not in heads.get(index, ())
            ]
        )
    return root
