"""Which steps run in rebuilds of a repository whose history is not known.

Takes a graph and a context, gives a Replay of made-up rebuilds. Every rebuild
changes source files; some change manifests as well, few change a single file
that is copied by its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from compiler.context.model import Tree
from compiler.layers.model import BuildGraph, Read, Replay, Step
from compiler.layers.selection import selected
from compiler.shell.ecosystems import made_of_manifests, says_dependencies

REBUILDS = 100
"""How many rebuilds are made up."""

MANIFESTS_CHANGED = 29
"""Of 100 rebuilds, those in which a manifest changes.

Measured on the histories of 14 public repositories: of the people's commits that touch a service, 0.29
change a manifest of it (those of dependency bots: 0.76).
"""

FILE_CHANGED = 5
"""Of 100 rebuilds, those in which files change that are copied by name and are no source: judgement."""

# Strides without a common factor with 100: each kind of change hits as many rebuilds as said, spread
# evenly over those of the other kinds.
_MANIFEST_STRIDE, _FILE_STRIDE = 37, 61
_SOURCE = re.compile(
    r".*\.(?:py|js|cjs|mjs|jsx|ts|tsx|vue|svelte|go|java|kt|kts|scala|rs|rb|php|cs|fs|vb|c|cc|cpp|cxx|h|hpp|swift|dart"
    r"|ex|exs|erl|hs|clj|pl|lua|r|jl|css|scss|less|html|jar|war|zip|tar|gz|whl)",
    re.IGNORECASE,
)  # fmt: skip
_NAMED_FILE = re.compile(
    r"\.?[^/*?\[]*\.[A-Za-z0-9_]{1,12}|[A-Z][A-Za-z]*file(?:\.[a-z]+)?|LICENSE|README|Makefile"
)


def assumed_replay(graph: BuildGraph, context: Tree | None) -> Replay:
    """Made-up rebuilds: which steps run in each. Their revisions are "": no commit stands behind them.

    `context` is what .dockerignore leaves; without it a pattern with an extension is taken for a file. A step
    runs if a file that it reads changes, or a step that it needs runs: what a command writes is taken to
    change when it runs anew, but for what is made of manifests only.
    """
    files = {path: _kind(path) for path in context.entries} if context is not None else None
    kinds = [_kinds(step, files) for step in graph.steps]
    # There are four kinds of rebuilds.
    missed = {changed: _missed(graph, kinds, changed) for changed in set(_CHANGED)}
    revisions, automatic = ("",) * REBUILDS, (False,) * REBUILDS
    return Replay(graph, revisions, automatic, tuple(missed[changed] for changed in _CHANGED))


def _changed(build: int) -> frozenset[str]:
    """The sorts of files that change before a made-up rebuild."""
    manifest = build * _MANIFEST_STRIDE % REBUILDS < MANIFESTS_CHANGED
    file = build * _FILE_STRIDE % REBUILDS < FILE_CHANGED
    return frozenset(("source", *["manifest"] * manifest, *["file"] * file))


_CHANGED = tuple(map(_changed, range(REBUILDS)))


def _missed(graph: BuildGraph, kinds: list[frozenset[str]], changed: frozenset[str]) -> tuple[int, ...]:
    ran: set[int] = set()
    for step in graph.steps:
        if not kinds[step.index].isdisjoint(changed) or not ran.isdisjoint(_carried(step)):
            ran.add(step.index)
    return tuple(sorted(ran))


def _carried(step: Step) -> set[int]:
    """The steps whose run makes a step run: not those that only manifests are copied from."""
    needs = {read.origin for read in step.reads if read.origin is not None and not _prepared(read)}
    return needs if step.parent is None else needs | {step.parent}


def _prepared(read: Read) -> bool:
    return bool(read.patterns) and all(made_of_manifests(pattern) for pattern in read.patterns)


def _kinds(step: Step, files: Mapping[str, str] | None) -> frozenset[str]:
    """What sorts of files of the context a step reads: "source", "manifest", "file"."""
    kinds: set[str] = set()
    for read in step.reads:
        if read.origin is None:
            kinds.update(_kinds_of(read, files))
        elif _prepared(read):
            kinds.add("manifest")
    return frozenset(kinds)


def _kinds_of(read: Read, files: Mapping[str, str] | None) -> Iterator[str]:
    if files is None:
        for pattern in read.patterns:
            name = pattern.rpartition("/")[2]
            yield _kind(pattern) if _NAMED_FILE.fullmatch(name) else _kind_of_pattern(pattern)
        return
    paths = list(selected(read, files))
    named = len(paths) == len(read.patterns) and not any("*" in pattern for pattern in read.patterns)
    kinds = {files[path] for path in paths}
    # A file among others of a folder is as good as source: something of the folder changes.
    yield from kinds if named or kinds == {"manifest"} else {"source", *kinds}


def _kind_of_pattern(pattern: str) -> str:
    """A wildcard for manifests (`package*.json`) or a folder."""
    return "manifest" if says_dependencies(pattern.replace("*", "")) else "source"


def _kind(path: str) -> str:
    if says_dependencies(path):
        return "manifest"
    return "source" if _SOURCE.fullmatch(path) else "file"
