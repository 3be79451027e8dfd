"""A build context as values: paths and what stands for their content; and the commits that changed them.

Made by `folder` (a folder of this machine) and `history` (Git). Knows no
Dockerfile and no cache.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Entry:
    """One path. Two entries with equal `mode` and `digest` are the same to a build.

    `mode` is a file's type and permissions as stat(2) has them; Git knows only
    0o100644, 0o100755, 0o120000 (a link, whose content is its target) and
    0o160000 (a submodule, whose digest is its commit). A folder (0o040000 and
    permissions) is an entry only where its permissions are known. `digest`
    stands for the content: a blob id, or another digest of the same kind for
    all entries of a tree. `size_bytes` is None where it is not known, `target`
    is what a link points to, None where nobody looked.
    """

    mode: int
    digest: str
    size_bytes: int | None = None
    target: str | None = None


@dataclass(frozen=True, slots=True)
class Tree:
    """All files of a folder at one moment. Paths are relative to it, "/" between folders, no "./".

    `name` is what messages call it: a short commit id or "the working tree".
    """

    name: str
    entries: Mapping[str, Entry] = field(repr=False)

    def below(self, folder: str) -> Tree:
        """The tree of a folder in it ("." is itself), with paths relative to that folder."""
        if folder in ("", "."):
            return self
        prefix = folder.rstrip("/") + "/"
        found = {path[len(prefix) :]: e for path, e in self.entries.items() if path.startswith(prefix)}
        return Tree(self.name, found)


@dataclass(frozen=True, slots=True)
class Change:
    """What a commit did to a path: None before (added) or after (deleted); never None on both sides."""

    path: str
    before: Entry | None
    after: Entry | None


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit of the first-parent line, with its changes against its first parent.

    `automatic` tells that a program wrote it: dependency updates, releases, translations.
    """

    revision: str
    automatic: bool
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class History:
    """The last commits of a repository, oldest first. Paths are relative to the repository's root.

    `start` is the tree before the first of them (empty before a root commit);
    applying all changes gives the tree of the last commit. `complete` tells
    that there are no older ones.
    """

    start: Tree
    commits: tuple[Commit, ...]
    complete: bool
