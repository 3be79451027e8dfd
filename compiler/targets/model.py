"""What every back end says besides artifacts: what of a plan it cannot express.

A back end is a module with three names: `SUMMARY: str`,
`check(plan: Plan) -> list[Limitation]` and `emit(plan: Plan) -> list[Artifact]`.
Back ends know the plan and nothing above it, so a limitation names a service
and a field; whoever holds the spec turns that into a place in a file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Limitation:
    """One thing that a target cannot express, or expresses in a way worth knowing.

    `code` is stable. `service` is None where the whole environment is meant.
    `field` is a dotted spec path below the service, or below the environment
    when there is no service ("ports.0.hosts", "terraform"); None where no
    field is to blame. After an "error" nothing is emitted.
    """

    code: str
    severity: Literal["error", "warning", "note"]
    service: str | None
    field: str | None
    message: str
    hint: str | None = None
