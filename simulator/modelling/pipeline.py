"""From a plan and a scenario to what is simulated.

Takes a plan and a `Scenario`, gives the `Model`: the network of activities and
what each of them takes. Draws nothing, schedules nothing.

A task is one activity, with the plan's index, unless the scenario makes it wait
for more than its slot. Then it is a chain, whose slot is held to the end:

    build   [slot, pool] -> [builder] -> clone + build -> [link] push
    mirror  [slot, link] mirror
    deploy  [slot] -> [node, link] pull -> helm + start + ready + router
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import accumulate

from compiler.plan.model import Plan, Task, TaskKind, Workload
from simulator.modelling.durations import TaskDuration, Term, task_durations
from simulator.modelling.laws import Law
from simulator.modelling.model import Model
from simulator.modelling.scenario import Builders, Registry, Scenario
from simulator.network import Activity, Link, Network, Queue, from_plan

LINK = "registry"
BUILDERS = "builders"


def model(plan: Plan, scenario: Scenario | None = None) -> Model:
    """The model of a plan under a scenario (None: the default one).

    Raises:
        ValueError: an estimate makes no law, a rollout none that Kubernetes
            would take, or the plan cannot be scheduled; the message is fit for a user.
    """
    scenario = scenario or Scenario()
    base = from_plan(plan)
    durations = task_durations(plan, scenario)
    queues = _queues(base.queues, plan, scenario)
    links = _links(scenario.registry)
    nodes = _Nodes(plan, scenario, next((n for n, each in enumerate(queues) if not each.held), 0))
    chains = []
    for task, activity, duration in zip(plan.tasks, base.activities, durations, strict=True):
        expected = replace(activity, priority=duration.expected_s)
        chains.append(_chain(task, expected, duration, scenario, nodes, bool(links)))
    firsts = (0, *accumulate(len(chain) for chain in chains))
    activities: list[Activity] = []
    laws: list[TaskDuration] = []
    for chain in chains:
        for step in chain:
            before = len(activities) - 1
            activity = step.activity
            if step is chain[0]:
                # What others need is a whole task: the last activity of it.
                activity = replace(activity, needs=tuple(firsts[need + 1] - 1 for need in activity.needs))
            else:
                activity = replace(activity, needs=(before,), continues=before)
            activities.append(activity)
            laws.append(step.law)
    members = tuple(tuple(range(firsts[n], firsts[n + 1])) for n in range(len(chains)))
    return Model(plan, scenario, Network(tuple(activities), queues, links), tuple(laws), members)


@dataclass(frozen=True, slots=True)
class _Step:
    """One activity of a task, its needs not yet those of the network, and what it takes."""

    activity: Activity
    law: TaskDuration


def _chain(
    task: Task, activity: Activity, duration: TaskDuration, scenario: Scenario, nodes: _Nodes, linked: bool
) -> tuple[_Step, ...]:
    match task.kind:
        case TaskKind.MIRROR if linked:
            return (_Step(replace(activity, link=0), duration),)
        case TaskKind.BUILD:
            return tuple(_build(task, activity, duration, scenario, linked))
        case TaskKind.DEPLOY if nodes.count or linked:
            return tuple(_deployment(task, activity, duration, nodes, linked))
        case _:
            return (_Step(activity, duration),)


def _build(
    task: Task, activity: Activity, duration: TaskDuration, scenario: Scenario, linked: bool
) -> Iterable[_Step]:
    work, push = _split(duration, "push") if linked else (duration, None)
    main = activity
    if scenario.builders is not None:
        yield _Step(replace(activity, id=f"{task.id}/slot"), TaskDuration(task.id, ()))
        wait = TaskDuration(task.id, (Term("builder", _builder_start(scenario, scenario.builders)),))
        yield _Step(_own(activity, f"{task.id}/builder", queue=_BUILDERS, demand=(1,)), wait)
        main = _own(activity, task.id)
    yield _Step(main, work)
    if push is not None:
        yield _Step(_own(activity, f"{task.id}/push", link=0), TaskDuration(task.id, (push,)))


def _deployment(
    task: Task, activity: Activity, duration: TaskDuration, nodes: _Nodes, linked: bool
) -> Iterable[_Step]:
    work, pull = _split(duration, "pull")
    if pull is None:
        yield _Step(activity, duration)
        return
    link = 0 if linked else None
    law = TaskDuration(task.id, (pull,))
    if nodes.count:
        yield _Step(replace(activity, id=f"{task.id}/slot"), TaskDuration(task.id, ()))
        queue = nodes.queue_of_next(task)
        yield _Step(_own(activity, f"{task.id}/pull", queue=queue, demand=(1,), link=link), law)
    else:
        yield _Step(replace(activity, id=f"{task.id}/pull", link=link), law)
    yield _Step(_own(activity, task.id), work)


def _own(
    activity: Activity,
    name: str,
    *,
    queue: int | None = None,
    demand: tuple[int, ...] = (),
    link: int | None = None,
) -> Activity:
    """A later activity of the task of `activity`."""
    return Activity(name, (), queue, demand, None, link, activity.priority)


def _split(duration: TaskDuration, name: str) -> tuple[TaskDuration, Term | None]:
    """What a task takes without one of its terms, and that term; None where it has no such term.

    What is split off is not part of an attempt: neither the timeout nor a failure concerns it.
    """
    position = next((n for n, term in enumerate(duration.terms) if term.name == name), None)
    if position is None:
        return duration, None
    terms = duration.terms[:position] + duration.terms[position + 1 :]
    again = duration.again - (position < duration.again)
    return replace(duration, terms=terms, again=again), duration.terms[position]


_BUILDERS = 2


def _queues(base: tuple[Queue, ...], plan: Plan, scenario: Scenario) -> tuple[Queue, ...]:
    """Those of the plan, then the builders, then the nodes: along a chain they rise."""
    build, deploy = base
    queues = [
        replace(build, policy=scenario.build_policy, kills=True),
        replace(deploy, policy=scenario.deploy_policy),
    ]
    builders = scenario.builders
    if builders is not None:
        most = builders.maximum or plan.limits.build.parallelism
        queues.append(Queue(BUILDERS, ("nodes",), (most,), ready=min(builders.warm, most)))
    for number in range(_nodes_used(plan, scenario)):
        queues.append(Queue(f"node {number + 1}", ("pulls",), (1,), held=False))
    return tuple(queues)


def _links(registry: Registry) -> tuple[Link, ...]:
    if registry.bandwidth_bytes_s is None:
        return ()
    return (Link(LINK, registry.bandwidth_bytes_s / registry.connection_bytes_s),)


def _builder_start(scenario: Scenario, builders: Builders) -> Law:
    return scenario.laws.get(("builder", "any")) or builders.start


def _nodes_used(plan: Plan, scenario: Scenario) -> int:
    """Nodes beyond the number of pods that could pull would only be idle."""
    pods = sum(_pods(each) for each in plan.workloads)
    return min(scenario.cluster.nodes or 0, max(pods, 1))


def _pods(workload: Workload) -> int:
    return max(1, workload.replicas.minimum)


class _Nodes:
    """Which node the first pod of the next deployment comes to: pods go to nodes in turn."""

    def __init__(self, plan: Plan, scenario: Scenario, first_queue: int) -> None:
        self.count = _nodes_used(plan, scenario)
        self._first_queue = first_queue
        self._pods = {workload.service: _pods(workload) for workload in plan.workloads}
        self._placed = 0

    def queue_of_next(self, task: Task) -> int:
        """The queue of the node that pulls for a deployment."""
        queue = self._first_queue + self._placed % self.count
        self._placed += self._pods.get(task.services[0], 1) if task.services else 1
        return queue
