"""An executor of plans that really takes time: thread pools of build and deployment slots.

It shares nothing with the engines but the network. Each queue is one of the standard library's
thread pools, with as many threads as the queue has slots, which serves what it is given first in, first
out. A task is a sleep. Who finishes hands on what became ready, in the order of the plan.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from claims import SEED, Claim
from compiler.plan.model import Plan, Strategy
from sim_plans import Service, container, database, job, make_plan
from simulator import engines
from simulator.drawing.streams import normals, uniforms
from simulator.engines.trace import Floats
from simulator.network import Network, from_plan

SLOTS = 7
TRIALS = 8
# Long enough that waking up threads is far below the margin.
MAKESPAN_S = 10.0
MARGIN = 0.01


@dataclass(frozen=True, slots=True)
class Executed:
    """When every task of a network really started and finished, in seconds since the first could."""

    start_s: tuple[float, ...]
    finish_s: tuple[float, ...]

    @property
    def makespan_s(self) -> float:
        """When the last one was done."""
        return max(self.finish_s)


def execute(network: Network, durations_s: list[float]) -> Executed:
    """Run a network whose queues have slots alone to decide (every activity asks for one of them)."""
    count = len(network.activities)
    start_s, finish_s = [0.0] * count, [0.0] * count
    missing = [len(activity.needs) for activity in network.activities]
    left = count
    lock, done = threading.Lock(), threading.Event()
    with ExitStack() as stack:
        pools = [
            stack.enter_context(ThreadPoolExecutor(queue.capacity[0], thread_name_prefix=queue.name))
            for queue in network.queues
        ]
        # What asks for no slot: the pre-check and gates.
        free = stack.enter_context(ThreadPoolExecutor(count))
        begin = time.monotonic()

        def hand_on(index: int) -> None:
            queue = network.activities[index].queue
            (free if queue is None else pools[queue]).submit(work, index)

        def work(index: int) -> None:
            nonlocal left
            start_s[index] = time.monotonic() - begin
            if durations_s[index]:
                time.sleep(durations_s[index])
            finish_s[index] = time.monotonic() - begin
            with lock:
                for successor in network.successors[index]:
                    missing[successor] -= 1
                    if not missing[successor]:
                        hand_on(successor)
                left -= 1
                if not left:
                    done.set()

        with lock:
            for index, activity in enumerate(network.activities):
                if not activity.needs:
                    hand_on(index)
        assert done.wait(timeout=60), "a task never came to its end"
    return Executed(tuple(start_s), tuple(finish_s))


def random_plan(trial: int) -> Plan:
    """12 to 40 services of all sorts in up to four stages, in one of the strategies, with dependencies."""
    luck: Iterator[float] = iter(uniforms(SEED, ("executor", "plan", str(trial)), 400).tolist())
    strategy = tuple(Strategy)[trial % len(Strategy)]
    makers = (Service, Service, Service, container, database, job)
    services: list[Service] = []
    for number in range(12 + int(next(luck) * 29)):
        stage = f"stage {int(next(luck) * 4)}"
        made = makers[int(next(luck) * len(makers))](f"s{number}", stage)
        before = [each.name for each in services if each.stage == stage]
        if before and next(luck) < 0.3:
            after = (before[int(next(luck) * len(before))],)
            made = Service(made.name, stage, made.builds, made.mirrors, after, made.size, made.type)
        services.append(made)
    return make_plan(services, strategy=strategy, builds=SLOTS, deploys=SLOTS)


def random_durations(network: Network, trial: int) -> Floats:
    """Lognormal with sigma 0.5, scaled to a makespan of `MAKESPAN_S`; gates take none. (activities, 1)."""
    names = ("executor", "durations", str(trial))
    drawn = np.exp(0.5 * normals(SEED, names, len(network.activities)))[:, None]
    drawn[[index for index, each in enumerate(network.activities) if each.id.startswith("gate:")]] = 0.0
    return np.asarray(drawn * MAKESPAN_S / engines.simulate(network, drawn).makespan_s[0])


def trial_claim(trial: int) -> Claim:
    """One plan, run for real, against the simulation of the times that its tasks really took."""
    plan = random_plan(trial)
    network = from_plan(plan)
    executed = execute(network, random_durations(network, trial)[:, 0].tolist())
    taken_s = np.subtract(executed.finish_s, executed.start_s)[:, None]
    simulated_s = float(engines.simulate(network, taken_s).makespan_s[0])
    off = executed.makespan_s / simulated_s - 1
    tasks = sum(not each.id.startswith("gate:") for each in network.activities)
    return Claim(
        f"trial {trial + 1}: {len(plan.workloads)} services, {tasks} tasks, {plan.strategy.value}",
        "within 1 %",
        f"{executed.makespan_s:.3f} s",
        f"{simulated_s:.3f} s ({off:+.2%}); of the times meant {MAKESPAN_S:.3f} s",
        abs(off) <= MARGIN,
    )
