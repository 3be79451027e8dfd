"""The charts on a real Kubernetes API: install, upgrade and roll back with Helm 3 and Helm 4.

The API server is v1.20, its kubelet a stand-in whose pods do what their annotations say. What v1.20 does
not know is named in `NOT_IN_1_20` and validated by the schemas of every version from 1.29 on instead.
"""

from __future__ import annotations

import base64
import copy
import dataclasses
import json
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from compiler.plan.encode import plan_json
from compiler.plan.model import (
    ConfigFile,
    JobRun,
    Literal,
    Port,
    Probe,
    Protocol,
    Replicas,
    Resources,
    Rollout,
    SecretRef,
    Variable,
    Volume,
    Workload,
)
from compiler.targets.helm import emit
from compiler.targets.helm.layout import values_path
from compiler.targets.helm.upgrade import upgrade_limitations
from control_plane import Cluster
from helm_plans import (
    EVERYTHING,
    MANAGED,
    STATEFUL,
    application,
    database,
    foreign,
    job,
    plan,
    render,
    write,
)
from helm_releases import FAILS, NEVER_READY, Releases
from kubernetes_schemas import FOREIGN, VERSIONS, validate
from toolchain import Helm

pytestmark = pytest.mark.e2e

NOT_IN_1_20 = {
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("batch/v1", "CronJob"),
    ("discovery.k8s.io/v1", "EndpointSlice"),
    ("gateway.networking.k8s.io/v1", "GRPCRoute"),
    ("gateway.networking.k8s.io/v1", "HTTPRoute"),
    ("policy/v1", "PodDisruptionBudget"),
}

# One replica, so no budget; no autoscaler, no Gateway, no gRPC probe: all that v1.20 knows, and nothing else.
WEB = application(
    entrypoint=("/bin/web",),
    arguments=("--text", "$(id) {{ .Values.x }}"),
    rollout=Rollout("rolling", "1", "0%", 5),
    ports=(
        Port("http", 8080, 80, Protocol.HTTP, True, ("shop.example.com",), "/", "tls", "nginx"),
        Port("grpc", 9090, 9090, Protocol.GRPC, True, ("grpc.example.com",)),
        Port("dns", 53, 53, Protocol.UDP, True),
        Port("dns-tcp", 53, 53, Protocol.TCP, True),
    ),
    files=(
        ConfigFile("/etc/web/app.ini", "listen = on\n"),
        ConfigFile("/etc/web/key", SecretRef("web-files", "key"), 0o400),
    ),
    readiness=Probe("http", 8080, "/healthz", initial_delay_s=3),
    liveness=Probe("exec", command=("true",)),
    startup=Probe("tcp", 8080, failure_threshold=60),
    variables=(
        Variable("LEVEL", (Literal("info"),)),
        Variable("URL", (Literal("redis://:"), SecretRef("web-files", "key"), Literal("@cache"))),
    ),
    non_root_user=1000,
    node_selector=(("kubernetes.io/hostname", "sim-0"),),
    labels=(("team", "checkout"),),
)
STORE = dataclasses.replace(STATEFUL, replicas=Replicas(1, 1), annotations=(("note", "a"),))
ONE = dataclasses.replace(STATEFUL, replicas=Replicas(1, 1), volumes=(Volume("data", 2**30, "/data"),))


@pytest.fixture
def releases(cluster: Cluster, helms: Helm, tmp_path: Path, request: pytest.FixtureRequest) -> Releases:
    """A namespace of its own for every test and Helm."""
    name = re.sub(r"[^a-z0-9]+", "-", f"h{helms.major}-{request.node.name}".lower())[:63].strip("-")
    created = cluster.kubectl("create", "namespace", name)
    assert created.returncode == 0, created.stderr
    return Releases(cluster, helms, name, tmp_path)


def secret(releases: Releases, name: str, **data: str) -> None:
    literals = [f"--from-literal={key}={value}" for key, value in data.items()]
    made = releases.cluster.kubectl(
        "create", "secret", "generic", name, *literals, "--namespace", releases.namespace
    )
    assert made.returncode == 0, made.stderr


def eventually(holds: Callable[[], Any]) -> Any:
    """What a controller does soon: at most 20 seconds."""
    deadline = time.monotonic() + 20
    while not (found := holds()):
        assert time.monotonic() < deadline, "nothing came of it in 20 seconds"
        time.sleep(0.2)
    return found


def template(found: Any) -> Any:
    """The pod template, its named lists sorted: before 1.24, server-side apply kept the old order of a list.

    github.com/kubernetes/kubernetes/pull/107565; Helm 4 applies on the server.
    """
    result = copy.deepcopy(found["spec"]["template"])
    for container in result["spec"]["containers"]:
        for key in ("env", "ports"):
            container[key] = sorted(container.get(key, []), key=lambda item: str(item["name"]))
    return result


def main_container(found: Any) -> Any:
    return found["spec"]["template"]["spec"]["containers"][0]


# --- what this API server knows ---


def test_what_this_api_server_lacks_is_validated_instead(cluster: Cluster) -> None:
    """Every other kind that the charts make is installed by a test below."""
    served = set()
    for manifest in (m for w in (*EVERYTHING, *MANAGED) for m in render(w)):
        api = manifest["apiVersion"]
        path = f"/apis/{api}" if "/" in api else f"/api/{api}"
        listed = cluster.kubectl("get", "--raw", path)
        kind = manifest["kind"]
        if listed.returncode == 0 and f'"kind":"{kind}"' in listed.stdout:
            served.add((api, kind))
        else:
            assert (api, kind) in NOT_IN_1_20, f"this API server has no {kind} of {api}"
            for version in VERSIONS if api not in FOREIGN else ():
                validate([manifest], version)
    assert not served & NOT_IN_1_20
    kinds = {kind for _, kind in served}
    assert kinds == {
        *("ConfigMap", "Deployment", "Ingress", "Job", "Role", "RoleBinding", "Secret"),
        *("Service", "ServiceAccount", "StatefulSet"),
    }


# --- applications ---


def test_an_application_is_installed_upgraded_and_rolled_back(releases: Releases) -> None:
    secret(releases, "web-files", key="k")
    releases.up(WEB)
    first = releases.get("deployment", "shop-web")
    assert first["status"]["availableReplicas"] == 1
    assert main_container(first)["image"].endswith(":v1")
    assert main_container(first)["args"] == ["--text", "$$(id) {{ .Values.x }}"]
    assert releases.get("configmap", "shop-web-files")["data"] == {"0-app.ini": "listen = on\n"}
    hosts = {i["metadata"]["name"]: i["spec"]["rules"][0]["host"] for i in releases.list("ingress")}
    assert hosts == {"shop-web-http": "shop.example.com", "shop-web-grpc": "grpc.example.com"}
    assert set(releases.uids("service")) == {"shop-web", "shop-web-tcp", "shop-web-udp"}
    assert eventually(lambda: releases.get("endpoints", "shop-web").get("subsets"))[0]["addresses"]

    changed = dataclasses.replace(
        WEB,
        variables=(Variable("LEVEL", (Literal("debug"),)),),
        files=(ConfigFile("/etc/web/app.ini", "listen = off\n"),),
        ports=(dataclasses.replace(WEB.ports[0], hosts=("new.example.com",), external=8081), WEB.ports[2]),
        resources=Resources(250, 256_000_000),
        rollout=Rollout("recreate"),
        # Server-side apply of v1.20 cannot remove a probe, with kubectl neither: it keeps an empty one.
        liveness=None if releases.helm.major < 4 else WEB.liveness,
    )
    releases.up(changed, tag="v2")
    second = releases.get("deployment", "shop-web")
    assert main_container(second)["image"].endswith(":v2")
    assert [e["name"] for e in main_container(second)["env"]] == ["LEVEL"]
    assert ("livenessProbe" in main_container(second)) == (changed.liveness is not None)
    assert second["spec"]["strategy"] == {"type": "Recreate"}
    assert set(releases.uids("service")) == {"shop-web", "shop-web-udp"}
    assert [i["spec"]["rules"][0]["host"] for i in releases.list("ingress")] == ["new.example.com"]

    releases.done("rollback", "shop-web", "1", "--wait", "--timeout=60s")
    third = releases.get("deployment", "shop-web")
    assert third["metadata"]["uid"] == first["metadata"]["uid"]
    assert template(third) == template(first)
    assert third["status"]["availableReplicas"] == 1
    releases.done("uninstall", "shop-web", "--wait")
    assert releases.list("deployment") == releases.list("service") == releases.list("ingress") == []


def test_an_upgrade_that_changes_nothing_restarts_nothing(releases: Releases) -> None:
    secret(releases, "web-files", key="k")
    releases.up(WEB)
    before = releases.uids("pod")
    releases.up(WEB)
    assert releases.uids("pod") == before


def test_a_digest_is_what_is_pulled(releases: Releases) -> None:
    digest = "sha256:" + "5" * 64
    releases.up(application(), f"--set-string=image.digest={digest}", tag="v7")
    deployment = releases.get("deployment", "shop-web")
    assert main_container(deployment)["image"] == f"registry.example.com/shop/web@{digest}"
    assert deployment["metadata"]["labels"]["app.kubernetes.io/version"] == "v7"


def test_an_application_that_does_not_come_up_fails_and_is_undone(releases: Releases) -> None:
    """The first installation is removed, a later one goes back to the revision that ran."""
    sick = application(annotations=(NEVER_READY, ("sim/log", "no database\nno cache")))
    result = releases.deploy(sick, releases.rollback_flag, timeout_s=6)
    assert result.returncode != 0
    assert releases.status("shop-web") == ""
    assert releases.list("deployment") == []

    releases.up(application())
    assert releases.deploy(sick, releases.rollback_flag, tag="v2", timeout_s=6).returncode != 0
    deployment = releases.get("deployment", "shop-web")
    assert releases.status("shop-web") == "deployed"
    assert main_container(deployment)["image"].endswith(":v1")
    assert deployment["status"]["availableReplicas"] == 1


def test_why_it_failed_can_be_asked(releases: Releases) -> None:
    sick = application(annotations=(NEVER_READY, ("sim/log", "no database\nno cache")))
    assert releases.deploy(sick, timeout_s=4).returncode != 0
    where = ("--namespace", releases.namespace)
    logs = releases.cluster.kubectl("logs", "--selector=app.kubernetes.io/instance=shop-web", *where)
    assert logs.stdout == "no database\nno cache\n"
    assert "Readiness probe failed" in releases.cluster.kubectl("get", "events", *where).stdout


# --- storage ---


def test_volumes_outlive_upgrade_rollback_and_release(releases: Releases) -> None:
    releases.up(STORE)
    claims = releases.uids("pvc")
    assert sorted(claims) == ["data-shop-store-0", "logs-shop-store-0"]
    bound = {c["status"]["phase"] for c in releases.list("pvc")}
    assert bound == {"Bound"}
    first = releases.get("statefulset", "shop-store")
    changed = dataclasses.replace(
        STORE,
        resources=Resources(250, 256_000_000),
        labels=(("team", "b"),),
        annotations=(("note", "b"),),
        files=(ConfigFile("/etc/a", "b"),),
        ports=(*STORE.ports, Port("more", 7001, 7001, Protocol.TCP, False)),
    )
    releases.up(changed)
    assert releases.get("statefulset", "shop-store")["status"]["readyReplicas"] == 1
    releases.done("rollback", "shop-store", "1", "--wait", "--timeout=60s")
    third = releases.get("statefulset", "shop-store")
    assert third["metadata"]["uid"] == first["metadata"]["uid"]
    assert template(third) == template(first)
    releases.done("uninstall", "shop-store", "--wait")
    assert releases.list("statefulset") == []
    assert releases.uids("pvc") == claims
    releases.up(STORE)
    assert releases.uids("pvc") == claims


def test_argo_cd_is_told_to_leave_the_claims_alone(releases: Releases) -> None:
    """Kubernetes itself writes the label onto claims by which Argo CD may take them for its own."""
    releases.up(ONE)
    (claim,) = releases.list("pvc")
    assert claim["metadata"]["labels"]["app.kubernetes.io/instance"] == "shop-store"
    assert claim["metadata"]["annotations"]["argocd.argoproj.io/sync-options"] == "Prune=false,Delete=false"


def test_a_failed_stateful_release_stays_and_is_repaired_by_the_next(
    releases: Releases,
) -> None:
    """First as an installation, then as an upgrade: no volume, no release and no revision is taken back."""
    sick = dataclasses.replace(
        ONE, annotations=(NEVER_READY,), variables=(Variable("BROKEN", (Literal("1"),)),)
    )
    assert releases.deploy(sick, timeout_s=4).returncode != 0
    assert releases.status("shop-store") == "failed"
    claims, pods = releases.uids("pvc"), releases.uids("pod")
    assert len(claims) == len(pods) == 1
    releases.up(ONE)
    assert releases.status("shop-store") == "deployed"
    assert releases.deploy(sick, timeout_s=4).returncode != 0
    assert releases.status("shop-store") == "failed"
    annotations = releases.get("statefulset", "shop-store")["spec"]["template"]["metadata"]["annotations"]
    assert NEVER_READY[0] in annotations, "it was rolled back"
    if releases.helm.major < 4:
        replace_stateful_set(releases, ONE)
    releases.up(ONE)
    repaired = releases.get("statefulset", "shop-store")
    assert repaired["status"]["readyReplicas"] == 1
    assert "env" not in main_container(repaired)
    assert releases.uids("pvc") == claims


def replace_stateful_set(releases: Releases, workload: Workload) -> None:
    """What docs/targets/helm.md says for Helm 3, which compares with the last revision that was deployed.

    So it leaves in place what a failed one added. Helm 4 applies on the server, where fields have owners.
    """
    manifest = releases.done(
        "template",
        workload.release,
        *releases.chart(workload),
        "--show-only=templates/controller.yaml",
        "--validate",
        "--is-upgrade",
    )
    where = ("--namespace", releases.namespace)
    replaced = releases.cluster.kubectl("replace", *where, "--filename=-", stdin=manifest)
    assert replaced.returncode == 0, replaced.stderr


def test_kubernetes_refuses_what_the_compiler_refuses(releases: Releases) -> None:
    releases.up(ONE)
    size = dataclasses.replace(ONE, volumes=(Volume("data", 2**31, "/data"),))
    more = dataclasses.replace(ONE, volumes=(*ONE.volumes, Volume("logs", 2**30, "/logs")))
    other = dataclasses.replace(ONE, volumes=(Volume("data", 2**30, "/data", "fast"),))
    for changed in (size, more, other):
        said = upgrade_limitations(plan_json(plan(ONE)), plan(changed))
        assert [found.code for found in said] == ["helm-upgrade-volume"]
        result = releases.deploy(changed, timeout_s=10)
        assert result.returncode != 0
        assert "updates to statefulset spec" in result.stderr
    assert upgrade_limitations(plan_json(plan(ONE)), plan(ONE)) == []
    releases.up(ONE)


# --- databases ---


def test_every_engine(releases: Releases) -> None:
    secret(releases, "credentials", password="p")
    engines = [
        database("postgresql", "16"),
        database("mysql", "8.4"),
        database("mongodb", "7"),
        database("redis", "7.4"),
    ]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(releases.up, engines))
        claims = releases.uids("pvc")
        again = [dataclasses.replace(e, resources=Resources(250, 512_000_000)) for e in engines]
        list(pool.map(releases.up, again))
    assert sorted(claims) == sorted(f"data-{engine.release}-0" for engine in engines)
    assert releases.uids("pvc") == claims
    for engine in engines:
        assert releases.get("statefulset", engine.release)["status"]["readyReplicas"] == 1
        assert releases.get("service", f"{engine.release}-headless")["spec"]["clusterIP"] == "None"
        (port,) = releases.get("service", engine.release)["spec"]["ports"]
        assert engine.database is not None
        assert port["port"] == engine.database.port
    for engine in engines:
        releases.done("rollback", engine.release, "1")
        releases.done("uninstall", engine.release)
    assert releases.uids("pvc") == claims
    assert releases.uids("secret").keys() >= {"credentials"}


def test_a_managed_database_is_a_name_and_can_move(releases: Releases) -> None:
    releases.up(database("postgresql", "16", host="db.example.com"))
    releases.up(database("postgresql", "16", host="other.example.com"))
    service = releases.get("service", "shop-postgresql")
    assert service["spec"]["externalName"] == "other.example.com"


# --- jobs ---


def test_a_start_job_runs_with_every_deployment(releases: Releases) -> None:
    """A Job's template cannot change: the run before is replaced."""
    releases.up(job(JobRun.START))
    first = releases.get("job", "shop-start")
    assert first["status"]["succeeded"] == 1
    releases.up(job(JobRun.START, variables=(Variable("A", (Literal("b"),)),)))
    second = releases.get("job", "shop-start")
    assert second["status"]["succeeded"] == 1
    assert second["metadata"]["uid"] != first["metadata"]["uid"]
    releases.up(job(JobRun.START, variables=(Variable("A", (Literal("b"),)),)))
    assert releases.get("job", "shop-start")["metadata"]["uid"] != second["metadata"]["uid"]


def test_helm_waits_for_a_start_job_and_fails_with_it(releases: Releases) -> None:
    """`--wait` does not wait for jobs; hooks are waited for without it."""
    slow = job(JobRun.START, annotations=(("sim/ready-s", "3"),))
    began = time.monotonic()
    releases.up(slow)
    assert time.monotonic() - began > 3
    failing = dataclasses.replace(slow, annotations=(FAILS,))
    assert failing.job is not None
    failing = dataclasses.replace(failing, job=dataclasses.replace(failing.job, max_restarts=0))
    result = releases.deploy(failing, timeout_s=30)
    assert result.returncode != 0
    assert releases.status("shop-start") == "failed"
    assert releases.get("job", "shop-start")["status"]["failed"] == 1
    releases.up(slow)
    assert releases.get("job", "shop-start")["status"]["succeeded"] == 1


def test_outputs_outlive_the_next_deployment(releases: Releases) -> None:
    with_outputs = job(JobRun.START, outputs=("URL",))
    releases.up(with_outputs)
    data = f'{{"data": {{"URL": "{base64.b64encode(b"http://a").decode()}"}}}}'
    where = ("--namespace", releases.namespace)
    patched = releases.cluster.kubectl("patch", "secret", "shop-start-outputs", "--patch", data, *where)
    assert patched.returncode == 0, patched.stderr
    releases.up(dataclasses.replace(with_outputs, labels=(("a", "b"),)))
    assert base64.b64decode(releases.get("secret", "shop-start-outputs")["data"]["URL"]) == b"http://a"
    may = ("auth", "can-i", f"--as=system:serviceaccount:{releases.namespace}:shop-start", *where)
    assert releases.cluster.kubectl(*may, "patch", "secret/shop-start-outputs").stdout.strip() == "yes"
    assert releases.cluster.kubectl(*may, "get", "secret/credentials").stdout.strip() == "no"
    assert releases.cluster.kubectl(*may, "list", "secrets").stdout.strip() == "no"


def test_a_delete_job_runs_before_the_deletion(releases: Releases) -> None:
    cleaner = job(JobRun.DELETE, files=(ConfigFile("/etc/a", "b"),))
    releases.up(cleaner)
    assert releases.list("job") == []
    slow = dataclasses.replace(cleaner, annotations=(("sim/ready-s", "2"),))
    releases.up(slow)
    seen: list[Any] = []
    watcher = threading.Thread(target=lambda: seen.extend(eventually(lambda: releases.list("job"))))
    watcher.start()
    releases.done("uninstall", "shop-delete", "--timeout=30s")
    watcher.join()
    assert [found["metadata"]["name"] for found in seen] == ["shop-delete"]
    assert releases.list("job") == []
    assert releases.get("configmap", "shop-delete-files") is None


def test_a_delete_job_that_fails_stops_the_deletion(releases: Releases) -> None:
    failing = job(JobRun.DELETE, files=(ConfigFile("/etc/a", "b"),), annotations=(FAILS,))
    assert failing.job is not None
    failing = dataclasses.replace(failing, job=dataclasses.replace(failing.job, max_restarts=0))
    releases.up(failing)
    for _ in range(2):
        assert releases.run("uninstall", "shop-delete", "--timeout=20s").returncode != 0
        assert releases.get("configmap", "shop-delete-files"), "what the job needs was deleted"
        assert releases.get("job", "shop-delete")["status"]["failed"] == 1
    releases.done("uninstall", "shop-delete", "--no-hooks")
    assert releases.get("configmap", "shop-delete-files") is None


# --- charts of others, other Helms, previews ---


def test_a_chart_of_its_own_gets_its_values_and_nothing_else(releases: Releases) -> None:
    chart = releases.folder / "own"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: own\nversion: 1.0.0\n")
    (chart / "templates" / "map.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: own}\n"
        "data: {values: {{ .Values | toJson | quote }}}\n"
    )
    service = foreign(values={"replicaCount": 3})
    write(releases.folder, emit(plan(service)))
    values = str(releases.folder / values_path("shop", service))
    for count in (3, 4):
        flags = ("--install", "--values", values, "--set", f"replicaCount={count}")
        releases.done("upgrade", service.release, str(chart), *flags)
        found = json.loads(releases.get("configmap", "own")["data"]["values"])
        assert found == {"replicaCount": count, "on": {"y": "no"}}


def test_helm_4_takes_over_what_helm_3_installed(
    cluster: Cluster, helm3: Helm, helm4: Helm, tmp_path: Path
) -> None:
    assert cluster.kubectl("create", "namespace", "takes-over").returncode == 0
    before, after = (Releases(cluster, helm, "takes-over", tmp_path) for helm in (helm3, helm4))
    for workload in (application(), ONE, job(JobRun.START)):
        before.up(workload)
        after.up(dataclasses.replace(workload, labels=(("team", "a"),)), tag="v2")
        assert after.status(workload.release) == "deployed"
    assert main_container(after.get("deployment", "shop-web"))["image"].endswith(":v2")
    assert len(after.uids("pvc")) == 1


def test_a_preview_has_hosts_of_its_own(releases: Releases) -> None:
    secret(releases, "web-files", key="k")
    releases.up(WEB, "--set-string", "preview.prefix=pr-12-")
    hosts = {i["spec"]["rules"][0]["host"] for i in releases.list("ingress")}
    assert hosts == {"pr-12-shop.example.com", "pr-12-grpc.example.com"}


def test_a_restart_of_the_api_server_loses_nothing(releases: Releases) -> None:
    """A deployment that it interrupts fails or goes on; run again, it completes, with the volume it has."""
    slow = dataclasses.replace(ONE, annotations=(("sim/ready-s", "2"),))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(releases.deploy, slow)
        eventually(lambda: releases.list("statefulset"))
        releases.cluster.restart_api_server()
        running.result()
    claims = releases.uids("pvc")
    if releases.status("shop-store").startswith("pending"):
        # A Helm that could not note its own failure refuses to go on, and the way out that it offers is this
        # one. The pipeline's scripts go on by themselves (test_deploy_cluster.py).
        releases.done("uninstall", "shop-store")
    releases.up(slow)
    assert claims.items() <= releases.uids("pvc").items()
    assert releases.status("shop-store") == "deployed"
    assert releases.get("statefulset", "shop-store")["status"]["readyReplicas"] == 1
