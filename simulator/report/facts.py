"""What a forecast says beside its figures, in sentences: shared by the reports for people.

Takes a `Forecast`, gives labelled sentences of plain, printable text. Knows no
width and no markup.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from compiler.plan.model import BuildProfile, TaskKind
from compiler.values.elapsed import duration
from simulator.engines.trace import Outcome
from simulator.figures import clipped, percent, printable, some
from simulator.forecasting.forecast import Forecast, Span, TaskForecast, Use
from simulator.modelling.steps import unmeasured

if TYPE_CHECKING:
    from simulator.forecasting.gate import Comparison

_PHASE_NAMES = {"check": "pre-check", "build": "builds", "deploy": "deploy"}
_LONGEST_NAME = 30
_SHORT = 20
_RESOURCES = {"cpu_milli": "CPU", "memory_bytes": "memory"}
_QUEUES = {"build": "builds", "deploy": "deployments"}


def lines(forecast: Forecast) -> Iterator[tuple[str, str]]:
    """Label and text, what stops a pipeline first, assumptions and how it was made last."""
    if forecast.failed:
        yield "Failures", failures(forecast)
        said = stopped(forecast, _name)
        if said:
            yield "Stopped", said
    if forecast.timed_out:
        yield "Timeouts", timeouts(forecast)
    terms = [f"{each.term} {percent(each.share)}" for each in forecast.terms if each.share > 0]
    if terms:
        yield "Spent on", f"{some(terms, 3)} of the critical path"
    if forecast.uses:
        yield "Used", uses(forecast)
    if forecast.bounds.lower_s > 0:
        yield "Lower bound", bound(forecast)
    said = dockerfiles(forecast)
    if said:
        yield "Dockerfiles", said
    yield "Assumed", assumed(forecast)
    yield "Engine", engine(forecast)


def compared(comparison: Comparison | None) -> Iterator[tuple[str, str]]:
    """The changes since a baseline."""
    if comparison is None:
        return
    from simulator.forecasting.gate import describe, how

    changes = "; ".join(f"{change.quantile} {describe(change)}" for change in comparison.changes)
    name = clipped(comparison.baseline, _LONGEST_NAME)
    yield "Baseline", f"{name}: {changes + '; ' if changes else ''}{how(comparison)}."


def failures(forecast: Forecast) -> str:
    """The share that fails, and what fails first."""
    first = [f"{_name(task)} {percent(share)}" for task, share in forecast.failures]
    text = f"{percent(forecast.failed)} of the runs fail; first fails {some(first, 3)}."
    return text + (" All times are of the runs that succeed." if forecast.succeeded else "")


def stopped(forecast: Forecast, name: Callable[[str], str]) -> str:
    """What the failed run that is shown came to: what failed, what that ended, what never started.

    `name` writes a task's id. Empty where the run that is shown did not fail.
    """
    run = forecast.median_run
    if not run.failed:
        return ""
    failed = [name(step.task) for step in run.steps if step.outcome is Outcome.FAILED]
    ended = [name(step.task) for step in run.steps if step.outcome is Outcome.CANCELLED]
    begun = {step.task for step in run.steps}
    never = [name(task.id) for task in forecast.tasks if task.id not in begun]
    text = f"in run {run.replication} {some(failed, 3)} failed"
    text += f", which ended {some(ended, 3)}" if ended else ""
    if not never:
        return f"{text}."
    tasks = f"{len(never)} of {len(forecast.tasks)} tasks"
    return f"{text}; {tasks} never started: {some(never, 3)}."


def timeouts(forecast: Forecast) -> str:
    """How often a timeout ended something, and what."""
    cut = sorted((task for task in forecast.tasks if task.timed_out), key=lambda task: -task.timed_out)
    names = [f"{_name(task.id)} {percent(task.timed_out)}" for task in cut]
    said = f": {some(names, 3)}" if names else ""
    return f"hit in {percent(forecast.timed_out)} of the runs{said}"


def uses(forecast: Forecast) -> str:
    """Slots of each queue, and its other resources in brackets."""
    queues: dict[str, list[Use]] = {}
    for use in forecast.uses:
        queues.setdefault(use.queue, []).append(use)
    parts: list[str] = []
    for queue, resources in queues.items():
        name = _QUEUES.get(queue, clipped(queue, _LONGEST_NAME))
        slots = [f"{percent(use.mean)} of {use.capacity}" for use in resources if use.resource == "slots"]
        others = [
            f"{_RESOURCES.get(use.resource, use.resource)} {percent(use.mean)}"
            for use in resources
            if use.resource != "slots"
        ]
        more = f" ({', '.join(others)})" if others else ""
        parts.append(f"{name} {slots[0]}{' slots' * (not parts)}{more}" if slots else f"{name}{more}")
    return ", ".join(parts)


def bound(forecast: Forecast) -> str:
    """What no order of the tasks could beat, and the price of queueing and barriers."""
    bounds = forecast.bounds
    chain = bounds.critical_path_s >= bounds.area_s
    reason = "the longest chain of needs" if chain else "the work over the capacity"
    return f"{duration(bounds.lower_s)} by {reason}; the runs take {percent(bounds.gap)} more"


def assumed(forecast: Forecast) -> str:
    """Plainly what nobody said, how much hangs on it, and what is worth saying first."""
    factor = f"correlation {forecast.correlation:g} within a run"
    tasks = [task for task in forecast.tasks if task.assumed]
    spreads = sum(task.spread_assumed for task in forecast.tasks)
    also = f"the spread of {spreads} estimate{'s' * (spreads != 1)}, {factor}" if spreads else factor
    if not tasks:
        given = "every other duration" if _by_dockerfile(forecast) else "every duration"
        return f"{also}; {given} is given." if forecast.tasks else f"{also}."
    share = percent(sum(task.assumed_share for task in tasks))
    text = (
        f"{len(tasks)} of {len(forecast.tasks)} durations ({share} of the critical path), {also}. "
        "The intervals do not cover that."
    )
    worth = worth_estimating(forecast)[:3]
    named = [f"{clipped(task.services[0], _SHORT)} ({task.kind.value})" for task in worth]
    return f"{text} Estimate first: {', '.join(named)}." if named else text


def dockerfiles(forecast: Forecast) -> str:
    """Which builds take what their Dockerfiles say, and what is known of that; empty for none."""
    found = _by_dockerfile(forecast)
    if not found:
        return ""
    share = sum(task.share for task, _ in found)
    named = [f"{clipped(task.id.partition(':')[2], _SHORT)} ({basis(profile)})" for task, profile in found]
    timed = [1 - unmeasured(profile) for _, profile in found]
    if not any(timed):
        how = "no step was timed, which --build-log would do"
    elif all(each == 1 for each in timed):
        how = "their steps were timed"
    else:
        worth = sum(task.share * part for (task, _), part in zip(found, timed, strict=True)) / (share or 1.0)
        how = f"{percent(worth)} of that was timed"
    return f"{some(named, 3)}; {percent(share)} of the critical path, {how}."


def basis(profile: BuildProfile) -> str:
    """What the shares of a profile's steps are from: `213 builds of history`."""
    if not profile.builds:
        return "no rebuilds known"
    return f"{profile.builds:,} build{'s' * (profile.builds != 1)} of history"


def _by_dockerfile(forecast: Forecast) -> list[tuple[TaskForecast, BuildProfile]]:
    """The most critical first."""
    found = [(task, task.profile) for task in forecast.tasks if task.profile is not None]
    return sorted(found, key=lambda each: -each[0].share)


def worth_estimating(forecast: Forecast) -> list[TaskForecast]:
    """Tasks that the spec could give an estimate of and does not, the most critical first."""
    tasks = [task for task in forecast.tasks if task.assumed and estimable(task)]
    return sorted(tasks, key=lambda task: -task.assumed_share)


def estimable(task: TaskForecast) -> bool:
    """Whether `estimates` of a service can say how long it takes."""
    return task.kind in (TaskKind.BUILD, TaskKind.DEPLOY) and bool(task.services)


def engine(forecast: Forecast) -> str:
    """Which engine ran and why, and what the figures rest on where that is not all runs."""
    text = f"{forecast.engine}" + (f": {forecast.engine_reason}" if forecast.engine_reason else "")
    if forecast.detailed_runs < forecast.runs:
        text += f"; tasks, services and bounds are of the first {forecast.detailed_runs:,} runs"
    if forecast.interrupted:
        text += "; interrupted: fewer runs than asked for"
    elif forecast.imprecise:
        text += f"; the intervals are wider than the {_precision(forecast)} asked for"
    elif forecast.precision is not None:
        text += f"; the intervals are within {_precision(forecast)}"
    return text + "."


def _precision(forecast: Forecast) -> str:
    return f"{(forecast.precision or 0) * 100:g}%"


def _name(text: str) -> str:
    return clipped(text, _LONGEST_NAME)


def phase_name(span: Span) -> str:
    """`pre-check`, `builds`, `deploy database`."""
    name = _PHASE_NAMES[span.phase]
    return name if span.stage is None else f"{name} {printable(span.stage)}"
