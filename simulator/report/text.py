"""A forecast on one screen of a terminal.

Takes a `Forecast`, gives text of at most the width asked for, and of at most
the height as long as that has room for the least: what to expect, what takes
the time, the services that matter, and what was assumed. The number of rows
is bounded whatever the plan's size.
"""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, TextIO

from compiler.values.elapsed import duration
from simulator.engines.trace import Outcome
from simulator.figures import clipped, columns_of, interval, padded, percent
from simulator.forecasting.forecast import Forecast, ServiceForecast, Span
from simulator.report import facts, gantt
from simulator.report.gantt import Cell
from simulator.statistics.quantiles import CONFIDENCE

if TYPE_CHECKING:
    # It costs 15 ms that most forecasts need not spend.
    from simulator.forecasting.gate import Comparison

_NARROWEST, _WIDEST, _USUAL = 60, 100, 80
_LOWEST, _USUAL_HEIGHT = 24, 40
_FEWEST_ROWS, _MOST_ROWS = 3, 12
_LONGEST_NAME = 24
_LEAST_BAR = 12
_LABEL = 13

_BOLD, _DIM = "1", "2"
_STYLES = {
    Cell.WAITS: _DIM,
    Cell.BUILDS: "34",
    Cell.MIRRORS: "35",
    Cell.DEPLOYS: "32",
    Cell.FAILS: "1;31",
    Cell.ENDED: "33",
}
_MEANINGS = {
    Cell.WAITS: "queued",
    Cell.BUILDS: "build",
    Cell.MIRRORS: "mirror",
    Cell.DEPLOYS: "deploy",
    Cell.FAILS: "failed",
    Cell.ENDED: "ended",
}
_ASCII = str.maketrans({"·": ".", "▒": "#", "░": "~", "█": "=", "…": "~", "▬": "-", "✗": "X", "┤": "|"})
_NOT_STARTED = "not started"


@dataclass(frozen=True, slots=True)
class _Look:
    """How wide and high the text may be, and whether it has colours."""

    width: int
    height: int
    color: bool

    def paint(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self.color and text and style else text


def render_for(
    forecast: Forecast,
    stream: TextIO,
    environ: Mapping[str, str] = os.environ,
    *,
    comparison: Comparison | None = None,
) -> str:
    """The report as fits a stream: its terminal's size and colours, its encoding, NO_COLOR."""
    terminal = stream.isatty()
    size = shutil.get_terminal_size((_USUAL, _LOWEST)) if terminal else (_USUAL, _USUAL_HEIGHT)
    color = terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    text = render(forecast, width=size[0], height=size[1], color=color, comparison=comparison)
    try:
        "·▒░█…▬✗┤".encode(stream.encoding or "utf-8")
    except (LookupError, UnicodeEncodeError):
        return text.translate(_ASCII)
    return text


def render(
    forecast: Forecast,
    *,
    width: int = _USUAL,
    height: int = _USUAL_HEIGHT,
    color: bool = False,
    comparison: Comparison | None = None,
) -> str:
    """The report, ending with a line end.

    `width` is brought between 60 and 100 columns, `height` to at least 24 lines, one of which stays free.
    """
    look = _Look(min(max(width, _NARROWEST), _WIDEST), max(height, _LOWEST) - 1, color)
    head = list(_headline(forecast, look))
    found = list(_facts(forecast, comparison, look))
    # Two headings, the axis, and two empty lines.
    room = look.height - len(head) - len(found) - 5
    body = list(_timeline(forecast, look, room))
    lines = [*head, *([""] if body else []), *body, "", *found]
    return "".join(line.rstrip() + "\n" for line in lines)


def _headline(forecast: Forecast, look: _Look) -> Iterator[str]:
    name = clipped(forecast.environment, look.width // 2)
    about = f"{forecast.runs:,} runs, seed {forecast.seed}, strategy {forecast.strategy.value}"
    if forecast.scenario != "base":
        about += f", scenario {clipped(forecast.scenario, _LONGEST_NAME)}"
    if forecast.profile is not None:
        about += f", as {forecast.profile} runs it"
    lines = textwrap.wrap(about, look.width - columns_of(name) - 2) or [""]
    yield look.paint(name, _BOLD) + "  " + look.paint(lines[0], _DIM)
    yield from (look.paint(line, _DIM) for line in lines[1:])
    if not forecast.succeeded:
        yield look.paint("No run succeeds.", _BOLD) + " There is no time to tell."
        run = forecast.median_run
        yield look.paint(f"Run {run.replication} stands still after {duration(run.makespan_s)}:", _DIM)
        return
    makespan = forecast.makespan
    rows = [
        ("P50", makespan.p50, "half of the runs take no longer"),
        ("P90", makespan.p90, "1 run in 10 takes longer"),
        ("P99", makespan.p99, "1 run in 100 takes longer"),
    ]
    figures = [duration(quantile.value_s) for _, quantile, _ in rows]
    ranges = [f"({interval(quantile)})" for _, quantile, _ in rows]
    first, second = max(map(len, figures)), max(map(len, ranges))
    room = look.width - 5 - first
    for (label, _, meaning), figure, range_ in zip(rows, figures, ranges, strict=True):
        longest = f"{meaning} ({percent(CONFIDENCE)} intervals)" if label == "P99" else meaning
        lines = [f"  {range_.ljust(second)}  {note}".rstrip() for note in (longest, meaning, "")]
        note = next((line for line in lines if len(line) <= room), "")
        yield look.paint(f"{label}  {figure.rjust(first)}", _BOLD) + look.paint(note, _DIM)


def _facts(forecast: Forecast, comparison: Comparison | None, look: _Look) -> Iterator[str]:
    for label, text in (*facts.compared(comparison), *facts.lines(forecast)):
        wrapped = textwrap.wrap(text, look.width - _LABEL, break_on_hyphens=False) or [""]
        yield look.paint(label.ljust(_LABEL), _BOLD) + wrapped[0]
        yield from (" " * _LABEL + line for line in wrapped[1:])


def _timeline(forecast: Forecast, look: _Look, room: int) -> Iterator[str]:
    """Phases and services with their bars, on one axis: the median run."""
    if not forecast.services:
        return
    room = max(room, 2 * _FEWEST_ROWS)
    services = len(forecast.services)
    phases = _longest(forecast.spans, min(_MOST_ROWS, max(_FEWEST_ROWS, room - services, (room - 1) // 2)))
    shown = _dominating(forecast, min(_MOST_ROWS, max(_FEWEST_ROWS, room - len(phases))))
    headings = [_heading("Phase", phases, forecast.spans), _heading("Service", shown, forecast.services)]
    names = [*headings, *(facts.phase_name(span) for span in phases), *(each.name for each in shown)]
    label = min(max(map(columns_of, names)), _LONGEST_NAME, look.width - 29 - _LEAST_BAR)
    columns = look.width - label - 3 * 9 - 2
    run = forecast.median_run
    if phases:
        title = f"{clipped(headings[0], label).ljust(label)}{'tasks':>9}{'P50':>9}{'P90':>9}"
        about = f"  run {run.replication}, nearest to P50: {duration(run.makespan_s)}"
        yield look.paint(title, _BOLD) + look.paint(clipped(about, columns + 2), _DIM)
        for span in phases:
            figures = (str(span.tasks), duration(span.p50_s), duration(span.p90_s))
            bar = gantt.phase_bar(run, span, columns, builds_together=_together(forecast))
            yield _row(facts.phase_name(span), label, figures) + bar
    title = f"{clipped(headings[1], label).ljust(label)}{'critical':>9}{'share':>9}{'queued':>9}"
    rows = gantt.rows(run, tuple(each.name for each in shown), columns)
    yield look.paint(title, _BOLD) + _legend(look, columns, rows if run.failed else ())
    for each, row in zip(shown, rows, strict=True):
        figures = (percent(each.critical), percent(each.share), duration(each.wait_s))
        yield _row(each.name, label, figures) + _bar(row, look, failed=run.failed)
    yield " " * (label + 29) + look.paint(gantt.axis(run.makespan_s, columns), _DIM)


def _heading(name: str, shown: Sequence[object], of: Sequence[object]) -> str:
    """`Service`, or `Service, 5 of 40` where some are left out."""
    return name if len(shown) == len(of) else f"{name}, {len(shown)} of {len(of)}"


def _together(forecast: Forecast) -> bool:
    return any(span.phase == "build" and span.stage is None for span in forecast.spans)


def _row(name: str, label: int, figures: Iterable[str]) -> str:
    return padded(clipped(name, label), label) + "".join(figure.rjust(9) for figure in figures) + "  "


def _bar(row: gantt.Row, look: _Look, *, failed: bool) -> str:
    if failed and set(row.cells) == {Cell.NOTHING}:
        return look.paint(_NOT_STARTED, _DIM)
    groups = ((cell, "".join(same)) for cell, same in groupby(row.cells))
    return "".join(look.paint(text, _STYLES.get(cell, "")) for cell, text in groups)


def _legend(look: _Look, columns: int, rows: Sequence[gantt.Row]) -> str:
    """What the cells mean, as much of it as fits over the bars: of a failed run's rows what is in them."""
    seen = {cell for row in rows for cell in row.cells}
    usual = (Cell.WAITS, Cell.BUILDS, Cell.MIRRORS, Cell.DEPLOYS)
    meanings = {cell: _MEANINGS[cell] for cell in _MEANINGS if cell in (seen or usual)}
    text = " "
    room = columns + 1
    for cell, meaning in meanings.items():
        room -= len(meaning) + 2
        if room >= 0:
            text += " " + look.paint(f"{cell.value}{meaning}", _STYLES[cell])
    return text


def _longest(spans: tuple[Span, ...], most: int) -> list[Span]:
    """The longest phases, in their order."""
    kept = {id(span) for span in sorted(spans, key=lambda span: -span.p50_s)[:most]}
    return [span for span in spans if id(span) in kept]


def _dominating(forecast: Forecast, most: int) -> list[ServiceForecast]:
    """The services with the largest part of the critical path, largest first; of a failed run what failed."""
    places: dict[str, int] = {}
    if forecast.median_run.failed:
        order = (Outcome.FAILED, Outcome.CANCELLED, Outcome.DONE)
        for step in forecast.median_run.steps:
            place = order.index(step.outcome)
            places.update((service, min(place, places.get(service, place))) for service in step.services)

    def rank(each: ServiceForecast) -> tuple[float, ...]:
        return (places.get(each.name, len(Outcome)), -each.share, -each.critical, -each.ready_p50_s)

    ranked = sorted(forecast.services, key=rank)
    return ranked[:most]
