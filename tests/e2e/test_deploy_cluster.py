"""The deploy half of the scripts on a real Kubernetes API, with Helm 3 and 4, from generated files alone."""

from __future__ import annotations

import base64
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from cluster_plans import CRASHES, NEVER_READY, PASSWORD, Pipeline, Service, most_at_once
from compiler.plan.model import Departed, JobRun, Previews, ServiceType
from control_plane import Cluster
from toolchain import Helm

pytestmark = pytest.mark.e2e

READY_LATE = (("sim/ready-s", "1.5"),)
DATABASE = Service("db", "database", ServiceType.DATABASE)
WEB = Service("web", "application", ServiceType.APPLICATION)
API = Service("api", "application", ServiceType.APPLICATION)


@pytest.fixture
def pipeline(cluster: Cluster, helms: Helm, tmp_path: Path, request: pytest.FixtureRequest) -> Pipeline:
    """A pipeline of its own in a namespace of its own."""
    name = request.node.name.partition("[")[0].removeprefix("test_").replace("_", "-")
    return Pipeline(cluster, helms, f"{name[:50]}-{helms.major}".strip("-"), tmp_path)


def shop() -> list[Service]:
    """22 services in 5 stages, every kind of ours, more in one stage than may deploy at once."""
    jobs = Service("migrate", "jobs", ServiceType.JOB, run=JobRun.START)
    cache = Service("cache", "containers", stateful=True)
    extras = [Service(f"extra-{n}", "containers") for n in range(3)]
    apps = [Service(f"app-{n:02}", "applications", ServiceType.APPLICATION, READY_LATE) for n in range(12)]
    last = Service("app-last", "applications", ServiceType.APPLICATION, depends_on=("app-00",))
    edges = [Service("edge", "edge"), Service("edge-b", "edge", depends_on=("edge",))]
    databases = [DATABASE, Service("events", "database", ServiceType.DATABASE)]
    return [*databases, jobs, cache, *extras, *apps, last, *edges]


def with_secret(pipeline: Pipeline, namespace: str) -> None:
    """The Secret with the databases' password, which exists before."""
    kubectl = pipeline.cluster.kubectl
    kubectl("create", "namespace", namespace)
    kubectl(
        "create", "secret", "generic", PASSWORD.name, f"--from-literal={PASSWORD.key}=hidden",
        "--namespace", namespace,
    )  # fmt: skip


def test_a_whole_environment_in_order_once_and_only_what_changed(pipeline: Pipeline) -> None:
    services = shop()
    with_secret(pipeline, pipeline.namespace)
    pipeline.compile(services)
    pipeline.up()
    assert pipeline.releases() == {service.name: (1, "deployed") for service in services}
    spans = pipeline.deployments("done")
    assert set(spans) == {service.name for service in services}
    stages = list(dict.fromkeys(service.stage for service in services))
    of_stage = [[spans[s.name] for s in services if s.stage == stage] for stage in stages]
    for before, after in pairwise(of_stage):
        assert max(span.end for span in before) <= min(span.start for span in after)
    assert spans["app-00"].end <= spans["app-last"].start
    assert most_at_once(spans.values()) == 7
    claims = {claim["metadata"]["name"]: claim["status"]["phase"] for claim in pipeline.get("pvc")}
    assert set(claims.values()) == {"Bound"}
    assert len(claims) == 3

    pipeline.forget()
    log = pipeline.up()
    assert log.count(": unchanged") == 2 * len(services)
    assert set(pipeline.deployments("skipped")) == set(spans)
    assert pipeline.releases() == {service.name: (1, "deployed") for service in services}

    pipeline.forget()
    changed = [replace(s, text="2") if s.name == "app-03" else s for s in services]
    pipeline.compile(changed)
    pipeline.up()
    assert set(pipeline.deployments("done")) == {"app-03"}
    assert pipeline.releases()["app-03"] == (2, "deployed")
    assert pipeline.text("app-03") == "2"

    pipeline.forget()
    assert pipeline.run("deploy", STAGECAST_STAGE="4", STAGECAST_FORCE="true").code == 0
    assert set(pipeline.deployments("done")) == {"edge", "edge-b"}


def test_what_others_did_to_a_release_or_to_the_notes_is_no_reason_to_skip(pipeline: Pipeline) -> None:
    pipeline.compile([WEB, API, Service("other", "application")])
    pipeline.up()
    notes = pipeline.get("configmap", "stagecast-shop")
    assert {name: json.loads(text)["revision"] for name, text in notes["data"].items()} == {
        "api": 1, "other": 1, "web": 1,
    }  # fmt: skip
    rolled = pipeline.cluster.helm(pipeline.tool, "rollback", "web", "1", "--namespace", pipeline.namespace)
    assert rolled.returncode == 0, rolled.stderr
    hostile = {"data": {"api": "[" * 5000, "..data": "x", "other": '{"revision": 1, "fingerprint": "$(id)"}'}}
    patched = pipeline.cluster.kubectl(
        "patch", "configmap", "stagecast-shop", "--type=merge", f"--patch={json.dumps(hostile)}",
        "--namespace", pipeline.namespace,
    )  # fmt: skip
    assert patched.returncode != 0, "a ConfigMap takes no such key"
    del hostile["data"]["..data"]
    patched = pipeline.cluster.kubectl(
        "patch", "configmap", "stagecast-shop", "--type=merge", f"--patch={json.dumps(hostile)}",
        "--namespace", pipeline.namespace,
    )  # fmt: skip
    assert patched.returncode == 0, patched.stderr
    pipeline.forget()
    pipeline.up()
    assert set(pipeline.deployments("done")) == {"api", "other", "web"}
    pipeline.forget()
    pipeline.up()
    assert set(pipeline.deployments("skipped")) == {"api", "other", "web"}


def test_a_config_map_of_somebody_else_is_neither_believed_nor_changed(pipeline: Pipeline) -> None:
    kubectl = pipeline.cluster.kubectl
    kubectl("create", "namespace", pipeline.namespace)
    kubectl(
        "create", "configmap", "stagecast-shop", "--from-literal=web={}", "--namespace", pipeline.namespace
    )
    pipeline.compile([WEB])
    pipeline.up()
    assert "is not of Stagecast" in pipeline.up()
    assert pipeline.releases() == {"web": (2, "deployed")}
    assert pipeline.get("configmap", "stagecast-shop")["data"] == {"web": "{}"}


def test_an_application_that_never_becomes_ready_stops_the_pipeline(pipeline: Pipeline) -> None:
    never = Service("never", "application", ServiceType.APPLICATION, (NEVER_READY,), timeout_s=6)
    slow = Service("slow", "application", ServiceType.APPLICATION, (("sim/ready-s", "9"),))
    after = Service("waits", "application", ServiceType.APPLICATION)
    pipeline.compile([Service("base", "base"), never, slow, after, Service("late", "late")], parallelism=2)
    ended = pipeline.deploy()
    assert [stage.code for stage in ended] == [0, 1]
    log = ended[-1].log
    # The running one finishes, none starts, later stages do not run, and what was deployed stays.
    assert pipeline.releases() == {"base": (1, "deployed"), "slow": (1, "deployed")}
    spans = pipeline.deployments()
    assert {name: span.outcome for name, span in spans.items()} == {
        "base": "done", "never": "failed", "slow": "done", "waits": "cancelled",
    }  # fmt: skip
    assert spans["slow"].end > spans["never"].end
    for said in (
        "--- pods of never",
        "container never runs and is not ready",
        "Readiness probe failed: connection refused",
        "deploy never: deployment error",
        "deploy waits: cancelled",
        "deploy slow: deployed",
    ):
        assert said in log, log
    # Pods are shown before they are removed.
    assert log.index("0/1") < log.index("--- never: uninstalled")


def test_a_crash_is_explained_and_the_upgrade_undone(pipeline: Pipeline) -> None:
    pipeline.compile([WEB, API])
    pipeline.up()
    broken = replace(WEB, text="2", sim=CRASHES, timeout_s=6)
    pipeline.compile([broken, API])
    [ended] = pipeline.deploy()
    assert ended.code == 1
    assert pipeline.releases() == {"api": (1, "deployed"), "web": (3, "deployed")}
    assert pipeline.text("web") == "1"
    assert "no database at db:5432" in ended.log
    assert "CrashLoopBackOff" in ended.log
    assert ended.log.index("no database at db:5432") < ended.log.index("--- web: back at revision 1")
    pipeline.compile([replace(WEB, text="3"), API])
    pipeline.up()
    assert pipeline.releases() == {"api": (1, "deployed"), "web": (4, "deployed")}


@pytest.mark.parametrize("first", [True, False], ids=["install", "upgrade"])
def test_what_keeps_data_is_left_as_it_is_and_goes_on_from_there(pipeline: Pipeline, first: bool) -> None:
    store = Service("store", "base", stateful=True)
    pipeline = replace(pipeline, namespace=f"{pipeline.namespace[:40]}-{first}".lower())
    if not first:
        pipeline.compile([store])
        pipeline.up()
    pipeline.compile([replace(store, text="2", sim=CRASHES, timeout_s=6)])
    [ended] = pipeline.deploy()
    assert ended.code == 1
    assert "store is left as it is" in ended.log
    assert pipeline.releases()["store"][1] == "failed"
    [claim] = pipeline.get("pvc")
    pipeline.compile([replace(store, text="3")])
    pipeline.up()
    assert pipeline.releases()["store"][1] == "deployed"
    assert pipeline.get("pvc")[0]["metadata"]["uid"] == claim["metadata"]["uid"]


def test_a_job_that_fails_stops_what_comes_after_it(pipeline: Pipeline) -> None:
    migrate = Service("migrate", "jobs", ServiceType.JOB, CRASHES, run=JobRun.START, timeout_s=20)
    pipeline.compile([migrate, WEB])
    [ended] = pipeline.deploy()
    assert ended.code == 1
    assert "no database at db:5432" in ended.log
    assert pipeline.releases() == {}


KILLED = [
    Service("db", "base", stateful=True, sim=(("sim/ready-s", "6"),)),
    Service("one", "base", sim=(("sim/ready-s", "6"),)),
    Service("quick", "base"),
    Service("next", "next"),
]


def kill_in_the_middle(pipeline: Pipeline, kill: Callable[[int], None]) -> None:
    """Start the first stage, and end it when both slow releases are begun."""
    with pipeline.start("deploy", STAGECAST_STAGE="0") as process:
        pipeline.wait_for_pending("db")
        pipeline.wait_for_pending("one")
        kill(process.pid)
        process.communicate(timeout=60)


def test_a_pipeline_that_is_killed_completes_when_it_is_run_again(pipeline: Pipeline) -> None:
    pipeline.compile(KILLED)
    kill_in_the_middle(pipeline, lambda pid: os.kill(pid, signal.SIGKILL))
    # Helm gets a signal when its starter is gone and ends; nobody goes on with what nobody sees.
    wait_until(lambda: not descendants_of_scripts(pipeline))
    uid = pipeline.get("statefulset", "db")["metadata"]["uid"]
    pipeline.up()
    assert {status for _, status in pipeline.releases().values()} == {"deployed"}
    assert set(pipeline.releases()) == {"db", "one", "quick", "next"}
    assert pipeline.get("statefulset", "db")["metadata"]["uid"] == uid


def test_a_machine_that_is_lost_with_helm_and_all_completes_on_another(pipeline: Pipeline) -> None:
    def lose(pid: int) -> None:
        """Kill Helm before its starter, so that it can mark nothing."""
        os.kill(pid, signal.SIGSTOP)
        for child in descendants_of_scripts(pipeline):
            os.kill(child, signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)

    pipeline.compile(KILLED)
    kill_in_the_middle(pipeline, lose)
    assert pipeline.releases()["db"] == (1, "pending-install")
    assert pipeline.releases()["one"] == (1, "pending-install")
    uid = pipeline.get("statefulset", "db")["metadata"]["uid"]
    log = pipeline.up()
    assert "db: revision 1 was left pending-install, and is marked as failed" in log
    assert pipeline.releases()["db"] == (2, "deployed")
    assert pipeline.get("statefulset", "db")["metadata"]["uid"] == uid
    # And in the middle of an upgrade: what is deployed is still the revision before.
    pipeline.compile([replace(s, text="2") for s in KILLED])
    kill_in_the_middle(pipeline, lose)
    assert pipeline.releases()["db"] == (3, "pending-upgrade")
    pipeline.up()
    assert pipeline.releases()["db"] == (4, "deployed")
    assert pipeline.get("statefulset", "db")["metadata"]["uid"] == uid


def descendants_of_scripts(pipeline: Pipeline) -> list[int]:
    """The Helms that work on the pipeline's namespace."""
    mark = f"--namespace={pipeline.namespace}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if mark in words and words[0].endswith(b"helm"):
                found.append(int(entry.name))
    return found


def wait_until(condition: Callable[[], bool], limit_s: float = 30) -> None:
    ends = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.1)


def test_at_the_first_signal_running_ones_finish_at_the_second_they_end(pipeline: Pipeline) -> None:
    slow = Service("slow", "base", sim=(("sim/ready-s", "4"),))
    pipeline.compile([slow, Service("waits", "base")], parallelism=1)
    with pipeline.start("deploy", STAGECAST_STAGE="0") as process:
        pipeline.wait_for_pending("slow")
        process.send_signal(signal.SIGTERM)
        log, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "deploy slow: deployed" in log
    assert "deploy waits: cancelled" in log
    assert pipeline.releases() == {"slow": (1, "deployed")}

    pipeline.compile([replace(slow, text="2", sim=(("sim/ready-s", "50"),)), Service("waits", "base")])
    with pipeline.start("deploy", STAGECAST_STAGE="0") as process:
        pipeline.wait_for_pending("slow")
        started = time.monotonic()
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            time.sleep(0.5)
        process.communicate(timeout=60)
    assert process.returncode == 1
    assert time.monotonic() - started < 20
    assert pipeline.releases()["slow"] == (2, "failed")
    assert list((pipeline.folder / "temp").iterdir()) == [], "credentials are left behind"


def test_an_api_server_that_restarts_in_the_middle(pipeline: Pipeline) -> None:
    names = [f"s-{n}" for n in range(4)]
    pipeline.compile([Service(name, "base", sim=(("sim/ready-s", "6"),)) for name in names])
    with pipeline.start("deploy", STAGECAST_STAGE="0") as process:
        for name in names:
            pipeline.wait_for_pending(name)
        pipeline.cluster.stop("apiserver")
        timer = threading.Timer(5, pipeline.cluster.resume, ("apiserver",))
        timer.start()
        log, _ = process.communicate(timeout=180)
        timer.join()
    assert process.returncode == 0, log
    assert pipeline.releases().keys() == set(names)
    assert {status for _, status in pipeline.releases().values()} == {"deployed"}
    pipeline.forget()
    pipeline.up()
    assert set(pipeline.deployments("skipped")) == set(names)


def test_a_preview_lives_in_a_namespace_of_its_own_and_goes_with_it(pipeline: Pipeline) -> None:
    with_secret(pipeline, pipeline.namespace)
    leave = Service("leave", "jobs", ServiceType.JOB, run=JobRun.DELETE)
    pipeline.compile([DATABASE, leave, WEB], previews=Previews(pipeline.namespace))
    pipeline.up()
    log = pipeline.up(STAGECAST_PREVIEW="pr-12")
    preview = f"{pipeline.namespace}-pr-12"
    assert "hidden" not in log
    assert base64.b64encode(b"hidden").decode() not in log
    assert pipeline.cluster.get("namespace", preview)["metadata"]["labels"]["stagecast.dev/preview"] == "shop"
    copy = pipeline.cluster.get("secret", PASSWORD.name, namespace=preview)
    assert (copy["type"], base64.b64decode(copy["data"][PASSWORD.key])) == ("Opaque", b"hidden")
    assert set(pipeline.releases(preview)) == {"db", "leave", "web"}
    # Said when it is its turn and at the end.
    assert pipeline.up(STAGECAST_PREVIEW="pr-12").count(": unchanged") == 2 * 3

    gone = pipeline.run("teardown", STAGECAST_PREVIEW="pr-12")
    assert gone.code == 0, gone.log
    order = [gone.log.index(f"uninstall {name}") for name in ("web", "leave", "db")]
    assert order == sorted(order)
    assert pipeline.cluster.get("namespace", preview) is None
    again = pipeline.run("teardown", STAGECAST_PREVIEW="pr-12")
    assert (again.code, "there is no namespace" in again.log) == (0, True)
    assert pipeline.releases() == {"db": (1, "deployed"), "leave": (1, "deployed"), "web": (1, "deployed")}


@pytest.mark.parametrize("name", ["", "pr_1", "../x", "-a", "a-", "pr 1", "$(id)"])
def test_a_teardown_without_a_good_name_touches_nothing(pipeline: Pipeline, name: str) -> None:
    pipeline.compile([WEB], previews=Previews())
    ended = pipeline.run("teardown", STAGECAST_PREVIEW=name)
    assert ended.code == 1
    assert "STAGECAST_PREVIEW" in ended.log


def test_a_namespace_that_is_not_ours_is_left_alone(pipeline: Pipeline) -> None:
    preview = f"{pipeline.namespace}-pr-1"
    pipeline.cluster.kubectl("create", "namespace", preview)
    pipeline.compile([WEB], previews=Previews())
    for command in ("teardown", "deploy"):
        ended = pipeline.run(command, STAGECAST_PREVIEW="pr-1", STAGECAST_STAGE="0")
        assert ended.code == 1
        assert preview in ended.log
    assert pipeline.cluster.get("namespace", preview)["status"]["phase"] == "Active"
    assert pipeline.releases(preview) == {}


def test_what_left_the_spec_is_named_and_removed_only_when_it_is_pruned(pipeline: Pipeline) -> None:
    store = Service("store", "base", stateful=True)
    leave = Service("leave", "base", ServiceType.JOB, run=JobRun.DELETE)
    pipeline.compile([store, leave, WEB])
    pipeline.up()
    pipeline.compile([WEB], departed=(Departed("store", "store"), Departed("leave", "leave")))
    kept = pipeline.run("remove")
    assert kept.code == 0
    for name in ("store", "leave"):
        assert f"{name} left the spec and is still deployed: compile with --prune to remove it" in kept.log
    assert set(pipeline.releases()) == {"store", "leave", "web"}

    pruned = (
        Departed("store", "store", True),
        Departed("leave", "leave", True),
        # Its release lives on under another service's name.
        Departed("old", "web", True),
    )
    pipeline.compile([WEB], departed=pruned)
    removed = pipeline.run("remove")
    assert removed.code == 0, removed.log
    assert removed.log.index("uninstall leave") < removed.log.index("uninstall store")
    assert set(pipeline.releases()) == {"web"}
    assert set(pipeline.get("configmap", "stagecast-shop")["data"]) == {"web"}
    [claim] = pipeline.get("pvc")
    assert f"persistentvolumeclaim/{claim['metadata']['name']} stays" in removed.log
    again = pipeline.run("remove")
    assert (again.code, "store is not installed" in again.log) == (0, True)
