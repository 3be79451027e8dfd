"""Kubernetes' strict schemas, asked a hundred times faster than `jsonschema` does, and what they leave out.

Tens of thousands of manifests times nine versions are too many for a general
validator. The schemas of kubernetes-validate use eight keywords; `misfits`
knows these and refuses to go on at any other. test_corpus.py holds its verdict
to that of `jsonschema`, on good manifests and on damaged ones.

The schemas say nothing of what a text may be. `refusals` says what an API
server would: names, labels, ports (k8s.io/apimachinery, pkg/util/validation,
and k8s.io/kubernetes, pkg/apis/{core,networking}/validation).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from kubernetes_schemas import FOREIGN, utils, validator

_TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: (
        (isinstance(value, int) and not isinstance(value, bool))
        or (isinstance(value, float) and value.is_integer())
    ),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "null": lambda value: value is None,
}
# What says something to people and tools, and nothing about validity. `format` is asserted by nobody here.
_SILENT = ("description", "format", "$schema", "$id", "x-kubernetes-")


def misfits(manifest: Mapping[str, Any], version: str) -> Iterator[str]:
    """Where a manifest does not fit the strict schema of its kind."""
    if manifest["apiVersion"] in FOREIGN:
        return
    schema = validator(version, manifest["kind"], manifest["apiVersion"]).schema
    todo: list[tuple[Any, Any, str]] = [(schema, manifest, "")]
    while todo:
        rules, value, path = todo.pop()
        for keyword, rule in rules.items():
            match keyword:
                case "$ref":
                    todo.append((_definition(version, rule), value, path))
                case "type":
                    if not any(_TYPES[name](value) for name in ([rule] if isinstance(rule, str) else rule)):
                        yield f"{path}: not of type {rule}"
                case "enum":
                    if value not in rule:
                        yield f"{path}: not one of {rule}"
                case "oneOf":
                    if sum(any(_TYPES[name](value) for name in one["type"]) for one in rule) != 1:
                        yield f"{path}: not one of {rule}"
                case "required" if isinstance(value, dict):
                    yield from (f"{path}: no {name}" for name in rule if name not in value)
                case "properties" if isinstance(value, dict):
                    known = ((name, item) for name, item in value.items() if name in rule)
                    todo += [(rule[name], item, f"{path}.{name}") for name, item in known]
                case "additionalProperties" if isinstance(value, dict):
                    yield from _additional(rules, rule, value, path, todo)
                case "items" if isinstance(value, list):
                    todo += [(rule, item, f"{path}[{index}]") for index, item in enumerate(value)]
                case "required" | "properties" | "additionalProperties" | "items":
                    pass
                case _:
                    assert keyword.startswith(_SILENT), f"an unknown keyword: {keyword}"


def _additional(
    rules: Any, rule: Any, value: dict[str, Any], path: str, todo: list[tuple[Any, Any, str]]
) -> Iterator[str]:
    others = [name for name in value if name not in rules.get("properties", ())]
    if rule is False:
        yield from (f"{path}: no such field: {name}" for name in others)
    elif rule is not True:
        todo += [(rule, value[name], f"{path}.{name}") for name in others]


@cache
def _definition(version: str, reference: str) -> Any:
    file, _, pointer = reference.partition("#/$defs/")
    assert file.endswith("_definitions.json") or not file, reference
    return _definitions(version)[pointer]


@cache
def _definitions(version: str) -> Any:
    path = f"kubernetes-json-schema/v{version}-local-strict/_definitions.json"
    return utils.schema_contents(path, version)["$defs"]


_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
# The parts of a subdomain are bounded only as a whole.
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SERVICE = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")
_PORT = re.compile(r"(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*")
_QUALIFIED = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_LABEL_KEY = re.compile(rf"((?=[^/]{{1,253}}/){_LABEL}(\.{_LABEL})*/)?{_QUALIFIED}")
_LABEL_VALUE = re.compile(rf"({_QUALIFIED})?")
_QUANTITY = re.compile(r"[0-9]+(\.[0-9]+)?(m|[kMGTPE]|[KMGTPE]i|[eE][0-9]+)?")
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")


def refusals(manifest: Mapping[str, Any]) -> Iterator[str]:
    """What an API server would refuse in texts of a manifest, with its place."""
    kind, metadata = manifest["kind"], manifest["metadata"]
    name = _SERVICE if kind == "Service" else _SUBDOMAIN
    yield from _unlike(name, [metadata["name"]], f"the name of a {kind}")
    for where, value in _mappings(manifest):
        if where in ("labels", "matchLabels", "nodeSelector"):
            yield from _unlike(_LABEL_KEY, value, f"a key of {where}")
            yield from _unlike(_LABEL_VALUE, value.values(), f"a value of {where}")
        elif where == "annotations":
            yield from _unlike(_LABEL_KEY, (key.lower() for key in value), "an annotation's key")
        elif where in ("requests", "limits"):
            yield from _unlike(_QUANTITY, map(str, value.values()), where)
        elif where == "secretKeyRef":
            yield from _unlike(_SUBDOMAIN, [value["name"]], "the name of a Secret")
            yield from _unlike(_KEY, [value["key"]], "the key of a Secret")
        elif where in ("containers", "volumes", "initContainers", "imagePullSecrets"):
            pattern = _SUBDOMAIN if where == "imagePullSecrets" else _DNS_LABEL
            yield from _unlike(pattern, [value["name"]], where)
        elif where == "ports" and "name" in value:
            yield from _unlike(_DNS_LABEL if kind == "Service" else _PORT, [value["name"]], "a port")
        elif where == "volumeMounts":
            yield from _mount(value["mountPath"])
        elif where == "paths":
            yield from _route(value["path"])
    yield from _twice(manifest)


def _mappings(manifest: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every mapping with the key that it stands under, those in lists under the key of the list."""
    todo: list[tuple[str, Any]] = [("", manifest)]
    while todo:
        where, value = todo.pop()
        if isinstance(value, list):
            todo += [(where, item) for item in value]
        elif isinstance(value, dict):
            yield where, value
            todo += value.items()


def _unlike(pattern: re.Pattern[str], texts: Iterable[Any], what: str) -> Iterator[str]:
    for text in texts:
        if not (isinstance(text, str) and pattern.fullmatch(text)):
            yield f"{what}: {text!r}"


def _mount(path: str) -> Iterator[str]:
    if ":" in path or not path:
        yield f"a mount: {path!r}"


def _route(path: str) -> Iterator[str]:
    """An Ingress' path of type Prefix."""
    wrong = ("//", "/./", "/../", "%2f", "%2F")
    if not path.startswith("/") or any(part in path for part in wrong) or path.endswith(("/..", "/.")):
        yield f"a path: {path!r}"


def _twice(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Entries of a list that Kubernetes tells apart by their names or mounts."""
    for where, key in (("containers", "name"), ("volumes", "name"), ("volumeMounts", "mountPath")):
        for _, value in _mappings(manifest):
            names = [item[key] for item in value.get(where) or () if isinstance(item, dict)]
            yield from (f"{where} twice: {name}" for name in {n for n in names if names.count(n) > 1})
    if manifest["kind"] == "Service":
        ports = manifest["spec"].get("ports") or []
        taken = [(port["port"], port["protocol"]) for port in ports]
        yield from (f"the port {port} twice" for port in {p for p in taken if taken.count(p) > 1})
