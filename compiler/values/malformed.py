"""The one exception of `compiler.values`, and how its messages quote a value.

Knows nothing of places: whoever holds the span turns it into a diagnostic.
"""

from __future__ import annotations

_LONGEST = 60
_MOST_DIGITS = 40


class Malformed(ValueError):
    """A scalar that does not say what it should.

    `message` is one sentence without a full stop about this text, `hint` what
    to write instead; "" when nothing better is known than what the message says.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def shown(value: object) -> str:
    """A value as a message quotes it: one line, printable, at most about 60 characters."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        # str() of an integer beyond 4,300 digits raises, and nobody wants to read one of 41.
        return str(value) if abs(value) < 10**_MOST_DIGITS else "a number of many digits"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, str):
        text = value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…"
        return '"' + "".join(_printable(character) for character in text) + '"'
    names = {dict: "a mapping", list: "a list", tuple: "a list", type(None): "null"}
    return names.get(type(value), "a value of another type")


def text_of(value: object, what: str) -> str:
    """`value` when it is text; raises Malformed that asks for `what` ("an image") otherwise."""
    if isinstance(value, str):
        return value
    raise Malformed(f"{shown(value)} is not {what}", "write it as text, in quotes where needed")


def _printable(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
