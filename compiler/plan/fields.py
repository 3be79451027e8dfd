"""What the plan's records are made of, read from their type hints: keys in JSON, types and defaults.

The encoder and the schema both follow this, so that neither can drift from the
model. Takes the record types, knows nothing of a plan.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from dataclasses import dataclass
from functools import cache
from typing import Any

# Written even when empty: a reader can count on them.
_ALWAYS = frozenset({"skipped"})

WRITTEN = object()
"""The default of a field that is always written."""


@dataclass(frozen=True, slots=True)
class RecordField:
    """A field of a record: its attribute, its key in JSON, its type, and the default that is left out.

    `default` is `WRITTEN` where the field is written whatever its value is.
    """

    name: str
    key: str
    hint: Any
    default: Any


@cache
def record_fields(kind: type) -> tuple[RecordField, ...]:
    """The fields of a record type, in their order."""
    hints = typing.get_type_hints(kind)
    return tuple(
        RecordField(field.name, json_key(field.name), hints[field.name], _default(field))
        for field in dataclasses.fields(kind)
    )


def json_key(name: str) -> str:
    """`cpu_milli` as it is written in JSON: `cpuMilli`."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def alternatives(hint: Any) -> tuple[Any, ...]:
    """The types that a type hint allows; None stands for NoneType."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return tuple(None if each is types.NoneType else each for each in typing.get_args(hint))
    return (hint,)


def item_hint(hint: Any) -> Any:
    """The type of the items of a tuple, X of `tuple[X, ...]` and of `tuple[X, X]`; None for no tuple.

    Raises:
        TypeError: the items are of different types, which the model does not need.
    """
    if typing.get_origin(hint) is not tuple:
        return None
    kinds = [each for each in typing.get_args(hint) if each is not Ellipsis]
    if any(kind != kinds[0] for kind in kinds):
        raise TypeError(f"{hint} has items of different types")
    return kinds[0]


def fixed_length(hint: Any) -> int | None:
    """How many items a tuple has, None for any number."""
    arguments = typing.get_args(hint)
    return None if Ellipsis in arguments else len(arguments)


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.name in _ALWAYS:
        return WRITTEN
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return WRITTEN
