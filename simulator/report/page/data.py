"""The data behind a figure, as CSV inside the page.

Takes columns and rows, gives a `data:` link that saves a file, without a
script and without a network. Knows no figure.
"""

from __future__ import annotations

import base64
import csv
import io
from dataclasses import dataclass

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Data:
    """A table; `name` is the file's name without its ending. Units are in the columns' names."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def csv_text(data: Data) -> str:
    """The table as CSV (RFC 4180, but line ends are single), with at most six decimals.

    A text that a spreadsheet would run as a formula gets an apostrophe in front.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(data.columns)
    for row in data.rows:
        writer.writerow([_cell(value) for value in row])
    return out.getvalue()


def link(data: Data) -> str:
    """The table as a `data:` URL."""
    content = csv_text(data).encode("utf-8", errors="replace")
    return "data:text/csv;charset=utf-8;base64," + base64.b64encode(content).decode("ascii")


def _cell(value: Cell) -> str | int | float:
    if value is None:
        return ""
    if isinstance(value, str):
        # The characters that start a formula: OWASP, "CSV Injection".
        return "'" + value if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
    return round(value, 6)
