"""From a spec to the plan's records: defaults, limits, and what each type of service becomes."""

from __future__ import annotations

import json

import pytest

from compiler.plan.encode import plan_text
from compiler.plan.model import (
    BuildCache,
    BuildLimits,
    Delivery,
    Estimate,
    JobRun,
    Literal,
    Plan,
    Resources,
    SecretRef,
    Strategy,
    Target,
    Workload,
)
from spec_plans import example_plan, plan_of, spec

GB = 1_000_000_000


def workload(plan: Plan, name: str) -> Workload:
    return next(each for each in plan.workloads if each.service == name)


def test_the_defaults_are_the_platforms() -> None:
    plan = plan_of(spec('a: {type: container, image: "redis:7.4.2"}'))
    assert (plan.environment, plan.spec) == ("shop", "environment.yaml")
    assert (plan.strategy, plan.delivery) == (Strategy.BUILD_FIRST, Delivery.HELM)
    assert plan.target == Target("shop", None)
    assert [stage.name for stage in plan.stages] == ["database", "job", "container", "application"]
    assert plan.limits.build == BuildLimits(
        parallelism=7,
        slots=7,
        resources=Resources(4000, 4 * GB),
        timeout_s=1800,
        pool=Resources(28_000, 28 * GB),
        cache=BuildCache.REGISTRY,
    )
    assert plan.limits.deploy_parallelism == 7
    a = workload(plan, "a")
    assert (a.resources, a.timeout_s) == (Resources(500, 512_000_000), 600)
    assert (a.replicas.minimum, a.replicas.maximum, a.rollout.grace_period_s) == (1, 1, 60)


@pytest.mark.parametrize(
    ("build", "slots"),
    [
        ("{pool: {cpu: 28, memory: 28GB}}", 7),
        ("{pool: {cpu: 100, memory: 100GB}}", 7),
        ("{pool: {cpu: 27, memory: 28GB}}", 6),
        ("{pool: {cpu: 28, memory: 27GB}}", 6),
        ("{pool: {cpu: 28}, memory: 8GB}", 7),
        ("{pool: {memory: 28GB}, memory: 8GB}", 3),
        # Binary units: seven times 4Gi are more than 28 GB, and no rounding hides it.
        ("{pool: {memory: 28GB}, memory: 4Gi}", 6),
        ("{parallelism: 3, pool: {cpu: 8}}", 2),
        ("{cpu: 500m, pool: {cpu: 1}}", 2),
    ],
)
def test_slots_are_what_the_pool_holds(build: str, slots: int) -> None:
    plan = plan_of(spec('a: {type: container, image: "redis:7.4.2"}', f"pipeline: {{build: {build}}}"))
    assert plan.limits.build.slots == slots


def test_variables_are_resolved_and_secrets_are_not() -> None:
    services = """\
db: {type: database, engine: postgresql, version: "16", storage: 1Gi}
web:
  type: application
  source: {repository: "https://github.com/acme/shop", ref: v1}
  dependsOn: [db]
  variables:
    URL: "postgres://{{DB_USERNAME}}:{{DB_PASSWORD}}@{{DB_HOST}}:{{DB_PORT}}/{{DB_DATABASE}}"
    KEY: {secret: {name: web-api, key: token}}
    LEVEL: "{{LOG}}"
"""
    variables = {
        v.name: v for v in workload(plan_of(spec(services, "variables: {LOG: info}")), "web").variables
    }
    assert list(variables) == sorted(variables)
    assert variables["LEVEL"].literal == "info"
    assert variables["KEY"].parts == (SecretRef("web-api", "token"),)
    assert variables["KEY"].literal is None
    secrets = [part for part in variables["URL"].parts if isinstance(part, SecretRef)]
    assert secrets == [SecretRef("db-credentials", "password")]
    texts = "".join(part.text if isinstance(part, Literal) else "***" for part in variables["URL"].parts)
    assert texts == "postgres://db:***@db:5432/db"


def test_timeouts_are_the_platforms_formulas() -> None:
    """domain.md: max(600, delay + (timeout + period) x failures); a job 60 + duration x (restarts + 1)."""
    services = """\
quick: {type: container, image: "a/b:1.0.0", healthChecks: {readiness: {tcp: {port: 80}}}}
slow:
  type: container
  image: "a/b:1.0.0"
  healthChecks:
    readiness: {tcp: {port: 80}, initialDelay: 100s, timeout: 10s, period: 50s, failureThreshold: 20}
job: {type: job, run: start, image: "a/b:1.0.0", maxDuration: 10m, maxRestarts: 2}
cron: {type: job, cron: {schedule: "0 3 * * *", timezone: UTC}, image: "a/b:1.0.0", maxDuration: 10h}
"""
    plan = plan_of(spec(services))
    found = {each.service: each.timeout_s for each in plan.workloads}
    assert found == {"quick": 600, "slow": 100 + (10 + 50) * 20, "job": 60 + 600 * 3, "cron": 600}
    job = workload(plan, "job").job
    assert job is not None
    assert (job.run, job.cron, job.max_restarts, job.max_duration_s) == (JobRun.START, None, 2, 600)


def test_estimates_stand_beside_the_plan_by_task() -> None:
    source = "source: {repository: 'https://github.com/acme/shop', ref: v1}"
    services = f"""\
a: {{type: application, {source}, estimates: {{deploy: {{median: 3m, p90: 5m}}}}}}
b: {{type: application, {source}, estimates: {{build: 90s, deploy: {{fixed: 10s}}}}}}
c: {{type: container, image: "redis:7.4.2", skip: true, estimates: {{deploy: 5s}}}}
"""
    assert plan_of(spec(services)).estimates == (
        Estimate("build:a", 90.0),
        Estimate("deploy:a", 180.0, 300.0),
        Estimate("deploy:b", 10.0, fixed=True),
    )


@pytest.mark.parametrize("name", ["quickstart", "voting-app", "online-boutique"])
def test_plans_of_the_examples_are_one_text_without_this_machine_in_it(name: str) -> None:
    text = plan_text(example_plan(name))
    assert text == plan_text(example_plan(name))
    data = json.loads(text)
    assert data["spec"] == "environment.yaml"
    assert data["digest"].startswith("sha256:")
