"""How a rule of the Helm back end says something about a workload."""

from __future__ import annotations

from typing import Literal

from compiler.plan.model import Workload
from compiler.targets.model import Limitation

Severity = Literal["error", "warning", "note"]


def say(
    code: str,
    severity: Severity,
    workload: Workload,
    field: str | None,
    message: str,
    hint: str | None = None,
) -> Limitation:
    """A limitation of this workload; `code` without the back end's name."""
    return Limitation(f"helm-{code}", severity, workload.service, field, message, hint)
