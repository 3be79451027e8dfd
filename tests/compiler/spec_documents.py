"""Documents made from a spec's model, so that none of its fields can be forgotten.

`covering` gives values that together use every field of a shape, every record
wherever it may stand, every value of an enumeration and every form of a field.
`places` gives every place where a record may stand, in the smallest document
around it. `write` makes block-style YAML of such values and says where each
key came to stand, and the cursor of somebody who is typing (`Typing`).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from compiler.spec.shape import (
    ByType,
    Choice,
    Exactly,
    Flag,
    FreeMapping,
    Keyword,
    ListOf,
    MapOf,
    PlainText,
    Record,
    Shape,
    Tagged,
    Text,
)

Path = tuple[str | int, ...]
Field = dataclasses.Field[Any]
Wrap = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Typing:
    """What somebody has typed of a key or a value so far; the cursor is behind it."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A place where a record may stand.

    `given` are the keys without which it would be another record. `around`
    puts a value for it into the smallest document that has such a place.
    """

    path: Path
    record: Record
    given: Mapping[str, Any]
    around: Wrap

    def __str__(self) -> str:
        tag = "".join(f"({value})" for value in self.given.values())
        return ".".join(map(str, self.path)) + tag or "the document"


def places(shape: Shape, path: Path = (), around: Wrap = lambda value: value) -> Iterator[Place]:
    """Every place below `shape` where a record may stand."""
    match shape:
        case Record():
            yield from _record_places(Place(path, shape, {}, around))
        case Tagged():
            for value, record in shape.records.items():
                yield from _record_places(Place(path, record, {shape.tag: value}, around))
        case ByType():
            yield from places(shape.mapping, path, around)
        case ListOf():
            yield from places(shape.item, (*path, 0), lambda value: around([value]))
        case MapOf():
            yield from places(shape.value, (*path, "one"), lambda value: around({"one": value}))


def _record_places(place: Place) -> Iterator[Place]:
    yield place
    for key, member in place.record.members.items():

        def within(value: Any, key: str = key) -> Any:
            return place.around({**place.given, key: value})

        yield from places(member.metadata["shape"], (*place.path, key), within)


def covering(shape: Shape, examples: tuple[Any, ...] = ()) -> list[Any]:
    """Accepted values that together use all there is below `shape`. `examples` are those of its field."""
    match shape:
        case Record():
            return _record_values(shape, {})
        case Tagged():
            return [
                value
                for tag, record in shape.records.items()
                for value in _record_values(record, {shape.tag: tag})
            ]
        case ByType():
            return [*covering(shape.short, examples), *covering(shape.mapping)]
        case ListOf():
            return list(examples) or [covering(shape.item)]
        case MapOf():
            return [{f"entry-{i}": value for i, value in enumerate(covering(shape.value), 1)}]
    return list(examples) or _scalars(shape)


def _record_values(record: Record, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    values = []
    for keys in _key_sets(record):
        options = {key: _member_values(record.members[key]) for key in keys} | {
            key: [value] for key, value in given.items()
        }
        for i in range(max(map(len, options.values()))):
            values.append({key: some[i % len(some)] for key, some in options.items()})
    return values


def _key_sets(record: Record) -> list[tuple[str, ...]]:
    """As many keys as go together, so that each key is in one of the sets."""
    sets: dict[tuple[str, ...], None] = {}
    for wanted in record.members:
        kept = {wanted}
        for key in record.members:
            rivals = {other for c in record.constraints if key in c.keys for other in c.keys if other != key}
            if not rivals & kept:
                kept.add(key)
        sets[tuple(key for key in record.members if key in kept)] = None
    return list(sets)


def _member_values(member: Field) -> list[Any]:
    examples = member.metadata["examples"]
    for default in (member.metadata["shown_default"], member.default):
        if not examples and isinstance(default, str | int):
            examples = (default,)
    shape = member.metadata["shape"]
    return covering(shape, () if isinstance(shape, Choice | Keyword | Flag) else examples)


def _scalars(shape: Shape) -> list[Any]:
    match shape:
        case Choice():
            return [option.value for option in shape.options]
        case Keyword():
            return list(shape.meanings)
        case Flag():
            return [True, False]
        case Exactly():
            return [shape.value]
        case PlainText():
            return ["text", 8080, True]
        case Text(pattern=None):
            return ["text"]
        case FreeMapping():
            return [{"key": {"inner": [1, "text"]}}]
    raise AssertionError(f"a field of shape {shape} needs an example")


def members(shape: Shape, value: Any, path: Path = ()) -> Iterator[tuple[Path, Record, Field]]:
    """Every key of `value` that is a field of a record, with the record. Unfinished values have none."""
    match shape:
        case Record() if isinstance(value, dict):
            for key, inner in value.items():
                yield (*path, key), shape, shape.members[key]
                yield from members(shape.members[key].metadata["shape"], inner, (*path, key))
        case Tagged():
            yield from members(shape.records[value[shape.tag]], value, path)
        case ByType():
            yield from members(shape.mapping, value, path)
        case ListOf() if isinstance(value, list):
            for i, item in enumerate(value):
                yield from members(shape.item, item, (*path, i))
        case MapOf() if isinstance(value, dict):
            for key, inner in value.items():
                yield from members(shape.value, inner, (*path, key))


@dataclass(slots=True)
class Written:
    """YAML, and the (line, column) from 0 of every key and of the cursor in it."""

    lines: list[str] = field(default_factory=list)
    keys: dict[Path, tuple[int, int]] = field(default_factory=dict)
    cursor: tuple[int, int] = (0, 0)

    @property
    def text(self) -> str:
        """The document."""
        return "\n".join(self.lines) + "\n"


def write(value: Any, head: str = "") -> Written:
    """`value` as block-style YAML, below the line `head`."""
    written = Written([head] if head else [])
    _write(value, 0, (), written)
    return written


def _write(value: Any, indent: int, path: Path, to: Written) -> None:
    pad = " " * indent
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(key, Typing):
                to.lines.append(pad + key.text)
                to.cursor = (len(to.lines) - 1, indent + len(key.text))
                continue
            to.keys[(*path, key)] = (len(to.lines), indent)
            _write_after(f"{pad}{key}:", inner, indent + 2, (*path, key), to)
        return
    for i, item in enumerate(value):
        if isinstance(item, dict | list) and item:
            first = len(to.lines)
            _write(item, indent + 2, (*path, i), to)
            to.lines[first] = f"{pad}- {to.lines[first][indent + 2 :]}"
        else:
            _write_after(f"{pad}-", item, indent + 2, (*path, i), to)


def _write_after(start: str, value: Any, indent: int, path: Path, to: Written) -> None:
    """A value behind its key or dash."""
    if isinstance(value, dict | list) and value:
        to.lines.append(start)
        _write(value, indent, path, to)
        return
    text = value.text if isinstance(value, Typing) else json.dumps(value)
    to.lines.append(f"{start} {text}")
    if isinstance(value, Typing):
        to.cursor = (len(to.lines) - 1, len(to.lines[-1]))
