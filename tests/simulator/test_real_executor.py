"""The real executor of the end-to-end tests keeps the rules that it is held to: it is tested itself."""

from __future__ import annotations

import real_executor
from sim_plans import slots_network
from simulator.network import from_plan


def test_slots_needs_and_the_order_of_service_are_kept() -> None:
    plan = real_executor.random_plan(0)
    network = from_plan(plan)
    executed = real_executor.execute(network, [0.004] * len(network.activities))
    for index, activity in enumerate(network.activities):
        assert all(executed.finish_s[need] <= executed.start_s[index] for need in activity.needs)
    for number, queue in enumerate(network.queues):
        members = [index for index, each in enumerate(network.activities) if each.queue == number]
        moments = sorted(
            [(executed.start_s[i], 1) for i in members] + [(executed.finish_s[i], -1) for i in members]
        )
        running = 0
        for _, change in moments:
            running += change
            assert running <= queue.capacity[0] == real_executor.SLOTS


def test_it_serves_first_in_first_out() -> None:
    network = slots_network([6], 1)
    start_s = real_executor.execute(network, [0.002] * len(network.activities)).start_s[:6]
    assert list(start_s) == sorted(start_s)


def test_the_plans_of_the_trials_differ() -> None:
    plans = [real_executor.random_plan(trial) for trial in range(real_executor.TRIALS)]
    assert len({plan.strategy for plan in plans}) == 3
    assert len({len(plan.tasks) for plan in plans}) > 4
    builds = [sum(task.id.startswith("build:") for task in plan.tasks) for plan in plans]
    assert sum(count > real_executor.SLOTS for count in builds) >= 6
