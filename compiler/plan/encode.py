"""A plan as JSON: canonical, versioned, documented by schemas/plan.schema.json.

What has its default value is left out, so that a new field changes no digest
of an environment that does not use it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Any

from compiler.plan.fields import WRITTEN, alternatives, item_hint, record_fields
from compiler.plan.model import PLAN_VERSION, Plan

_NOT_IN_DIGEST = ("digest", "estimates", "profiles", "spec", "departed")
_AS_IS = (str, int, float, bool, None)
_BY_FIELD = ("builds", "workloads")


def _line_encoder() -> Callable[[Any], str]:
    """JSON on one line. `JSONEncoder.encode` makes a new C encoder for every call, and a plan has 100,000."""
    encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return encoder.encode
    # Markers, default, string encoder, indent, separators, sort_keys, skipkeys, allow_nan.
    chunks = make(
        None, encoder.default, json.encoder.encode_basestring, None, ": ", ", ", False, False, False
    )
    return lambda value: "".join(chunks(value, 0))


_line = _line_encoder()

Encode = Callable[[Any], Any]


def plan_json(plan: Plan) -> dict[str, Any]:
    """The plan as plain data in a fixed order of keys."""
    return {"version": PLAN_VERSION, **_record(Plan)(plan)}


def plan_text(plan: Plan) -> str:
    """The plan as a JSON text for people and files.

    One line per field of a build and a workload, and one per image, task, stage
    and estimate: what changes in a plan is a few lines of its file.
    """
    fields = [f'  "{key}": {_block(key, value)}' for key, value in plan_json(plan).items()]
    return "{\n" + ",\n".join(fields) + "\n}\n"


def _block(key: str, value: Any) -> str:
    """The value of a top-level field: its records or fields on lines of their own."""
    if not value or not isinstance(value, list | dict):
        return _line(value)
    if isinstance(value, dict):
        return (
            "{\n" + ",\n".join(f"    {_line(name)}: {_line(item)}" for name, item in value.items()) + "\n  }"
        )
    if key not in _BY_FIELD:
        return "[\n" + ",\n".join([f"    {_line(item)}" for item in value]) + "\n  ]"
    records = (
        ",\n".join([f'      "{name}": {_line(field)}' for name, field in item.items()]) for item in value
    )
    return "[\n" + ",\n".join([f"    {{\n{record}\n    }}" for record in records]) + "\n  ]"


def plan_digest(plan: Plan) -> str:
    """SHA-256 over everything that the spec says of what happens: see `_NOT_IN_DIGEST` for the rest."""
    data = {key: value for key, value in plan_json(plan).items() if key not in _NOT_IN_DIGEST}
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def encoded(value: Any, hint: Any) -> Any:
    """A value of a plan as plain data, by its type hint."""
    encode = _encoder(hint)
    return value if encode is None else encode(value)


# A plan of 10,000 services has a million values. So each type's encoder is made
# once, from its hints, and what is plain already costs no call: a third of the
# time of looking at every value.


@cache
def _record(kind: type) -> Encode:
    fields = record_fields(kind)
    # attrgetter gives no tuple for a single name.
    values_of = attrgetter(*(field.name for field in fields), "__class__")
    plans = tuple((field.key, field.default, _encoder(field.hint)) for field in fields)

    def encode(record: Any) -> dict[str, Any]:
        return {
            key: value if encode_value is None else encode_value(value)
            for (key, default, encode_value), value in zip(plans, values_of(record), strict=False)
            if default is WRITTEN or (value is not default and value != default)
        }

    return encode


@cache
def _encoder(hint: Any) -> Encode | None:
    """What turns a value of this type into plain data; None when it is plain data."""
    kinds = alternatives(hint)
    if len(kinds) > 1:
        return _choice(kinds)
    if hint in _AS_IS:
        return None
    inner = item_hint(hint)
    if inner is not None:
        return _items(_encoder(inner))
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _record(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {member: member.value for member in hint}.__getitem__
    return _copy


def _choice(kinds: tuple[Any, ...]) -> Encode | None:
    encoders = {type(None) if kind is None else kind: _encoder(kind) for kind in kinds}
    if not any(encoders.values()):
        return None

    def encode(value: Any) -> Any:
        encode_value = encoders[value.__class__]
        return value if encode_value is None else encode_value(value)

    return encode


def _items(encode_item: Encode | None) -> Encode:
    if encode_item is None:
        return list
    return lambda items: [encode_item(item) for item in items]


def _copy(value: Any) -> Any:
    """Free-form data of a spec (chart values, an affinity) copied; its depth is the document's."""
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_copy(item) for item in value]
    return value
