"""`{{NAME}}` in a value: text and references, with `{{{{` and `}}}}` for the braces themselves."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(r"\{\{\{\{|\}\}\}\}|\{\{[ \t]*([A-Za-z_][A-Za-z0-9_]*)[ \t]*\}\}|\{\{")


@dataclass(frozen=True, slots=True)
class Reference:
    """A name that stands for another variable's value; its token is at `offset` of the value."""

    name: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class BadInterpolation:
    """`{{` that opens no reference, at `offset` from the value's start."""

    offset: int


Part = str | Reference | BadInterpolation


def split(value: str) -> tuple[Part, ...]:
    """The parts of a value in order. A bad one stands for its two braces."""
    if "{{" not in value and "}}}}" not in value:
        return (value,)
    parts: list[Part] = []
    text = ""
    end = 0
    for match in _TOKEN.finditer(value):
        text += value[end : match.start()]
        end = match.end()
        token = match.group()
        if token == "{{{{":
            text += "{{"
        elif token == "}}}}":
            text += "}}"
        else:
            if text:
                parts.append(text)
                text = ""
            name = match.group(1)
            parts.append(
                Reference(name, match.start(), len(token)) if name else BadInterpolation(match.start())
            )
    text += value[end:]
    if text or not parts:
        parts.append(text)
    return tuple(parts)
