"""`stagecast optimize`: what is worth changing, and by how much."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from stagecast.options import AS_JSON, ENVIRONMENT, SCENARIO, SETS, STRATEGY, TARGET, format_option
from stagecast.session import Usage, check_format, the_one, usable

if TYPE_CHECKING:
    from simulator.studies.optimise import Optimisation
    from stagecast.scenario_file import Variant

_FORMATS = ("text", "json")


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
    format_: Annotated[str | None, format_option(*_FORMATS)] = None,
    as_json: AS_JSON = False,
) -> None:
    """Rank what is worth changing: builds, deployments, order, strategy, barriers, builders."""
    check_format(format_, _FORMATS)
    checked = usable(*the_one(environment))
    from stagecast.scenario_file import variant

    made = variant(checked, scenario_file=scenario, sets=tuple(sets or ()), strategy=strategy)
    try:
        found = _optimised(made, target, runs, seed)
    except ValueError as error:
        raise Usage(str(error)) from error
    if as_json or format_ == "json":
        from simulator.report import optimise_json

        sys.stdout.write(optimise_json.render(found))
    else:
        from simulator.report import optimise_text

        sys.stdout.write(optimise_text.render_for(found, sys.stdout))


def _optimised(made: Variant, target: str | None, runs: int | None, seed: int) -> Optimisation:
    """Under the plan's own ways, or a target's.

    Raises:
        Usage: there is no such target.
        typer.Exit: with 1, after it is shown what the target refuses of the plan.
        ValueError: the plan cannot be scheduled.
    """
    from simulator.studies.optimise import optimise

    if target is None:
        return optimise(made.plan, made.scenario, runs=runs, seed=seed)
    from compiler.compile import limitations
    from compiler.plan.model import Plan, Strategy
    from compiler.targets import job_graph
    from simulator.modelling import pipeline, profiles
    from simulator.modelling.model import Model
    from simulator.modelling.scenario import Scenario
    from simulator.modelling.variants import with_strategy
    from stagecast.profile import modelled

    modelled(made, target)

    def lower(plan: Plan, scenario: Scenario) -> Model:
        return profiles.apply(pipeline.model(plan, scenario), job_graph(target, plan))

    def takes(strategy: Strategy) -> bool:
        found = limitations(with_strategy(made.plan, strategy), [target])
        return all(each.severity != "error" for said in found.values() for each in said)

    strategies = tuple(filter(takes, Strategy))
    return optimise(
        made.plan, made.scenario, runs=runs, seed=seed, lower=lower, strategies=strategies, own_order=True
    )
