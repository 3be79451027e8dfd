"""Lines of text for people: names made harmless, lists kept short, columns, colours.

Knows nothing of plans or graphs. What comes from files goes through `named` or
`placed` before it is shown: a stage's name may hold whatever can be typed.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from compiler.diagnostics.render.cells import visible

T = TypeVar("T")
Row = tuple[str, ...]

BOLD, DIM, RED, GREEN, YELLOW = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m"
_RESET = "\x1b[0m"
_LONGEST_NAME, _LONGEST_PLACE = 60, 240
_WIDEST_COLUMN = 32
_NARROWEST, _WIDEST = 60, 120


@dataclass(frozen=True, slots=True)
class Page:
    """How wide lines may be, and whether they have colours."""

    width: int
    color: bool = False

    @classmethod
    def of(cls, width: int, color: bool = False) -> Page:
        """A page whose width is brought between 60 and 120 columns."""
        return cls(min(max(width, _NARROWEST), _WIDEST), color)

    def paint(self, text: str, tone: str) -> str:
        """`text` in a tone, when there are colours."""
        return f"{tone}{text}{_RESET}" if self.color and tone and text else text

    def bold(self, text: str) -> str:
        """What the eye looks for first."""
        return self.paint(text, BOLD)

    def dim(self, text: str) -> str:
        """What is there for the second look."""
        return self.paint(text, DIM)

    def section(self, title: str, text: str) -> Iterator[str]:
        """The first lines of a section."""
        start = len(title) + 2
        first_line, *more = wrapped(text, self.width - start)
        yield f"{self.bold(title)}  {first_line}"
        yield from (" " * start + line for line in more)

    def paragraph(self, text: str, indent: int = 2) -> Iterator[str]:
        """A remark of one or more lines."""
        for line in wrapped(text, self.width - indent):
            yield " " * indent + self.dim(line)

    def rows(self, items: Sequence[T], make: Callable[[T], Row], *, most: int, indent: int) -> Iterator[str]:
        """A table of the first items, each made into a row, and how many more there are.

        One more than `most` is not worth hiding. The last column is dim.
        """
        shown = items if len(items) <= most + 1 else items[:most]
        yield from self.table([make(item) for item in shown], indent=indent)
        if len(shown) < len(items):
            yield " " * indent + self.dim(f"+ {len(items) - len(shown):,} more")

    def table(self, rows: Sequence[Row], *, indent: int) -> Iterator[str]:
        """Rows of equal length in columns two spaces apart; a column that is empty in every row is left out.

        Columns are as wide as their texts, up to 32: a longer text pushes the
        rest of its own row. The last column is dim, and wrapped where it passes
        the width, between words: what people copy stays whole.
        """
        used = [index for index in range(len(rows[0]) if rows else 0) if any(row[index] for row in rows)]
        widths = {index: min(_WIDEST_COLUMN, max(len(row[index]) for row in rows)) for index in used}
        for row in rows:
            cells = [row[index].ljust(widths[index]) for index in used]
            start = indent + sum(len(cell) + 2 for cell in cells[:-1])
            last, *more = wrapped(row[used[-1]], self.width - start) if len(used) > 1 else cells
            yield (
                " " * indent + "  ".join([*cells[:-1], self.dim(last) if len(used) > 1 else last])
            ).rstrip()
            yield from (" " * start + self.dim(line) for line in more)


def named(name: str) -> str:
    """A name on one line with nothing in it that steers a terminal, about 60 characters at most."""
    return _clipped(name, _LONGEST_NAME)


def placed(place: str) -> str:
    """An URL, a path or an image's name, made harmless like a name but longer: people copy it."""
    return _clipped(place, _LONGEST_PLACE)


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 build`, `2 builds`, `1,200 entries`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def some(names: Sequence[str], most: int) -> str:
    """The first names, and how many more there are; one more than `most` is not worth hiding."""
    shown = names if len(names) <= most + 1 else names[:most]
    more = len(names) - len(shown)
    return ", ".join(named(name) for name in shown) + (f" + {more:,} more" if more else "")


def joined(parts: Iterable[str], between: str = ", ") -> str:
    """The parts that are not empty."""
    return between.join(part for part in parts if part)


def wrapped(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` (but 20 at least) where its words allow it; at least one line."""
    if len(text) <= width:
        return [text]
    return textwrap.wrap(text, max(width, 20), break_long_words=False, break_on_hyphens=False) or [""]


def _clipped(text: str, longest: int) -> str:
    return visible(text if len(text) <= longest else f"{text[: longest - 3]}...")
