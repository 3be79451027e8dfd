"""The data behind a figure, as CSV inside the page.

Takes columns and rows, gives a `data:` link that saves a file, without a
script and without a network. Knows no figure.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

from simulator.report import csv

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Data:
    """A table; `name` is the file's name without its ending. Units are in the columns' names."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def link(data: Data) -> str:
    """The table as a `data:` URL."""
    content = csv.text(data.columns, data.rows).encode("utf-8", errors="replace")
    return "data:text/csv;charset=utf-8;base64," + base64.b64encode(content).decode("ascii")
