"""The steps of a rolling sync: one for each stage, more where services of a stage depend on each other.

RollingSync syncs the Applications of a step in any order, so many at a time, and
begins the next one when all are healthy. It knows no order inside a step: what
waits for another service of its stage comes in a later step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from compiler.plan.model import Plan, Workload


def steps(plan: Plan) -> list[tuple[str, tuple[str, ...]]]:
    """Every step: its stage and the services that it syncs; no step is empty."""
    workloads = {workload.service: workload for workload in plan.workloads}
    found = []
    for stage in plan.stages:
        rows = _rows([workloads[name] for name in stage.services if name in workloads])
        found += [(stage.name, row) for row in rows]
    return found


def _rows(workloads: Sequence[Workload]) -> list[tuple[str, ...]]:
    """The services of a stage by the length of the longest chain of dependencies before them."""
    depth = _depths({w.service: w.depends_on for w in workloads})
    rows: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for workload in workloads:
        rows[depth[workload.service]].append(workload.service)
    return [tuple(row) for row in rows]


def _depths(depends_on: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """How many services stand before each, without recursion.

    Raises:
        ValueError: services depend on each other in a circle.
    """
    waiting = {name: {need for need in needs if need in depends_on} for name, needs in depends_on.items()}
    users: dict[str, list[str]] = {name: [] for name in depends_on}
    for name, needs in waiting.items():
        for need in needs:
            users[need].append(name)
    depth: dict[str, int] = {}
    row = [name for name, needs in waiting.items() if not needs]
    level = 0
    while row:
        depth.update(dict.fromkeys(row, level))
        freed = []
        for name in row:
            for user in users[name]:
                waiting[user].discard(name)
                if not waiting[user]:
                    freed.append(user)
        row, level = freed, level + 1
    if len(depth) != len(waiting):
        raise ValueError("services depend on each other in a circle")
    return depth
