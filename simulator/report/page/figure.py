"""The frame of every figure: title, summary, charts, and the data to save and to read.

Takes what is in it, gives markup.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from xml.etree.ElementTree import Element

from simulator.report.page.data import Data, link
from simulator.report.page.markup import el

# A chart is drawn once for screens and once for phones; the style sheet shows one of them.
WIDTHS = (("on-wide", 540), ("on-narrow", 340))


def drawn(label: str, draw: Callable[[int], Element]) -> Iterable[Element]:
    """A chart for screens and the same for phones; `draw` takes the width in pixels."""
    for shown, width in WIDTHS:
        chart = draw(width)
        chart.set("class", f"chart {shown}")
        chart.set("role", "group")
        chart.set("aria-label", f"Chart: {label}")
        yield chart


def figure(
    name: str, title: str, summary: str, parts: Iterable[Element | None], data: tuple[Data, ...]
) -> Element:
    """A figure; `name` is unique on the page."""
    return el(
        "figure",
        {"id": f"figure-{name}", "aria-labelledby": f"{name}-title", "aria-describedby": f"{name}-summary"},
        el(
            "figcaption",
            None,
            el("h3", {"id": f"{name}-title"}, title),
            el("p", {"id": f"{name}-summary"}, summary),
        ),
        parts,
        saved(name, data),
    )


def saved(name: str, data: tuple[Data, ...]) -> Element:
    """Links that save data, each with a table of the same."""
    return el(
        "div",
        {"class": "data"},
        (_item(f"{name}-{place}", each) for place, each in enumerate(data)),
    )


def _item(name: str, data: Data) -> Element:
    """A link that saves the data, and the same as a table, which the script fills in when it is opened."""
    return el(
        "div",
        {"class": "item"},
        el(
            "a", {"href": link(data), "download": f"{data.name}.csv", "id": f"csv-{name}"}, f"{data.name}.csv"
        ),
        el(
            "details",
            {"class": "js"},
            el("summary", None, f"{data.name} as a table"),
            el(
                "div",
                {"class": "wide", "tabindex": 0, "role": "region", "aria-label": f"Table of {data.name}"},
            ),
        ),
    )
