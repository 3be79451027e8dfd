"""Builds with better Dockerfiles: what each would save the pipeline, and what the best of them save together.

Takes a plan and other profiles of its builds, gives what the pipeline would
take with each. Savings do not add up: of two slow builds that run side by side
the better first one saves little. Knows no Dockerfile: whoever makes a rebuild says what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from compiler.plan.model import BuildProfile, Estimate, Plan
from simulator import engines
from simulator.modelling.model import Model
from simulator.modelling.variants import with_profiles
from simulator.studies.halving import affordable_runs
from simulator.studies.paired import outcomes
from simulator.studies.whatif import Case, Compared, compared

# Activities of all models together: of very many builds those that save least are not simulated.
MOST_ACTIVITIES = 400_000
Safety = Literal["safe", "unsafe", "display"]
LowerPlan = Callable[[Plan], Model]


@dataclass(frozen=True, slots=True)
class Rebuild:
    """A finding about a Dockerfile, and the profiles or estimates of the builds that its fix changes.

    `place` is its file and line, `code` what sort it is, `what` a sentence without full stop. `safety`
    is that of the fix: "safe", "unsafe", or "display", which is applied by hand only. `tasks`
    are the builds that it is about, `services` those of these. `saved_s` is what it takes off
    a rebuild on average, in seconds, whatever is around it.
    """

    place: str
    code: str
    what: str
    safety: Safety
    tasks: tuple[str, ...]
    services: tuple[str, ...]
    saved_s: float
    profiles: tuple[BuildProfile, ...]
    estimates: tuple[Estimate, ...] = ()


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild does to the pipeline; `critical` is the share of runs with its builds on the path."""

    rebuild: Rebuild
    compared: Compared
    critical: float

    @property
    def idle(self) -> bool:
        """Whether no run gets faster or slower: the builds are nothing that the pipeline waits for."""
        change = self.compared.change
        return change is None or change.faster == change.slower == 0

    @property
    def saves(self) -> bool:
        """Whether it surely saves time on average."""
        return self.compared.change is not None and self.compared.change.mean.sign < 0


@dataclass(frozen=True, slots=True)
class Applied:
    """The best rebuilds together: each of `steps` beside the plan with those before it, `result` beside none.

    `asked` is how many were wanted: there are fewer steps where no other surely saves time.
    """

    asked: int
    steps: tuple[Rebuilt, ...]
    result: Compared


def rank(
    plan: Plan, rebuilds: Sequence[Rebuild], lower: LowerPlan, *, runs: int | None, seed: int
) -> tuple[Rebuilt, ...]:
    """What each rebuild brings, the largest saving of P50 first, on common draws.

    With `runs` None so many are made as end in seconds. Of very many rebuilds those that
    take least off their builds are left out.

    Raises:
        ValueError: the plan cannot be scheduled, or see `paired.outcomes`.
    """
    if not rebuilds:
        return ()
    base = Case("base", lower(plan))
    activities = max(1, len(base.model.network.activities))
    most = max(1, MOST_ACTIVITIES // activities)
    chosen = sorted(rebuilds, key=lambda each: (-each.saved_s, each.place, each.code))[:most]
    cases = [Case(each.place, lower(with_profiles(plan, each.profiles, each.estimates))) for each in chosen]
    engine = engines.choose(base.model.network).name
    made = runs if runs is not None else affordable_runs(engine, activities * (1 + len(cases)))
    first, *rest = outcomes([base.model, *(case.model for case in cases)], runs=made, seed=seed, closely=1)
    result = [
        Rebuilt(
            rebuild,
            compared(case, found, base, first),
            max((first.critical.get(task, 0.0) for task in rebuild.tasks), default=0.0),
        )
        for rebuild, case, found in zip(chosen, cases, rest, strict=True)
    ]
    return tuple(sorted(result, key=_saving))


def together(plan: Plan, changed: Plan, lower: LowerPlan, *, runs: int | None, seed: int) -> Compared:
    """A plan with rebuilds beside the plan without them.

    Raises:
        ValueError: see `rank`.
    """
    base, case = Case("base", lower(plan)), Case("applied", lower(changed))
    engine = engines.choose(base.model.network).name
    made = runs if runs is not None else affordable_runs(engine, 2 * len(base.model.network.activities))
    first, second = outcomes([base.model, case.model], runs=made, seed=seed, closely=0)
    return compared(case, second, base, first)


def _saving(each: Rebuilt) -> tuple[float, float, str, str]:
    change = each.compared.change
    saved = (0.0, 0.0) if change is None else (change.p50.value_s, change.mean.value_s)
    return (*saved, each.rebuild.place, each.rebuild.code)
