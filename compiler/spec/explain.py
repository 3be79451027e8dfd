"""Why a document is not of the expected shape: jsonschema's findings as diagnostics.

Called only when a reader has rejected a document, and judges only the parts of
it that their readers reject. One mistake gives one diagnostic: of several
complaints about one value the most telling is kept, and nothing is said of
what follows from it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from compiler.diagnostics.model import Diagnostic, Findings, Severity
from compiler.document.node import EXTENSION_PREFIX, Node
from compiler.source import Span
from compiler.spec.complaints import Mistake, describe, key_meant, members_with
from compiler.spec.shape import JsonSchema, Parsed, Record, Rejected, Shape, Tagged, all_shapes
from compiler.values.suggest import closest

Path = tuple[str | int, ...]

MAX_COMPLAINTS = 1_000
"""More than this is not explained in one run: nobody reads on, and each costs time."""

# The complaint to keep when a value has several: the first of these.
_PRIORITY = ("type", "const", "enum", "pattern", "minimum", "maximum")
_ABOUT_KEYS = ("required", "additionalProperties", "if", "dependencies")


@dataclass(frozen=True, slots=True)
class Complaint:
    """What has to go for the rest of the document to be readable, and why.

    `diagnostic` is None where something was already said of the value when it was read.
    """

    path: Path
    diagnostic: Diagnostic | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The complaints about the document `root`; `complete` is false when there are more."""

    root: Node
    complaints: tuple[Complaint, ...]
    complete: bool

    def report(self, findings: Findings) -> None:
        """Record what is wrong, and that there is more where there is."""
        findings.extend(c.diagnostic for c in self.complaints if c.diagnostic is not None)
        if not self.complete:
            message = f"more than {MAX_COMPLAINTS:,} values are wrong; the others are left out"
            hint = "mend the first ones"
            findings.add(Diagnostic("STC016", Severity.NOTE, message, self.root.head, hint=hint))


def explain(shape: Record, root: Node, *, partial: bool = False) -> Explanation:
    """All that is wrong with `root`, at most one complaint for a place.

    `partial` is for a file that is merged with others: keys may be missing, and
    a value may be null.
    """
    by_place: dict[tuple[Path, str], Any] = {}
    anatomy = _anatomy(shape)
    complete = True
    for error in _errors(anatomy, root):
        if partial and (error.instance is None or error.validator in ("required", "if", "dependencies")):
            continue
        path = tuple(error.absolute_path)
        # Errors about a mapping's keys do not exclude each other, those about a value do.
        place = (path, error.message if error.validator in _ABOUT_KEYS else "")
        if place not in by_place and len(by_place) == MAX_COMPLAINTS:
            complete = False
            break
        if place not in by_place or _rank(error) < _rank(by_place[place]):
            by_place[place] = error
    mistakes = [_mistake(root, path, error) for (path, _), error in by_place.items()]
    return Explanation(root, tuple(_complaints(mistakes, anatomy)), complete)


def _mistake(root: Node, path: Path, error: Any) -> Mistake:
    keyword = error.validator
    node = root.at(path)
    steps = [s for s in error.absolute_schema_path if s in ("properties", "additionalProperties", "items")]
    if keyword == "additionalProperties":
        return Mistake(node, path, keyword, None, error.schema, error.message)
    about = error.message if keyword in _ABOUT_KEYS else ""
    free = bool(steps) and steps[-1] == "additionalProperties"
    return Mistake(node, path, keyword, error.validator_value, error.schema, about, free_name=free)


def _complaints(mistakes: list[Mistake], anatomy: _Anatomy) -> Iterator[Complaint]:
    mistakes = [_misspelt_tag(mistake, anatomy.keys) for mistake in mistakes]
    strays = _strays(mistakes, anatomy.keys)
    below = {(*place[:-1], key) for place, keys in strays.items() for key in keys}
    conflicts: set[Span] = set()
    meant = {
        (*mistake.path, key)
        for mistake in mistakes
        for key in (key_meant(mistake), *members_with(mistake, anatomy.schemas))
        if key is not None
    }
    for mistake in mistakes:
        place = mistake.place
        # What a misspelt key was meant to be is not missing as well.
        follows = mistake.keyword in ("required", "if") and any(
            (*mistake.path, key) in meant for key in mistake.about.split(",")
        )
        follows = follows or any(place[:length] in below for length in range(1, len(place) + 1))
        if place in strays:
            mistake = replace(mistake, stray=strays[place][0])
        child = mistake.node.get(mistake.about) if mistake.keyword == "additionalProperties" else mistake.node
        if follows or (child is not None and child.faulty):
            yield Complaint(place, None)
            continue
        diagnostic = describe(mistake, anatomy.schemas, anatomy.parsers)
        # Two rules about which keys go together may be broken by the same key.
        again = mistake.keyword == "dependencies" and diagnostic.span in conflicts
        conflicts.add(diagnostic.span)
        yield Complaint(place, None if again else diagnostic)


def _misspelt_tag(mistake: Mistake, known: frozenset[str]) -> Mistake:
    """A key like `typ` is unknown where `type` is missing, which decides what other keys there are."""
    if mistake.keyword != "required" or "additionalProperties" in mistake.schema:
        return mistake
    unknown = [key for key, _ in mistake.node.items() if key not in known]
    misspelt = closest(mistake.about, unknown)
    if misspelt is None:
        return mistake
    return Mistake(mistake.node, mistake.path, "additionalProperties", None, mistake.schema, misspelt)


def _strays(mistakes: list[Mistake], known: frozenset[str]) -> dict[Path, list[str]]:
    """Entries without a value, each with the keys beside it that were meant to stand below it.

    That is what a wrong indentation gives: `web:`, and beside it `type: container`.
    """
    empty = {m.place[:-1]: m for m in mistakes if m.place and m.keyword == "type" and m.node.value is None}
    strays: dict[Path, list[str]] = {}
    for mistake in mistakes:
        above, key = mistake.place[:-1], (mistake.place or ("",))[-1]
        before = empty.get(above)
        if before is None or mistake.place == before.place or mistake.free_name is not before.free_name:
            continue
        if mistake.free_name or mistake.keyword == "additionalProperties":
            keys = strays.setdefault(before.place, [])
            if key in known and key not in keys:
                keys.append(str(key))
    return {place: keys for place, keys in strays.items() if keys}


def _rank(error: Any) -> int:
    return _PRIORITY.index(error.validator) if error.validator in _PRIORITY else len(_PRIORITY)


@dataclass(frozen=True)
class _Anatomy:
    """A shape taken apart: schemas and shapes by name, parsers by format, and all keys of records."""

    root: JsonSchema
    schemas: Mapping[str, JsonSchema]
    shapes: Mapping[str, Shape]
    parsers: Mapping[str, Callable[[Any], Any]]
    keys: frozenset[str]


@cache
def _anatomy(shape: Record) -> _Anatomy:
    schemas: dict[str, JsonSchema] = {}
    root = shape.schema(schemas)
    shapes: dict[str, Shape] = {}
    parsers = {}
    for part in all_shapes(shape):
        if isinstance(part, Record):
            shapes[part.model.__name__] = part
        elif isinstance(part, Tagged):
            shapes[part.name] = part
        elif isinstance(part, Parsed):
            parsers[part.format] = part.parse
    keys = frozenset(key for part in shapes.values() if isinstance(part, Record) for key in part.members)
    return _Anatomy(schemas[_name(root["$ref"])], schemas, shapes, parsers, keys)


def _name(reference: str) -> str:
    return reference.removeprefix("#/definitions/")


def _errors(anatomy: _Anatomy, root: Node) -> Iterator[Any]:
    """The errors that jsonschema finds, with our reading of some keywords."""
    from jsonschema import Draft7Validator
    from jsonschema.validators import extend

    nodes = {id(node.value): node for node in _collections(root)}
    records = {id(schema["properties"]): anatomy.shapes[name] for name, schema in anatomy.schemas.items()}

    # A quick yes where the reader accepts a part: most of a document is not to blame.
    def reference(validator: Any, to: str, instance: Any, _schema: Any) -> Iterator[Any]:
        node = nodes.get(id(instance))
        if node is None or not _accepts(anatomy.shapes[_name(to)], node):
            yield from validator.descend(instance, anatomy.schemas[_name(to)])

    def properties(validator: Any, known: JsonSchema, instance: Any, _schema: Any) -> Iterator[Any]:
        node = nodes.get(id(instance))
        record = records.get(id(known))
        for key, schema in known.items() if isinstance(instance, dict) else ():
            if key not in instance:
                continue
            if (
                isinstance(record, Record)
                and node is not None
                and _accepts(record.shape(key), node.at((key,)))
            ):
                continue
            yield from validator.descend(instance[key], schema, path=key, schema_path=key)

    keywords = {
        "$ref": reference,
        "properties": properties,
        "required": _required,
        "additionalProperties": _additional_properties,
        "if": _if,
        "dependencies": _dependencies,
        "pattern": _pattern,
    }
    validator = extend(Draft7Validator, keywords)(anatomy.root)  # type: ignore[no-untyped-call]
    yield from validator.iter_errors(root.value)


def _collections(root: Node) -> Iterator[Node]:
    """All mappings and lists of a document, those that aliases share once."""
    seen: set[int] = set()
    todo = [root]
    while todo:
        node = todo.pop()
        if node.children is not None and id(node.value) not in seen:
            seen.add(id(node.value))
            yield node
            todo += node.children.values() if isinstance(node.children, dict) else node.children


def _accepts(shape: Shape, node: Node) -> bool:
    try:
        shape.read(node)
    except Rejected:
        return False
    return True


def _required(_validator: Any, keys: list[str], instance: Any, _schema: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if isinstance(instance, dict):
        for key in keys:
            if key not in instance:
                yield ValidationError(key)


def _additional_properties(validator: Any, allowed: Any, instance: Any, schema: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if not isinstance(instance, dict):
        return
    known = schema.get("properties", {})
    for key, value in instance.items():
        if key in known or key.startswith(EXTENSION_PREFIX):
            continue
        if allowed is False:
            yield ValidationError(key)
        else:
            yield from validator.descend(value, allowed, path=key)


def _if(validator: Any, condition: Any, instance: Any, schema: Any) -> Iterator[Any]:
    """A choice between records or forms; or that one of some keys is there (`Constraint.schema`)."""
    from jsonschema import ValidationError

    if "propertyNames" in condition:
        keys = condition["propertyNames"]["not"]["enum"]
        if isinstance(instance, dict) and not any(key in instance for key in keys):
            yield ValidationError(",".join(keys))
        return
    if condition == {"type": "object"}:
        holds = isinstance(instance, dict)
    else:
        holds = validator.evolve(schema=condition).is_valid(instance)
    branch = "then" if holds else "else"
    if branch in schema:
        yield from validator.descend(instance, schema[branch])


def _dependencies(_validator: Any, dependencies: Any, instance: Any, _schema: Any) -> Iterator[Any]:
    """At most one of some keys (`Constraint.schema`)."""
    from jsonschema import ValidationError

    first = next(iter(dependencies))
    keys = [first, *dependencies[first]["properties"]]
    if isinstance(instance, dict) and sum(key in instance for key in keys) > 1:
        yield ValidationError(",".join(keys))


def _pattern(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[Any]:
    """The whole string, as editors have it: Python's `$` also matches before a final line end."""
    from jsonschema import ValidationError

    if isinstance(instance, str) and not re.fullmatch(pattern, instance):
        yield ValidationError("")
