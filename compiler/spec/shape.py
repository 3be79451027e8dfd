"""The shapes that spec fields have: one declaration gives the JSON Schema and the reader.

A shape says what a value looks like to an editor (`schema`) and turns an
accepted node into its typed value (`read`). A reader accepts exactly what the
schema accepts and stops with `Rejected` otherwise; why is explained by
`compiler.spec.explain` from the schema, which costs time only when there is
something to explain. tests/properties holds the two together.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol, TypeVar

from compiler.document.node import EXTENSION_PREFIX, Node
from compiler.values.malformed import Malformed

JsonSchema = dict[str, Any]


class Rejected(Exception):
    """A node is not of the expected shape. Carries nothing: the explanation is made elsewhere."""


class Shape(Protocol):
    """What a field's value looks like."""

    def schema(self, definitions: dict[str, JsonSchema]) -> JsonSchema:
        """The JSON Schema (draft-07); records add themselves to `definitions`."""

    def read(self, node: Node) -> Any:
        """The typed value of an accepted node; raises `Rejected`."""


@dataclass(frozen=True)
class Text:
    """A string that matches `pattern` wholly; `wanted` says the same in words."""

    pattern: str | None = None
    max_length: int | None = None
    wanted: str | None = None
    min_length: int = 0

    def __post_init__(self) -> None:
        compiled = re.compile(self.pattern) if self.pattern else None
        object.__setattr__(self, "_fullmatch", compiled.fullmatch if compiled else None)

    def schema(self, definitions: dict[str, JsonSchema]) -> JsonSchema:
        result: JsonSchema = {"type": "string"}
        if self.min_length:
            result["minLength"] = self.min_length
        if self.max_length is not None:
            result["maxLength"] = self.max_length
        if self.pattern:
            result["pattern"] = self.pattern
        if self.wanted:
            # A keyword of editors.
            result["patternErrorMessage"] = f"Write {self.wanted}."
        return result

    def read(self, node: Node) -> str:
        value = node.value
        if value.__class__ is not str or len(value) < self.min_length:
            raise Rejected
        if self.max_length is not None and len(value) > self.max_length:
            raise Rejected
        fullmatch = self._fullmatch  # type: ignore[attr-defined]
        if fullmatch is not None and not fullmatch(value):
            raise Rejected
        return value


@dataclass(frozen=True)
class Parsed:
    """A quantity: a string of `pattern` or a number in bounds that `parse` understands.

    `format` names it in the schema; `compiler.spec.explain` finds the parser
    by that name and asks it what is wrong.
    """

    format: str
    pattern: str
    parse: Callable[[Any], Any]
    numbers: tuple[str, float, float] | None = None  # "integer" or "number", minimum, maximum

    def __post_init__(self) -> None:
        object.__setattr__(self, "_fullmatch", re.compile(self.pattern).fullmatch)

    def schema(self, definitions: dict[str, JsonSchema]) -> JsonSchema:
        result: JsonSchema = {"type": "string", "pattern": self.pattern, "format": self.format}
        if self.numbers:
            kind, minimum, maximum = self.numbers
            # Editors quote what they insert where text comes first.
            result |= {"type": [kind, "string"], "minimum": minimum, "maximum": maximum}
        return result

    def read(self, node: Node) -> Any:
        value = node.value
        kind = value.__class__
        if kind is str:
            if not self._fullmatch(value):  # type: ignore[attr-defined]
                raise Rejected
        elif self.numbers is None or kind is bool or not isinstance(value, int | float):
            raise Rejected
        else:
            wanted, minimum, maximum = self.numbers
            if not minimum <= value <= maximum or (wanted == "integer" and value != int(value)):
                raise Rejected
        try:
            return self.parse(value)
        except Malformed as error:
            raise Rejected from error


@dataclass(frozen=True)
class Integer:
    """A whole number from `minimum` to `maximum`; `8080.0` is one, as JSON Schema has it."""

    minimum: int
    maximum: int

    def schema(self, definitions: dict[str, JsonSchema]) -> JsonSchema:
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}

    def read(self, node: Node) -> int:
        value = node.value
        if value.__class__ is float and value.is_integer():
            value = int(value)
        if value.__class__ is not int or not self.minimum <= value <= self.maximum:
            raise Rejected
        return value


@dataclass(frozen=True)
class Flag:
    """true or false."""

    def schema(self, definitions: dict[str, JsonSchema]) -> JsonSchema:
        return {"type": "boolean"}

    def read(self, node: Node) -> bool:
        if node.value.__class__ is not bool:
            raise Rejected
        return node.value


EnumType = TypeVar("EnumType", bound=Enum)


@dataclass(frozen=True)
class Choice:
    """One of the values of an enumeration. `meanings` says of each value what it stands for."""

    options: type[Enum]
    meanings: Mapping[str, str]

    def __post_init__(self) -> None:
        object.__setattr__(self, "_members", {member.value: member for member in self.options})

    def schema(self, definitions: dict[str, JsonSchema]) -> JsonSchema:
        return _enumeration({member.value: self.meanings[member.value] for member in self.options})

    def read(self, node: Node) -> Enum:
        if node.value.__class__ is not str:
            raise Rejected
        member: Enum | None = self._members.get(node.value)  # type: ignore[attr-defined]
        if member is None:
            raise Rejected
        return member


@dataclass(frozen=True)
class Keyword:
    """One of some words that stay text; `meanings` says of each what it stands for."""

    meanings: Mapping[str, str]

    def schema(self, definitions: dict[str, JsonSchema]) -> JsonSchema:
        return _enumeration(self.meanings)

    def read(self, node: Node) -> str:
        if node.value.__class__ is not str or node.value not in self.meanings:
            raise Rejected
        return node.value


def _enumeration(meanings: Mapping[str, str]) -> JsonSchema:
    """The values, and what an editor shows beside each."""
    return {"type": "string", "enum": list(meanings), "markdownEnumDescriptions": list(meanings.values())}


@dataclass(frozen=True)
class Exactly:
    """One fixed string."""

    value: str

    def schema(self, definitions: dict[str, JsonSchema]) -> JsonSchema:
        return {"type": "string", "const": self.value}

    def read(self, node: Node) -> str:
        if node.value != self.value:
            raise Rejected
        return self.value


@dataclass(frozen=True)
class PlainText:
    """A string, or a number or boolean taken as it is written (`8080`, `1e3`, `true`)."""

    def schema(self, definitions: dict[str, JsonSchema]) -> JsonSchema:
        return {"type": ["string", "number", "boolean"]}

    def read(self, node: Node) -> str:
        value = node.value
        if value.__class__ is str:
            return value
        if value is None or node.children is not None:
            raise Rejected
        return node.text


@dataclass(frozen=True)
class ListOf:
    """A list, as a tuple."""

    item: Shape
    min_items: int = 0

    def schema(self, definitions: dict[str, JsonSchema]) -> JsonSchema:
        result: JsonSchema = {"type": "array", "items": self.item.schema(definitions)}
        if self.min_items:
            result["minItems"] = self.min_items
        return result

    def read(self, node: Node) -> tuple[Any, ...]:
        children = node.children
        if not isinstance(children, list) or len(children) < self.min_items:
            raise Rejected
        read = self.item.read
        return tuple([read(child) for child in children])


@dataclass(frozen=True)
class MapOf:
    """A mapping from names to values, as a dict in the file's order; `x-` keys are left out."""

    value: Shape

    def schema(self, definitions: dict[str, JsonSchema]) -> JsonSchema:
        return {
            "type": "object",
            "patternProperties": {"^x-": True},
            "additionalProperties": self.value.schema(definitions),
        }

    def read(self, node: Node) -> dict[str, Any]:
        children = node.children
        if not isinstance(children, dict):
            raise Rejected
        read = self.value.read
        return {key: read(child) for key, child in children.items() if not key.startswith(EXTENSION_PREFIX)}


@dataclass(frozen=True)
class FreeMapping:
    """A mapping whose content belongs to somebody else (Helm values, an affinity)."""

    def schema(self, definitions: dict[str, JsonSchema]) -> JsonSchema:
        return {"type": "object"}

    def read(self, node: Node) -> dict[str, Any]:
        if not isinstance(node.children, dict):
            raise Rejected
        return node.value  # type: ignore[no-any-return]


@dataclass(frozen=True)
class ByType:
    """A short form and a long one, told apart by what the value is: a mapping or something else."""

    short: Shape
    mapping: Shape

    def schema(self, definitions: dict[str, JsonSchema]) -> JsonSchema:
        # Not anyOf: of its branches an editor may complain about the one that nobody meant.
        short = self.short.schema(definitions)
        kinds = short.pop("type")
        return {
            "type": [*(kinds if isinstance(kinds, list) else [kinds]), "object"],
            "if": {"type": "object"},
            "then": self.mapping.schema(definitions),
            "else": short,
        }

    def read(self, node: Node) -> Any:
        return (self.mapping if isinstance(node.children, dict) else self.short).read(node)


def member(
    shape: Shape,
    doc: str,
    *,
    default: Any = dataclasses.MISSING,
    key: str | None = None,
    examples: tuple[Any, ...] = (),
    shown_default: Any = None,
) -> Any:
    """A field of a record. Without `default` the key is required.

    `shown_default` is the default for people where the model's is None because
    it comes from elsewhere.
    """
    metadata = {"shape": shape, "doc": doc, "key": key, "examples": examples, "shown_default": shown_default}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Constraint:
    """Keys of a record that exclude each other: exactly one (`required`) or at most one of them."""

    keys: tuple[str, ...]
    required: bool

    def schema(self) -> JsonSchema:
        """Beside a key none of those after it; and, if one is required, not none of them.

        oneOf would say the same, but no editor could say what is wrong and
        where. errorMessage is a keyword of theirs.
        """
        names = ", ".join(f"`{key}`" for key in self.keys)
        conflict = f"{names} exclude each other."
        result: JsonSchema = {
            "dependencies": {
                key: {"properties": dict.fromkeys(self.keys[i + 1 :], False), "errorMessage": conflict}
                for i, key in enumerate(self.keys[:-1])
            }
        }
        if self.required:
            result["if"] = {"propertyNames": {"not": {"enum": list(self.keys)}}}
            result["then"] = {"required": [self.keys[0]], "errorMessage": f"One of {names} is missing."}
        return result

    def holds(self, present: Mapping[str, Any]) -> bool:
        """Whether a mapping's keys obey it."""
        count = sum(key in present for key in self.keys)
        return count == 1 if self.required else count <= 1


def camel_case(name: str) -> str:
    """`depends_on` as it is written in a spec: `dependsOn`."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


class Record:
    """A mapping with known keys, read into a frozen dataclass of `member` fields.

    The dataclass has a field `at` for the node it was read from. Keys that
    start with `x-` are ignored, other unknown ones rejected.
    """

    def __init__(self, model: type[Any], *constraints: Constraint) -> None:
        self.model = model
        self.constraints = constraints
        self.fields: dict[str, tuple[str, Callable[[Node], Any]]] = {}
        self.members: dict[str, dataclasses.Field[Any]] = {}
        for field in dataclasses.fields(model):
            if "shape" in field.metadata:
                key = field.metadata["key"] or camel_case(field.name)
                self.fields[key] = (field.name, field.metadata["shape"].read)
                self.members[key] = field
        self.required = tuple(key for key, f in self.members.items() if f.default is dataclasses.MISSING)

    def shape(self, key: str) -> Shape:
        """The shape of the member that is written as `key`."""
        shape: Shape = self.members[key].metadata["shape"]
        return shape

    def schema(self, definitions: dict[str, JsonSchema]) -> JsonSchema:
        name = self.model.__name__
        if name not in definitions:
            definitions[name] = {}
            definitions[name] = self._definition(definitions)
        return {"$ref": f"#/definitions/{name}"}

    def _definition(self, definitions: dict[str, JsonSchema]) -> JsonSchema:
        result: JsonSchema = {"type": "object", "description": " ".join((self.model.__doc__ or "").split())}
        result["properties"] = {key: _describe(field, definitions) for key, field in self.members.items()}
        result["patternProperties"] = {"^x-": True}
        result["additionalProperties"] = False
        if self.required:
            result["required"] = list(self.required)
        if self.constraints:
            result["allOf"] = [constraint.schema() for constraint in self.constraints]
        return result

    def read(self, node: Node) -> Any:
        children = node.children
        if not isinstance(children, dict):
            raise Rejected
        fields = self.fields
        values: dict[str, Any] = {"at": node}
        for key, child in children.items():
            known = fields.get(key)
            if known is not None:
                values[known[0]] = known[1](child)
            elif not key.startswith(EXTENSION_PREFIX):
                raise Rejected
        for key in self.required:
            if key not in children:
                raise Rejected
        for constraint in self.constraints:
            if not constraint.holds(children):
                raise Rejected
        return self.model(**values)


def _describe(field: dataclasses.Field[Any], definitions: dict[str, JsonSchema]) -> JsonSchema:
    """A member's schema with what an editor shows beside it."""
    shape: Shape = field.metadata["shape"]
    schema = shape.schema(definitions)
    default = field.metadata["shown_default"]
    if default is None and field.default is not dataclasses.MISSING:
        default = _plain(field.default)
    about = _about(field.metadata["doc"], default)
    if "then" in schema:
        # An editor shows the description of the branch, not that of the field.
        schema["then"] = {**about, **schema["then"]}
    # For a validator of draft-07 nothing counts beside $ref, but editors show these.
    result = {**about, **schema}
    if default is not None:
        result["default"] = default
    if field.metadata["examples"]:
        result["examples"] = list(field.metadata["examples"])
    return result


def _about(doc: str, default: Any) -> JsonSchema:
    """A description, and as Markdown where it has some. An editor does not show a default by itself."""
    shown = "" if default in (None, "") else json.dumps(default, ensure_ascii=False).strip('"')
    markdown = f"{doc}\n\nDefault: `{shown}`" if shown else doc
    return {"description": doc, "markdownDescription": markdown} if "`" in markdown else {"description": doc}


def _plain(default: Any) -> Any:
    """A default as JSON; None where there is nothing worth showing."""
    if isinstance(default, Enum):
        return default.value
    if isinstance(default, bool | int | str):
        return default
    return None


@dataclass(frozen=True)
class Tagged:
    """A mapping whose `tag` key says which record it is."""

    name: str
    tag: str
    doc: str
    records: Mapping[str, Record]

    def schema(self, definitions: dict[str, JsonSchema]) -> JsonSchema:
        if self.name not in definitions:
            tag = _describe(next(iter(self.records.values())).members[self.tag], definitions)
            meanings = dict(zip(tag["enum"], tag["markdownEnumDescriptions"], strict=True))
            branches = []
            for value, record in self.records.items():
                branch = record.schema(definitions)
                own_tag = {"description": meanings[value], "type": "string", "const": value}
                definitions[record.model.__name__]["properties"][self.tag] = own_tag
                condition = {"properties": {self.tag: {"const": value}}, "required": [self.tag]}
                branches.append({"if": condition, "then": branch})
            definitions[self.name] = {
                "type": "object",
                "description": self.doc,
                "required": [self.tag],
                "properties": {self.tag: tag},
                "allOf": branches,
            }
        return {"$ref": f"#/definitions/{self.name}"}

    def read(self, node: Node) -> Any:
        tag = node.get(self.tag)
        if tag is None or tag.value.__class__ is not str:
            raise Rejected
        record = self.records.get(tag.value)
        if record is None:
            raise Rejected
        return record.read(node)


def all_shapes(shape: Shape) -> Iterator[Shape]:
    """The shape and all that it is made of, each once."""
    seen: set[int] = set()
    todo: list[Shape] = [shape]
    while todo:
        current = todo.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        if isinstance(current, Record):
            todo += [field.metadata["shape"] for field in current.members.values()]
        elif isinstance(current, Tagged):
            todo += current.records.values()
        elif isinstance(current, ListOf):
            todo.append(current.item)
        elif isinstance(current, MapOf):
            todo.append(current.value)
        elif isinstance(current, ByType):
            todo += [current.short, current.mapping]
