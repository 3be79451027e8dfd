"""Subjects: a Dockerfile with what is known of the folder and the repository around it.

Takes a path or a text, gives a Subject. Files are read when a practice asks,
the folder is listed when it does, and Git is asked for its history by
`with_history` alone: a file without findings costs its own reading.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from compiler.context.model import History, Tree
from compiler.dockerfile.copies import copy
from compiler.dockerfile.ignore import NAME as IGNORE_NAME
from compiler.dockerfile.ignore import candidates, read_ignore
from compiler.dockerfile.reader import Dockerfile
from compiler.dockerfile.tokens import decoded
from compiler.document.load import display_path, read_bytes
from compiler.practices.listing import Listing
from compiler.practices.model import Subject
from compiler.source import SourceFile

MOST_BYTES = 1024 * 1024
# Folders that Dockerfiles are put into beside the code that they build.
_APART = frozenset(
    (
        *("docker", ".docker", "dockerfiles", "dockerfile", "containers", "container", "build", "ci", ".ci"),
        *("deploy", "deployment", "deployments", "images", ".devcontainer", "ops", "infra", "hack"),
        *("scripts", "packaging", "contrib", "tools"),
    )
)
_MOST_PARENTS = 12
_COMMITS = 1000


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a subject's files are: its Dockerfile, the context (None: not known), the repository around it.

    `folder` and `root` are absolute, without links. `root` is None outside of any repository.
    """

    file: Path
    folder: str | None
    root: str | None


def read_source(file: Path) -> SourceFile:
    """A Dockerfile's text; bytes that are not UTF-8 are kept (see `tokens.decoded`).

    Raises:
        OSError: it cannot be read.
        ValueError: it is larger than a megabyte, or a link that leads out of its repository.
    """
    if os.path.islink(file):
        home = os.path.realpath(file.parent)
        inside = repository(home) or home
        if os.path.commonpath((os.path.realpath(file), inside)) != inside:
            raise ValueError("the file is a link that leads out of the repository")
    data = read_bytes(file, MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise ValueError("the file is larger than 1 MiB")
    return decoded(display_path(file), data)


def located(file: Path, dockerfile: Dockerfile) -> Origin:
    """Where the files of a Dockerfile are that nobody told more of.

    The context is the folder from which most of the paths exist that it copies
    by their names, of the Dockerfile's own and those around it in the
    repository; the nearest of several. It is not known where none of them
    exists, and of a file in a folder such as docker/ that names none.
    """
    home = os.path.realpath(file.parent)
    root = repository(home)
    named = _named_sources(dockerfile)
    if not named:
        return Origin(file, None if os.path.basename(home).lower() in _APART else home, root)
    best, found = None, 0
    for folder in _upwards(home, root):
        there = sum(os.path.lexists(os.path.join(folder, path)) for path in named)
        if there > found:
            best, found = folder, there
        if found == len(named):
            break
    return Origin(file, best, root)


def repository(folder: str) -> str | None:
    """The nearest folder with a `.git`, from this one upwards; None without any."""
    while not os.path.lexists(os.path.join(folder, ".git")):
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above
    return folder


def subject_of(
    dockerfile: Dockerfile,
    origin: Origin | None = None,
    *,
    target: str | None = None,
    arguments: Sequence[tuple[str, str]] = (),
    persistent: bool = True,
    instead: Mapping[str, str] | None = None,
) -> Subject:
    """A Dockerfile that can be read as a subject; without `origin` nothing but its text is known.

    `instead` are texts, by the paths that people see, that count for those on the disk.
    """
    from compiler.layers.lower import lower

    graph = lower(dockerfile, target, dict(arguments))
    plain = Subject(dockerfile, graph, target, tuple(arguments), persistent=persistent)
    if origin is None or origin.folder is None:
        return plain
    folder = origin.folder
    inside = origin.root or folder

    def read(path: str) -> SourceFile | None:
        return _text(os.path.join(folder, path), inside)

    ignore_path, ignore = _ignore(origin.file, folder, inside)
    if instead and ignore_path in instead:
        ignore = SourceFile(ignore_path, instead[ignore_path])
    prefix = os.path.relpath(folder, origin.root).replace(os.sep, "/") if origin.root else "."
    return replace(
        plain,
        context=Tree("the working tree", Listing(folder)),
        read=read,
        ignore=read_ignore(ignore) if ignore is not None else None,
        ignore_path=ignore_path,
        prefix=prefix,
    )


def with_history(
    subject: Subject, origin: Origin, known: dict[str, History] | None = None
) -> tuple[Subject, str]:
    """The subject with its repository's history, and why there is none ("" where there is).

    With `known`, histories by repository, all of a repository is read once and kept there; without it, what
    changed in the context.
    """
    from compiler.context.problems import ContextProblem

    if origin.root is None or origin.folder is None:
        return subject, "there is no history" if origin.root is None else "the context is not known"
    try:
        history = _history(origin.root, subject.prefix, known)
    except ContextProblem as problem:
        return subject, problem.message
    return replace(subject, history=history), ""


def _history(root: str, prefix: str, known: dict[str, History] | None) -> History:
    """The last thousand commits."""
    from compiler.context.history import read_history

    if known is None:
        return read_history(Path(root), commits=_COMMITS, below=prefix)
    if root not in known:
        known[root] = read_history(Path(root), commits=_COMMITS)
    return known[root]


def _named_sources(dockerfile: Dockerfile) -> list[str]:
    """The paths that the file copies from the context by their names, at most a hundred."""
    found: dict[str, None] = {}
    for stage in dockerfile.stages:
        for instruction in stage.instructions:
            copied = copy(instruction)
            if copied is None or copied.origin is not None:
                continue
            for word in copied.sources:
                path = os.path.normpath(word.text.strip("\"'").lstrip("/") or ".")
                plain = not any(character in path for character in "$*?[\\\0") and "://" not in word.text
                if plain and path != "." and not path.startswith("..") and len(path) < 1000:
                    found[path] = None
            if len(found) > 100:
                return list(found)
    return list(found)


def _upwards(folder: str, root: str | None) -> Iterator[str]:
    """A folder and those around it up to the repository's root; itself alone outside of one."""
    for _ in range(_MOST_PARENTS):
        yield folder
        if root is None or folder == root:
            return
        folder = os.path.dirname(folder)


def _ignore(file: Path, folder: str, inside: str) -> tuple[str, SourceFile | None]:
    """Where the .dockerignore that counts is, or would be written; and its text."""
    for path in candidates(os.path.join(os.path.realpath(file.parent), file.name), folder):
        if (found := _text(path, inside)) is not None:
            return found.path, found
    return _shown(os.path.join(folder, IGNORE_NAME)), None


def _shown(path: str) -> str:
    """How people see a path from here."""
    return os.path.relpath(path).replace(os.sep, "/")


def _text(path: str, inside: str) -> SourceFile | None:
    """A small text file; None for others, and for one outside of `inside`."""
    try:
        if not os.path.lexists(path):
            return None
        real = os.path.realpath(path)
        if os.path.commonpath((inside, real)) != inside:
            return None
        data = read_bytes(real, MOST_BYTES + 1)
    except (OSError, ValueError):
        return None
    if len(data) > MOST_BYTES or b"\0" in data:
        return None
    return decoded(_shown(path), data)
