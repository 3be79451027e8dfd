"""Why the steps of one build of an environment hit or miss between two moments of its repository.

Takes a build and two ends, reads each from Git or from the working tree, gives
verdicts and what they are about; `stagecast.views.layer_reasons` shows them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from compiler.context.git import open_repository, read_tree
from compiler.context.visible import visible
from compiler.context.working import read_working_tree
from compiler.layers.cache import PersistentCache, RegistryCache
from compiler.layers.replay import Cache
from compiler.layers.why import Snapshot, Verdict, why
from compiler.plan.model import Build
from stagecast.images import LocalBuild, at_revision, local_build, working_tree


@dataclass(frozen=True, slots=True)
class End:
    """One of the two moments. `name` is what people call it; `commit` its full id, None for the working tree.

    `files` tells whether the build's Dockerfile is there.
    """

    name: str
    commit: str | None
    has_dockerfile: bool


@dataclass(frozen=True, slots=True)
class BuildReasons:
    """The verdicts on one build.

    `stages` are the names of its Dockerfile's stages, numbers where they have none;
    `dockerfile` and `context` are paths from the repository's root.
    """

    environment: str
    services: tuple[str, ...]
    dockerfile: str
    context: str
    target: str | None
    cache: Cache
    before: End
    after: End
    stages: tuple[str, ...]
    verdicts: tuple[Verdict, ...]


def reasons_of(
    environment: str, build: Build, root: Path, revisions: tuple[str | None, str | None], cache: Cache
) -> BuildReasons:
    """The verdicts on a local build at the second revision, after a build of the first on an empty cache.

    None is the working tree. Build arguments are those of `build` at both ends.

    Raises:
        NotARepository, UnknownRevision, ShallowRepository, UnreadableRepository: from `compiler.context`.
        OSError: a file of the working tree cannot be read.
    """
    (before, was, _), (after, is_, local) = (_end(build, root, each) for each in revisions)
    holder = RegistryCache("max") if cache == "registry" else PersistentCache()
    source = build.source
    assert source.dockerfile is not None
    return BuildReasons(
        environment,
        build.services,
        source.dockerfile,
        source.context,
        source.target,
        cache,
        before,
        after,
        _stage_names(local),
        why(was, is_, holder),
    )


def _end(build: Build, root: Path, revision: str | None) -> tuple[End, Snapshot, LocalBuild | None]:
    commit = None if revision is None else open_repository(root).commit(revision)
    if revision is None or commit is None:
        tree, read = read_working_tree(root), working_tree(root)
        name = tree.name
    else:
        tree, read = read_tree(root, commit), at_revision(root, commit)
        name = revision if commit.startswith(revision) else f"{revision} ({commit[:12]})"
    local = local_build(build, root, read)
    files = tree.below(build.source.context)
    seen = visible(files, local.ignore if local is not None else None)
    graph = local.graph if local is not None else None
    return End(name, commit, local is not None), Snapshot(graph, files, seen), local


def _stage_names(local: LocalBuild | None) -> tuple[str, ...]:
    stages = local.dockerfile.stages if local is not None else ()
    return tuple(stage.alias or str(number) for number, stage in enumerate(stages))
