"""What a build takes by its Dockerfile: the laws of its steps, and one law that stands for all.

Takes a `BuildProfile` (steps, and which of them run how often), gives what is
drawn of it and what is told of it. Draws nothing and knows no Dockerfile.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from compiler.plan.model import BuildOutcome, BuildProfile, BuildStep
from simulator.modelling.laws import LONGEST_S, Z90, Law, Source

_PLACE = re.compile(r"(?:^|(?<=^push of ))line \d{1,9}: ")
# A second would be as good: what is shown is rounded to milliseconds.
_NOTHING_S = 1e-3
_HALVINGS = 40


@dataclass(frozen=True, slots=True)
class Step:
    """A step that is drawn. `about` names its stream: what it does, not where that stands in the file.

    Steps that do the same have the numbers 0, 1 and so on as their second part.
    """

    about: tuple[str, ...]
    needs: tuple[int, ...]
    law: Law


@dataclass(frozen=True, slots=True)
class Steps:
    """A profile as it is drawn: `outcomes` are the cheapest first, their weights come to 1.

    Ordered like that, one uniform number gives the better of two Dockerfiles a cheap
    build where it gives the other a cheap one.
    """

    steps: tuple[Step, ...]
    outcomes: tuple[BuildOutcome, ...]


@lru_cache(maxsize=4096)
def steps_of(profile: BuildProfile) -> Steps:
    """What is drawn of a profile.

    Raises:
        ValueError: it makes no sense; the message is fit for a user.
    """
    _check(profile)
    seen: dict[str, int] = {}
    steps = []
    for each in profile.steps:
        what = about(each.name)
        seen[what] = seen.get(what, -1) + 1
        steps.append(Step((what, str(seen[what])), each.needs, step_law(each)))
    weights: dict[tuple[int, ...], float] = {}
    for outcome in profile.outcomes:
        runs = tuple(sorted(set(outcome.runs)))
        weights[runs] = weights.get(runs, 0.0) + outcome.weight
    total = sum(weights.values())
    medians = [each.law.median_s for each in steps]
    cheapest = sorted(weights, key=lambda runs: (_longest_s(steps, medians, runs), runs))
    return Steps(tuple(steps), tuple(BuildOutcome(runs, weights[runs] / total) for runs in cheapest))


def about(name: str) -> str:
    """What a step does, without the line where that stands: the name of its stream."""
    return _PLACE.sub("", name, count=1)


def step_law(step: BuildStep) -> Law:
    """A step's law.

    Raises:
        ValueError: there is no lognormal with this median and P90.
    """
    source: Source = "measured" if step.measured else "dockerfile"
    if step.median_s == 0 or step.p90_s == step.median_s:
        return Law(step.median_s, 0.0, source, source)
    if not LONGEST_S >= step.p90_s >= step.median_s > 0:
        raise ValueError(f"the step {step.name} needs a median and a P90 that is not below it")
    return Law(step.median_s, math.log(step.p90_s / step.median_s) / Z90, source, source)


@lru_cache(maxsize=4096)
def law_of(profile: BuildProfile, correlation: float) -> Law:
    """The lognormal with about the median and the P90 of the whole build; for people, and to put in order.

    The chain that is longest by medians stands for each outcome; the sum of its steps is taken for
    lognormal (Fenton, "The sum of log-normal probability distributions in scatter transmission
    systems", IRE Transactions on Communications Systems 8, 1960), with what the steps of a run have
    in common; the outcomes are a mixture.

    Raises:
        ValueError: see `steps_of`.
    """
    made = steps_of(profile)
    parts: dict[tuple[float, float], float] = {}
    for outcome in made.outcomes:
        part = _sum_of(made.steps, outcome.runs, correlation)
        parts[part] = parts.get(part, 0.0) + outcome.weight
    p50, p90 = (max(_quantile(parts, share), _NOTHING_S) for share in (0.5, 0.9))
    source: Source = "measured" if unmeasured(profile) == 0 else "dockerfile"
    return Law(p50, max(0.0, math.log(p90 / p50)) / Z90, source, source)


@lru_cache(maxsize=4096)
def unmeasured(profile: BuildProfile) -> float:
    """The share of a build's expected work, by its steps' medians, that no real build was timed for."""
    shares = running(profile)
    work = [step.median_s * share for step, share in zip(profile.steps, shares, strict=True)]
    total = sum(work)
    known = sum(each for step, each in zip(profile.steps, work, strict=True) if step.measured)
    return 0.0 if total == 0 else max(0.0, 1 - known / total)


def usual_s(profile: BuildProfile) -> float:
    """About the mean of a build in seconds: the longest path by medians, over the outcomes."""
    made = steps_of(profile)
    medians = [step.law.median_s for step in made.steps]
    return sum(outcome.weight * _longest_s(made.steps, medians, outcome.runs) for outcome in made.outcomes)


def running(profile: BuildProfile) -> list[float]:
    """In which share of the builds each step runs."""
    total = sum(outcome.weight for outcome in profile.outcomes)
    shares = [0.0] * len(profile.steps)
    for outcome in profile.outcomes:
        for step in set(outcome.runs):
            shares[step] += outcome.weight / total
    return [min(share, 1.0) for share in shares]


def _check(profile: BuildProfile) -> None:
    """Refuse what cannot be drawn."""
    for number, step in enumerate(profile.steps):
        if not all(0 <= need < number for need in step.needs):
            raise ValueError(f"the step {step.name} of {profile.task} needs one that does not come before it")
    if not profile.outcomes:
        raise ValueError(f"nothing is known of how often the steps of {profile.task} run")
    for outcome in profile.outcomes:
        if not 0 < outcome.weight < math.inf:
            raise ValueError(
                f"how often something happens in {profile.task} is positive, not {outcome.weight}"
            )
        if not all(0 <= step < len(profile.steps) for step in outcome.runs):
            raise ValueError(f"a step runs that {profile.task} does not have")


def _ends(steps: Sequence[Step], medians: list[float], runs: tuple[int, ...]) -> Iterator[float]:
    """When each step ends if it takes its median."""
    running_ones = set(runs)
    ends: list[float] = []
    for number, step in enumerate(steps):
        begin = max((ends[need] for need in step.needs), default=0.0)
        ends.append(begin + (medians[number] if number in running_ones else 0.0))
        yield ends[-1]


def _longest_s(steps: Sequence[Step], medians: list[float], runs: tuple[int, ...]) -> float:
    return max(_ends(steps, medians, runs), default=0.0)


def _sum_of(steps: tuple[Step, ...], runs: tuple[int, ...], correlation: float) -> tuple[float, float]:
    """Median and sigma of the chain that is longest by medians; (0, 0) where nothing runs."""
    ends = list(_ends(steps, [step.law.median_s for step in steps], runs))
    at = max(range(len(ends)), key=ends.__getitem__, default=-1)
    chain, ran = [], set(runs)
    while at >= 0:
        if at in ran:
            chain.append(steps[at].law)
        at = max(steps[at].needs, key=ends.__getitem__, default=-1)
    means = [law.median_s * math.exp(min(law.sigma**2 / 2, 100.0)) for law in chain]
    spreads = [
        mean * math.sqrt(math.expm1(min(law.sigma**2, 100.0))) for mean, law in zip(means, chain, strict=True)
    ]
    mean = sum(means)
    if mean == 0:
        return 0.0, 0.0
    variance = (1 - correlation) * sum(each**2 for each in spreads) + correlation * sum(spreads) ** 2
    sigma = math.sqrt(math.log1p(variance / mean**2))
    return mean * math.exp(-(sigma**2) / 2), sigma


def _quantile(parts: dict[tuple[float, float], float], share: float) -> float:
    """A quantile of a mixture of lognormals by median and sigma; weights come to 1."""
    nothing = sum(weight for (median, _), weight in parts.items() if median == 0)
    if nothing >= share:
        return 0.0
    some = [(math.log(median), sigma, weight) for (median, sigma), weight in parts.items() if median > 0]
    low = min(mu - 9 * sigma for mu, sigma, _ in some) - 1e-9
    high = max(mu + 9 * sigma for mu, sigma, _ in some) + 1e-9
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        below = nothing + sum(weight * _below((middle - mu), sigma) for mu, sigma, weight in some)
        low, high = (middle, high) if below < share else (low, middle)
    return min(math.exp(min(high, 100.0)), LONGEST_S)


def _below(distance: float, sigma: float) -> float:
    """The standard normal's distribution function at `distance` over `sigma`."""
    if sigma == 0:
        return float(distance >= 0)
    return 0.5 * math.erfc(-distance / sigma / math.sqrt(2))
