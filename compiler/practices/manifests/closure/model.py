"""What a closure is: all files that an install of dependencies reads, and what it writes.

Owns the values and how a project's files are asked for. Paths are those of the
context, after .dockerignore; `image` paths are absolute. Knows no Dockerfile.
"""

from __future__ import annotations

import json
import posixpath
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from compiler.dockerfile.ignore_patterns import BadPattern, matcher
from compiler.source import SourceFile

_MOST_MATCHES = 1_000_000


@dataclass(frozen=True, slots=True)
class Closure:
    """What an install reads of the context.

    `files` and `folders` (taken whole) are sorted. `writes` are the folders of
    the project that it fills. `blocked` says why nobody can be sure that this is all
    of it, "" where it is; `doubts` say why what is built may differ although it is.
    `local` tells that it reads sources of the project: packages in it, or what its scripts run.
    """

    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    blocked: str = ""
    doubts: tuple[str, ...] = ()
    local: bool = False

    @property
    def paths(self) -> tuple[str, ...]:
        """Files and folders."""
        return (*self.files, *self.folders)


class NotSure(Exception):
    """What an install reads cannot be told; the text is a clause that says why."""


class ReadsSources(NotSure):
    """It reads sources of the project itself."""


@dataclass(frozen=True, slots=True)
class Project:
    """The folder that an install works in.

    `folder` is its path in the context ("." is the root), `image` where it lies
    when the install runs. `paths` are all files that the build sees, `read`
    gives the text of one, `located` the context's path of a file of the image
    (None: it is not from the context).
    """

    folder: str
    image: str
    paths: Mapping[str, object] = field(repr=False)
    read: Callable[[str], SourceFile | None] = field(repr=False)
    located: Callable[[str], str | None] = field(repr=False)

    def at(self, *names: str) -> str:
        """A path of the context from one that counts from the folder."""
        return joined(self.folder, *names)

    def has(self, path: str) -> bool:
        """Whether the build sees a file of this path."""
        return path in self.paths

    def present(self, *names: str, folder: str | None = None) -> list[str]:
        """Those of some names that are files of a folder (None: of the project's own)."""
        base = self.folder if folder is None else folder
        return [path for path in (joined(base, name) for name in names) if path in self.paths]

    def below(self, folder: str) -> Iterator[str]:
        """All files below a folder of the context."""
        start = "" if folder in ("", ".") else folder.rstrip("/") + "/"
        return (path for path in self.paths if path.startswith(start))

    def holds(self, folder: str) -> bool:
        """Whether there is a file below a folder of the context."""
        return any(True for _ in self.below(folder))

    def text(self, path: str) -> str:
        """The text of a file.

        Raises:
            NotSure: there is none, or it cannot be read.
        """
        source = self.read(path) if path in self.paths else None
        if source is None:
            raise NotSure(f"`{path}` cannot be read")
        return source.text

    def word(self, word: str) -> str:
        """The context's path of a file that a command names.

        Raises:
            NotSure: it holds a variable, or is no file of the context.
        """
        image = posixpath.normpath(posixpath.join(self.image, word))
        found = None if "$" in word or "`" in word else self.located(image)
        if found is None:
            raise NotSure(f"`{word}` is no file that the context is known to hold")
        return found

    def json(self, path: str) -> dict[str, Any]:
        """An object in JSON.

        Raises:
            NotSure: the file is none.
        """
        try:
            found = json.loads(self.text(path))
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise NotSure(f"`{path}` is no JSON object")
        return found

    def toml(self, path: str) -> dict[str, Any]:
        """A table in TOML.

        Raises:
            NotSure: the file is none.
        """
        try:
            return tomllib.loads(self.text(path))
        except (ValueError, RecursionError):
            raise NotSure(f"`{path}` is no TOML") from None

    def matching(self, base: str, patterns: Iterable[str], name: str) -> list[str]:
        """The files called `name` in folders below `base` that the patterns match; "!" takes off again.

        Raises:
            NotSure: a pattern cannot be read.
        """
        candidates = [posixpath.dirname(p) for p in self.below(base) if posixpath.basename(p) == name]
        folders = [f for f in candidates if f not in ("", base) and "node_modules" not in f.split("/")]
        chosen: set[str] = set()
        wanted = list(patterns)
        if len(wanted) * len(folders) > _MOST_MATCHES:
            raise NotSure("the workspaces are too many to look at")
        for pattern in wanted:
            try:
                matches = matcher(joined(base, pattern.lstrip("!").strip("/")))
            except BadPattern:
                raise NotSure(f"the pattern `{pattern}` cannot be read") from None
            found = {folder for folder in folders if matches(folder)}
            chosen = chosen - found if pattern.startswith("!") else chosen | found
        return sorted(joined(folder, name) for folder in chosen)


def joined(folder: str, *names: str) -> str:
    """A clean path of the context; "." for the root, and one that starts with ".." for what lies outside."""
    return posixpath.normpath(posixpath.join(folder or ".", *names))


def table(value: object, *keys: str) -> dict[str, Any]:
    """The object at some keys of a document; an empty one where there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def strings(value: object) -> list[str]:
    """The texts of a list; of anything else none."""
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def upwards(folder: str) -> Iterator[str]:
    """A folder of the context and all around it, up to the root."""
    while True:
        yield folder
        if folder in ("", "."):
            return
        folder = posixpath.dirname(folder) or "."


def option(words: Iterable[str], *names: str) -> str | None:
    """The value of the last of some options, as the next word or after "="; None without one."""
    found = options(words, *names)
    return found[-1] if found else None


def options(words: Iterable[str], *names: str) -> list[str]:
    """The values of all of some options, in order."""
    found: list[str] = []
    waiting = False
    for word in words:
        name, equals, value = word.partition("=")
        if waiting:
            found.append(word)
            waiting = False
        elif word in names:
            waiting = True
        elif equals and name in names:
            found.append(value)
        else:
            short = next(
                (n for n in names if len(n) == 2 and word.startswith(n) and not n.startswith("--")), ""
            )
            if short and not word.startswith("--"):
                found.append(word[2:])
    return found
