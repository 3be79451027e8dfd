"""A forecast on one screen of a terminal.

Takes a `Forecast`, gives text of at most the width asked for: what to expect,
what dominates it, the services, the median run, and what was assumed. The
number of rows is bounded whatever the plan's size.
"""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterable, Mapping
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from compiler.plan.model import Strategy, TaskKind
from simulator.forecast import Forecast, ServiceForecast, Span, TaskForecast, Use
from simulator.quantiles import CONFIDENCE, Quantile
from simulator.report import gantt
from simulator.report.figures import duration, optional_duration, percent, some
from simulator.report.gantt import Cell

MOST_ROWS = 10
_NARROWEST, _WIDEST, _USUAL = 60, 100, 100
_LONGEST_NAME = 24

_STYLES = {
    Cell.WAITS: "dim",
    Cell.BUILDS: "blue",
    Cell.MIRRORS: "magenta",
    Cell.DEPLOYS: "green",
}
_ASCII = str.maketrans({"·": ".", "▒": "#", "░": "~", "█": "=", "…": "~"})
_RESOURCES = {"slots": "slots", "cpu_milli": "CPU", "memory_bytes": "memory"}


def render_for(forecast: Forecast, stream: TextIO, environ: Mapping[str, str] = os.environ) -> str:
    """The report as fits a stream: its terminal's width and colours, its encoding, NO_COLOR."""
    terminal = stream.isatty()
    columns = shutil.get_terminal_size((_USUAL, 40)).columns if terminal else _USUAL
    color = terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    try:
        "·▒░█…".encode(stream.encoding or "utf-8")
    except (LookupError, UnicodeEncodeError):
        return render(forecast, width=columns, color=color, ascii_only=True)
    return render(forecast, width=columns, color=color)


def render(forecast: Forecast, *, width: int = _USUAL, color: bool = False, ascii_only: bool = False) -> str:
    """The report, ending with a line end; `width` is brought between 60 and 100 columns."""
    width = min(max(width, _NARROWEST), _WIDEST)
    shown = _shown(forecast)
    parts: list[Text | Table] = [*_headline(forecast), Text(), _findings(forecast)]
    if shown:
        parts += [Text(), _services(forecast, shown, width), Text(), *_median_run(forecast, shown, width)]
    out = io.StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        no_color=not color,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
    )
    for part in parts:
        console.print(part)
    text = "".join(line.rstrip() + "\n" for line in out.getvalue().splitlines())
    return text.translate(_ASCII) if ascii_only else text


def _headline(forecast: Forecast) -> Iterable[Text]:
    makespan = forecast.makespan
    quantiles = {"P50": makespan.p50, "P90": makespan.p90, "P99": makespan.p99}
    title = Text(f"{_clipped(forecast.environment)}  ", style="bold")
    title.append(" · ".join(f"{name} {duration(each.value_s)}" for name, each in quantiles.items()))
    intervals = ", ".join(_interval(each) for each in quantiles.values())
    yield title
    yield Text(f"{percent(CONFIDENCE)} intervals {intervals}", style="dim")
    yield Text(
        f"{forecast.runs:,} runs, seed {forecast.seed}, engine {forecast.engine}, "
        f"strategy {forecast.strategy.value}",
        style="dim",
    )


def _interval(quantile: Quantile) -> str:
    """An end that so few runs cannot give is a question mark."""
    ends = (quantile.low_s, quantile.high_s)
    return " to ".join("?" if end is None else duration(end) for end in ends)


def _findings(forecast: Forecast) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    for label, text in _facts(forecast):
        table.add_row(label, Text(text))
    return table


def _facts(forecast: Forecast) -> Iterable[tuple[str, str]]:
    terms = [f"{each.term} {percent(each.share)}" for each in forecast.terms if each.share > 0]
    ranked = sorted(forecast.services, key=lambda each: -each.share)
    services = [f"{_clipped(each.name)} {percent(each.share)}" for each in ranked if each.share > 0]
    if terms:
        yield "Critical path", f"by term: {some(terms, 4)}; by service: {some(services, 3)}"
    if forecast.spans:
        yield "Phases", some([_phase(span) for span in forecast.spans], 6)
    bounds = forecast.bounds
    if bounds.lower_s > 0:
        reason = (
            "the longest chain" if bounds.critical_path_s >= bounds.area_s else "the work over the capacity"
        )
        yield "Lower bound", f"{duration(bounds.lower_s)} ({reason}); runs take {percent(bounds.gap)} more"
    if forecast.uses:
        yield "Use", ", ".join(_use(use) for use in forecast.uses)
    if forecast.timed_out:
        cut = sorted((task for task in forecast.tasks if task.timed_out), key=lambda task: -task.timed_out)
        names = [f"{_clipped(task.id)} {percent(task.timed_out)}" for task in cut]
        yield (
            "Timeouts",
            f"hit in {percent(forecast.timed_out)} of the runs: {some(names, 3)}. Tasks are cut off there "
            "and the run goes on: failures are not modelled.",
        )
    yield "Assumed", _assumed(forecast)


def _phase(span: Span) -> str:
    name = {"check": "pre-check", "build": "builds", "deploy": "deploy"}[span.phase]
    stage = f" {_clipped(span.stage)}" if span.stage is not None else ""
    return f"{name}{stage} {duration(span.p50_s)}"


def _use(use: Use) -> str:
    peak = "" if use.resource != "slots" else f" of {use.capacity} (peak {use.peak})"
    return f"{use.queue} {_RESOURCES.get(use.resource, use.resource)} {percent(use.mean)}{peak}"


def _assumed(forecast: Forecast) -> str:
    """Plainly what nobody said, and what is worth saying first."""
    factor = f"the correlation within a run ({forecast.correlation:g})"
    assumed = [task for task in forecast.tasks if task.assumed]
    spreads = sum(task.spread_assumed for task in forecast.tasks)
    also = f"the spread of {spreads} estimate{'s' * (spreads != 1)} and {factor}" if spreads else factor
    if not assumed:
        return (
            f"{also}; no duration: all {len(forecast.tasks)} are estimates." if forecast.tasks else f"{also}."
        )
    worth = sorted((task for task in assumed if _estimable(task)), key=lambda task: -task.share)
    advice = [f"{_clipped(task.services[0])} {task.kind.value}" for task in worth]
    give = f" Give estimates, first for {', '.join(advice[:3])}." if advice else ""
    return (
        f"{len(assumed)} of {len(forecast.tasks)} durations (defaults by kind, docs/forecast.md), {also}. "
        f"The intervals do not cover wrong assumptions.{give}"
    )


def _estimable(task: TaskForecast) -> bool:
    return task.kind in (TaskKind.BUILD, TaskKind.DEPLOY) and bool(task.services)


def _shown(forecast: Forecast) -> tuple[ServiceForecast, ...]:
    """The services with a row: the most critical ones, in the order of the stages."""
    ranked = sorted(forecast.services, key=lambda each: (-each.share, -each.critical, -each.ready_p50_s))
    chosen = {each.name for each in ranked[:MOST_ROWS]}
    return tuple(each for each in forecast.services if each.name in chosen)


_FIGURES = ("critical", "share", "queued", "build", "mirror", "deploy", "ready at")


def _services(forecast: Forecast, shown: tuple[ServiceForecast, ...], width: int) -> Table:
    """One row a service. Where the width is short names are cut, figures never."""
    figures = [_figures(each) for each in shown]
    widths = [max(map(len, (heading, *column))) for heading, *column in zip(_FIGURES, *figures, strict=True)]
    room = width - sum(widths) - 2 * (len(widths) + 1)
    stage = min(max(len(each.stage) for each in shown), room // 3)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("Service", no_wrap=True)
    table.add_column("Stage"[:stage], no_wrap=True)
    for heading in _FIGURES:
        table.add_column(heading, justify="right", no_wrap=True)
    for each, cells in zip(shown, figures, strict=True):
        table.add_row(
            _clipped(each.name, min(room - stage, _LONGEST_NAME)), _clipped(each.stage, stage), *cells
        )
    more = len(forecast.services) - len(shown)
    if more > 0:
        table.add_row(f"+ {more} more")
    return table


def _figures(each: ServiceForecast) -> tuple[str, ...]:
    return (
        percent(each.critical),
        percent(each.share),
        duration(each.wait_s),
        optional_duration(each.build_s),
        optional_duration(each.mirror_s),
        optional_duration(each.deploy_s),
        duration(each.ready_p50_s),
    )


def _median_run(forecast: Forecast, shown: tuple[ServiceForecast, ...], width: int) -> Iterable[Text]:
    run = forecast.median_run
    names = tuple(each.name for each in shown)
    label = max(len(_clipped(name)) for name in names) + 3
    columns = width - label
    title = Text(f"Median run, {duration(run.makespan_s)}  ", style="bold")
    legend = {Cell.WAITS: "queued", Cell.BUILDS: "build", Cell.MIRRORS: "mirror", Cell.DEPLOYS: "deploy"}
    for cell, meaning in legend.items():
        title.append(f"  {cell.value} {meaning}", style=_STYLES[cell])
    yield title.append("  * critical path", style="dim")
    if forecast.strategy is not Strategy.DAG:
        together = forecast.strategy is Strategy.BUILD_FIRST
        phases = gantt.phases(run, columns, builds_together=together)
        yield Text(" " * label + phases, style="dim", no_wrap=True)
    for row in gantt.rows(run, names, columns):
        line = Text(f"{_clipped(row.service)}{' *' * row.critical}".ljust(label), no_wrap=True)
        for cell in row.cells:
            line.append(cell.value, style=_STYLES.get(cell, ""))
        yield line
    yield Text(" " * label + gantt.axis(run.makespan_s, columns), style="dim", no_wrap=True)


def _clipped(name: str, longest: int = _LONGEST_NAME) -> str:
    return name if len(name) <= longest else name[: longest - 1] + "…"
