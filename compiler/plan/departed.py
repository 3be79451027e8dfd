"""Services that earlier plans deployed and the spec no longer has: known until they are removed or back.

Takes the previous plan as its parsed JSON (see `diff`), which was written by a
compilation and kept in the output; gives the plan with what has departed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from compiler.plan.diff import checked
from compiler.plan.model import Departed, Plan, ServiceType

Record = Mapping[str, Any]


def with_departed(plan: Plan, previous: object, *, prune: bool) -> Plan:
    """The plan with the services that earlier plans deployed and that are gone from it.

    Who was to be removed stays so until the service is back: the removal is
    repeated without harm. A skipped service is not gone.

    Raises:
        NotAPlan: `previous` is no plan, or of another version.
    """
    before = checked(previous)
    if _record(before.get("target")).get("namespace") != plan.target.namespace:
        return plan
    here = {workload.service for workload in plan.workloads} | set(plan.skipped)
    gone: dict[str, Departed] = {}
    for name, old in _workloads(before).items():
        release = _text(old.get("release"))
        if release is not None and old.get("type") != ServiceType.TERRAFORM.value:
            gone[name] = Departed(name, release, prune)
    for item in map(_record, _list(before.get("departed"))):
        name, release = _text(item.get("service")) or "", _text(item.get("release"))
        if release is not None:
            gone.setdefault(name, Departed(name, release, prune or item.get("prune") is True))
    releases = {workload.release for workload in plan.workloads}
    left = (gone[name] for name in sorted(gone.keys() - here))
    # A release that another service has now is not to be removed.
    return replace(plan, departed=tuple(item for item in left if item.release not in releases))


def _workloads(plan: Record) -> dict[str, Record]:
    found = ((_text(item.get("service")), item) for item in map(_record, _list(plan.get("workloads"))))
    return {name: item for name, item in found if name is not None}


def _record(value: object) -> Record:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
