"""A sweep as a picture: P50 and P90 per value, the knee, and below them what the pool costs.

Takes a `Comparison` with a sweep, gives an SVG or an HTML document of its own, drawn by
Vega-Lite (`stagecast[report]`). Both stand alone: no script, no network.
"""

from __future__ import annotations

import base64
import hashlib
import json
from importlib.resources import files
from typing import Any
from xml.etree.ElementTree import Element

from compiler.values.elapsed import duration
from simulator.figures import percent
from simulator.report.page.data import Data, link
from simulator.report.page.markup import el, html, xml
from simulator.report.page.vega import chart
from simulator.report.paired_text import minutes, with_margin
from simulator.report.timeline import ticks
from simulator.report.whatif_text import about, knee_text
from simulator.statistics.compare import Change
from simulator.studies.whatif import Comparison, Sweep

_WIDTH, _HEIGHT, _COST_HEIGHT = 720, 300, 150
_MARGINS = {"left": 76, "right": 56, "top": 26, "bottom": 26}
# The page's colours in light, for a picture that is shown by whatever shows pictures.
_COLOURS = {
    "--fg": "#1f2328",
    "--muted": "#57606a",
    "--line": "#d8dee4",
    "--build": "#0072b2",
    "--slow": "#c04a00",
    "--interval": "#dbe4ec",
    "--critical": "#c04a00",
}
Layer = dict[str, Any]


def svg(comparison: Comparison) -> str:
    """The picture as an SVG document.

    Raises:
        ReportUnavailableError: the library that draws is missing.
        ValueError: there is no sweep, or no run of it succeeds.
    """
    sweep = _sweep(comparison)
    title_height, height = 34, _HEIGHT + _COST_HEIGHT
    drawn = [
        el("title", None, _title(comparison)),
        el("rect", {"width": _WIDTH, "height": height + title_height, "fill": "#ffffff"}),
        el(
            "text",
            {"x": 16, "y": 22, "font-size": 15, "font-weight": "bold", "fill": _COLOURS["--fg"]},
            _title(comparison),
        ),
    ]
    for part, top, tall in ((_times(sweep), 0, _HEIGHT), (_costs(sweep), _HEIGHT, _COST_HEIGHT)):
        for name, value in (("y", top + title_height), ("width", _WIDTH), ("height", tall)):
            part.set(name, str(value))
        drawn.append(_coloured(part))
    size = {"width": _WIDTH, "height": height + title_height}
    root = el(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            **size,
            "viewBox": f"0 0 {_WIDTH} {height + title_height}",
            "font-family": "Liberation Sans, Arial, sans-serif",
            "role": "img",
        },
        drawn,
    )
    return xml(root)


def page(comparison: Comparison) -> str:
    """The picture as an HTML document, with its table.

    Raises:
        ReportUnavailableError: the library that draws is missing.
        ValueError: there is no sweep, or no run of it succeeds.
    """
    sweep = _sweep(comparison)
    style = Element("style")
    style.text = files("simulator.report.page").joinpath("style.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.text.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'"
    head = el(
        "head",
        None,
        el("meta", {"charset": "utf-8"}),
        el("meta", {"http-equiv": "Content-Security-Policy", "content": policy}),
        el("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        el("meta", {"name": "color-scheme", "content": "light dark"}),
        el("title", None, _title(comparison)),
        el("link", {"rel": "icon", "href": "data:,"}),
        style,
    )
    data = _data(sweep)
    body = el(
        "body",
        None,
        el(
            "h1",
            None,
            el("bdi", None, comparison.environment),
            el("small", None, f" sweep of {sweep.setting}"),
        ),
        el("p", {"class": "note"}, about(comparison.runs, comparison.seed, comparison.profile)),
        el(
            "main",
            None,
            el("p", None, knee_text(sweep, comparison.base)),
            el("figure", None, _named(_times(sweep), "P50 and P90 per value")),
            el("figure", None, _named(_costs(sweep), "CPU-minutes of the pool per value")),
            _table(data),
            el(
                "p",
                None,
                el("a", {"href": link(data), "download": f"{data.name}.csv"}, f"Save {data.name}.csv"),
            ),
        ),
    )
    return html(el("html", {"lang": "en"}, head, body))


def _sweep(comparison: Comparison) -> Sweep:
    if comparison.sweep is None or all(point.figures.p50 is None for point in comparison.sweep.points):
        raise ValueError("there is nothing to draw: no run of a sweep succeeds")
    return comparison.sweep


def _title(comparison: Comparison) -> str:
    setting = comparison.sweep.setting if comparison.sweep is not None else ""
    return f"{comparison.environment}: sweep of {setting}"


def _coloured(part: Element) -> Element:
    for element in part.iter():
        for name, value in element.attrib.items():
            if value.startswith("var("):
                element.set(name, _COLOURS[value[4:-1]])
    return part


def _named(drawn: Element, label: str) -> Element:
    drawn.set("role", "group")
    drawn.set("aria-label", f"Chart: {label}")
    return drawn


def _times(sweep: Sweep) -> Element:
    """Lines of P50 and P90 with their intervals."""
    rows = [row for row in _rows(sweep) if row["p50"] is not None]
    top_s = max([row["high90"] for row in rows]) * 1.04 or 1.0
    values = ticks(top_s, 7)
    axis = {
        "values": list(values),
        "labelExpr": f"{json.dumps([duration(each) for each in values])}[indexof({json.dumps(list(values))}, "
        "datum.value)]",
        "title": None,
        "grid": True,
    }
    scale = {"domain": [0, top_s], "nice": False}
    layers = []
    for name, colour, dash in (("90", "var(--slow)", [5, 3]), ("50", "var(--build)", [1, 0])):
        y = {"field": f"p{name}", "type": "quantitative", "scale": scale, "axis": axis}
        x = _x(sweep)
        layers += [
            _layer(
                rows,
                {"type": "rule", "color": colour, "strokeWidth": 5, "opacity": 0.35, "aria": False},
                x=x,
                y={**y, "field": f"low{name}"},
                y2={"field": f"high{name}"},
            ),
            _layer(rows, {"type": "line", "color": colour, "strokeDash": dash, "aria": False}, x=x, y=y),
            _layer(
                rows,
                {"type": "point", "color": colour, "filled": True, "size": 40},
                x=x,
                y=y,
                description={"field": f"text{name}"},
            ),
            _layer(
                rows[-1:],
                {"type": "text", "color": colour, "align": "left", "dx": 9, "aria": False},
                x=x,
                y=y,
                text={"value": f"P{name}"},
            ),
        ]
    return chart(layers + _knee(sweep, rows), (_WIDTH, _HEIGHT), _MARGINS)


def _knee(sweep: Sweep, rows: list[dict[str, Any]]) -> list[Layer]:
    knee = [row for row in rows if row["value"] == sweep.knee]
    rule = {"type": "rule", "color": "var(--fg)", "strokeDash": [3, 3], "aria": False}
    text = {"type": "text", "color": "var(--fg)", "y": -8, "fontWeight": "bold", "aria": False}
    return [_layer(knee, rule, x=_x(sweep)), _layer(knee, text, x=_x(sweep), text={"value": "knee"})]


def _costs(sweep: Sweep) -> Element:
    """Bars of the pool's CPU-minutes."""
    title = {"type": "text", "align": "left", "x": 0, "y": -10, "color": "var(--muted)", "aria": False}
    layers = [
        _layer(
            _rows(sweep),
            {"type": "bar", "color": "var(--build)", "opacity": 0.6},
            x=_x(sweep),
            y={"field": "pool", "type": "quantitative", "axis": {"title": None, "tickCount": 4}},
            description={"field": "cost"},
        ),
        _layer([{}], title, text={"value": "pool, CPU-minutes a run"}),
    ]
    return chart(layers, (_WIDTH, _COST_HEIGHT), {**_MARGINS, "top": 24})


def _x(sweep: Sweep) -> Layer:
    return {
        "field": "value",
        "type": "ordinal",
        "sort": None,
        "scale": {"domain": list(sweep.values)},
        "axis": {"title": None, "labelAngle": 0, "labelOverlap": True},
    }


def _layer(values: list[dict[str, Any]], mark: Layer, **encoding: Layer) -> Layer:
    return {"data": {"values": values}, "mark": mark, "encoding": encoding}


def _rows(sweep: Sweep) -> list[dict[str, Any]]:
    rows = []
    for value, point in zip(sweep.values, sweep.points, strict=True):
        figures = point.figures
        row: dict[str, Any] = {"value": value, "pool": round(figures.pool_cpu_s / 60, 3)}
        row["cost"] = f"{value}: the pool costs {minutes(figures.pool_cpu_s)} CPU-minutes a run"
        for name, quantile in (("50", figures.p50), ("90", figures.p90)):
            at = None if quantile is None else round(quantile.value_s, 3)
            low, high = (None, None) if quantile is None else (quantile.low_s, quantile.high_s)
            row |= {
                f"p{name}": at,
                f"low{name}": at if low is None else round(low, 3),
                f"high{name}": at if high is None else round(high, 3),
                f"text{name}": f"{value}: P{name} {duration(at or 0.0)}{_against(point.change)}",
            }
        rows.append(row)
    return rows


def _against(change: Change | None) -> str:
    if change is None:
        return ""
    return (
        f", {with_margin(change.mean)} to the base on average, slower in {percent(change.slower)} of the runs"
    )


def _data(sweep: Sweep) -> Data:
    names = ("value", "p50_s", "p90_s", "mean_by_s", "slower", "build_cpu_s", "pool_cpu_s")
    rows = []
    for value, point in zip(sweep.values, sweep.points, strict=True):
        figures, change = point.figures, point.change
        rows.append(
            (
                value,
                None if figures.p50 is None else figures.p50.value_s,
                None if figures.p90 is None else figures.p90.value_s,
                None if change is None else change.mean.value_s,
                None if change is None else change.slower,
                figures.build_cpu_s,
                figures.pool_cpu_s,
            )
        )
    return Data("sweep", names, tuple(rows))


def _table(data: Data) -> Element:
    def cell(value: str | float | None) -> str:
        return value if isinstance(value, str) else "" if value is None else f"{value:,.1f}"

    return el(
        "div",
        {"class": "wide"},
        el(
            "table",
            None,
            el("thead", None, el("tr", None, (el("th", {"scope": "col"}, name) for name in data.columns))),
            el(
                "tbody",
                None,
                (el("tr", None, (el("td", None, cell(each)) for each in row)) for row in data.rows),
            ),
        ),
    )
