"""What an editor shows of a field is there for every field of the models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft7Validator

from compiler.diagnostics.model import Findings
from compiler.document.parse import parse
from compiler.project import PROJECT, project_schema
from compiler.source import SourceFile
from compiler.spec.model import ENVIRONMENT
from compiler.spec.schema import environment_schema
from compiler.spec.shape import ByType, Choice, Integer, ListOf, Parsed, PlainText, Shape, Text, all_shapes
from spec_documents import Field, covering, members, places, write

SHAPES = {"environment": ENVIRONMENT, "project": PROJECT}
SCHEMAS = {"environment": environment_schema, "project": project_schema}


def fields(shape: Shape) -> Iterator[tuple[str, Field]]:
    for place in places(shape):
        for key, member in place.record.members.items():
            yield f"{place.record.model.__name__}.{key}", member


def shown_default(member: Field) -> Any:
    shown = member.metadata["shown_default"]
    return shown if shown is not None else member.default


def is_written_out(shape: Shape) -> bool:
    """Whether somebody has to write a text or a number, or a list of them."""
    match shape:
        case ByType():
            return is_written_out(shape.short)
        case ListOf():
            return is_written_out(shape.item) and not isinstance(shape.item, ByType)
    return isinstance(shape, Text | Parsed | Integer | PlainText)


@pytest.mark.parametrize("sort", SHAPES)
def test_every_field_is_described(sort: str) -> None:
    for name, member in fields(SHAPES[sort]):
        doc = member.metadata["doc"]
        assert doc[0].isupper() or doc[0] == "`" or doc.startswith("gRPC"), name
        assert doc.endswith("."), name


@pytest.mark.parametrize("sort", SHAPES)
def test_every_field_that_is_written_out_has_a_default_or_an_example(sort: str) -> None:
    for name, member in fields(SHAPES[sort]):
        default, examples = shown_default(member), member.metadata["examples"]
        assert default not in examples, f"{name} shows its default twice"
        if is_written_out(member.metadata["shape"]):
            assert examples or isinstance(default, str | int | list), name


@pytest.mark.parametrize("sort", SHAPES)
def test_every_value_of_a_closed_set_is_explained(sort: str) -> None:
    choices = [shape for shape in all_shapes(SHAPES[sort]) if isinstance(shape, Choice)]
    assert choices
    for choice in choices:
        assert choice.meanings.keys() == {option.value for option in choice.options}
        assert all(meaning.endswith(".") for meaning in choice.meanings.values())


@pytest.mark.parametrize("sort", SHAPES)
def test_documents_that_use_every_field_are_accepted(sort: str) -> None:
    """By the schema and by the reader, and no field is left out."""
    shape, schema = SHAPES[sort], SCHEMAS[sort]()
    Draft7Validator.check_schema(schema)
    seen: set[str] = set()
    for document in covering(shape):
        errors = [error.message for error in Draft7Validator(schema).iter_errors(document)]
        assert not errors, errors[0]
        root = parse(SourceFile("document.yaml", write(document).text), Findings())
        assert root is not None
        shape.read(root)
        seen |= {f"{record.model.__name__}.{path[-1]}" for path, record, _ in members(shape, document)}
    assert seen == {name for name, _ in fields(shape)}
