"""What findings about Dockerfiles cost the pipeline.

Takes the findings of an environment's builds, gives for each what the pipeline
would save, simulated with the better Dockerfile on the same draws. Prints
nothing and changes no file.

    found = [Found(task, subject, finding), ...]      # task: the build's id, such as "build:web"
    costs = pipeline_cost(checked, plan, found)       # parallel to found
    costs[0].p50_s, costs[0].p90_s                    # seconds that the pipeline would save
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stagecast.forecasting.builds import Builds, Reading
from stagecast.forecasting.paper import Better, Key, Paper, key_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from compiler.driver import Checked
    from compiler.plan.model import Plan
    from compiler.practices.model import Finding, Subject
    from simulator.studies.rebuilds import Applied, LowerPlan, Rebuild, Rebuilt
    from stagecast.linting.inputs import Case


@dataclass(frozen=True, slots=True)
class Found:
    """A finding of one build of the plan. `task` is the build's id, such as "build:web"."""

    task: str
    subject: Subject
    finding: Finding


@dataclass(frozen=True, slots=True)
class Cost:
    """What a finding costs the pipeline: seconds that its P50 and its P90 would be shorter without it.

    Negative where it would get longer; 0 where the build is not what the
    pipeline waits for. `critical` is the share of runs with the build on the critical path.
    """

    p50_s: float
    p90_s: float
    critical: float


def pipeline_cost(
    checked: Checked,
    plan: Plan,
    findings: Sequence[Found],
    *,
    runs: int | None = None,
    seed: int = 0,
    builds: Builds | None = None,
) -> tuple[Cost | None, ...]:
    """What each finding costs the pipeline, parallel to `findings`; the plan may have its profiles or not.

    None where that cannot be said: the finding has no fix or none that can be made, no worth in
    time, or no run succeeds. Of a build with an estimate the better Dockerfile takes the part
    that it takes of its steps' time.
    With `runs` None so many are made as end in seconds; `builds` is what was read already.
    """
    from simulator.modelling.pipeline import model
    from simulator.studies.rebuilds import rank

    if not findings:
        return ()
    builds = builds or Builds(checked.job.root, Reading())
    paper = Paper(builds, builds.filled(plan))
    better = paper.better((each.task, each.finding) for each in findings)
    made = _Rebuilds(better, paper.plan)
    costs: dict[tuple[str, Key], Cost] = {}
    for each in rank(paper.plan, made.rebuilds, model, runs=runs, seed=seed):
        change, of = each.compared.change, made.better_of(each.rebuild)
        if change is not None:
            cost = Cost(0.0 - change.p50.value_s, 0.0 - change.p90.value_s, each.critical)
            costs.update(((task, of.key), cost) for task in of.tasks)
    return tuple(costs.get((each.task, key_of(each.finding))) for each in findings)


class Advisor:
    """The findings about an environment's Dockerfiles, as `optimize` ranks them; what is applied stays.

    `remarks` say what of others is not forecast, sentences for people.
    """

    def __init__(self, checked: Checked, plan: Plan, builds: Builds) -> None:
        """Judge all Dockerfiles of a plan that has its profiles.

        Raises:
            OSError: a file cannot be read.
        """
        self._paper = Paper(builds, plan)
        self._before = self._paper.plan
        self._cases = _cases(checked, plan)
        self._found = {task: self._judged(task, subject) for task, subject in self._paper.subjects}
        self._made = self._remade()
        self.remarks = tuple(_remarks(self._before, self._found))

    @property
    def rebuilds(self) -> tuple[Rebuild, ...]:
        """The findings that are left whose fixes change what a build takes."""
        return self._made.rebuilds

    def diff(self) -> str:
        """The unified diff of what is applied."""
        return self._paper.diff()

    def apply_best(
        self, ranked: Sequence[Rebuilt], count: int, lower: LowerPlan, *, runs: int | None, seed: int
    ) -> Applied:
        """Apply the best `count` on paper, one after another, each beside those before it.

        `ranked` is what `rank` says of `rebuilds`. After each step the builds that it changes
        are judged anew: what two findings have in common is saved once.

        Raises:
            ValueError: see `rebuilds.rank`.
        """
        from simulator.studies.rebuilds import Applied, rank, together

        steps: list[Rebuilt] = []
        while len(steps) < count:
            best = next((each for each in ranked if each.saves), None)
            if best is None:
                break
            steps.append(best)
            better = self._made.better_of(best.rebuild)
            self._paper.apply(better)
            changed = {profile.task for profile in better.profiles}
            for task, subject in self._paper.subjects:
                if task in changed:
                    self._found[task] = self._judged(task, subject)
            self._made = self._remade()
            if len(steps) < count:
                ranked = rank(self._paper.plan, self._made.rebuilds, lower, runs=runs, seed=seed)
        result = together(self._before, self._paper.plan, lower, runs=runs, seed=seed)
        return Applied(count, tuple(steps), result)

    def _remade(self) -> _Rebuilds:
        found = [(task, finding) for task, findings in self._found.items() for finding in findings]
        return _Rebuilds(self._paper.better(found), self._paper.plan)

    def _judged(self, task: str, subject: Subject) -> list[Finding]:
        from compiler.practices import LEAST_SAVING_S
        from stagecast.linting.judging import Judged, Settings, again

        case = self._cases.get(task)
        return again(Judged(case, (), ()), subject, Settings(LEAST_SAVING_S)) if case is not None else []


class _Rebuilds:
    """Better builds, and what the simulator calls them."""

    def __init__(self, better: Sequence[Better], plan: Plan) -> None:
        self._better = tuple(better)
        self.rebuilds = tuple(_rebuild(each, plan) for each in better)

    def better_of(self, rebuild: Rebuild) -> Better:
        """The one that a rebuild was made of."""
        return next(b for b, r in zip(self._better, self.rebuilds, strict=True) if r is rebuild)


def _rebuild(better: Better, plan: Plan) -> Rebuild:
    from simulator.studies.rebuilds import Rebuild

    diagnostic, worth = better.finding.diagnostic, better.finding.worth
    assert diagnostic.fix is not None
    assert worth is not None
    services = [name for build in plan.builds if build.id in better.tasks for name in build.services]
    return Rebuild(
        place=f"{diagnostic.span.source.path}:{diagnostic.span.first.line}",
        code=diagnostic.code,
        what=diagnostic.message,
        safety=diagnostic.fix.safety.value,
        tasks=better.tasks,
        services=tuple(dict.fromkeys(services)),
        saved_s=worth.saved_s,
        profiles=better.planned,
        estimates=better.estimates,
    )


def _cases(checked: Checked, plan: Plan) -> dict[str, Case]:
    """The Dockerfiles of the builds as `lint` judges them; what cannot be read is told elsewhere."""
    from compiler.diagnostics.model import Findings
    from stagecast.linting.inputs import of_environment

    return {case.task: case for case in of_environment(checked, plan, Findings())}


def _remarks(plan: Plan, found: Mapping[str, Sequence[Finding]]) -> Iterator[str]:
    """What is not ranked, and why."""
    said = [finding for findings in found.values() for finding in findings]
    # Builds that share a Dockerfile have the same findings.
    untimed = len({finding.diagnostic.sort_key() for finding in said if finding.worth is None})
    if untimed:
        more = " more" if any(finding.worth is not None for finding in said) else ""
        verb = "s are" if untimed > 1 else " is"
        yield f"{untimed}{more} finding{verb} not about time: see stagecast lint."
    estimated = {estimate.task for estimate in plan.estimates} & set(found)
    if count := sum(bool(found[task]) for task in estimated):
        yield (
            f"{count} of these builds {'have estimates' if count > 1 else 'has an estimate'}: a better "
            "Dockerfile takes of it the part that it takes of its steps' usual time."
        )
    if ignored := sum(build.source.is_local and build.id not in found for build in plan.builds):
        yield (
            f"{ignored} local build{'s take' if ignored > 1 else ' takes'} what the scenario or the default "
            "says: what a better Dockerfile saves there is not forecast."
        )
