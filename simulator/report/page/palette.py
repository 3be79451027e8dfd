"""The colours of the reports, light and dark, as the style sheet of the page defines them."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_DEFINED = re.compile(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);")


def resource(name: str) -> str:
    """A file of this package as text."""
    return files("simulator.report.page").joinpath(name).read_text("utf-8")


@cache
def palette() -> dict[str, tuple[str, str]]:
    """Name to (light, dark), as `#rrggbb`."""
    return {name: (light, dark) for name, light, dark in _DEFINED.findall(resource("style.css"))}
