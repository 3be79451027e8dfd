"""What each strategy makes wait for what, on environments small enough to check by hand."""

from __future__ import annotations

import pytest

from compiler.plan.model import Plan, TaskKind
from spec_plans import needs, plan_of, spec, task

GIT = 'repository: "https://github.com/acme/shop", ref: v1'
SHOP = f"""\
db: {{type: database, engine: postgresql, version: "16", storage: 1Gi}}
migrate: {{type: job, run: start, source: {{{GIT}, context: db}}, dependsOn: [db]}}
cache: {{type: container, image: "redis:7.4.2"}}
api: {{type: application, source: {{{GIT}, context: api}}, dependsOn: [db]}}
web: {{type: application, source: {{{GIT}, context: web}}, dependsOn: [api, cache]}}
"""


def shop(strategy: str) -> Plan:
    return plan_of(spec(SHOP, f"pipeline: {{strategy: {strategy}}}"))


def test_build_first_builds_everything_and_then_deploys_stage_after_stage() -> None:
    assert needs(shop("build-first")) == {
        "check:environment": set(),
        "build:migrate": {"check:environment"},
        "build:api": {"check:environment"},
        "build:web": {"check:environment"},
        "gate:builds": {"build:migrate", "build:api", "build:web"},
        "mirror:db": {"gate:builds"},
        "deploy:db": {"gate:builds", "mirror:db"},
        "gate:stage:database": {"mirror:db", "deploy:db"},
        "deploy:migrate": {"gate:stage:database"},
        "gate:stage:job": {"deploy:migrate"},
        "mirror:cache": {"gate:stage:job"},
        "deploy:cache": {"gate:stage:job", "mirror:cache"},
        "gate:stage:container": {"mirror:cache", "deploy:cache"},
        "deploy:api": {"gate:stage:container"},
        "deploy:web": {"gate:stage:container", "deploy:api"},
        "gate:stage:application": {"deploy:api", "deploy:web"},
    }


def test_staged_builds_and_deploys_one_stage_after_the_other() -> None:
    assert needs(shop("staged")) == {
        "check:environment": set(),
        "mirror:db": {"check:environment"},
        "deploy:db": {"check:environment", "mirror:db"},
        "gate:stage:database": {"mirror:db", "deploy:db"},
        "build:migrate": {"gate:stage:database"},
        "gate:builds:job": {"build:migrate"},
        "deploy:migrate": {"gate:builds:job"},
        "gate:stage:job": {"deploy:migrate"},
        "mirror:cache": {"gate:stage:job"},
        "deploy:cache": {"gate:stage:job", "mirror:cache"},
        "gate:stage:container": {"mirror:cache", "deploy:cache"},
        "build:api": {"gate:stage:container"},
        "build:web": {"gate:stage:container"},
        "gate:builds:application": {"build:api", "build:web"},
        "deploy:api": {"gate:builds:application"},
        "deploy:web": {"gate:builds:application", "deploy:api"},
        "gate:stage:application": {"deploy:api", "deploy:web"},
    }


def test_dag_has_no_barriers() -> None:
    assert needs(shop("dag")) == {
        "check:environment": set(),
        "build:migrate": {"check:environment"},
        "build:api": {"check:environment"},
        "build:web": {"check:environment"},
        "mirror:db": {"check:environment"},
        "deploy:db": {"mirror:db"},
        "deploy:migrate": {"build:migrate", "deploy:db"},
        "mirror:cache": {"check:environment"},
        "deploy:cache": {"mirror:cache"},
        "deploy:api": {"build:api", "deploy:db"},
        "deploy:web": {"build:web", "deploy:api", "deploy:cache"},
    }


def test_a_deployment_that_needs_nothing_waits_for_the_check() -> None:
    chart = (
        "redis: {type: helm, chart: {repository: 'https://charts.example.com', name: redis, version: 1.2.3}}"
    )
    assert needs(plan_of(spec(chart, "pipeline: {strategy: dag}"))) == {
        "check:environment": set(),
        "deploy:redis": {"check:environment"},
    }


def test_builds_stand_in_the_order_of_the_platforms_queue() -> None:
    """domain.md: applications, jobs; and (stage, kind of service, name) however the file has them."""
    source = "source: {repository: 'https://github.com/acme/shop', ref: v1, context: %s}"
    services = "\n".join(
        (
            f"zoo: {{type: application, {source % 'zoo'}}}",
            f"ant: {{type: job, run: start, stage: application, {source % 'ant'}}}",
            f"bee: {{type: application, {source % 'bee'}}}",
            f"early: {{type: job, run: start, {source % 'early'}}}",
        )
    )
    plan = plan_of(spec(services))
    assert [build.id for build in plan.builds] == ["build:early", "build:bee", "build:zoo", "build:ant"]
    assert [each.id for each in plan.tasks if each.kind is TaskKind.BUILD] == [b.id for b in plan.builds]


def test_deployments_stand_in_the_order_of_the_platforms_queue() -> None:
    """domain.md: databases, jobs, containers, applications, helm, terraform."""
    services = f"""\
h: {{type: helm, chart: {{repository: "https://charts.example.com", name: h, version: 1.2.3}}}}
a: {{type: application, source: {{{GIT}}}}}
t: {{type: terraform, version: "1.9.0", source: {{{GIT}, path: tf}}}}
c: {{type: container, image: "redis:7.4.2"}}
j: {{type: job, run: start, image: "acme/job:1.0.0"}}
d2: {{type: database, engine: redis, version: "7", storage: 1Gi}}
d1: {{type: database, engine: redis, version: "7", storage: 1Gi}}
"""
    plan = plan_of(
        spec(
            services,
            "stages: [{name: all, defaultFor: [helm, application, terraform, container, job, database]}]",
        )
    )
    deployed = [each.services[0] for each in plan.tasks if each.kind is TaskKind.DEPLOY]
    assert deployed == ["d1", "d2", "j", "c", "a", "h", "t"]
    assert plan.stages[0].services == tuple(deployed)
    assert [workload.service for workload in plan.workloads] == deployed


@pytest.mark.parametrize("strategy", ["build-first", "staged", "dag"])
def test_a_shared_build_is_built_once_in_its_first_stage(strategy: str) -> None:
    source = "source: {repository: 'https://github.com/acme/shop', ref: v1, context: app}"
    services = "\n".join(
        (
            f"web: {{type: application, {source}}}",
            f"api: {{type: application, {source}, dependsOn: [web]}}",
            f"migrate: {{type: job, run: start, {source}}}",
            f"other: {{type: application, {source[:-1]}, target: run}}}}",
        )
    )
    plan = plan_of(spec(services, f"pipeline: {{strategy: {strategy}}}"))
    assert [(build.id, build.services) for build in plan.builds] == [
        ("build:api", ("api", "migrate", "web")),
        ("build:other", ("other",)),
    ]
    shared = task(plan, "build:api")
    assert (shared.stage, shared.services) == ("job", ("api", "migrate", "web"))
    waits = needs(plan)
    if strategy == "staged":
        assert waits["gate:builds:job"] == {"build:api"}
        assert waits["gate:builds:application"] == {"build:other"}
    if strategy == "dag":
        assert waits["deploy:migrate"] == waits["deploy:web"] == {"build:api"}
        assert waits["deploy:api"] == {"build:api", "deploy:web"}


def test_what_makes_a_build_another_one() -> None:
    base = "repository: 'https://github.com/acme/shop', ref: v1, context: app"
    sources = [
        base,
        base.replace("v1", "v2"),
        base.replace("shop", "store"),
        base.replace("app", "lib"),
        f"{base}, dockerfile: other.Dockerfile",
        f"{base}, target: run",
        f"{base}, args: {{A: b}}",
        f"{base}, args: {{A: c}}",
        f"{base}, platforms: [linux/arm64]",
    ]
    lines = [f"s{i}: {{type: application, source: {{{source}}}}}" for i, source in enumerate(sources)]
    secrets = "build: {secrets: [{id: npm, secret: {name: n, key: k}}]}"
    lines.append(f"t: {{type: application, source: {{{base}}}, {secrets}}}")
    assert len(plan_of(spec("\n".join(lines))).builds) == len(lines)


def test_a_shared_build_gets_the_most_that_its_services_ask_for() -> None:
    source = "source: {repository: 'https://github.com/acme/shop', ref: v1}"
    services = f"""\
a: {{type: application, {source}, build: {{cpu: 8, memory: 2GB, timeout: 10m}}}}
b: {{type: application, {source}, build: {{cpu: 1, memory: 6GB, timeout: 40m}}}}
"""
    (build,) = plan_of(spec(services)).builds
    assert (build.resources.cpu_milli, build.resources.memory_bytes) == (8000, 6_000_000_000)
    assert build.timeout_s == 2400


@pytest.mark.parametrize("strategy", ["build-first", "staged", "dag"])
def test_stages_with_any_names_keep_their_barriers_apart(strategy: str) -> None:
    """A stage may be called like a barrier: ids of tasks stay unique, and the order stays right."""
    names = ["builds", "builds:x", "x", "stage:x", "x/builds", "environment"]
    source = "source: {repository: 'https://github.com/acme/shop', ref: v1, context: %s}"
    services = "\n".join(
        f"s{i}: {{type: application, stage: {name!r}, {source % f's{i}'}}}" for i, name in enumerate(names)
    )
    stages = ", ".join(repr(name) for name in names)
    plan = plan_of(spec(services, f"stages: [{stages}]\npipeline: {{strategy: {strategy}}}"))
    ids = [each.id for each in plan.tasks]
    assert len(set(ids)) == len(ids)
    assert_needs_point_back(plan)
    if strategy != "dag":
        for earlier in range(len(names) - 1):
            assert f"deploy:s{earlier}" in before(plan, f"deploy:s{earlier + 1}")


def test_a_skipped_service_is_in_no_task_and_nothing_waits_for_it() -> None:
    plan = plan_of(
        spec(SHOP.replace("db: {", "db: {skip: true, ").replace("cache: {", "cache: {skip: true, "))
    )
    assert plan.skipped == ("cache", "db")
    assert {name for each in plan.tasks for name in each.services} == {"migrate", "api", "web"}
    assert {image.id for image in plan.images} == {"migrate", "api", "web"}
    assert task(plan, "deploy:migrate").needs == ("gate:builds",)
    web = next(workload for workload in plan.workloads if workload.service == "web")
    assert web.depends_on == ("api",)
    assert_needs_point_back(plan)


@pytest.mark.parametrize("strategy", ["build-first", "staged", "dag"])
def test_a_build_is_skipped_with_the_last_of_its_services(strategy: str) -> None:
    source = "source: {repository: 'https://github.com/acme/shop', ref: v1}"
    services = f"a: {{type: application, skip: true, {source}}}\nb: {{type: job, run: start, {source}}}"
    top = f"pipeline: {{strategy: {strategy}}}"
    assert [build.services for build in plan_of(spec(services, top)).builds] == [("b",)]
    nothing = plan_of(spec(services.replace("job,", "job, skip: true,"), top))
    assert nothing.builds == ()
    assert [each.id for each in nothing.tasks] == ["check:environment"]


@pytest.mark.parametrize("strategy", ["build-first", "staged", "dag"])
def test_tasks_carry_what_their_kind_needs(strategy: str) -> None:
    plan = shop(strategy)
    assert_needs_point_back(plan)
    for each in plan.tasks:
        assert (each.resources is not None) == (each.kind is TaskKind.BUILD)
        assert (each.timeout_s is not None) == (each.kind in (TaskKind.BUILD, TaskKind.DEPLOY))
        assert each.retries == (3 if each.kind is TaskKind.MIRROR else 0)
        assert bool(each.services) == (each.kind not in (TaskKind.CHECK, TaskKind.GATE))
    assert task(plan, "deploy:api").timeout_s == 600


def assert_needs_point_back(plan: Plan) -> None:
    """Every task needs tasks that there are, and nothing waits for itself."""
    assert set().union(*needs(plan).values()) <= set(needs(plan))
    assert all(each.id not in before(plan, each.id) for each in plan.tasks)


def before(plan: Plan, name: str) -> set[str]:
    """All that must be done before a task."""
    waits, todo = needs(plan), [name]
    found: set[str] = set()
    while todo:
        fresh = waits[todo.pop()] - found
        found |= fresh
        todo += fresh
    return found
