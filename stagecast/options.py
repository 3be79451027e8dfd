"""Arguments and options that several commands have."""

from __future__ import annotations

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
STRICT = Annotated[bool, typer.Option("--strict", help="Exit with 1 on warnings, too.")]


def format_option(*choices: str) -> typer.models.OptionInfo:
    """`--format` with the forms that a command has."""
    option: typer.models.OptionInfo = typer.Option(
        "--format", "-f", metavar="|".join(choices), help="How the output is written.", show_default=False
    )
    return option
