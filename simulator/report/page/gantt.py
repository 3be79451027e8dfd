"""The Gantt chart of the HTML report: a row per service, in a lane that is as wide as the screen.

Takes a run, gives markup: stages with their rows, the critical ones first, the
others folded away where there are many. Positions are percentages, so that one
drawing fits a phone, a screen and a zoom. Every row says in words what it shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element

from compiler.plan.model import TaskKind
from compiler.values.elapsed import duration
from simulator.figures import columns_of, percent
from simulator.forecasting.forecast import Step
from simulator.report.outcomes import MARKS, NEVER, Mark
from simulator.report.page.facts import title
from simulator.report.page.markup import el, number
from simulator.report.timeline import Band, Group, Row, Timeline, clock, queued_share, running, ticks

# Up to here every row is shown at first.
MOST_OPEN = 40
# How many round times the axis has, by level; the style sheet shows the level that fits width and zoom.
_TICKS = (5, 8, 16, 32, 64, 128)
_LANE_PX, _PHONE_LANE_PX = 880, 330
_MOST_CAUSES = 8
# From this part of the lane on, there may be no room for a word to the right of a bar's end.
_WORD_LEFT_FROM = 0.8
_CLASS = {TaskKind.CHECK: "k", TaskKind.BUILD: "b", TaskKind.MIRROR: "m", TaskKind.DEPLOY: "d"}
_DOING = {
    TaskKind.CHECK: "checked",
    TaskKind.BUILD: "built",
    TaskKind.MIRROR: "mirrored",
    TaskKind.DEPLOY: "deployed",
}


def gantt(run: Timeline, label: str) -> Element:
    """The chart with its axis; `label` says which run it is."""
    folded = sum(len(group.rows) for group in run.groups) > MOST_OPEN
    return el(
        "div",
        {"class": "gantt", "data-zoom": 1, "role": "group", "aria-label": f"Gantt chart: {label}"},
        el(
            "div",
            {"class": "sheet"},
            _grid(run),
            el("div", {"class": "cover"}, el("div")),
            _axis(run),
            _strip(run),
            (_group(group, run, folded) for group in run.groups),
        ),
    )


def legend(*, failed: bool = False) -> Element:
    """What the bars mean; `failed` with the marks of a run that failed."""
    meanings = (
        ("w", "waits for a slot"),
        ("b", "build"),
        ("m", "mirror"),
        ("d", "deploy"),
        ("bc", "on the critical path"),
    )
    return el(
        "ul",
        {"class": "legend", "aria-label": "Legend"},
        (
            el(
                "li",
                None,
                el("svg", {"class": "key", "aria-hidden": "true"}, (_rect(kind, 4, 24) for kind in kinds)),
                meaning,
            )
            for kinds, meaning in meanings
        ),
        (
            el("li", None, el("svg", {"class": "key", "aria-hidden": "true"}, _mark(mark, 16)), mark.meaning)
            for mark in (MARKS.values() if failed else ())
        ),
    )


def patterns() -> Element:
    """The hatching of deployments, once a page: told from builds without colour."""
    hatch = el(
        "pattern",
        {
            "id": "hatch",
            "width": 5,
            "height": 5,
            "patternUnits": "userSpaceOnUse",
            "patternTransform": "rotate(45)",
        },
        el("rect", {"class": "hatch-ground", "width": 5, "height": 5}),
        el("rect", {"class": "hatch-line", "width": 2, "height": 5}),
    )
    return el("svg", {"class": "defs", "aria-hidden": "true"}, el("defs", None, hatch))


def causes(run: Timeline) -> tuple[Element, ...]:
    """What held a run up: slots or the chain of needs, and its critical path's longest steps in order."""
    longest = sorted(run.path, key=lambda step: step.start_s - step.finish_s)[:_MOST_CAUSES]
    if not longest:
        return ()
    rows = sorted(longest, key=lambda step: step.start_s)
    whole_s = run.makespan_s or 1.0
    more = (
        f"The longest {len(rows)} of its {len(run.path)} steps" if len(run.path) > len(rows) else "Its steps"
    )
    return (
        el("h4", None, "What held this run up"),
        el("p", None, f"{_bound(queued_share(run.path))} {more}, in order:"),
        el("ol", {"class": "causes"}, (_cause(step, whole_s) for step in rows)),
    )


def _bound(queued: float) -> str:
    if queued < 0.005:
        return "Nothing on the critical path had to queue: the chain of needs holds the run up, slots do not."
    which = "slots hold it up more" if queued >= 0.5 else "needs hold it up more than slots"
    rest = " than needs" if queued >= 0.5 else ""
    return f"Tasks that had to queue make {percent(queued)} of the critical path: {which}{rest}."


def _cause(step: Step, whole_s: float) -> Element:
    took_s = step.finish_s - step.start_s
    waited_s = step.start_s - step.arrival_s
    after = f", after {duration(waited_s)} in the queue" if waited_s > 0.05 else ""
    return el(
        "li",
        None,
        el("strong", None, title(step.task)),
        f" {duration(took_s)}, {percent(took_s / whole_s)} of the run{after}",
    )


def _grid(run: Timeline) -> Element:
    """What lies behind all rows: bands of phases and lines at round times."""
    bands = (
        el(
            "rect",
            {
                "class": f"band-{band.phase}",
                "x": _share(band.begin_s, run),
                "width": _share(band.end_s - band.begin_s, run),
                "height": "100%",
            },
        )
        for band in run.bands
    )
    lines = (
        el(
            "g",
            {"class": f"t{level}"},
            (
                el("line", {"x1": _share(time_s, run), "x2": _share(time_s, run), "y2": "100%"})
                for time_s in ticks(run.makespan_s, most)
            ),
        )
        for level, most in enumerate(_TICKS)
    )
    return el("svg", {"class": "grid", "aria-hidden": "true"}, bands, lines)


def _axis(run: Timeline) -> Element:
    times = (
        el("g", {"class": f"t{level}"}, (_tick(time_s, run) for time_s in ticks(run.makespan_s, most)))
        for level, most in enumerate(_TICKS)
    )
    names = (
        el(
            "svg",
            {"x": _share(band.begin_s, run), "width": _share(band.end_s - band.begin_s, run), "height": 16},
            el("rect", {"class": f"name-{band.phase}", "width": "100%", "height": 16}),
            el("text", {"class": _room(band, run), "x": 4, "y": 12}, band.name),
        )
        for band in run.bands
    )
    return el(
        "div",
        {"class": "axis row", "aria-hidden": "true"},
        el("span", {"class": "n"}),
        el(
            "div",
            None,
            el("svg", {"class": "lane names"}, names) if run.bands else None,
            el("svg", {"class": "lane times"}, times),
        ),
    )


def _room(band: Band, run: Timeline) -> str:
    """From which zoom on a band has room for its name, in a lane on a screen (z) and on a phone (p)."""
    lane_px = (band.end_s - band.begin_s) / (run.makespan_s or 1.0)
    wanted_px = 8 + 7.5 * columns_of(band.name)
    levels = (
        next((level for level in range(5) if lane_px * width * 2**level >= wanted_px), 5)
        for width in (_LANE_PX, _PHONE_LANE_PX)
    )
    return "z{} p{}".format(*levels)


def _tick(time_s: float, run: Timeline) -> Element:
    share = 100 * time_s / run.makespan_s if run.makespan_s > 0 else 0.0
    anchor = "start" if share < 3 else "end" if share > 95 else "middle"
    return el("text", {"x": f"{number(share)}%", "y": 13, "text-anchor": anchor}, duration(time_s))


def _strip(run: Timeline) -> Element | None:
    """The critical path end to end in one lane."""
    if not run.path:
        return None
    said = "; ".join(
        f"{title(step.task)} {clock(step.start_s)} to {clock(step.finish_s)}{_how(step)}"
        for step in run.path[:40]
    )
    more = f"; and {len(run.path) - 40} more" if len(run.path) > 40 else ""
    bars = (
        _bar(step, run, f"{_CLASS.get(step.kind, 'k')}{' odd' if place % 2 else ''}")
        for place, step in enumerate(run.path)
    )
    return el(
        "div",
        {"class": "row strip"},
        el("span", {"class": "n"}, "Critical path"),
        _lane(f"Critical path, end to end; {said}{more}", bars),
    )


def _group(group: Group, run: Timeline, folded: bool) -> Element:
    critical = [row for row in group.rows if row.critical]
    rest = [row for row in group.rows if not row.critical]
    name = group.stage if group.stage is not None else "before all stages"
    parts: list[Element | None]
    if folded and group.stage is not None and len(rest) > 1:
        parts = [
            _rows(critical, run) if critical else None,
            el(
                "details",
                {"class": "rest"},
                el("summary", None, _others(len(rest), bool(critical))),
                _rows(rest, run),
            ),
        ]
    else:
        parts = [_rows(group.rows, run)]
    head = _head(group, name, len(critical), run) if group.stage is not None else None
    return el("section", {"class": "stage", "aria-label": f"Stage {name}"}, head, parts)


def _others(count: int, some_critical: bool) -> str:
    return f"{count} {'more ' if some_critical else ''}services, not on this run's critical path"


def _head(group: Group, name: str, critical: int, run: Timeline) -> Element:
    count = len(group.rows)
    services = f"{count} service{'s' * (count != 1)}"
    steps = [step for row in group.rows for step in row.steps]
    said = f"{critical} of {count} critical" if critical else services
    if steps:
        ended = "done" if all(row.whole for row in group.rows) else "stopped"
        at = clock(max(step.finish_s for step in steps))
        summary = f"{name}: {said}, {ended} at {at}; the curve is how many tasks run at a time"
    else:
        summary = f"{name}: {NEVER if any(row.never for row in group.rows) else 'nothing to do'}"
    return el(
        "div",
        {"class": "row head"},
        el("h4", {"class": "n"}, el("span", {"class": "stage-name"}, name), el("small", None, f" {said}")),
        _lane(summary, _curves(steps, run)),
    )


def _curves(steps: Sequence[Step], run: Timeline) -> Iterable[Element]:
    """How many builds, and how many deployments, of a stage run at a time."""
    sorts = (
        ("b", [step for step in steps if step.kind is TaskKind.BUILD]),
        ("d", [step for step in steps if step.kind in (TaskKind.MIRROR, TaskKind.DEPLOY)]),
    )
    curves = [(kind, running(members)) for kind, members in sorts if members]
    top = max((count for _, curve in curves for _, count in curve), default=0)
    if top == 0 or run.makespan_s <= 0:
        return ()
    paths = [el("path", {"class": kind, "d": _steps(curve, run, top)}) for kind, curve in curves]
    return (el("svg", {"viewBox": "0 0 1000 100", "preserveAspectRatio": "none"}, paths),)


def _steps(curve: Sequence[tuple[float, int]], run: Timeline, top: int) -> str:
    """A step function as a closed path, 1000 wide and 100 high."""
    parts = [f"M{number(1000 * curve[0][0] / run.makespan_s)} 100"]
    for time_s, count in curve:
        parts.append(f"H{number(1000 * time_s / run.makespan_s)}V{number(100 - 100 * count / top)}")
    return "".join(parts) + "V100Z"


def _rows(rows: Iterable[Row], run: Timeline) -> Element:
    return el("ul", {"class": "rows"}, (_row(row, run) for row in rows))


def _row(row: Row, run: Timeline) -> Element:
    bars = [part for step in row.steps for part in _bars(step, run)]
    if row.never and not row.steps:
        bars.append(el("text", {"class": "word never", "x": 4, "y": 14}, NEVER))
    return el(
        "li",
        {"class": "row crit" if row.critical else "row"},
        el("span", {"class": "n"}, row.name),
        _lane(f"{row.name}; {_said(row)}", bars),
    )


def _said(row: Row) -> str:
    said = []
    for step in row.steps:
        waited_s = step.start_s - step.arrival_s
        queued = f"queued {duration(waited_s)}, " if waited_s > 0.05 else ""
        shared = f", shared by {len(step.services)} services" if len(step.services) > 1 else ""
        critical = ", on the critical path" if step.critical else ""
        took = duration(step.finish_s - step.start_s)
        said.append(
            f"{queued}{_DOING.get(step.kind, step.kind.value)} from {clock(step.start_s)} "
            f"to {clock(step.finish_s)} ({took}){shared}{critical}{_how(step)}"
        )
    said += (f"{title(task)} {NEVER}" for task in row.never)
    return "; ".join(said) or "nothing to do"


def _how(step: Step) -> str:
    mark = MARKS.get(step.outcome)
    return "" if mark is None else f", {mark.word}"


def _lane(said: str, bars: Iterable[Element]) -> Element:
    return el("svg", {"class": "lane", "role": "img", "aria-label": said}, bars)


def _bars(step: Step, run: Timeline) -> Iterable[Element]:
    if step.start_s > step.arrival_s:
        yield _rect("w", _share(step.arrival_s, run), _share(step.start_s - step.arrival_s, run))
    yield _bar(step, run, _CLASS.get(step.kind, "k"))
    if step.critical:
        yield _bar(step, run, "c")
    mark = MARKS.get(step.outcome)
    if mark is not None:
        # A word at the right end of the lane stands on the bar, with a rim around it.
        right = step.finish_s > _WORD_LEFT_FROM * run.makespan_s
        at, anchor = (-8, "end") if right else (14, "start")
        word = el("text", {"class": "word", "x": at, "y": 13, "text-anchor": anchor}, mark.word)
        yield _mark(mark, _share(step.finish_s, run), word)


def _mark(mark: Mark, x: str | int, word: Element | None = None) -> Element:
    return el("svg", {"class": "mark", "x": x}, el("path", {"class": mark.kind, "d": mark.path}), word)


def _bar(step: Step, run: Timeline, kind: str) -> Element:
    return _rect(kind, _share(step.start_s, run), _share(step.finish_s - step.start_s, run))


def _rect(kind: str, x: str | int, width: str | int) -> Element:
    return el("rect", {"class": kind, "x": x, "width": width})


def _share(time_s: float, run: Timeline) -> str:
    return f"{number(100 * time_s / run.makespan_s) if run.makespan_s > 0 else 0}%"
