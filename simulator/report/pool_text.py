"""What is said of a shared pool, on one screen of a terminal.

Takes a `PoolForecast`, gives text of 100 columns at most and some 25 lines.
"""

from __future__ import annotations

from collections.abc import Iterator

from compiler.values.elapsed import duration
from simulator.figures import clipped, interval, percent
from simulator.studies.pool_search import RUNS, WARM_UP_DAYS, PoolForecast, PoolRow

MOST_ROWS = 14
_HEADS = ("builders", "CPU", "memory", "mean wait", "P50", "P95", "95 % interval", "P99", "waited", "in use")


def render(found: PoolForecast) -> str:
    """The report, ending with a line end."""
    lines = [*_headline(found), "", *_table(_shown(found), found), "", *_notes(found)]
    return "".join(f"{line}\n" for line in lines)


def _headline(found: PoolForecast) -> Iterator[str]:
    question = found.question
    name = clipped(found.environment, 40)
    bound = (
        f"P{question.probability * 100:g} of the wait for a builder within {duration(question.max_wait_s)}"
    )
    if found.best is None:
        yield f"{name}  none of these pools keeps the {bound}"
    else:
        keep = "keep" if found.best.slots > 1 else "keeps"
        yield f"{name}  {_size(found.best)} {keep} the {bound}"
        yield f"{_interval(found)} ({percent(found.best.used)} of it in use, {_hours(found.best)} a day)"
    traffic = question.traffic
    made = "" if question.rebuilt == 1 else f", {percent(question.rebuilt)} of them made"
    yield (
        f"{traffic.per_day:g} pipelines a day, {traffic.busiest_per_hour:.3g} in the busiest hour, "
        f"{found.builds} build{'s' * (found.builds != 1)} each{made}"
    )
    yield (
        f"builders that would work if nothing waited: {found.offered:.2g} on average, "
        f"{found.offered_peak:.2g} in the busiest hour"
    )


def _interval(found: PoolForecast) -> str:
    if found.fewest is None and found.safe is None:
        return "too few builds for a 95 % interval: simulate more days"
    low = "?" if found.fewest is None else str(found.fewest)
    high = "?" if found.safe is None else str(found.safe)
    return (
        f"95 % interval {low} to {high} builders"
        if low != high
        else f"95 % interval: {low} builder{'s' * (low != '1')} as well"
    )


def _size(row: PoolRow) -> str:
    parts = [f"{row.slots} builder{'s' if row.slots != 1 else ''}"]
    if row.cpu_milli:
        parts.append(f"({row.cpu_milli / 1000:g} CPU, {row.memory_bytes / 1e9:g} GB)")
    return " ".join(parts)


def _hours(row: PoolRow) -> str:
    """What a pool costs that is always on."""
    if not row.cpu_milli:
        return f"{row.slots * 24:,} builder hours"
    return f"{row.cpu_milli * 24 / 1000:,.0f} CPU hours and {row.memory_bytes * 24 / 1e9:,.0f} GB hours"


def _shown(found: PoolForecast) -> list[PoolRow]:
    """The rows around the answer."""
    rows = list(found.rows)
    if len(rows) <= MOST_ROWS:
        return rows
    best = next((place for place, row in enumerate(rows) if row == found.best), len(rows))
    first = min(max(0, best - MOST_ROWS // 2), len(rows) - MOST_ROWS)
    return rows[first : first + MOST_ROWS]


def _table(rows: list[PoolRow], found: PoolForecast) -> Iterator[str]:
    cells = [_HEADS, *(_cells(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row, line in zip((None, *rows), cells, strict=True):
        mark = ">" if row is not None and row == found.best else " "
        yield f"{mark} " + "  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True))


def _cells(row: PoolRow) -> tuple[str, ...]:
    return (
        str(row.slots),
        f"{row.cpu_milli / 1000:g}",
        f"{row.memory_bytes / 1e9:g} GB",
        duration(row.mean.value),
        duration(row.p50.value_s),
        duration(row.p95.value_s),
        interval(row.p95),
        duration(row.p99.value_s),
        percent(row.waited),
        percent(row.used),
    )


def _notes(found: PoolForecast) -> Iterator[str]:
    question = found.question
    days = -(-question.days // RUNS) * RUNS
    yield (
        f"{found.pipelines:,} pipelines of {days} days, {RUNS} runs with {WARM_UP_DAYS} day of warm-up each, "
        f"seed {question.seed}, engine {found.engine}"
    )
    if found.assumed:
        yield f"{found.assumed} of {found.builds} builds have assumed durations: give estimates, or calibrate"
    if question.cap is not None:
        yield f"a pipeline has {question.cap} builders at a time at most; waiting for that is not counted"
    if found.exceptions:
        some = ", ".join(map(str, found.exceptions))
        yield f"more builders are not always better: {some} builders break the bound"
