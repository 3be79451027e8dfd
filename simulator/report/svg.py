"""A run as a Gantt chart in one SVG document: for a README, a wiki, a slide.

Takes a `Forecast`, gives the document. It needs no library, no script and no
font, follows the reader's light or dark scheme, and has a ground of its own,
for pages that do not. The number of rows is bounded: of a large plan it shows
what the critical path goes through.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from compiler.plan.model import TaskKind
from compiler.values.elapsed import duration
from simulator.figures import columns_of
from simulator.forecasting.forecast import Forecast, RunTrace, Step
from simulator.report.facts import stopped
from simulator.report.outcomes import MARKS, NEVER, Mark
from simulator.report.page.facts import clipped, runs_shown, title
from simulator.report.page.markup import el, xml
from simulator.report.page.palette import palette
from simulator.report.timeline import Group, Row, Timeline, running, ticks, timeline

MOST_ROWS = 60
_WIDTH, _MARGIN, _NAME, _ROW = 960, 16, 200, 20
_LANE = _WIDTH - 2 * _MARGIN - _NAME
_HEAD, _LEGEND = 62, 26
_COLUMN_PX, _BOLD_PX = 7, 8
_KINDS = {
    TaskKind.CHECK: "check",
    TaskKind.BUILD: "build",
    TaskKind.MIRROR: "mirror",
    TaskKind.DEPLOY: "deploy",
}
# How bars are told apart without colour: their height, and the hatching of deployments.
_HEIGHTS = {"check": (6, 8), "build": (3, 13), "mirror": (6, 7), "deploy": (3, 13)}
_FILLS = {
    "ground": "bg",
    "fg": "fg",
    "muted": "muted",
    "check": "muted",
    "build": "build",
    "mirror": "mirror",
    "hatch": "hatch",
    "stripe": "deploy",
    "wait": "wait",
    "critical": "critical",
    "band-build": "band-build",
    "band-deploy": "band-deploy",
}
_STROKES = {"line": "line", "deploy": "deploy", "failed": "failed", "ended": "fg", "word": "bg"}
_FIXED = (
    "text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}"
    ".title{font-size:17px;font-weight:650}.bold{font-weight:650}.small{font-size:11px}"
    ".deploy{fill:url(#hatch)}.failed,.ended{fill:none;stroke-width:2.5}"
    ".word{paint-order:stroke;stroke-width:3px;stroke-linejoin:round}"
)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the chart: a stage's head, a row, or how many are left out."""

    group: Group
    row: Row | None = None
    note: str = ""


def render(forecast: Forecast, *, slow: bool = False) -> str:
    """The typical run (P50) as an SVG document, or with `slow` the one at P90 where there is one."""
    runs = runs_shown(forecast)
    _, name, run = runs[-1] if slow else runs[0]
    drawn = timeline(run, forecast.services, forecast.strategy, forecast.tasks)
    lines = tuple(_lines(drawn))
    chart = _HEAD + _LEGEND + 40 + (_ROW + 8 if drawn.path else 0)
    height = chart + _ROW * len(lines) + _MARGIN
    heading = f"{forecast.environment}: {name[0].lower()}{name[1:]}, {duration(run.makespan_s)}"
    return xml(
        el(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "viewBox": f"0 0 {_WIDTH} {height}",
                "width": _WIDTH,
                "height": height,
                "role": "img",
                "aria-labelledby": "title summary",
            },
            el("title", {"id": "title"}, heading),
            el("desc", {"id": "summary"}, _summary(drawn, run, stopped(forecast, title))),
            el("style", None, _style()),
            el("defs", None, _hatch()),
            el("rect", {"class": "ground line", "width": _WIDTH, "height": height, "rx": 8}),
            _titles(forecast, heading),
            _legend(drawn),
            el(
                "g",
                {"transform": f"translate({_MARGIN + _NAME} {_HEAD + _LEGEND})"},
                _grid(drawn, height - _HEAD - _LEGEND - _MARGIN),
                _strip(drawn),
                (
                    el("g", {"transform": f"translate(0 {chart - _HEAD - _LEGEND + _ROW * place})"}, parts)
                    for place, parts in enumerate(_line(line, drawn) for line in lines)
                ),
            ),
        )
    )


def _summary(drawn: Timeline, run: RunTrace, ended: str) -> str:
    if drawn.failed:
        return f"Replication {run.replication} stands still after {duration(run.makespan_s)}: {ended}"
    longest = sorted(drawn.path, key=lambda step: step.start_s - step.finish_s)[:5]
    named = ", ".join(f"{title(step.task)} {duration(step.finish_s - step.start_s)}" for step in longest)
    rest = f" Longest on its critical path: {named}." if named else ""
    return f"Replication {run.replication} takes {duration(run.makespan_s)}.{rest}"


def _style() -> str:
    """Light, and dark where the reader wants it. Plain rules: not every viewer knows variables."""
    schemes = []
    for scheme in (0, 1):
        fills = (f".{name}{{fill:{palette()[color][scheme]}}}" for name, color in _FILLS.items())
        strokes = (f".{name}{{stroke:{palette()[color][scheme]}}}" for name, color in _STROKES.items())
        schemes.append("".join((*fills, *strokes)))
    return f"{schemes[0]}{_FIXED}@media (prefers-color-scheme:dark){{{schemes[1]}}}"


def _hatch() -> Element:
    return el(
        "pattern",
        {
            "id": "hatch",
            "width": 5,
            "height": 5,
            "patternUnits": "userSpaceOnUse",
            "patternTransform": "rotate(45)",
        },
        el("rect", {"class": "hatch", "width": 5, "height": 5}),
        el("rect", {"class": "stripe", "width": 2, "height": 5}),
    )


def _titles(forecast: Forecast, heading: str) -> Iterable[Element]:
    makespan = forecast.makespan
    yield _text(clipped(heading, 90), _MARGIN, 30, "fg title")
    begun = len(forecast.median_run.steps)
    never = f"{len(forecast.tasks) - begun} of {len(forecast.tasks)} tasks never started"
    quantiles = (("P50", makespan.p50), ("P90", makespan.p90), ("P99", makespan.p99))
    facts = (
        *(f"{name} {duration(each.value_s)}" for name, each in quantiles if forecast.succeeded),
        *(("no run succeeds", never) if not forecast.succeeded else ()),
        f"{forecast.runs:,} runs, seed {forecast.seed}",
        f"strategy {forecast.strategy.value}",
    )
    yield _text(" · ".join(facts), _MARGIN, 50, "muted")


def _legend(run: Timeline) -> Element:
    meanings = (
        (("wait",), "waits for a slot"),
        (("build",), "build"),
        (("mirror",), "mirror"),
        (("deploy",), "deploy"),
        (("build", "critical"), "on the critical path"),
    )
    parts: list[Element] = []
    x = 0
    for kinds, meaning in meanings:
        parts += (_rect(kind, x, 24) for kind in kinds)
        parts.append(_text(meaning, x + 30, 14, "muted"))
        x += 58 + _COLUMN_PX * len(meaning)
    for mark in MARKS.values() if run.failed else ():
        parts += (_outline(mark, x + 12), _text(mark.meaning, x + 30, 14, "muted"))
        x += 50 + _COLUMN_PX * len(mark.meaning)
    return el("g", {"transform": f"translate({_MARGIN} {_HEAD})"}, parts)


def _grid(run: Timeline, height: int) -> Iterable[Element]:
    """Phases as bands with their names where these fit, and lines at round times."""
    for place, band in enumerate(run.bands):
        x, width = _x(band.begin_s, run), _x(band.end_s, run) - _x(band.begin_s, run)
        # Every other one, so that neighbours are told apart.
        if band.phase == "build" or place % 2:
            yield el("rect", {"class": f"band-{band.phase}", "x": x, "width": width, "height": height})
        if width > 10 + _COLUMN_PX * columns_of(band.name):
            yield _text(band.name, x + 4, 13, "fg small")
    for time_s in ticks(run.makespan_s, 9):
        x = _x(time_s, run)
        yield el("line", {"class": "line", "x1": x, "x2": x, "y1": 34, "y2": height})
        anchor = "start" if x < 20 else "end" if x > _LANE - 20 else "middle"
        yield _text(duration(time_s), x, 29, "muted small", anchor)


def _strip(run: Timeline) -> Element | None:
    if not run.path:
        return None
    return el(
        "g",
        {"transform": "translate(0 38)"},
        _text("Critical path", -_NAME, 14, "fg bold"),
        (_bar(step, run) for step in run.path),
    )


def _lines(run: Timeline) -> Iterable[_Line]:
    """All rows while they fit; else what failed and the longest critical tasks; and how many are left out."""
    rows = [row for row in run.rows if row.steps]
    kept = {id(row) for row in sorted(rows, key=_weight, reverse=True)[:MOST_ROWS] if _fits(rows, row)}
    for group in run.groups:
        shown = [row for row in group.rows if id(row) in kept]
        never = sum(not row.steps and bool(row.never) for row in group.rows)
        left = len(group.rows) - len(shown) - never
        if group.stage is not None and (shown or len(run.groups) <= MOST_ROWS):
            notes = (f"+ {left} more" if left and shown else "", f"{never} {NEVER}" if never else "")
            yield _Line(group, note=", ".join(note for note in notes if note))
        yield from (_Line(group, row) for row in shown)


def _fits(rows: Sequence[Row], row: Row) -> bool:
    return len(rows) <= MOST_ROWS or row.critical or row.failed


def _weight(row: Row) -> tuple[bool, float]:
    return row.failed, sum(step.finish_s - step.start_s for step in row.steps if step.critical)


def _line(line: _Line, run: Timeline) -> Iterable[Element]:
    if line.row is not None:
        critical = line.row.critical
        name = clipped(line.row.name, (_NAME - 24) // _BOLD_PX)
        if critical:
            yield el("path", {"class": "critical", "d": f"M{-_NAME} 10l4 -4l4 4l-4 4z"})
        yield _text(name, -_NAME + 14, 14, "fg bold" if critical else "fg")
        yield el("g", None, el("title", None, line.row.name), (_bars(step, run) for step in line.row.steps))
        return
    name = clipped(line.group.stage or "", (_NAME - 70) // _BOLD_PX)
    yield el("line", {"class": "line", "x1": -_NAME, "x2": _LANE, "y1": 1, "y2": 1})
    yield _text(name, -_NAME, 15, "fg bold")
    if line.note:
        yield _text(line.note, -14, 15, "muted small", "end")
    yield from _curves(line.group, run)


def _curves(group: Group, run: Timeline) -> Iterable[Element]:
    """How many builds, and how many deployments, of a stage run at a time."""
    steps = {step.task: step for row in group.rows for step in row.steps}.values()
    curves = {
        "build": running(step for step in steps if step.kind is TaskKind.BUILD),
        "deploy": running(step for step in steps if step.kind in (TaskKind.MIRROR, TaskKind.DEPLOY)),
    }
    top = max((count for curve in curves.values() for _, count in curve), default=0)
    for kind, curve in curves.items():
        if top and curve:
            path = [f"M{_x(curve[0][0], run)} 18"]
            for time_s, count in curve:
                path.append(f"H{_x(time_s, run)}V{round(18 - 14 * count / top, 2)}")
            yield el("path", {"class": kind, "fill-opacity": 0.6, "d": "".join(path) + "V18Z"})


def _bars(step: Step, run: Timeline) -> Iterable[Element]:
    if step.start_s > step.arrival_s:
        x = _x(step.arrival_s, run)
        yield _rect("wait", x, _x(step.start_s, run) - x)
    yield _bar(step, run)
    if step.critical:
        x = _x(step.start_s, run)
        yield _rect("critical", x, _x(step.finish_s, run) - x)
    mark = MARKS.get(step.outcome)
    if mark is not None:
        x = _x(step.finish_s, run)
        yield _outline(mark, x)
        if x + 14 + _COLUMN_PX * len(mark.word) > _LANE:
            yield _text(mark.word, x - 8, 13, "fg small word", "end")
        else:
            yield _text(mark.word, x + 14, 13, "fg small word")


def _outline(mark: Mark, x: float) -> Element:
    return el("path", {"class": mark.kind, "transform": f"translate({x} 0)", "d": mark.path})


def _bar(step: Step, run: Timeline) -> Element:
    x = _x(step.start_s, run)
    return _rect(_KINDS.get(step.kind, "check"), x, _x(step.finish_s, run) - x)


def _rect(kind: str, x: float, width: float) -> Element:
    """A bar; what takes time at all is seen."""
    y, height = {"wait": (9, 2), "critical": (17, 3)}.get(kind) or _HEIGHTS[kind]
    return el("rect", {"class": kind, "x": x, "y": y, "width": max(width, 0.8), "height": height})


def _text(text: str, x: float, y: float, kind: str, anchor: str | None = None) -> Element:
    return el("text", {"class": kind, "x": x, "y": y, "text-anchor": anchor}, text)


def _x(time_s: float, run: Timeline) -> float:
    return round(_LANE * time_s / run.makespan_s, 2) if run.makespan_s > 0 else 0.0
