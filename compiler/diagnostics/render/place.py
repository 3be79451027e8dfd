"""A span as the numbers that machine-readable formats want, and text that any of them can carry."""

from __future__ import annotations

import os
import re
from typing import TypedDict

from compiler.source import Span

_SURROGATE = re.compile("[\ud800-\udfff]")


class Place(TypedDict):
    """A place in a file: lines and columns count from 1, columns in code points, the end is exclusive."""

    file: str
    line: int
    column: int
    endLine: int
    endColumn: int


def place(span: Span) -> Place:
    """Where a span starts and ends; offsets outside the source count as its end."""
    first = span.first
    last = span.source.position(max(span.start, span.end))
    return {
        "file": carried(span.source.path),
        "line": first.line,
        "column": first.column,
        "endLine": last.line,
        "endColumn": last.column,
    }


def last_line(where: Place) -> int:
    """The last line that holds some of a place: a place may end where the line after it starts."""
    ends_before = where["endColumn"] == 1 and where["endLine"] > where["line"]
    return where["endLine"] - 1 if ends_before else where["endLine"]


def carried(text: str) -> str:
    """`text` with lone surrogates replaced: no UTF-8 stream can carry them."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def posix(path: str) -> str:
    """A path with slashes and without a leading `./`, as the services that read reports name files."""
    path = path.replace(os.sep, "/")
    while path.startswith("./"):
        path = path[2:]
    return path
