"""Writing an output folder: all of it or nothing.

The course of `write`, under a lock that other compilations wait for: compare
again; write every new content to a staging folder inside the output folder
(the one place that is surely on its file system); sync once; announce in the
manifest what is pending; move old files to backups and new ones into place,
each by one rename; put down the final manifest. Any failure before the end
undoes every step in reverse. A process that is killed in the middle leaves
old and new files, whole ones, and a manifest that knows both.

While it runs `.stagecast-lock` and `.stagecast-staging` exist in the folder;
afterwards they do not. Knows nothing of what the files mean.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from compiler.artifacts import Artifact
from compiler.output.changes import (
    Changes,
    Stamp,
    Status,
    checked,
    compare,
    entries_of,
    parents,
    stamp_of,
)
from compiler.output.manifest import LOCK, MANIFEST, STAGING, Previous, read_previous, render

LOCK_TIMEOUT_S = 60.0
_LOCK_POLL_S = 0.02


def write(folder: Path, artifacts: Iterable[Artifact], changes: Changes, plan_digest: str) -> None:
    """Make `folder` hold `artifacts`, and nothing else of ours; the folder is made where it is missing.

    Only files that differ are touched, and nothing at all when none does.
    Folders that removed files leave empty are deleted. Modes are set exactly.

    Raises:
        ValueError: `changes` holds a conflict, or an artifact is not allowed (see `compare`): bugs.
        OSError: something could not be read or written, a person changed a file
            meanwhile (FileExistsError), or another compilation does not end
            (TimeoutError). The folder is then as it was before. An interrupt
            leaves it so too, or finds it finished.
    """
    if changes.conflicts:
        raise ValueError(f"{changes.conflicts[0].path} is in conflict: it is not ours to write")
    wanted = checked(artifacts)
    left_behind = any(os.path.lexists(folder / name) for name in (LOCK, STAGING))
    if changes.is_clean and not left_behind and read_previous(folder).plan_digest == plan_digest:
        return
    with ExitStack() as undo:
        for parent in [folder, *folder.parents][::-1]:
            if not parent.exists():
                undo.callback(_remove_folder, parent)
                parent.mkdir(exist_ok=True)
        with _locked(folder):
            _write_locked(folder, wanted, plan_digest)
        undo.pop_all()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock. The lock file is deleted with the lock held, so that none stays behind."""
    path = folder / LOCK
    deadline = time.monotonic() + LOCK_TIMEOUT_S
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        try:
            if _is_locked(descriptor, path):
                break
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        if time.monotonic() > deadline:
            raise TimeoutError(errno.ETIMEDOUT, "another compilation is writing this folder", str(path))
        time.sleep(_LOCK_POLL_S)
    try:
        yield
    finally:
        with suppress(FileNotFoundError):
            path.unlink()
        os.close(descriptor)


def _is_locked(descriptor: int, path: Path) -> bool:
    """Try to lock. A lock on a file that its last holder has deleted meanwhile locks nothing."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except (BlockingIOError, FileNotFoundError):
        return False


def _write_locked(folder: Path, wanted: list[Artifact], plan_digest: str) -> None:
    previous = read_previous(folder)
    changes = compare(folder, wanted, previous, plan_digest)
    for conflict in changes.conflicts:
        raise _came_between(f"{folder}/{conflict.path}", conflict.reason)
    staging = folder / STAGING
    if os.path.lexists(staging):
        shutil.rmtree(staging)  # of a compilation that was killed; it held nothing but files of ours
    if changes.is_clean:
        return
    try:
        staging.mkdir()
        with ExitStack() as undo:
            _replace_tree(_Swap(os.fspath(folder), undo), changes, wanted, previous, plan_digest)
            undo.pop_all()
    except BaseException:
        # What is left of the backups is what could not be put back: keep that.
        for staged in staging.glob("new-*"):
            staged.unlink()
        _remove_folder(staging)
        raise
    shutil.rmtree(staging, ignore_errors=True)


def _replace_tree(
    swap: _Swap, changes: Changes, wanted: list[Artifact], previous: Previous, plan_digest: str
) -> None:
    by_path = {artifact.path: artifact for artifact in wanted}
    staged = [
        (change, swap.stage(change.path, by_path[change.path].content.encode(), by_path[change.path].mode))
        for change in changes.having(Status.NEW, Status.CHANGED)
    ]
    removed = changes.having(Status.REMOVED)
    entries = entries_of(wanted)
    final = swap.stage(MANIFEST, render(entries, plan_digest))
    pending = swap.stage(MANIFEST, render(previous.entries, previous.plan_digest, entries))
    os.sync()
    if staged or removed:
        swap.install(pending, MANIFEST, swap.stamp(MANIFEST))
    for change in removed:
        swap.remove(change.path, change.stamp)
    emptied = _folders_of(change.path for change in removed) - _folders_of(by_path)
    for path in sorted(emptied, reverse=True):  # the innermost first
        swap.remove_folder(path)
    for change, content in staged:
        swap.install(content, change.path, change.stamp)
    swap.install(final, MANIFEST, swap.stamp(MANIFEST))


@dataclass(slots=True)
class _Swap:
    """A folder whose files are being replaced, and how to undo what was done so far.

    What undoes a step is registered before the step and does nothing if the
    step did not happen: an interrupt between the two leaves no gap.
    """

    folder: str
    undo: ExitStack
    count: int = 0
    made: set[str] = field(default_factory=set)

    def stage(self, path: str, data: bytes, mode: int = 0o644) -> str:
        """Write what the file at `path` is to hold to a file of its own, and return where."""
        staged = self._name("new")
        try:
            with open(staged, "xb") as file:
                file.write(data)
                os.fchmod(file.fileno(), mode)
        except OSError as error:
            error.filename = f"{self.folder}/{path}"  # a full disk names none, and nobody knows ours
            raise
        return staged

    def install(self, staged: str, path: str, stamp: Stamp | None) -> None:
        """Rename a staged file to `path`, which must still be as `stamp` has it."""
        target = f"{self.folder}/{path}"
        self._make_parents(path)
        if stamp is None and os.path.isdir(target) and not os.path.islink(target):
            self._remove_folders(target)
        self._check_untouched(path, stamp)
        if stamp is None:
            self.undo.callback(_withdraw, staged, target)
        else:
            backup = self._name("old")
            _duplicate(target, backup)
            self.undo.callback(_restore, backup, target)
        os.replace(staged, target)

    def remove(self, path: str, stamp: Stamp | None) -> None:
        """Move the file at `path`, which must still be as `stamp` has it, to the backups."""
        target, backup = f"{self.folder}/{path}", self._name("old")
        self._check_untouched(path, stamp)
        self.undo.callback(_restore, backup, target)
        os.replace(target, backup)

    def remove_folder(self, path: str) -> None:
        """Delete the folder at `path` if it is empty."""
        target = f"{self.folder}/{path}"
        if not os.listdir(target):
            self.undo.callback(_remake_folder, target, stat.S_IMODE(os.lstat(target).st_mode))
            os.rmdir(target)

    def _remove_folders(self, target: str) -> None:
        """Delete the empty folders at and below `target`; what they hold, if anything, stays."""
        for folder, _, _ in os.walk(target, topdown=False):
            self.remove_folder(os.path.relpath(folder, self.folder))

    def stamp(self, path: str) -> Stamp | None:
        """The stamp of what is at `path` now; None where there is nothing."""
        try:
            return stamp_of(os.lstat(f"{self.folder}/{path}"))
        except FileNotFoundError:
            return None

    def _name(self, kind: str) -> str:
        self.count += 1
        return f"{self.folder}/{STAGING}/{kind}-{self.count}"

    def _make_parents(self, path: str) -> None:
        if path.rpartition("/")[0] in self.made:
            return
        for parent in parents(path):
            target = f"{self.folder}/{parent}"
            if not os.path.lexists(target):
                self.undo.callback(_remove_folder, target)
                os.mkdir(target)
            self.made.add(parent)

    def _check_untouched(self, path: str, stamp: Stamp | None) -> None:
        if self.stamp(path) != stamp:
            raise _came_between(f"{self.folder}/{path}", "was changed while the output was being written")


def _folders_of(paths: Iterable[str]) -> set[str]:
    return {parent for path in paths for parent in parents(path)}


def _duplicate(target: str, backup: str) -> None:
    try:
        os.link(target, backup)
    except OSError:  # a file system without hard links, or a file of another user
        shutil.copy2(target, backup)


def _withdraw(staged: str, target: str) -> None:
    if not os.path.lexists(staged):
        _delete(target)


def _restore(backup: str, target: str) -> None:
    if os.path.lexists(backup):
        os.rename(backup, target)
        _delete(backup)  # it stays where both names are links to one file


def _delete(file: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(file)


def _remove_folder(folder: Path | str) -> None:
    with suppress(OSError):
        os.rmdir(folder)


def _remake_folder(folder: str, mode: int) -> None:
    with suppress(FileExistsError):
        os.mkdir(folder)
    os.chmod(folder, mode)


def _came_between(path: str, reason: str) -> FileExistsError:
    return FileExistsError(errno.EEXIST, reason, path)
