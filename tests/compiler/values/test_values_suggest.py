"""Did-you-mean: the distance against its textbook definition, and the choices that people see."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.values.suggest import _distance, closest

KEYS = [
    "replicas",
    "resources",
    "repository",
    "dependsOn",
    "variables",
    "memory",
    "cpu",
    "parallelism",
    "image",
]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("replica", "replicas"),
        ("repliacs", "replicas"),
        ("depends_on", "dependsOn"),
        ("dependson", "dependsOn"),
        ("varaibles", "variables"),
        ("memroy", "memory"),
        ("imgae", "image"),
        ("mem", "memory"),
        ("parallel", "parallelism"),
        ("repo", "repository"),
        ("re", None),
        ("kitchen", None),
        ("", None),
        ("x" * 1_000_000, None),
    ],
    ids=lambda value: str(value)[:20],
)
def test_choices(word: str, expected: str | None) -> None:
    assert closest(word, KEYS) == expected


def alignment(left: str, right: str) -> int:
    """Optimal string alignment distance by its recurrence, over whole rows."""
    rows = [list(range(len(right) + 1))]
    for i in range(1, len(left) + 1):
        rows.append([i])
        for j in range(1, len(right) + 1):
            cost = min(
                rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (left[i - 1] != right[j - 1])
            )
            if i > 1 and j > 1 and left[i - 2 : i] == right[j - 2 : j][::-1]:
                cost = min(cost, rows[i - 2][j - 2] + 1)
            rows[i].append(cost)
    return rows[-1][-1]


@given(st.text("abc", max_size=9), st.text("abc", max_size=9), st.integers(0, 4))
def test_the_bounded_distance_is_the_distance(left: str, right: str, limit: int) -> None:
    assert _distance(left, right, limit) == min(alignment(left, right), limit + 1)


@given(st.text("abc", min_size=2, max_size=8), st.lists(st.text("abc", max_size=8), max_size=12))
def test_no_candidate_is_closer_and_order_does_not_matter(word: str, candidates: list[str]) -> None:
    found = closest(word, candidates)
    assert found == closest(word, sorted(candidates, reverse=True))
    nearest = min((alignment(word, other) for other in candidates), default=99)
    if found is not None and not found.startswith(word):
        assert alignment(word, found) == nearest
    if nearest <= max(1, len(word) // 3):
        assert found is not None


def test_ten_thousand_names_that_are_all_alike() -> None:
    names = [f"service-{number:05}" for number in range(10_000)]
    random.Random(1).shuffle(names)
    assert closest("servcie-01234", names) == "service-01234"
