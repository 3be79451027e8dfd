"""Source lines with their places underlined: what stands between a finding's head and its notes.

Takes spans with messages, gives rows: a gutter and styled pieces of text. Says
nothing of severity, notes or colour codes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from compiler.diagnostics.render.cells import visible
from compiler.diagnostics.render.excerpt import WIDTH, excerpt, line_end
from compiler.source import SourceFile, Span

_HANGING = 8
"""Messages shown under one line; a line with more says how many were left out."""


class Style(Enum):
    """What a piece of text is, for the colour."""

    PLAIN = "plain"
    PRIMARY = "primary"
    SECONDARY = "secondary"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: `gutter` is a line number, "" or "..."; the pieces follow the bar."""

    gutter: str
    pieces: tuple[tuple[str, Style], ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """Code points `start` to `end` of line `line`, which begins at offset `line_start`."""

    line: int
    line_start: int
    start: int
    end: int
    message: str
    primary: bool


def marks(span: Span, message: str, primary: bool) -> tuple[Mark, ...]:
    """What is underlined for a span: one stretch, or the first and the last line of several.

    The message stands at the first line. Any offsets are accepted: those
    outside the source count as its end.
    """
    text = span.source.text
    message = message.strip()
    start = min(max(span.start, 0), len(text))
    end = min(max(span.end, start), len(text))
    first = span.source.position(start)
    last = span.source.position(end)
    if last.column == 1 and end > start:  # the line end belongs to the line before
        end -= 2 if text[end - 1] == "\n" and end - 2 >= start and text[end - 2] == "\r" else 1
        last = span.source.position(end)
    line_start = start - first.column + 1
    if first.line == last.line:
        start, end = _within(text, line_start, start, end)
        return (Mark(first.line, line_start, start, end, message, primary),)
    start, first_end = _within(text, line_start, start, line_end(text, start, WIDTH + 1))
    last_start = end - last.column + 1
    content = last_start
    while content < end - 1 and content - last_start < WIDTH and text[content] in " \t":
        content += 1
    content, end = _within(text, last_start, content, end)
    return (
        Mark(first.line, line_start, start, first_end, message, primary),
        Mark(last.line, last_start, content, end, "", primary),
    )


def _within(text: str, line_start: int, start: int, end: int) -> tuple[int, int]:
    """Keep a place between the CR and the LF of one line end out of it."""
    while start > line_start and text[start - 1] in "\r\n":
        start -= 1
    while end > start and text[end - 1] in "\r\n":
        end -= 1
    return start, end


def rows(source: SourceFile, places: Iterable[Mark]) -> list[Row]:
    """The marked lines in order, each with its underlines and messages, gaps shown."""
    by_line: dict[int, list[Mark]] = {}
    for mark in places:
        by_line.setdefault(mark.line, []).append(mark)
    result: list[Row] = []
    previous = 0
    for line in sorted(by_line):
        here = by_line[line]
        if previous and line == previous + 2:
            result.append(_unmarked(source, line - 1, here[0].line_start))
        elif previous and line > previous + 2:
            result.append(Row("...", ()))
        result.extend(_line_rows(source.text, line, here))
        previous = line
    return result


def _unmarked(source: SourceFile, line: int, next_start: int) -> Row:
    """The one line between two marked ones, found from where the next begins."""
    text = source.text
    end = next_start - (2 if text[next_start - 2 : next_start] == "\r\n" else 1)
    start = end - source.position(end).column + 1
    return Row(str(line), ((excerpt(text, start, (start, start)).shown, Style.PLAIN),))


def _line_rows(text: str, line: int, here: list[Mark]) -> list[Row]:
    here = sorted(here, key=lambda mark: (mark.start, mark.end, not mark.primary, mark.message))
    view = excerpt(text, here[0].line_start, _focus(here))
    covered = [(*view.cover(mark.start, mark.end), mark) for mark in here]
    inline, hanging = _split(covered)
    underline = _underline(covered)
    if inline is not None:
        underline = (*underline, (" " + visible(inline.message), _style(inline)))
    result = [Row(str(line), ((view.shown, Style.PLAIN),)), Row("", underline)]
    result.extend(_hanging_rows(hanging))
    return result


def _focus(here: Sequence[Mark]) -> tuple[int, int]:
    """All marks of a line if they stand close together, else the primary one."""
    start, end = here[0].start, max(mark.end for mark in here)
    if end - start <= WIDTH // 2:
        return start, end
    chosen = next((mark for mark in here if mark.primary), here[0])
    return chosen.start, chosen.end


Covered = tuple[int, int, Mark]


def _split(covered: list[Covered]) -> tuple[Mark | None, list[Covered]]:
    """The mark whose message stands beside its underline, and those whose messages hang below."""
    speaking = [item for item in covered if item[2].message]
    if not speaking:
        return None, []
    start, end, mark = max(speaking, key=lambda item: item[0])
    alone = sum(item[0] == start for item in speaking) == 1
    if not alone or end < max(item[1] for item in covered):
        return None, speaking
    return mark, [item for item in speaking if item[2] is not mark]


def _underline(covered: list[Covered]) -> tuple[tuple[str, Style], ...]:
    """Dashes under secondary places, carets under the primary one, which wins where they overlap."""
    row = [" "] * max(end for _, end, _ in covered)
    for primary in (False, True):
        for start, end, mark in covered:
            if mark.primary is primary:
                row[start:end] = ("^" if primary else "-") * (end - start)
    return _runs("".join(row))


def _runs(row: str) -> tuple[tuple[str, Style], ...]:
    """Split an underline into pieces of one style; the blanks between them are plain."""
    styles = {"^": Style.PRIMARY, "-": Style.SECONDARY, " ": Style.PLAIN}
    pieces: list[tuple[str, Style]] = []
    start = 0
    for index in range(1, len(row) + 1):
        if index == len(row) or row[index] != row[start]:
            pieces.append((row[start:index], styles[row[start]]))
            start = index
    return tuple(pieces)


def _hanging_rows(hanging: list[Covered]) -> list[Row]:
    """Messages below the line, the rightmost first, tied to their places by bars."""
    if not hanging:
        return []
    shown = hanging[:_HANGING]
    columns = sorted({start: mark for start, _, mark in reversed(shown)}.items())
    result = [Row("", _bars(columns))]
    for start, _, mark in reversed(shown):
        left = _bars([item for item in columns if item[0] < start])
        indent = " " * (start - sum(len(piece) for piece, _ in left))
        result.append(Row("", (*left, (indent, Style.PLAIN), (visible(mark.message), _style(mark)))))
    if len(hanging) > len(shown):
        result.append(Row("", ((f"and {len(hanging) - len(shown):,} more on this line", Style.PLAIN),)))
    return result


def _bars(columns: list[tuple[int, Mark]]) -> tuple[tuple[str, Style], ...]:
    pieces: list[tuple[str, Style]] = []
    cell = 0
    for start, mark in columns:
        pieces.append((" " * (start - cell), Style.PLAIN))
        pieces.append(("|", _style(mark)))
        cell = start + 1
    return tuple(pieces)


def _style(mark: Mark) -> Style:
    return Style.PRIMARY if mark.primary else Style.SECONDARY
