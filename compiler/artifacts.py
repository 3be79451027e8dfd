"""What a back end produces: files that do not exist yet."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file of the output.

    `path` is relative to the output folder, in POSIX form, without `.` or `..`
    parts. `content` is the whole file with LF line ends. `mode` is its
    permission bits, 0o644 or 0o755.
    """

    path: str
    content: str
    mode: int = 0o644
