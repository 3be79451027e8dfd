"""How often each layer of an environment's builds would have been in the cache, from Git's history.

Takes local builds and a history, gives plain numbers; `stagecast.views.layer_history`
shows them. A rebuild is a commit that changes a file that the build can see.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from compiler.context.model import Commit, History
from compiler.layers.model import Replay, Step, StepKind
from compiler.layers.reads import readers
from compiler.layers.replay import Cache, Line, Split, line_of, path_changes
from stagecast.images import LocalBuild


@dataclass(frozen=True, slots=True)
class Layer:
    """One step of a build: `hits` are the rebuilds that found it in the cache.

    `step` is its index among the build's steps, `line` and `text` are those of its instruction, `stage`
    the name of its stage, or its number. `breaks` are the rebuilds of which it was the first that was missed.
    """

    step: int
    line: int
    text: str
    kind: str
    stage: str
    hits: Split
    breaks: int


@dataclass(frozen=True, slots=True)
class ChangedPath:
    """A path of the context and the rebuilds that changed it; `layers` are the steps that read it."""

    path: str
    changes: Split
    layers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BuildHistory:
    """One build over the history.

    `unbuildable` are commits of whose files today's Dockerfile could not be
    built, since they have nothing for some pattern of `lacked`. `recent` and `outside` are patterns as well:
    of files that are new, and that are not in Git. `layers` are in the order of the
    steps, without base images; `paths` the most frequent first, only those that a layer reads.
    """

    services: tuple[str, ...]
    dockerfile: str
    context: str
    target: str | None
    cache: Cache
    rebuilds: Split
    unbuildable: int
    lacked: tuple[str, ...]
    recent: tuple[str, ...]
    outside: tuple[str, ...]
    layers: tuple[Layer, ...]
    paths: tuple[ChangedPath, ...]


@dataclass(frozen=True, slots=True)
class EnvironmentHistory:
    """All local builds of an environment; `first` and `last` are ids of commits, None without commits.

    `complete` tells that there are no older commits.
    """

    environment: str
    commits: Split
    first: str | None
    last: str | None
    complete: bool
    builds: tuple[BuildHistory, ...]


def history_of(
    environment: str, builds: Iterable[tuple[LocalBuild, Cache]], history: History
) -> EnvironmentHistory:
    """The history of some builds, each with the cache that it has."""
    commits = history.commits
    return EnvironmentHistory(
        environment,
        _split(commits),
        commits[0].revision if commits else None,
        commits[-1].revision if commits else None,
        history.complete,
        tuple(_build(local, cache, history) for local, cache in builds),
    )


def _build(local: LocalBuild, cache: Cache, history: History) -> BuildHistory:
    line = line_of(local.graph, history, local.prefix, local.ignore, cache=cache)
    source = local.build.source
    assert source.dockerfile is not None
    return BuildHistory(
        local.build.services,
        source.dockerfile,
        local.prefix,
        source.target,
        cache,
        _split(line.commits),
        line.unbuildable,
        line.lacked,
        line.recent,
        line.outside,
        tuple(_layers(local, line.replay)),
        _paths(local, line, history),
    )


def _layers(local: LocalBuild, found: Replay) -> Iterable[Layer]:
    shown = [step for step in found.graph.steps if step.kind is not StepKind.IMAGE]
    missed = [frozenset(each) for each in found.missed]
    images = {step.index for step in found.graph.steps if step.kind is StepKind.IMAGE}
    first = [min(each - images, default=None) for each in missed]
    for step in shown:
        hits = [
            automatic
            for each, automatic in zip(missed, found.automatic, strict=True)
            if step.index not in each
        ]
        yield Layer(
            step.index,
            step.instruction.span.first.line,
            _text(step),
            step.kind.value,
            local.dockerfile.stages[step.stage].alias or str(step.stage),
            Split(hits.count(False), hits.count(True)),
            first.count(step.index),
        )


def _text(step: Step) -> str:
    """The instruction on one line."""
    return " ".join(step.instruction.span.text.replace("\\\n", " ").split())


def _paths(local: LocalBuild, line: Line, history: History) -> tuple[ChangedPath, ...]:
    changes = path_changes(replace(history, commits=line.commits), local.prefix)
    by_path = readers(local.graph, changes, local.ignore)
    return tuple(
        ChangedPath(path, split, by_path[path]) for path, split in changes.items() if path in by_path
    )


def _split(commits: Sequence[Commit]) -> Split:
    automatic = sum(commit.automatic for commit in commits)
    return Split(len(commits) - automatic, automatic)
