"""The values of a sweep: `1..14`, `1..14..2`, `30s..120s..30s`, `4,7,10`, `build-first,dag`.

Takes the text behind the `=`, gives the values. Knows no setting.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

MOST_VALUES = 100
_RANGE = re.compile(
    r"(?P<low>\d{1,9})(?P<unit>[A-Za-z]{0,3}|%)\.\.(?P<high>\d{1,9})(?P=unit)(?:\.\.(?P<step>\d{1,9})(?P=unit))?"
)

_NUMBER = re.compile(r"(?P<number>\d{1,15}(?:\.\d{1,15})?)(?P<unit>[A-Za-z]{0,3}|%)")


def sweep_values(text: str) -> tuple[str, ...]:
    """The values that a text stands for, in its order: a list, or a range of whole numbers with its end.

    Raises:
        ValueError: it is no such thing, or stands for more than `MOST_VALUES` values; fit for a user.
    """
    values: list[str] = []
    for part in text.split(","):
        values += _expanded(part.strip(), MOST_VALUES - len(values))
    if len(set(values)) < len(values):
        raise ValueError(f"{text} has a value twice")
    if len(values) < 2:
        raise ValueError(f"{text} is a single value: write a range such as 1..14, or a list such as 4,7,10")
    return tuple(values)


def rising(values: Sequence[str]) -> bool:
    """Whether the values are numbers of one unit, each larger than the one before."""
    found = [_NUMBER.fullmatch(value) for value in values]
    numbers = [float(match["number"]) for match in found if match is not None]
    units = {match["unit"] for match in found if match is not None}
    if len(numbers) < len(values) or len(units) > 1:
        return False
    return all(left < right for left, right in pairwise(numbers))


def _expanded(part: str, room: int) -> list[str]:
    if not part:
        raise ValueError("a value of the list is empty")
    if ".." not in part:
        numbers = [part]
    elif (match := _RANGE.fullmatch(part)) is None:
        raise ValueError(f"{part} is no range: write 1..14, 1..14..2 or 30s..120s..30s")
    else:
        low, high, step = int(match["low"]), int(match["high"]), int(match["step"] or 1)
        if step == 0 or high < low:
            raise ValueError(f"{part} has no values: it rises from the first to the second number")
        count = (high - low) // step + 1
        numbers = [f"{low + number * step}{match['unit']}" for number in range(min(count, room + 1))]
    if len(numbers) > room:
        raise ValueError(f"a sweep has at most {MOST_VALUES} values")
    return numbers
