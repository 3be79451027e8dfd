"""docs/cache-model.md names cases that exist, and every row of them with their number."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import cache_cases_files
import cache_cases_run

DOCUMENT = Path(__file__).parents[3] / "docs" / "cache-model.md"
CASES = (*cache_cases_run.CASES, *cache_cases_files.CASES)


def rows() -> dict[str, tuple[int, list[str]]]:
    """The rows of the table of cases: their number, and the names in it."""
    text = DOCUMENT.read_text().partition("## How it was confirmed")[2].partition("### Not confirmed")[0]
    found = re.findall(r"^\| (.+?) \| (\d+) \| (.+) \|$", text, re.MULTILINE)
    return {row: (int(number), re.findall(r"`([a-z-]+)`", names)) for row, number, names in found}


def test_the_table_has_every_row_with_its_number() -> None:
    listed = {row: number for row, (number, _) in rows().items() if "registry" not in row}
    assert listed == dict(Counter(case.row for case in CASES))


def test_the_cases_that_are_named_are_of_their_row() -> None:
    known = {case.name: case.row for case in CASES}
    for row, (_, names) in rows().items():
        assert "registry" in row or all(known[name] == row for name in names)
