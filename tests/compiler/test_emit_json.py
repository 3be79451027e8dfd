"""The JSON writers against the standard library's, and where they are stricter."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.emit import MAX_DEPTH
from compiler.emit.json import canonical, dump

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
scalars = st.one_of(
    texts, st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False)
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=12,
)


@given(values)
def test_dump_is_the_standard_librarys_text(value: Any) -> None:
    assert dump(value) == json.dumps(value, indent=2, ensure_ascii=False) + "\n"


@given(values)
def test_canonical_reads_back(value: Any) -> None:
    data = canonical(value)
    assert repr(json.loads(data)) == repr(json.loads(json.dumps(value, sort_keys=True)))
    assert canonical(json.loads(dump(value))) == data


@given(st.lists(st.tuples(texts, values), max_size=5, unique_by=lambda pair: pair[0]), st.randoms())
def test_canonical_forgets_the_order_of_keys_and_dump_does_not(pairs: list[Any], random: Any) -> None:
    shuffled = random.sample(pairs, len(pairs))
    assert canonical(dict(pairs)) == canonical(dict(shuffled))
    assert list(json.loads(dump(dict(shuffled)))) == [key for key, _ in shuffled]


def test_layout() -> None:
    value = {"b": ("é", {"x": 1.0, "y": None}), "a": [], "c": {}, "d": "\u2028\x7f\n"}
    assert dump(value) == (
        '{\n  "b": [\n    "é",\n    {\n      "x": 1.0,\n      "y": null\n    }\n  ],\n'
        '  "a": [],\n  "c": {},\n  "d": "\u2028\x7f\\n"\n}\n'
    )
    assert canonical(value) == '{"a":[],"b":["é",{"x":1.0,"y":null}],"c":{},"d":"\u2028\x7f\\n"}'.encode()


def test_numbers_of_different_types_differ() -> None:
    assert len({canonical(value) for value in (1, 1.0, True, "1")}) == 4


class Colour(StrEnum):
    RED = "red"


def test_subclasses_are_what_they_hold() -> None:
    assert dump({Colour.RED: Colour.RED}) == '{\n  "red": "red"\n}\n'
    assert canonical({Colour.RED: Colour.RED}) == b'{"red":"red"}'


@pytest.mark.parametrize("write", [dump, canonical])
@pytest.mark.parametrize(
    "value", [{1: 2}, {None: 1}, {True: 1}, {1}, b"x", object(), [1j], [{"a": {2.0: 1}}]]
)
def test_other_types_are_refused(write: Any, value: Any) -> None:
    with pytest.raises(TypeError):
        write(value)


@pytest.mark.parametrize("write", [dump, canonical])
@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {"a": float("-inf")}])
def test_numbers_that_are_none_are_refused(write: Any, value: Any) -> None:
    with pytest.raises(ValueError, match="not a finite number"):
        write(value)


@pytest.mark.parametrize("write", [dump, canonical])
@pytest.mark.parametrize("value", ["\ud800", ["a\udc80"], {"\udfff": 1}])
def test_lone_surrogates_are_refused(write: Any, value: Any) -> None:
    with pytest.raises(ValueError, match=r"surrogate U\+D"):
        write(value)


@pytest.mark.parametrize("write", [dump, canonical])
@pytest.mark.parametrize("kind", ["list", "dict"])
def test_depth_is_limited(write: Any, kind: str) -> None:
    value: Any = 1
    for _ in range(MAX_DEPTH):
        value = [value] if kind == "list" else {"a": value}
    assert json.loads(write(value)) == value
    with pytest.raises(ValueError, match="levels deep"):
        write([value])


@pytest.mark.parametrize("write", [dump, canonical])
def test_a_cycle_is_refused(write: Any) -> None:
    cycle: list[Any] = []
    cycle += [cycle, cycle]
    with pytest.raises(ValueError, match="levels deep"):
        write({"a": cycle})
