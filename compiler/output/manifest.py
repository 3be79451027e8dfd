"""The manifest of an output folder: which files are ours, and what was in them.

`.stagecast-manifest.json` lies at the top of the folder and is JSON:

    version   "stagecast/output/v1"
    plan      the digest of the plan that the files were made from, or null
    files     {path: "MODE sha256:HEX"}: what each file of ours holds. MODE is 0644 or 0755, HEX
              the SHA-256 of the content in lower case, as sha256sum prints it
    pending   a list of such tables, only while a tree is being replaced: what files may hold instead.
              A compilation that was killed in the middle leaves it behind, and the next one still
              knows all its files

Paths are relative to the folder, in POSIX form. A manifest comes from a
repository that anyone may have written to: nothing in it is believed before it
was checked, and one wrong entry makes it no manifest at all.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from compiler.emit import json as json_writer

MANIFEST = ".stagecast-manifest.json"
LOCK = ".stagecast-lock"
STAGING = ".stagecast-staging"
VERSION = "stagecast/output/v1"

# Of no use to anybody as generated files, and dangerous in a manifest's list of what may be deleted.
_RESERVED = frozenset([MANIFEST, LOCK, STAGING, ".git"])
_NO_NAMES = frozenset(["", ".", ".."])
_MAX_BYTES = 64 * 1024 * 1024
_MAX_PENDING = 64  # one for each compilation that was killed in a row
_MAX_NAME_BYTES = 255  # NAME_MAX of every common file system
_MAX_PATH_BYTES = 1024  # PATH_MAX of macOS; Linux has 4096
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_RECORD = re.compile(r"0(644|755) sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file as it was written: permission bits `mode` and the SHA-256 of its content in hexadecimal."""

    path: str
    mode: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a manifest cannot be used. `path` is the manifest as a person finds it, `message` a clause."""

    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Previous:
    """What the manifest says of the last compilation; empty where there is none.

    A path has several entries after a compilation was killed. With a
    `problem` there are no entries: then nothing in the folder counts as ours.
    """

    entries: tuple[Entry, ...] = ()
    plan_digest: str | None = None
    problem: Problem | None = None


def sha256(data: bytes) -> str:
    """The SHA-256 of a file's content as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def path_fault(path: str) -> str | None:
    """Why `path` may not name a file of an output folder, as a clause; None where it may."""
    if not path or path.startswith("/"):
        return "is not a relative path"
    if "\\" in path or _CONTROL.search(path):
        return "holds a backslash or a control character"
    parts = path.casefold().split("/")
    if not _NO_NAMES.isdisjoint(parts):
        return "has an empty part, `.` or `..`"
    if not _RESERVED.isdisjoint(parts):
        return "has a reserved name in it"
    try:
        encoded = path.encode()
    except UnicodeEncodeError:
        return "is not valid Unicode"
    if len(encoded) > _MAX_PATH_BYTES or max(map(len, encoded.split(b"/"))) > _MAX_NAME_BYTES:
        return "is too long"
    return None


def read_previous(folder: Path) -> Previous:
    """What the manifest in `folder` says. A folder without one, or no folder, has an empty `Previous`.

    A manifest that is damaged, of another version, or names a path that is not
    plainly inside the folder (see `path_fault`; symbolic links on the way count
    as outside) is a `problem`, never an exception.

    Raises:
        OSError: the manifest exists and cannot be read.
    """
    where = folder / MANIFEST
    try:
        found = os.lstat(where)
    except FileNotFoundError:
        return Previous()
    try:
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("is not a regular file")
        if found.st_size > _MAX_BYTES:
            raise ValueError("is too large")
        previous = _parse(where.read_bytes())
        _refuse_links(folder, previous.entries)
    except (ValueError, RecursionError) as error:
        message = "is nested too deeply" if isinstance(error, RecursionError) else str(error)
        return Previous(problem=Problem(str(where), message))
    return previous


def render(entries: Iterable[Entry], plan_digest: str | None, pending: Iterable[Entry] = ()) -> bytes:
    """The manifest's bytes; entries in any order."""
    files, *others = _tables(entries) or [{}]
    value: dict[str, object] = {"version": VERSION, "plan": plan_digest, "files": files}
    if others := [*others, *_tables(pending)]:
        value["pending"] = others
    return json_writer.dump(value).encode()


def _tables(entries: Iterable[Entry]) -> list[dict[str, str]]:
    """The entries as tables, as many as a path has entries at most."""
    tables: list[dict[str, str]] = []
    for entry in sorted(entries, key=lambda entry: entry.path):
        table = next((table for table in tables if entry.path not in table), None)
        if table is None:
            tables.append(table := {})
        table[entry.path] = f"{entry.mode:04o} sha256:{entry.sha256}"
    return tables


def _parse(data: bytes) -> Previous:
    """Raises ValueError with a clause that says what is wrong."""
    try:
        value = json.loads(data.decode())
    except ValueError as error:
        raise ValueError(f"is not JSON: {error}") from None
    if not isinstance(value, dict) or value.get("version") != VERSION:
        raise ValueError(f"is not of version {VERSION}")
    plan = value.get("plan")
    if plan is not None and not isinstance(plan, str):
        raise ValueError("has a plan digest that is no string")
    pending = value.get("pending", [])
    if not isinstance(pending, list) or len(pending) > _MAX_PENDING:
        raise ValueError(f"has no list of at most {_MAX_PENDING} pending tables")
    entries = {entry for table in [value.get("files"), *pending] for entry in _entries(table)}
    return Previous(tuple(sorted(entries, key=lambda entry: (entry.path, entry.sha256, entry.mode))), plan)


def _entries(table: object) -> list[Entry]:
    if not isinstance(table, dict):
        raise ValueError("has no table of files")
    entries = []
    for path, record in table.items():
        if fault := path_fault(path):
            raise ValueError(f"names the file {path[:200]!a}, which {fault}")
        match = _RECORD.fullmatch(record) if isinstance(record, str) else None
        if not match:
            raise ValueError(f"has no digest for {path}")
        entries.append(Entry(path, int(match[1], 8), match[2]))
    return entries


def _refuse_links(folder: Path, entries: Iterable[Entry]) -> None:
    seen = {""}
    for entry in entries:
        parent = entry.path.rpartition("/")[0]
        while parent not in seen:
            seen.add(parent)
            if os.path.islink(f"{folder}/{parent}"):
                raise ValueError(f"names files below {parent}, which is a symbolic link")
            parent = parent.rpartition("/")[0]
