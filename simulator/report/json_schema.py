"""The pieces that the JSON Schemas of reports are made of (draft 7), each with its description.

Objects have all their keys and no others, so that a reader can rely on them.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]


def record(description: str, properties: Schema) -> Schema:
    """An object of which every property is required and no other allowed."""
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def array(description: str, items: Schema, **more: int) -> Schema:
    """A list; `more` are bounds on its length."""
    return {"type": "array", "description": description, "items": items, **more}


def text(description: str, **more: Any) -> Schema:
    """A string."""
    return {"type": "string", "description": description, **more}


def count(description: str, least: int = 0) -> Schema:
    """An integer from `least` on."""
    return {"type": "integer", "minimum": least, "description": description}


def amount(description: str) -> Schema:
    """A number that is not negative."""
    return {"type": "number", "minimum": 0, "description": description}


def share(description: str) -> Schema:
    """A number between 0 and 1."""
    return {"type": "number", "minimum": 0, "maximum": 1, "description": description}


def nullable(schema: Schema) -> Schema:
    """The same, or null."""
    return {**schema, "type": [schema["type"], "null"]}
