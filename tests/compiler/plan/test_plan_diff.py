"""A plan compared with a previous one, which may be any JSON."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compiler.plan.diff import Change, Delta, NotAPlan, PlanChanges, compare
from compiler.plan.encode import plan_json, plan_text
from compiler.plan.model import Plan
from plan_strategies import free_form, plans
from spec_plans import plan_of, spec

SERVICES = {
    "db": '{type: database, engine: postgresql, version: "16", storage: 1Gi}',
    "cache": '{type: container, image: "redis:7.4.2"}',
    "api": "{type: application, source: {repository: 'https://github.com/acme/shop', ref: v1}}",
    "web": (
        "{type: application, source: {repository: 'https://github.com/acme/shop', ref: v1}, "
        "dependsOn: [db], variables: {A: one, B: two}, "
        "ports: [{internal: 80, protocol: HTTP}], values: {n: 1}}"
    ),
}


def shop(top: str = "", **services: str) -> Plan:
    lines = (f"{name}: {text}" for name, text in {**SERVICES, **services}.items() if text)
    return plan_of(spec("\n".join(lines), top))


def previous(plan: Plan) -> dict[str, Any]:
    data = json.loads(plan_text(plan))
    assert isinstance(data, dict)
    return data


BEFORE = shop()


def since(after: Plan) -> PlanChanges:
    return compare(after, previous(BEFORE))


def test_a_plan_is_as_it_was() -> None:
    assert since(BEFORE) == PlanChanges(BEFORE.digest, True, (), Delta(), Delta(), Delta(), Delta(), ())


def test_estimates_change_nothing() -> None:
    after = shop(cache='{type: container, image: "redis:7.4.2", estimates: {deploy: 10s}}')
    assert since(after) == since(BEFORE)


def test_new_and_removed_services_with_their_images_and_builds() -> None:
    after = shop(
        cache="",
        new="{type: application, source: {repository: 'https://github.com/acme/other', ref: v1}}",
    )
    changes = since(after)
    assert not changes.same_digest
    assert changes.previous_digest == BEFORE.digest
    assert changes.services == Delta(("new",), (), ("cache",))
    assert changes.builds == Delta(("build:new",), (), ())
    assert changes.images == Delta(("new",), (), ("cache",))
    assert changes.settings == ()
    assert changes.skipped == ()


def test_what_has_changed_is_named() -> None:
    web = SERVICES["web"].replace("A: one, B: two", "A: three, C: four").replace("[db]", "[cache]")
    web = web.replace("internal: 80", "name: http-80, internal: 80, public: true, hosts: [x.example.com]")
    changes = since(shop(web=web, db=SERVICES["db"].replace("1Gi", "2Gi")))
    assert changes.services.changed == (
        Change("db", ("volumes.data",)),
        Change("web", ("dependsOn", "ports.http-80", "variables.A", "variables.B", "variables.C")),
    )


def test_a_service_changes_with_its_image_and_its_build() -> None:
    api = "{type: application, source: {repository: 'https://github.com/acme/shop', ref: v2, args: {X: y}}}"
    web = SERVICES["web"].replace("ref: v1", "ref: v2, args: {X: y}")
    changes = since(shop(api=api, web=web, cache='{type: container, image: "redis:7.4.3"}'))
    assert changes.services.changed == (
        Change("cache", ("image.origin", "image.tag")),
        Change("api", ("image.build.arguments", "image.build.source")),
        Change("web", ("image.build.arguments", "image.build.source")),
    )
    assert changes.builds.changed == (Change("build:api", ("arguments.X", "source.ref")),)
    assert changes.images.changed == (Change("cache", ("origin", "tag")),)


def test_who_else_shares_a_build_does_not_change_a_service() -> None:
    zoo = "{type: application, source: {repository: 'https://github.com/acme/shop', ref: v1}}"
    changes = since(shop(zoo=zoo))
    assert changes.services == Delta(("zoo",), (), ())
    assert changes.builds.changed == (Change("build:api", ("services",)),)


def test_skipped_is_not_removed() -> None:
    changes = since(shop(cache='{type: container, skip: true, image: "redis:7.4.2"}'))
    assert changes.skipped == ("cache",)
    assert changes.services == Delta()
    back = compare(BEFORE, previous(shop(cache='{type: container, skip: true, image: "redis:7.4.2"}')))
    assert back.services == Delta(("cache",), (), ())
    assert back.skipped == ()


def test_settings_and_stages() -> None:
    top = "pipeline: {strategy: staged, build: {parallelism: 3}}\ntarget: {namespace: other}\n"
    changes = since(shop(f"{top}stages: [application, extra, database, job, container]", web=""))
    assert changes.settings == (
        "limits.build.parallelism",
        "limits.build.pool",
        "limits.build.slots",
        "stages",
        "strategy",
        "target.namespace",
    )
    assert (changes.stages.added, changes.stages.removed) == (("extra",), ())


def test_what_python_holds_for_equal_is_not_the_same() -> None:
    """1, 1.0 and true are equal in Python, and different values of a chart."""
    changed = (Change("web", ("values.n",)),)
    for value in ("true", "1.0"):
        web = SERVICES["web"].replace("{n: 1}", f"{{n: {value}}}")
        assert since(shop(web=web)).services.changed == changed


def test_a_changed_order_is_a_change() -> None:
    ports = "ports: [{name: a, internal: 80, protocol: HTTP}, {name: b, internal: 81, protocol: HTTP}]"
    turned = "ports: [{name: b, internal: 81, protocol: HTTP}, {name: a, internal: 80, protocol: HTTP}]"
    one = shop(web=SERVICES["web"].replace("ports: [{internal: 80, protocol: HTTP}]", ports))
    other = shop(web=SERVICES["web"].replace("ports: [{internal: 80, protocol: HTTP}]", turned))
    assert compare(other, previous(one)).services.changed == (Change("web", ("ports",)),)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "this is null"),
        ([], "this is a list"),
        ("text", 'this is "text"'),
        ({}, "it has no `version`; this is stagecast/plan/v1"),
        ({"version": 1}, "its version is 1;"),
        ({"version": "stagecast/plan/v9"}, 'its version is "stagecast/plan/v9"; this is stagecast/plan/v1'),
        ({"version": {"deep": []}}, "its version is a mapping;"),
        ({"version": "stagecast/plan/v1"}, "no `digest`"),
        ({"version": "stagecast/plan/v1", "digest": 7}, "no `digest`"),
    ],
)
def test_what_is_no_plan_is_refused(data: Any, message: str) -> None:
    with pytest.raises(NotAPlan) as caught:
        compare(BEFORE, data)
    assert message in str(caught.value)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("section", ["stages", "builds", "images", "workloads"])
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda _: None, "is missing"),
        (lambda _: {}, "is no list"),
        (lambda items: [*items, 3], "has no `"),
        (lambda items: [*items, {}], "has no `"),
        (lambda items: [*items, items[0]], "names "),
    ],
)
def test_a_broken_section_is_refused(section: str, spoil: Any, message: str) -> None:
    data = previous(BEFORE)
    data[section] = spoil(data[section])
    with pytest.raises(NotAPlan, match=message):
        compare(BEFORE, data)


@pytest.mark.parametrize("depth", [100, 900, 990, 5000])
def test_nesting_is_no_way_in(depth: int) -> None:
    """json.load stops at the interpreter's limit; what it lets through is compared, or refused."""
    deep: Any = 1
    for _ in range(depth):
        deep = {"values": deep}
    data = previous(BEFORE)
    data["workloads"][0]["values"] = deep
    found = compared(BEFORE, data)
    assert found == "it is nested too deeply" or found.services.changed == (Change("db", ("values",)),)


def compared(plan: Plan, data: Any) -> Any:
    """The changes, or why there are none."""
    try:
        return compare(plan, data)
    except NotAPlan as problem:
        return str(problem)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_json_is_compared_or_refused(data: st.DataObject) -> None:
    """A real plan with something else in a random place."""
    before = plan_json(BEFORE)
    place: Any = copy.deepcopy(before)
    root = place
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
            place[key] = data.draw(free_form)
            break
        place = inner
    found = compared(BEFORE, root)
    assert found != ""
    assert isinstance(found, str) or isinstance(found.same_digest, bool)


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(plans())
def test_nothing_differs_from_itself(plan: Plan) -> None:
    """Plans of the model may name things twice, which no plan of a spec does: those are refused."""
    found = compared(plan, previous(plan))
    nothing = PlanChanges(plan.digest, True, (), Delta(), Delta(), Delta(), Delta(), ())
    assert found == nothing or found.endswith("twice")
