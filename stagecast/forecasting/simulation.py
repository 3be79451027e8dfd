"""What is simulated, and how much: from a checked environment to its forecast.

Joins the spec, its scenario and its target with the simulator, and tells what
goes wrong as a command does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from compiler.driver import make_plan
from stagecast.cli import UNREADABLE
from stagecast.forecasting.builds import Builds, Reading
from stagecast.session import Usage

if TYPE_CHECKING:
    from compiler.driver import Checked
    from simulator.forecasting.forecast import Forecast
    from simulator.forecasting.gate import Baseline
    from simulator.modelling.model import Model
    from simulator.modelling.scenario import Scenario


@dataclass(frozen=True, slots=True)
class World:
    """What is simulated, beside the spec: the options of all forecasts."""

    scenario: Path | None
    sets: tuple[str, ...]
    strategy: str | None
    target: str | None
    correlation: float | None
    format_: str | None
    reading: Reading


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is simulated: see the options."""

    runs: int | None
    seed: int
    precision: float | None
    workers: int
    engine: str


def model_of(checked: Checked, world: World) -> Model:
    """What is simulated of an environment; what of its builds could not be read is said on stderr.

    Raises:
        Usage: it cannot be scheduled, or there is no such target.
        typer.Exit: with 1, after it is shown what is wrong with the scenario.
        OSError: the scenario or a build log cannot be read.
    """
    from simulator.modelling import pipeline
    from simulator.modelling.scenario import Scenario

    builds = Builds(checked.job.root, world.reading)
    try:
        if not (world.scenario or world.sets or world.strategy is not None or world.target is not None):
            # As the spec says: what reads scenarios and targets costs 40 ms.
            return pipeline.model(builds.filled(make_plan(checked)), _correlated(Scenario(), world))
        from stagecast.profile import modelled
        from stagecast.scenario_file import variant

        made = variant(
            checked,
            scenario_file=world.scenario,
            sets=world.sets,
            strategy=world.strategy,
            format_=world.format_,
        )
        plan = builds.filled(made.plan, made.scenario)
        made = replace(made, plan=plan, scenario=_correlated(made.scenario, world))
        return modelled(made, world.target, world.format_)
    except ValueError as error:
        raise Usage(str(error)) from error
    finally:
        builds.tell()


def _correlated(scenario: Scenario, world: World) -> Scenario:
    return scenario if world.correlation is None else replace(scenario, correlation=world.correlation)


def simulated(model: Model, effort: Effort, stop: Callable[[], bool]) -> Forecast:
    """The forecast, with a progress bar where somebody waits.

    Raises:
        Usage: the engine or the numbers make no sense.
        typer.Exit: a worker process ended, after that is said.
        KeyboardInterrupt: see `simulator.forecasting.run.forecast`.
    """
    from simulator.forecasting.run import forecast
    from stagecast.forecasting.watch import Bar

    bar = Bar()
    try:
        return forecast(
            model,
            runs=effort.runs,
            seed=effort.seed,
            workers=effort.workers,
            precision=effort.precision,
            engine=effort.engine,
            progress=bar,
            stop=stop,
        )
    except ValueError as error:
        raise Usage(str(error)) from error
    except ChildProcessError as error:
        print(f"stagecast: {error}", file=sys.stderr)
        raise typer.Exit(UNREADABLE) from error
    finally:
        bar.close()


def earlier_forecast(named: str | None) -> Baseline | None:
    """The baseline when it is a file, else None. Raises Usage when it is no forecast."""
    if named is None or not Path(named).is_file():
        return None
    from stagecast.forecasting.baseline import read

    return read(Path(named))


def other_revision(
    checked: Checked, world: World, effort: Effort, revision: str, now: Forecast, stop: Callable[[], bool]
) -> Baseline | None:
    """The forecast of another revision on the same draws; None when it was interrupted before.

    Raises:
        Usage: there is no such revision, or nothing to simulate in it.
    """
    from simulator.forecasting.gate import Baseline
    from stagecast.forecasting.baseline import at_revision

    # The files of the revision are exported elsewhere, without the history that they have.
    reading = replace(world.reading, repository=checked.job.root, revision=revision)
    then_world = replace(world, reading=reading)
    model = at_revision(checked.job, revision, lambda there: model_of(there, then_world))
    try:
        then = simulated(model, replace(effort, runs=now.runs, precision=None), stop)
    except KeyboardInterrupt:
        return None
    rest = iter(then.makespans_s)
    failed = frozenset(then.failed_runs)
    return Baseline(
        name=revision,
        seed=then.seed,
        correlation=then.correlation,
        p50=then.makespan.p50,
        p90=then.makespan.p90,
        makespans_s=tuple(None if number in failed else next(rest) for number in range(then.runs)),
        scenario=then.scenario,
        profile=then.profile,
    )
