"""The plan's JSON, its schema and its records: three views of one thing."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings

from compiler.plan import model, schema
from compiler.plan.encode import plan_json, plan_text
from compiler.plan.model import Plan
from compiler.plan.schema import plan_schema
from plan_strategies import plans
from spec_plans import example_plan

SCHEMA = plan_schema()
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)
EXAMPLES = ["quickstart", "voting-app", "online-boutique"]
slow = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def problems(data: Any) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(data)]


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)


def test_the_committed_schema_is_the_generated_one() -> None:
    path = Path(schema.__file__).resolve().parents[2] / "schemas" / "plan.schema.json"
    assert json.loads(path.read_text(encoding="utf-8")) == SCHEMA, "`make docs` writes it anew"


@pytest.mark.parametrize("name", EXAMPLES)
def test_plans_of_the_examples_are_valid(name: str) -> None:
    assert problems(json.loads(plan_text(example_plan(name)))) == []


@slow
@given(plans())
def test_every_plan_is_valid(plan: Plan) -> None:
    assert problems(json.loads(plan_text(plan))) == []


@slow
@given(plans())
def test_the_encoder_does_what_looking_at_every_value_does(plan: Plan) -> None:
    assert plan_json(plan) == {"version": model.PLAN_VERSION, **looked_at(plan)}


def looked_at(value: Any) -> Any:
    """The encoder's oracle: no type hints, only the values themselves."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list):
        return [looked_at(item) for item in value]
    if isinstance(value, dict):
        return {key: looked_at(item) for key, item in value.items()}
    if not dataclasses.is_dataclass(value):
        return value
    result = {}
    for field in dataclasses.fields(value):
        factory = field.default_factory
        default = field.default if factory is dataclasses.MISSING else factory()
        item = getattr(value, field.name)
        if field.name == "skipped" or default is dataclasses.MISSING or item != default:
            first, *rest = field.name.split("_")
            result[first + "".join(part.capitalize() for part in rest)] = looked_at(item)
    return result


def test_nothing_else_than_a_plan_is_valid() -> None:
    """An unknown key, a missing one, and a value of another type are errors at every place of a real plan."""
    plan = plan_json(example_plan("quickstart"))
    refused = 0
    for path in list(places(plan)):
        for spoil in (add_key, drop_key, change_type):
            data = json.loads(json.dumps(plan))
            if spoil(data, path):
                assert problems(data), (spoil.__name__, path)
                refused += 1
    assert refused > 500


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all values, but for those that nobody lays down: there are none in this plan."""
    yield path
    for key, item in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield from places(item, (*path, key))


def at(data: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        data = data[step]
    return data


def add_key(data: Any, path: tuple[Any, ...]) -> bool:
    record = at(data, path)
    if not isinstance(record, dict):
        return False
    record["surprise"] = 1
    return True


def drop_key(data: Any, path: tuple[Any, ...]) -> bool:
    """Only what has no default: its type's fields say so."""
    if not path or not isinstance(at(data, path[:-1]), dict):
        return False
    always = path[:-1] in ((), ("limits",), ("limits", "build"), ("target",)) or path[0] == "tasks"
    if not always or path[-1] in ("estimates", "resources", "timeoutS", "retries"):
        return False
    del at(data, path[:-1])[path[-1]]
    return True


def change_type(data: Any, path: tuple[Any, ...]) -> bool:
    if not path:
        return False
    at(data, path[:-1])[path[-1]] = {"no": "such type"} if not isinstance(at(data, path), dict) else "text"
    return True


def test_what_is_said_of_fields_is_said_of_fields_that_there_are() -> None:
    for place in (*schema._MEANING, *schema._EXTRA):
        record, _, name = place.partition(".")
        assert name in {field.name for field in dataclasses.fields(getattr(model, record))}, place


def test_descriptions_speak_of_keys_and_of_json() -> None:
    text = json.dumps(SCHEMA)
    assert "`originCredentials`" in text
    for python in ("origin_credentials", "None", "True", "False"):
        assert python not in text
    assert all(definition["description"] for definition in SCHEMA["definitions"].values())
