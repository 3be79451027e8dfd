"""The builds of an environment whose files are here: Dockerfile, .dockerignore and steps of each.

Joins a plan's builds with what the compiler says of Dockerfiles, for the
commands that are about layers. Files come by a reader, so that the working
tree and a commit are asked in the same way.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from compiler.context.git import read_blob
from compiler.dockerfile.ignore import IgnoreFile, candidates, read_ignore
from compiler.dockerfile.reader import Dockerfile, read_dockerfile
from compiler.document.load import display_path, read_bytes
from compiler.layers.lower import lower
from compiler.layers.model import BuildGraph
from compiler.plan.model import Build, Plan
from compiler.source import SourceFile

if TYPE_CHECKING:
    from compiler.driver import Checked

MOST_BYTES = 1024 * 1024

Reader = Callable[[str], SourceFile | None]
"""The text at a path from the repository's root; None where there is no file."""


@dataclass(frozen=True, slots=True)
class LocalBuild:
    """One build of files that lie in the repository of the spec.

    `root` is that repository's folder, `prefix` the context's path from it ("." is the root itself).
    `ignore` is the .dockerignore that counts, None without one; `ignore_path` where
    it is, or where one would be written, from the root as well. `graph` are the
    steps of the build's target with its arguments.
    """

    build: Build
    dockerfile: Dockerfile = field(repr=False)
    ignore: IgnoreFile | None = field(repr=False)
    ignore_path: str
    graph: BuildGraph = field(repr=False)
    root: Path
    prefix: str


def local_builds(checked: Checked, plan: Plan) -> tuple[LocalBuild, ...]:
    """The local builds of a plan, in its order, as the working tree has them.

    Raises:
        OSError: a file cannot be read.
    """
    root = checked.job.root
    read = working_tree(root)
    found = (local_build(build, root, read) for build in plan.builds)
    return tuple(each for each in found if each is not None)


def local_build(build: Build, root: Path, read: Reader) -> LocalBuild | None:
    """One build with the files that `read` gives; None for another repository's, or without a Dockerfile."""
    source = build.source
    if not source.is_local or source.dockerfile is None:
        return None
    text = read(source.dockerfile)
    if text is None:
        return None
    dockerfile = read_dockerfile(text)
    ignore_path, ignore = _ignore(source.dockerfile, source.context, read)
    graph = lower(dockerfile, source.target, dict(build.arguments))
    return LocalBuild(build, dockerfile, ignore, ignore_path, graph, root, source.context)


def working_tree(root: Path) -> Reader:
    """Reads the files as they lie there, at most a megabyte of each; named as people see them from here.

    A link that leads out of the repository is no file.
    """
    inside = os.path.realpath(root)

    def read(path: str) -> SourceFile | None:
        file = os.path.realpath(root / path)
        if os.path.commonpath((inside, file)) != inside:
            return None
        try:
            data = read_bytes(file, MOST_BYTES)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        return _source(display_path(Path(os.path.relpath(root / path))), data)

    return read


def at_revision(root: Path, revision: str) -> Reader:
    """Reads the files of a commit; the path that is shown says which.

    The reader raises what `compiler.context.git.read_blob` raises.
    """

    def read(path: str) -> SourceFile | None:
        data = read_blob(root, revision, path)
        return None if data is None else _source(f"{revision}:{path}", data[:MOST_BYTES])

    return read


def _source(name: str, data: bytes) -> SourceFile:
    return SourceFile(name, data.decode("utf-8", errors="replace"))


def _ignore(dockerfile: str, context: str, read: Reader) -> tuple[str, IgnoreFile | None]:
    paths = candidates(dockerfile, context)
    for path in paths:
        text = read(path)
        if text is not None:
            return path, read_ignore(text)
    # One beside the Dockerfile counts for it alone, so a new one is the context's.
    return paths[1], None
