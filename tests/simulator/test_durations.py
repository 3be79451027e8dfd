from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compiler.plan.model import (
    Cron,
    Database,
    Estimate,
    Job,
    JobRun,
    Plan,
    Port,
    Probe,
    Protocol,
    Replicas,
    SecretRef,
    ServiceType,
    Task,
    TaskKind,
    Volume,
)
from sim_plans import Service, container, database, fixed, job, make_plan
from simulator.modelling.defaults import DEFAULTS
from simulator.modelling.durations import MOST_RETRIES, TaskDuration, task_durations
from simulator.modelling.laws import Z90, Law
from simulator.modelling.scenario import (
    IMAGE_BYTES,
    NODE_START,
    Builders,
    Cluster,
    Failure,
    Registry,
    Scenario,
)

DOCS = Path(__file__).parents[2] / "docs" / "forecast.md"
HTTP = Port("http", 8080, 80, Protocol.HTTP, public=True)
PROBE = Probe("tcp", port=8080)
FIXED = Law(7.0, 0.0, "scenario", "scenario")


def by_task(plan: Plan, scenario: Scenario | None = None) -> dict[str, TaskDuration]:
    return {each.task: each for each in task_durations(plan, scenario)}


def names(duration: TaskDuration) -> list[str]:
    return [term.name for term in duration.terms]


def law(duration: TaskDuration, name: str) -> Law:
    return next(term.law for term in duration.terms if term.name == name)


def with_workload(plan: Plan, service: str, **changes: Any) -> Plan:
    return replace(
        plan,
        workloads=tuple(
            replace(each, **changes) if each.service == service else each for each in plan.workloads
        ),
    )


def with_task(plan: Plan, task: str, **changes: Any) -> Plan:
    return replace(
        plan, tasks=tuple(replace(each, **changes) if each.id == task else each for each in plan.tasks)
    )


def web(**changes: Any) -> Plan:
    return with_workload(make_plan([Service("web")]), "web", **changes)


def test_every_default_is_in_the_docs_as_it_is() -> None:
    rows = [line.strip("| \n").split(" | ") for line in DOCS.read_text("utf-8").splitlines()]
    documented = {(row[0], row[1]): row[2:] for row in rows if len(row) == 5 and row[0] != "term"}
    documented = {key: row for key, row in documented.items() if row[0].endswith(" s")}
    assert documented == {
        key: [f"{each.median_s:g} s", f"{each.p90_ratio:g}", each.reason] for key, each in DEFAULTS.items()
    }


def test_defaults_that_are_bytes_over_a_speed_are_just_that() -> None:
    registry, cluster = Registry(), Cluster()
    assert DEFAULTS["push", "any"].median_s == IMAGE_BYTES / registry.connection_bytes_s
    assert DEFAULTS["mirror", "any"].median_s == 5 + IMAGE_BYTES / registry.connection_bytes_s
    assert DEFAULTS["pull", "any"].median_s == IMAGE_BYTES / cluster.pull_bytes_s
    assert DEFAULTS["builder", "any"].law == NODE_START


def test_every_type_of_service_has_a_main_term() -> None:
    mains = {about for term, about in DEFAULTS if term in ("ready", "run", "deploy")}
    assert mains == {kind.value for kind in ServiceType}


def test_terms_by_kind_and_type() -> None:
    plan = make_plan([database("db"), job("migrate"), container("cache"), Service("web")])
    plan = with_workload(plan, "db", volumes=(Volume("data", 1, "/data"),))
    found = by_task(with_workload(plan, "web", ports=(HTTP,), readiness=PROBE))
    assert names(found["check:pre"]) == ["check"]
    assert names(found["build:web"]) == ["clone", "build", "push"]
    assert names(found["mirror:cache"]) == ["mirror"]
    assert names(found["deploy:cache"]) == ["pull", "helm", "start"]
    assert names(found["deploy:web"]) == ["pull", "helm", "start", "ready", "router"]
    assert names(found["deploy:migrate"]) == ["pull", "helm", "start", "run"]
    assert names(found["gate:built"]) == []
    assert law(found["deploy:db"], "start") == DEFAULTS["start", "stateful"].law
    assert law(found["deploy:web"], "start") == DEFAULTS["start", "any"].law
    assert law(found["deploy:web"], "ready") == DEFAULTS["ready", "application"].law
    assert found["build:web"].timeout_s == 1800


def test_an_engine_in_the_cluster_is_probed_by_its_chart() -> None:
    engine = Database("redis", "7", False, 1, None, None, SecretRef("a", "b"))
    found = by_task(with_workload(make_plan([database("db")]), "db", database=engine))["deploy:db"]
    assert law(found, "ready") == DEFAULTS["ready", "database"].law
    assert found.readiness is not None
    assert found.readiness.readiness == Probe("exec", period_s=5, failure_threshold=6)


@pytest.mark.parametrize(
    "port",
    [
        replace(HTTP, public=False),
        replace(HTTP, protocol=Protocol.TCP),
    ],
)
def test_only_public_http_ports_wait_for_the_router(port: Port) -> None:
    assert "router" not in names(by_task(web(ports=(port,)))["deploy:web"])
    assert "router" in names(by_task(web(ports=(port, replace(HTTP, protocol=Protocol.GRPC))))["deploy:web"])


@pytest.mark.parametrize(
    ("change", "term", "about"),
    [
        ({"job": Job(JobRun.STOP, None, 0, 60)}, "helm", "any"),
        ({"job": Job(None, Cron("0 3 * * *", "UTC"), 0, 60)}, "helm", "any"),
        (
            {
                "type": ServiceType.DATABASE,
                "database": Database("redis", "7", True, 1, None, None, SecretRef("a", "b")),
            },
            "helm",
            "any",
        ),
        ({"replicas": Replicas(0, 0)}, "helm", "any"),
        ({"type": ServiceType.HELM, "image": None}, "deploy", "helm"),
        ({"type": ServiceType.TERRAFORM, "image": None}, "deploy", "terraform"),
    ],
)
def test_deployments_that_start_no_pod_of_ours(change: dict[str, Any], term: str, about: str) -> None:
    (found,) = by_task(web(**change))["deploy:web"].terms
    assert (found.name, found.law) == (term, DEFAULTS[term, about].law)


def test_pods_of_one_turn_without_probes_are_ready_as_they_run() -> None:
    assert "ready" not in names(by_task(web())["deploy:web"])
    turns = by_task(web(replicas=Replicas(3, 3)))["deploy:web"]
    assert law(turns, "ready").median_s == 0


# What a scenario says.


def test_laws_of_a_scenario_replace_defaults_and_what_is_said_of_one_goes_before_any() -> None:
    other = Law(9.0, 0.1, "scenario", "scenario")
    plan = with_workload(make_plan([container("cache"), Service("web")]), "cache", readiness=PROBE)
    plan = with_workload(plan, "web", readiness=PROBE)
    scenario = Scenario(laws={("ready", "any"): FIXED, ("ready", "container"): other, ("push", "any"): other})
    found = by_task(plan, scenario)
    assert law(found["deploy:web"], "ready") == FIXED
    assert law(found["deploy:cache"], "ready") == other
    assert law(found["build:web"], "push") == other
    assert law(found["build:web"], "build") == DEFAULTS["build", "any"].law


def test_transfers_are_bytes_over_speeds() -> None:
    plan = make_plan([container("cache"), Service("web")])
    scenario = Scenario(
        registry=Registry(connection_bytes_s=10e6),
        cluster=Cluster(pull_bytes_s=50e6),
        image_bytes={"web": 1_000_000_000},
    )
    found = by_task(plan, scenario)
    for task, term, seconds in (
        ("build:web", "push", 100),
        ("deploy:web", "pull", 20),
        ("mirror:cache", "mirror", 25),
        ("deploy:cache", "pull", 4),
    ):
        said = law(found[task], term)
        assert (said.median_s, said.source, said.spread_source) == (seconds, "scenario", "assumed")
        assert said.sigma == DEFAULTS[term, "any"].law.sigma


def test_a_law_of_a_transfer_goes_before_bytes() -> None:
    scenario = Scenario(image_bytes={"web": 1}, laws={("push", "any"): FIXED})
    assert law(by_task(web(), scenario)["build:web"], "push") == FIXED


def test_warm_nodes_pull_sometimes_or_never() -> None:
    (pull, *_), (helm, *_) = (
        by_task(web(), Scenario(cluster=Cluster(warm=warm)))["deploy:web"].terms for warm in (0.75, 1.0)
    )
    assert (pull.name, pull.chance, helm.name) == ("pull", 0.25, "helm")


def test_a_first_install_has_one_turn() -> None:
    plan = web(replicas=Replicas(8, 8))
    for first, turns in ((False, 2), (True, 1)):
        found = by_task(plan, Scenario(cluster=Cluster(first_install=first)))["deploy:web"]
        assert found.readiness is not None
        assert found.readiness.turns == turns


@pytest.mark.parametrize(
    "make",
    [
        lambda: Cluster(nodes=0),
        lambda: Cluster(warm=1.5),
        lambda: Cluster(pull_bytes_s=0),
        lambda: Registry(connection_bytes_s=math.inf),
        lambda: Registry(bandwidth_bytes_s=-1),
        lambda: Builders(warm=-1),
        lambda: Builders(maximum=0),
        lambda: Failure(1.5),
        lambda: Failure(math.nan),
        lambda: Failure(0.5, -1),
        lambda: Scenario(failures={"gate": Failure(0.5)}),
        lambda: Scenario(image_bytes={"web": -1}),
        lambda: Scenario(correlation=2),
    ],
)
def test_settings_that_make_no_sense_are_refused(make: Any) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+ \w+"):
        make()


# Failures.


def test_by_default_nothing_fails_but_by_timeout() -> None:
    plan = make_plan([Service("web"), container("cache"), job("migrate")])
    for duration in task_durations(plan):
        assert (duration.failure, duration.retries) == (0.0, 0)


def test_failures_are_by_kind_and_jobs_are_a_kind() -> None:
    plan = make_plan([Service("web"), container("cache"), job("migrate")])
    kinds = {"check": 0.1, "build": 0.2, "mirror": 0.3, "deploy": 0.4, "job": 0.5}
    scenario = Scenario(failures={kind: Failure(share) for kind, share in kinds.items()})
    found = by_task(plan, scenario)
    for task, share in (
        ("check:pre", 0.1),
        ("build:web", 0.2),
        ("mirror:cache", 0.3),
        ("deploy:web", 0.4),
        ("deploy:migrate", 0.5),
        ("gate:built", 0.0),
    ):
        assert found[task].failure == share


def test_retries_are_the_plans_unless_the_scenario_says_otherwise() -> None:
    plan = with_task(make_plan([container("cache")]), "mirror:cache", retries=3)
    for said, retries in ((Failure(0.1), 3), (Failure(0.1, 0), 0), (Failure(0.1, 5), 5)):
        found = by_task(plan, Scenario(failures={"mirror": said}))["mirror:cache"]
        assert found.retries == retries
        assert names(found) == ["mirror", "retry"] if retries else ["mirror"]


def test_a_job_is_restarted_alone() -> None:
    plan = with_workload(make_plan([job("migrate")]), "migrate", job=Job(JobRun.START, None, 2, 300))
    plan = with_task(plan, "deploy:migrate", timeout_s=960)
    found = by_task(plan)["deploy:migrate"]
    assert names(found) == ["pull", "helm", "start", "run", "retry"]
    assert names(found)[found.again] == "start"
    assert (found.timeout_s, found.deadline_s, found.retries, found.backoff_s) == (300, 960, 2, 10)


def test_absurdly_many_retries_are_cut() -> None:
    plan = with_workload(make_plan([job("migrate")]), "migrate", job=Job(JobRun.START, None, 10**6, 300))
    assert by_task(plan)["deploy:migrate"].retries == MOST_RETRIES


# Estimates.


def test_a_plain_estimate_replaces_the_whole_task_and_keeps_the_spread() -> None:
    plan = make_plan([Service("web")], estimates=(Estimate("build:web", 180.0),))
    (term,) = by_task(plan)["build:web"].terms
    assert term.name == "build"
    assert term.law == Law(180.0, DEFAULTS["build", "any"].law.sigma, "estimate", "assumed")


@pytest.mark.parametrize(
    ("service", "name", "ratio"),
    [
        (Service("x"), "deploy", 1.4),
        (container("x"), "deploy", 1.4),
        (database("x"), "deploy", 1.5),
        (job("x"), "run", 3.0),
        (Service("x", type=ServiceType.HELM), "deploy", 2.0),
    ],
)
def test_an_estimated_deployment_is_one_term(service: Service, name: str, ratio: float) -> None:
    plan = make_plan([service], estimates=(Estimate("deploy:x", 40.0),))
    (term,) = by_task(plan, Scenario(cluster=Cluster(warm=0.5)))["deploy:x"].terms
    assert (term.name, term.chance) == (name, 1.0)
    assert term.law.p90_s / term.law.median_s == pytest.approx(ratio)


def test_median_and_p90_give_both_back() -> None:
    plan = make_plan([job("migrate")], estimates=(Estimate("deploy:migrate", 180.0, 300.0),))
    (term,) = by_task(plan)["deploy:migrate"].terms
    assert term.name == "run"
    assert term.law.sigma == pytest.approx(math.log(300 / 180) / 1.2815515655446004)
    assert term.law.p90_s == pytest.approx(300.0)
    assert (term.law.source, term.law.spread_source) == ("estimate", "estimate")


def test_what_was_retried_is_nobodys_assumption() -> None:
    plan = make_plan([Service("web")], estimates=(Estimate("build:web", 180.0, 200.0),))
    found = by_task(plan, Scenario(failures={"build": Failure(0.1, 1)}))["build:web"]
    assert names(found) == ["build", "retry"]
    assert all(term.law.source != "assumed" for term in found.terms)


def test_fixed_and_zero_estimates_have_no_spread() -> None:
    plan = make_plan([Service("web")], estimates=(fixed("build:web", 9.0), Estimate("deploy:web", 0.0)))
    assert by_task(plan)["build:web"].terms[0].law.fixed
    assert by_task(plan)["deploy:web"].terms[0].law.fixed


def test_estimates_for_gates_and_unknown_tasks_change_nothing() -> None:
    plan = make_plan([Service("web")])
    odd = replace(plan, estimates=(Estimate("gate:built", 5.0), Estimate("build:gone", 5.0)))
    assert task_durations(odd) == task_durations(plan)


@pytest.mark.parametrize(
    "estimate",
    [
        Estimate("build:web", 10.0, 5.0),
        Estimate("build:web", -1.0),
        Estimate("build:web", -1.0, 3.0),
        Estimate("build:web", math.nan),
        Estimate("build:web", 1.0, math.nan),
        Estimate("build:web", 1.0, math.inf),
        Estimate("build:web", 1e12),
    ],
)
def test_estimates_that_make_no_law_are_refused(estimate: Estimate) -> None:
    with pytest.raises(ValueError, match="median"):
        task_durations(make_plan([Service("web")], estimates=(estimate,)))


def test_the_90_percent_point() -> None:
    from statistics import NormalDist

    assert pytest.approx(NormalDist().inv_cdf(0.9), rel=1e-15) == Z90


def test_every_kind_of_task_is_covered() -> None:
    plan = make_plan([container("cache"), Service("web")])
    kinds = {task.kind: duration for task, duration in zip(plan.tasks, task_durations(plan), strict=True)}
    assert set(kinds) == set(TaskKind)
    assert all(bool(duration.terms) == (kind is not TaskKind.GATE) for kind, duration in kinds.items())


def test_a_deployment_of_nothing_known_still_takes_time() -> None:
    plan = make_plan([Service("web")])
    odd = replace(plan, tasks=(Task("deploy:x", TaskKind.DEPLOY, (), None, ()),), workloads=())
    assert names(by_task(odd)["deploy:x"]) == ["pull", "helm", "start"]


def test_what_is_expected_is_about_the_median() -> None:
    plan = make_plan([Service("web")])
    found = by_task(plan)
    assert found["build:web"].expected_s == 5 + 190 + 10
    assert found["gate:built"].expected_s == 0
    probed = with_workload(plan, "web", readiness=replace(PROBE, initial_delay_s=30), replicas=Replicas(2, 2))
    # Pull and Helm, then twice a start, the delay and half a period.
    assert by_task(probed)["deploy:web"].expected_s == 10 + 3 + 2 * (2 + 30 + 5)
