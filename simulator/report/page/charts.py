"""The statistical figures as Vega-Lite layers: what is drawn, from which numbers.

Takes a forecast and a width in pixels, gives an SVG element. The numbers that a
chart shows come from simulator.report.page.facts; the Gantt is elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from xml.etree.ElementTree import Element

from compiler.values.elapsed import duration
from simulator.figures import columns_of
from simulator.forecasting.forecast import Forecast
from simulator.report.page.facts import Bin, Panel, Ranked, Swung, clipped
from simulator.report.page.vega import chart
from simulator.report.timeline import ticks

_COLORS = {kind: f"var(--{kind})" for kind in ("build", "mirror", "deploy", "term")}
_COLOR = {"field": "color", "type": "nominal", "scale": None}
_ROW_PX = 22
# Room for a character of a wide font, so that names are never cut by the edge.
_COLUMN_PX = 8
Layer = dict[str, Any]


def distribution(forecast: Forecast, bins: Sequence[Bin], width: int) -> Element:
    """A histogram of the makespans with the quantiles and their intervals."""
    begin_s, end_s = bins[0].begin_s, bins[-1].end_s
    axis = _time_axis(begin_s, end_s, width)
    scale = {"domain": [begin_s, end_s], "nice": False, "zero": False}
    x = {"field": "begin", "type": "quantitative", "scale": scale, "axis": axis}
    y = {"type": "quantitative", "axis": {"title": "runs", "tickCount": 4, "tickMinStep": 1, "format": "d"}}
    bars = [
        {
            "begin": each.begin_s,
            "end": each.end_s,
            "runs": each.runs,
            "text": f"{duration(each.begin_s)} to {duration(each.end_s)}: {each.runs:,} runs",
        }
        for each in bins
    ]
    makespan = forecast.makespan
    quantiles: list[dict[str, Any]] = []
    for row, (name, each) in enumerate((("P50", makespan.p50), ("P90", makespan.p90), ("P99", makespan.p99))):
        right = each.value_s > begin_s + 0.6 * (end_s - begin_s)
        quantiles.append(
            {
                "at": each.value_s,
                "low": each.value_s if each.low_s is None else each.low_s,
                "high": each.value_s if each.high_s is None else each.high_s,
                "label": f"{name} {duration(each.value_s)}",
                "right": right,
                "row": 14 * row - 30,
            }
        )
    layers = [
        _layer(
            quantiles,
            {"type": "rect", "color": "var(--interval)", "aria": False},
            x={**x, "field": "low"},
            x2={"field": "high"},
        ),
        _layer(
            bars,
            {"type": "rect", "color": "var(--build)", "xOffset": 0.5, "x2Offset": -0.5},
            x=x,
            x2={"field": "end"},
            y={**y, "field": "runs"},
            y2={"datum": 0},
            description={"field": "text"},
        ),
        _layer(
            quantiles,
            {"type": "rule", "color": "var(--fg)", "strokeWidth": 1.5, "y": -22, "aria": False},
            x={**x, "field": "at"},
        ),
    ]
    for row in range(3):
        at_left = quantiles[row]["right"]
        mark = {
            "type": "text",
            "align": "right" if at_left else "left",
            "dx": -5 if at_left else 5,
            "y": quantiles[row]["row"],
            "baseline": "middle",
            "fontWeight": "bold",
            "aria": False,
        }
        layers.append(
            _layer([quantiles[row]], mark, x={**x, "field": "at"}, text={"field": "label", "type": "nominal"})
        )
    return chart(layers, (width, 250), {"left": 44, "right": 14, "top": 42, "bottom": 28})


def shares(rows: Sequence[Ranked], width: int) -> Element:
    """Horizontal bars of shares, with the figures at their ends."""
    left, right = _margins(width, [each.label for each in rows])
    values = [
        {
            "row": number,
            "name": clipped(each.label, left // _COLUMN_PX - 2),
            "share": each.share,
            "outer": each.share if each.outer is None else each.outer,
            "end": each.figures,
            "text": each.text,
            "color": _COLORS.get(each.color, "var(--muted)"),
        }
        for number, each in enumerate(rows)
    ]
    top = max((0.01, *(each.share if each.outer is None else each.outer for each in rows)))
    scale = {"domain": [0, top], "nice": False}
    axis = {"values": _percents(top, width - left - right), "format": "%", "title": None}
    x = {"field": "share", "type": "quantitative", "scale": scale, "axis": axis}
    y = _rows_axis()
    layers = [
        _names(values),
        _layer(
            values,
            {"type": "bar", "height": {"band": 0.7}},
            color=_COLOR,
            x=x,
            y=y,
            description={"field": "text"},
        ),
        _layer(
            values,
            {"type": "text", "align": "left", "dx": 5, "aria": False},
            x={**x, "field": "outer"},
            y=y,
            text={"field": "end"},
        ),
    ]
    if any(each.outer is not None for each in rows):
        pale = {"type": "bar", "height": {"band": 0.7}, "fillOpacity": 0.3, "aria": False}
        layers.insert(1, _layer(values, pale, x={**x, "field": "outer"}, y=y, color=_COLOR))
    return _rows_chart(layers, len(values), width, (left, right))


def tornado(rows: Sequence[Swung], p50_s: float, width: int) -> Element:
    """What the makespan is when a task is short, and when it is long."""
    left, right = _margins(width, [each.label for each in rows])
    values = [
        {
            "row": number,
            "name": clipped(each.label, left // _COLUMN_PX - 2),
            "color": _COLORS.get(each.color, "var(--muted)"),
            "low": each.low_s,
            "high": each.high_s,
            "end": f"{'+' if each.high_s >= each.low_s else '-'}{duration(abs(each.high_s - each.low_s))}",
            "right": max(each.low_s, each.high_s),
            "text": each.text,
        }
        for number, each in enumerate(rows)
    ]
    ends = [p50_s, *(each.low_s for each in rows), *(each.high_s for each in rows)]
    begin_s, end_s = min(ends), max(ends)
    room_s = 0.04 * (end_s - begin_s) or max(end_s * 0.01, 0.1)
    begin_s, end_s = max(0.0, begin_s - room_s), end_s + room_s
    scale = {"domain": [begin_s, end_s], "nice": False, "zero": False}
    x = {
        "field": "low",
        "type": "quantitative",
        "scale": scale,
        "axis": _time_axis(begin_s, end_s, width - left),
    }
    y = _rows_axis()
    layers = [
        _names(values),
        _layer(
            values,
            {"type": "bar", "height": {"band": 0.7}},
            color=_COLOR,
            x=x,
            x2={"field": "high"},
            y=y,
            description={"field": "text"},
        ),
        _layer(
            [{"at": p50_s}],
            {"type": "rule", "color": "var(--fg)", "strokeDash": [4, 3], "aria": False},
            x={**x, "field": "at"},
        ),
        _layer(
            values,
            {"type": "text", "align": "left", "dx": 5, "aria": False},
            x={**x, "field": "right"},
            y=y,
            text={"field": "end"},
        ),
    ]
    return _rows_chart(layers, len(values), width, (left, right))


def load(panel: Panel, width: int) -> Element:
    """The use of one resource over the typical run (area) and the slow one (dashed line)."""
    end_s = panel.end_s
    scale = {"domain": [0, end_s], "nice": False}
    x = {"field": "at", "type": "quantitative", "scale": scale, "axis": _time_axis(0.0, end_s, width)}
    top = max(panel.capacity, 1e-9)
    y = {
        "field": "amount",
        "type": "quantitative",
        "scale": {"domain": [0, top * 1.08], "nice": False},
        "axis": {"title": None, "values": [0, top / 2, top], "format": ".3~r"},
    }
    typical, slow = (
        [{"at": time_s, "amount": amount} for time_s, amount in curve] for curve in panel.curves(width // 4)
    )
    layers = [
        _layer(
            typical,
            {
                "type": "area",
                "interpolate": "step-after",
                "color": "var(--build)",
                "fillOpacity": 0.5,
                "aria": False,
            },
            x=x,
            y=y,
        ),
        _layer(
            [{"amount": top}],
            {"type": "rule", "color": "var(--fg)", "strokeDash": [2, 3], "aria": False},
            y=y,
        ),
        _layer(
            slow,
            {
                "type": "line",
                "interpolate": "step-after",
                "color": "var(--slow)",
                "strokeWidth": 1.5,
                "strokeDash": [5, 2],
                "aria": False,
            },
            x=x,
            y=y,
        ),
        _layer(
            [
                {"at": begin_s, "end": end_s, "amount": 0, "top": top * 1.08, "text": text}
                for begin_s, end_s, text in panel.slices(width // 16)
            ],
            {"type": "rect", "color": "transparent"},
            x=x,
            x2={"field": "end"},
            y=y,
            y2={"field": "top"},
            description={"field": "text"},
        ),
    ]
    return chart(layers, (width, 150), {"left": 46, "right": 16, "top": 6, "bottom": 28})


def _layer(values: Sequence[dict[str, Any]], mark: Layer, **encoding: Layer) -> Layer:
    return {"data": {"values": list(values)}, "mark": mark, "encoding": encoding}


def _margins(width: int, names: Sequence[str]) -> tuple[int, int]:
    """Room for names at the left, cut where they take too much of it, and for figures at the right."""
    widest = max((columns_of(name) for name in names), default=0)
    return min(_COLUMN_PX * (widest + 2), width * 9 // 20), 84


def _rows_axis() -> Layer:
    """Rows in the order of the values: told apart by their number; their names are texts beside them."""
    return {"field": "row", "type": "ordinal", "sort": None, "axis": None}


def _names(values: Sequence[dict[str, Any]]) -> Layer:
    mark = {"type": "text", "align": "right", "x": -8, "aria": False}
    return _layer(values, mark, y=_rows_axis(), text={"field": "name", "type": "nominal"})


def _rows_chart(layers: list[Layer], rows: int, width: int, margins: tuple[int, int]) -> Element:
    padding = {"left": margins[0], "right": margins[1], "top": 4, "bottom": 28}
    return chart(layers, (width, rows * _ROW_PX + 32), padding)


def _percents(top: float, width: int) -> list[float]:
    """Round shares up to `top`, as many as have room."""
    most = width / 48
    step = next((step for step in (0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0) if top / step <= most), 1.0)
    return [step * number for number in range(int(top / step + 1e-9) + 1)]


def _time_axis(begin_s: float, end_s: float, width: int) -> Layer:
    """Round times, written as durations; as many as have room."""
    values = ticks(end_s, max(2, width // 85), begin_s)
    labels = json.dumps([duration(value) for value in values])
    return {
        "values": list(values),
        "labelExpr": f"{labels}[indexof({json.dumps(list(values))}, datum.value)]",
        "title": None,
        "labelOverlap": True,
        "grid": True,
    }
