"""What a forecast says, as plain values.

Owns the types between the simulation and its reports. All times are seconds,
all shares are between 0 and 1. `simulator.forecasting.summary` fills them in,
`simulator.report` shows them. Knows neither.
"""

from __future__ import annotations

from dataclasses import dataclass

from compiler.plan.model import BuildProfile, ServiceType, Strategy, TaskKind
from simulator.engines.trace import Outcome
from simulator.modelling.durations import Term
from simulator.statistics.quantiles import Quantile

FORECAST_VERSION = "stagecast/forecast/v1"


@dataclass(frozen=True, slots=True)
class Makespan:
    """How long the whole pipeline takes. `standard_error_s` is the mean's; None below two runs."""

    p50: Quantile
    p90: Quantile
    p99: Quantile
    mean_s: float
    standard_error_s: float | None
    shortest_s: float
    longest_s: float

    def within(self, precision: float) -> bool:
        """Whether the intervals of P50, P90 and P99 end within `precision` times the value on both sides."""
        return all(quantile.within(precision) for quantile in (self.p50, self.p90, self.p99))


@dataclass(frozen=True, slots=True)
class Span:
    """A phase of a stage, from the moment its first task could start to its last finish.

    `phase` is "check", "build" or "deploy" (mirrors and deployments). `stage`
    is None for the pre-check and for builds that all stages share. `begin_s`
    and `end_s` are medians over the runs.
    """

    phase: str
    stage: str | None
    tasks: int
    begin_s: float
    end_s: float
    p50_s: float
    p90_s: float


@dataclass(frozen=True, slots=True)
class TaskForecast:
    """One task. `critical` is the share of runs in which it is on the critical path.

    `share` is its part of the time of all runs' critical paths, `wait_p50_s`
    how long it waited for a slot or the pool, `timed_out` the share of runs in
    which its timeout cut it off. `terms` are what its duration is made of.
    """

    id: str
    kind: TaskKind
    services: tuple[str, ...]
    stage: str | None
    critical: float
    share: float
    duration_p50_s: float
    duration_p90_s: float
    wait_p50_s: float
    timed_out: float
    terms: tuple[Term, ...]

    @property
    def profile(self) -> BuildProfile | None:
        """The Dockerfile's steps that its duration is from; None where it is from something else."""
        return next((term.profile for term in self.terms if term.profile is not None), None)

    @property
    def assumed(self) -> bool:
        """Whether nobody said how long it takes, nor does a Dockerfile."""
        return self.profile is None and any(term.law.source == "assumed" for term in self.terms)

    @property
    def assumed_share(self) -> float:
        """What of `share` is spent in terms that nobody gave, by their medians."""
        return self.unconfirmed_share if self.assumed else 0.0

    @property
    def unconfirmed_share(self) -> float:
        """What of `share` rests on defaults, of kinds of tasks or of kinds of commands, by medians."""
        whole_s = sum(term.law.median_s for term in self.terms)
        if whole_s == 0:
            return self.share if any(term.unconfirmed for term in self.terms) else 0.0
        unconfirmed_s = sum(term.law.median_s * term.unconfirmed for term in self.terms)
        return self.share * unconfirmed_s / whole_s

    @property
    def spread_assumed(self) -> bool:
        """Whether its median was given, but not its spread."""
        given = self.profile is None and not self.assumed
        return given and any(term.law.spread_source == "assumed" for term in self.terms)


@dataclass(frozen=True, slots=True)
class ServiceForecast:
    """One service: its build, mirror and deployment together.

    `critical` is the share of runs in which one of its tasks is on the
    critical path. `share` is its part of the time of all runs' critical paths;
    a shared task counts in equal parts for each of its services. Times are
    medians, None where it has no such task; `ready` is when its last task is done.
    """

    name: str
    type: ServiceType
    stage: str
    critical: float
    share: float
    wait_s: float
    build_s: float | None
    mirror_s: float | None
    deploy_s: float | None
    ready_p50_s: float
    ready_p90_s: float


@dataclass(frozen=True, slots=True)
class TermShare:
    """A term's part of the time of all runs' critical paths."""

    term: str
    share: float


@dataclass(frozen=True, slots=True)
class Use:
    """Use of one resource of a queue.

    `mean` is the share of capacity times makespan that was used, over the
    detailed runs; `peak` the largest amount in use at once in the median run.
    """

    queue: str
    resource: str
    capacity: int
    mean: float
    peak: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """What no scheduling could beat, medians over the runs.

    `area_s` is the work of the busiest resource over its capacity,
    `critical_path_s` the longest chain of needs with endless capacity,
    `lower_s` the larger of the two in each run. `gap` is the median of
    makespan / lower bound - 1.
    """

    area_s: float
    critical_path_s: float
    lower_s: float
    gap: float


@dataclass(frozen=True, slots=True)
class Step:
    """One task of one run: when it could start, when it did, when it was done, and how it ended.

    `outcome` is DONE, FAILED, or CANCELLED for one that another's failure ended; never NEVER.
    """

    task: str
    kind: TaskKind
    services: tuple[str, ...]
    stage: str | None
    arrival_s: float
    start_s: float
    finish_s: float
    critical: bool
    outcome: Outcome = Outcome.DONE


@dataclass(frozen=True, slots=True)
class Load:
    """Use of one resource of a queue over one run: `amounts[i]` from `times_s[i]` to the next time.

    `times_s` rises strictly and begins at 0; the last amount is 0.
    """

    queue: str
    resource: str
    capacity: int
    times_s: tuple[float, ...]
    amounts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RunTrace:
    """One replication in full, gates and what never started left out."""

    replication: int
    makespan_s: float
    steps: tuple[Step, ...]
    loads: tuple[Load, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether a task of it failed: then `makespan_s` is the time until all stood still."""
        return any(step.outcome is Outcome.FAILED for step in self.steps)


@dataclass(frozen=True, slots=True)
class Swing:
    """How much the makespan goes with one task's duration: a bar of a tornado.

    The median makespan of the runs in which the task was among its shortest
    tenth, and of those in which it was among its longest. What the durations of
    a run have in common is taken out of both first, or every task would look
    important: these are makespans of a run that is as fast as usual.
    """

    task: str
    low_s: float
    high_s: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """The result of simulating a plan.

    `makespans_s` has the makespan of every run that succeeded, in the order of
    the replications; quantiles, spans and shares are about these. `runs` are
    all, `failed` is the share of those that failed, `failed_runs` are their
    replications and `failures` has per task the share of runs in which it was
    the first to fail, largest first. `timed_out` is the share of runs in which
    any task hit its timeout (it is then a failed attempt).

    When no run succeeds there is nothing to tell of them: all figures are 0, intervals and
    spans are missing, and the `median_run` is a failed one, with `p90_run` None.

    What is told of single tasks and services, bounds and uses rests on the first
    `detailed_runs` runs, so that memory and time stay bounded; `median_run` and
    `p90_run` are those of them that are nearest to P50 and P90. `engine` is the
    engine that ran and `engine_reason` why, a clause. `profile` names the target
    whose ways were simulated, None for the plan itself. `interrupted` says that
    fewer runs were made than asked for. `precision` is what was asked for: half
    the width of the intervals over the value.
    """

    environment: str
    digest: str
    strategy: Strategy
    engine: str
    runs: int
    seed: int
    correlation: float
    makespan: Makespan
    makespans_s: tuple[float, ...]
    spans: tuple[Span, ...]
    services: tuple[ServiceForecast, ...]
    tasks: tuple[TaskForecast, ...]
    terms: tuple[TermShare, ...]
    uses: tuple[Use, ...]
    bounds: Bounds
    median_run: RunTrace
    timed_out: float
    p90_run: RunTrace | None = None
    swings: tuple[Swing, ...] = ()
    failed: float = 0.0
    failed_runs: tuple[int, ...] = ()
    failures: tuple[tuple[str, float], ...] = ()
    detailed_runs: int = 0
    engine_reason: str = ""
    scenario: str = "base"
    profile: str | None = None
    interrupted: bool = False
    precision: float | None = None

    @property
    def succeeded(self) -> int:
        """How many runs succeeded."""
        return len(self.makespans_s)

    @property
    def imprecise(self) -> bool:
        """Whether a precision was asked for and not reached."""
        return self.precision is not None and not self.makespan.within(self.precision)
