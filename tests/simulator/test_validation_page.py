"""docs/validation.md says what is computed, as far as that takes no time; `make validation` writes it."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from psplib import PsplibMissingError, folder

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def generator() -> dict[str, Any]:
    return runpy.run_path(str(CHECKOUT / "docs" / "validation.py"))


def test_the_quick_sections_are_as_computed(generator: dict[str, Any]) -> None:
    try:
        folder()
    except PsplibMissingError as error:
        pytest.skip(f"A DATA SET IS MISSING, SO THIS WAS NOT TESTED: {error}")
    text = (CHECKOUT / "docs" / "validation.md").read_text(encoding="utf-8")
    sections: tuple[Callable[[], str], ...] = generator["QUICK"]
    for section in sections:
        assert section() in text, f"{section.__name__} is stale: make validation"


def test_every_claim_on_the_page_holds() -> None:
    text = (CHECKOUT / "docs" / "validation.md").read_text(encoding="utf-8")
    rows = [
        line for line in text.splitlines() if line.startswith("| ") and line.endswith((" yes |", " **no** |"))
    ]
    assert len(rows) > 80
    assert not [row for row in rows if row.endswith("**no** |")]
