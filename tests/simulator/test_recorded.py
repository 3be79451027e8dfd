"""Reading the trace of a real run: the reader accepts what the schema accepts, and says what is wrong."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.history.recorded import RecordedStep, read, trace_schema

STEP = {"task": "build:web", "step": "build", "start": 10.5, "end": 12, "outcome": "done"}
VALIDATOR = jsonschema.Draft7Validator(trace_schema())


def test_the_schema_is_one() -> None:
    jsonschema.Draft7Validator.check_schema(trace_schema())


def test_a_trace() -> None:
    lines = [json.dumps(STEP), "", json.dumps(STEP | {"cache": {"hit": 3, "miss": 0}, "outcome": "failed"})]
    first, second = read(lines)
    assert first == RecordedStep("build:web", "build", 10.5, 12.0, "done")
    assert first.duration_s == 1.5
    assert second == RecordedStep("build:web", "build", 10.5, 12.0, "failed", (3, 0))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 1 of the trace is not JSON"),
        ("[" * 100_000, "line 1 of the trace is not JSON"),
        ("[]", "line 1 of the trace is no object"),
        (json.dumps(STEP | {"outcome": "well"}), "no task, step or known outcome"),
        (json.dumps(STEP | {"end": 10}), "no start and end after it"),
        (json.dumps(STEP | {"end": float("inf")}), "no start and end after it"),
        (json.dumps(STEP | {"cache": 3}), "a cache without counts"),
    ],
)
def test_what_is_no_trace(line: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read([line])


values: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 3),
    st.floats(0, 9),
    st.text(max_size=3),
    st.just({"hit": 1, "miss": 2}),
)


@given(changed=st.dictionaries(st.sampled_from(sorted({*STEP, "cache"})), values, max_size=3))
def test_the_reader_takes_what_the_schema_takes(changed: dict[str, Any]) -> None:
    """But for a null cache, which the reader takes for none, and for the order of the times."""
    record = STEP | {"start": 0, "end": 100} | changed
    valid = VALIDATOR.is_valid(
        {key: value for key, value in record.items() if value is not None or key != "cache"}
    )
    try:
        read([json.dumps(record)])
        taken = True
    except ValueError as error:
        taken = "end after it" in str(error) and isinstance(record["start"], int | float) and valid
    assert taken == valid
