"""Times that something takes, for people."""

from __future__ import annotations

import pytest

from compiler.values.elapsed import duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.04, "0.0s"),
        (4.25, "4.2s"),
        (9.96, "10s"),
        (59.6, "1m 00s"),
        (372, "6m 12s"),
        (3599.6, "1h 00m"),
        (3720, "1h 02m"),
        (86_399, "1d 00h"),
        (1e9, "11574d 02h"),
    ],
)
def test_durations_are_written_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text
