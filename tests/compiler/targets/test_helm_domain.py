"""What a short spec becomes in the cluster: the defaults, and what is safer here than on the platform.

From the text of a spec to the manifests, one test a line of docs/concepts.md and of
"Safe where it matters" in docs/targets/helm.md, which names these tests.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from compiler.plan.model import JobRun, Workload
from compiler.targets.helm import check
from compiler.targets.helm.values import service_values
from helm_hostile import kubernetes_expands
from helm_plans import (
    STATEFUL,
    Manifest,
    application,
    container,
    database,
    job,
    kinds,
    one,
    plan,
    pod_template,
    render,
)
from spec_plans import plan_of, spec

DOCUMENTATION = Path(__file__).resolve().parents[3] / "docs" / "targets" / "helm.md"


def deployed(services: str, files: dict[str, str] | None = None) -> list[Manifest]:
    """The manifests of the only service of a spec."""
    made = plan_of(spec(services), files)
    (workload,) = made.workloads
    images = {image.id: image for image in made.images}
    values = service_values(made, workload, images.get(workload.image or ""))
    assert values is not None
    if "image" in values and not values["image"].get("tag"):
        values["image"]["tag"] = "v1"
    return render(workload, values, tag=None)


def notes(services: str, files: dict[str, str] | None = None) -> set[str]:
    return {found.code for found in check(plan_of(spec(services), files))}


WEB = 'web: {type: container, image: "acme/web:1", '
PORT = "ports: [{internal: 80, protocol: HTTP}]"


# --- defaults ---


def test_defaults_of_a_container() -> None:
    manifests = deployed(WEB + PORT + "}")
    spec_ = one(manifests, "Deployment")["spec"]
    main = container(manifests)
    assert main["resources"]["requests"] == main["resources"]["limits"] == {"cpu": "500m", "memory": "512M"}
    assert spec_["replicas"] == 1
    assert spec_["strategy"]["rollingUpdate"] == {"maxSurge": "25%", "maxUnavailable": "25%"}
    assert pod_template(manifests)["spec"]["terminationGracePeriodSeconds"] == 60
    assert spec_["progressDeadlineSeconds"] == 600
    assert kinds(manifests) == ["Deployment", "Service"]


def test_defaults_of_a_probe() -> None:
    timing = {"periodSeconds": 10, "timeoutSeconds": 5, "successThreshold": 1, "failureThreshold": 9}
    readiness = "healthChecks: {readiness: {tcp: {port: 80}}}"
    main = container(deployed(WEB + PORT + ", " + readiness + "}"))
    assert main["readinessProbe"] == {"tcpSocket": {"port": 80}, **timing}


def test_the_autoscaler_aims_at_60_percent() -> None:
    manifests = deployed(WEB + "replicas: {min: 2, max: 4}}")
    target = one(manifests, "HorizontalPodAutoscaler")["spec"]["metrics"][0]["resource"]["target"]
    assert target["averageUtilization"] == 60


def test_defaults_of_a_cron_job() -> None:
    said = 'nightly: {type: job, image: "acme/a:1", cron: {schedule: "0 1 * * *"}}'
    cron = one(deployed(said), "CronJob")["spec"]
    assert cron["concurrencyPolicy"] == "Forbid"
    assert (cron["successfulJobsHistoryLimit"], cron["failedJobsHistoryLimit"]) == (1, 1)


@pytest.mark.parametrize("engine", ["postgresql", "mysql", "mongodb", "redis"])
def test_defaults_of_a_database(engine: str) -> None:
    manifests = deployed(f'db: {{type: database, engine: {engine}, version: "8"}}')
    (claim,) = one(manifests, "StatefulSet")["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["resources"]["requests"] == {"storage": "10G"}


# --- safe where it matters ---


def test_a_lifecycle_job_is_a_hook_and_not_a_plain_job() -> None:
    """--wait does not wait for a plain job, and its template cannot change."""
    for run in (JobRun.START, JobRun.DELETE):
        annotations = one(render(job(run)), "Job")["metadata"]["annotations"]
        assert annotations["helm.sh/hook"]
        assert "before-hook-creation" in annotations["helm.sh/hook-delete-policy"]
    for run_ in (JobRun.STOP, None):
        assert "Job" not in kinds(render(job(run_)))


@pytest.mark.parametrize("restarts", [0, 3])
def test_a_job_gives_its_reason_before_helm_stops_waiting(restarts: int) -> None:
    said = f'a: {{type: job, image: "acme/a:1", run: start, maxDuration: 2m, maxRestarts: {restarts}}}'
    (workload,) = plan_of(spec(said)).workloads
    found = one(deployed(said), "Job")["spec"]
    assert workload.timeout_s == 60 + 120 * (restarts + 1)
    assert 120 * (restarts + 1) < found["activeDeadlineSeconds"] < workload.timeout_s
    assert found["backoffLimit"] == restarts
    assert found["template"]["spec"]["activeDeadlineSeconds"] == 120


@pytest.mark.parametrize(
    ("workload", "stateful"),
    [
        (STATEFUL, True),
        (database("redis", "7"), True),
        (database("redis", "7", host="a"), False),
        (application(), False),
        (job(), False),
    ],
)
def test_what_keeps_data_is_known_as_such(workload: Workload, stateful: bool) -> None:
    """Who deploys undoes a failed installation only where this is false."""
    assert workload.stateful is stateful
    assert ("StatefulSet" in kinds(render(workload))) is stateful


def test_volumes_outlive_their_release() -> None:
    for workload in (STATEFUL, database("mysql", "8.4")):
        stateful = one(render(workload), "StatefulSet")["spec"]
        policy = stateful["persistentVolumeClaimRetentionPolicy"]
        assert policy == {"whenDeleted": "Retain", "whenScaled": "Retain"}


@pytest.mark.parametrize("engine", ["postgresql", "mysql", "mongodb", "redis"])
def test_credentials_of_a_database_are_a_reference(engine: str) -> None:
    manifests = deployed(f'db: {{type: database, engine: {engine}, version: "8"}}')
    assert "Secret" not in kinds(manifests)
    references = [entry["valueFrom"] for entry in container(manifests)["env"] if "valueFrom" in entry]
    assert references
    assert all(
        found == {"secretKeyRef": {"name": "db-credentials", "key": "password"}} for found in references
    )


@pytest.mark.parametrize(("replicas", "budget"), [("1", False), ("2", True), ("{min: 1, max: 3}", False)])
def test_a_budget_only_above_one_replica(replicas: str, budget: bool) -> None:
    manifests = deployed(WEB + f"replicas: {replicas}}}")
    assert ("PodDisruptionBudget" in kinds(manifests)) is budget
    if budget:
        assert one(manifests, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


def test_no_replica_count_beside_an_autoscaler() -> None:
    manifests = deployed(WEB + "replicas: {min: 2, max: 4}}")
    assert "replicas" not in one(manifests, "Deployment")["spec"]


def test_no_autoscaler_with_storage() -> None:
    manifests = deployed(WEB + "replicas: {min: 2, max: 4}, storage: [{mount: /data, size: 1Gi}]}")
    assert "HorizontalPodAutoscaler" not in kinds(manifests)
    assert one(manifests, "StatefulSet")["spec"]["replicas"] == 2


@pytest.mark.parametrize("workload", [application(), STATEFUL, job(), job(None), database("redis", "7")])
def test_service_links_are_off(workload: Workload) -> None:
    """A Service called `redis` would set REDIS_PORT to tcp://..., over a variable of that name."""
    assert pod_template(render(workload))["spec"]["enableServiceLinks"] is False


def test_kubernetes_expands_nothing_that_the_spec_says() -> None:
    text = "$(id) $$(HOME) $HOME $"
    said = f'variables: {{A: "{text}"}}, entrypoint: ["{text}"], arguments: ["{text}"]'
    main = container(deployed(WEB + said + "}"))
    (entry,) = main["env"]
    for found in (entry["value"], *main["command"], *main["args"]):
        assert kubernetes_expands(found, {"id": "1", "HOME": "2"}) == text


def test_every_port_names_its_protocol() -> None:
    listed = ", ".join(
        f"{{internal: {80 + index}, protocol: {protocol}, public: {str(index > 0).lower()}}}"
        for index, protocol in enumerate(("HTTP", "GRPC", "TCP", "UDP"))
    )
    found = []
    for manifest in deployed(WEB + f"ports: [{listed}]}}"):
        if manifest["kind"] == "Service":
            found += manifest["spec"]["ports"]
        elif manifest["kind"] == "Deployment":
            found += manifest["spec"]["template"]["spec"]["containers"][0]["ports"]
    assert len(found) == 10
    assert all(port["protocol"] in ("TCP", "UDP") for port in found)


@pytest.mark.parametrize(
    ("workload", "longest"),
    [(application(), 53), (job(), 53), (job(None), 52), (job(JobRun.STOP), 52), (STATEFUL, 52)],
)
def test_names_are_as_long_as_kubernetes_and_helm_take_them(workload: Workload, longest: int) -> None:
    from dataclasses import replace

    def errors(length: int) -> list[str]:
        named = replace(workload, release="r" * length)
        return [found.code for found in check(plan(named)) if found.severity == "error"]

    assert errors(longest) == []
    assert errors(longest + 1) == ["helm-name-length"]


def test_no_liveness_probe_unless_asked_for() -> None:
    readiness = "healthChecks: {readiness: {tcp: {port: 80}}}"
    for said in (WEB + PORT + "}", WEB + PORT + ", " + readiness + "}"):
        assert "livenessProbe" not in container(deployed(said))


def test_a_startup_probe_instead_of_a_long_initial_delay() -> None:
    said = "healthChecks: {liveness: {tcp: {port: 80}, initialDelay: 5m, failureThreshold: 3}}"
    main = container(deployed(WEB + PORT + ", " + said + "}"))
    assert "initialDelaySeconds" not in main["livenessProbe"]
    startup = main["startupProbe"]
    assert "initialDelaySeconds" not in startup
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 300
    assert main["livenessProbe"]["failureThreshold"] == 3


@pytest.mark.parametrize(
    ("user", "restricted"),
    [("USER 1000", True), ("USER 1000:1000", True), ("USER app", False), ("USER 0", False), ("", False)],
)
def test_restricted_where_the_last_user_of_the_image_is_a_number(user: str, restricted: bool) -> None:
    said = 'web: {type: application, source: {repository: ".", context: web}}'
    files = {"web/Dockerfile": f"FROM scratch\n{user}\n"}
    context = pod_template(deployed(said, files))["spec"]["securityContext"]
    assert (context.get("runAsUser") == 1000) is restricted
    assert (context.get("runAsNonRoot") is True) is restricted
    assert ("helm-pod-security" in notes(said, files)) is not restricted


def test_restricted_where_the_spec_says_the_user() -> None:
    said = WEB + "security: {user: 1001}}"
    assert pod_template(deployed(said))["spec"]["securityContext"]["runAsUser"] == 1001
    assert "helm-pod-security" not in notes(said)


RECOMMENDED = ("name", "instance", "version", "component", "part-of", "managed-by")


@pytest.mark.parametrize(
    "workload",
    [application(), STATEFUL, job(), job(None), database("redis", "7"), database("redis", "7", host="a")],
)
def test_objects_and_pods_have_the_labels_that_kubernetes_recommends(workload: Workload) -> None:
    """kubernetes.io/docs/concepts/overview/working-with-objects/common-labels."""
    manifests = render(workload)
    labelled: list[Any] = [manifest["metadata"]["labels"] for manifest in manifests]
    if workload.database is None or not workload.database.managed:
        labelled.append(pod_template(manifests)["metadata"]["labels"])
    for labels in labelled:
        assert {f"app.kubernetes.io/{name}" for name in RECOMMENDED} <= set(labels)
        assert labels["app.kubernetes.io/instance"] == workload.release


def test_the_documentation_names_tests_that_exist() -> None:
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", DOCUMENTATION.read_text()))
    assert named
    tests = DOCUMENTATION.parents[2] / "tests"
    sources = [*tests.glob("compiler/targets/test_*.py"), *tests.glob("e2e/test_*.py")]
    sources += tests.glob("compiler/plan/test_*.py")
    known = {name for path in sources for name in re.findall(r"^def (test_\w+)", path.read_text(), re.M)}
    assert named <= known, named - known
