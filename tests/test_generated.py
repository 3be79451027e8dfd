"""What is generated and committed is what its source gives now: schemas and pages."""

from __future__ import annotations

import importlib.util
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
SCHEMAS = sorted((CHECKOUT / "schemas").glob("*.schema.json"))


@cache
def generated() -> dict[str, str]:
    """What docs/generate.py, which is a script and no package, gives now."""
    found = importlib.util.spec_from_file_location("docs_generate", CHECKOUT / "docs" / "generate.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    texts: dict[str, str] = module.generated()
    return texts


def test_what_is_committed_is_what_its_source_gives() -> None:
    texts = generated()
    stale = [path for path, text in texts.items() if (CHECKOUT / path).read_text(encoding="utf-8") != text]
    assert not stale, "`make docs` writes them anew"
    assert {"docs/diagnostics.md", "docs/spec.md", "schemas/environment.schema.json"} <= set(texts)


def test_every_schema_is_generated_or_written_by_hand_on_purpose() -> None:
    from_source = {path.name for path in SCHEMAS if f"schemas/{path.name}" in generated()}
    by_hand = {path.name for path in SCHEMAS} - from_source
    # Outputs whose one writer is held to the schema by the tests of that writer.
    assert by_hand == {"diagnostics.schema.json", "graph.schema.json"}
    assert from_source == {
        "environment.schema.json",
        "forecast.schema.json",
        "history.schema.json",
        "images-lock.schema.json",
        "optimize.schema.json",
        "plan.schema.json",
        "pool.schema.json",
        "project.schema.json",
        "scenario.schema.json",
        "trace.schema.json",
        "whatif.schema.json",
        "why.schema.json",
    }


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_a_schema_is_valid_draft_7_and_closed(path: Path) -> None:
    schema = json.loads(path.read_text(encoding="utf-8"))
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    jsonschema.Draft7Validator.check_schema(schema)
    for reference in _references(schema):
        assert reference.startswith("#/"), f"{reference} would be fetched"
        target: Any = schema
        for step in reference[2:].split("/"):
            target = target[step]


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [found for child in value.values() for found in _references(child)]
    if isinstance(value, list):
        return [found for child in value for found in _references(child)]
    return []


@pytest.mark.parametrize("name", ["environment", "project", "scenario"])
def test_editors_can_explain_every_field(name: str) -> None:
    schema = json.loads((CHECKOUT / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8"))
    records = [schema, *(each for each in schema["definitions"].values() if "properties" in each)]
    unexplained = [
        (record.get("title", record.get("description")), key)
        for record in records
        for key, field in record["properties"].items()
        if not (field.get("description") or "$ref" in field)
    ]
    assert unexplained == []


@pytest.mark.parametrize("name", ["docs/spec.md", "docs/diagnostics.md"])
def test_links_inside_a_generated_page_lead_somewhere(name: str) -> None:
    text = generated()[name]
    anchors = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"(?m)^#+ (.+)$", text)
    }
    for target in re.findall(r"\]\(([^)]+)\)", text):
        file, _, anchor = target.partition("#")
        assert (CHECKOUT / "docs" / file).exists() if file else anchor in anchors, target
