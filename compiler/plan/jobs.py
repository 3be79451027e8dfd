"""How somebody splits the work of a plan into jobs: the neutral form that every target's order has.

A target that runs the pipeline gives its `JobGraph` from the code that emits
its files; the simulator makes a network of it. Knows no target.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cap:
    """How many machines may be at work at once, of those that name it.

    A free place goes to the first machine in the graph's order that could
    start. `kills` says that a failed machine ends all others that have a place.
    """

    name: str
    slots: int
    kills: bool = False


@dataclass(frozen=True, slots=True)
class Machine:
    """A runner or a pod that is started once and does `tasks` (ids of the plan).

    At most `at_once` of them go on at a time, the first in order that can; 1
    means one after another. `cap` names the cap that it counts against, from its start
    to its end.
    """

    tasks: tuple[str, ...]
    at_once: int = 1
    cap: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """Machines that are started when all jobs in `needs` (ids) are done.

    A task that needs one of another machine of the same job makes its machine
    wait for that; what tasks need of other jobs is met by `needs`. `id` is the
    job's name in the target's file.
    """

    id: str
    needs: tuple[str, ...]
    machines: tuple[Machine, ...]


@dataclass(frozen=True, slots=True)
class JobGraph:
    """All jobs of a run that do tasks of the plan, in order; `needs` point backwards.

    Every check, build, mirror and deployment that the target does is in one
    machine. Machines with `at_once` above 1 never run beside each other, and
    one after another in order.
    """

    target: str
    jobs: tuple[Job, ...]
    caps: tuple[Cap, ...]
