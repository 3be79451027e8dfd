"""Writing fixed files: each whole or not at all, with its mode, and never outside of the repository."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass

from compiler.dockerfile.tokens import encoded


@dataclass(frozen=True, slots=True)
class Change:
    """A file and what it is to hold: `before` is its text now, None where there must be none.

    `inside` is the folder, absolute and without links, that the file must lie in, links followed.
    """

    path: str
    before: str | None
    after: str
    inside: str


def write(change: Change) -> None:
    """Make the change.

    Raises:
        OSError: it cannot be made, the file leads out of `inside`, or somebody changed it meanwhile.
    """
    real = os.path.realpath(change.path)
    if not within(real, change.inside):
        raise OSError(errno.EPERM, "leads out of the repository: it is not changed", change.path)
    data = encoded(change.after)
    if change.before is None:
        _create(change.path, real, data)
        return
    mode = os.lstat(real).st_mode
    with open(real, "rb") as file:
        if not stat.S_ISREG(mode) or file.read() != encoded(change.before):
            raise FileExistsError(errno.EEXIST, "was changed meanwhile", change.path)
    staged = _staged(real, data, stat.S_IMODE(mode))
    try:
        os.replace(staged, real)
    except BaseException:
        _delete(staged)
        raise


def within(real: str, folder: str) -> bool:
    """Whether a path lies in a folder; both are absolute and without links."""
    return os.path.commonpath((real, folder)) == folder


def _create(path: str, real: str, data: bytes) -> None:
    """A new file; one that is there already stays as it is, and a link is never followed."""
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, "is there already", path)
    staged = _staged(real, data, 0o666 & ~_umask())
    try:
        # Unlike a rename it fails where somebody made the file meanwhile.
        os.link(staged, real)
    finally:
        _delete(staged)


def _staged(real: str, data: bytes, mode: int) -> str:
    """A file beside `real` with what it is to hold."""
    descriptor, staged = tempfile.mkstemp(prefix=".stagecast-", dir=os.path.dirname(real))
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        _delete(staged)
        raise
    return staged


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _delete(file: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(file)
