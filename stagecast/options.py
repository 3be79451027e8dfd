"""Arguments and options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ENVIRONMENT = Annotated[
    str | None,
    typer.Argument(
        metavar="[ENV]",
        help="A spec, or the name of an environment in stagecast.yaml. Default: what stagecast.yaml lists.",
        show_default=False,
    ),
]
SCENARIO = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="A scenario file: what is assumed of the world.", show_default=False),
]
SETS = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="A setting of the scenario, over its file; repeatable.",
        show_default=False,
    ),
]
STRATEGY = Annotated[
    str | None,
    typer.Option(
        metavar="build-first|staged|dag", help="Another strategy than the spec's.", show_default=False
    ),
]
TARGET = Annotated[
    str | None,
    typer.Option(metavar="github|gitlab|argo", help="As that target runs the pipeline.", show_default=False),
]
BUILD_LOGS = Annotated[
    list[Path] | None,
    typer.Option(
        "--build-log",
        metavar="FILE",
        help="The log of a real build: its steps take what they took there. Repeatable.",
        show_default=False,
    ),
]
DOCKERFILES = Annotated[
    bool,
    typer.Option(
        "--dockerfiles/--no-dockerfiles",
        help="Whether builds without an estimate take what their Dockerfiles say.",
    ),
]
AS_JSON = Annotated[bool, typer.Option("--json", help="The same as --format json.")]
STRICT = Annotated[bool, typer.Option("--strict", help="Exit with 1 on warnings, too.")]


def format_option(*choices: str) -> typer.models.OptionInfo:
    """`--format` with the forms that a command has."""
    option: typer.models.OptionInfo = typer.Option(
        "--format", "-f", metavar="|".join(choices), help="How the output is written.", show_default=False
    )
    return option
