"""`stagecast plan`: what would be built, mirrored and deployed, in which order, and why."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from compiler.compile import compared, plan_path
from compiler.diagnostics.model import Severity
from compiler.document.load import display_path
from compiler.driver import make_plan
from compiler.plan.diff import NotAPlan, PlanChanges
from compiler.plan.encode import plan_text
from compiler.plan.model import Plan
from stagecast.options import ENVIRONMENT, format_option
from stagecast.session import (
    Usage,
    check_format,
    default_format,
    show,
    the_one,
    usable,
    wants_color,
    width,
)

_FORMATS = ("text", "json")


def run(
    environment: ENVIRONMENT = None,
    format_: Annotated[str | None, format_option(*_FORMATS)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    previous: Annotated[
        Path | None,
        typer.Option(help="A plan.json or an output folder to compare with. Default: the project's output."),
    ] = None,
) -> None:
    """Show what would be done, in which order, and why."""
    check_format(format_, _FORMATS)
    checked, diagnostics = the_one(environment)
    ready = usable(checked, diagnostics)
    plan = make_plan(ready)
    file = _previous(plan, previous, ready.job.output)
    changes = None if file is None else _changes(plan, file, asked=previous is not None)
    if file is not None and changes is not None and ready.context is not None:
        plan, refused = compared(plan, file.read_bytes(), ready.context)
        # Here nothing is done: what `compile` refuses is only said.
        show([replace(each, severity=Severity.WARNING) for each in refused], default_format(), to_stderr=True)
    if as_json or format_ == "json":
        sys.stdout.write(plan_text(plan))
        return
    from stagecast.views.plan_text import render

    sys.stdout.write(render(plan, changes, width=width(), color=wants_color(sys.stdout.isatty())))


def _previous(plan: Plan, asked: Path | None, output: Path) -> Path | None:
    """The file with the plan asked for, else that of the output folder when there is one."""
    path = asked if asked is not None else output
    file = path / plan_path(plan.environment) if asked is None or path.is_dir() else path
    return file if asked is not None or file.is_file() else None


def _changes(plan: Plan, file: Path, *, asked: bool) -> PlanChanges | None:
    """The comparison with a previous plan; None when the output folder's cannot be compared with.

    Raises:
        Usage: the file that was asked for is no plan.
        OSError: it cannot be read.
    """
    from compiler.plan.diff import compare

    try:
        return compare(plan, json.loads(file.read_bytes()))
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, NotAPlan) else "it is not JSON"
    if asked:
        raise Usage(f"{display_path(file)} is not a plan: {reason}", param_hint="--previous")
    print(f"stagecast: not compared with {display_path(file)}: {reason}", file=sys.stderr)
    return None
