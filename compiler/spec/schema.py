"""The JSON Schemas of the spec and the project file, generated from their models.

draft-07, which the YAML editors support. schemas/*.schema.json hold what this
module gives; a test compares them.
"""

from __future__ import annotations

from typing import Any

from compiler.spec.shape import JsonSchema, Shape

DRAFT = "http://json-schema.org/draft-07/schema#"


def document_schema(shape: Shape, title: str) -> JsonSchema:
    """The schema of a whole document: the root record in place, the others as definitions."""
    definitions: dict[str, JsonSchema] = {}
    reference = shape.schema(definitions)["$ref"].removeprefix("#/definitions/")
    root = definitions.pop(reference)
    return {
        "$schema": DRAFT,
        "title": title,
        **root,
        "definitions": dict(sorted(definitions.items())),
    }


def environment_schema() -> dict[str, Any]:
    """The schema of an environment spec."""
    from compiler.spec.model import ENVIRONMENT

    return document_schema(ENVIRONMENT, "Stagecast environment, stagecast/v1beta1")
