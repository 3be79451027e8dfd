"""What the digest covers: everything that decides what happens, and nothing else."""

from __future__ import annotations

import dataclasses
import random
import typing
from collections.abc import Iterator
from enum import Enum
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from compiler.plan.encode import plan_digest, plan_json, plan_text
from compiler.plan.model import Estimate, Plan
from plan_strategies import plans
from spec_plans import example_plan, plan_of, spec

FULL = {
    "db": '{type: database, engine: postgresql, version: "16", storage: 1Gi}',
    "cache": '{type: container, image: "redis:7.4.2", ports: [{internal: 6379, protocol: TCP}]}',
    "migrate": "{type: job, run: start, source: {repository: 'https://github.com/acme/shop', ref: v1}}",
    "report": '{type: job, cron: {schedule: "0 3 * * *", timezone: Europe/Paris}, image: "acme/re:1.4.2"}',
    "web": (
        "{type: application, "
        "source: {repository: 'https://github.com/acme/shop', ref: v1, args: {X: y, A: b}}, "
        "ports: [{internal: 8080, protocol: HTTP}], dependsOn: [db, cache], "
        "variables: {B: '2', A: '1', C: {secret: {name: s, key: k}}}, labels: {x: y, a: b}, "
        "estimates: {build: 180s, deploy: 40s}}"
    ),
}


def full(services: dict[str, str], top: str = "variables: {LOG: info, ALL: yes}") -> str:
    return spec("\n".join(f"{name}: {text}" for name, text in services.items()), top)


PLAN = plan_of(full(FULL))


@pytest.mark.parametrize("seed", range(8))
def test_the_order_of_services_means_nothing(seed: int) -> None:
    names = list(FULL)
    random.Random(seed).shuffle(names)
    plan = plan_of(full({name: FULL[name] for name in names}))
    assert plan_text(plan) == plan_text(PLAN)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("dependsOn: [db, cache]", "dependsOn: [cache, db]"),
        ("{B: '2', A: '1', ", "{A: '1', B: '2', "),
        ("args: {X: y, A: b}", "args: {A: b, X: y}"),
        ("labels: {x: y, a: b}", "labels: {a: b, x: y}"),
        ("storage: 1Gi", "storage: 1024Mi"),
        ("engine: postgresql, version", "mode: container, engine: postgresql, version"),
    ],
)
def test_other_words_for_the_same_give_the_same_plan(old: str, new: str) -> None:
    text = full(FULL)
    assert old in text
    assert plan_text(plan_of(text.replace(old, new))) == plan_text(PLAN)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("build: 180s", "build: 200s"),
        ("estimates: {build: 180s, deploy: 40s}", "estimates: {deploy: {median: 1m, p90: 2m}}"),
        ("name: shop", "x-note: anything\nname: shop"),
    ],
)
def test_what_decides_nothing_is_not_in_the_digest(old: str, new: str) -> None:
    text = full(FULL)
    assert old in text
    assert plan_of(text.replace(old, new)).digest == PLAN.digest


def test_neither_is_the_specs_path() -> None:
    assert plan_digest(dataclasses.replace(PLAN, spec="elsewhere/other.yaml", digest="?")) == PLAN.digest
    assert plan_digest(dataclasses.replace(PLAN, estimates=(Estimate("build:web", 1.0),))) == PLAN.digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: shop", "name: store"),
        ("registry.example.com/shop", "registry.example.com/store"),
        ("LOG: info", "LOG: debug"),
        ('version: "16"', 'version: "17"'),
        ("storage: 1Gi", "storage: 2Gi"),
        ("redis:7.4.2", "redis:7.4.3"),
        ("internal: 6379", "internal: 6380"),
        ("run: start", "run: stop"),
        ("Europe/Paris", "Europe/London"),
        ("0 3 * * *", "0 4 * * *"),
        ("ref: v1, args", "ref: v2, args"),
        ("X: y", "X: z"),
        ("dependsOn: [db, cache]", "dependsOn: [cache]"),
        ("A: '1'", "A: '3'"),
        ("key: k", "key: l"),
        ("a: b}, estimates", "a: c}, estimates"),
        ("name: shop", "name: shop\ntarget: {namespace: other}"),
        ("name: shop", "name: shop\ntarget: {context: prod}"),
        ("name: shop", "name: shop\ndelivery: none"),
        ("name: shop", "name: shop\npipeline: {strategy: staged}"),
        ("name: shop", "name: shop\npipeline: {build: {parallelism: 3}}"),
        ("name: shop", "name: shop\npipeline: {build: {cache: none}}"),
        ("name: shop", "name: shop\npipeline: {deploy: {parallelism: 3}}"),
        ("name: shop", "name: shop\nstages: [job, database, container, application]"),
        ("{type: container,", "{type: container, skip: true,"),
        ("{type: container,", "{type: container, stage: application,"),
        ("{type: container,", "{type: container, cpu: 200m,"),
        ("{type: container,", "{type: container, replicas: 2,"),
        ("{type: container,", "{type: container, values: {a: 1},"),
        ("{type: container,", "{type: container, affinity: {nodeAffinity: {}},"),
    ],
)
def test_what_decides_something_is_in_the_digest(old: str, new: str) -> None:
    text = full(FULL)
    assert old in text
    text = text.replace(old, new, 1)
    if "skip: true" in new:
        text = text.replace("[db, cache]", "[db]")
    assert plan_of(text).digest != PLAN.digest


def test_every_value_of_every_record_is_in_the_digest() -> None:
    """Whatever is changed of a plan, but for what it takes and where it is from, changes its digest."""
    plan = example_plan("quickstart")
    digest = plan_digest(plan)
    tried = 0
    for field, changed in variants_of_record(plan):
        if field not in ("digest", "spec", "estimates", "profiles", "departed"):
            assert plan_digest(changed) != digest, field
            tried += 1
    assert tried > 300


def variants_of_record(record: Any) -> Iterator[tuple[str, Any]]:
    """The record with one value in it changed, for every value; with the name of the field it is in."""
    hints = typing.get_type_hints(type(record))
    for field in dataclasses.fields(record):
        for value in variants(getattr(record, field.name), hints[field.name]):
            yield field.name, dataclasses.replace(record, **{field.name: value})


def variants(value: Any, hint: Any) -> Iterator[Any]:
    if value is None:
        yield something(next(each for each in typing.get_args(hint) if each is not type(None)))
    elif isinstance(value, Enum):
        yield next(other for other in type(value) if other is not value)
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield value + 1
    elif isinstance(value, str):
        yield value + "x"
    elif isinstance(value, dict):
        yield {**value, "more": 1}
    elif isinstance(value, tuple):
        inner = typing.get_args(hint)[0]
        if Ellipsis in typing.get_args(hint):
            yield (*value, something(inner))
        for index, item in enumerate(value):
            for changed in variants(item, inner):
                yield (*value[:index], changed, *value[index + 1 :])
    else:
        yield from (changed for _, changed in variants_of_record(value))


def something(hint: Any) -> Any:
    """Any value of a type."""
    if typing.get_origin(hint) is tuple:
        arguments = typing.get_args(hint)
        return () if Ellipsis in arguments else tuple(something(each) for each in arguments)
    if typing.get_args(hint):
        return something(typing.get_args(hint)[0])
    if hint in (str, int, float, bool):
        return hint()
    if issubclass(hint, Enum):
        return next(iter(hint))
    hints = typing.get_type_hints(hint)
    required = (field for field in dataclasses.fields(hint) if field.default is dataclasses.MISSING)
    missing = (field.name for field in required if field.default_factory is dataclasses.MISSING)
    return hint(**{name: something(hints[name]) for name in missing})


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(plans(), plans())
def test_different_plans_have_different_digests(one: Plan, other: Plan) -> None:
    def covered(plan: Plan) -> str:
        bare = dataclasses.replace(plan, digest="", spec="", estimates=(), profiles=(), departed=())
        data = plan_json(bare)
        return repr(sorted_deep(data))

    assert (plan_digest(one) == plan_digest(other)) == (covered(one) == covered(other))


def sorted_deep(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: sorted_deep(value[key]) for key in sorted(value)}
    return [sorted_deep(item) for item in value] if isinstance(value, list) else value
