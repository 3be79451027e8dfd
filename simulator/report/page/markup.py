"""HTML and SVG as trees: whatever a text holds, it stays text.

Owns the only way in which the reports make markup. Names and attributes are
literals of this package; texts and values may come from anywhere. Knows no
forecast.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TypeAlias
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

Child: TypeAlias = "Element | str | Iterable[Child] | None"
Attributes = Mapping[str, str | int | float | None]

# What XML forbids, what breaks lines unseen, and what turns the direction of the text after it.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
    "\ud800-\udfff\ufeff\ufffe\uffff]"
)


def clean(text: str) -> str:
    """A text in which everything that is not to be seen is U+FFFD."""
    return _UNSEEN.sub("\ufffd", text)


def el(tag: str, attributes: Attributes | None = None, *children: Child) -> Element:
    """An element. Attributes and children that are None are left out, iterables are taken apart."""
    made = Element(tag)
    for name, value in (attributes or {}).items():
        if value is not None:
            made.set(name, clean(value) if isinstance(value, str) else number(value))
    _extend(made, children)
    return made


def number(value: float) -> str:
    """A number of at most three decimals, short: 12.5, 3, 0."""
    text = f"{value:.3f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def html(root: Element) -> str:
    """An HTML document. The content of `script` and `style` is written as it is: it must be our own."""
    return "<!DOCTYPE html>\n" + ElementTree.tostring(root, encoding="unicode", method="html") + "\n"


def xml(root: Element) -> str:
    """An XML document (UTF-8)."""
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _extend(parent: Element, children: Iterable[Child]) -> None:
    for child in children:
        if child is None:
            continue
        if isinstance(child, Element):
            parent.append(child)
        elif isinstance(child, str):
            _add_text(parent, clean(child))
        else:
            _extend(parent, child)


def _add_text(parent: Element, text: str) -> None:
    if len(parent):
        last = parent[-1]
        last.tail = (last.tail or "") + text
    else:
        parent.text = (parent.text or "") + text
