"""`stagecast pool`: how many builders many pipelines a day need, so that builds hardly wait."""

from __future__ import annotations

import math
import re
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from compiler.values.malformed import Malformed
from compiler.values.quantities import parse_duration, parse_share
from stagecast.forecasting.builds import Builds, Reading
from stagecast.options import (
    AS_JSON,
    BUILD_LOGS,
    DOCKERFILES,
    ENVIRONMENT,
    SCENARIO,
    SETS,
    STRATEGY,
    format_option,
)
from stagecast.session import Usage, check_format, the_one, usable

if TYPE_CHECKING:
    from simulator.studies.shared_pool import Traffic

_FORMATS = ("text", "json")
_HOURS = re.compile(r"([0-9]{1,2})-([0-9]{1,2}):([0-9]{1,9}(?:\.[0-9]{1,9})?)", re.ASCII)
_RANGE = re.compile(r"([0-9]{1,5})\.\.([0-9]{1,5})", re.ASCII)


def run(
    environment: ENVIRONMENT = None,
    per_day: Annotated[
        float, typer.Option(min=0.001, max=1e6, help="How many pipelines start a day, on average.")
    ] = 100.0,
    max_wait: Annotated[
        str, typer.Option(metavar="DURATION", help="How long a build may wait for a builder.")
    ] = "60s",
    percentile: Annotated[
        float, typer.Option(min=1, max=99.9, help="Which part of the builds wait no longer than that.")
    ] = 95.0,
    profile: Annotated[
        str,
        typer.Option(
            metavar="office|flat|HOURS", help="When they start: hours and weights, such as 8-12:3,12-18:2."
        ),
    ] = "office",
    rebuilt: Annotated[
        str,
        typer.Option(
            metavar="PERCENT", help="How many builds of a pipeline are made: others have their image."
        ),
    ] = "100%",
    pool_range: Annotated[
        str | None,
        typer.Option(
            metavar="LOW..HIGH", help="Show every size of a range instead of searching.", show_default=False
        ),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=10_000, help="How many days are simulated.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same result.")] = 0,
    scenario: SCENARIO = None,
    sets: SETS = None,
    strategy: STRATEGY = None,
    build_logs: BUILD_LOGS = None,
    dockerfiles: DOCKERFILES = True,
    format_: Annotated[str | None, format_option(*_FORMATS)] = None,
    as_json: AS_JSON = False,
) -> None:
    """Find the smallest pool of builders, shared by many pipelines a day, that keeps waits short."""
    check_format(format_, _FORMATS)
    bound_s = _read(parse_duration, max_wait, "--max-wait")
    share = _read(parse_share, rebuilt, "--rebuilt")
    sizes = _sizes(pool_range)
    # A range of Click lets "nan" through.
    for value, option in ((per_day, "--per-day"), (percentile, "--percentile")):
        if math.isnan(value):
            raise Usage("nan is no number", param_hint=option)
    if share == 0:
        raise Usage("nothing would be built; more than 0% is needed", param_hint="--rebuilt")
    checked = usable(*the_one(environment))
    from simulator.modelling.pipeline import model
    from simulator.studies.pool_search import Question, forecast
    from stagecast.forecasting.watch import Bar
    from stagecast.scenario_file import variant

    traffic = _traffic(per_day, profile)
    made = variant(checked, scenario_file=scenario, sets=tuple(sets or ()), strategy=strategy)
    builds = Builds(checked.job.root, Reading(dockerfiles, tuple(build_logs or ())))
    made = replace(made, plan=builds.filled(made.plan, made.scenario))
    builds.tell()
    bar = Bar()
    try:
        question = Question(
            traffic,
            bound_s,
            percentile / 100,
            share,
            made.plan.limits.build.parallelism,
            days,
            seed,
            made.scenario.correlation,
        )
        # A shared pool is always on: no pipeline waits for a builder to come up.
        simulated = model(made.plan, replace(made.scenario, builders=None))
        found = forecast(simulated, question, sizes, progress=bar)
    except ValueError as error:
        raise Usage(str(error)) from error
    finally:
        bar.close()
    if as_json or format_ == "json":
        from simulator.report import pool_json

        sys.stdout.write(pool_json.render(found))
    else:
        from simulator.report import pool_text

        sys.stdout.write(pool_text.render(found))


def _read(parse: object, text: str, option: str) -> float:
    assert callable(parse)
    try:
        return float(parse(text))
    except Malformed as error:
        hint = f"; {error.hint}" if error.hint else ""
        raise Usage(f"{error.message}{hint}", param_hint=option) from error


def _sizes(text: str | None) -> range | None:
    if text is None:
        return None
    found = _RANGE.fullmatch(text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]) or int(found[2]) - int(found[1]) >= 1000:
        raise Usage("write a range of builders, such as 1..28", param_hint="--pool-range")
    return range(int(found[1]), int(found[2]) + 1)


def _traffic(per_day: float, profile: str) -> Traffic:
    """Office hours, evenly, or hours of the day with their weights; hours that are not named have none."""
    from simulator.studies.shared_pool import FLAT, OFFICE, Traffic

    named = {"office": OFFICE, "flat": FLAT}
    if profile in named:
        return Traffic(per_day, named[profile])
    weights = [0.0] * 24
    for part in profile.split(","):
        found = _HOURS.fullmatch(part.strip())
        if found is None or not 0 <= int(found[1]) < int(found[2]) <= 24:
            hint = "write office, flat, or hours with weights, such as 8-12:3,12-18:2"
            raise Usage(f"{part.strip()[:40]!r} is no profile; {hint}", param_hint="--profile")
        for hour in range(int(found[1]), int(found[2])):
            weights[hour] = float(found[3])
    try:
        return Traffic(per_day, tuple(weights))
    except ValueError as error:
        raise Usage(str(error), param_hint="--profile") from error
