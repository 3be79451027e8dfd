"""`stagecast optimize`: what is worth changing, and by how much."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from stagecast.forecasting.builds import Builds, Reading
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
    from compiler.plan.model import Plan, Strategy
    from simulator.modelling.model import Model
    from simulator.modelling.scenario import Scenario
    from simulator.studies.optimise import Optimisation
    from stagecast.scenario_file import Variant

_FORMATS = ("text", "json")


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is tried: see the options."""

    runs: int | None
    seed: int
    apply_best: int | None


@dataclass(frozen=True, slots=True)
class _Ways:
    """How a plan becomes what is simulated, and which strategies whoever runs it takes."""

    lower: Callable[[Plan, Scenario], Model]
    strategies: tuple[Strategy, ...]


def run(
    environment: ENVIRONMENT = None,
    scenario: SCENARIO = None,
    sets: SETS = None,
    strategy: STRATEGY = None,
    target: TARGET = None,
    runs: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=100_000,
            help="How many replications of each. Default: 1000, or fewer where that takes long.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same result.")] = 0,
    build_logs: BUILD_LOGS = None,
    dockerfiles: DOCKERFILES = True,
    apply_best: Annotated[
        int | None,
        typer.Option(
            metavar="K",
            min=1,
            max=100,
            help="Apply the best K fixes of Dockerfiles on paper, and forecast the result.",
            show_default=False,
        ),
    ] = None,
    diff: Annotated[
        bool, typer.Option("--diff", help="With --apply-best: print what it changes. Nothing is written.")
    ] = False,
    format_: Annotated[str | None, format_option(*_FORMATS)] = None,
    as_json: AS_JSON = False,
) -> None:
    """Rank what is worth changing: builds, Dockerfiles, deployments, order, strategy, barriers, builders."""
    check_format(format_, _FORMATS)
    if diff and apply_best is None:
        raise Usage("the diff of what? say how many fixes to apply on paper with --apply-best")
    if apply_best is not None and not dockerfiles:
        raise Usage("there is nothing to apply without Dockerfiles: leave --no-dockerfiles out")
    checked = usable(*the_one(environment))
    from stagecast.scenario_file import variant

    made = variant(checked, scenario_file=scenario, sets=tuple(sets or ()), strategy=strategy)
    builds = Builds(checked.job.root, Reading(dockerfiles, tuple(build_logs or ())))
    made = replace(made, plan=builds.filled(made.plan, made.scenario))
    try:
        found, changed = _optimised(made, target, Effort(runs, seed, apply_best), builds)
    except ValueError as error:
        raise Usage(str(error)) from error
    finally:
        builds.tell()
    shown = changed if diff else None
    if as_json or format_ == "json":
        from simulator.report import optimise_json

        sys.stdout.write(optimise_json.render(found, shown))
    else:
        from simulator.report import optimise_text

        sys.stdout.write(optimise_text.render_for(found, sys.stdout))
        if shown:
            sys.stdout.write(f"\n{shown}")


def _optimised(made: Variant, target: str | None, effort: Effort, builds: Builds) -> tuple[Optimisation, str]:
    """Under the plan's own ways, or a target's; and the diff of what was applied on paper.

    Raises:
        Usage: there is no such target.
        typer.Exit: with 1, after it is shown what the target refuses of the plan.
        ValueError: the plan cannot be scheduled.
        OSError: a Dockerfile cannot be read.
    """
    from simulator.studies.optimise import optimise
    from stagecast.forecasting.dockerfiles import Advisor

    advisor = Advisor(made.checked, made.plan, builds) if builds.wanted else None
    ways = _ways(made, target)
    found = optimise(
        made.plan,
        made.scenario,
        runs=effort.runs,
        seed=effort.seed,
        lower=ways.lower,
        strategies=ways.strategies,
        own_order=target is not None,
        rebuilds=advisor.rebuilds if advisor is not None else (),
    )
    if advisor is None:
        return found, ""
    found = replace(found, remarks=advisor.remarks)
    if effort.apply_best is None:
        return found, ""

    def lower(plan: Plan) -> Model:
        return ways.lower(plan, made.scenario)

    applied = advisor.apply_best(
        found.dockerfiles, effort.apply_best, lower, runs=effort.runs, seed=effort.seed
    )
    return replace(found, applied=applied), advisor.diff()


def _ways(made: Variant, target: str | None) -> _Ways:
    """The plan's own ways, or a target's.

    Raises:
        Usage: there is no such target.
        typer.Exit: with 1, after it is shown what the target refuses of the plan.
    """
    from compiler.plan.model import Strategy
    from simulator.modelling import pipeline

    if target is None:
        return _Ways(pipeline.model, tuple(Strategy))
    from compiler.compile import limitations
    from compiler.targets import job_graph
    from simulator.modelling import profiles
    from simulator.modelling.variants import with_strategy
    from stagecast.profile import modelled

    modelled(made, target)

    def lower(plan: Plan, scenario: Scenario) -> Model:
        return profiles.apply(pipeline.model(plan, scenario), job_graph(target, plan))

    def takes(strategy: Strategy) -> bool:
        found = limitations(with_strategy(made.plan, strategy), [target])
        return all(each.severity != "error" for said in found.values() for each in said)

    return _Ways(lower, tuple(filter(takes, Strategy)))
