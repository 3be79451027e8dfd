"""What the YAML writer writes is what two parsers of two YAML versions read."""

from __future__ import annotations

import io
from enum import StrEnum
from typing import Any

import pytest
import yaml as pyyaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from compiler.emit import MAX_DEPTH
from compiler.emit.yaml import dump

WORDS = """
    y Y n N yes Yes YES no No NO on On ON off Off OFF true True TRUE false False FALSE null Null NULL ~ tRUE
    0 1 -1 +1 012 0o7 0O7 0x1F 0X1f 0b11 1_000 1e3 1E3 1e-3 1.5 -1.5e+3 .5 5. 1. +.5 1,000 685_230.15
    1:30 190:20:30 -1:30 190:20:30.15 8080:22 2001-01-01 2001-12-14t21:59:43.10-05:00 2001-12-14T21:59:43Z
    .inf -.inf +.Inf .INF .nan .NaN inf nan Infinity = << - -- --- ... . .. 1.2.3 ? : , [ ] { } # & * ! | > %
    ' " @ ` [a] {a} &a *a !a !!str |- >- %YAML @a `a` -1a 1d 1e 12e03 ._5 .e+5 0x 0b 0o _ __ _1 1__0 0.0.0.0
"""
AMBIGUOUS = [
    *WORDS.split(),
    *("", " ", "  ", " a", "a ", "\t", "\ta", "a\t", "a\tb", "a: b", "a:", ":a", "a :b", "a #b", "#a", "a#b"),
    *("- a", "-a", "? a", "?a", "--- a", "... a", "---a", "a, b", "a]", "2001-12-14 21:59:43.10 -5"),
    *("{{ .Values.x }}", "${{ matrix.x }}", "it's", 'a "b"', "back\\slash", "C:\\x", "a:\tb", "c://a#b"),
    *("\0", "\x07", "\x1b[31m", "\x7f", "\x80", "\x85", "a\x85b", "\xa0", "\xa0a", "a\xa0"),
    *("\u2028", "a\u2029b"),
    *("\ufeff", "\ufeffa", "a\ufeff", "\ufffe", "\uffff", "\ufffd", "é", "日本", "😀", "\u3000a"),
    *("a\nb", "a\nb\n", "a\n\n", "\n", "\n\n", "\na", "\n\n a", "  a\nb", "\ta\nb"),
    *("a\n\tb\n", "a\n  \nb", "a\n "),
    *(" \na", "a\r\nb", "a\rb", "\r", "a\n\x85", "# a\n# b", "a\n# b\n\n\n", "---\na", "a\n---\n"),
    *("a\n...\nb", "a\n\n\nb"),
    *("a\n\t", "a\n \n", "\n\ta\n", "a \nb ", "key: |\n  x\n", "a" * 1500, "a b " * 400, "é\n" * 300),
]  # fmt: skip

hostile = st.one_of(
    st.sampled_from(AMBIGUOUS),
    st.text(
        st.sampled_from(" \t\n\r\x85\u2028\ufeff:#-?[]{},&*!|>'\"%@`\\=<.+_~0179abexnoyTZé😀"), max_size=8
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.lists(st.sampled_from(AMBIGUOUS), max_size=3).map("".join),
)
scalars = st.one_of(
    hostile, st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False)
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(hostile, inner, max_size=4)),
    max_leaves=12,
)


def ruamel_load(text: str, *, pure: bool = True) -> Any:
    return YAML(typ="safe", pure=pure).load(text)


def same(left: Any, right: Any) -> bool:
    """Equality that tells 1, 1.0 and True, and two orders of keys, apart."""
    return repr(left) == repr(right)


def check(value: Any) -> None:
    text = dump(value)
    assert text.endswith("\n")
    for load in (pyyaml.safe_load, ruamel_load):
        assert same(load(text), value), text
    assert same(ruamel_load(text, pure=False), value), text


@pytest.mark.parametrize("text", AMBIGUOUS)
def test_ambiguous_strings_survive_everywhere(text: str) -> None:
    check(text)
    check({text: text})
    check([text, text, {text: [text], "z": 1}])
    check({"a": {"b": [[text, {"c": text, "d": text}], text]}, text: text})


@settings(max_examples=300)
@given(values)
@example({"a": "\n\n", "b": ["x\n\n", "y"]})
@example([[[]], {}, [{}], {"a": [{"b": []}]}])
@example({"a": 1e16, "b": 1e-7, "c": -0.0, "d": 5e-324, "e": 123456789012345680.0})
def test_round_trip_through_both_versions(value: Any) -> None:
    check(value)


@settings(max_examples=300)
@given(hostile, hostile)
def test_round_trip_of_strings_side_by_side(first: str, second: str) -> None:
    check({"k": first, "l": [second, first], first: {second: first}, "z": second})


def load_1_1(text: str) -> Any:
    """As strictly YAML 1.1 as it goes: ruamel's 1.1 resolver, base 60 and one-letter booleans included."""
    reader = YAML(typ="safe", pure=True)
    reader.version = (1, 1)
    return reader.load(text)


@pytest.mark.parametrize("text", AMBIGUOUS)
def test_ambiguous_strings_under_declared_1_1(text: str) -> None:
    assert same(load_1_1(dump({"a": text})), {"a": text})


@pytest.mark.parametrize(
    "word", ["on", "Y", "1e3", "0o7", "1:30", "2001-01-01", "=", "<<", ".", "inf", "null"]
)
def test_words_of_either_version_are_quoted(word: str) -> None:
    assert dump({word: word}) == f'"{word}": "{word}"\n'


@pytest.mark.parametrize(
    "text",
    ["redis:7.4.2", "500m", "10Gi", "30m", "--port=80", "-v", "./a b", "a#b", "https://x.org/?a=b#c", "None"],
)
def test_ordinary_strings_stay_plain(text: str) -> None:
    assert dump([text]) == f"- {text}\n"


def test_layout() -> None:
    value = {
        "on": {"push": None},
        "jobs": [{"run": "set -e\nmake\n", "with": {}, "needs": []}, ["a", ("b",)], "x\n  y"],
        "script": "  indented\n\n\n",
        "last": 1.0,
    }
    assert dump(value, header="generated from a.yaml\n\nby \x1b[1m\rnobody\u2028x") == (
        "# generated from a.yaml\n#\n# by \\u001B[1m\\rnobody\\u2028x\n"
        '"on":\n  push: null\n'
        "jobs:\n"
        "  - run: |\n      set -e\n      make\n    with: {}\n    needs: []\n"
        "  - - a\n    - - b\n"
        "  - |-\n    x\n      y\n"
        "script: |2+\n    indented\n\n\n"
        "last: 1.0\n"
    )


@pytest.mark.parametrize("value", [None, True, 0, -7, 1.5, "a", "", [], {}, (), "a\nb", " a\nb", "\n\ta\n"])
def test_roots_that_are_no_mapping(value: Any) -> None:
    text = dump(value, header="h")
    assert text.startswith("# h\n")
    assert same(pyyaml.safe_load(text), [] if value == () else value)
    assert same(ruamel_load(text), [] if value == () else value)


def test_no_indentation_indicator_at_the_root() -> None:
    # The specification counts it from -1 there, libyaml and PyYAML from 0.
    assert dump(" a\nb") == '" a\\nb"\n'


@given(st.text(max_size=40), values)
def test_no_header_changes_the_value(header: str, value: Any) -> None:
    text = dump(value, header=header)
    assert same(pyyaml.safe_load(text), value)
    assert same(ruamel_load(text), value)


@pytest.mark.parametrize("length", [1021, 1022, 1023, 1024, 1025, 3000])
@pytest.mark.parametrize("character", ["a", "#", "\x85", "é"])
def test_long_keys(length: int, character: str) -> None:
    key = character * length
    check({"a": 1, key: {"b": 2, key: ["c", {key: "d\ne", "f": key}]}, "z": [{key: 1, "y": {key: {}}}]})


class Colour(StrEnum):
    RED = "red"
    NO = "no"


def test_subclasses_are_what_they_hold() -> None:
    assert dump({Colour.RED: [Colour.RED, Colour.NO]}) == 'red:\n  - red\n  - "no"\n'
    assert dump(Colour.NO) == '"no"\n'


@pytest.mark.parametrize(
    "value", [{1: 2}, {None: 1}, {(1,): 1}, {1}, b"x", object(), [1j], {"a": {True: 1}}, Colour]
)
def test_other_types_are_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        dump(value)


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
def test_numbers_that_are_none_are_refused(number: float) -> None:
    for value in (number, [number], {"a": number}):
        with pytest.raises(ValueError, match="not a finite number"):
            dump(value)


@pytest.mark.parametrize("text", ["\ud800", "a\udfff", "\udc80\n", "a\nb\udc80\nc"])
def test_lone_surrogates_are_refused(text: str) -> None:
    for value in (text, [text], {text: 1}, {"a": text}):
        with pytest.raises(ValueError, match=r"surrogate U\+D"):
            dump(value)
    assert "\\uDC80" in dump(1, header="\udc80")


def nested(levels: int, kind: str) -> Any:
    value: Any = "x"
    for level in range(levels):
        value = [value] if kind == "list" or (kind == "both" and level % 2) else {"a": value}
    return value


@pytest.mark.parametrize("kind", ["list", "dict", "both"])
def test_depth_is_limited(kind: str) -> None:
    assert same(ruamel_load(dump(nested(MAX_DEPTH, kind)), pure=True), nested(MAX_DEPTH, kind))
    for levels in (MAX_DEPTH + 1, 100_000):
        value = nested(levels, kind)
        with pytest.raises(ValueError, match="levels deep"):
            dump(value)
        while isinstance(value, (list, dict)):  # freed from the outside in: its own end would recurse
            value = value[0] if isinstance(value, list) else value["a"]


def test_a_cycle_is_refused() -> None:
    cycle: list[Any] = []
    cycle += [cycle, cycle]
    with pytest.raises(ValueError, match="levels deep"):
        dump(cycle)


def test_hostile_strings_take_linear_time() -> None:
    # Each of these a million characters long; a quadratic pattern would run for hours.
    for unit in (" ", "1", "-", ".", "1.", " #", "\n", "\n ", "a: ", "\\", "+.", "1e"):
        text = unit * (1_000_000 // len(unit))
        for value in (text, text + "\x01", "a" + text, "a" + text + "x"):
            dump({"a": value})


def test_round_trip_of_a_large_document() -> None:
    value = [
        {"name": f"s{n}", "env": {f"K{k}": f"{k}:{n}" for k in range(5)}, "run": "a\nb\n"} for n in range(300)
    ]
    assert same(YAML(typ="safe", pure=False).load(io.StringIO(dump(value))), value)
