"""What a plain scalar means: the core schema of YAML 1.2.2, section 10.3.2.

Deliberately not YAML 1.1: `no`, `on`, `0b1`, `1_000`, `12:30:45` and dates are
strings. Two rules of ours: a number that no JSON can hold (infinite, not a
number, overflowing) is not a number, and neither is an integer of more than
400 digits.
"""

from __future__ import annotations

import re

_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_OCTAL_OR_HEX = re.compile(r"0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z")
_WORDS: dict[str, bool | None] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_MAX_DIGITS = 400
_FIRST_OF_NUMBER = frozenset("0123456789+-.")
MAY_BE_NO_TEXT = _FIRST_OF_NUMBER | {word[:1] for word in _WORDS}
"""The first characters (or "") of plain scalars that `resolve` may give another value than their text."""
_YAML_1_1 = re.compile(
    r"(?i:y|n|yes|no|on|off)\Z"  # booleans
    r"|[-+]?0[0-9_]+\Z|0o[0-7]+\Z"  # octal there and decimal here; the other way round
    r"|[-+]?[1-9][0-9]*(?:_[0-9]+)+\Z|[-+]?0b[01]+\Z"  # numbers there, text here
    r"|[-+]?[1-9][0-9]*(?::[0-5]?[0-9])+\Z"  # sexagesimal there: 12:30 is 750
    r"|[-+]?[0-9]+(?:\.[0-9]*)?[eE][0-9]+\Z|[-+]?[0-9]+[eE][-+][0-9]+\Z"  # text there, numbers here
)

Scalar = str | int | float | bool | None


def resolve(text: str) -> Scalar:
    """The value of a plain scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _FIRST_OF_NUMBER or len(text) > _MAX_DIGITS:
        return text
    if _INTEGER.match(text):
        return int(text)
    if _OCTAL_OR_HEX.match(text):
        return int(text[2:], 8 if text[1] == "o" else 16)
    if _FLOAT.match(text):
        number = float(text)
        return number if abs(number) != float("inf") else text
    return text


def is_not_finite(text: str) -> bool:
    """Whether a plain scalar is a number by YAML that JSON has no form for."""
    if _NOT_FINITE.match(text):
        return True
    return bool(_FLOAT.match(text)) and abs(float(text)) == float("inf")


def surprises(text: str) -> bool:
    """Whether YAML 1.1 tools read a plain scalar as another value than YAML 1.2 does."""
    return len(text) <= _MAX_DIGITS and bool(_YAML_1_1.match(text))
