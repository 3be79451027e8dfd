"""`stagecast graph`: stages, services, dependencies, and what the barriers cost."""

from __future__ import annotations

import sys
from typing import Annotated

from compiler.driver import make_graph
from stagecast.options import ENVIRONMENT, format_option
from stagecast.session import check_format, the_one, usable

_FORMATS = ("text", "mermaid", "dot", "json")


def run(
    environment: ENVIRONMENT = None,
    format_: Annotated[str | None, format_option(*_FORMATS)] = None,
) -> None:
    """Draw the stages and dependencies, and say what each barrier orders that nothing asked for."""
    check_format(format_, _FORMATS)
    ready = usable(*the_one(environment))
    from stagecast.views import graph as views

    render = {
        "text": views.render_text,
        "mermaid": views.render_mermaid,
        "dot": views.render_dot,
        "json": views.render_json,
    }[format_ or "text"]
    sys.stdout.write(render(make_graph(ready)))
