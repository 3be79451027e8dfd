"""`stagecast plan` as people read it: goldens for small plans, bounds for large and hostile ones."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compiler.plan.diff import PlanChanges, compare
from compiler.plan.encode import plan_text
from compiler.plan.model import Build, BuildCache, BuildLimits, Plan, Resources, Source
from spec_plans import example_plan, plan_of, spec
from stagecast.views.plan_text import render
from stagecast.views.plan_text.builds import start_at_once

HERE = Path(__file__).parent / "rendered"
GB = 1_000_000_000
GIT = 'repository: "https://github.com/acme/shop", ref: v1'
SHOP = f"""\
db: {{type: database, engine: postgresql, version: "16", storage: 1Gi}}
ext: {{type: database, engine: mysql, version: "8.4", mode: managed, host: db.example.com}}
migrate: {{type: job, run: start, source: {{{GIT}, context: db}}, dependsOn: [db]}}
report: {{type: job, cron: {{schedule: "0 3 * * *", timezone: Europe/Paris}}, image: "acme/report:1.4.2"}}
cache: {{type: container, image: "redis:7.4.2"}}
chart: {{type: helm, chart: {{repository: "https://charts.example.com", name: rabbitmq, version: 1.2.3}}}}
infra: {{type: terraform, version: "1.9.0", source: {{{GIT}, path: tf}}}}
web: {{type: application, source: {{{GIT}, context: web}}, build: {{cpu: 8, memory: 8GB}}, dependsOn: [db]}}
api: {{type: application, source: {{{GIT}, context: web}}, dependsOn: [web]}}
off: {{type: container, image: "nginx:1.27.0", skip: true}}
"""


def shop(strategy: str = "build-first", text: str = SHOP) -> Plan:
    build = "build: {pool: {cpu: 14, memory: 28GB}}"
    return plan_of(spec(text, f"pipeline: {{strategy: {strategy}, {build}}}"))


def shown(plan: Plan, changes: PlanChanges | None = None, width: int = 100, color: bool = False) -> str:
    return render(plan, changes, width=width, color=color)


def lasting(text: str) -> str:
    """The text without digests: those change with every field that a plan gets."""
    return re.sub(r"\bplan [0-9a-f]{12}\b", "plan (digest)", text)


def since(before: Plan, after: Plan) -> str:
    return shown(after, compare(after, json.loads(plan_text(before))))


@pytest.mark.parametrize("name", ["quickstart", "voting-app", "online-boutique"])
def test_the_examples(golden: Any, name: str) -> None:
    golden(HERE / f"plan-{name}.txt", lasting(shown(example_plan(name))))


@pytest.mark.parametrize("strategy", ["build-first", "staged", "dag"])
def test_strategies(golden: Any, strategy: str) -> None:
    golden(HERE / f"plan-{strategy}.txt", lasting(shown(shop(strategy))))


def test_changes(golden: Any) -> None:
    after = SHOP.replace("redis:7.4.2", "redis:7.4.3").replace("context: db", "context: db, args: {X: y}")
    after = after.replace("chart: {type", "chart: {skip: true, type").replace('"16"', '"17"')
    after = re.sub("(?m)^infra:.*\n", "", after)
    known = "estimates: {build: 3m, deploy: {fixed: 40s}}"
    after += f"new: {{type: application, source: {{{GIT}, target: run}}, {known}}}\n"
    golden(HERE / "plan-changes.txt", lasting(since(shop(), shop("staged", after))))


def test_no_changes() -> None:
    plan = shop()
    text = since(plan, plan)
    assert f"\nChanges  none since plan {plan.digest[7:19]}\n" in text
    assert not re.search(r"(?m)^ +[+~] ", text)


def test_changes_that_are_in_no_service() -> None:
    before, after = shop(), shop()
    tasks = tuple(replace(task, retries=9) for task in after.tasks)
    changes = compare(replace(after, tasks=tasks, digest="sha256:" + "0" * 64), json.loads(plan_text(before)))
    assert "only how tasks wait for each other" in shown(after, changes)


@pytest.mark.parametrize(("width", "limit"), [(1, 80), (60, 80), (80, 80), (100, 100), (1000, 120)])
def test_narrow_and_wide(width: int, limit: int) -> None:
    """Lines keep to the width, brought between 60 and 120; the last column has 20 at least."""
    for line in shown(shop(), width=width).splitlines():
        # Only what is one word, an image's or a repository's name, may be longer.
        assert len(line) <= limit or len(line.split()[-1]) > 25, line


def test_colour_changes_nothing_but_colour() -> None:
    changes = compare(shop("staged"), json.loads(plan_text(shop())))
    plain = shown(shop("staged"), changes)
    coloured = shown(shop("staged"), changes, color=True)
    assert "\x1b[1m" in coloured
    assert re.sub(r"\x1b\[[0-9]+m", "", coloured) == plain


def large(services: int) -> Plan:
    lines = []
    for index in range(services):
        source = f"source: {{{GIT}, context: app{index // 3}}}"
        kind = (
            "{type: container, image: 'redis:7.4.2'}",
            f"{{type: application, {source}, dependsOn: [s{index - 1}]}}",
        )
        lines.append(f"s{index}: {kind[index % 2]}")
    return plan_of(spec("\n".join(lines)))


def test_two_hundred_services_are_on_two_screens() -> None:
    plan = large(200)
    text = shown(plan)
    assert text.count("\n") < 80
    assert re.search(r"\+ [0-9]+ more", text)
    assert "100 images" in text
    changed = since(shop(), plan)
    assert changed.count("\n") < 100
    assert "200 new" in changed


def test_what_is_hidden_and_what_is_shown_is_everything() -> None:
    text = shown(large(200))
    deploy = text[text.index("Deploy") :]
    rows = len(re.findall(r"(?m)^     s[0-9]+ ", deploy))
    hidden = sum(int(more) for more in re.findall(r"(?m)^     \+ ([0-9]+) more$", deploy))
    assert rows + hidden == 200


@pytest.mark.parametrize(
    ("sizes", "parallelism", "expected"),
    [
        ([], 7, 0),
        ([4] * 3, 7, 3),
        ([4] * 12, 7, 7),
        ([4] * 12, 5, 5),
        ([8] * 12, 7, 3),
        # First in, first out: the third does not fit, and the small fourth does not overtake it.
        ([8, 16, 8, 1], 7, 2),
        ([28, 1], 7, 1),
    ],
)
def test_how_many_builds_start_together(sizes: list[int], parallelism: int, expected: int) -> None:
    for by_memory in (False, True):
        each = [Resources(1000, size * GB) if by_memory else Resources(size * 1000, GB) for size in sizes]
        limits = BuildLimits(
            parallelism, 7, Resources(4000, 4 * GB), 1800, Resources(28_000, 28 * GB), BuildCache.NONE
        )
        source = Source(".", None, "web", "web/Dockerfile")
        builds = [Build("b", "b", ("b",), source, (), (), size, 1800, BuildCache.NONE) for size in each]
        assert start_at_once(limits, builds) == expected


def test_the_arithmetic_of_the_pool() -> None:
    text = shown(shop())
    assert "3 at a time: the least of parallelism 7, CPU 14 / 4 = 3, memory 28G / 4G = 7\n" in text
    assert "also for web, 8 CPU and 8G" in text


def test_a_plan_of_nothing() -> None:
    text = shown(plan_of(spec('a: {type: container, skip: true, image: "redis:7.4.2"}')))
    assert "shop: 0 services in 0 stages" in text
    assert "Build  nothing" in text
    assert "Deploy  nothing" in text
    assert "Skip  1 service: a" in text


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text(max_size=80), min_size=3, max_size=3, unique_by=str.lower), st.text(max_size=400))
def test_no_name_steers_a_terminal_or_makes_a_line(names: list[str], other: str) -> None:
    """Names of all sorts in a plan and in the previous one, which may say anything."""
    renamed = dict(zip(("database", "job", "container"), names, strict=True))
    text = plan_text(shop("staged"))
    plain = shown(shop("staged")).count("\n")
    data = json.loads(text)
    for stage in data["stages"]:
        stage["name"] += other
    for workload in data["workloads"]:
        workload["service"] += other
        workload[other] = 1
    data[other] = 1
    data["digest"] = other
    plan = with_stage_names(shop("staged"), renamed)
    for result in (shown(plan), shown(plan, compare(plan, data))):
        assert all(unicodedata.category(char) not in ("Cc", "Cf", "Cs") for char in result if char != "\n")
        assert result.count("\n") < plain + 60


def with_stage_names(plan: Plan, names: dict[str, str]) -> Plan:
    """The plan with other names of stages, as a spec could have them."""
    return replace(
        plan,
        stages=tuple(replace(stage, name=names.get(stage.name, stage.name)) for stage in plan.stages),
        workloads=tuple(replace(each, stage=names.get(each.stage, each.stage)) for each in plan.workloads),
        tasks=tuple(replace(task, stage=names.get(task.stage or "", task.stage)) for task in plan.tasks),
    )
