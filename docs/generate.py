"""Write the generated schemas and pages: `make docs`. A test compares them with what is committed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from compiler.diagnostics.explain import reference
from compiler.lock import lock_schema
from compiler.plan.schema import plan_schema
from compiler.project import project_schema
from compiler.spec.schema import environment_schema
from simulator.history.recorded import trace_schema
from simulator.report.paired_schema import optimise_schema, whatif_schema
from simulator.report.pool_schema import pool_schema
from simulator.report.schema import forecast_schema
from stagecast.scenario_shape import scenario_schema
from stagecast.views.layer_history.schema import history_schema
from stagecast.views.layer_reasons.schema import why_schema

ROOT = Path(__file__).resolve().parent.parent


def generated() -> dict[str, str]:
    """The text of every generated file, by its path from the repository's root."""
    return {path: make() for path, make in _FILES.items()}


def _schema(make: Callable[[], dict[str, Any]]) -> Callable[[], str]:
    return lambda: json.dumps(make(), indent=2, ensure_ascii=False) + "\n"


def spec_reference() -> str:
    """Every field of the spec and of the project file, from their schemas."""
    lines = [
        "# The spec",
        "",
        "Every field of an environment spec and of the project file, with its default. Generated from",
        "the schemas by `make docs`. A field without a default that is not required is left out when",
        "it is not given.",
        "[concepts.md](concepts.md) explains what the fields are about.",
        "",
    ]
    for title, schema in (("Environment", environment_schema()), ("Project file", project_schema())):
        lines += [f"## {title}", "", *_record(schema)]
        for name, definition in schema["definitions"].items():
            if title == "Project file" and name in environment_schema()["definitions"]:
                continue
            lines += [f"### {name}", "", *_record(definition)]
    return "\n".join(lines).rstrip() + "\n"


def _record(schema: dict[str, Any]) -> Iterator[str]:
    yield schema["description"]
    yield ""
    records = [branch for branch in schema.get("allOf", []) if "properties" in branch.get("if", {})]
    for branch in records:
        value = branch["if"]["properties"]["type"]["const"]
        yield f"- `type: {value}`: {_link(branch['then']['$ref'])}"
    if records:
        yield ""
        return
    required = schema.get("required", [])
    yield "| field | type | default | meaning |"
    yield "|---|---|---|---|"
    for key, field in schema["properties"].items():
        default = "**required**" if key in required else _default(field)
        yield f"| `{key}` | {_type(field)} | {default} | {_cell(_meaning(field))} |"
    yield ""


def _meaning(field: dict[str, Any]) -> str:
    values = zip(field.get("enum", ()), field.get("markdownEnumDescriptions", ()), strict=True)
    return " ".join([field.get("description", ""), *(f"`{value}`: {meaning}" for value, meaning in values)])


def _default(field: dict[str, Any]) -> str:
    if "default" not in field or field["default"] == "":
        return ""
    return f"`{json.dumps(field['default'], ensure_ascii=False).strip(chr(34))}`"


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return _link(field["$ref"])
    if "then" in field:
        short = {**field["else"], "type": [kind for kind in field["type"] if kind != "object"]}
        return f"{_type(short)} or {_type(field['then'])}"
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if field.get("format", "").startswith("stagecast-"):
        return str(field["format"]).removeprefix("stagecast-")
    kind = field.get("type", "anything")
    if kind == "array":
        return f"list of {_type(field['items'])}"
    if kind == "object":
        inner = field.get("additionalProperties")
        return f"mapping of {_type(inner)}" if isinstance(inner, dict) else "mapping"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _link(reference_: str) -> str:
    name = reference_.removeprefix("#/definitions/")
    return f"[{name}](#{name.lower()})"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


_FILES: dict[str, Callable[[], str]] = {
    "schemas/environment.schema.json": _schema(environment_schema),
    "schemas/project.schema.json": _schema(project_schema),
    "schemas/scenario.schema.json": _schema(scenario_schema),
    "schemas/plan.schema.json": _schema(plan_schema),
    "schemas/images-lock.schema.json": _schema(lock_schema),
    "schemas/trace.schema.json": _schema(trace_schema),
    "schemas/forecast.schema.json": _schema(forecast_schema),
    "schemas/whatif.schema.json": _schema(whatif_schema),
    "schemas/optimize.schema.json": _schema(optimise_schema),
    "schemas/pool.schema.json": _schema(pool_schema),
    "schemas/why.schema.json": _schema(why_schema),
    "schemas/history.schema.json": _schema(history_schema),
    "docs/diagnostics.md": reference,
    "docs/spec.md": spec_reference,
}


if __name__ == "__main__":
    for name, text in generated().items():
        (ROOT / name).write_text(text, encoding="utf-8")
        print(name)
