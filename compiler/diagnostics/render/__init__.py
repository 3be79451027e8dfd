"""The forms in which findings are printed: each takes findings in any order and gives one text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module

from compiler.diagnostics.model import Diagnostic

Renderer = Callable[[Iterable[Diagnostic]], str]


def _of_module(name: str) -> Renderer:
    """The `render` of a module here, imported when it is called: a clean run needs none of them."""

    def render(diagnostics: Iterable[Diagnostic]) -> str:
        renderer: Renderer = import_module(f"{__name__}.{name}").render
        return renderer(diagnostics)

    return render


RENDERERS: dict[str, Renderer] = {
    "text": _of_module("text"),
    "json": _of_module("json"),
    "sarif": _of_module("sarif"),
    "github": _of_module("github"),
    "gitlab": _of_module("gitlab"),
}
