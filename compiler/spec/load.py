"""An environment file to a typed `Environment`, as much of it as can be read.

A mistake in one place does not hide those in others: what is wrong is reported
and left out, and the rest is read, so that the checks that follow see it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from compiler.diagnostics.model import Findings
from compiler.document.node import Node
from compiler.document.surprises import find_surprises
from compiler.source import SourceFile
from compiler.spec.explain import Path as NodePath
from compiler.spec.explain import explain
from compiler.spec.model import API_VERSION, ENVIRONMENT, KIND, Environment
from compiler.spec.overlay import merge_chain, read_chain
from compiler.spec.shape import Rejected

# What is left out may be needed by what holds it, and so on: less often than values nest.
_MAX_PRUNINGS = 50
_STAND_INS = {"apiVersion": API_VERSION, "kind": KIND, "name": "environment", "services": {}}


@dataclass(frozen=True)
class Loaded:
    """An environment and what it was read from.

    `root` is the merged document as written, with what could not be read;
    `environment` is None when not even its frame could be read. `dropped` are
    the paths that were left out. `sources` are all files, the entry first.
    """

    root: Node
    environment: Environment | None
    sources: tuple[SourceFile, ...]
    dropped: frozenset[NodePath]

    def known(self, section: str) -> Iterable[str]:
        """The names under a top-level mapping as written, whether they could be read or not."""
        node = self.root.get(section)
        return [name for name, _ in node.items()] if node is not None else []

    def is_whole(self, *path: str | int) -> bool:
        """Whether nothing at, below or above a place was left out."""
        above = (path[:length] in self.dropped for length in range(1, len(path)))
        return path not in self._touched and not any(above)

    @cached_property
    def _touched(self) -> frozenset[NodePath]:
        """All places at which, or below which, something was left out."""
        return frozenset(path[:length] for path in self.dropped for length in range(len(path) + 1))


def load_environment(path: Path, findings: Findings, repository: Path | None = None) -> Loaded | None:
    """Read, merge and type the environment at `path`; None when there is nothing to go on with.

    Bases are read from `repository` only, where it is given.

    Raises:
        OSError: the file cannot be read.
    """
    chain = read_chain(path, findings, repository)
    if not chain:
        return None
    sources = tuple(root.source for root in chain)
    base_missing = chain[-1].get("extends") is not None
    if len(chain) > 1 or base_missing:
        for root in chain:
            explain(ENVIRONMENT, root, partial=True).report(findings)
    merged = merge_chain(chain)
    # Of what a missing base would say nothing is known, so neither is what else is wrong.
    unknown = Loaded(merged, None, sources, frozenset())
    loaded = unknown if base_missing else _read(merged, sources, findings)
    for root in chain:
        find_surprises(root, findings)
    return loaded


def _read(root: Node, sources: tuple[SourceFile, ...], findings: Findings) -> Loaded:
    """The environment without what is wrong with it, which is reported."""
    dropped: set[NodePath] = set()
    pruned = root
    for attempt in range(_MAX_PRUNINGS):
        try:
            return Loaded(root, ENVIRONMENT.read(pruned), sources, frozenset(dropped))
        except Rejected:
            explanation = explain(ENVIRONMENT, pruned)
        if attempt == 0:
            explanation.report(findings)
        if not explanation.complete:
            break
        paths = {complaint.path for complaint in explanation.complaints} - {()}
        dropped |= paths
        pruned = _with_frame(_without(pruned, paths))
    return Loaded(root, None, sources, frozenset(dropped))


def _with_frame(root: Node) -> Node:
    """The document with stand-ins for the keys that every environment has."""
    assert isinstance(root.children, dict)
    missing = {key: value for key, value in _STAND_INS.items() if key not in root.children}
    stand_ins = {
        key: Node(value, {} if value == {} else None, root.source, 0, 0) for key, value in missing.items()
    }
    return root.with_children(root.children | stand_ins)


def _without(root: Node, paths: set[NodePath]) -> Node:
    """The document without the values at `paths` (none of them the root)."""
    heads: dict[str | int, set[NodePath]] = {}
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
