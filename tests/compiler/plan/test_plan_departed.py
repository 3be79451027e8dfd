"""What left the spec is remembered, from plans of small specs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.plan.departed import with_departed
from compiler.plan.diff import NotAPlan
from compiler.plan.encode import plan_json, plan_text
from compiler.plan.model import Departed, Plan
from plan_strategies import plans
from spec_plans import plan_of, spec

WEB = 'web: {type: container, image: "nginx:1.29.3"}\n'
CACHE = 'cache: {type: container, image: "redis:7.4.2"}\n'


def then(before: Plan, after: Plan, *, prune: bool = False) -> Plan:
    return with_departed(after, json.loads(plan_text(before)), prune=prune)


def test_what_left_the_spec_is_remembered_until_it_is_back() -> None:
    both, one = plan_of(spec(WEB + CACHE)), plan_of(spec(WEB))
    gone = then(both, one)
    assert gone.departed == (Departed("cache", "cache"),)
    assert then(gone, one).departed == gone.departed
    assert then(gone, both).departed == ()


def test_prune_is_said_once_and_kept() -> None:
    both, one = plan_of(spec(WEB + CACHE)), plan_of(spec(WEB))
    gone = then(then(both, one), one, prune=True)
    assert gone.departed == (Departed("cache", "cache", prune=True),)
    assert then(gone, one).departed == gone.departed


def test_a_skipped_service_is_not_gone() -> None:
    skipped = 'cache: {type: container, image: "redis:7.4.2", skip: true}\n'
    assert then(plan_of(spec(WEB + CACHE)), plan_of(spec(WEB + skipped))).departed == ()


def test_a_release_that_another_service_has_now_is_not_removed() -> None:
    before, after = plan_of(spec(WEB)), plan_of(spec(CACHE))
    [cache] = after.workloads
    taken = replace(after, workloads=(replace(cache, release="web"),))
    assert then(before, taken, prune=True).departed == ()


def test_what_departed_is_in_no_digest() -> None:
    both, one = plan_of(spec(WEB + CACHE)), plan_of(spec(WEB))
    assert then(both, one).digest == one.digest


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(plans(), JSON)
def test_a_previous_plan_may_be_anything(plan: Plan, previous: Any) -> None:
    with pytest.raises(NotAPlan):
        with_departed(plan, previous, prune=True)


@given(plans(), plans(), st.sampled_from(["workloads", "target", "departed"]), JSON)
def test_a_damaged_previous_plan_raises_nothing_else(plan: Plan, other: Plan, key: str, junk: Any) -> None:
    previous = {**plan_json(other), key: junk}
    with_departed(plan, previous, prune=False)
