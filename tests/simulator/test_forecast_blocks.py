"""Blocks, workers and interruptions: nothing of these changes a number."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from compiler.plan.model import Strategy
from sim_plans import Service, container, database, make_plan
from simulator.forecasting import run
from simulator.forecasting.blocks import Piece, joined, simulate
from simulator.forecasting.forecast import Forecast
from simulator.forecasting.frame import Frame
from simulator.forecasting.run import forecast
from simulator.modelling.model import Model
from simulator.modelling.pipeline import model
from simulator.modelling.scenario import Builders, Failure, Registry, Scenario
from simulator.report.json import render

SCENARIOS = {
    "base": Scenario(),
    "failing": Scenario(failures={"build": Failure(0.1, retries=0)}),
    "builders": Scenario(builders=Builders(warm=1, maximum=3)),
    "shared registry": Scenario(registry=Registry(20e6, 30e6)),
}


def subject(scenario: str = "base", strategy: Strategy = Strategy.BUILD_FIRST, count: int = 6) -> Model:
    services = [database("db"), container("cache"), *(Service(f"s{number}") for number in range(count))]
    return model(make_plan(services, strategy=strategy, builds=3, deploys=2), SCENARIOS[scenario])


def small_blocks(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    activities = len(subject().network.activities)
    monkeypatch.setattr(run, "_BLOCK_DRAWS", {})
    monkeypatch.setattr(run, "_FEWEST_AT_ONCE", {})
    monkeypatch.setattr(run, "_SMALL_BLOCK_DRAWS", size * activities)


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("size", [1, 7, 64])
def test_how_runs_are_cut_into_blocks_does_not_matter(
    monkeypatch: pytest.MonkeyPatch, scenario: str, size: int
) -> None:
    whole = forecast(subject(scenario), runs=150)
    small_blocks(monkeypatch, size)
    cut = forecast(subject(scenario), runs=150)
    assert cut.makespans_s == whole.makespans_s
    assert render(cut) == render(whole)


@pytest.mark.parametrize("strategy", list(Strategy))
def test_every_engine_gives_the_same_forecast(strategy: Strategy) -> None:
    numpy, events, simpy = (
        forecast(subject(strategy=strategy), runs=60, engine=engine)
        for engine in ("numpy", "events", "simpy")
    )
    for other in (events, simpy):
        assert other.makespans_s == numpy.makespans_s
        assert other.tasks == numpy.tasks
        assert other.median_run == numpy.median_run
    assert (numpy.engine, events.engine, simpy.engine) == ("numpy", "events", "simpy")
    assert numpy.engine_reason == "it was asked for"
    assert forecast(subject(), runs=5).engine_reason != "it was asked for"


@pytest.mark.parametrize("scenario", ["base", "failing"])
def test_workers_change_no_byte(monkeypatch: pytest.MonkeyPatch, scenario: str) -> None:
    small_blocks(monkeypatch, 40)
    texts = {render(forecast(subject(scenario), runs=300, workers=workers)) for workers in (1, 2, 3)}
    assert len(texts) == 1
    assert not multiprocessing.active_children()


def test_a_worker_that_dies_is_an_error_and_no_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    small_blocks(monkeypatch, 20)

    def kill(done: int, total: int) -> None:  # noqa: ARG001 - the signature of a progress
        os.kill(multiprocessing.active_children()[0].pid or 0, signal.SIGKILL)

    with pytest.raises(ChildProcessError, match="a worker process was killed by signal 9"):
        forecast(subject(), runs=10_000, workers=2, progress=kill)
    assert not multiprocessing.active_children()


def test_what_a_worker_refuses_is_refused() -> None:
    """An error in a worker is the same error as without one."""
    good = subject()
    broken = replace(good, laws=good.laws[:-1])
    with pytest.raises(ValueError, match="durations have the shape"):
        forecast(broken, runs=10, workers=1)
    with pytest.raises(ValueError, match="durations have the shape"):
        forecast(broken, runs=10, workers=2)


def test_single_tasks_are_told_of_the_first_runs_only(monkeypatch: pytest.MonkeyPatch) -> None:
    activities = len(subject().network.activities)
    monkeypatch.setattr(run, "_DETAILED_DRAWS", 50 * activities)
    monkeypatch.setattr(run, "_FEWEST_DETAILED", 20)
    found, all_of_50 = forecast(subject(), runs=400), forecast(subject(), runs=50)
    assert (found.runs, found.detailed_runs, all_of_50.detailed_runs) == (400, 50, 50)
    assert found.tasks == all_of_50.tasks
    assert found.services == all_of_50.services
    assert found.uses == all_of_50.uses or found.median_run != all_of_50.median_run
    # The distribution and the phases are of all.
    monkeypatch.undo()
    whole = forecast(subject(), runs=400)
    assert found.makespan == whole.makespan
    assert found.spans == whole.spans
    assert found.median_run.replication < 50
    assert found.median_run.makespan_s == found.makespans_s[found.median_run.replication]


def test_at_least_some_runs_are_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_DETAILED_DRAWS", 1)
    assert forecast(subject(), runs=300).detailed_runs == 100
    assert forecast(subject(), runs=30).detailed_runs == 30


def interrupted(monkeypatch: pytest.MonkeyPatch, **how: Any) -> Forecast:
    small_blocks(monkeypatch, 25)
    return forecast(subject(), runs=10_000, **how)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupt_gives_what_there_is(monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    seen: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        seen.append((done, total))
        if done >= 75:
            raise KeyboardInterrupt

    found = interrupted(monkeypatch, workers=workers, progress=progress)
    assert seen == [(25, 10_000), (50, 10_000), (75, 10_000)]
    assert (found.runs, found.interrupted) == (75, True)
    assert found.makespans_s == forecast(subject(), runs=75).makespans_s
    assert not multiprocessing.active_children()


def test_stop_is_asked_after_every_block(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([False, True])
    found = interrupted(monkeypatch, stop=lambda: next(answers))
    assert (found.runs, found.interrupted) == (50, True)


def test_an_interrupt_before_anything_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "simulate", interrupt)
    with pytest.raises(KeyboardInterrupt):
        forecast(subject(), runs=10)


def test_an_interrupt_at_the_very_end_cuts_nothing() -> None:
    found = forecast(subject(), runs=40, stop=lambda: True)
    assert (found.runs, found.interrupted) == (40, False)


def test_a_block_depends_on_its_replications_alone() -> None:
    frame = Frame(subject("failing"))
    whole = simulate(frame, "numpy", 3, Piece(0, 60, True))
    parts = joined([simulate(frame, "numpy", 3, Piece(first, 20, True)) for first in (0, 20, 40)])
    assert whole.detail is not None
    assert parts.detail is not None
    for name in ("makespan_s", "failure", "timed_out", "begin_s", "end_s"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name), equal_nan=name.endswith("_s")), name
    for name in ("start_s", "finish_s", "spent_s", "wait_s", "critical", "critical_s", "timed_out"):
        one, other = getattr(whole.detail, name), getattr(parts.detail, name)
        assert np.array_equal(one, other, equal_nan=name.endswith("_s")), name
    # Blocks without a single failure have no outcome of their own.
    alone = [simulate(frame, "numpy", 3, Piece(number, 1, True)) for number in range(60)]
    assert any(block.detail is not None and block.detail.outcome is None for block in alone)
    assert np.array_equal(joined(alone).failure, whole.failure)


def test_memory_is_bounded_whatever_the_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four times the runs need little more: what is kept of all runs is a few numbers each."""
    subject_ = subject(count=60)
    activities = len(subject_.network.activities)
    monkeypatch.setattr(run, "_BLOCK_DRAWS", {"numpy": 250 * activities})
    monkeypatch.setattr(run, "_DETAILED_DRAWS", 200 * activities)

    def peak(runs: int) -> int:
        tracemalloc.start()
        try:
            forecast(subject_, runs=runs)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100)
    few, many = peak(1000), peak(4000)
    # Of 3,000 runs more: makespan, phases, failure, and as Python numbers in the forecast.
    assert many - few < 3000 * 500
    assert 3000 * activities * 8 > 3000 * 500


# --- precision


def test_precision_doubles_the_runs_until_the_intervals_are_narrow() -> None:
    found = forecast(subject(), precision=0.05)
    assert found.precision == 0.05
    assert not found.imprecise
    assert found.makespan.within(0.05)
    assert found.runs in {1000 * 2**power for power in range(9)}
    if found.runs > 1000:
        assert not forecast(subject(), runs=found.runs // 2).makespan.within(0.05)
    assert found.makespans_s == forecast(subject(), runs=found.runs).makespans_s


def test_precision_ends_at_the_most_runs_and_says_so() -> None:
    found = forecast(subject(), precision=0.0001, runs=1500)
    assert (found.runs, found.imprecise, found.interrupted) == (1500, True, False)


def test_fixed_durations_are_precise_at_once() -> None:
    """All runs take the same, so that every interval that there is has no width."""
    from test_forecast import FIXED, SERVICES

    found = forecast(make_plan(SERVICES, estimates=FIXED), precision=0.01)
    assert (found.runs, found.imprecise) == (1000, False)


def test_interrupted_while_it_was_not_precise() -> None:
    found = forecast(subject(), precision=0.0001, stop=lambda: True)
    assert (found.runs, found.interrupted, found.imprecise) == (1000, True, True)
