"""What a build sees of its context: the files that .dockerignore leaves in."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator, Mapping

from compiler.context.model import Entry, Tree
from compiler.dockerfile.ignore import IgnoreFile


def visible(tree: Tree, ignore: IgnoreFile | None) -> Tree:
    """The tree after .dockerignore; nothing is hashed for it.

    A folder that is left out is still there when a rule brings back a file
    below it, as in BuildKit (fsutil's filter walk).
    """
    if ignore is None or not ignore.rules:
        return tree
    hidden = ignore.ignored(tree.entries)
    kept = [path for path in tree.entries if path not in hidden]
    needed = _above(kept)
    return Tree(
        tree.name, Part(tree.entries, (path for path in tree.entries if path not in hidden or path in needed))
    )


def is_folder(entry: Entry) -> bool:
    """Whether an entry is a folder."""
    return stat.S_ISDIR(entry.mode)


class Part(Mapping[str, Entry]):
    """Some paths of a mapping; its values are asked for when they are needed."""

    def __init__(self, whole: Mapping[str, Entry], paths: Iterable[str]) -> None:
        self._whole = whole
        self._paths = dict.fromkeys(paths)

    def __getitem__(self, path: str) -> Entry:
        if path not in self._paths:
            raise KeyError(path)
        return self._whole[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def __contains__(self, path: object) -> bool:
        return path in self._paths


def _above(paths: Iterable[str]) -> set[str]:
    """All folders that the paths lie in."""
    found: set[str] = set()
    for path in paths:
        end = path.rfind("/")
        while end > 0 and path[:end] not in found:
            found.add(path[:end])
            end = path.rfind("/", 0, end)
    return found
