"""The network of activities that an engine schedules.

Takes a plan, gives what an engine needs of it and nothing else: activities by
index, what they wait for, which queue they stand in and what they ask of it.
Knows no durations. Strategies need no word here: they are the plan's `needs`
and gates.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from compiler.plan.model import BuildLimits, Limits, Plan, Task, TaskKind


@dataclass(frozen=True, slots=True)
class Queue:
    """A waiting line in front of one capacity of several resources.

    A request takes an amount of every resource at once, or waits (one atomic
    request: taking one resource and waiting for the next would block others
    for nothing). It is first in, first out by (time of arrival, activity
    index), and the head blocks all behind it: no backfill.
    """

    name: str
    resources: tuple[str, ...]
    capacity: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Activity:
    """Something that takes time. `needs` are indices of activities that must be done before.

    `queue` is an index into the network's queues, or None when it asks for
    nothing; `demand` has one amount per resource of that queue.
    """

    id: str
    needs: tuple[int, ...] = ()
    queue: int | None = None
    demand: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Network:
    """Activities in queue order, and the queues.

    Invariants: needs are acyclic indices, demands fit their queue's capacity.
    `order` is a topological order of the activities, `successors` the reverse
    of their needs.

    Raises:
        ValueError: an invariant does not hold; the message names the activity.
    """

    activities: tuple[Activity, ...]
    queues: tuple[Queue, ...] = ()
    order: tuple[int, ...] = field(init=False, repr=False, compare=False)
    successors: tuple[tuple[int, ...], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for activity in self.activities:
            _check_demand(activity, self.queues)
        after: list[list[int]] = [[] for _ in self.activities]
        for index, activity in enumerate(self.activities):
            for need in activity.needs:
                if not 0 <= need < len(self.activities):
                    raise ValueError(f"{activity.id} needs activity {need}, which does not exist")
                after[need].append(index)
        object.__setattr__(self, "successors", tuple(tuple(each) for each in after))
        object.__setattr__(self, "order", _topological_order(self.activities, self.successors))


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
