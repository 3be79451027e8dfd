"""A folder of this machine as a tree: modes, and digests that are Git's blob ids.

The walk asks only for names and kinds, and what is a file; its mode, size and
digest are found when somebody asks for its entry. Links are never followed,
and sockets, pipes and devices are left out, as BuildKit leaves sockets out.
Git's filters (line ends, LFS) do not run: a file that they change has another
digest here than in Git.

Of a folder `.git` two entries are made: the folder, and `.git/HEAD` for all
that is in it. Its digest covers HEAD and the commit that it names, so it
changes with every commit. It is hidden by whatever hides the repository's files.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from compiler.context.model import Entry, Tree
from compiler.context.problems import TooManyFiles

MOST_ENTRIES = 500_000
LARGEST_HASHED = 256 * 1024 * 1024
"""A larger file, in bytes, is taken to be the same while its size and time of change are."""

_BLOCK = 1024 * 1024
_GONE = Entry(0, "")


def read_folder(path: Path, *, algorithm: str = "sha1", most: int = MOST_ENTRIES) -> Tree:
    """The files, links and folders below a folder, sorted by path; empty where it cannot be read.

    `algorithm` is that of the repository that it is compared with. A file that
    vanishes or cannot be read has an entry of mode 0 and an empty digest.

    Raises:
        TooManyFiles: there are more than `most` entries.
    """
    repositories: set[str] = set()
    paths: list[str] = []
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        for name, is_folder in _listed(path, prefix):
            inner = prefix + name
            paths.append(inner)
            if is_folder and name == ".git":
                repositories.add(f"{inner}/HEAD")
                paths.append(f"{inner}/HEAD")
            elif is_folder:
                waiting.append(inner + "/")
        if len(paths) > most:
            raise TooManyFiles(
                f"the folder holds more than {most:,} files", "name a smaller folder as the context"
            )
    return Tree("the working tree", _Files(path, sorted(paths), frozenset(repositories), algorithm))


def git_modes(tree: Tree) -> Tree:
    """The tree with the modes that Git would give, without folders: comparable with one of a commit."""
    found: dict[str, Entry] = {}
    for path, entry in tree.entries.items():
        if stat.S_ISREG(entry.mode):
            found[path] = replace(entry, mode=0o100755 if entry.mode & stat.S_IXUSR else 0o100644)
        elif not stat.S_ISDIR(entry.mode):
            found[path] = replace(entry, mode=0o120000) if stat.S_ISLNK(entry.mode) else entry
    return Tree(tree.name, found)


class _Files(Mapping[str, Entry]):
    """The entries of a folder, each looked at when it is asked for and then kept."""

    def __init__(self, root: Path, paths: list[str], repositories: frozenset[str], algorithm: str) -> None:
        self._root = root
        self._known: dict[str, Entry | None] = dict.fromkeys(paths)
        self._repositories = repositories
        self._algorithm = algorithm

    def __getitem__(self, path: str) -> Entry:
        entry = self._known[path]
        if entry is None:
            look = _repository if path in self._repositories else read_entry
            entry = self._known[path] = look(os.path.join(self._root, path), self._algorithm)
        return entry

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def __contains__(self, path: object) -> bool:
        return path in self._known


def _listed(root: Path, prefix: str) -> Iterator[tuple[str, bool]]:
    """Name and whether it is a folder, of the files, links and folders in a folder."""
    try:
        with os.scandir(os.path.join(root, prefix)) as found:
            for entry in found:
                is_folder = entry.is_dir(follow_symlinks=False)
                if is_folder or entry.is_symlink() or entry.is_file(follow_symlinks=False):
                    yield entry.name, is_folder
    except OSError:
        return


def read_entry(path: str, algorithm: str) -> Entry:
    """A file, link or folder, never followed; of mode 0 and with an empty digest where it cannot be read."""
    try:
        status = os.lstat(path)
        if stat.S_ISDIR(status.st_mode):
            return Entry(status.st_mode, "")
        if stat.S_ISLNK(status.st_mode):
            target = os.readlink(path)
            return Entry(status.st_mode, blob_id(os.fsencode(target), algorithm), status.st_size, target)
        if not stat.S_ISREG(status.st_mode):
            return _GONE
        if status.st_size > LARGEST_HASHED:
            return Entry(status.st_mode, f"{status.st_size}-{status.st_mtime_ns}", status.st_size)
        return Entry(status.st_mode, _file_id(path, algorithm), status.st_size)
    except OSError:
        return _GONE


def blob_id(data: bytes, algorithm: str = "sha1") -> str:
    """Git's id of a file with these bytes ("blob", size, a zero byte and the bytes: gitformat-pack)."""
    return hashlib.new(algorithm, b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _file_id(path: str, algorithm: str) -> str:
    """As `blob_id`, block by block. Raises OSError."""
    # What became a pipe or a link since it was looked at must not hang or lead away.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    with open(os.open(path, flags | getattr(os, "O_BINARY", 0)), "rb") as stream:
        found = os.fstat(stream.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise OSError("not a regular file")
        size = found.st_size
        digest = hashlib.new(algorithm, b"blob %d\0" % size, usedforsecurity=False)
        left = size
        while left > 0 and (block := stream.read(min(_BLOCK, left))):
            digest.update(block)
            left -= len(block)
    return digest.hexdigest()


def _repository(path: str, algorithm: str) -> Entry:
    """Stands for all of a repository: its HEAD, and what the branch that it names points to."""
    known = b""
    try:
        with open(path, "rb") as stream:
            known = stream.read(4096)
        branch = known.removeprefix(b"ref: ").strip()
        folder = os.path.dirname(path)
        if known.startswith(b"ref: refs/") and b".." not in branch and b"\0" not in branch:
            known += _first(os.path.join(os.fsencode(folder), branch), os.path.join(folder, "packed-refs"))
    except OSError:
        pass
    return Entry(0o100644, blob_id(known, algorithm), len(known))


def _first(*paths: bytes | str) -> bytes:
    """The start of the first of the files that exists."""
    for path in paths:
        try:
            with open(path, "rb") as stream:
                return stream.read(_BLOCK)
        except OSError:
            continue
    return b""
