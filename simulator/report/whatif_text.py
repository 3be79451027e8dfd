"""A comparison on a screen of a terminal: a table of cases, what is to be said of each, and the sweep.

Takes a `Comparison`, gives lines of at most the width asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TextIO

from simulator.figures import (
    clipped,
    columns_of,
    difference,
    optional_duration,
    padded,
    percent,
    printable,
)
from simulator.report import paired_text
from simulator.report.paired_text import columns, minutes, plain, with_margin, wrapped
from simulator.statistics.quantiles import CONFIDENCE, Quantile
from simulator.studies.whatif import WORTH, Compared, Comparison, Figures, Sweep

_LONGEST_NAME = 14
_LONGEST_VALUE = 24
# A case may be called anything, and is named in several sentences.
_MOST_OF_A_NAME = 200
_SHORTEST_BAR, _LONGEST_BAR = 8, 40
# Room for the mark of a knee and the gaps around a bar.
_KNEE = 7
# What a narrow screen has no room for, the least important first.
_SPARE = ("mean by", "builds", "P90 by", "pool", "slower", "P90")


def render_for(comparison: Comparison, stream: TextIO) -> str:
    """The report as fits a stream."""
    return paired_text.render_for(partial(report, comparison), stream)


def render(comparison: Comparison, *, width: int = paired_text.WIDEST) -> str:
    """The report as plain text."""
    return paired_text.render(partial(report, comparison), width=width)


def report(comparison: Comparison, width: int) -> paired_text.Lines:
    """The lines of the report."""
    under = f", base {comparison.base.name}" if comparison.base.name != "base" else ""
    by = f", as {comparison.profile} runs it" if comparison.profile is not None else ""
    head = f"{_runs(comparison.runs)}, seed {comparison.seed}{under}{by}, the same draws everywhere"
    lines: list[tuple[str, bool]] = [(f"{clipped(comparison.environment, 40)}: what if", True)]
    lines += plain(
        wrapped(f"{head}; ± is half the {percent(CONFIDENCE)} interval of a difference.", width, "")
    )
    if comparison.cases or comparison.sweep is None:
        lines += [("", False), *plain(_table(comparison, width))]
    notes = [note for each in comparison.cases for note in case_notes(each, comparison.base)]
    points = comparison.sweep.points if comparison.sweep is not None else ()
    notes += left_out([*comparison.cases, *points])
    lines += [("", False)] if notes else []
    lines += plain(line for note in notes for line in wrapped(note, width))
    if comparison.sweep is not None:
        lines += [("", False), *sweep_lines(comparison.sweep, comparison.base, width)]
    return lines


def about(runs: int, seed: int, profile: str | None, scenario: str = "base") -> str:
    """How the figures came to be, and what they mean."""
    under = f", scenario {scenario}" if scenario != "base" else ""
    by = f", as {profile} runs it" if profile is not None else ""
    return (
        f"{_runs(runs)}, seed {seed}{under}{by}, the same draws everywhere; ± is half the "
        f"{percent(CONFIDENCE)} interval of a difference. "
        "CPU-minutes: what builds hold, and the whole pool until the end."
    )


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count:,} runs"


def _table(comparison: Comparison, width: int) -> Iterator[str]:
    header = ["", "P50", "P90", "P50 by", "P90 by", "mean by", "slower", "builds", "pool"]
    rows = [header, _row(comparison.base, None)]
    rows += [_row(each.figures, each) for each in comparison.cases]
    lines = iter(columns(rows, width, _SPARE))
    yield next(lines)
    yield next(lines)
    for each in comparison.cases:
        if columns_of(printable(each.figures.name)) > _LONGEST_NAME:
            yield from wrapped(clipped(each.figures.name, _MOST_OF_A_NAME), width)
        yield next(lines)


def _row(figures: Figures, compared: Compared | None) -> list[str]:
    name = printable(figures.name)
    name = name if columns_of(name) <= _LONGEST_NAME else ""
    times = [optional_duration(_value(figures.p50)), optional_duration(_value(figures.p90))]
    cost = [minutes(figures.build_cpu_s), minutes(figures.pool_cpu_s)]
    change = compared.change if compared is not None else None
    if change is None:
        return [name, *times, "", "", "", "", *cost]
    differences = [with_margin(each) for each in (change.p50, change.p90, change.mean)]
    return [name, *times, *differences, percent(change.slower), *cost]


def _value(quantile: Quantile | None) -> float | None:
    return quantile.value_s if quantile is not None else None


def case_notes(each: Compared, base: Figures) -> Iterator[str]:
    """Sentences about a case."""
    name, change = clipped(each.figures.name, _MOST_OF_A_NAME), each.change
    if change is None:
        yield f"{name}: no run succeeds both here and in the base, so nothing can be compared."
    elif change.slower == change.faster == 0:
        yield f"{name} changes no run that succeeds in both."
    elif change.mean.sign > 0:
        yield (
            f"{name} makes the pipeline slower: by {with_margin(change.mean)} on average, "
            f"in {percent(change.slower)} of the runs.{_anomaly(each.anomaly)}"
        )
    if each.shifts:
        tasks = (f"{each.task} ({percent(each.before)} → {percent(each.after)})" for each in each.shifts)
        yield f"{name}: critical instead, in more runs than before: {', '.join(tasks)}."
    figures = each.figures
    if figures.slots < figures.parallelism and (figures.slots, figures.parallelism) != (
        base.slots,
        base.parallelism,
    ):
        yield f"{name}: {figures.parallelism} builds at a time are allowed, the pool holds {figures.slots}."


def left_out(options: Sequence[Compared]) -> list[str]:
    """A sentence on runs that fail: they end early, which would look like a gain."""
    most = max((each.left_out for each in options), default=0.0)
    if not most:
        return []
    most_said = percent(most)
    upto = "" if all(percent(each.left_out) == most_said for each in options) else "Up to "
    return [f"{upto}{most_said} of the runs fail, as it is or changed, and are left out of the differences."]


def _anomaly(anomaly: bool) -> str:
    if not anomaly:
        return ""
    return (
        " Nothing in it takes longer or has less room: another order of the queue does it (Graham's anomaly)."
    )


def sweep_lines(sweep: Sweep, base: Figures, width: int) -> list[tuple[str, bool]]:
    """A bar a value, the knee, and what makes it slower."""
    lines = [(clipped(f"Sweep of {sweep.setting}", width), True)]
    lines += plain(_bars(sweep, width))
    sentences = [knee_text(sweep, base)]
    sentences += [
        f"{each.value} is slower than {each.after}: by {with_margin(each.change.mean)} on average, in "
        f"{percent(each.change.slower)} of the runs, although it has no less of anything (Graham's anomaly)."
        for each in sweep.slower
    ]
    return lines + plain(line for sentence in sentences if sentence for line in wrapped(sentence, width))


def _bars(sweep: Sweep, width: int) -> Iterator[str]:
    rows = [["", "P50", "P90", "P50 to base", "slower", "builds", "pool"]]
    for value, point in zip(sweep.values, sweep.points, strict=True):
        figures, change = point.figures, point.change
        rows.append(
            [
                clipped(value, _LONGEST_VALUE),
                optional_duration(_value(figures.p50)),
                optional_duration(_value(figures.p90)),
                with_margin(change.p50) if change is not None else "-",
                percent(change.slower) if change is not None else "-",
                minutes(figures.build_cpu_s),
                minutes(figures.pool_cpu_s),
            ]
        )
    header, *texts = columns(rows, width - _SHORTEST_BAR - _KNEE, _SPARE)
    room = min(width - max(map(columns_of, (header, *texts))) - _KNEE, _LONGEST_BAR)
    longest = max([_value(point.figures.p50) or 0.0 for point in sweep.points], default=0.0) or 1.0
    yield header
    for value, point, text in zip(sweep.values, sweep.points, texts, strict=True):
        cells = round((_value(point.figures.p50) or 0.0) / longest * room * 2)
        bar = "█" * (cells // 2) + "▌" * (cells % 2)
        mark = " knee" if value == sweep.knee else ""
        yield f"{padded(text, max(map(columns_of, texts)))}  {bar}{mark}".rstrip()


def knee_text(sweep: Sweep, base: Figures) -> str:
    """What the knee is, and what it means against the base."""
    if sweep.knee is None:
        return "No knee: the last values still save time, more is slower, or they are no rising numbers."
    number = sweep.values.index(sweep.knee)
    point = sweep.points[number]
    later = [_value(each.figures.p50) for each in sweep.points[number + 1 :]]
    rest = min((each for each in later if each is not None), default=0.0)
    saved = (_value(point.figures.p50) or 0.0) - rest
    more = f"the best of them {difference(-saved)}" if saved > 0 else "none of them anything"
    return (
        f"Knee {sweep.knee}: no larger value up to {sweep.values[-1]} saves {percent(WORTH)} of P50 "
        f"({more}). Pool cost {minutes(point.figures.pool_cpu_s)} CPU-minutes, "
        f"{minutes(base.pool_cpu_s)} in the base."
    )
