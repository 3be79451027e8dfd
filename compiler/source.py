"""Source text and places in it.

Owns the mapping from offsets to lines and columns. Takes text that is already
decoded; knows nothing of YAML, of the spec or of diagnostics.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Position:
    """A place for people: `line` and `column` count from 1, columns in code points."""

    line: int
    column: int


@dataclass(frozen=True)
class SourceFile:
    """One text file as it was read.

    `path` is what the user is shown (relative where that is shorter), `text`
    the decoded content with a byte order mark removed. Lines end with LF, CRLF
    or CR only: U+0085 and U+2028 are characters like any other, as editors and
    YAML 1.2 have it.
    """

    path: str
    text: str = field(repr=False)

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in _LINE_END.finditer(self.text))]

    @property
    def line_count(self) -> int:
        """How many lines there are; an empty file has one."""
        return len(self._starts)

    def position(self, offset: int) -> Position:
        """Line and column of a code-point offset; an offset past the end is the end."""
        offset = min(max(offset, 0), len(self.text))
        line = bisect_right(self._starts, offset)
        return Position(line, offset - self._starts[line - 1] + 1)

    def line(self, number: int) -> str:
        """The text of line `number` (from 1) without its line end; "" when there is none."""
        if not 1 <= number <= len(self._starts):
            return ""
        end = self._starts[number] if number < len(self._starts) else len(self.text)
        return self.text[self._starts[number - 1] : end].rstrip("\r\n")

    def line_span(self, number: int) -> Span:
        """The span of line `number` (from 1) without its line end."""
        start = self._starts[number - 1]
        return Span(self, start, start + len(self.line(number)))

    def __hash__(self) -> int:
        return hash(self.path)


class Span(NamedTuple):
    """The code points `start` (inclusive) to `end` (exclusive) of one source."""

    source: SourceFile
    start: int
    end: int

    @property
    def text(self) -> str:
        """The source text that the span covers."""
        return self.source.text[self.start : self.end]

    @property
    def first(self) -> Position:
        """Where the span starts."""
        return self.source.position(self.start)

    @property
    def last(self) -> Position:
        """Where the span ends, exclusive."""
        return self.source.position(self.end)
