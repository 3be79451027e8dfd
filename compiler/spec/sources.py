"""Where a build's files are: a Git URL, or folders of the repository that holds the spec."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from compiler.document.load import display_path, read_bytes
from compiler.document.node import Node, shortened
from compiler.source import SourceFile
from compiler.spec.model import FileSource, GitSource
from compiler.values.malformed import Malformed
from compiler.values.places import check_git_ref, check_git_url, escapes, normal_path

if TYPE_CHECKING:
    from compiler.dockerfile.reader import Dockerfile

MAX_DOCKERFILE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class SourceProblem(Exception):
    """A source that cannot be used: a code, the key it is about, and what to say."""

    code: str
    field: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class ResolvedSource:
    """A source with its paths from the repository's root, in POSIX form.

    `repository` is "." and `ref` None for the repository that holds the spec.
    `dockerfile` is None for files that are not built.
    """

    repository: str
    ref: str | None
    context: str
    dockerfile: str | None

    @property
    def is_local(self) -> bool:
        """Whether the files lie in the repository that holds the spec."""
        return self.repository == "."


def is_local_repository(repository: str) -> bool:
    """Whether a `repository` is a path and not an URL: it starts like one, or has no host."""
    return repository.startswith((".", "/", "~")) or ("://" not in repository and ":" not in repository)


def resolve_source(root: Path, source: GitSource | FileSource) -> ResolvedSource:
    """The source with its paths from the repository's root; paths count from the file that says them.

    Raises:
        SourceProblem: the URL, the ref or a path cannot be used.
    """
    inner = source.context if isinstance(source, GitSource) else source.path
    dockerfile = source.dockerfile if isinstance(source, GitSource) else None
    field_name = "context" if isinstance(source, GitSource) else "path"
    if is_local_repository(source.repository):
        said_in = Path(source.at.at(("repository",)).source.path).parent
        base = _inside(root, said_in / source.repository, "repository", source.repository)
        context = _inside(root, base / inner, field_name, inner)
        file = _inside(root, context / dockerfile, "dockerfile", dockerfile) if dockerfile else None
        return ResolvedSource(
            ".", None, _relative(root, context), _relative(root, file) if file is not None else None
        )
    _check(check_git_url, source.repository, "STC509", "repository")
    if source.ref is not None:
        _check(check_git_ref, source.ref, "STC509", "ref")
    context_path = _join(".", inner, field_name)
    return ResolvedSource(
        source.repository,
        source.ref,
        context_path,
        _join(context_path, dockerfile, "dockerfile") if dockerfile else None,
    )


def resolve_file(root: Path, said_at: Node, path: str, field_name: str) -> str:
    """A file of the repository, named relative to the file that says it, as a path from the root.

    Raises:
        SourceProblem: it leads out of the repository.
    """
    return _relative(root, _inside(root, Path(said_at.source.path).parent / path, field_name, path))


def _check(judge: object, value: str, code: str, field_name: str) -> None:
    try:
        judge(value)  # type: ignore[operator]
    except Malformed as problem:
        raise SourceProblem(code, field_name, f"`{field_name}`: {problem.message}", problem.hint) from problem


def _inside(root: Path, path: Path, field_name: str, said: str) -> Path:
    """`path` without `..`; symbolic links are followed, so that they cannot lead out either."""
    if "\0" in said:
        raise SourceProblem("STC509", field_name, f"`{field_name}` is no path", "remove the character U+0000")
    resolved = Path(os.path.realpath(path))
    if not resolved.is_relative_to(root):
        raise _leads_out(field_name, said)
    return resolved


def _leads_out(field_name: str, said: str) -> SourceProblem:
    message = f"`{field_name}: {shortened(said)}` leads out of the repository"
    return SourceProblem("STC503", field_name, message, "a build sees only files of its own repository")


def _relative(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _join(base: str, path: str, field_name: str) -> str:
    """`path` below `base` in a repository that is not here."""
    if path.startswith("/") or path == "":
        raise _leads_out(field_name, path)
    try:
        return normal_path(f"{base}/{path}")
    except Malformed as problem:
        if escapes(f"{base}/{path}"):
            raise _leads_out(field_name, path) from problem
        raise SourceProblem(
            "STC503", field_name, f"`{field_name}`: {problem.message}", problem.hint
        ) from problem


@dataclass
class Sources:
    """The sources of services, each resolved once for all that say the same. A cache, as `Dockerfiles` is."""

    root: Path
    _resolved: dict[tuple[str | None, ...], ResolvedSource | SourceProblem] = field(default_factory=dict)

    def resolve(self, source: GitSource | FileSource) -> ResolvedSource:
        """As `resolve_source`.

        Raises:
            SourceProblem: the URL, the ref or a path cannot be used.
        """
        said_in = source.at.at(("repository",)).source.path
        if isinstance(source, GitSource):
            said: tuple[str | None, ...] = (
                said_in,
                source.repository,
                source.ref,
                source.context,
                source.dockerfile,
            )
        else:
            said = (said_in, source.repository, source.ref, source.path)
        if said not in self._resolved:
            try:
                self._resolved[said] = resolve_source(self.root, source)
            except SourceProblem as problem:
                self._resolved[said] = problem
        found = self._resolved[said]
        if isinstance(found, SourceProblem):
            raise found
        return found


@dataclass
class Dockerfiles:
    """The Dockerfiles of the repository, each read once. A cache: it changes as files are asked for."""

    root: Path
    _read: dict[str, Dockerfile | None] = field(default_factory=dict)

    def get(self, path: str) -> Dockerfile | None:
        """The Dockerfile at a path from the root; None when there is no such file.

        Raises:
            SourceProblem: it is too large or not UTF-8.
        """
        if path not in self._read:
            self._read[path] = self._load(path)
        return self._read[path]

    def _load(self, path: str) -> Dockerfile | None:
        file = self.root / path
        try:
            data = read_bytes(file, MAX_DOCKERFILE_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            reason = (error.strerror or "it is not readable").lower()
            raise _unreadable(path, f"cannot be read: {reason}", "is it a file?") from error
        if len(data) > MAX_DOCKERFILE_BYTES:
            raise _unreadable(path, "is larger than 1 MiB", "is it a Dockerfile?")
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _unreadable(path, "is not UTF-8", "save it as UTF-8") from error
        # Most runs of most commands read none.
        from compiler.dockerfile.reader import read_dockerfile

        return read_dockerfile(SourceFile(display_path(Path(os.path.relpath(file))), text))


def _unreadable(path: str, what: str, hint: str) -> SourceProblem:
    return SourceProblem("STC507", "dockerfile", f"`{shortened(path)}` {what}", hint)


def said_at(source: GitSource | FileSource, *fields: str) -> Node:
    """The node of the first of some fields that the file says; the source itself where it says none."""
    return next((node for field in fields if (node := source.at.get(field)) is not None), source.at)
