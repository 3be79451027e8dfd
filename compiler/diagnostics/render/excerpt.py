"""The part of one source line that is shown, and the cell of every code point in it.

The cost depends on what is shown, never on the length of the line: a file may
be one line of 16 MiB with a finding in every word.
"""

from __future__ import annotations

from dataclasses import dataclass

from compiler.diagnostics.render.cells import glyph

WIDTH = 120
"""Cells of source text shown of one line; longer lines are cut around what is marked."""

_CONTEXT = 24
_CUT = "\u2026"


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Code points `low` to `high` of a source as they are shown.

    `cells[i]` is the cell at which code point `low + i` starts; the last item
    is the cell after the last one. A cut side shows one ellipsis.
    """

    shown: str
    low: int
    high: int
    cells: range | tuple[int, ...]
    cut_right: bool

    def cover(self, start: int, end: int) -> tuple[int, int]:
        """The cells under code points `start` to `end`: at least one, an ellipsis where they are cut off."""
        first = self._cell(start)
        last = self._cell(end) + (1 if end > self.high and self.cut_right else 0)
        if last == first and start < end and first > 0:
            first -= 1  # only marks that sit on the character before
        return first, max(last, first + 1)

    def _cell(self, offset: int) -> int:
        if offset < self.low:
            return 0
        return self.cells[min(offset, self.high) - self.low]


def line_end(text: str, start: int, limit: int) -> int:
    """The offset at which the line that holds `start` ends, at most `start + limit`."""
    stop = min(len(text), start + limit)
    newline = text.find("\n", start, stop)
    if newline >= 0:
        stop = newline
    carriage_return = text.find("\r", start, stop)
    return carriage_return if carriage_return >= 0 else stop


def excerpt(text: str, line_start: int, focus: tuple[int, int]) -> Excerpt:
    """What to show of the line that begins at `line_start`: all of it, or a window around `focus`."""
    end = line_end(text, line_start, WIDTH + 1)
    if end - line_start <= WIDTH:
        line = text[line_start:end]
        if line.isascii() and line.isprintable():
            return Excerpt(line, line_start, end, range(len(line) + 1), False)
        if sum(max(1, glyph(char)[1]) for char in line) <= WIDTH:
            return _shown(text, line_start, end, False, False)
    return _window(text, line_start, focus)


def _window(text: str, line_start: int, focus: tuple[int, int]) -> Excerpt:
    """The focus, some context before it, what still fits after it, and then before it again."""
    low = high = focus[0]
    room = WIDTH - 2

    def after(stop: int | None) -> None:
        nonlocal high, room
        while (stop is None or high < stop) and high < len(text) and text[high] not in "\r\n":
            cost = max(1, glyph(text[high])[1])
            if cost > room:
                room = 0
                return
            room -= cost
            high += 1

    def before(keep: int) -> None:
        nonlocal low, room
        while low > line_start:
            cost = max(1, glyph(text[low - 1])[1])
            if cost > room - keep:
                return
            room -= cost
            low -= 1

    after(focus[1])
    before(max(0, room - _CONTEXT))
    after(None)
    before(0)
    return _shown(text, low, high, low > line_start, high < len(text) and text[high] not in "\r\n")


def _shown(text: str, low: int, high: int, cut_left: bool, cut_right: bool) -> Excerpt:
    parts = [_CUT] if cut_left else []
    cells = [len(parts)]
    for char in text[low:high]:
        form, width = glyph(char)
        parts.append(form)
        cells.append(cells[-1] + width)
    if cut_right:
        parts.append(_CUT)
    return Excerpt("".join(parts), low, high, tuple(cells), cut_right)
