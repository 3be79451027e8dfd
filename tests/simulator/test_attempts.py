"""Attempts that fail: by hand where nothing is random, by their laws where something is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from simulator.drawing.sampling import Sample, sample
from simulator.modelling.durations import TaskDuration, Term
from simulator.modelling.laws import Law
from simulator.statistics.quantiles import quantile

RUNS = 20_000
RETRY = Term("retry", Law(0.0, 0.0, "scenario", "scenario"))
THREE_SIGMA = 0.9973


def constant(name: str, seconds: float) -> Term:
    return Term(name, Law(seconds, 0.0))


def task(*terms: Term, retries: int = 0, **more: Any) -> TaskDuration:
    return TaskDuration("t", (*terms, RETRY) if retries else terms, retries=retries, **more)


def draw(duration: TaskDuration, runs: int = RUNS, seed: int = 0) -> Sample:
    return sample((duration,), runs=runs, seed=seed, correlation=0.3, terms=True)


def failing(found: Sample) -> Any:
    assert found.fails is not None
    return found.fails[0]


def test_nothing_that_cannot_fail_has_failures() -> None:
    assert draw(task(constant("build", 10.0))).fails is None


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_the_share_of_failed_tasks_is_geometric(retries: int) -> None:
    """All of retries + 1 independent attempts fail with p ** (retries + 1); within 3 standard errors."""
    found = failing(draw(task(constant("build", 10.0), retries=retries, failure=0.4)))
    expected = 0.4 ** (retries + 1)
    assert abs(found.mean() - expected) < 3 * math.sqrt(expected * (1 - expected) / RUNS)


def test_a_failed_attempt_ends_at_a_uniform_part() -> None:
    found = draw(task(constant("build", 10.0), failure=1.0))
    assert failing(found).all()
    for share in (0.1, 0.5, 0.9):
        at = quantile(found.durations_s[0], share, THREE_SIGMA)
        assert at.low_s is not None
        assert at.high_s is not None
        assert at.low_s <= 10 * share <= at.high_s


def test_retried_attempts_add_up() -> None:
    """Before a success there are p / (1 - p) failed attempts in the mean, each of half the time."""
    found = draw(task(constant("build", 10.0), retries=100, failure=0.5))
    assert found.fails is None
    build, retry = found.terms_s[0]
    assert set(build) == {10.0}
    assert (found.durations_s[0] == build + retry).all()
    # The number before a success has the variance p / (1 - p)^2, a uniform part of 10 s 100 / 12.
    variance = 1 * 100 / 12 + 2 * 25
    assert abs(retry.mean() - 5.0) < 3 * math.sqrt(variance / RUNS)
    assert ((retry == 0).mean() - 0.5) ** 2 < 9 * 0.25 / RUNS


def test_pauses_double_up_to_ten_minutes() -> None:
    duration = task(constant("run", 10.0), retries=8, failure=1.0, backoff_s=10.0, timeout_s=1e-6)
    found = draw(duration, 5)
    pauses = 10 + 20 + 40 + 80 + 160 + 320 + 600 + 600
    assert found.durations_s[0] == pytest.approx(pauses, abs=1e-4)


def test_a_timeout_fails_an_attempt_at_once_and_for_all() -> None:
    found = draw(task(constant("build", 100.0), timeout_s=60.0, retries=2), 3)
    assert found.durations_s[0].tolist() == [180.0] * 3
    assert failing(found).all()
    assert found.timed_out.all()
    assert [row.tolist() for row in found.terms_s[0]] == [[60.0] * 3, [120.0] * 3]


def test_an_attempt_that_was_too_long_is_retried_with_new_draws() -> None:
    """A lognormal is above its median half of the time: so is each of three attempts."""
    duration = task(Term("build", Law(100.0, 0.5)), timeout_s=100.0, retries=2)
    alone = sample((duration,), runs=RUNS, seed=0, correlation=0.0)
    assert abs(failing(alone).mean() - 1 / 8) < 3 * math.sqrt(7 / 64 / RUNS)
    assert abs(alone.timed_out[0].mean() - 1 / 2) < 3 * math.sqrt(1 / 4 / RUNS)
    # What the attempts of a run have in common makes it likelier that all of them are long.
    assert failing(draw(duration)).mean() > 1 / 8 + 3 * math.sqrt(7 / 64 / RUNS)


def test_only_what_a_retry_repeats_is_repeated() -> None:
    terms = (constant("helm", 5.0), constant("run", 100.0))
    found = draw(task(*terms, again=1, timeout_s=30.0, retries=1, backoff_s=10.0), 2)
    assert found.durations_s[0].tolist() == [5 + 30 + 10 + 30] * 2
    assert [row[0] for row in found.terms_s[0]] == [5, 30, 40]


def test_a_deadline_ends_all_attempts() -> None:
    duration = task(constant("run", 100.0), timeout_s=60.0, deadline_s=150.0, retries=5)
    found = draw(duration, 2)
    assert found.durations_s[0].tolist() == [150.0] * 2
    assert failing(found).all()
    assert found.terms_s[0].sum(axis=0).tolist() == [150.0] * 2


def test_a_deadline_alone_is_a_failure_too() -> None:
    found = draw(task(constant("run", 100.0), deadline_s=50.0), 2)
    assert (found.durations_s[0].tolist(), failing(found).tolist()) == ([50.0] * 2, [True] * 2)


def test_terms_add_up_whatever_fails() -> None:
    terms = (Term("pull", Law(10.0, 0.5)), Term("start", Law(2.0, 0.3)), Term("run", Law(30.0, 0.9)))
    duration = task(*terms, again=1, timeout_s=60.0, deadline_s=200.0, failure=0.3, retries=3, backoff_s=10.0)
    found = draw(duration)
    assert found.terms_s[0].sum(axis=0) == pytest.approx(found.durations_s[0], rel=1e-12)
    assert (found.terms_s[0] >= 0).all()
    assert found.durations_s.max() <= 200.0
    assert 0 < failing(found).mean() < 1


def test_failures_leave_what_succeeds_at_once_as_it_was() -> None:
    """Retries and probabilities have streams of their own."""
    base = draw(task(Term("build", Law(100.0, 0.5)))).durations_s[0]
    shares = []
    for retries, failure in ((0, 0.1), (0, 0.3), (2, 0.3)):
        found = draw(task(Term("build", Law(100.0, 0.5)), retries=retries, failure=failure))
        same = found.durations_s[0] == base
        assert not same[failing(found)].any()
        shares.append(same)
    assert abs(shares[0].mean() - 0.9) < 3 * math.sqrt(0.09 / RUNS)
    # Who fails with a small probability fails with a larger one; retries change no first attempt.
    assert not (shares[1] & ~shares[0]).any()
    assert (shares[1] == shares[2]).all()


def test_of_two_tasks_each_fails_on_its_own() -> None:
    tasks = tuple(TaskDuration(name, (constant("build", 1.0),), failure=0.5) for name in "ab")
    found = sample(tasks, runs=RUNS, seed=0, correlation=1.0)
    assert found.fails is not None
    assert abs(np.corrcoef(found.fails.astype(float))[0, 1]) < 3 / math.sqrt(RUNS)


def test_whole_seconds_are_numbers_like_others() -> None:
    """A plan's estimates may be integers."""
    found = draw(task(constant("build", 100), timeout_s=60), 2)
    assert found.durations_s[0].tolist() == [60.0, 60.0]
    assert found.terms_s[0].dtype == np.float64
