"""Bytes on disk to a parsed document: which files are read, encoding, size, and the one-document rule."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from compiler.diagnostics.model import Diagnostic, Findings, Severity
from compiler.document.node import Node
from compiler.document.parse import MAX_BYTES, parse
from compiler.source import SourceFile, Span

MAX_INDICATORS = 1_000_000
"""The most that the structure of a file may weigh, see `_indicators`: what is read within a second or two."""


def display_path(path: Path) -> str:
    """How a file is named to people: relative to the working folder when it lies below it."""
    try:
        return Path(os.path.relpath(path)).as_posix() if not path.is_absolute() else _below_here(path)
    except ValueError:
        return path.as_posix()


def _below_here(path: Path) -> str:
    here = Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else path.as_posix()


def read_bytes(path: str | Path, limit: int) -> bytes:
    """The first `limit` bytes of a regular file.

    Raises:
        OSError: there is no such file, it cannot be read, or it is no regular
            file: reading a pipe or a device may wait for ever.
    """
    try:
        # Opening a pipe without a writer waits as well, unless it is told not to.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except ValueError as error:
        raise OSError(errno.EINVAL, "not a path", repr(os.fspath(path))) from error
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "not a regular file", os.fspath(path))
        with open(descriptor, "rb", closefd=False) as stream:
            return stream.read(limit)
    finally:
        os.close(descriptor)


def read_source(path: Path, findings: Findings) -> SourceFile | None:
    """The text of a file, or None with a finding when it is too large or not UTF-8.

    Raises:
        OSError: the file cannot be read.
    """
    data = read_bytes(path, MAX_BYTES + 1)
    shown = display_path(path)
    if len(data) > MAX_BYTES:
        _refuse(findings, shown, "STC006", f"the file is larger than {MAX_BYTES // 2**20} MiB", "split it")
        return None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        what = f"the byte 0x{data[error.start]:02X} at line {line}, column {column} is not UTF-8"
        _refuse(findings, shown, "STC002", what, "save the file as UTF-8")
        return None
    return SourceFile(shown, text.removeprefix("\ufeff"))


def _refuse(findings: Findings, path: str, code: str, message: str, hint: str, note: str = "") -> None:
    """A finding about a whole file, whose text is not kept: a table of its lines costs more than it."""
    place = Span(SourceFile(path, ""), 0, 0)
    notes = (note,) if note else ()
    findings.add(Diagnostic(code, Severity.ERROR, message, place, notes=notes, hint=hint))


def read_document(source: SourceFile, findings: Findings, what: str) -> Node | None:
    """The mapping that `source` holds, or None with findings; `what` names it in messages."""
    weight = _indicators(source.text)
    if weight > MAX_INDICATORS:
        message = (
            f"the file has too many lines and values: they count {weight:,}, the most is {MAX_INDICATORS:,}"
        )
        note = "a line end or a colon counts 1; a comma, an opening bracket or a dash 2"
        _refuse(findings, source.path, "STC006", message, "split it", note)
        return None
    before = len(findings)
    root = parse(source, findings)
    if root is not None and isinstance(root.children, dict):
        return root
    if root is not None and root.value is not None:
        message = (
            f"{what} is a mapping; this file holds {'a list' if root.children is not None else 'a value'}"
        )
        hint = "write `key: value` lines"
        findings.add(Diagnostic("STC004", Severity.ERROR, message, root.head, hint=hint))
    elif len(findings) == before:
        hint = f"write {what}; `stagecast schema` prints its format"
        place = Span(source, 0, 0)
        findings.add(Diagnostic("STC003", Severity.ERROR, "the file is empty", place, hint=hint))
    return None


def _indicators(text: str) -> int:
    """A bound on what parsing `text` costs, found at once.

    Every value but the root stands behind a line end, a colon, a comma, an
    opening bracket, `- ` or `? `. The last four count twice, since in a list
    one of them brings a value that a mapping needs two indicators for.
    """
    line_ends = text.count("\n") + max(0, text.count("\r") - text.count("\n"))
    twice = sum(text.count(indicator) for indicator in (",", "[", "{", "- ", "? "))
    return line_ends + text.count(":") + 2 * twice
