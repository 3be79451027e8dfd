"""Builds that take what the steps of their Dockerfiles do: by hand, by closed forms, on every engine."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.plan.model import BuildOutcome, BuildProfile, BuildStep, Estimate, Plan
from sim_plans import Service, fixed, make_plan
from simulator.drawing.sampling import sample
from simulator.engines.trace import Floats
from simulator.forecasting.gate import Conditions, judge, refusal
from simulator.forecasting.run import forecast
from simulator.modelling.durations import TaskDuration, Term, task_durations
from simulator.modelling.laws import Law
from simulator.modelling.pipeline import model
from simulator.modelling.scenario import Failure, Scenario
from simulator.modelling.steps import law_of, running, steps_of, unmeasured
from simulator.report import facts, html, markdown
from simulator.report.json import as_data
from simulator.report.text import render
from simulator.studies.halving import rank

WEB = "build:web"


def step(name: str, *needs: int, median: float = 10.0, p90: float | None = None, **rest: bool) -> BuildStep:
    return BuildStep(name, needs, median, p90 if p90 is not None else median, **rest)


def profile(*steps: BuildStep, runs: dict[tuple[int, ...], float] | None = None) -> BuildProfile:
    shares = runs if runs is not None else {tuple(range(len(steps))): 1.0}
    outcomes = tuple(BuildOutcome(each, weight) for each, weight in shares.items())
    return BuildProfile(WEB, steps, outcomes, builds=7)


NODE = profile(
    step("line 1: FROM node:22", median=4, p90=7),
    step("context", median=1, p90=2),
    step("line 3: RUN npm ci", 0, median=40, p90=70),
    step("line 4: COPY . .", 2, 1, median=1, p90=2),
    step("line 5: RUN npm run build", 3, median=30, p90=50),
    step("push", 4, median=8, p90=16),
    runs={(0, 1, 3, 4, 5): 80, (0, 1, 2, 3, 4, 5): 15, (5,): 5},
)


def law(made: BuildProfile) -> TaskDuration:
    return TaskDuration(WEB, (Term("build", law_of(made, 0.3), profile=made),))


def drawn(made: BuildProfile, runs: int = 1000, seed: int = 3, correlation: float = 0.3) -> Floats:
    found: Floats = sample((law(made),), runs=runs, seed=seed, correlation=correlation).durations_s[0]
    return found


def plan(*profiles: BuildProfile, estimates: tuple[Estimate, ...] = ()) -> Plan:
    return replace(make_plan([Service("web"), Service("api")], estimates=estimates), profiles=profiles)


def terms(made: Plan, scenario: Scenario | None = None) -> list[str]:
    found = next(each for each in task_durations(made, scenario) if each.task == WEB)
    return [term.name for term in found.terms]


def test_a_build_takes_the_longest_path_through_the_steps_that_run() -> None:
    # a 10 -> c 5; b 12 -> c 5 and d 1: b, c is the longest with all, a, c without b.
    steps = (step("a"), step("b", median=12), step("c", 0, 1, median=5), step("d", 1, median=1))
    assert set(drawn(profile(*steps))) == {17.0}
    assert set(drawn(profile(*steps, runs={(0, 2, 3): 1}))) == {15.0}
    assert set(drawn(profile(*steps, runs={(3,): 1}))) == {1.0}
    # What does not run still stands between what it needs and what needs it.
    assert set(drawn(profile(*steps, runs={(0, 1): 1}))) == {12.0}
    assert set(drawn(profile(step("a"), step("b", 0), step("c", 1), runs={(0, 2): 1}))) == {20.0}
    assert set(drawn(profile(*steps, runs={(): 1}))) == {0.0}


def test_outcomes_come_as_often_as_they_weigh() -> None:
    found = drawn(profile(step("a"), step("b", 0, median=90), runs={(0,): 3, (0, 1): 1}), runs=40_000)
    assert (found == 100).mean() == pytest.approx(0.25, abs=0.01)
    assert set(found) == {10.0, 100.0}


def test_equal_outcomes_count_together_and_order_does_not_matter() -> None:
    steps = (step("a"), step("b", median=20))
    split = BuildProfile(
        WEB, steps, (BuildOutcome((1, 0), 1), BuildOutcome((0,), 2), BuildOutcome((0, 1), 1))
    )
    whole = profile(*steps, runs={(0,): 1, (0, 1): 1})
    assert np.array_equal(drawn(split), drawn(whole))


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_the_longest_path_is_that_of_brute_force(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 7))
    steps = tuple(
        step(
            f"s{number}",
            *data.draw(st.sets(st.integers(0, number - 1)) if number else st.just(set())),
            median=data.draw(st.integers(0, 50)),
        )
        for number in range(count)
    )
    runs = data.draw(st.sets(st.integers(0, count - 1)))

    def longest(number: int) -> float:
        own = steps[number].median_s if number in runs else 0.0
        return own + max((longest(need) for need in steps[number].needs), default=0.0)

    expected = max(longest(number) for number in range(count))
    assert set(drawn(profile(*steps, runs={tuple(runs): 1}), runs=3)) == {expected}


@pytest.mark.parametrize("correlation", [0.0, 0.3, 1.0])
def test_the_law_that_is_told_is_about_that_which_is_drawn(correlation: float) -> None:
    found = np.sort(drawn(NODE, runs=20_000, correlation=correlation))
    told = law_of(NODE, correlation)
    assert told.median_s == pytest.approx(found[10_000], rel=0.03)
    assert told.p90_s == pytest.approx(found[18_000], rel=0.05)


def test_a_single_step_has_its_own_law() -> None:
    told = law_of(profile(step("a", median=60, p90=100)), 0.3)
    assert [told.median_s, told.p90_s] == pytest.approx([60, 100])
    found = np.sort(drawn(profile(step("a", median=60, p90=100)), runs=20_000))
    assert [found[10_000], found[18_000]] == pytest.approx([60, 100], rel=0.02)


def test_a_build_that_mostly_takes_nothing_still_has_a_law() -> None:
    told = law_of(profile(step("a"), runs={(): 8, (0,): 2}), 0.3)
    assert told.median_s <= 0.001
    assert told.p90_s == pytest.approx(10, rel=0.01)


def test_a_changed_line_keeps_the_draws_of_the_others() -> None:
    def by_step(made: BuildProfile, number: int) -> Floats:
        return drawn(replace(made, outcomes=(BuildOutcome((number,), 1),)))

    moved = profile(
        step("line 1: FROM node:22", median=4, p90=7),
        step("line 2: COPY package.json ./", 0, median=1, p90=2),
        step("line 9: RUN npm ci", 1, median=40, p90=70),
    )
    assert np.array_equal(by_step(NODE, 2), by_step(moved, 2))
    assert not np.array_equal(by_step(NODE, 3), by_step(moved, 1))
    pushed = (step("push of line 3: RUN npm ci", p90=20), step("push of line 8: RUN npm ci", p90=20))
    assert np.array_equal(by_step(profile(pushed[0]), 0), by_step(profile(pushed[1]), 0))
    # Steps that do the same are not the same draw.
    twice = profile(step("RUN make", median=5, p90=9), step("RUN make", 0, median=5, p90=9))
    assert not np.array_equal(by_step(twice, 0), by_step(twice, 1))


def test_draws_do_not_hang_on_how_they_are_cut_or_who_else_is_drawn() -> None:
    others = tuple(TaskDuration(f"build:{n}", (Term("build", Law(50, 0.3)),)) for n in range(30))
    whole = sample((*others, law(NODE)), runs=9000, seed=3, correlation=0.3).durations_s[-1]
    alone = drawn(NODE, runs=9000)
    assert np.array_equal(whole, alone)
    pieces = [
        sample((law(NODE),), runs=count, seed=3, correlation=0.3, first=first).durations_s[0]
        for first, count in ((0, 1), (1, 4100), (4101, 4899))
    ]
    assert np.array_equal(np.concatenate(pieces), alone)


def test_terms_add_up_to_the_duration() -> None:
    made = TaskDuration(WEB, (Term("clone", Law(5, 0.4)), *law(NODE).terms))
    found = sample((made,), runs=500, seed=1, correlation=0.3, terms=True)
    assert np.array_equal(found.terms_s[0].sum(axis=0), found.durations_s[0])
    assert np.array_equal(found.terms_s[0][1], drawn(NODE, runs=500, seed=1))


def test_a_profile_stands_for_build_and_push_and_an_estimate_for_all() -> None:
    assert terms(plan()) == ["clone", "build", "push", "retry"] or terms(plan()) == ["clone", "build", "push"]
    assert "push" not in terms(plan(NODE))
    assert terms(plan(NODE))[:2] == ["clone", "build"]
    assert terms(plan(NODE, estimates=(fixed(WEB, 60.0),)))[0] == "build"
    said = Scenario(laws={("build", "any"): Law(60, 0.2, "scenario", "scenario")})
    assert terms(plan(NODE), said)[:3] == ["clone", "build", "push"]


def test_the_engines_agree_bit_for_bit() -> None:
    made = model(plan(NODE, replace(NODE, task="build:api")))
    found = {name: forecast(made, runs=60, seed=2, engine=name) for name in ("numpy", "events", "simpy")}
    assert found["numpy"].makespans_s == found["events"].makespans_s == found["simpy"].makespans_s
    assert as_data(found["numpy"])["tasks"] == as_data(found["simpy"])["tasks"]


def test_workers_change_nothing() -> None:
    made = model(plan(NODE))
    assert (
        forecast(made, runs=300, seed=2, workers=2).makespans_s
        == forecast(made, runs=300, seed=2).makespans_s
    )


def test_all_attempts_of_a_build_find_the_same_cache() -> None:
    both = profile(step("a"), step("b", 0, median=90), runs={(0,): 1, (0, 1): 1})
    scenario = Scenario(failures={"build": Failure(0.5, 5)})
    retried = next(each for each in task_durations(plan(both), scenario) if each.task == WEB)
    sure = replace(retried, failure=0.0)
    first, other = (
        sample((each,), runs=400, seed=4, correlation=0.3, terms=True) for each in (sure, retried)
    )
    fine = ~other.fails[0] if other.fails is not None else np.ones(400, dtype=bool)
    assert other.terms_s[0][-1].any(), "no attempt failed: the test shows nothing"
    assert np.array_equal(first.terms_s[0][1][fine], other.terms_s[0][1][fine])


def test_halving_halves_every_step() -> None:
    made = model(plan(NODE))
    halvings = {each.task: each for each in rank(made, runs=400, seed=1).halvings}
    durations_s = sample(made.laws, runs=400, seed=1, correlation=0.3).durations_s
    index = next(n for n, each in enumerate(made.laws) if each.task == WEB)
    assert halvings[WEB].own_p50_s == pytest.approx(np.median(durations_s[index]) / 2, rel=0.02)


def test_reports_say_that_the_time_is_from_the_dockerfile() -> None:
    found = forecast(plan(NODE), runs=200, seed=1)
    task = next(each for each in found.tasks if each.id == WEB)
    assert (task.profile, task.assumed, task.spread_assumed) == (NODE, False, False)
    data = as_data(found)
    told = next(each for each in data["tasks"] if each["id"] == WEB)["terms"][1]
    assert (told["term"], told["source"], told["spreadSource"]) == ("build", "dockerfile", "dockerfile")
    assert WEB not in data["assumptions"]["assumed"]
    (only,) = data["assumptions"]["dockerfiles"]
    assert (only["task"], only["builds"], only["measured"]) == (WEB, 7, 0)
    assert [each["runs"] for each in only["steps"]] == [0.95, 0.95, 0.15, 0.95, 0.95, 1.0]
    for text in (render(found), markdown.render(found), html.render(found)):
        assert "7 builds of history" in " ".join(text.split())


def test_of_measured_steps_it_is_said_that_they_are() -> None:
    timed = replace(NODE, steps=tuple(replace(each, measured=True) for each in NODE.steps))
    half = replace(NODE, steps=tuple(replace(e, measured=e.name == "push") for e in NODE.steps))
    assert law_of(timed, 0.3).source == "measured"
    assert law_of(half, 0.3).source == "dockerfile"
    assert unmeasured(timed) == 0
    # Of 38 s + 6 s (npm ci in 15 % of builds) the push is 8 s.
    shares = running(half)
    work = [s.median_s * share for s, share in zip(half.steps, shares, strict=True)]
    assert unmeasured(half) == pytest.approx(1 - 8 / sum(work))
    assert "their steps were timed" in facts.dockerfiles(forecast(plan(timed), runs=50))
    assert "% of that was timed" in facts.dockerfiles(forecast(plan(half), runs=50))
    assert "no step was timed" in facts.dockerfiles(forecast(plan(NODE), runs=50))


def test_without_history_it_says_so() -> None:
    assert "web (no rebuilds known)" in facts.dockerfiles(forecast(plan(replace(NODE, builds=0)), runs=50))
    assert facts.dockerfiles(forecast(plan(), runs=50)) == ""


def test_the_gate_takes_steps_that_nobody_timed_for_assumed() -> None:
    given_ = tuple(fixed(task, 1.0) for task in ("check:pre", "build:api", "deploy:web", "deploy:api"))
    scenario = Scenario(laws={("clone", "any"): Law(5, 0.3, "scenario", "scenario")})
    found = forecast(model(plan(NODE, estimates=given_), scenario), runs=100)
    said = refusal(found)
    assert said is not None
    assert "build:web (steps of its Dockerfile)" in said
    assert "--build-log" in said
    assert judge(found, Conditions(max_p90_s=500))[0].outcome == "refused"
    timed = replace(NODE, steps=tuple(replace(each, measured=True) for each in NODE.steps))
    found = forecast(model(plan(timed, estimates=given_), scenario), runs=100)
    assert refusal(found) is None
    assert judge(found, Conditions(max_p90_s=500))[0].outcome == "passed"


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (profile(step("a", 0)), "does not come before"),
        (profile(step("a"), runs={}), "how often"),
        (profile(step("a"), runs={(3,): 1}), "does not have"),
        (profile(step("a"), runs={(0,): 0}), "positive"),
        (profile(step("a"), runs={(0,): math.nan}), "positive"),
        (profile(step("a", median=10, p90=5)), "not below"),
        (profile(step("a", median=-1)), "between 0 and"),
        (profile(step("a", median=math.inf)), "between 0 and"),
    ],
)
def test_a_profile_that_makes_no_sense_is_refused(broken: BuildProfile, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        model(plan(broken))


def test_outcomes_are_ordered_by_what_they_take() -> None:
    made = steps_of(profile(step("a"), step("b", median=99), runs={(1,): 1, (0,): 2, (): 1}))
    assert [(each.runs, each.weight) for each in made.outcomes] == [((), 0.25), ((0,), 0.5), ((1,), 0.25)]
