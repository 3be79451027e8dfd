"""What a compilation would do to an output folder, file by file; reads only.

Takes the folder, the artifacts and the manifest's `Previous`; gives `Changes`.
Nothing is read through a symbolic link below the folder: a link there, wherever
it points, was made by a person and is in the way like any file of theirs.
"""

from __future__ import annotations

import hashlib
import os
import stat
import unicodedata
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from compiler.artifacts import Artifact
from compiler.output.manifest import MANIFEST, Entry, Previous, path_fault, sha256

# Whether a regular file was touched since: inode, size in bytes, time of modification in nanoseconds.
Stamp: TypeAlias = tuple[int, int, int]
Obstacle: TypeAlias = tuple[str, os.stat_result | None]

_MODES = (0o644, 0o755)


class Status(StrEnum):
    """What becomes of one file.

    NEW does not exist yet. CHANGED is ours and gets other content or another
    executable bit. UNCHANGED is already what it should be, whoever wrote it.
    REMOVED is ours, as we left it, and no longer produced. CONFLICT is a
    person's: not in the manifest, changed since, or something else in the way.
    """

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class FileChange:
    """One path and its status. A conflict's `reason` is a clause with the path as its subject.

    `stamp` is that of the regular file at `path` when it was looked at; None where there is none.
    """

    path: str
    status: Status
    reason: str = ""
    stamp: Stamp | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Changes:
    """All files that are produced or were, by path; `manifest_stale`: the manifest would change."""

    files: tuple[FileChange, ...]
    manifest_stale: bool = False

    def having(self, *statuses: Status) -> tuple[FileChange, ...]:
        """The files with one of `statuses`."""
        return tuple(change for change in self.files if change.status in statuses)

    @property
    def conflicts(self) -> tuple[FileChange, ...]:
        """The files for whose sake nothing may be written."""
        return self.having(Status.CONFLICT)

    @property
    def is_clean(self) -> bool:
        """Whether the folder already is what writing would make of it."""
        return not self.manifest_stale and all(c.status is Status.UNCHANGED for c in self.files)


class Tree:
    """The files below a folder as they are, symbolic links not followed.

    Remembers what folders it looked at, so that a file costs one call.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = os.fspath(folder)
        self._obstacles: dict[str, Obstacle | None] = {"": None}

    def at(self, path: str) -> str:
        """The name of `path` for the operating system."""
        return f"{self._folder}/{path}"

    def look(self, path: str) -> os.stat_result | None:
        """What is at `path`, whose parents are folders; None where there is nothing."""
        try:
            return os.lstat(self.at(path))
        except FileNotFoundError:
            return None

    def obstacle(self, path: str) -> Obstacle | None:
        """The first parent of `path` that is no folder, and what it is: None where it is missing."""
        above = path.rpartition("/")[0]
        if above not in self._obstacles:
            self._obstacles[above] = next(filter(None, map(self._obstacle_at, parents(path))), None)
        return self._obstacles[above]

    def _obstacle_at(self, folder: str) -> Obstacle | None:
        found = self.look(folder)
        return None if found and stat.S_ISDIR(found.st_mode) else (folder, found)

    def read(self, path: str) -> bytes:
        """The content of the regular file at `path`."""
        with open(self._open(path), "rb") as file:
            return file.read()

    def sha256(self, path: str) -> str:
        """The digest of the content of the regular file at `path`, whatever its size."""
        with open(self._open(path), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def _open(self, path: str) -> int:
        # Not through a link and not waiting for a pipe that took the file's place meanwhile.
        return os.open(self.at(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


def parents(path: str) -> list[str]:
    """The folders above `path`, the uppermost first, without the output folder itself."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def compare(
    folder: Path, artifacts: Iterable[Artifact], previous: Previous, plan_digest: str | None = None
) -> Changes:
    """What writing `artifacts` to `folder` would do, sorted by path.

    A manifest with a problem is a conflict of its own. `plan_digest`, where
    given, takes part in whether the manifest is stale.

    Raises:
        ValueError: an artifact's path or mode is not allowed, or two collide (a back end's bug).
        OSError: a file cannot be read.
    """
    wanted = {artifact.path: artifact for artifact in checked(artifacts)}
    ours: dict[str, set[str]] = {}
    for entry in previous.entries:
        ours.setdefault(entry.path, set()).add(entry.sha256)
    tree = Tree(folder)
    stale = [
        change
        for path in sorted({entry.path for entry in previous.entries} - wanted.keys())
        if (change := _judge_stale(tree, path, ours[path]))
    ]
    going = {change.path for change in stale if change.status is Status.REMOVED}
    renamed = {(_fold(change.path), change.stamp) for change in stale}
    files = stale
    for path, artifact in wanted.items():
        change = _judge(tree, artifact, ours.get(path, set()), going)
        if change.stamp and path not in ours and (_fold(path), change.stamp) in renamed:
            # Where case is ignored this is the very file that is stale under its old spelling.
            change = FileChange(path, Status.NEW)
        files.append(change)
    if previous.problem:
        files.append(FileChange(MANIFEST, Status.CONFLICT, previous.problem.message))
    manifest_stale = previous.entries != entries_of(wanted.values()) or (
        plan_digest is not None and plan_digest != previous.plan_digest
    )
    return Changes(tuple(sorted(files, key=lambda change: change.path)), manifest_stale)


def checked(artifacts: Iterable[Artifact]) -> list[Artifact]:
    """The artifacts by path, if all may stand side by side also where file names ignore case.

    Raises:
        ValueError: see `compare`.
    """
    ordered = sorted(artifacts, key=lambda artifact: artifact.path)
    spelled: dict[str, str] = {}
    names: set[str] = set()
    folders: set[str] = set()
    for artifact in ordered:
        if fault := path_fault(artifact.path):
            raise ValueError(f"the artifact path {artifact.path!r} {fault}")
        if artifact.mode not in _MODES:
            raise ValueError(f"the artifact {artifact.path} has mode {artifact.mode:04o}, not 0644 or 0755")
        folder = artifact.path.rpartition("/")[0]
        new_folders = [] if folder in folders else parents(artifact.path)
        folders.update(new_folders)
        for path in (*new_folders, artifact.path):
            if spelled.setdefault(_fold(path), path) != path:
                raise ValueError(f"the artifact paths {spelled[_fold(path)]} and {path} differ in case only")
        if artifact.path in names:
            raise ValueError(f"the artifact path {artifact.path} is there twice")
        names.add(artifact.path)
    for path in sorted(names & folders):
        raise ValueError(f"the artifact {path} is also a folder of other artifacts")
    return ordered


def entries_of(artifacts: Iterable[Artifact]) -> tuple[Entry, ...]:
    """What the manifest says of `artifacts`, by path."""
    entries = [Entry(a.path, a.mode, sha256(a.content.encode())) for a in artifacts]
    return tuple(sorted(entries, key=lambda entry: entry.path))


def stamp_of(found: os.stat_result) -> Stamp:
    """The stamp of a file, see `FileChange`."""
    return (found.st_ino, found.st_size, found.st_mtime_ns)


def _fold(path: str) -> str:
    """What is equal for two paths that are one on a file system without case (APFS, NTFS)."""
    return path if path.isascii() and path.islower() else unicodedata.normalize("NFC", path.casefold())


def _judge(tree: Tree, artifact: Artifact, ours: Set[str], going: Set[str]) -> FileChange:
    """The status of a file that is produced; `going` are the paths that are removed before."""
    path = artifact.path
    if obstacle := tree.obstacle(path):
        parent, found = obstacle
        if found is None or parent in going:
            return FileChange(path, Status.NEW)
        return FileChange(path, Status.CONFLICT, f"lies below {parent}, which is {_kind(found)}")
    found = tree.look(path)
    if found is None or (stat.S_ISDIR(found.st_mode) and _is_vacated(tree.at(path), path, going)):
        return FileChange(path, Status.NEW)
    if not stat.S_ISREG(found.st_mode):
        return FileChange(path, Status.CONFLICT, f"is {_kind(found)}")
    stamp, data = stamp_of(found), artifact.content.encode()
    if found.st_size == len(data) and tree.read(path) == data:
        same_mode = bool(found.st_mode & stat.S_IXUSR) == bool(artifact.mode & stat.S_IXUSR)
        return FileChange(path, Status.UNCHANGED if same_mode else Status.CHANGED, stamp=stamp)
    if not ours:
        return FileChange(path, Status.CONFLICT, "was not generated", stamp)
    if tree.sha256(path) in ours:
        return FileChange(path, Status.CHANGED, stamp=stamp)
    return FileChange(path, Status.CONFLICT, "was changed since it was generated", stamp)


def _judge_stale(tree: Tree, path: str, ours: Set[str]) -> FileChange | None:
    """The status of a file that is no longer produced; None where it is gone, whatever took its place."""
    if obstacle := tree.obstacle(path):
        parent, found = obstacle
        if found is None or not stat.S_ISLNK(found.st_mode):
            return None
        return FileChange(path, Status.CONFLICT, f"lies below {parent}, which is {_kind(found)}")
    found = tree.look(path)
    if found is None or not stat.S_ISREG(found.st_mode):
        return None
    if tree.sha256(path) in ours:
        return FileChange(path, Status.REMOVED, stamp=stamp_of(found))
    reason = "is no longer generated, but was changed since it was"
    return FileChange(path, Status.CONFLICT, reason, stamp_of(found))


def _is_vacated(where: str, path: str, going: Set[str]) -> bool:
    """Whether the folder `where`, which is `path`, holds no file but those that are going."""
    for folder, folders, files in os.walk(where):
        below = path + folder[len(where) :]
        if any(os.path.islink(f"{folder}/{name}") for name in folders):
            return False
        if any(f"{below}/{name}" not in going for name in files):
            return False
    return True


def _kind(found: os.stat_result) -> str:
    if stat.S_ISLNK(found.st_mode):
        return "a symbolic link"
    if stat.S_ISDIR(found.st_mode):
        return "a folder"
    return "a file" if stat.S_ISREG(found.st_mode) else "a special file"
