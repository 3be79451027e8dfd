"""In which order the releases of a stage come, and which wait for which.

helmfile installs releases in groups: those that need nothing, then those whose
needs are met, and so on; a group runs at once (pkg/app/run.go, `withDAG`). It has
no limit in its files, so the limit is written as needs. Takes workloads of one
stage, gives rows and needs; knows nothing of files.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from compiler.plan.model import Workload


def in_order(workloads: Sequence[Workload]) -> list[Workload]:
    """The workloads so that each comes after what it depends on, otherwise in queue order.

    Raises:
        ValueError: they depend on each other in a circle.
    """
    place = {workload.service: index for index, workload in enumerate(workloads)}
    waiting = {w.service: {d for d in w.depends_on if d in place} for w in workloads}
    users: dict[str, list[str]] = {workload.service: [] for workload in workloads}
    for service, needed in waiting.items():
        for other in needed:
            users[other].append(service)
    free = deque(sorted((name for name, needed in waiting.items() if not needed), key=place.__getitem__))
    done: list[Workload] = []
    while free:
        name = free.popleft()
        done.append(workloads[place[name]])
        for user in users[name]:
            waiting[user].discard(name)
        free.extend(sorted((u for u in users[name] if not waiting[u]), key=place.__getitem__))
    if len(done) != len(workloads):
        raise ValueError("services depend on each other in a circle")
    return done


def needs(workloads: Sequence[Workload], parallelism: int) -> Mapping[str, list[str]]:
    """What each service waits for, given workloads of `in_order`.

    Beside its dependencies each waits for the one `parallelism` places before
    it. Those that are as many places apart then stand in different groups, so
    no group has more than `parallelism`, whatever else they wait for.
    """
    here = {workload.service for workload in workloads}
    found = {}
    for index, workload in enumerate(workloads):
        wanted = [name for name in workload.depends_on if name in here]
        if index >= parallelism:
            wanted.append(workloads[index - parallelism].service)
        found[workload.service] = list(dict.fromkeys(wanted))
    return found
