"""A forecast as one HTML file that needs nothing else: no network, no server, no library to load.

Takes a `Forecast`, gives the document. It owns the order of the page and its
security policy; what is in its parts is in simulator.report.page. The charts
are drawn here and now by Vega-Lite (`stagecast[report]`), so that the page is
there before any script runs, and without one. The same forecast gives the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable
from xml.etree.ElementTree import Element

from compiler.values.elapsed import duration
from simulator.figures import percent, some
from simulator.forecasting.forecast import Forecast, RunTrace
from simulator.report.facts import stopped
from simulator.report.page import charts, datasets, facts, gantt, tables
from simulator.report.page.figure import drawn, figure, saved
from simulator.report.page.markup import el, html
from simulator.report.page.palette import resource
from simulator.report.page.vega import require
from simulator.report.timeline import timeline
from simulator.statistics.quantiles import CONFIDENCE, Quantile

_SECTIONS = (
    ("distribution", "How long it takes"),
    ("causes", "What holds it up"),
    ("timeline", "Timeline"),
    ("use", "Use"),
    ("services", "Services"),
    ("assumptions", "Assumptions"),
)
# Sections of charts, which stand beside each other where there is room.
_IN_PAIRS = ("distribution", "causes")


def render(forecast: Forecast) -> str:
    """The report as an HTML document.

    Raises:
        ReportUnavailableError: the library that draws the charts is missing
            (simulator.report.page.vega); the message says how to get it.
    """
    require()
    style, script = resource("style.css"), resource("script.js")
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    head = el(
        "head",
        None,
        el("meta", {"charset": "utf-8"}),
        el("meta", {"http-equiv": "Content-Security-Policy", "content": policy}),
        el("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        el("meta", {"name": "color-scheme", "content": "light dark"}),
        el("title", None, f"{forecast.environment}: pipeline forecast"),
        el("link", {"rel": "icon", "href": "data:,"}),
        _raw("style", style),
    )
    body = el(
        "body",
        None,
        el("a", {"class": "skip", "href": "#main"}, "Skip to the forecast"),
        gantt.patterns(),
        _header(forecast),
        el("main", {"id": "main"}, _warnings(forecast), _tiles(forecast), _sections(forecast)),
        el("div", {"id": "tip", "aria-hidden": "true", "hidden": ""}),
        _raw("script", script),
    )
    return html(el("html", {"lang": "en"}, head, body))


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _raw(tag: str, text: str) -> Element:
    """Our own style and script: not cleaned, or their hashes would not hold."""
    made = el(tag)
    made.text = text
    return made


def _header(forecast: Forecast) -> Element:
    facts_ = [
        f"{forecast.runs:,} runs",
        f"seed {forecast.seed}",
        f"strategy {forecast.strategy.value}",
        f"scenario {forecast.scenario}",
        f"as {forecast.profile} runs it" if forecast.profile is not None else None,
        f"engine {forecast.engine}" + (f" ({forecast.engine_reason})" if forecast.engine_reason else ""),
    ]
    themes = (("auto", "Auto"), ("light", "Light"), ("dark", "Dark"))
    return el(
        "header",
        None,
        el(
            "div",
            None,
            el("h1", None, el("bdi", None, forecast.environment), el("small", None, " pipeline forecast")),
            el("p", {"class": "note"}, " · ".join(fact for fact in facts_ if fact)),
        ),
        el(
            "fieldset",
            {"class": "choice js", "id": "theme"},
            el("legend", {"class": "hidden"}, "Colours"),
            (_radio("theme", value, text, value == "auto") for value, text in themes),
        ),
        el(
            "nav",
            {"aria-label": "Sections"},
            (el("a", {"href": f"#{anchor}"}, text) for anchor, text in _SECTIONS),
        ),
    )


def _radio(name: str, value: str, text: str, checked: bool) -> Element:
    attributes = {"type": "radio", "name": name, "value": value, "checked": "" if checked else None}
    return el("label", None, el("input", attributes), el("span", None, text))


def _warnings(forecast: Forecast) -> Element | None:
    said = list(_said(forecast))
    if not said:
        return None
    return el(
        "section",
        {"class": "warnings", "aria-labelledby": "warnings"},
        el("h2", {"id": "warnings"}, "Before you rely on this"),
        el("ul", None, (el("li", None, el("strong", None, head), text) for head, text in said)),
    )


def _said(forecast: Forecast) -> Iterable[tuple[str, str]]:
    if forecast.interrupted:
        yield "Interrupted: ", f"only {forecast.runs:,} runs were made, fewer than asked for."
    if forecast.failed > 0:
        tasks = [f"{facts.title(task)} ({percent(share)})" for task, share in forecast.failures]
        first = f" First to fail: {some(tasks, 3)}." if tasks else ""
        others = "; times are about the others" if forecast.makespans_s else ""
        yield "Failures: ", f"{percent(forecast.failed)} of the runs fail{others}.{first}"
    if not forecast.makespans_s:
        how = stopped(forecast, facts.title)
        yield "No run succeeded: ", f"there is no time to forecast. {how[:1].upper()}{how[1:]}".rstrip()
    if forecast.timed_out > 0:
        cut = sorted((task for task in forecast.tasks if task.timed_out), key=lambda task: -task.timed_out)
        names = [f"{facts.title(task.id)} ({percent(task.timed_out)})" for task in cut]
        where = f": {some(names, 3)}" if names else ""
        yield "Timeouts: ", f"hit in {percent(forecast.timed_out)} of the runs{where}."
    if forecast.imprecise:
        yield "Imprecise: ", "the intervals are wider than the precision that was asked for."
    makespan = forecast.makespan
    if forecast.makespans_s and None in (makespan.p50.high_s, makespan.p90.high_s, makespan.p99.high_s):
        yield "Few runs: ", f"{forecast.runs:,} are too few for every interval."
    assumed = sum(task.assumed for task in forecast.tasks)
    if assumed:
        yield (
            "Assumptions: ",
            f"{assumed} of {len(forecast.tasks)} durations are defaults that nobody confirmed.",
        )


def _tiles(forecast: Forecast) -> Element:
    makespan = forecast.makespan
    quantiles = (
        ("P50", makespan.p50, "half of the runs within"),
        ("P90", makespan.p90, "nine runs in ten within"),
        ("P99", makespan.p99, "99 runs in 100 within"),
    )
    succeeded = bool(forecast.makespans_s)
    tiles = [
        (name, duration(each.value_s) if succeeded else "-", meaning, _interval(each) if succeeded else "")
        for name, each, meaning in quantiles
    ]
    bounds = forecast.bounds
    if bounds.lower_s > 0:
        chain = bounds.critical_path_s >= bounds.area_s
        why = "the longest chain of needs" if chain else "the work over the capacity"
        over = f"{why}; runs take {percent(bounds.gap)} more" if succeeded else why
        tiles.append(("Lower bound", duration(bounds.lower_s), "no order could beat", over))
    return el(
        "dl",
        {"class": "tiles"},
        (
            el(
                "div",
                None,
                el("dt", None, name, el("small", None, meaning)),
                el("dd", None, el("strong", None, value), el("small", None, note)),
            )
            for name, value, meaning, note in tiles
        ),
    )


def _interval(quantile: Quantile) -> str:
    low, high = ("?" if end is None else duration(end) for end in (quantile.low_s, quantile.high_s))
    return f"{percent(CONFIDENCE)} interval {low} to {high}"


def _sections(forecast: Forecast) -> Iterable[Element]:
    makers: dict[str, Callable[[Forecast], Iterable[Element | None]]] = {
        "distribution": _distribution,
        "causes": _causes,
        "timeline": _timeline,
        "use": _use,
        "services": _services,
        "assumptions": _assumptions,
    }
    for anchor, text in _SECTIONS:
        yield el(
            "section",
            {"id": anchor, "aria-labelledby": f"{anchor}-title"},
            el("h2", {"id": f"{anchor}-title"}, text),
            el("div", {"class": "figures"} if anchor in _IN_PAIRS else None, makers[anchor](forecast)),
        )


def _distribution(forecast: Forecast) -> Iterable[Element]:
    if not forecast.makespans_s:
        yield el("p", None, "No run succeeded.")
        return
    found = facts.bins(forecast.makespans_s)
    makespan = forecast.makespan
    summary = (
        f"Half of the runs take at most {duration(makespan.p50.value_s)}, nine in ten at most "
        f"{duration(makespan.p90.value_s)}, 99 in 100 at most {duration(makespan.p99.value_s)}. The shortest "
        f"took {duration(makespan.shortest_s)}, the longest {duration(makespan.longest_s)}, the mean is "
        f"{duration(makespan.mean_s)}. Shaded: {percent(CONFIDENCE)} intervals."
    )
    pictures = drawn("Distribution", lambda width: charts.distribution(forecast, found, width))
    data = (datasets.distribution(found), datasets.makespans(forecast))
    yield figure("makespan", "Distribution of the pipeline's duration", summary, pictures, data)
    phases = facts.phases(forecast)
    if phases:
        longest = max(phases, key=lambda each: each.share)
        yield figure(
            "phases",
            "Phases",
            f"Longest: {longest.text}. Bars are parts of the median duration.",
            drawn("Phases", lambda width: charts.shares(phases[: facts.MOST_RANKED], width)),
            (datasets.phases(forecast),),
        )
    terms = facts.terms(forecast)
    if terms:
        yield figure(
            "terms",
            "What the critical paths' time is made of",
            f"Most of it: {terms[0].text}.",
            drawn("Terms", lambda width: charts.shares(terms, width)),
            (datasets.terms(forecast),),
        )


def _causes(forecast: Forecast) -> Iterable[Element]:
    if not forecast.tasks:
        yield el("p", None, "There is nothing to do.")
        return
    ranked = facts.criticality(forecast)
    summary = (
        f"{ranked[0].text}. Solid: share of the critical paths' time. Pale: share of the runs in which the "
        "task is critical."
        if ranked
        else "No task is on a critical path."
    )
    yield figure(
        "criticality",
        "What is on the critical path, how long and how often",
        summary,
        drawn("Criticality", lambda width: charts.shares(ranked, width)) if ranked else (),
        (datasets.tasks(forecast),),
    )
    swings = facts.tornado(forecast)
    if swings:
        p50_s = forecast.makespan.p50.value_s
        yield figure(
            "tornado",
            "What a short or long task makes of the whole",
            f"{swings[0].text}. The dashed line is P50. What a "
            "run's durations have in common is taken out; figures: long less short.",
            drawn("Tornado", lambda width: charts.tornado(swings, p50_s, width)),
            (datasets.tornado(forecast),),
        )


def _timeline(forecast: Forecast) -> Iterable[Element]:
    shown = facts.runs_shown(forecast)
    yield el(
        "div",
        {"class": "controls js"},
        el(
            "fieldset",
            {"class": "choice", "id": "run"},
            el("legend", {"class": "hidden"}, "Which run"),
            (_radio("run", name, text, name == "p50") for name, text, _ in shown),
        ),
        el(
            "label",
            {"class": "check"},
            el("input", {"type": "checkbox", "id": "only-critical"}),
            "Only the critical path",
        ),
        el("label", {"class": "find"}, "Find ", el("input", {"type": "search", "id": "find-row"})),
        el(
            "div",
            {"class": "zoom", "role": "group", "aria-label": "Zoom"},
            el("button", {"type": "button", "id": "zoom-out", "aria-label": "Zoom out"}, "\u2212"),
            el("output", {"id": "zoom-level", "aria-live": "polite"}, "1\u00d7"),
            el("button", {"type": "button", "id": "zoom-in", "aria-label": "Zoom in"}, "+"),
        ),
    )
    yield gantt.legend(failed=forecast.median_run.failed)
    for name, text, run in shown:
        yield _run(forecast, name, text, run)


def _run(forecast: Forecast, name: str, text: str, run: RunTrace) -> Element:
    shown = timeline(run, forecast.services, forecast.strategy, forecast.tasks)
    critical = sum(row.critical for row in shown.rows)
    summary = (
        f"Replication {run.replication} {'stood still after' if run.failed else 'took'} "
        f"{duration(run.makespan_s)}; its critical path goes through "
        f"{critical} of {sum(1 for _ in shown.rows)} rows."
    )
    parts = (*gantt.causes(shown), gantt.gantt(shown, text))
    made = figure(f"run-{name}", text, summary, parts, (datasets.run(name, run),))
    made.set("data-run", name)
    return made


def _use(forecast: Forecast) -> Iterable[Element]:
    uses = [f"{use.queue} {facts.resource(use.resource)} {percent(use.mean)}" for use in forecast.uses]
    average = f"On average over all runs: {', '.join(uses)}." if uses else ""
    panels = facts.panels(forecast)
    if not panels:
        yield el("p", None, average or "No queue was used.")
        return
    slow = forecast.p90_run is not None
    which = "typical run" if forecast.succeeded else "a run that failed"
    legend = f"Area: {which}." + (" Dashed line: slow run." if slow else "") + " Dotted: capacity."
    parts = el("div", {"class": "figures"}, (_panel(panel) for panel in panels))
    data = (datasets.loads(forecast),)
    yield figure("loads", "Slots, CPU and memory over time", f"{average} {legend}".lstrip(), (parts,), data)


def _panel(panel: facts.Panel) -> Element:
    return el(
        "div",
        {"class": "panel"},
        el("h4", None, panel.title, el("small", None, f" of {panel.amount(panel.capacity)}")),
        drawn(panel.title, lambda width: charts.load(panel, width)),
    )


def _services(forecast: Forecast) -> Iterable[Element | None]:
    if not forecast.services:
        yield el("p", None, "There are no services.")
        return
    many = len(forecast.services) > tables.MOST_ROWS
    yield el(
        "div",
        {"class": "controls js"},
        el("label", {"class": "find"}, "Find ", el("input", {"type": "search", "id": "find-service"})),
        el("button", {"type": "button", "id": "all-services"}, f"Show all {len(forecast.services)}")
        if many
        else None,
        el("span", {"class": "note", "id": "sorted", "role": "status"}),
    )
    yield el("div", {"class": "wide"}, tables.services(forecast))
    yield saved("services", (datasets.services(forecast),))


def _assumptions(forecast: Forecast) -> Iterable[Element]:
    yield from tables.assumptions(forecast)
    yield saved("durations", (datasets.durations(forecast),))
