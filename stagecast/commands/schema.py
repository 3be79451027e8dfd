"""`stagecast schema`: the JSON Schema of a format, for editors."""

from __future__ import annotations

import sys
from importlib import resources
from typing import Annotated

import typer

from compiler.values.suggest import closest
from stagecast.options import format_option
from stagecast.session import Usage, check_format

SCHEMAS = (
    "environment",
    "project",
    "scenario",
    "plan",
    "forecast",
    "whatif",
    "optimize",
    "pool",
    "why",
    "history",
    "diagnostics",
    "graph",
    "images-lock",
    "trace",
)
_FORMATS = ("json",)


def run(
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help=f"Which format: {', '.join(SCHEMAS)}.")
    ] = "environment",
    format_: Annotated[str | None, format_option(*_FORMATS)] = None,
) -> None:
    """Print the JSON Schema of the spec, the project file, a scenario, or an output."""
    check_format(format_, _FORMATS)
    if name not in SCHEMAS:
        suggestion = closest(name, SCHEMAS)
        hint = f"did you mean {suggestion}?" if suggestion else f"choose one of {', '.join(SCHEMAS)}"
        raise Usage(f"no schema {name}; {hint}")
    file = resources.files("schemas").joinpath(f"{name}.schema.json")
    sys.stdout.write(file.read_text(encoding="utf-8"))
