"""Plans that hypothesis makes from the model's type hints, whether or not a spec could lead to them."""

from __future__ import annotations

import dataclasses
import types
import typing
from enum import Enum
from typing import Any

from hypothesis import strategies as st

from compiler.plan.model import Plan

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
free_form = st.recursive(
    texts | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
_SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    str: texts,
    int: st.integers(0, 2**50),
    float: st.floats(0, 1e9),
    bool: st.booleans(),
    types.NoneType: st.none(),
    Any: free_form,
}


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type of the plan's model."""
    if hint in _SCALARS:
        return _SCALARS[hint]
    arguments = typing.get_args(hint)
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([values(each) for each in arguments])
    if origin is tuple and Ellipsis in arguments:
        return st.lists(values(arguments[0]), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*(values(each) for each in arguments))
    if origin is dict:
        return st.dictionaries(values(arguments[0]), values(arguments[1]), max_size=2)
    if issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    return records(hint)


def records(kind: type) -> st.SearchStrategy[Any]:
    """Records of a type; about every other optional field is left at its default."""
    hints = typing.get_type_hints(kind)
    fields = {}
    for field in dataclasses.fields(kind):
        made = values(hints[field.name])
        if field.default is not dataclasses.MISSING:
            made = st.just(field.default) | made
        fields[field.name] = made
    return st.builds(kind, **fields)


def plans() -> st.SearchStrategy[Plan]:
    """Whole plans with a digest that looks like one."""
    digests = st.integers(0, 2**256 - 1).map(lambda number: f"sha256:{number:064x}")
    return st.builds(dataclasses.replace, records(Plan), digest=digests)
