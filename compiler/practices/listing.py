"""The files of a folder, listed when somebody first asks for them.

Most Dockerfiles are judged by their text alone, so that a folder of 100,000
files costs nothing until a practice asks what lies in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from compiler.context.model import Entry

MOST_FILES = 200_000
"""Of larger folders the files nearest to the root are listed."""

# Walked last: what is left out of too large a folder is theirs.
_LATER = frozenset((".git", "node_modules", ".venv", "venv", "vendor", "target", "dist", "build"))


class Listing(Mapping[str, Entry]):
    """Paths and entries of a folder, read once and when first needed.

    Contents are not read: an entry's digest says only that it is unread, and
    equals no other entry's of the folder. Links are not followed; what cannot
    be read is not there.
    """

    __slots__ = ("_entries", "_folder", "_most")

    def __init__(self, folder: str, most: int = MOST_FILES) -> None:
        self._folder = folder
        self._most = most
        self._entries: dict[str, Entry] | None = None

    def __getitem__(self, path: str) -> Entry:
        return self._all()[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __contains__(self, path: object) -> bool:
        return path in self._all()

    def _all(self) -> dict[str, Entry]:
        if self._entries is None:
            found = dict(_files(self._folder, self._most))
            self._entries = {path: found[path] for path in sorted(found)}
        return self._entries


def _files(root: str, most: int) -> Iterator[tuple[str, Entry]]:
    """The files below a folder, level by level, with what is generated or fetched last."""
    waiting = [""]
    later: list[str] = []
    count = 0
    while waiting or later:
        last = not waiting
        level, following = (later if last else waiting), list[str]()
        for prefix in level:
            for entry in _scanned(os.path.join(root, prefix)):
                path = prefix + entry.name
                if entry.is_dir(follow_symlinks=False):
                    (later if entry.name in _LATER and not last else following).append(f"{path}/")
                elif count < most and (found := _entry(entry, path)) is not None:
                    count += 1
                    yield path, found
        if last:
            later = []
        waiting = following
        if count >= most:
            return


def _scanned(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _entry(entry: os.DirEntry[str], path: str) -> Entry | None:
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return None
    return Entry(status.st_mode, f"unread {path}", status.st_size)
