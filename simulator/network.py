"""The network of activities that an engine schedules.

Takes a plan, gives what an engine needs of it and nothing else: activities by
index, what they wait for, which queue they stand in and what they ask of it.
Knows no durations. Strategies need no word here: they are the plan's `needs`
and gates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

from compiler.plan.model import BuildLimits, Limits, Plan, Task, TaskKind


class Policy(StrEnum):
    """Whom a queue serves next.

    - fifo: by (arrival time, index); the head blocks all behind it, even what would fit.
    - backfill: by (arrival time, index); everything that fits starts.
    - longest-first: by (longest expected, index) whenever it arrived; everything that fits starts.
    """

    FIFO = "fifo"
    BACKFILL = "backfill"
    LONGEST_FIRST = "longest-first"


@dataclass(frozen=True, slots=True)
class Queue:
    """A waiting line in front of one capacity of several resources.

    A request takes an amount of every resource at once, or waits (one atomic
    request: taking one resource and waiting for the next would block others
    for nothing). `policy` says who is next.

    `ready` makes places that must be made ready first (builder nodes that start
    on demand), of a queue of one resource of which every activity asks 1: as
    many are ready at the start. An activity that gets a ready place takes no
    time; one that gets another place takes its duration, and the place is
    ready from then on. Ready places are given out first. None: durations are
    always taken.

    `kills` says that a failure of a task that has a place here ends all tasks
    that have one.

    `held` says that what an activity took here is held until the last activity
    of its task's chain is finished; else until it is finished itself (a node pulls
    the next image while the first one's pod starts).
    """

    name: str
    resources: tuple[str, ...]
    capacity: tuple[int, ...]
    policy: Policy = Policy.FIFO
    ready: int | None = None
    kills: bool = False
    held: bool = True


@dataclass(frozen=True, slots=True)
class Link:
    """A bandwidth that transfers share equally (egalitarian processor sharing).

    `width` is how many transfers go on at full speed at once: with n of them
    each goes at the speed min(1, width / n). An activity's duration is its time at full speed.
    """

    name: str
    width: float


@dataclass(frozen=True, slots=True)
class Activity:
    """Something that takes time. `needs` are indices of activities that must be done before.

    `queue` is an index into the network's queues, or None when it asks for
    nothing; `demand` has one amount per resource of that queue. `link` is an
    index into the network's links when it is a transfer.

    A task may be several activities: `continues` is the index of the one
    before, whose finish it follows at once (`needs` is that one alone). What the
    first ones took from their queues is held until the last one is finished (but see `Queue.held`).
    `priority` is the expected time in seconds, for longest-first.
    """

    id: str
    needs: tuple[int, ...] = ()
    queue: int | None = None
    demand: tuple[int, ...] = ()
    continues: int | None = None
    link: int | None = None
    priority: float = 0.0


@dataclass(frozen=True, slots=True)
class Network:
    """Activities in queue order, the queues and the links.

    Invariants: needs are acyclic indices, demands fit their queue's capacity;
    an activity is continued by one other at most, and the queues along such a chain
    have rising indices (so that holding one and waiting for the next ends).
    `order` is a topological order of the activities, `successors` the reverse
    of their needs, `continued` has per activity the one that continues it, or -1.

    Raises:
        ValueError: an invariant does not hold; the message names the activity.
    """

    activities: tuple[Activity, ...]
    queues: tuple[Queue, ...] = ()
    links: tuple[Link, ...] = ()
    order: tuple[int, ...] = field(init=False, repr=False, compare=False)
    successors: tuple[tuple[int, ...], ...] = field(init=False, repr=False, compare=False)
    continued: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for queue in self.queues:
            _check_queue(queue)
        for activity in self.activities:
            _check_demand(activity, self.queues)
            _check_link(activity, self.links)
        after: list[list[int]] = [[] for _ in self.activities]
        for index, activity in enumerate(self.activities):
            for need in activity.needs:
                if not 0 <= need < len(self.activities):
                    raise ValueError(f"{activity.id} needs activity {need}, which does not exist")
                after[need].append(index)
        object.__setattr__(self, "successors", tuple(tuple(each) for each in after))
        object.__setattr__(self, "order", _topological_order(self.activities, self.successors))
        object.__setattr__(self, "continued", _continued(self.activities, self.order))


BUILD_RESOURCES = ("slots", "cpu_milli", "memory_bytes")
DEPLOY_RESOURCES = ("slots",)


def from_plan(plan: Plan) -> Network:
    """The network of a plan: activity i is the plan's task i.

    Builds stand in the queue "build" (slots, CPU and memory of the pool),
    mirrors and deployments share the queue "deploy" (slots).

    Raises:
        ValueError: tasks that wait for each other or for an unknown task, or a
            build that asks for more than the pool has.
    """
    index = {task.id: number for number, task in enumerate(plan.tasks)}
    activities = []
    for task in plan.tasks:
        unknown = [need for need in task.needs if need not in index]
        if unknown:
            raise ValueError(f"{task.id} needs {unknown[0]}, which is no task of the plan")
        queue, demand = _request(task, plan.limits.build)
        activities.append(Activity(task.id, tuple(index[need] for need in task.needs), queue, demand))
    return Network(tuple(activities), _queues(plan.limits))


def _queues(limits: Limits) -> tuple[Queue, ...]:
    pool = limits.build.pool
    return (
        Queue("build", BUILD_RESOURCES, (limits.build.parallelism, pool.cpu_milli, pool.memory_bytes)),
        Queue("deploy", DEPLOY_RESOURCES, (limits.deploy_parallelism,)),
    )


def _request(task: Task, limits: BuildLimits) -> tuple[int | None, tuple[int, ...]]:
    """The queue that a task stands in, and what it asks for there."""
    match task.kind:
        case TaskKind.BUILD:
            size = task.resources or limits.resources
            return 0, (1, size.cpu_milli, size.memory_bytes)
        case TaskKind.MIRROR | TaskKind.DEPLOY:
            return 1, (1,)
        case TaskKind.CHECK | TaskKind.GATE:
            return None, ()


def _check_demand(activity: Activity, queues: tuple[Queue, ...]) -> None:
    if activity.queue is None:
        return
    queue = queues[activity.queue]
    if len(activity.demand) != len(queue.capacity):
        raise ValueError(f"{activity.id} asks for {len(activity.demand)} resources of queue {queue.name}")
    for resource, asked, there in zip(queue.resources, activity.demand, queue.capacity, strict=True):
        if not 0 <= asked <= there:
            raise ValueError(f"{activity.id} asks for {asked} {resource} of {there}: it can never start")
    if queue.ready is not None and activity.demand != (1,):
        raise ValueError(f"{activity.id} asks for {activity.demand[0]} places of queue {queue.name}, not one")


def _check_queue(queue: Queue) -> None:
    if queue.ready is None:
        return
    if len(queue.capacity) != 1 or not 0 <= queue.ready <= queue.capacity[0]:
        raise ValueError(f"queue {queue.name} has {queue.ready} ready places of {queue.capacity}")


def _check_link(activity: Activity, links: tuple[Link, ...]) -> None:
    if activity.link is not None and not (
        0 <= activity.link < len(links) and 0 < links[activity.link].width < math.inf
    ):
        raise ValueError(
            f"{activity.id} goes over link {activity.link}, which does not exist or has no width"
        )


def _continued(activities: tuple[Activity, ...], order: tuple[int, ...]) -> tuple[int, ...]:
    """Per activity the one that continues it, -1 for the last of its task."""
    found = [-1] * len(activities)
    last_queue = [-1] * len(activities)
    for index in order:
        activity = activities[index]
        before = activity.continues
        if before is not None:
            if activity.needs != (before,) or found[before] != -1:
                raise ValueError(f"{activity.id} continues an activity that it does not need alone")
            found[before] = index
            last_queue[index] = last_queue[before]
        if activity.queue is not None:
            if activity.queue <= last_queue[index]:
                raise ValueError(f"{activity.id} waits in a queue of a lower index than one that it holds")
            last_queue[index] = activity.queue
    return tuple(found)


def _topological_order(
    activities: tuple[Activity, ...], successors: tuple[tuple[int, ...], ...]
) -> tuple[int, ...]:
    """Kahn's algorithm; the order among the independent ones does not matter to any caller."""
    missing = [len(activity.needs) for activity in activities]
    order = [index for index, count in enumerate(missing) if count == 0]
    for index in order:
        for successor in successors[index]:
            missing[successor] -= 1
            if missing[successor] == 0:
                order.append(successor)
    if len(order) < len(activities):
        stuck = next(activities[index].id for index, count in enumerate(missing) if count)
        raise ValueError(f"tasks wait for each other: {stuck} can never start")
    return tuple(order)
