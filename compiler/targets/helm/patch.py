"""Whether a workload's values patch fits its chart.

Helm itself refuses values that its chart's values.schema.json does not allow,
but only at deployment; here the same schema is asked at compile time, and only
for services that have a patch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any

from compiler.plan.model import Image, Plan, Workload
from compiler.targets.helm.charts import values_schema
from compiler.targets.helm.layout import chart_kind
from compiler.targets.helm.values import service_values
from compiler.targets.model import Limitation

_DOCUMENTED = "what can be patched is in docs/targets/helm.md"


def patch_limitations(plan: Plan) -> list[Limitation]:
    """One error for every place where a patched values file does not fit."""
    patched = [w for w in plan.workloads if w.values and chart_kind(w) is not None]
    if not patched:
        return []
    images = {image.id: image for image in plan.images}
    return [
        found for workload in patched for found in _misfits(plan, workload, images.get(workload.image or ""))
    ]


def _misfits(plan: Plan, workload: Workload, image: Image | None) -> Iterator[Limitation]:
    # Loaded only here: it costs 100 ms, and most environments have no patch.
    from jsonschema import Draft7Validator

    kind = chart_kind(workload)
    if kind is None:
        return
    values = service_values(plan, workload, image)
    schema = values_schema(kind)
    for error in sorted(
        Draft7Validator(schema).iter_errors(values), key=lambda error: list(map(str, error.path))
    ):
        path = [str(step) for step in error.path]
        unknown = _unknown_keys(error)
        if not unknown:
            yield _misfit(workload, path, f"the values patch does not fit the {kind} chart: {error.message}")
        for key, known in unknown:
            guess = get_close_matches(key, known, 1)
            message = f"the {kind} chart has no value `{'.'.join([*path, key])}`"
            yield _misfit(
                workload, [*path, key], message, f"did you mean `{guess[0]}`?" if guess else _DOCUMENTED
            )


def _misfit(workload: Workload, path: list[str], message: str, hint: str = _DOCUMENTED) -> Limitation:
    return Limitation("helm-values", "error", workload.service, ".".join(["values", *path]), message, hint)


def _unknown_keys(error: Any) -> list[tuple[str, Iterable[str]]]:
    """Keys that a mapping may not have, each with those that it may."""
    if error.validator != "additionalProperties" or error.validator_value is not False:
        return []
    known = error.schema["properties"]
    return [(key, list(known)) for key in error.instance if key not in known]
