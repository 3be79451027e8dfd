"""`--target NAME` of the forecasts: what a target really does with the plan.

model = modelled(made, "github")    # made: scenario_file.Variant; None: as the plan says
"""

from __future__ import annotations

from collections.abc import Iterable

from compiler.compile import diagnostics_of, limitations
from compiler.diagnostics.model import Severity
from compiler.targets import GRAPHS, job_graph
from compiler.values.suggest import closest
from simulator.modelling import pipeline, profiles
from simulator.modelling.model import Model
from stagecast.scenario_file import Variant
from stagecast.session import Usage, usable

TARGETS = tuple(GRAPHS)


def modelled(made: Variant, target: str | None, format_: str | None = None) -> Model:
    """What is simulated: the plan under its scenario, as the target runs it where one is named.

    `format_` is that of the command's output, as for `session.usable`.

    Raises:
        Usage: there is no such target.
        typer.Exit: with 1, after it is shown what the target refuses of the plan.
        ValueError: the plan cannot be scheduled; the message is fit for a user.
    """
    own = pipeline.model(made.plan, made.scenario)
    if target is None:
        return own
    check_target(target)
    context = made.checked.context
    assert context is not None
    found = diagnostics_of(limitations(made.plan, [target]), context)
    usable(made.checked, [each for each in found if each.severity is Severity.ERROR], format_)
    return profiles.apply(own, job_graph(target, made.plan))


def check_target(target: str | None, allowed: Iterable[str] = TARGETS) -> None:
    """Refuse a `--target` that runs no pipeline.

    Raises:
        Usage: with those that there are.
    """
    choices = tuple(allowed)
    if target is not None and target not in choices:
        suggestion = closest(target, choices)
        hint = f"did you mean {suggestion}?" if suggestion else f"choose one of {', '.join(choices)}"
        raise Usage(f"no target {target} that runs a pipeline; {hint}", param_hint="--target")
