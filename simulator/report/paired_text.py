"""What the reports of paired comparisons share: signed times, margins, columns, and what a stream can show.

Takes values and rows of text, gives lines. Knows no comparison as a whole.
"""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TextIO

from compiler.values.elapsed import duration
from simulator.figures import clipped, columns_of, difference, padded, printable
from simulator.statistics.compare import Difference

NARROWEST, WIDEST = 60, 100
_GAP, _SHORTEST_NAME = 2, 8
_ASCII = str.maketrans(
    {"±": "~", "▌": "#", "…": "~", "→": ">", "·": "-"} | dict(zip("▁▂▃▄▅▆▇█", "_.-=+*%#", strict=True))
)
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"
_SHOWN = "±▌…→·▁▂▃▄▅▆▇█"

# Lines of text, and those that are headings.
Lines = Sequence[tuple[str, bool]]


def render_for(lines: Callable[[int], Lines], stream: TextIO, environ: Mapping[str, str] = os.environ) -> str:
    """The report as fits a stream: its terminal's width and emphasis, its encoding, NO_COLOR."""
    terminal = stream.isatty()
    width = shutil.get_terminal_size((WIDEST, 40)).columns if terminal else WIDEST
    color = terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    try:
        _SHOWN.encode(stream.encoding or "utf-8")
        ascii_only = False
    except (LookupError, UnicodeEncodeError):
        ascii_only = True
    return render(lines, width=width, color=color, ascii_only=ascii_only)


def render(
    lines: Callable[[int], Lines], *, width: int = WIDEST, color: bool = False, ascii_only: bool = False
) -> str:
    """The report as text, ending with a line end; `width` is brought between 60 and 100 columns."""
    made = lines(min(max(width, NARROWEST), WIDEST))
    text = "".join(f"{_BOLD}{line}{_PLAIN}\n" if color and head else f"{line}\n" for line, head in made)
    return text.translate(_ASCII) if ascii_only else text


def with_margin(found: Difference) -> str:
    """A difference and half its interval: -33s ±2.1s; ±? where there is no interval."""
    if found.low_s is None or found.high_s is None:
        return f"{difference(found.value_s)} ±?"
    return f"{difference(found.value_s)} ±{duration((found.high_s - found.low_s) / 2)}"


def minutes(seconds: float) -> str:
    """CPU-minutes: three digits that matter, thousands apart."""
    value = seconds / 60
    return f"{value:.1f}" if value < 99.95 else f"{value:,.0f}"


def columns(rows: Sequence[Sequence[str]], width: int, spare: Sequence[str] = ()) -> list[str]:
    """Rows as aligned lines, the first a heading: texts to the left, the figures behind them to the right.

    Where the lines are wider than `width`, columns of the headings `spare` are left out in this
    order, and then the texts are cut.
    """
    kept = list(range(len(rows[0])))
    widths = [max(map(columns_of, column)) for column in zip(*rows, strict=True)]

    def too_wide() -> int:
        return sum(widths[number] for number in kept) + _GAP * (len(kept) - 1) - width

    for heading in spare:
        if too_wide() > 0 and heading in rows[0]:
            kept.remove(rows[0].index(heading))
    widths[0] = max(min(widths[0], _SHORTEST_NAME), widths[0] - max(0, too_wide()))
    lines = []
    for row in rows:
        cells = [padded(clipped(row[0], widths[0]), widths[0])]
        cells += [row[number].rjust(widths[number]) for number in kept[1:]]
        lines.append((" " * _GAP).join(cells).rstrip())
    return lines


def wrapped(text: str, width: int, indent: str = "  ") -> list[str]:
    """A sentence over as many lines as it needs, all but the first indented."""
    return textwrap.wrap(printable(text), width, subsequent_indent=indent, break_on_hyphens=False) or [""]


def plain(lines: Iterable[str]) -> list[tuple[str, bool]]:
    """Lines that are no headings."""
    return [(line, False) for line in lines]
