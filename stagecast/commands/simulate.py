"""`stagecast simulate`: how long the pipeline will take, how sure that is, and what is critical."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from compiler.driver import make_plan
from stagecast.options import ENVIRONMENT, format_option
from stagecast.session import Usage, check_format, the_one, usable

_FORMATS = ("text", "json")


def run(
    environment: ENVIRONMENT = None,
    runs: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many replications.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same forecast.")] = 0,
    correlation: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="How much the durations of one run have in common.")
    ] = 0.3,
    format_: Annotated[str | None, format_option(*_FORMATS)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Forecast how long the pipeline takes: P50, P90 and P99, what is critical, and what was assumed."""
    check_format(format_, _FORMATS)
    plan = make_plan(usable(*the_one(environment)))
    from simulator.run import forecast

    try:
        result = forecast(plan, runs=runs, seed=seed, correlation=correlation)
    except ValueError as error:
        raise Usage(str(error)) from error
    if as_json or format_ == "json":
        from simulator.report import json

        sys.stdout.write(json.render(result))
        return
    from simulator.report import text

    sys.stdout.write(text.render_for(result, sys.stdout))
