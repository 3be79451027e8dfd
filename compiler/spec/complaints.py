"""What is said of a value that is not of the expected shape: one diagnostic for one mistake.

Takes a mistake as a JSON Schema keyword names it, gives the diagnostic. The
wording is for somebody who does not know the schema: what is wrong here, and
what to write instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from compiler.diagnostics.model import Diagnostic, Label, Severity
from compiler.document.node import Node, shortened
from compiler.source import Span
from compiler.spec.shape import JsonSchema
from compiler.values.malformed import Malformed
from compiler.values.suggest import closest

Parsers = Mapping[str, Callable[[Any], Any]]

_TYPE_NAMES = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}
_VERSION_KEYS = ("apiVersion", "kind")
_PROBES = ["http", "tcp", "grpc", "exec"]
# What the same thing is called in Compose files, Kubernetes and CI systems.
_ELSEWHERE = {
    "args": "arguments",
    "branch": "ref",
    "cmd": "arguments",
    "command": "entrypoint",
    "crontab": "cron",
    "depends": "dependsOn",
    "dir": "context",
    "directory": "context",
    "env": "variables",
    "environment": "variables",
    "envs": "variables",
    "git": "source",
    "healthcheck": "healthChecks",
    "instances": "replicas",
    "port": "ports",
    "probes": "healthChecks",
    "repo": "repository",
    "scale": "replicas",
    "url": "repository",
    "volumes": "storage",
}


@dataclass(frozen=True, slots=True)
class Mistake:
    """What a validator found: `keyword` of `schema`, which says `wanted`, does not hold for `node`.

    `about` are the keys concerned where it is about the keys of a mapping,
    joined by commas. `free_name` says that the last key is a name of the file's
    own choice; `stray` is a key beside an empty value that belongs below it.
    """

    node: Node
    path: tuple[str | int, ...]
    keyword: str
    wanted: Any
    schema: JsonSchema
    about: str
    free_name: bool = False
    stray: str = ""

    @property
    def place(self) -> tuple[str | int, ...]:
        """The path of what has to go: the value, or the key that is unknown."""
        return (*self.path, self.about) if self.keyword == "additionalProperties" else self.path

    @property
    def name(self) -> str:
        """What a message calls the value: its key, an item of a list by the list's."""
        keys = [step for step in self.path if isinstance(step, str)]
        if not keys:
            return "the document"
        name = f"`{shortened(keys[-1])}`"
        return f"an item of {name}" if self.is_item else name

    @property
    def is_item(self) -> bool:
        """Whether the value stands in a list."""
        return bool(self.path) and isinstance(self.path[-1], int)

    @property
    def key(self) -> str:
        """The last key on the way to the value."""
        return next((step for step in reversed(self.path) if isinstance(step, str)), "")


def describe(mistake: Mistake, schemas: Mapping[str, JsonSchema], parsers: Parsers) -> Diagnostic:
    """The diagnostic. `schemas` are all by name; `parsers` by format know what is wrong with a text."""
    if mistake.keyword == "additionalProperties":
        return _unknown_key(mistake, schemas)
    if mistake.keyword == "required":
        return _missing_key(mistake)
    if mistake.keyword in ("if", "dependencies"):
        return _key_conflict(mistake)
    # Of two forms, what is no mapping was meant to be the short one.
    parse = parsers.get(mistake.schema.get("else", mistake.schema).get("format", ""))
    if parse is not None and mistake.node.children is None and mistake.node.value is not None:
        return _malformed(mistake, parse)
    if mistake.keyword == "type":
        return _wrong_type(mistake, schemas)
    return _bad_value(mistake)


def key_meant(mistake: Mistake) -> str | None:
    """The key that an unknown one was probably meant to be."""
    if mistake.keyword != "additionalProperties":
        return None
    known = mistake.schema.get("properties", {})
    free = [key for key in known if mistake.node.get(key) is None]
    elsewhere = _ELSEWHERE.get(mistake.about.lower())
    if elsewhere in free and not any(key.startswith(mistake.about) for key in free):
        return elsewhere
    return closest(mistake.about, free)


def _error(
    code: str,
    span: Span,
    message: str,
    hint: str = "",
    *,
    labels: tuple[Label, ...] = (),
    notes: tuple[str, ...] = (),
) -> Diagnostic:
    return Diagnostic(code, Severity.ERROR, message, span, labels=labels, notes=notes, hint=hint)


def _unknown_key(mistake: Mistake, schemas: Mapping[str, JsonSchema]) -> Diagnostic:
    known = mistake.schema.get("properties", {})
    child = mistake.node.get(mistake.about)
    span = child.key_span if child is not None else mistake.node.key_span
    where = f"in {mistake.name}" if mistake.path else "at the top"
    message = f"unknown key `{shortened(mistake.about)}` {where}"
    if meant := key_meant(mistake):
        return _error("STC101", span, message, f"did you mean `{meant}`?")
    if holders := members_with(mistake, schemas):
        return _error("STC101", span, message, f"it is a key of {_either(holders)}: write it below that")
    if others := _types_with(mistake, schemas):
        hint = f"a {known['type']['const']} has no `{mistake.about}`; it is a key of {', '.join(others)}"
        return _error("STC101", span, message, hint)
    notes = (f"known keys: {', '.join(sorted(known))}",)
    return _error("STC101", span, message, "remove it, or start it with `x-` to have it ignored", notes=notes)


def members_with(mistake: Mistake, schemas: Mapping[str, JsonSchema]) -> list[str]:
    """The members of the mapping that hold mappings with the unknown key."""
    if mistake.keyword != "additionalProperties":
        return []
    return [
        key
        for key, member in mistake.schema.get("properties", {}).items()
        if mistake.about in _definition(member, schemas).get("properties", {})
    ]


def _definition(member: JsonSchema, schemas: Mapping[str, JsonSchema]) -> JsonSchema:
    """The schema of the mapping that a member, or each of its items, is; empty where it is none."""
    for schema in (member, member.get("then", {}), member.get("items", {})):
        if "$ref" in schema:
            return schemas[schema["$ref"].rpartition("/")[2]]
    return {}


def _types_with(mistake: Mistake, schemas: Mapping[str, JsonSchema]) -> list[str]:
    """The other types of services that have the key."""
    if "const" not in mistake.schema.get("properties", {}).get("type", {}):
        return []
    others = [schema["properties"] for schema in schemas.values() if mistake.about in schema["properties"]]
    return [other["type"]["const"] for other in others if "const" in other.get("type", {})]


def _missing_key(mistake: Mistake) -> Diagnostic:
    key = mistake.about
    member = mistake.schema.get("properties", {}).get(key, {})
    doc = member.get("description", "").split(". ")[0].rstrip(".")
    hint = f"add `{key}`: {doc[:1].lower()}{doc[1:]}" if doc else f"add `{key}`"
    if "enum" in member:
        hint = f"add `{key}`, one of {', '.join(member['enum'])}"
    elif "const" in member:
        hint = f"add `{key}: {member['const']}`"
    message = f"{mistake.name} has no `{key}`" if mistake.path else f"`{key}` is missing"
    return _error("STC102", mistake.node.key_span, message, hint)


def _key_conflict(mistake: Mistake) -> Diagnostic:
    node, name = mistake.node, mistake.name
    keys = mistake.about.split(",")
    names = _either(keys)
    code = "STC406" if keys == _PROBES else "STC107"
    present = {key: child for key in keys if (child := node.get(key)) is not None}
    if not present:
        return _error(code, node.key_span, f"{name} has none of {names}", "add one of them")
    *others, last = present.values()
    labels = tuple(Label(child.key_span, "the other one") for child in others)
    given = " and ".join(f"`{key}`" for key in present)
    hint = f"keep one of {names}"
    if any(child.source is not last.source for child in others):
        hint = f"keep one; an overlay removes what its base says with `{next(iter(present))}: null`"
    return _error(code, last.key_span, f"{name} has {given}, which exclude each other", hint, labels=labels)


def _either(keys: Iterable[str]) -> str:
    return ", ".join(f"`{key}`" for key in keys)


def _bad_value(mistake: Mistake) -> Diagnostic:
    if mistake.keyword in ("const", "enum"):
        return _not_allowed(mistake)
    node, name, wanted = mistake.node, mistake.name, mistake.wanted
    if mistake.keyword in ("minimum", "maximum"):
        bound, more = ("least", "more") if mistake.keyword == "minimum" else ("most", "less")
        message = f"{name} is {_shown(node)}, and has to be at {bound} {wanted}"
        return _error("STC106", node.place, message, f"write {wanted} or {more}")
    if mistake.keyword in ("minLength", "minItems"):
        return _error("STC106", node.place, f"{name} is empty", "give it a value, or leave the key out")
    if mistake.keyword == "maxLength":
        message = f"{name} is {len(node.value):,} characters long, at most {wanted:,} are allowed"
        return _error("STC106", node.place, message, "shorten it")
    hint = mistake.schema.get("patternErrorMessage", f"It has to match {wanted}")
    hint = f"{hint[0].lower()}{hint[1:].rstrip('.')}"
    return _error("STC105", node.place, f"{_shown(node)} is not a valid {name}", hint)


def _not_allowed(mistake: Mistake) -> Diagnostic:
    node, name = mistake.node, mistake.name
    if mistake.keyword == "const":
        code = "STC108" if mistake.key in _VERSION_KEYS else "STC104"
        message = f"{name} is {_shown(node)}, and has to be `{mistake.wanted}`"
        return _error(code, node.place, message, f"write `{mistake.key}: {mistake.wanted}`")
    options = ", ".join(mistake.wanted)
    message = f"{_shown(node)} is not a value of {name}"
    if suggestion := closest(node.value, mistake.wanted):
        return _error(
            "STC104", node.place, message, f"did you mean `{suggestion}`?", notes=(f"allowed: {options}",)
        )
    return _error("STC104", node.place, message, f"write one of {options}")


def _wrong_type(mistake: Mistake, schemas: Mapping[str, JsonSchema]) -> Diagnostic:
    node = mistake.node
    kinds = mistake.wanted if isinstance(mistake.wanted, list) else [mistake.wanted]
    # Where any scalar will do, it is taken as text.
    named = [kind for kind in kinds if kind not in ("number", "boolean")] if "boolean" in kinds[1:] else kinds
    expected = " or ".join(_TYPE_NAMES[kind] for kind in named)
    if node.value is None:
        message = f"{mistake.name} has no value"
        hint = f"give it {expected}, or {'remove the item' if mistake.is_item else 'leave the key out'}"
        if mistake.stray:
            hint = f"indent what belongs to it, such as `{mistake.stray}`, further than its key"
        return _error("STC103", node.place, message, hint)
    if mistake.key == "values" and kinds == ["object"] and len(mistake.path) > 1:
        message = f"Helm values have to be a mapping, found {_kind(node.value)}"
        return _error("STC705", node.place, message, "write `key: value` lines below it")
    message = f"{mistake.name} has to be {expected}, found {_kind(node.value)}"
    return _error("STC103", node.place, message, _right_type(mistake, kinds, schemas))


def _right_type(mistake: Mistake, kinds: list[str], schemas: Mapping[str, JsonSchema]) -> str:
    """How the value could be written so that it is of the right type."""
    node = mistake.node
    value = node.value
    scalar = node.children is None
    text = node.text if scalar and len(node.text) < 60 else ""
    if scalar and "string" in kinds:
        return f'quote it: "{text}"' if text else "quote it"
    if isinstance(value, str) and _number(value, kinds):
        return f"write it without quotes: {value}"
    if kinds == ["boolean"]:
        word = str(value).lower()
        if word in ("yes", "on", "y", "no", "off", "n"):
            wanted = "true" if word in ("yes", "on", "y") else "false"
            return f"write {wanted}: YAML 1.2 knows only true and false"
        return "write true or false" + (", without quotes" if word in ("true", "false") else "")
    if scalar and ("integer" in kinds or "number" in kinds):
        return "write a number"
    if "array" in kinds:
        return _as_list(mistake, text, schemas)
    if isinstance(value, list) and "string" in kinds:
        return "write one value"
    if "object" in kinds:
        return _as_mapping(mistake)
    return ""


def _number(text: str, kinds: list[str]) -> bool:
    return ("integer" in kinds or "number" in kinds) and text.isascii() and text.isdigit()


def _as_list(mistake: Mistake, text: str, schemas: Mapping[str, JsonSchema]) -> str:
    items = mistake.schema.get("items", {})
    if "$ref" not in items:
        return f"write a list: [{text}]" if text else "write a list"
    if isinstance(mistake.node.value, dict):
        return "start it with `- `: it is a list of mappings"
    return f"write a list: [{_as_record(_definition(items, schemas), mistake.node)}]"


def _as_mapping(mistake: Mistake) -> str:
    if isinstance(mistake.node.value, list):
        return "write `name: ...` lines instead of items with `- `"
    if not mistake.schema.get("required"):
        return "write `key: value` lines below it"
    return f"write {_as_record(mistake.schema, mistake.node)}"


def _as_record(schema: JsonSchema, node: Node) -> str:
    """A mapping with the keys that it has to have; what the scalar `node` says under the only one it fits."""
    required = schema.get("required", [])
    said = "..."
    if len(required) == 1 and "type" in (member := schema["properties"][required[0]]):
        fits = {str: member["type"] == "string", int: member["type"] == "integer"}
        said = node.text if fits.get(type(node.value)) and "enum" not in member else said
    return "{" + ", ".join(f"{key}: {said}" for key in required) + "}"


def _malformed(mistake: Mistake, parse: Callable[[Any], Any]) -> Diagnostic:
    """What the value's own parser says of it."""
    node = mistake.node
    try:
        parse(node.value)
    except Malformed as error:
        return _error("STC404", node.place, f"{mistake.name}: {error.message}", error.hint)
    kind = mistake.schema.get("else", mistake.schema)["format"].removeprefix("stagecast-")
    return _error("STC404", node.place, f"{mistake.name} is not a {kind} in the allowed range")


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    kinds: dict[type, str] = {
        dict: "a mapping",
        list: "a list",
        str: "text",
        int: "a number",
        float: "a number",
        type(None): "nothing",
    }
    return kinds[type(value)]


def _shown(node: Node) -> str:
    return f"`{shortened(node.text)}`" if node.children is None and node.text else _kind(node.value)
