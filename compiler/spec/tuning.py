"""Other settings of the pipeline and other estimates, put over an environment that is checked already.

Takes documents like overlays of a spec, the outermost first, and a `Context`
without errors; gives the `Context` of the environment as if they stood in it.
Only what they say is read and judged, so that a hundred settings of a large
environment cost little. Knows nothing of why somebody asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from compiler.diagnostics.model import Findings
from compiler.document.node import Node
from compiler.spec.checks.resources import check_estimates, check_pool
from compiler.spec.context import Context
from compiler.spec.explain import explain
from compiler.spec.model import ENVIRONMENT, ESTIMATES, PIPELINE
from compiler.spec.overlay import merge_chain
from compiler.spec.shape import Record, Rejected

# Of a context, what rests on nothing that can be tuned.
_KEPT = ("known_services", "stages", "stage_of", "all_variables", "sources", "dockerfiles")


def tune(context: Context, overlays: Sequence[Node], findings: Findings) -> Context | None:
    """The environment with `overlays` over it; None when it cannot be read then, which is in `findings`.

    Nulls remove, as in an overlay. The overlays hold `pipeline` and
    `services.NAME.estimates` of services that there are, and nothing else.

    Raises:
        ValueError: they hold something else.
    """
    for overlay in overlays:
        _check_extent(context, overlay)
    root = merge_chain([*overlays, context.loaded.root])
    try:
        environment = replace(
            context.environment,
            at=root,
            pipeline=_read(PIPELINE, root.get("pipeline")),
            services={
                name: replace(service, at=node, estimates=_read(ESTIMATES, node.get("estimates")))
                if (node := root.at(("services", name))) is not service.at
                else service
                for name, service in context.services.items()
            },
        )
    except Rejected:
        explain(ENVIRONMENT, root).report(findings)
        return None
    tuned = Context(replace(context.loaded, root=root), environment, context.root, context.project_variables)
    # A frozen dataclass keeps what it has computed in its dictionary, as functools.cached_property does.
    vars(tuned).update({name: getattr(context, name) for name in _KEPT})
    check_pool(tuned, findings)
    check_estimates(tuned, findings)
    return tuned


def _check_extent(context: Context, overlay: Node) -> None:
    services = overlay.get("services")
    own = dict(services.items()) if services is not None else {}
    known = all(name in context.services for name in own)
    keys = {key for node in own.values() for key, _ in node.items()}
    if not known or keys - {"estimates"} or {key for key, _ in overlay.items()} - {"pipeline", "services"}:
        raise ValueError("an overlay holds more than settings of the pipeline and estimates")


def _read(shape: Record, node: Node | None) -> Any:
    return shape.read(node) if node is not None else None
