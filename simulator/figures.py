"""How figures and names are written for people: differences, intervals, shares, names."""

from __future__ import annotations

import unicodedata

from compiler.values.elapsed import duration
from simulator.statistics.quantiles import Quantile


def optional_duration(seconds: float | None) -> str:
    """A duration, or a dash where there is none."""
    return "-" if seconds is None else duration(seconds)


def difference(seconds: float) -> str:
    """A duration with its sign: +12s, -1m 05s, 0s; what rounds to nothing has none."""
    text = duration(abs(seconds))
    return text if text in ("0s", "0.0s") else f"{'-' if seconds < 0 else '+'}{text}"


def percent(share: float) -> str:
    """A share in whole per cent; what is neither nothing nor all does not look like it."""
    if 0 < share <= 0.005:
        return "<1%"
    if 0.995 <= share < 1:
        return ">99%"
    return f"{share * 100:.0f}%"


def interval(quantile: Quantile) -> str:
    """`12m 10s to 12m 40s`; an end that so few runs cannot give is a question mark."""
    ends = [quantile.low_s, quantile.high_s]
    texts = ["?" if end is None else duration(end) for end in ends]
    if texts[0] == texts[1] and ends[0] != ends[1]:
        texts = ["?" if end is None else _to_the_second(end) for end in ends]
    return " to ".join(texts)


def _to_the_second(seconds: float) -> str:
    """1h 52m 07s, and with tenths below an hour: 6m 12.4s."""
    tenths = round(seconds * 10)
    if tenths < 600:
        return f"{seconds:.2f}s"
    if tenths < 36_000:
        return f"{tenths // 600}m {tenths % 600 / 10:04.1f}s"
    whole = round(seconds)
    return f"{whole // 3600}h {whole // 60 % 60:02d}m {whole % 60:02d}s"


def some(items: list[str], most: int) -> str:
    """The first items, and how many more there are."""
    more = len(items) - most
    return ", ".join(items[:most]) + (f" + {more} more" if more > 0 else "")


def printable(text: str) -> str:
    """A text of others that moves no cursor, ends no line and turns no direction."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def columns_of(text: str) -> int:
    """How many columns of a terminal a printable text takes."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) != 0 for c in text)


def clipped(text: str, longest: int) -> str:
    """A text of others, printable, cut to so many columns."""
    text = printable(text)
    if columns_of(text) <= longest:
        return text
    while columns_of(text) > longest - 1:
        text = text[:-1]
    return text + "…"


def padded(text: str, columns: int) -> str:
    """A printable text with spaces up to so many columns."""
    return text + " " * (columns - columns_of(text))
