"""Charts drawn by Vega-Lite, at the time of the report: a specification in, an SVG element out.

The one module that needs the optional library (`stagecast[report]`), and it
imports it only when something is drawn. The result has no script, no style and
no identifiers, so that many charts fit in one page under a strict policy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from simulator.report.page.markup import clean

# Bundled with the library: lays texts out the same on every machine. The page's own font replaces it.
_FONT = "Liberation Sans"
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_GEOMETRY = ("d", "transform", "x", "y", "x1", "x2", "y1", "y2", "width", "height")
_FOR_OTHERS = ("pointer-events", "opacity", "font-family", "aria-hidden", "stroke-miterlimit", "xmlns")

_CONFIG = {
    "font": _FONT,
    "axis": {
        "labelColor": "var(--muted)",
        "titleColor": "var(--muted)",
        "gridColor": "var(--line)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    },
    "text": {"color": "var(--fg)", "fontSize": 12},
    "view": {"stroke": None},
}


class ReportUnavailableError(Exception):
    """The library that draws the charts is not installed; the message says how to get it."""


def require() -> None:
    """Raise ReportUnavailableError unless charts can be drawn."""
    _library()


def chart(layers: list[dict[str, Any]], size: tuple[int, int], padding: Mapping[str, int]) -> Element:
    """A chart of layers (each with its data, mark and encoding), `size` pixels in all, `padding` included.

    Every mark with a `description` carries it as `aria-label`. Colours are
    CSS variables of the page.

    Raises:
        ReportUnavailableError: the library is missing.
    """
    width = size[0] - padding["left"] - padding["right"]
    height = size[1] - padding["top"] - padding["bottom"]
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": width,
        "height": height,
        "padding": dict(padding),
        # Sizes that do not depend on how wide texts are.
        "autosize": {"type": "none"},
        "background": None,
        "config": _CONFIG,
        "layer": layers,
    }
    text = _library().vegalite_to_svg(_cleaned(spec), allowed_base_urls=[])
    return _page_ready(ElementTree.fromstring(text))


def _library() -> Any:
    try:
        import vl_convert
    except ImportError as error:
        raise ReportUnavailableError(
            "the HTML report needs a library to draw with: pip install 'stagecast[report]'"
        ) from error
    return vl_convert


def _cleaned(value: Any) -> Any:
    """A specification without a character that XML forbids: one in a name would end the whole process."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {key: _cleaned(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_cleaned(each) for each in value]
    return value


def _page_ready(root: Element) -> Element:
    """The same picture for HTML: no namespace, no sizes of its own, nothing invisible, short numbers."""
    for element in root.iter():
        for child in list(element):
            if _invisible(child):
                element.remove(child)
        element.tag = element.tag.rpartition("}")[2]
        for name in _FOR_OTHERS:
            element.attrib.pop(name, None)
        for name in _GEOMETRY:
            if name in element.attrib:
                element.set(name, _LONG_NUMBER.sub(_shorter, element.attrib[name]))
        # Only marks speak: an axis would say its seconds as plain numbers.
        if element.get("role") == "graphics-object" or "role-axis" in element.get("class", ""):
            for name in ("role", "aria-roledescription", "aria-label"):
                element.attrib.pop(name, None)
    for name in ("width", "height", "version", "class"):
        root.attrib.pop(name, None)
    return root


def _invisible(element: Element) -> bool:
    return element.get("class") in ("background", "foreground")


def _shorter(found: re.Match[str]) -> str:
    return f"{float(found[0]):.2f}"
