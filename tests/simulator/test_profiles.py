"""Profiles: what each target makes of a plan, against readings of its emitted files by other code."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argo_plans import ordered_plans
from argo_semantics import Run, load
from compiler.plan.jobs import Cap, Job, JobGraph, Machine
from compiler.plan.model import Delivery, Plan, Resources, Strategy, TaskKind
from compiler.plan.tasks import order_tasks
from compiler.targets import GRAPHS, argo, job_graph
from compiler.targets import load as load_target
from compiler.targets.argo import units
from compiler.targets.ci import jobs
from compiler.targets.ci.document import document
from compiler.targets.ci.jobs import rollouts
from compiler.targets.gitlab import lanes
from pipeline_plans import Service, build, make_plan
from simulator.engines import reference
from simulator.engines.trace import Outcome
from simulator.modelling import pipeline, profiles
from simulator.modelling.durations import TaskDuration
from simulator.modelling.laws import Law
from simulator.modelling.model import Model
from simulator.modelling.scenario import Builders, Cluster, Registry, Scenario

Times = dict[str, tuple[float, float]]
NO_TIME = Law(0.0, 0.0)
INSTANT = Scenario(laws=dict.fromkeys(profiles.DEFAULTS, NO_TIME))
CI = ("github", "gitlab")


def of(plan: Plan, target: str, scenario: Scenario = INSTANT) -> Model:
    return profiles.apply(pipeline.model(plan, scenario), job_graph(target, plan))


def run(model: Model, took: Mapping[str, float], start_s: float = 0.0) -> Times:
    """Start and finish of every task when tasks take `took` and every machine `start_s` to start."""
    durations = np.zeros((len(model.network.activities), 1))
    tasks = list(zip(model.plan.tasks, model.activities, strict=True))
    owner = {index: task.id for task, own in tasks for index in own}
    for index, law in enumerate(model.laws):
        if any(term.name == profiles.START for term in law.terms):
            durations[index] = start_s
        elif law.terms:
            durations[index] = took[owner[index]]
    trace = reference.simulate(model.network, durations)
    return {
        task.id: (float(trace.start_s[own[0], 0]), float(trace.finish_s[own[-1], 0])) for task, own in tasks
    }


def timed(times: Times, plan: Plan) -> Times:
    gates = {task.id for task in plan.tasks if task.kind is TaskKind.GATE}
    return {task: span for task, span in times.items() if task not in gates}


def chances(plan: Plan, seed: int) -> dict[str, float]:
    """A duration for every task; never two alike, so that nothing ends at one instant."""
    chance = random.Random(seed)
    return {task.id: chance.uniform(1, 10) for task in plan.tasks}


# --- what the emitted files say, read by the rules of their services


def in_turn(
    tasks: Sequence[str], at_once: int, needs: Mapping[str, set[str]], took: Mapping[str, float], now: float
) -> Times:
    """Tasks in order, so many at a time, each after its needs: `pipeline/pool.py` in other words."""
    waiting, ended = list(tasks), set[str]()
    running: list[tuple[float, str]] = []
    found: Times = {}
    while waiting or running:
        for name in [name for name in waiting if needs.get(name, set()) <= ended][: at_once - len(running)]:
            waiting.remove(name)
            found[name] = (now, now + took[name])
            heapq.heappush(running, (now + took[name], name))
        now, name = heapq.heappop(running)
        ended.add(name)
    return found


def file_of(plan: Plan, target: str, ending: str) -> dict[str, Any]:
    [artifact] = [each for each in load_target(target).emit(plan) if each.path.endswith(ending)]
    loaded: dict[str, Any] = yaml.load(artifact.content, yaml.CSafeLoader)
    return loaded


def stage_runs(plan: Plan, number: int, took: Mapping[str, float], now: float) -> Times:
    """What a deploy job does with the stage of that number."""
    tasks = rollouts(plan)[number].tasks
    here = {task.id for task in tasks}
    needs = {task.id: set(task.needs) & here for task in tasks}
    return in_turn([task.id for task in tasks], plan.limits.deploy_parallelism, needs, took, now)


def last(times: Times) -> float:
    return max(end for _, end in times.values())


def on_github(plan: Plan, took: Mapping[str, float]) -> Times:
    """The workflow: jobs in the order of `needs`, a matrix by its `max-parallel`."""
    groups = jobs.groups(plan)
    found: Times = {}
    ends: dict[str, float] = {}
    for name, job in file_of(plan, "github", "stagecast-shop.yml")["jobs"].items():
        needs = job.get("needs", [])
        now = max((ends[need] for need in needs), default=0.0)
        if name == "check":
            here = {"check:environment": (now, now + took["check:environment"])}
        elif name.startswith("build_"):
            number = int(job["steps"][1]["env"]["STAGECAST_GROUP"])
            names = [plan.builds[index].id for index in groups[number].builds]
            here = in_turn(names, job["strategy"]["max-parallel"], {}, took, now)
        elif name in ("lock", "remove"):
            continue
        else:
            here = stage_runs(plan, int(job["steps"][1]["env"]["STAGECAST_STAGE"]), took, now)
        found |= here
        ends[name] = last(here)
    return found


def on_gitlab(plan: Plan, took: Mapping[str, float]) -> Times:
    """The child pipeline on runners without end: stage after stage, but for jobs with `needs`."""
    child = file_of(plan, "gitlab", ".pipeline.yml")
    named = {name: job for name, job in child.items() if isinstance(job, dict) and "stage" in job}
    found: Times = {}
    ends: dict[str, float] = {}
    for name, job in sorted(named.items(), key=lambda item: child["stages"].index(item[1]["stage"])):
        place = child["stages"].index(job["stage"])
        earlier = [each for each, other in named.items() if child["stages"].index(other["stage"]) < place]
        now = max((ends[each] for each in job.get("needs", earlier)), default=0.0)
        told = job.get("variables", {})
        if name == "check":
            here = {"check:environment": (now, now + took["check:environment"])}
        elif "STAGECAST_BUILDS" in told:
            names = [plan.builds[int(index)].id for index in told["STAGECAST_BUILDS"].split(",")]
            here = in_turn(names, 1, {}, took, now)
        elif "STAGECAST_STAGE" in told:
            here = stage_runs(plan, int(told["STAGECAST_STAGE"]), took, now)
        else:
            continue
        found |= here
        ends[name] = last(here)
    return found


def on_argo(plan: Plan, took: Mapping[str, float]) -> Times:
    """The workflow in an executor with the rules of Argo's controller, one task a pod."""
    stages = [rollout.tasks for rollout in rollouts(plan)]
    of_pod: dict[str, str] = {"check": "check:environment"}
    for phase in units.phases(plan, document_of(plan)):
        for unit in phase.units:
            [member] = unit.members
            built = unit.stage is None
            of_pod[unit.name] = plan.builds[member].id if built else stages[unit.stage or 0][member].id
    everything = "".join(f",{number}" for number in range(1000)) + ","
    ran = Run(
        load(argo.emit(plan)),
        duration=lambda name: took[of_pod[name]] if name in of_pod else 1.0,
        fails=lambda _: False,
        todo=everything,
    )
    assert ran.execute()
    return {of_pod[pod.task]: (pod.start, pod.end) for pod in ran.pods if pod.task in of_pod}


def document_of(plan: Plan) -> Any:
    return document(plan, jobs.groups(plan), rollouts(plan))


READ: dict[str, Callable[[Plan, Mapping[str, float]], Times]] = {
    "github": on_github,
    "gitlab": on_gitlab,
    "argo": on_argo,
}


def allowed(plan: Plan, target: str) -> Plan:
    """The plan with a strategy that the target takes."""
    if plan.strategy is not Strategy.DAG or target not in CI:
        return plan
    tasks = order_tasks(Strategy.STAGED, plan.stages, plan.builds, plan.images, plan.workloads)
    return replace(plan, strategy=Strategy.STAGED, tasks=tasks)


PLANS = ordered_plans() | ordered_plans(delivery=Delivery.ARGOCD)


@settings(max_examples=60)
@given(PLANS, st.integers(0, 99), st.sampled_from(sorted(READ)))
def test_a_profile_runs_as_the_emitted_files_say(plan: Plan, seed: int, target: str) -> None:
    assert_as_emitted(plan, seed, target)


def assert_as_emitted(plan: Plan, seed: int, target: str) -> None:
    plan = allowed(plan, target)
    took = chances(plan, seed)
    assert timed(run(of(plan, target), took), plan) == READ[target](plan, took)


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Matrices, pipelines, graphs and workflows that are full after a few jobs."""
    monkeypatch.setattr(jobs, "MATRIX_JOBS", 3)
    monkeypatch.setattr(lanes, "MOST_JOBS", 9)
    monkeypatch.setattr(units, "GRAPH_TASKS", 4)


@pytest.mark.usefixtures("small_limits")
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ordered_plans(), st.integers(0, 99), st.sampled_from(sorted(READ)))
def test_so_does_a_plan_that_is_too_large_for_one_matrix_or_graph(plan: Plan, seed: int, target: str) -> None:
    assert_as_emitted(plan, seed, target)


RICH = Scenario(
    builders=Builders(1, 2, Law(30.0, 0.2)),
    registry=Registry(20e6, 30e6),
    cluster=Cluster(nodes=2, warm=0.5),
)


@pytest.mark.parametrize("small", [False, True])
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=ordered_plans(), target=st.sampled_from(sorted(READ)))
def test_shared_bandwidth_builders_and_nodes_keep_the_order_of_the_jobs(
    request: pytest.FixtureRequest, small: bool, plan: Plan, target: str
) -> None:
    if small:
        request.getfixturevalue("small_limits")
    plan = allowed(plan, target)
    model = of(plan, target, RICH)
    chance = np.random.default_rng(len(plan.tasks))
    durations = chance.uniform(0.1, 9.0, (len(model.network.activities), 3))
    for index, law in enumerate(model.laws):
        durations[index] *= bool(law.terms)
    trace = reference.simulate(model.network, durations)
    assert np.isfinite(trace.finish_s).all()
    firsts = dict(zip((task.id for task in model.plan.tasks), model.activities, strict=True))
    graph = job_graph(target, plan)
    ends = {
        job.id: np.max([trace.finish_s[firsts[task][-1]] for m in job.machines for task in m.tasks], axis=0)
        for job in graph.jobs
    }
    for job in graph.jobs:
        begin = np.min([trace.start_s[firsts[task][0]] for m in job.machines for task in m.tasks], axis=0)
        assert all((ends[need] <= begin).all() for need in job.needs)


# --- worked by hand


def three_stages(**rest: Any) -> Plan:
    """Four builds in one stage, a database before it: 2 slots for builds, 2 for deployments."""
    services = [Service("db", "data"), *(Service(name, "apps", built=True) for name in "abcd")]
    plan = make_plan(services, slots=2, deploy_parallelism=2, **rest)
    tasks = order_tasks(plan.strategy, plan.stages, plan.builds, plan.images, plan.workloads)
    return replace(plan, tasks=tasks)


TOOK = {"check:environment": 1.0, "mirror:db": 2.0, "deploy:db": 3.0} | {
    f"{kind}:{name}": seconds
    for kind, times in (("build", (5.0, 1.0, 1.0, 4.0)), ("deploy", (1.0, 1.0, 1.0, 1.0)))
    for name, seconds in zip("abcd", times, strict=True)
}


def test_github_starts_a_machine_for_the_check_for_each_build_and_for_each_stage() -> None:
    times = run(of(three_stages(), "github"), TOOK, start_s=10.0)
    assert times["check:environment"] == (0.0, 11.0)
    # A runner's start holds one of the two places of the matrix.
    assert [times[f"build:{name}"] for name in "abcd"] == [(11, 26), (11, 22), (22, 33), (26, 40)]
    # One machine does the copy and the deployment.
    assert (times["mirror:db"], times["deploy:db"]) == ((50, 52), (52, 55))
    assert [times[f"deploy:{name}"] for name in "abcd"] == [(65, 66), (65, 66), (66, 67), (66, 67)]


def test_gitlab_does_not_relieve_a_lane_with_a_long_build() -> None:
    times = run(of(three_stages(), "gitlab"), TOOK)
    # The lanes are a, c and b, d: c waits for a, though b's runner is free for it.
    assert [times[f"build:{name}"] for name in "abcd"] == [(1, 6), (1, 2), (6, 7), (2, 6)]
    assert [run(of(three_stages(), "github"), TOOK)[f"build:{name}"] for name in "abcd"] == [
        (1, 6), (1, 2), (2, 3), (3, 7)
    ]  # fmt: skip


def test_argo_starts_a_pod_for_every_copy_and_deployment() -> None:
    times = run(of(three_stages(), "argo"), TOOK, start_s=10.0)
    assert (times["mirror:db"], times["deploy:db"]) == ((40, 52), (52, 65))
    assert [times[f"deploy:{name}"] for name in "abcd"] == [(65, 76), (65, 76), (76, 87), (76, 87)]


def test_the_second_matrix_starts_after_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "MATRIX_JOBS", 2)
    times = run(of(three_stages(), "github"), TOOK)
    assert [times[f"build:{name}"] for name in "abcd"] == [(1, 6), (1, 2), (6, 7), (6, 10)]


def test_gitlab_does_several_builds_in_one_job(monkeypatch: pytest.MonkeyPatch) -> None:
    # The check and two stages leave room for two jobs with builds.
    monkeypatch.setattr(lanes, "MOST_JOBS", 5)
    times = run(of(three_stages(), "gitlab"), TOOK, start_s=10.0)
    assert [times[f"build:{name}"] for name in "abcd"] == [(21, 26), (26, 27), (21, 22), (22, 26)]


def test_pods_that_do_several_deployments_come_one_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "DEPLOY_PODS", 3)
    monkeypatch.setattr(units, "BATCH", 3)
    times = run(of(three_stages(), "argo"), TOOK, start_s=10.0)
    deployed = [times[f"deploy:{name}"] for name in "abcd"]
    assert deployed == [(65, 66), (65, 66), (66, 67), (67, 78)]


def test_a_build_of_another_size_leaves_fewer_places() -> None:
    large = {name: build(name, resources=Resources(16_000, 4 * 10**9)) for name in "abcd"}
    plan = three_stages(builds=large)
    assert job_graph("github", plan).caps == (Cap("build", 1, kills=True),)
    times = run(of(plan, "github"), TOOK)
    assert [times[f"build:{name}"][0] for name in "abcd"] == [1, 6, 7, 8]


@pytest.mark.parametrize("target", sorted(READ))
def test_what_somebody_else_deploys_is_not_in_the_model(target: str) -> None:
    model = of(three_stages(delivery=Delivery.ARGOCD), target)
    kinds = {task.kind for task in model.plan.tasks}
    assert kinds <= {TaskKind.CHECK, TaskKind.BUILD, TaskKind.MIRROR, TaskKind.GATE}
    assert len(model.activities) == len(model.plan.tasks)
    assert model.profile == target


def test_only_argo_lets_other_builds_go_on_after_a_failure() -> None:
    kills = {target: [queue.kills for queue in of(three_stages(), target).network.queues] for target in READ}
    assert kills == {"github": [True, False], "gitlab": [True, False], "argo": [False, False]}


# --- laws


def test_every_machine_takes_its_time_to_start() -> None:
    model = of(three_stages(), "github", Scenario())
    terms = {law.task: [term.name for term in law.terms] for law in starts(model)}
    assert terms == {
        task: [profiles.START, profiles.SETUP]
        for task in ("check:environment", *(f"build:{name}" for name in "abcd"), "mirror:db", "deploy:a")
    }
    assert {law.terms[0].law.median_s for law in starts(model)} == {10.0}
    assert {law.task: law.terms[1].law.median_s for law in starts(model)}["build:a"] == 10.0
    assert [
        len(law.terms) for law in starts(of(three_stages(), "argo", Scenario())) if "build" in law.task
    ] == [1] * 4


def starts(model: Model) -> list[TaskDuration]:
    return [law for law in model.laws if any(term.name == profiles.START for term in law.terms)]


def test_a_scenario_says_how_long_a_start_takes() -> None:
    laws = {(profiles.START, "github"): Law(7.0, 0.0), (profiles.SETUP, "any"): Law(2.0, 0.0)}
    model = of(three_stages(), "github", Scenario(laws=laws))
    assert {tuple(term.law.median_s for term in law.terms) for law in starts(model)} == {(7.0, 2.0)}
    [other] = {law.terms[0].law for law in starts(of(three_stages(), "gitlab", Scenario(laws=laws)))}
    assert other == profiles.DEFAULTS[profiles.START, "gitlab"].law


# --- graphs


@settings(max_examples=40)
@given(ordered_plans(), st.sampled_from(sorted(GRAPHS)))
def test_a_graph_has_every_task_once_and_its_caps(plan: Plan, target: str) -> None:
    plan = allowed(plan, target)
    graph = job_graph(target, plan)
    done = [task for job in graph.jobs for machine in job.machines for task in machine.tasks]
    assert sorted(done) == sorted(task.id for task in plan.tasks if task.kind is not TaskKind.GATE)
    known: set[str] = set()
    for job in graph.jobs:
        assert known.issuperset(job.needs)
        known.add(job.id)
    caps = {cap.name for cap in graph.caps}
    assert {machine.cap for job in graph.jobs for machine in job.machines} <= caps | {None}
    assert len(known) == len(graph.jobs)


@settings(max_examples=30)
@given(ordered_plans())
def test_the_jobs_of_the_files_are_those_of_the_graph(plan: Plan) -> None:
    plan = allowed(plan, "github")
    emitted = file_of(plan, "github", "stagecast-shop.yml")["jobs"]
    assert {name: tuple(job.get("needs", ())) for name, job in emitted.items()} == {
        job.id: job.needs for job in job_graph("github", plan).jobs
    }
    child = file_of(plan, "gitlab", ".pipeline.yml")
    assert [name for name, job in child.items() if isinstance(job, dict) and "stage" in job] == [
        job.id for job in job_graph("gitlab", plan).jobs
    ]


@pytest.mark.parametrize(
    ("jobs_", "caps", "message"),
    [
        ((Machine(("build:a",)), Machine(("build:a",))), (), "build:a is done twice"),
        ((Machine(("build:x",)),), (), "build:x is no task of the plan"),
        ((Machine(("deploy:a", "deploy:b"), 2, "c"),), (Cap("c", 2),), "2 machines of the cap c"),
    ],
)
def test_a_graph_that_no_network_can_hold_is_refused(
    jobs_: tuple[Machine, ...], caps: tuple[Cap, ...], message: str
) -> None:
    graph = JobGraph("github", (Job("one", (), jobs_),), caps)
    with pytest.raises(ValueError, match=message):
        profiles.apply(pipeline.model(three_stages()), graph)


@pytest.mark.parametrize(
    ("target", "outcome"), [("github", "CANCELLED"), ("gitlab", "CANCELLED"), ("argo", "DONE")]
)
def test_a_failed_build_ends_the_others_where_the_target_does_so(target: str, outcome: str) -> None:
    model = of(three_stages(), target)
    own = dict(zip((task.id for task in model.plan.tasks), model.activities, strict=True))
    durations = np.zeros((len(model.network.activities), 1))
    for task, seconds in TOOK.items():
        durations[own[task][-1]] = seconds
    fails = np.zeros_like(durations, dtype=np.bool_)
    fails[own["build:b"][-1]] = True
    trace = reference.simulate(model.network, durations, fails)
    assert trace.outcome is not None
    ended = {task: Outcome(trace.outcome[members[-1], 0]).name for task, members in own.items()}
    assert (ended["build:a"], ended["build:b"]) == (outcome, "FAILED")
    assert {ended[task] for task in ("build:c", "build:d", "mirror:db", "deploy:db", "deploy:a")} == {"NEVER"}
    assert trace.finish_s[own["build:a"][-1], 0] == (2 if outcome == "CANCELLED" else 6)
