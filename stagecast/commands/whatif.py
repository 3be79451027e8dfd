"""`stagecast whatif`: what a change would bring, before anybody makes it."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stagecast.forecasting.builds import Builds, Reading
from stagecast.options import AS_JSON, BUILD_LOGS, DOCKERFILES, ENVIRONMENT, STRATEGY, TARGET, format_option
from stagecast.session import Usage, check_format, the_one, usable

if TYPE_CHECKING:
    from compiler.driver import Checked
    from simulator.studies.whatif import Case, Comparison

_FORMATS = ("text", "json")


@dataclass(frozen=True, slots=True)
class Asked:
    """A case as somebody asks for it; `name` None leaves it to the settings."""

    sets: tuple[str, ...] = ()
    strategy: str | None = None
    scenario: Path | None = None
    name: str | None = None


def run(
    environment: ENVIRONMENT = None,
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="PATH=VALUE",
            help="A setting; repeatable, all of them and --strategy are one case.",
            show_default=False,
        ),
    ] = None,
    strategy: STRATEGY = None,
    scenarios: Annotated[
        list[Path] | None,
        typer.Option(
            "--scenario", metavar="FILE", help="A scenario file; repeatable, a case each.", show_default=False
        ),
    ] = None,
    cases: Annotated[
        list[str] | None,
        typer.Option(
            "--case",
            metavar="'NAME: PATH=VALUE ...'",
            help="A case with a name; repeatable. Also takes strategy=NAME and scenario=FILE.",
            show_default=False,
        ),
    ] = None,
    sweep: Annotated[
        str | None,
        typer.Option(
            metavar="PATH=1..14",
            help="One setting through a range or a list; --set and --strategy hold at every value.",
            show_default=False,
        ),
    ] = None,
    base: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A scenario file that everything is compared with, and that changes are made to.",
            show_default=False,
        ),
    ] = None,
    target: TARGET = None,
    build_logs: BUILD_LOGS = None,
    dockerfiles: DOCKERFILES = True,
    runs: Annotated[int, typer.Option(min=1, max=100_000, help="How many replications of each.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same comparison.")] = 0,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw the sweep into FILE.svg or FILE.html.", show_default=False),
    ] = None,
    format_: Annotated[str | None, format_option(*_FORMATS)] = None,
    as_json: AS_JSON = False,
) -> None:
    """Compare changes with what is, run by run: P50, P90, mean, what gets slower, what becomes critical."""
    check_format(format_, _FORMATS)
    given = Asked(tuple(sets or ()), strategy)
    asked = [given] if (sets or strategy) and sweep is None else []
    asked += [Asked(scenario=path) for path in scenarios or ()]
    asked += [read_case(text) for text in cases or ()]
    if not asked and sweep is None:
        raise Usage("what if what? give --set, --strategy, --scenario, --case or --sweep")
    if plot is not None:
        check_plot(plot, sweep)
    setting, values = read_sweep(sweep) if sweep is not None else ("", ())
    if strategy is not None and setting == "pipeline.strategy":
        raise Usage("the strategy is what is swept: leave --strategy out", param_hint="--sweep")
    checked = usable(*the_one(environment))
    builds = Builds(checked.job.root, Reading(dockerfiles, tuple(build_logs or ())))
    from simulator.studies.whatif import whatif

    try:
        points = [
            (
                value,
                make_case(
                    checked,
                    Asked((*given.sets, f"{setting}={value}"), strategy, name=value),
                    base,
                    target,
                    builds,
                ),
            )
            for value in values
        ]
        found = whatif(
            make_case(checked, Asked(), base, target, builds),
            [make_case(checked, each, base, target, builds) for each in asked],
            runs=runs,
            seed=seed,
            sweep=(setting, points) if points else None,
        )
    except ValueError as error:
        raise Usage(str(error)) from error
    finally:
        builds.tell()
    if plot is not None:
        draw(found, plot)
    if as_json or format_ == "json":
        from simulator.report import whatif_json

        sys.stdout.write(whatif_json.render(found))
    else:
        from simulator.report import whatif_text

        sys.stdout.write(whatif_text.render_for(found, sys.stdout))


def check_plot(path: Path, sweep: str | None) -> None:
    """Refuse a picture that could not be drawn or written, before anything is simulated.

    Raises:
        Usage: what is wrong with it.
        OSError: the file cannot be looked at.
    """
    from simulator.report.page.vega import ReportUnavailableError, require
    from stagecast.forecasting.files import Output, check

    if sweep is None or path.suffix not in (".svg", ".html"):
        raise Usage("it draws a --sweep, into a file that ends in .svg or .html", param_hint="--plot")
    try:
        require()
    except ReportUnavailableError as error:
        raise Usage(str(error), param_hint="--plot") from error
    check([Output(path, "--plot")])


def draw(found: Comparison, path: Path) -> None:
    """Write the sweep's picture.

    Raises:
        Usage: no run succeeds, so there is nothing to draw.
        OSError: the file cannot be written.
    """
    from simulator.report import sweep_plot
    from stagecast.forecasting.files import Output, write

    try:
        text = sweep_plot.svg(found) if path.suffix == ".svg" else sweep_plot.page(found)
    except ValueError as error:
        raise Usage(str(error), param_hint="--plot") from error
    write(Output(path, "--plot"), text)


def read_case(text: str) -> Asked:
    """A case of `NAME: PATH=VALUE ...`: words as a shell reads them.

    Raises:
        Usage: it has no name, or a word is no setting.
    """
    name, colon, rest = text.partition(":")
    try:
        words = shlex.split(rest)
    except ValueError as error:
        raise Usage(f"{text}: {str(error).lower()}", param_hint="--case") from error
    if not colon or not name.strip() or "=" in name or not words:
        raise Usage(
            f"{text} has no name: write 'NAME: pipeline.build.parallelism=14 strategy=dag'",
            param_hint="--case",
        )
    sets, strategy, scenario = [], None, None
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise Usage(f"{word} is not PATH=VALUE", param_hint="--case")
        if key == "strategy":
            strategy = value
        elif key == "scenario":
            if scenario is not None:
                raise Usage(f"{name.strip()} has two scenarios; a case has one", param_hint="--case")
            scenario = Path(value)
        else:
            sets.append(word)
    return Asked(tuple(sets), strategy, scenario, name.strip())


def read_sweep(text: str) -> tuple[str, tuple[str, ...]]:
    """The setting and the values of `PATH=VALUES`.

    Raises:
        Usage: it is no such thing.
    """
    from simulator.studies.sweep_values import sweep_values

    setting, equals, values = text.rpartition("=")
    if not equals or not setting:
        raise Usage(
            f"{text} is not PATH=VALUES, as in pipeline.build.parallelism=1..14", param_hint="--sweep"
        )
    try:
        return setting, sweep_values(values)
    except ValueError as error:
        raise Usage(str(error), param_hint="--sweep") from error


def make_case(
    checked: Checked,
    asked: Asked,
    base: Path | None,
    target: str | None = None,
    builds: Builds | None = None,
) -> Case:
    """The model of a case; `builds` say what those without an estimate take.

    Raises:
        typer.Exit: with 1, after what is wrong is shown.
        ValueError: the plan cannot be scheduled.
        Usage: there is no such target.
        OSError: a scenario file cannot be read.
    """
    from simulator.studies.whatif import Case
    from stagecast.profile import modelled
    from stagecast.scenario_file import variant

    made = variant(checked, scenario_file=asked.scenario or base, sets=asked.sets, strategy=asked.strategy)
    if builds is not None:
        made = replace(made, plan=builds.filled(made.plan, made.scenario))
    settings = [*asked.sets, *([f"pipeline.strategy={asked.strategy}"] if asked.strategy else [])]
    said = [*asked.sets, *([f"strategy {asked.strategy}"] if asked.strategy else [])]
    own = ", ".join(said) if asked.scenario is None else ""
    return Case(asked.name or own or made.name, modelled(made, target), tuple(settings))
