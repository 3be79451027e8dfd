from __future__ import annotations

import pytest

from simulator.studies.sweep_values import MOST_VALUES, rising, sweep_values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1..4", ["1", "2", "3", "4"]),
        ("1..14..4", ["1", "5", "9", "13"]),
        ("30s..90s..30s", ["30s", "60s", "90s"]),
        ("0%..50%..25%", ["0%", "25%", "50%"]),
        ("4, 7,10", ["4", "7", "10"]),
        ("1..2,4,8..9", ["1", "2", "4", "8", "9"]),
        ("build-first,dag", ["build-first", "dag"]),
        ("0.1,0.5", ["0.1", "0.5"]),
    ],
)
def test_values(text: str, values: list[str]) -> None:
    assert sweep_values(text) == tuple(values)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("1,,2", "empty"),
        ("7", "single value"),
        ("7..7", "single value"),
        ("1..", "no range"),
        ("a..b", "no range"),
        ("1..3m", "no range"),
        ("1..9..0", "no values"),
        ("9..1", "no values"),
        ("1,2,1", "twice"),
        ("1..101", "at most 100"),
        ("1..999999999", "at most 100"),
        (",".join(map(str, range(101))), "at most 100"),
    ],
)
def test_what_is_no_sweep(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        sweep_values(text)


def test_as_many_values_as_there_may_be() -> None:
    assert len(sweep_values(f"1..{MOST_VALUES}")) == MOST_VALUES


@pytest.mark.parametrize(
    ("values", "is_rising"),
    [
        (["1", "2", "10"], True),
        (["30s", "60s"], True),
        (["0%", "50%"], True),
        (["0.5", "1"], True),
        (["2", "1"], False),
        (["1", "1"], False),
        (["30s", "1m"], False),
        (["a", "b"], False),
    ],
)
def test_rising(values: list[str], is_rising: bool) -> None:
    assert rising(values) == is_rising
