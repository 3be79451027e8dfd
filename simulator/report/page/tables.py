"""The tables of the HTML report: services, and what was assumed and what measured.

Takes a forecast, gives markup.
"""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree.ElementTree import Element

from compiler.values.elapsed import duration
from simulator.figures import optional_duration, percent
from simulator.forecasting.forecast import Forecast, ServiceForecast, TaskForecast
from simulator.modelling.laws import Law
from simulator.report.facts import dockerfiles
from simulator.report.page.facts import ranking, title
from simulator.report.page.markup import el, number

# Above this, the table shows the first 25 until all are asked for (style.css).
MOST_ROWS = 40
_MOST_LAWS = 30
_SOURCES = {
    "assumed": "assumed (nobody said)",
    "scenario": "set by the scenario",
    "estimate": "estimated by a person",
    "measured": "measured",
    "dockerfile": "by its Dockerfile",
}
_COLUMNS = (
    ("Service", "name"),
    ("Type", ""),
    ("Stage", ""),
    ("Critical", "share of the runs in which one of its tasks is on the critical path"),
    ("Share", "its part of the time of all runs' critical paths"),
    ("Queued", "median time in queues"),
    ("Build", "median"),
    ("Mirror", "median"),
    ("Deploy", "median"),
    ("Ready P50", "half of the runs have it ready by then"),
    ("Ready P90", "nine in ten runs have it ready by then"),
)


def services(forecast: Forecast) -> Element:
    """All services, what holds the pipeline up first; the script makes it sortable."""
    stages = {name: place for place, name in enumerate(dict.fromkeys(s.stage for s in forecast.services))}
    ranked = sorted(forecast.services, key=lambda each: (-each.share, -each.critical, -each.ready_p50_s))
    head = (
        el("th", {"scope": "col", "title": meaning or None}, el("button", {"type": "button"}, name))
        for name, meaning in _COLUMNS
    )
    many = len(ranked) > MOST_ROWS
    return el(
        "table",
        {"class": "services few" if many else "services", "id": "services-table"},
        el("caption", {"class": "hidden"}, "Services; the buttons in the head sort the rows"),
        el("thead", None, el("tr", None, head)),
        el("tbody", None, (_service(each, stages[each.stage]) for each in ranked)),
    )


def _service(each: ServiceForecast, stage: int) -> Element:
    times = (each.build_s, each.mirror_s, each.deploy_s)
    return el(
        "tr",
        None,
        el("th", {"scope": "row"}, each.name),
        el("td", None, each.type.value),
        el("td", {"data-v": stage}, each.stage),
        el("td", {"data-v": each.critical}, percent(each.critical)),
        el("td", {"data-v": f"{each.share:.6f}"}, percent(each.share)),
        _time(each.wait_s),
        (_time(time_s) for time_s in times),
        _time(each.ready_p50_s),
        _time(each.ready_p90_s),
    )


def _time(seconds: float | None) -> Element:
    return el("td", {"data-v": "" if seconds is None else number(seconds)}, optional_duration(seconds))


def assumptions(forecast: Forecast) -> tuple[Element, ...]:
    """In words what the forecast rests on, and the laws behind it."""
    tasks = len(forecast.tasks)
    assumed = [task for task in forecast.tasks if task.assumed]
    spreads = sum(task.spread_assumed for task in forecast.tasks)
    profiled = sum(task.profile is not None for task in forecast.tasks)
    by_dockerfile = dockerfiles(forecast)
    said = [
        f"{len(assumed)} of {tasks} durations are assumed (defaults by kind of task), "
        f"{tasks - len(assumed) - profiled} are estimated, set or measured."
        if tasks
        else "There is nothing to do, so nothing is assumed.",
        f"{profiled} by Dockerfile: {by_dockerfile}" if profiled else None,
        f"Of {spreads} more only the spread is assumed." if spreads else None,
        f"The durations of one run have a correlation of {forecast.correlation:g}: a slow registry or a busy "
        "cluster slows all of them.",
        "The intervals say how sure the simulation is. They do not cover a wrong assumption."
        if assumed or profiled
        else None,
    ]
    worth = [title(task.id) for task in ranking(forecast) if task.assumed and task.services][:5]
    advice = el(
        "p",
        None,
        el("strong", None, "Worth estimating first: "),
        ", ".join(worth),
        ". They are assumed and make up most of the critical paths.",
    )
    return (
        el("ul", {"class": "prose"}, (el("li", None, text) for text in said if text)),
        *((advice,) if worth else ()),
        *((_laws(forecast),) if tasks else ()),
    )


def _laws(forecast: Forecast) -> Element:
    """The laws in use, those of the most tasks first."""
    uses: dict[tuple[str, str, Law], list[TaskForecast]] = {}
    for task in forecast.tasks:
        for term in task.terms:
            uses.setdefault((task.kind.value, term.name, term.law), []).append(task)
    rows = sorted(uses.items(), key=lambda item: (-len(item[1]), item[0][:2], item[0][2].median_s))
    heads = ("Task", "Term", "Used by", "Median", "P90", "Median is", "Spread is")
    more = len(rows) - _MOST_LAWS
    return el(
        "div",
        {"class": "wide"},
        el(
            "table",
            {"class": "laws"},
            el("caption", None, "Durations: what was assumed and what was measured"),
            el("thead", None, el("tr", None, (el("th", {"scope": "col"}, head) for head in heads))),
            el("tbody", None, (_law(*key, members) for key, members in rows[:_MOST_LAWS])),
        ),
        el("p", {"class": "note"}, f"And {more} more; all are in the data.") if more > 0 else None,
    )


def _law(kind: str, term: str, law: Law, tasks: list[TaskForecast]) -> Element:
    used = title(tasks[0].id) if len(tasks) == 1 else f"{len(tasks)} tasks"
    cells: Iterable[str] = (
        term,
        used,
        duration(law.median_s),
        "fixed" if law.fixed else duration(law.p90_s),
        _SOURCES.get(law.source, law.source),
        _SOURCES.get(law.spread_source, law.spread_source),
    )
    return el(
        "tr",
        {"class": "assumed" if law.source == "assumed" else None},
        el("th", {"scope": "row"}, kind),
        (el("td", None, cell) for cell in cells),
    )
