"""The readers and the JSON Schemas that are generated from the same shapes say the same of every document."""

from __future__ import annotations

import copy
import json
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from compiler.project import PROJECT, project_schema
from compiler.spec.explain import explain
from compiler.spec.model import ENVIRONMENT
from compiler.spec.schema import environment_schema
from compiler.spec.shape import Record, Rejected, Shape
from spec_documents import covering, places
from spec_mutations import ODD_VALUES, all_paths, at, mutated, node_of, replaced

SHAPES: dict[str, Record] = {"environment": ENVIRONMENT, "project": PROJECT}


@cache
def validator(sort: str) -> Draft7Validator:
    schema = environment_schema() if sort == "environment" else project_schema()
    Draft7Validator.check_schema(schema)
    return Draft7Validator(schema)


@cache
def documents(sort: str) -> tuple[Any, ...]:
    """Small valid documents that together use every field: a service, and the rest without services."""
    result = []
    for document in covering(SHAPES[sort]):
        rest = {key: value for key, value in document.items() if key not in ("services", "environments")}
        for section in ("services", "environments"):
            for name, value in document.get(section, {}).items():
                head = {key: rest[key] for key in ("apiVersion", "kind", "name") if key in rest}
                result.append({**head, section: {name: value}})
                rest.setdefault(section, {name: value})
        result.append(rest)
    # Lists that the examples share become ones of their own.
    return tuple(json.loads(json.dumps(result)))


def accepts(shape: Shape, data: Any) -> bool:
    try:
        shape.read(node_of(data))
    except Rejected:
        return False
    return True


@pytest.mark.parametrize("sort", SHAPES)
def test_the_documents_are_accepted(sort: str) -> None:
    assert len(documents(sort)) > 1
    for document in documents(sort):
        assert accepts(SHAPES[sort], document)
        assert validator(sort).is_valid(document)


@settings(max_examples=400)
@given(st.data())
def test_readers_accept_what_the_schema_accepts(data: st.DataObject) -> None:
    sort = data.draw(st.sampled_from(["environment"] * 5 + ["project"]))
    document = data.draw(mutated(data.draw(st.sampled_from(documents(sort)))))
    accepted = accepts(SHAPES[sort], document)
    assert accepted == validator(sort).is_valid(document)
    root = node_of(document)
    explanation = explain(SHAPES[sort], root)
    assert explanation.complete
    assert accepted == (not explanation.complaints)
    for complaint in explanation.complaints:
        assert complaint.diagnostic is None or complaint.diagnostic.span.source is root.source
    assert accepted or any(complaint.diagnostic for complaint in explanation.complaints)


def test_odd_values_in_every_place() -> None:
    """Each odd value in each place of one document for each sort of service."""
    for number, document in enumerate(documents("environment")[::11]):
        for place, path in enumerate(list(all_paths(document))[::3]):
            for value in ODD_VALUES[(number + place) % 9 :: 9]:
                changed = replaced(document, path, value)
                assert accepts(ENVIRONMENT, changed) == validator("environment").is_valid(changed), (
                    path,
                    value,
                )


MISTAKES = ["null", "unknown key", "misspelt key", "list", "mapping", "number"]


@settings(max_examples=300)
@given(st.data())
def test_one_mistake_gives_one_diagnostic(data: st.DataObject) -> None:
    document = data.draw(st.sampled_from(documents("environment")))
    path = data.draw(st.sampled_from(list(all_paths(document))))
    changed = copy.deepcopy(document)
    holder, key = at(changed, path[:-1]), path[-1]
    match data.draw(st.sampled_from(MISTAKES)):
        case "null":
            holder[key] = None
        case "unknown key" if isinstance(holder, dict):
            holder["zzzzzzzz"] = 1
        case "misspelt key" if isinstance(key, str):
            holder[f"{key[:1]}{key}"] = holder.pop(key)
        case "list":
            holder[key] = [["a"]]
        case "mapping" if not isinstance(holder[key], dict):
            holder[key] = {}
        case "number":
            holder[key] = -(10**30)
    said = [c.diagnostic.message for c in explain(ENVIRONMENT, node_of(changed)).complaints if c.diagnostic]
    assert len(said) == (0 if accepts(ENVIRONMENT, changed) else 1), said


def test_every_default_and_example_is_accepted() -> None:
    for sort, root in SHAPES.items():
        schema = environment_schema() if sort == "environment" else project_schema()
        definitions = {**schema["definitions"], root.model.__name__: schema}
        records = {place.record.model.__name__: place.record for place in places(root)}
        assert records.keys() <= definitions.keys()
        for name, record in records.items():
            assert record.members.keys() == definitions[name]["properties"].keys()
            for key, member in definitions[name]["properties"].items():
                assert member["description"]
                shown = [*member.get("examples", ()), *([member["default"]] if "default" in member else [])]
                for value in shown:
                    assert accepts(record.shape(key), value), (name, key, value)


def test_only_python_lets_a_line_end_through_at_the_end() -> None:
    """The one difference of the schema as Python's jsonschema reads it: its `$` matches before a line end."""
    document = {"apiVersion": "stagecast/v1beta1", "kind": "Environment", "name": "shop", "services": {}}
    changed = {**document, "target": {"namespace": "shop"}, "registry": {"pullSecret": "pull\n"}}
    assert not accepts(ENVIRONMENT, changed)
    assert validator("environment").is_valid(changed)
