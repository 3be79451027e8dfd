"""What a CI service makes of a plan: another network, and the time that its jobs take to start.

Takes a `Model` and the `JobGraph` that a target gives of itself, gives the
model of that target: its jobs instead of the plan's barriers, its caps instead
of the plan's pool and slots, and before the first task of every machine the
terms "job start" (until a machine has taken the job) and "job setup" (until it
does what the plan says). Knows no target beside the laws of their names.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from compiler.plan.jobs import Cap, Job, JobGraph, Machine
from compiler.plan.model import Plan, Task, TaskKind
from simulator.modelling.defaults import Default
from simulator.modelling.durations import TaskDuration, Term
from simulator.modelling.laws import Law
from simulator.modelling.model import Model
from simulator.modelling.scenario import Scenario
from simulator.network import Activity, Network, Policy, Queue

START, SETUP = "job start", "job setup"
CHECKOUT, BUILDER = "checkout", "builder"

DEFAULTS: dict[tuple[str, str], Default] = {
    (START, "github"): Default(
        10,
        3.0,
        "hosted runners wait for jobs and take one within seconds; a service of such runners publishes "
        "a median of 5 s and a P90 of 55 s",
    ),
    (START, "gitlab"): Default(
        40,
        3.0,
        "a new virtual machine for every job; GitLab's objective for its hosted runners is that 90 % of jobs "
        "start within 120 s",
    ),
    (START, "argo"): Default(
        11,
        2.0,
        "14 steps of a published workflow took 133 s in their pods and 281 s in all, 10.6 s a step: the "
        "controller looks every 10 s, and a pod has to start",
    ),
    (SETUP, CHECKOUT): Default(5, 1.6, "a shallow checkout, as the term clone, and the script's own start"),
    (SETUP, BUILDER): Default(
        10,
        1.6,
        "judgement: a fresh runner pulls BuildKit's image of 100 MB and starts it; the checkout is the term "
        "clone. Argo's pods have BuildKit beside them",
    ),
}
"""The default laws of a target's own terms; the reasons are printed in docs/scenarios.md."""

# The queues of the plan's own network, in whose place the target's caps stand.
_OF_THE_PLAN = ("build", "deploy")
_IN_JOB = "deploy"
# By index whenever it arrived: longest-first where all are expected to take the same.
_IN_ORDER = Policy.LONGEST_FIRST

# A queue and what is asked of it; None and nothing.
_Place = tuple[int | None, tuple[int, ...]]


def apply(model: Model, graph: JobGraph) -> Model:
    """The model of what the target does; tasks that it leaves to somebody else are not in it.

    The order of queues is the target's own, so the scenario's policies for
    builds and deployments count no more.

    Raises:
        ValueError: the graph does a task twice or one that the plan does not have, or has a
            cap that no network can hold.
    """
    made = _Made(model, graph)
    for job in graph.jobs:
        made.add(job)
    plan = _without(model.plan, set(made.of_task))
    for task in plan.tasks:
        if task.kind is TaskKind.GATE:
            made.add_gate(task)
    network = Network(tuple(made.activities), made.queues, model.network.links)
    activities = tuple(tuple(made.of_task[task.id]) for task in plan.tasks)
    return Model(plan, model.scenario, network, tuple(made.laws), activities, graph.target)


def _without(plan: Plan, done: set[str]) -> Plan:
    """The plan without the tasks that the target does not do."""
    kept = [task for task in plan.tasks if task.id in done or task.kind is TaskKind.GATE]
    known = {task.id for task in kept}
    return replace(
        plan,
        tasks=tuple(
            replace(task, needs=tuple(need for need in task.needs if need in known)) for task in kept
        ),
    )


@dataclass(slots=True)
class _Made:
    """The network while it is made. `of_task` has a task's activities, `ends` those that end a job."""

    model: Model
    graph: JobGraph
    activities: list[Activity] = field(default_factory=list)
    laws: list[TaskDuration] = field(default_factory=list)
    of_task: dict[str, list[int]] = field(default_factory=dict)
    ends: dict[str, tuple[int, ...]] = field(default_factory=dict)
    queues: tuple[Queue, ...] = ()
    tasks: dict[str, int] = field(init=False)
    _caps: dict[str, int] = field(default_factory=dict)
    _moved: dict[int, int] = field(default_factory=dict)
    _starts: dict[bool, tuple[Term, ...]] = field(default_factory=dict)
    _in_job: int = 0
    # Of a cap with one place, what its last machine ended with.
    _last: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tasks = {task.id: index for index, task in enumerate(self.model.plan.tasks)}
        self._make_queues()

    def _make_queues(self) -> None:
        """The caps first: who holds a place of theirs may wait for others, and queues rise along a chain."""
        machines = [machine for job in self.graph.jobs for machine in job.machines]
        queues: list[Queue] = []
        for cap in self.graph.caps:
            users = [machine for machine in machines if machine.cap == cap.name]
            if not any(self._shared(machine) for machine in users):
                self._caps[cap.name] = len(queues)
                queues.append(self._queue(cap, users))
            elif cap.slots != 1:
                raise ValueError(f"{cap.slots} machines of the cap {cap.name} do several tasks at once")
        at_once = max((machine.at_once for machine in machines if self._shared(machine)), default=0)
        if at_once:
            self._in_job = len(queues)
            queues.append(Queue(_IN_JOB, ("slots",), (at_once,), _IN_ORDER))
        for index, queue in enumerate(self.model.network.queues):
            if queue.name not in _OF_THE_PLAN:
                self._moved[index] = len(queues)
                queues.append(queue)
        self.queues = tuple(queues)

    def _queue(self, cap: Cap, users: list[Machine]) -> Queue:
        pool = next((self._pool(task) for machine in users for task in machine.tasks), None)
        if pool is None:
            return Queue(cap.name, ("slots",), (cap.slots,), _IN_ORDER, kills=cap.kills)
        return Queue(cap.name, pool.resources, (cap.slots, *pool.capacity[1:]), _IN_ORDER, kills=cap.kills)

    def _pool(self, task: str) -> Queue | None:
        """The queue with CPU and memory that the plan's network has for a build."""
        asked = self._asked(task)
        return None if asked is None or len(asked[0].resources) == 1 else asked[0]

    def _asked(self, task: str) -> tuple[Queue, tuple[int, ...]] | None:
        """What a task asks of a queue of the plan's network that the target has a cap for."""
        network = self.model.network
        for index in self._own(task):
            activity = network.activities[index]
            if activity.queue is not None and network.queues[activity.queue].name in _OF_THE_PLAN:
                return network.queues[activity.queue], activity.demand
        return None

    def add(self, job: Job) -> None:
        """A job's machines; and one activity that ends it, where it ends with several."""
        place = {task: number for number, machine in enumerate(job.machines) for task in machine.tasks}
        before = tuple(end for need in job.needs for end in self.ends[need])
        ends: list[int] = []
        for number, machine in enumerate(job.machines):
            tasks = [self._task(task) for task in machine.tasks]
            others = {
                need: None
                for task in tasks
                for need in task.needs
                if place.get(need, number) != number and need in place
            }
            needs = (*before, *(self.of_task[need][-1] for need in others))
            ends += self._machine(machine, needs)
        if len(ends) > 1:
            ends = [self._activity(Activity(f"end of {job.id}", tuple(ends)), TaskDuration(job.id, ()))]
        self.ends[job.id] = tuple(ends)

    def add_gate(self, gate: Task) -> None:
        """A barrier of the plan: nothing waits for it here, it tells when a stage is done."""
        needs = tuple(self.of_task[need][-1] for need in gate.needs)
        self.of_task[gate.id] = [self._activity(Activity(gate.id, needs), TaskDuration(gate.id, ()))]

    def _machine(self, machine: Machine, needs: tuple[int, ...]) -> list[int]:
        """A machine's start and its tasks; gives the activities that end it."""
        if not machine.tasks:
            return list(needs)
        if again := [task for task in machine.tasks if task in self.of_task]:
            raise ValueError(f"{again[0]} is done twice")
        law = TaskDuration(machine.tasks[0], self._start_terms(machine))
        name = f"{START} of {machine.tasks[0]}"
        # Under a cap that no queue holds, machines come one after another.
        in_line = machine.cap is not None and machine.cap not in self._caps
        waits = self._last.get(machine.cap, ()) if machine.cap is not None and in_line else ()
        place = (None, ()) if in_line else self._place(machine)
        after = tuple(dict.fromkeys((*needs, *waits)))
        start = self._activity(Activity(name, after, *place), law)
        ends = self._tasks(machine, start, place)
        if machine.cap is not None and in_line:
            self._last[machine.cap] = tuple(ends)
        return ends

    def _tasks(self, machine: Machine, start: int, place: _Place) -> list[int]:
        """What a machine does once it is there; gives the activities that end it."""
        if self._shared(machine):
            return self._beside(machine, start)
        last = self._chain(machine.tasks[0], (start,))
        if len(machine.tasks) == 1:
            self.of_task[machine.tasks[0]].insert(0, start)
        # Who waits for something of its own cannot hold what the task before it held of the same:
        # then each task takes its machine's place anew.
        anew = any(self._waits(task) for task in machine.tasks[1:])
        for task in machine.tasks[1:]:
            last = self._chain(task, (last,), place if anew else None)
        return [last]

    def _waits(self, task: str) -> bool:
        """Whether a task stands in a queue that is none of the plan's own."""
        network = self.model.network
        return any(network.activities[index].queue in self._moved for index in self._own(task))

    def _shared(self, machine: Machine) -> bool:
        """Whether its tasks share it as slots get free: else they run one after another as they stand."""
        left = set(machine.tasks)
        for task in machine.tasks:
            left.discard(task)
            if not left.isdisjoint(self._task(task).needs):
                return True
        return machine.at_once > 1

    def _place(self, machine: Machine) -> _Place:
        """The queue of a machine's cap, and what it asks of it: of its tasks the largest."""
        if machine.cap is None:
            return None, ()
        queue = self._caps[machine.cap]
        if len(self.queues[queue].resources) == 1:
            return queue, (1,)
        sizes = [asked[1] for task in machine.tasks if (asked := self._asked(task)) is not None]
        return queue, (1, *(max(amounts) for amounts in list(zip(*sizes, strict=True))[1:]))

    def _beside(self, machine: Machine, start: int) -> list[int]:
        """Tasks that share a machine, so many at a time, each after those that it needs."""
        here = set(machine.tasks)
        slots = []
        for task in machine.tasks:
            slots.append(len(self.activities))
            self._chain(task, (start,), (self._in_job, (1,)))
        for task, slot in zip(machine.tasks, slots, strict=True):
            needs = dict.fromkeys(need for need in self._task(task).needs if need in here)
            after = (start, *(self.of_task[need][-1] for need in needs))
            self.activities[slot] = replace(self.activities[slot], needs=after)
        return [self.of_task[task][-1] for task in machine.tasks]

    def _chain(self, task: str, after: tuple[int, ...], place: _Place | None = None) -> int:
        """A task's own activities, one right after the other; gives the last.

        The first takes a place of its own, or without `place` follows the one before it at once.
        """
        before = after[0] if place is None else None
        for index in self._own(task):
            own = self.model.network.activities[index]
            queue, demand = self._moved_to(own)
            if before is not None:
                made = replace(own, needs=(before,), queue=queue, demand=demand, continues=before)
            elif place is not None and queue is None:
                made = replace(
                    own, needs=after, queue=place[0], demand=place[1], continues=None, priority=0.0
                )
            else:
                raise ValueError(f"{task} waits for something else before it has a place")
            before = self._activity(made, self.model.laws[index], task)
        assert before is not None, "every task has an activity"
        return before

    def _moved_to(self, own: Activity) -> _Place:
        """What an activity asks of which queue, where that is none that a cap stands for."""
        moved = None if own.queue is None else self._moved.get(own.queue)
        return moved, () if moved is None else own.demand

    def _activity(self, activity: Activity, law: TaskDuration, task: str | None = None) -> int:
        self.activities.append(activity)
        self.laws.append(law)
        if task is not None:
            self.of_task.setdefault(task, []).append(len(self.activities) - 1)
        return len(self.activities) - 1

    def _task(self, task: str) -> Task:
        if task not in self.tasks:
            raise ValueError(f"{task} is no task of the plan")
        return self.model.plan.tasks[self.tasks[task]]

    def _own(self, task: str) -> tuple[int, ...]:
        """A task's activities in the plan's own network."""
        return self.model.activities[self.tasks[self._task(task).id]]

    def _start_terms(self, machine: Machine) -> tuple[Term, ...]:
        builds = any(self._task(task).kind is TaskKind.BUILD for task in machine.tasks)
        if builds not in self._starts:
            self._starts[builds] = start_terms(self.model.scenario, self.graph.target, builds=builds)
        return self._starts[builds]


def start_terms(scenario: Scenario, target: str, *, builds: bool) -> tuple[Term, ...]:
    """What a machine's start is made of; `builds` says that it builds images."""
    start = Term(START, law_of(scenario, START, target))
    if not builds:
        return start, Term(SETUP, law_of(scenario, SETUP, CHECKOUT))
    return (start,) if target == "argo" else (start, Term(SETUP, law_of(scenario, SETUP, BUILDER)))


def law_of(scenario: Scenario, term: str, about: str) -> Law:
    """The law of a term: the scenario's, else the default."""
    said = scenario.laws.get((term, about)) or scenario.laws.get((term, "any"))
    return said or DEFAULTS[term, about].law
