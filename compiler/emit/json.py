"""The JSON writers: pretty text for people and artifacts, canonical bytes for digests.

Takes dicts with str keys, lists, tuples and scalars, and nothing else: the
standard library's writer would turn other keys into strings, so that two
different values had the same text. Knows nothing of what the values mean.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from json.encoder import encode_basestring as _quote
from math import isfinite
from typing import Any

from compiler.emit import MAX_DEPTH


def dump(value: object) -> str:
    """`value` as pretty JSON: two spaces, keys in their order, no escapes that JSON does not ask for.

    The text ends with a line end and is otherwise that of `json.dumps(value,
    indent=2, ensure_ascii=False)`.

    Raises:
        TypeError: something else than a dict with str keys, a list, a tuple, a
            str, an int, a float, a bool or None is in the value.
        ValueError: a number is infinite or not a number, a string holds a lone
            surrogate, or there are more than `MAX_DEPTH` levels (or a cycle).
    """
    parts: list[str] = []
    _write(value, "\n", MAX_DEPTH, parts.append)
    parts.append("\n")
    text = "".join(parts)
    _encode(text)
    return text


def canonical(value: object) -> bytes:
    """`value` as the one UTF-8 text that equal values have: sorted keys, no spaces.

    Keys are sorted by code point. 1, 1.0 and True are different values.

    Raises:
        TypeError: as `dump`.
        ValueError: as `dump`.
    """
    _check(value, MAX_DEPTH)
    return _encode(
        json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    )


def _encode(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"a string holds the lone surrogate U+{ord(text[error.start]):04X}") from None


def _write(value: object, newline: str, room: int, write: Callable[[str], None]) -> None:
    """Write a value whose lines after the first start with `newline`, a line end and indentation."""
    if isinstance(value, str):
        write(_quote(value))
    elif isinstance(value, dict) and value:
        inner, between = newline + "  ", "{"
        _descend(room)
        for key, item in value.items():
            _check_key(key)
            write(f"{between}{inner}{_quote(key)}: ")
            _write(item, inner, room - 1, write)
            between = ","
        write(newline + "}")
    elif isinstance(value, (list, tuple)) and value:
        inner, between = newline + "  ", "["
        _descend(room)
        for item in value:
            write(between + inner)
            _write(item, inner, room - 1, write)
            between = ","
        write(newline + "]")
    else:
        write(_atom(value))


def _atom(value: object) -> str:
    """A value that is no string and holds nothing."""
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return float.__repr__(_finite(value))
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, (list, tuple)):
        return "[]"
    raise _wrong_type(value)


def _check(value: object, room: int) -> None:
    """Raise what `canonical` raises. Depth first, so that a cycle meets the limit at once."""
    if isinstance(value, dict):
        if value:
            _descend(room)
        for key in value:
            _check_key(key)
        items: Iterable[Any] = value.values()
    elif isinstance(value, (list, tuple)):
        if value:
            _descend(room)
        items = value
    else:
        if not isinstance(value, str):
            _atom(value)
        return
    for item in items:
        if type(item) is not str:
            _check(item, room - 1)


def _check_key(key: object) -> None:
    if not isinstance(key, str):
        raise TypeError(f"an object's key is of type {type(key).__name__}, not str")


def _finite(value: float) -> float:
    if not isfinite(value):
        raise ValueError(f"{value} is not a finite number")
    return value


def _descend(room: int) -> None:
    if not room:
        raise ValueError(f"nested more than {MAX_DEPTH} levels deep")


def _wrong_type(value: object) -> TypeError:
    return TypeError(f"a value of type {type(value).__name__} cannot be written as JSON")
