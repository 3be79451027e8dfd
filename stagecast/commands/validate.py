"""`stagecast validate`: what is wrong, at which line, and what to do."""

from __future__ import annotations

from typing import Annotated

import typer

from compiler.diagnostics.model import Severity
from stagecast.options import ENVIRONMENT, STRICT, format_option
from stagecast.session import FORMATS, check_all, check_format, default_format, has_errors, show


def run(
    environment: ENVIRONMENT = None,
    format_: Annotated[str | None, format_option(*FORMATS)] = None,
    strict: STRICT = False,
) -> None:
    """Check specs, their bases and their Dockerfiles."""
    check_format(format_, FORMATS)
    checked, diagnostics = check_all(environment)
    chosen = format_ or default_format()
    if diagnostics or chosen not in ("text", "github"):
        show(diagnostics, chosen)
    elif chosen == "text":
        _say_clean(checked)
    warned = any(diagnostic.severity is Severity.WARNING for diagnostic in diagnostics)
    if has_errors(diagnostics) or (strict and warned):
        raise typer.Exit(1)


def _say_clean(checked: list) -> None:  # type: ignore[type-arg]
    for result in checked:
        services = len(result.context.services) if result.context else 0
        plural = "" if services == 1 else "s"
        print(f"{result.sources[0].path}: {services} service{plural}, nothing to report")
