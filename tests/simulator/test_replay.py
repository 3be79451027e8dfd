"""Replays of recorded runs: what a task held its slot for, and what cannot be replayed."""

from __future__ import annotations

import pytest

from compiler.plan.model import TaskKind
from sim_plans import Service, container, make_plan
from simulator.history.recorded import RecordedStep
from simulator.history.replay import replay

PLAN = make_plan([container("cache"), Service("web"), Service("api")], builds=1)


def step(task: str, name: str, start_s: float, end_s: float, outcome: str = "done") -> RecordedStep:
    return RecordedStep(task, name, start_s, end_s, outcome)


# Two builds, one after the other; web's waits for a place and then for what its script prepares.
STEPS = (
    step("check:pre", "check", 100, 103),
    step("build:web", "build queueing", 103, 103),
    step("build:web", "git clone", 103, 104),
    step("build:web", "build", 104, 110),
    step("build:api", "build queueing", 103, 110),
    step("build:api", "build queueing", 110, 111),
    step("build:api", "build", 111, 115),
    step("mirror:cache", "mirror image", 115, 116),
    step("deploy:cache", "deployment queueing", 116, 116),
    step("deploy:cache", "deployment", 116, 120),
    step("deploy:web", "deployment", 120, 125),
    step("deploy:api", "deployment", 120, 127),
)


def test_a_task_holds_its_slot_from_its_first_waits_end_to_its_last_end() -> None:
    found = replay(PLAN, STEPS)
    held = dict(zip((task.id for task in PLAN.tasks), found.held_s, strict=True))
    assert held["build:web"] == 7
    assert held["build:api"] == 5, "what the script prepares is work in the slot"
    assert held["check:pre"] == 3
    assert {held[task.id] for task in PLAN.tasks if task.kind is TaskKind.GATE} == {0}
    assert found.measured_s == found.predicted_s == 27
    assert found.error == 0


def test_what_happens_between_tasks_is_the_error() -> None:
    later = [step(s.task, s.step, s.start_s + 3, s.end_s + 3) if s.task == "deploy:api" else s for s in STEPS]
    found = replay(PLAN, later)
    assert (found.predicted_s, found.measured_s) == (27, 30)
    assert found.error == pytest.approx(-0.1)


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        (STEPS[:-1], "nothing is told of deploy:api"),
        ((*STEPS[:-1], step("deploy:api", "deployment", 120, 127, "failed")), "deploy:api was failed"),
        ((*STEPS, step("deploy:other", "deployment", 120, 127)), "no task deploy:other"),
        (tuple(step(each.task, each.step, 1, 1) for each in STEPS), "no time"),
    ],
)
def test_what_cannot_be_replayed(steps: tuple[RecordedStep, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        replay(PLAN, steps)
