"""A part of a plan keeps the order of the whole."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.plan.model import Plan, Strategy, TaskKind
from sim_networks import plans
from sim_plans import Service, container, make_plan
from simulator.network import from_plan
from stagecast.execution.narrow import narrowed, with_needed

SHOP = [
    container("db", "one"),
    Service("job", "two", after=()),
    Service("api", "three"),
    Service("web", "three", after=("api",)),
]


def ids(plan: Plan) -> list[str]:
    return [task.id for task in plan.tasks if task.kind is not TaskKind.GATE]


def before(plan: Plan) -> set[tuple[str, str]]:
    """Every pair of tasks of which the first comes before the second, gates left out."""
    above: dict[str, set[str]] = {}
    tasks = {task.id: task for task in plan.tasks}
    for index in from_plan(plan).order:
        task = plan.tasks[index]
        above[task.id] = {*task.needs, *(each for need in task.needs for each in above[need])}
    real = {name for name, task in tasks.items() if task.kind is not TaskKind.GATE}
    return {(first, last) for last in real for first in above[last] & real}


@given(plan=plans(), data=st.data(), deploys=st.booleans())
def test_the_order_among_what_is_left_is_that_of_the_whole(
    plan: Plan, data: st.DataObject, deploys: bool
) -> None:
    services = data.draw(st.sets(st.sampled_from([each.service for each in plan.workloads])))
    part = narrowed(plan, services, deploys=deploys)
    left = set(ids(part))
    assert before(part) == {pair for pair in before(plan) if left.issuperset(pair)}
    assert [task for task in ids(plan) if task in left] == ids(part), "queue order"
    for task in part.tasks:
        assert not task.services or services & set(task.services)
        assert deploys or task.kind is not TaskKind.DEPLOY


@given(plan=plans())
def test_all_services_are_the_whole_plan(plan: Plan) -> None:
    part = narrowed(plan, {each.service for each in plan.workloads}, deploys=True)
    assert part == replace(plan, images=part.images)
    assert {image.id for image in part.images} == {image.id for image in plan.images}


@pytest.mark.parametrize("strategy", Strategy)
def test_builds_come_first_although_the_stages_between_are_empty(strategy: Strategy) -> None:
    plan = make_plan(SHOP, strategy=strategy)
    part = narrowed(plan, {"web"}, deploys=True)
    assert ids(part) == ["check:pre", "build:web", "deploy:web"]
    assert ("build:web", "deploy:web") in before(part)


def test_what_a_service_needs() -> None:
    plan = make_plan(SHOP)
    workloads = tuple(
        replace(each, depends_on={"web": ("api",), "api": ("db",)}.get(each.service, ()))
        for each in plan.workloads
    )
    plan = replace(plan, workloads=workloads)
    assert with_needed(plan, ["web"]) == {"web", "api", "db"}
    assert with_needed(plan, ["job", "nobody"]) == {"job"}


def test_without_deployments_images_are_left() -> None:
    part = narrowed(make_plan(SHOP), {"db", "web"}, deploys=False)
    assert ids(part) == ["check:pre", "build:web", "mirror:db"]
