"""The way in: a plan goes in, a forecast comes out."""

from __future__ import annotations

from compiler.plan.model import Plan
from simulator import network, sampling
from simulator.durations import task_durations
from simulator.engines import reference as engine
from simulator.forecast import Forecast
from simulator.summary import summarise

DEFAULT_RUNS = 1000
# The intraclass correlation of durations of one run: docs/forecast.md.
DEFAULT_CORRELATION = 0.3
# About a gigabyte: what one forecast keeps in memory at once.
MOST_DRAWS = 10_000_000


def forecast(
    plan: Plan, *, runs: int = DEFAULT_RUNS, seed: int = 0, correlation: float = DEFAULT_CORRELATION
) -> Forecast:
    """Simulate a plan `runs` times.

    The same plan, runs, seed and correlation give the same forecast; more runs
    keep the earlier ones. `correlation` is the part of the variance of the
    logarithm of every duration that the tasks of one run have in common.

    Raises:
        ValueError: `runs` is below 1 or tasks times runs above `MOST_DRAWS`, the
            correlation is not within 0 and 1, an estimate makes no law, or the
            plan cannot be scheduled (see `durations.task_durations` and
            `network.from_plan`). The message is fit for a user.
    """
    if runs < 1:
        raise ValueError(f"at least one run is needed, not {runs}")
    tasks = max(1, len(plan.tasks))
    if runs * tasks > MOST_DRAWS:
        raise ValueError(f"{runs} runs of {tasks} tasks are too many: at most {MOST_DRAWS // tasks}")
    laws = task_durations(plan)
    drawn = sampling.sample(laws, runs=runs, seed=seed, correlation=correlation)
    net = network.from_plan(plan)
    trace = engine.simulate(net, drawn.durations_s)
    return summarise(plan, net, laws, drawn, trace, engine=engine.NAME, seed=seed, correlation=correlation)
