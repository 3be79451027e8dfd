"""`stagecast simulate`: how long the pipeline will take, how sure that is, and what is critical."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from compiler.values.malformed import Malformed
from compiler.values.quantities import parse_positive_duration, parse_share
from stagecast.forecasting.builds import Reading
from stagecast.forecasting.files import Output, wanted, write_all
from stagecast.forecasting.simulation import (
    Effort,
    World,
    earlier_forecast,
    model_of,
    other_revision,
    simulated,
)
from stagecast.forecasting.watch import interrupts
from stagecast.options import (
    AS_JSON,
    BUILD_LOGS,
    DOCKERFILES,
    ENVIRONMENT,
    SCENARIO,
    SETS,
    STRATEGY,
    TARGET,
    format_option,
)
from stagecast.session import Usage, check_format, the_one, usable

if TYPE_CHECKING:
    from compiler.driver import Checked
    from simulator.forecasting.forecast import Forecast
    from simulator.forecasting.gate import Baseline, Comparison, Verdict

_FORMATS = ("text", "json", "markdown")
_FAILED, _REFUSED, _INTERRUPTED = 1, 2, 130


@dataclass(frozen=True, slots=True)
class _Gate:
    """What the forecast is held to: see the options."""

    max_p90_s: float | None
    max_regression: float | None
    allow_assumed: bool
    baseline: str | None


def run(
    environment: ENVIRONMENT = None,
    runs: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1_000_000,
            help="How many replications; with --precision at most. Default: 1000.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same forecast.")] = 0,
    precision: Annotated[
        str | None,
        typer.Option(
            metavar="PERCENT",
            help="Simulate until the intervals of P50, P90 and P99 are within, say, 1%.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, max=256, help="Processes; the numbers are the same on any number.")
    ] = 1,
    engine: Annotated[
        str, typer.Option(metavar="auto|numpy|events|simpy", help="What schedules; all give the same times.")
    ] = "auto",
    correlation: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            help="How much the durations of one run have in common. Default: the scenario's, else 0.3.",
            show_default=False,
        ),
    ] = None,
    scenario: SCENARIO = None,
    sets: SETS = None,
    strategy: STRATEGY = None,
    target: TARGET = None,
    build_logs: BUILD_LOGS = None,
    dockerfiles: DOCKERFILES = True,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="Write a page with all figures.", show_default=False),
    ] = None,
    gantt: Annotated[
        Path | None,
        typer.Option(metavar="FILE.svg", help="Write a Gantt chart of the median run.", show_default=False),
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Write tables: services to FILE.csv, others beside it (FILE-tasks.csv ...).",
            show_default=False,
        ),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            metavar="REV|FILE.json", help="Compare with a revision or an earlier --json.", show_default=False
        ),
    ] = None,
    max_regression: Annotated[
        str | None,
        typer.Option(
            metavar="PERCENT",
            help="Exit with 1 when P50 or P90 takes longer than the baseline by more.",
            show_default=False,
        ),
    ] = None,
    max_p90: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="Exit with 1 when P90 is longer, say 12m.", show_default=False),
    ] = None,
    allow_assumed: Annotated[
        bool, typer.Option("--allow-assumed", help="Let the gate rest on assumed durations.")
    ] = False,
    format_: Annotated[str | None, format_option(*_FORMATS)] = None,
    as_json: AS_JSON = False,
) -> None:
    """Forecast how long the pipeline takes: P50, P90 and P99, what is critical, and what was assumed."""
    check_format(format_, _FORMATS)
    format_ = "json" if as_json else format_
    effort = Effort(runs, seed, _read(precision, "--precision", parse_share), workers, engine)
    gate = _Gate(
        _read(max_p90, "--max-p90", parse_positive_duration),
        _read(max_regression, "--max-regression", parse_share),
        allow_assumed,
        baseline,
    )
    if gate.max_regression is not None and baseline is None:
        raise Usage("say against what: --baseline REV or --baseline forecast.json")
    reading = Reading(dockerfiles, tuple(build_logs or ()))
    world = World(scenario, tuple(sets or ()), strategy, target, correlation, format_, reading)
    try:
        checked = usable(*the_one(environment), format_)
        code = _forecast(checked, world, effort, gate, wanted(report, gantt, csv))
    except KeyboardInterrupt:
        print("stagecast: interrupted before there was anything to tell", file=sys.stderr)
        code = _INTERRUPTED
    if code:
        raise typer.Exit(code)


def _forecast(checked: Checked, world: World, effort: Effort, gate: _Gate, outputs: dict[str, Output]) -> int:
    """Simulate, compare, judge, tell, write; the exit code."""
    earlier = earlier_forecast(gate.baseline)
    model = model_of(checked, world)
    with interrupts() as stop:
        result = simulated(model, effort, stop.asked)
        if gate.baseline is not None and earlier is None and not stop.asked():
            earlier = other_revision(checked, world, effort, gate.baseline, result, stop.asked)
        comparison = _compared(result, earlier)
        verdicts = () if stop.asked() else _verdicts(result, gate, comparison)
        _tell(result, comparison, verdicts, world.format_)
        write_all(result, outputs)
        if stop.asked():
            print(f"stagecast: interrupted after {result.runs:,} runs", file=sys.stderr)
            return _INTERRUPTED
    return _judged(verdicts)


def _compared(result: Forecast, earlier: Baseline | None) -> Comparison | None:
    if earlier is None:
        return None
    from simulator.forecasting.gate import compare

    return compare(result, earlier)


def _verdicts(result: Forecast, gate: _Gate, comparison: Comparison | None) -> tuple[Verdict, ...]:
    if gate.max_p90_s is None and gate.max_regression is None:
        return ()
    from simulator.forecasting.gate import Conditions, judge

    return judge(result, Conditions(gate.max_p90_s, gate.max_regression, gate.allow_assumed), comparison)


def _judged(verdicts: tuple[Verdict, ...]) -> int:
    """The exit code; the verdicts go to stderr."""
    for verdict in verdicts:
        shown = {"passed": "passed", "failed": "failed", "refused": "no verdict"}[verdict.outcome]
        print(f"stagecast: {shown}: {verdict.sentence}", file=sys.stderr)
    outcomes = {verdict.outcome for verdict in verdicts}
    if "refused" in outcomes:
        return _REFUSED
    return _FAILED if "failed" in outcomes else 0


def _tell(
    result: Forecast, comparison: Comparison | None, verdicts: tuple[Verdict, ...], format_: str | None
) -> None:
    if format_ == "json":
        from simulator.report import json

        sys.stdout.write(json.render(result, comparison))
    elif format_ == "markdown":
        from simulator.report import markdown

        sys.stdout.write(markdown.render(result, comparison, verdicts))
    else:
        from simulator.report import text

        sys.stdout.write(text.render_for(result, sys.stdout, comparison=comparison))
    sys.stdout.flush()


def _read(text: str | None, option: str, parse: Callable[[str], float]) -> float | None:
    """The value of an option, None when it is not given."""
    if text is None:
        return None
    try:
        return parse(text)
    except Malformed as error:
        said = f"{error.message}; {error.hint}" if error.hint else error.message
        raise Usage(said, param_hint=option) from error
