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
from compiler.spec.partial import Partial, read_partly
from compiler.values.names import variable_prefix

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
    def dropped_variables(self) -> frozenset[str]:
        """The names of variables that were left out, of the environment or of a service."""
        sections = [(path, 0 if path[0] == "variables" else 2) for path in self.dropped]
        return frozenset(
            str(path[section + 1])
            for path, section in sections
            if len(path) > section + 1 and path[section] == "variables"
        )

    @cached_property
    def dropped_prefixes(self) -> frozenset[str]:
        """What the names start with that services offer of which something was left out."""
        services = {str(path[1]) for path in self.dropped if path[0] == "services" and len(path) > 1}
        return frozenset(variable_prefix(name) for name in services)

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
    read = (
        Partial(None, frozenset()) if base_missing else read_partly(ENVIRONMENT, merged, _STAND_INS, findings)
    )
    for root in chain:
        find_surprises(root, findings)
    return Loaded(merged, read.value, sources, read.dropped)
