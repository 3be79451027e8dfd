"""The YAML writer: plain values to block-style text that YAML 1.1 and 1.2 read alike.

Owns quoting and layout. Takes dicts, lists, tuples and scalars; gives text that
every parser (libyaml, go-yaml, ruamel.yaml, PyYAML) loads as the same values.
Knows nothing of what the values mean. Mappings keep their order, sequences are
indented below their key, nothing is folded, there are no anchors and no tags.

Strings are plain where no version of YAML sees anything else in them, literal
blocks where they have several lines, double-quoted otherwise. The rules are
YAML 1.2.2 chapters 5 to 8 and 10.3 (core schema) and the type repository of
YAML 1.1 (bool, int with base 60 and `_`, float, timestamp, merge, value).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import isfinite
from typing import Any

from compiler.emit import MAX_DEPTH

# What may stand only in double quotes: controls, the line ends of YAML 1.1, the byte order mark,
# non-characters and surrogates (which may stand nowhere).
_SPECIAL_SET = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff"
_SPECIAL = re.compile(f"[{_SPECIAL_SET}]")
_ESCAPED = re.compile(rf'[\t\n"\\{_SPECIAL_SET}]')
_ESCAPES = {"\t": "\\t", "\n": "\\n", "\r": "\\r", '"': '\\"', "\\": "\\\\"}

_PLAIN_START = re.compile(r"""[^\s\-?:,\[\]{}#&*!|>'"%@`]|-[A-Za-z\-]""")
_NOT_PLAIN = re.compile(rf"[\t\n{_SPECIAL_SET}]|:(?:\s|\Z)|\s#|\s\Z|\A(?:---|\.\.\.)")
# Whatever could be a number, a time or a date in either version, and a little more.
_NUMBER_LIKE = re.compile(r"[-+.]*(?:[0-9][-0-9a-fA-FxXoOtTzZpP_+.,: ]*)?|[-+]?\.[eE_][-+0-9_.eE]*")
_SIGNED_WORDS = (".inf", ".nan", "inf", "nan", "infinity")  # the last three in some parsers only
_WORDS = frozenset(
    ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "=", "<<"]
    + [sign + word for sign in ("", "+", "-") for word in _SIGNED_WORDS]
)

# An implicit key has at most 1024 characters (YAML 1.2.2, 7.4.2), its quotes included.
_MAX_IMPLICIT_KEY = 1024
_MEMO_ENTRIES = 1 << 16
_MEMO_LENGTH = 200


class _Memo(dict[str, str]):
    """Strings and how they are written; `render` fills it. Long strings are not kept."""

    def __init__(self, render: Callable[[str], str]) -> None:
        self._render = render

    def __missing__(self, text: str) -> str:
        rendered = self._render(text)
        if len(text) <= _MEMO_LENGTH:
            if len(self) >= _MEMO_ENTRIES:
                self.clear()
            self[str.__str__(text)] = rendered
        return rendered


def dump(value: object, *, header: str | None = None) -> str:
    """The YAML document that holds `value`, with the lines of `header` as comments on top.

    A value is a dict with str keys, a list, a tuple, a str, an int, a float, a
    bool or None. The text ends with a line end. Equal values in equal order give
    equal bytes.

    Raises:
        TypeError: something else is in the value.
        ValueError: a number is infinite or not a number, a string holds a lone
            surrogate, or there are more than `MAX_DEPTH` levels (or a cycle).
    """
    lines = [_comment(line) for line in header.split("\n")] if header is not None else []
    if type(value) is dict and value:
        _mapping(value, "", "", MAX_DEPTH, lines.append)
    elif isinstance(value, (list, tuple)) and value:
        _sequence(value, "", "", MAX_DEPTH, lines.append)
    elif isinstance(value, str):
        # Where an indentation indicator counts from is disputed at the root: no literal needs one here.
        text = str.__str__(value)
        lines.append(_quote(text) if _needs_indicator(text) else _TEXTS[text] or _literal(text, "  "))
    else:
        lines.append(_atom(value, ""))
    return "\n".join(lines) + "\n"


# The two functions below run once per line of output: names are looked up and lines are built
# once, and the commonest type is asked for first. `lead` stands before the first line of the
# container ("- " included where it is an item), `pad` before the others.


def _mapping(mapping: dict[Any, Any], lead: str, pad: str, room: int, write: Callable[[str], None]) -> None:
    if not room:
        raise ValueError(f"nested more than {MAX_DEPTH} levels deep")
    inner = pad + "  "
    for key, item in mapping.items():
        name = _KEYS[key] or _explicit_key(key, pad)
        kind = type(item)
        if kind is str:
            write(f"{lead}{name} {_TEXTS[item] or _literal(item, inner)}")
        elif kind is dict and item:
            write(lead + name)
            _mapping(item, inner, inner, room - 1, write)
        elif (kind is list or kind is tuple) and item:
            write(lead + name)
            _sequence(item, inner, inner, room - 1, write)
        else:
            write(f"{lead}{name} {_atom(item, inner)}")
        lead = pad


def _sequence(
    items: list[Any] | tuple[Any, ...], lead: str, pad: str, room: int, write: Callable[[str], None]
) -> None:
    if not room:
        raise ValueError(f"nested more than {MAX_DEPTH} levels deep")
    inner = pad + "  "
    for item in items:
        kind = type(item)
        if kind is str:
            write(f"{lead}- {_TEXTS[item] or _literal(item, inner)}")
        elif kind is dict and item:
            _mapping(item, lead + "- ", inner, room - 1, write)
        elif (kind is list or kind is tuple) and item:
            _sequence(item, lead + "- ", inner, room - 1, write)
        else:
            write(f"{lead}- {_atom(item, inner)}")
        lead = pad


def _atom(value: object, pad: str) -> str:
    """A value on one line: a scalar that is no exact str, or an empty container."""
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return _float(float(value))
    if isinstance(value, str):  # a str enum, say: what it holds
        text = str.__str__(value)
        return _TEXTS[text] or _literal(text, pad)
    if type(value) is dict:
        return "{}"
    if type(value) is list or type(value) is tuple:
        return "[]"
    raise TypeError(f"a value of type {type(value).__name__} cannot be written as YAML")


def _float(value: float) -> str:
    if not isfinite(value):
        raise ValueError(f"{value} is not a finite number")
    text = repr(value)
    # YAML 1.1 takes no exponent without a point: 1e+16 would be a string there.
    return text if "." in text else text.replace("e", ".0e")


def _comment(line: str) -> str:
    """One line as a comment; what could end a line or hide is escaped, so nothing escapes from it."""
    return f"# {_SPECIAL.sub(lambda match: _escape(match[0]), line)}".rstrip(" \t")


def _inline(text: str) -> str:
    """A string as plain or double-quoted text; "" where it is to be a literal block."""
    if "\n" in text and text.strip("\n\t ") and not _SPECIAL.search(text):
        return ""
    return text if _is_plain(text) else _quote(text)


def _is_plain(text: str) -> bool:
    return not (
        not _PLAIN_START.match(text)
        or _NOT_PLAIN.search(text)
        or _NUMBER_LIKE.fullmatch(text)
        or text.lower() in _WORDS
    )


def _quote(text: str) -> str:
    return f'"{_ESCAPED.sub(_escape_match, text)}"'


def _escape_match(match: re.Match[str]) -> str:
    character = match[0]
    if "\ud800" <= character <= "\udfff":
        raise ValueError(f"a string holds the lone surrogate U+{ord(character):04X}")
    return _escape(character)


def _escape(character: str) -> str:
    return _ESCAPES.get(character) or f"\\u{ord(character):04X}"


def _needs_indicator(text: str) -> bool:
    """Whether a parser could not find a literal's indentation from its first line with text."""
    return "\n" in text and text.lstrip("\n").startswith((" ", "\t"))


def _literal(text: str, pad: str) -> str:
    """A string of several lines as a literal block whose lines stand after `pad`."""
    body = text.removesuffix("\n")
    chomp = "-" if body is text else "+" if body.endswith("\n") else ""
    indicator = "2" if _needs_indicator(text) else ""
    lines = [pad + line if line else "" for line in body.split("\n")]
    return "\n".join([f"|{indicator}{chomp}", *lines])


def _key(key: object) -> str:
    """A key with its colon; "" where it is too long for that."""
    if not isinstance(key, str):
        raise TypeError(f"a mapping's key is of type {type(key).__name__}, not str")
    text = str.__str__(key)
    name = text if _is_plain(text) else _quote(text)
    return f"{name}:" if len(name) <= _MAX_IMPLICIT_KEY else ""


def _explicit_key(key: str, pad: str) -> str:
    text = str.__str__(key)
    return f"? {text if _is_plain(text) else _quote(text)}\n{pad}:"


_TEXTS = _Memo(_inline)
_KEYS = _Memo(_key)
