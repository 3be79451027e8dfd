"""The forecast as a gate: is it within a limit, and is it slower than another one?

Takes a `Forecast` and what it is held to, gives verdicts in words. Knows no
Git, no file and no exit code.

Rules: a limit and a regression are judged by the estimates themselves, which
are the same for the same seed; the intervals say how sure that is. A gate
rests on durations that somebody gave: where more than `MOST_ASSUMED` of the
critical path are defaults, it refuses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from compiler.values.elapsed import duration
from simulator.engines.trace import Floats
from simulator.figures import difference, interval, percent, some
from simulator.forecasting.forecast import Forecast, TaskForecast
from simulator.statistics.compare import both_succeed, quantile_difference
from simulator.statistics.quantiles import Quantile, order_statistic

# Of the time of the critical paths, how much may be spent in tasks whose durations are defaults.
MOST_ASSUMED = 0.1
# A task of less is not named: estimating it would change next to nothing.
_WORTH_NAMING = 0.01


@dataclass(frozen=True, slots=True)
class Baseline:
    """An earlier forecast, or one of an earlier revision; `name` is what people call it.

    `makespans_s` is by replication, None where it failed; empty where it is not known.
    """

    name: str
    seed: int
    correlation: float
    p50: Quantile
    p90: Quantile
    makespans_s: tuple[float | None, ...] = ()
    scenario: str = "base"
    profile: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """Of one quantile, from the baseline to now, in seconds; an end is None where it is not known."""

    quantile: str
    before_s: float
    after_s: float
    low_s: float | None
    high_s: float | None

    @property
    def value_s(self) -> float:
        """How much longer it takes now."""
        return self.after_s - self.before_s

    @property
    def relative(self) -> float:
        """The same over the baseline; infinite where that takes no time."""
        if self.before_s > 0:
            return self.value_s / self.before_s
        return 0.0 if self.value_s == 0 else math.inf


@dataclass(frozen=True, slots=True)
class Comparison:
    """With a baseline. `pairs` is how many replications were paired, 0 for none; `note` says why."""

    baseline: str
    changes: tuple[Change, ...]
    pairs: int
    note: str = ""


Outcome: TypeAlias = Literal["passed", "failed", "refused"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a condition of the gate holds, or why that cannot be said; a sentence without full stop."""

    outcome: Outcome
    sentence: str


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a forecast is held to. `max_regression` is a share of the baseline; it needs a comparison."""

    max_p90_s: float | None = None
    max_regression: float | None = None
    allow_assumed: bool = False

    @property
    def any(self) -> bool:
        """Whether anything can fail."""
        return self.max_p90_s is not None or self.max_regression is not None


def judge(
    forecast: Forecast, conditions: Conditions, comparison: Comparison | None = None
) -> tuple[Verdict, ...]:
    """A verdict on each condition, or the one refusal to judge; none without conditions."""
    if not conditions.any:
        return ()
    refused = None if conditions.allow_assumed else refusal(forecast)
    if refused is not None:
        return (Verdict("refused", refused),)
    found = [] if conditions.max_p90_s is None else [limit(forecast, conditions.max_p90_s)]
    if conditions.max_regression is not None and comparison is not None:
        found.append(regression(comparison, conditions.max_regression))
    return tuple(found)


def compare(forecast: Forecast, baseline: Baseline) -> Comparison:
    """P50 and P90 against those of a baseline.

    Forecasts with the same seed and correlation have common draws: replication
    k is the same day in both, so that runs are compared in pairs, those that succeed
    in both, and the interval is that of `compare.quantile_difference`. Otherwise
    the two intervals are put together in quadrature, as of independent estimates.
    """
    if not forecast.succeeded:
        return Comparison(baseline.name, (), 0, "no run succeeds")
    reason = _unpaired(forecast, baseline)
    if reason:
        changes = tuple(
            _independent(name, before, after)
            for name, before, after in (
                ("P50", baseline.p50, forecast.makespan.p50),
                ("P90", baseline.p90, forecast.makespan.p90),
            )
        )
        return Comparison(baseline.name, changes, 0, reason)
    before_s, after_s = _pairs(forecast, baseline)
    if not len(before_s):
        return Comparison(baseline.name, (), 0, "no run succeeds in both")
    changes = tuple(_paired(name, before_s, after_s, share) for name, share in (("P50", 0.5), ("P90", 0.9)))
    return Comparison(baseline.name, changes, len(before_s), _other_world(forecast, baseline))


def regression(comparison: Comparison, most: float) -> Verdict:
    """Whether neither P50 nor P90 takes more than `most` (a share) longer than in the baseline."""
    if not comparison.changes:
        return Verdict("failed", f"no comparison with {comparison.baseline}: {comparison.note}")
    worst = max(comparison.changes, key=lambda change: change.relative)
    passed = worst.relative <= most
    said = f"{worst.quantile} takes {describe(worst)} against {comparison.baseline}"
    allowed = f"{_percent(most)} more {'is' if passed else 'is all that is'} allowed"
    sure = "" if _sure(worst, most) else "; more --runs would make this surer"
    return Verdict(_outcome(passed), f"{said}; {allowed}{sure}")


def limit(forecast: Forecast, most_s: float) -> Verdict:
    """Whether P90 is at most `most_s`."""
    if not forecast.succeeded:
        return Verdict("failed", "no run succeeds, so there is no P90")
    p90 = forecast.makespan.p90
    passed = p90.value_s <= most_s
    how = "is within" if passed else "is over"
    sentence = f"P90 {duration(p90.value_s)} ({interval(p90)}) {how} the limit of {duration(most_s)}"
    low_s, high_s = p90.low_s, p90.high_s
    sure = (high_s is not None and high_s <= most_s) if passed else (low_s is not None and low_s > most_s)
    return Verdict(_outcome(passed), sentence if sure else f"{sentence}; more --runs would make this surer")


def _outcome(passed: bool) -> Outcome:
    return "passed" if passed else "failed"


def refusal(forecast: Forecast) -> str | None:
    """Why a gate cannot be held to this forecast: what is assumed, and the way out; None where it can."""
    assumed = sorted(
        (task for task in forecast.tasks if task.unconfirmed_share), key=lambda task: -task.unconfirmed_share
    )
    share = sum(task.unconfirmed_share for task in assumed)
    if share <= MOST_ASSUMED:
        return None
    told = [task for task in assumed if task.unconfirmed_share >= _WORTH_NAMING] or assumed[:1]
    # What commands of a Dockerfile usually take is an assumption as well: the file says which, not how long.
    measure = " measure builds (--build-log)," if any(task.profile is not None for task in told) else ""
    return (
        f"the gate would rest on assumed durations: {percent(share)} of the critical path, where at most "
        f"{percent(MOST_ASSUMED)} may be: {some(list(map(_named, told)), 5)}. Give estimates of these in the "
        f"spec or the scenario,{measure} or accept the assumptions with --allow-assumed"
    )


def describe(change: Change) -> str:
    """`12m 30s instead of 12m 00s, +30s (+25s to +36s), +4.2%`."""
    ends = (change.low_s, change.high_s)
    between = " to ".join("?" if end is None else difference(end) for end in ends)
    relative = "" if math.isinf(change.relative) else f", {change.relative * 100:+.1f}%"
    return (
        f"{duration(change.after_s)} instead of {duration(change.before_s)}, "
        f"{difference(change.value_s)} ({between}){relative}"
    )


def how(comparison: Comparison) -> str:
    """What the comparison rests on: a clause."""
    if comparison.pairs:
        said = f"paired on {comparison.pairs:,} common runs"
        return f"{said}; {comparison.note}" if comparison.note else said
    return f"not paired: {comparison.note}"


def _unpaired(forecast: Forecast, baseline: Baseline) -> str:
    """Why replications of the two do not belong together; empty where they do."""
    if not baseline.makespans_s:
        return "the baseline has no single runs"
    if baseline.seed != forecast.seed:
        return f"the baseline has seed {baseline.seed}, not {forecast.seed}"
    if baseline.correlation != forecast.correlation:
        return f"the baseline has correlation {baseline.correlation:g}, not {forecast.correlation:g}"
    return ""


def _other_world(forecast: Forecast, baseline: Baseline) -> str:
    """That more than the plan differs, where it does."""
    if baseline.profile != forecast.profile:
        return "they are of different targets"
    return "" if baseline.scenario == forecast.scenario else "they are of different scenarios"


def _pairs(forecast: Forecast, baseline: Baseline) -> tuple[Floats, Floats]:
    """Makespans before and after of the replications that both have and that succeed in both."""
    now = np.full(forecast.runs, np.nan)
    succeeded = np.ones(forecast.runs, dtype=np.bool_)
    succeeded[list(forecast.failed_runs)] = False
    now[succeeded] = forecast.makespans_s
    then = np.array([np.nan if each is None else each for each in baseline.makespans_s])
    count = min(len(now), len(then))
    now, then = now[:count], then[:count]
    both = both_succeed(np.isnan(then), np.isnan(now))
    return then[both], now[both]


def _paired(name: str, before_s: Floats, after_s: Floats, probability: float) -> Change:
    found = quantile_difference(before_s, after_s, probability)
    before, after = (float(order_statistic(each, probability)) for each in (before_s, after_s))
    # Order statistics are what is shown, the interval is that of a smoother estimate: it is to hold both.
    low_s, high_s = (
        None if end is None else choose(end, after - before)
        for choose, end in ((min, found.low_s), (max, found.high_s))
    )
    return Change(name, before, after, low_s, high_s)


def _independent(name: str, before: Quantile, after: Quantile) -> Change:
    value_s = after.value_s - before.value_s
    ends = (before.low_s, before.high_s, after.low_s, after.high_s)
    if any(end is None for end in ends):
        return Change(name, before.value_s, after.value_s, None, None)
    low = math.hypot(after.value_s - (after.low_s or 0.0), (before.high_s or 0.0) - before.value_s)
    high = math.hypot((after.high_s or 0.0) - after.value_s, before.value_s - (before.low_s or 0.0))
    return Change(name, before.value_s, after.value_s, value_s - low, value_s + high)


def _sure(change: Change, most: float) -> bool:
    """Whether the whole interval lies on the side of the estimate."""
    if change.low_s is None or change.high_s is None:
        return False
    allowed_s = most * change.before_s
    return change.high_s <= allowed_s if change.value_s <= allowed_s else change.low_s > allowed_s


def _named(task: TaskForecast) -> str:
    terms = {term.name for term in task.terms if term.unconfirmed}
    only = "" if len(terms) == len(task.terms) else f" ({', '.join(sorted(terms))})"
    if task.profile is not None:
        only = " (steps of its Dockerfile)"
    return f"{task.id}{only} {percent(task.unconfirmed_share)}"


def _percent(share: float) -> str:
    return f"{share * 100:g}%"
