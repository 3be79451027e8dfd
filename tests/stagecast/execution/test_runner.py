"""The loop of a run on a virtual clock: the simulator's order, and how a run stops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.plan.model import Plan, Strategy, TaskKind
from sim_networks import durations, networks, plans
from sim_plans import Service, container, make_plan
from simulator.engines import reference as engine
from simulator.network import Network, from_plan
from stagecast.execution.runner import Outcome, Record, Result, execute
from virtual_commands import HANGS, Told, VirtualCommands


def run(
    plan: Plan,
    taking_s: dict[str, float],
    *,
    failing: tuple[str, ...] = (),
    interrupts_s: tuple[float, ...] = (),
    deaf: tuple[str, ...] = (),
) -> tuple[dict[str, Record], Result, Told, VirtualCommands]:
    """A run where tasks take a second, or what is said."""
    ids = [task.id for task in plan.tasks]
    commands = VirtualCommands(
        [taking_s.get(task, 1.0) for task in ids],
        {ids.index(task): Outcome.FAILED for task in failing},
        interrupts_s,
        frozenset(ids.index(task) for task in deaf),
    )
    told = Told()
    result = execute(from_plan(plan), [task.kind for task in plan.tasks], commands, told)
    return dict(zip(ids, result.records, strict=True)), result, told, commands


def outcomes(records: dict[str, Record], *tasks: str) -> list[str]:
    return [str(records[task].outcome) for task in tasks]


@given(network=networks(), data=st.data())
def test_the_order_is_the_simulators(network: Network, data: st.DataObject) -> None:
    """Start and finish of every activity, bit for bit, ties and zero durations included."""
    count = len(network.activities)
    taking_s = data.draw(st.lists(durations, min_size=count, max_size=count))
    kinds = [TaskKind.CHECK if each.queue is None else TaskKind.DEPLOY for each in network.activities]
    result = execute(network, kinds, VirtualCommands(taking_s), Told())
    assert result.ok
    check_against_engine(network, taking_s, result)


@given(plan=plans(), data=st.data())
def test_the_order_of_plans_is_the_simulators(plan: Plan, data: st.DataObject) -> None:
    """Every strategy, with gates, atomic builds and mirrors."""
    taking_s = [0.0 if task.kind is TaskKind.GATE else data.draw(durations) for task in plan.tasks]
    network = from_plan(plan)
    result = execute(network, [task.kind for task in plan.tasks], VirtualCommands(taking_s), Told())
    assert result.ok
    check_against_engine(network, taking_s, result)


def check_against_engine(network: Network, taking_s: list[float], result: Result) -> None:
    trace = engine.simulate(network, np.array(taking_s)[:, None])
    assert [record.start_s for record in result.records] == trace.start_s[:, 0].tolist()
    assert [record.end_s for record in result.records] == trace.finish_s[:, 0].tolist()


@given(plan=plans(), data=st.data())
def test_nothing_starts_after_a_failure_and_every_start_ends(plan: Plan, data: st.DataObject) -> None:
    real = [task.id for task in plan.tasks if task.kind is not TaskKind.GATE]
    if not real:
        return
    failing = data.draw(st.sampled_from(real))
    interrupts_s = tuple(data.draw(st.lists(st.sampled_from([0.5, 1.0, 2.5]), max_size=2)))
    records, result, told, _ = run(plan, {}, failing=(failing,), interrupts_s=interrupts_s)
    ends = [record.end_s for record in records.values() if record.outcome in (Outcome.FAILED,)]
    starts = [record.start_s for record in records.values() if record.start_s is not None]
    if ends:
        assert max(starts) <= min(end for end in ends if end is not None)
    assert sorted(i for how, i in told.order if how == "start") == sorted(
        i for how, i in told.order if how == "end"
    )
    for task in plan.tasks:
        if records[task.id].outcome.ok:
            assert all(records[need].outcome.ok for need in task.needs), "only after what it needs"
    assert result.ok == all(record.outcome.ok for record in records.values())


THREE = [Service("a"), Service("b"), Service("c"), container("d", "application")]


@pytest.mark.parametrize("strategy", Strategy)
def test_a_failed_build_ends_the_other_builds(strategy: Strategy) -> None:
    plan = make_plan(THREE, strategy=strategy, builds=2)
    records, result, told, _ = run(
        plan, {"build:b": HANGS, "deploy:d": 9.0, "mirror:d": 0.25}, failing=("build:a",)
    )
    assert outcomes(records, "build:a", "build:b", "build:c") == ["failed", "cancelled", "cancelled"]
    assert (records["build:b"].start_s, records["build:b"].end_s) == (1.0, 2.0)
    assert records["build:c"].start_s is None
    assert outcomes(records, "deploy:a", "deploy:b") == ["cancelled", "cancelled"]
    assert told.why == ["a build failed"]
    assert not result.ok
    # Only with dag something is deployed beside builds, and that finishes.
    expected = "done" if strategy is Strategy.DAG else "cancelled"
    assert outcomes(records, "deploy:d") == [expected]


def test_staged_keeps_what_earlier_stages_deployed() -> None:
    plan = make_plan([Service("a", "one"), Service("b", "two")], strategy=Strategy.STAGED)
    records, *_ = run(plan, {}, failing=("build:b",))
    assert outcomes(records, "deploy:a", "build:b", "deploy:b") == ["done", "failed", "cancelled"]


@pytest.mark.parametrize("failing", ["deploy:a", "mirror:d"])
def test_a_failed_deployment_lets_the_others_finish(failing: str) -> None:
    later = Service("z", "later", builds=False)
    plan = make_plan([*THREE, later], deploys=2)
    records, _, told, commands = run(
        plan,
        {"deploy:a": 2.0, "deploy:b": 5.0, "mirror:d": 3.0, "deploy:c": 9.0},
        failing=(failing,),
    )
    assert records["deploy:b"].outcome is Outcome.DONE
    assert records["deploy:z"].start_s is None
    assert commands.asked == []
    assert told.why == ["a step failed"]


def test_the_first_interrupt_ends_builds_and_starts_nothing() -> None:
    plan = make_plan(THREE, builds=2)
    records, result, told, _ = run(plan, {"build:a": HANGS, "build:b": HANGS}, interrupts_s=(1.5,))
    assert outcomes(records, "build:a", "build:b", "build:c") == ["cancelled"] * 3
    assert records["build:a"].end_s == 1.5
    assert records["build:c"].start_s is None
    assert (result.interrupts, result.ok, told.why) == (1, False, ["interrupted"])


def test_the_first_interrupt_lets_deployments_finish_and_ends_copies() -> None:
    plan = make_plan([Service("a", builds=False), container("d", "application")])
    records, result, *_ = run(plan, {"deploy:a": 5.0, "mirror:d": HANGS}, interrupts_s=(2.0,))
    assert outcomes(records, "deploy:a", "mirror:d", "deploy:d") == ["done", "cancelled", "cancelled"]
    assert records["deploy:a"].end_s == 6.0
    assert not result.ok


def test_the_second_interrupt_ends_deployments_and_the_third_does_not_wait() -> None:
    plan = make_plan([Service("a", builds=False), Service("b", builds=False)])
    records, result, _, commands = run(
        plan,
        {"deploy:a": HANGS, "deploy:b": HANGS},
        interrupts_s=(2.0, 3.0, 4.0),
        deaf=("deploy:b",),
    )
    assert (records["deploy:a"].end_s, records["deploy:b"].end_s) == (3.0, 4.0)
    assert [at_once for *_, at_once in commands.asked] == [False, False, True]
    assert result.interrupts == 3


def test_an_interrupt_in_the_check() -> None:
    records, result, *_ = run(make_plan(THREE), {"check:pre": HANGS}, interrupts_s=(1.0,))
    assert {record.outcome for record in records.values()} == {Outcome.CANCELLED}
    assert result.interrupts == 1


def test_a_failed_check_changes_nothing() -> None:
    records, *_ = run(make_plan(THREE), {}, failing=("check:pre",))
    assert [task for task, record in records.items() if record.start_s is not None] == ["check:pre"]


def test_a_run_whose_last_task_finishes_is_complete_although_it_was_interrupted() -> None:
    plan = make_plan([Service("a", builds=False)])
    records, result, *_ = run(plan, {"deploy:a": 5.0}, interrupts_s=(2.0,))
    assert records["deploy:a"].end_s == 6.0
    assert (result.ok, result.interrupts) == (True, 1)
