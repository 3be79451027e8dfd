"""The numbers behind the figures: bins, ranks and curves, and a sentence on each.

Takes a forecast, gives plain values. Knows no markup and no drawing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from compiler.values.elapsed import duration
from simulator.figures import columns_of, percent
from simulator.forecasting.forecast import Forecast, Load, RunTrace, TaskForecast

MOST_RANKED = 15
_MOST_BINS = 48
_RESOURCES = {"slots": "slots", "cpu_milli": "CPU", "memory_bytes": "memory"}
_UNITS = {"slots": ("", 1.0), "cpu_milli": ("CPU", 1000.0), "memory_bytes": ("GB", 1e9)}


@dataclass(frozen=True, slots=True)
class Bin:
    """A bar of a histogram: runs that took from `begin_s` to `end_s` (excluded, but for the last)."""

    begin_s: float
    end_s: float
    runs: int


@dataclass(frozen=True, slots=True)
class Ranked:
    """A bar of a ranking: its name, a share, the figures at its end, all of it as a sentence, its colour.

    `outer` is a second, larger share, drawn pale behind the first.
    """

    label: str
    share: float
    figures: str
    text: str
    color: str = "build"
    outer: float | None = None


@dataclass(frozen=True, slots=True)
class Swung:
    """A bar of the tornado: the makespan when a task is short and when it is long."""

    label: str
    low_s: float
    high_s: float
    text: str
    color: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One resource of one queue over the runs that are shown, in the unit that people read."""

    title: str
    unit: str
    capacity: float
    end_s: float
    loads: tuple[Load, ...]
    scale: float

    def curves(self, buckets: int) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
        """(time, mean amount until the next) of the typical and of the slow run; empty without one."""
        found = [
            [(time_s, amount / self.scale) for time_s, amount in averaged(load, self.end_s, buckets)]
            for load in self.loads
        ]
        return found[0], found[1] if len(found) > 1 else []

    def slices(self, count: int) -> Iterable[tuple[float, float, str]]:
        """The same in fewer pieces, each with a sentence: (begin, end, text)."""
        curves = self.curves(count)
        for piece, (begin_s, amount) in enumerate(curves[0][:-1]):
            end_s = curves[0][piece + 1][0]
            text = f"{duration(begin_s)} to {duration(end_s)}: "
            text += f"{self.amount(amount)} of {self.amount(self.capacity)}"
            if curves[1]:
                text += f" in the typical run, {self.amount(curves[1][piece][1])} in the slow one"
            yield begin_s, end_s, text

    def amount(self, amount: float) -> str:
        """An amount with its unit."""
        text = f"{amount:.3g}" if amount < 1000 else f"{amount:,.0f}"
        return f"{text} {self.unit}".rstrip()


def bins(makespans_s: Sequence[float]) -> tuple[Bin, ...]:
    """A histogram (Freedman and Diaconis' width, at most 48 bars). All the same makes one bar."""
    ordered = sorted(makespans_s)
    low, high, count = ordered[0], ordered[-1], len(ordered)
    if high <= low:
        half = max(low * 0.005, 0.05)
        return (Bin(max(0.0, low - half), low + half, count),)
    spread = ordered[(3 * count) // 4] - ordered[count // 4]
    ideal = 2 * spread / count ** (1 / 3)
    number = min(max(math.ceil((high - low) / ideal) if ideal > 0 else 1, 8), _MOST_BINS)
    width = (high - low) / number
    runs = [0] * number
    for value in ordered:
        runs[min(int((value - low) / width), number - 1)] += 1
    return tuple(Bin(low + width * i, low + width * (i + 1), each) for i, each in enumerate(runs))


def phases(forecast: Forecast) -> tuple[Ranked, ...]:
    """Phases in the order in which they begin; their share is that of the median makespan."""
    whole_s = forecast.makespan.p50.value_s or 1.0
    names = {"check": "pre-check", "build": "builds", "deploy": "deploy"}
    rows = []
    for span in forecast.spans:
        label = names.get(span.phase, span.phase) + (f" {span.stage}" if span.stage is not None else "")
        text = (
            f"{label}: half of the runs within {duration(span.p50_s)}, nine in ten within "
            f"{duration(span.p90_s)}; {span.tasks} tasks"
        )
        color = {"check": "muted", "build": "build"}.get(span.phase, "deploy")
        rows.append(Ranked(label, span.p50_s / whole_s, duration(span.p50_s), text, color))
    return tuple(rows)


def terms(forecast: Forecast) -> tuple[Ranked, ...]:
    """What critical paths consist of."""
    return tuple(
        Ranked(
            each.term,
            each.share,
            percent(each.share),
            f"{each.term}: {percent(each.share)} of the time of all runs' critical paths",
            "term",
        )
        for each in forecast.terms
        if each.share > 0
    )[:MOST_RANKED]


def ranking(forecast: Forecast) -> tuple[TaskForecast, ...]:
    """Tasks that are ever critical, by their part of the critical paths' time."""
    ever = [task for task in forecast.tasks if task.critical > 0]
    return tuple(sorted(ever, key=lambda task: (-task.share, -task.critical)))


def criticality(forecast: Forecast) -> tuple[Ranked, ...]:
    """The tasks that hold the pipeline up most: how often, and with how much of its time."""
    return tuple(
        Ranked(
            title(task.id),
            task.share,
            f"{percent(task.share)} · {percent(task.critical)}",
            f"{title(task.id)}: on the critical path in {percent(task.critical)} of the runs, "
            f"{percent(task.share)} of the critical paths' time; takes {duration(task.duration_p50_s)} "
            f"(P90 {duration(task.duration_p90_s)}), waits {duration(task.wait_p50_s)} for a slot",
            task.kind.value,
            task.critical,
        )
        for task in ranking(forecast)[:MOST_RANKED]
    )


def tornado(forecast: Forecast) -> tuple[Swung, ...]:
    """The tasks with whose duration the makespan goes most."""
    widest = sorted(forecast.swings, key=lambda each: -abs(each.high_s - each.low_s))[:MOST_RANKED]
    return tuple(
        Swung(
            title(each.task),
            each.low_s,
            each.high_s,
            f"{title(each.task)}: the pipeline takes {duration(each.low_s)} when it is among its shortest "
            f"tenth, {duration(each.high_s)} when it is among its longest",
            each.task.partition(":")[0],
        )
        for each in widest
    )


def runs_shown(forecast: Forecast) -> tuple[tuple[str, str, RunTrace], ...]:
    """The runs with a trace: (short name, what it is, trace)."""
    first = "Typical run (P50)" if forecast.makespans_s else "A run that failed"
    found = [("p50", first, forecast.median_run)]
    if forecast.p90_run is not None:
        found.append(("p90", "Slow run (P90)", forecast.p90_run))
    return tuple(found)


def panels(forecast: Forecast) -> tuple[Panel, ...]:
    """A panel per resource that the typical run uses, build before deploy as in the plan."""
    runs = [run for _, _, run in runs_shown(forecast)]
    end_s = max((run.makespan_s for run in runs), default=0.0)
    found = []
    for load in forecast.median_run.loads if end_s > 0 else ():
        same = [each for run in runs[1:] for each in run.loads if _key(each) == _key(load)]
        unit, scale = _UNITS.get(load.resource, ("", 1.0))
        title = f"{load.queue} {resource(load.resource)}"
        found.append(Panel(title, unit, load.capacity / scale, end_s, (load, *same[:1]), scale))
    return tuple(found)


def averaged(load: Load, end_s: float, buckets: int) -> list[tuple[float, float]]:
    """The mean amount of each of equal pieces of time up to `end_s`, as (begin, mean), and (end, 0)."""
    width = end_s / buckets
    totals = [0.0] * buckets
    ends = (*load.times_s[1:], load.times_s[-1] if load.times_s else 0.0)
    for begin_s, until_s, amount in zip(load.times_s, ends, load.amounts, strict=True):
        first, last = int(begin_s / width), min(int(until_s / width), buckets - 1)
        for bucket in range(first, last + 1) if amount else ():
            overlap_s = min(until_s, (bucket + 1) * width) - max(begin_s, bucket * width)
            totals[bucket] += amount * max(0.0, overlap_s)
    return [*((bucket * width, total / width) for bucket, total in enumerate(totals)), (end_s, 0.0)]


def title(task: str) -> str:
    """A task's id as people say it: `build api` for `build:api`."""
    kind, colon, name = task.partition(":")
    return "pre-check" if kind == "check" else f"{kind} {name}" if colon else task


def clipped(text: str, longest: int) -> str:
    """A text cut in its middle to so many columns: ends of names tell them apart."""
    if columns_of(text) <= longest:
        return text
    longest = longest if text.isascii() else longest // 2
    head = longest // 3
    return text[:head] + "…" + text[-(longest - head - 1) :]


def _key(load: Load) -> tuple[str, str]:
    return load.queue, load.resource


def resource(name: str) -> str:
    """What people call a resource of a queue."""
    return _RESOURCES.get(name, name)
