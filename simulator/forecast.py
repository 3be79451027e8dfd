"""What a forecast says, as plain values.

Owns the types between the simulation and its reports. All times are seconds,
all shares are between 0 and 1. `simulator.summary` fills them in,
`simulator.report` shows them. Knows neither.
"""

from __future__ import annotations

from dataclasses import dataclass

from compiler.plan.model import ServiceType, Strategy, TaskKind
from simulator.durations import Term
from simulator.quantiles import Quantile

FORECAST_VERSION = "stagecast/forecast/v1"


@dataclass(frozen=True, slots=True)
class Makespan:
    """How long the whole pipeline takes. `standard_error_s` is the mean's; None for a single run."""

    p50: Quantile
    p90: Quantile
    p99: Quantile
    mean_s: float
    standard_error_s: float | None
    shortest_s: float
    longest_s: float


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
    def assumed(self) -> bool:
        """Whether nobody said how long it takes."""
        return any(term.law.source == "assumed" for term in self.terms)

    @property
    def spread_assumed(self) -> bool:
        """Whether its median was given, but not its spread."""
        return not self.assumed and any(term.law.spread_source == "assumed" for term in self.terms)


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

    `mean` is the share of capacity times makespan that was used, over all
    runs; `peak` the largest amount in use at once in the median run.
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
    """One task of one run: when it could start, when it did, when it was done."""

    task: str
    kind: TaskKind
    services: tuple[str, ...]
    stage: str | None
    arrival_s: float
    start_s: float
    finish_s: float
    critical: bool


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
    """One replication in full, gates left out."""

    replication: int
    makespan_s: float
    steps: tuple[Step, ...]
    loads: tuple[Load, ...] = ()


@dataclass(frozen=True, slots=True)
class Swing:
    """How much the makespan goes with one task's duration: a bar of a tornado.

    The median makespan of the runs in which the task was among its shortest
    tenth, and of those in which it was among its longest. What the durations of
    a run have in common is taken out first, or every task would look important.
    """

    task: str
    low_s: float
    high_s: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """The result of simulating a plan.

    `makespans_s` has the makespan of every run that succeeded, in the order of the replications;
    quantiles, spans and shares are about these. `runs` are all, `failed` is the share
    of those that failed. `timed_out` is the share of runs in which any task hit
    its timeout (it is then a failed attempt).

    What is told of single tasks and services rests on the first
    `detailed_runs` runs, so that memory and time stay bounded. `engine` is the
    engine that ran and `engine_reason` why, fit for a sentence. `profile` names the target whose ways
    were simulated, None for the plan itself. `interrupted` says that fewer runs were made than asked for.
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
    failures: tuple[tuple[str, float], ...] = ()
    detailed_runs: int = 0
    engine_reason: str = ""
    scenario: str = "base"
    profile: str | None = None
    interrupted: bool = False
