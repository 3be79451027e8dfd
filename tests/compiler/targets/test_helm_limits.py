"""What the Helm back end says of plans that it cannot express, or not as they are meant."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

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
    ServiceType,
    Variable,
    Volume,
    Workload,
)
from compiler.targets.helm import check, emit
from compiler.targets.helm.charts import values_schema
from helm_plans import (
    EVERYTHING,
    FULL,
    MANAGED,
    STATEFUL,
    application,
    database,
    foreign,
    job,
    plan,
)

DOCUMENTATION = Path(__file__).resolve().parents[3] / "docs" / "targets" / "helm.md"
TERRAFORM = Workload("infra", ServiceType.TERRAFORM, "container", "shop-infra", 600, Resources(500, 10**9))
VOLUME = Volume("data", 2**30, "/data")


def named(workload: Workload, length: int) -> Workload:
    return dataclasses.replace(workload, release="r" * length)


def gateway(protocol: Protocol, **fields: Any) -> Workload:
    return application(ports=(Port("p", 80, 80, protocol, True, gateway="public", **fields),))


def variable(text: str, name: str = "A") -> tuple[Variable, ...]:
    return (Variable(name, (Literal(text),)),)


CASES = [
    (TERRAFORM, "helm-terraform", "error", "type"),
    (foreign(labels=(("a", "b"),)), "helm-foreign-chart", "warning", "labels"),
    (foreign(annotations=(("a", "b"),)), "helm-foreign-chart", "warning", "annotations"),
    (database("mysql", "8", host="x", affinity={"a": 1}), "helm-managed-database", "warning", "affinity"),
    (named(application(), 54), "helm-name-length", "error", None),
    (named(STATEFUL, 53), "helm-name-length", "error", None),
    (named(database("redis", "7"), 53), "helm-name-length", "error", None),
    (named(job(None), 53), "helm-name-length", "error", None),
    (named(job(JobRun.STOP), 53), "helm-name-length", "error", None),
    (database("redis", "7", replicas=Replicas(2, 2)), "helm-replicas", "error", "replicas"),
    (application(volumes=(VOLUME,), replicas=Replicas(1, 3)), "helm-replicas", "warning", "replicas.max"),
    (application(replicas=Replicas(0, 3)), "helm-replicas", "warning", "replicas.min"),
    (application(volumes=(VOLUME,), rollout=Rollout("recreate")), "helm-rollout", "note", "rollout"),
    (application(rollout=Rollout("rolling", "0", "0%")), "helm-rollout", "error", "rollout.maxUnavailable"),
    (gateway(Protocol.HTTP, tls_secret="tls"), "helm-gateway-tls", "warning", "ports.0.tls"),
    (gateway(Protocol.GRPC, path="/a/b/c"), "helm-grpc-path", "error", "ports.0.path"),
    (gateway(Protocol.GRPC, path="/a//"), None, None, None),
    (
        application(
            ports=(
                Port("dns", 53, 53, Protocol.UDP, False),
                Port("tcp", 5353, 53, Protocol.TCP, False),
            )
        ),
        "helm-port-number",
        "warning",
        "ports.1.external",
    ),
    (
        application(startup=Probe("tcp", 80, success_threshold=2)),
        "helm-probe-success",
        "error",
        "healthChecks.startup.successThreshold",
    ),
    (job(volumes=(VOLUME,)), "helm-job-storage", "error", "storage"),
    (database("mysql", "8", volumes=()), "helm-database-storage", "error", "storage"),
    (
        application(volumes=(Volume("stagecast-files", 1, "/a"),)),
        "helm-volume-name",
        "error",
        "storage",
    ),
    (
        database("postgresql", "16", variables=variable("/x", "PGDATA")),
        "helm-database-variable",
        "warning",
        "variables.PGDATA",
    ),
    (application(variables=variable("x" * 131_070)), "helm-variable-size", "error", "variables.A"),
    (application(variables=variable("é" * 65_535)), "helm-variable-size", "error", "variables.A"),
    (application(variables=variable("x" * 131_069)), None, None, None),
    (application(variables=variable("a\0")), "helm-character", "error", "variables.A"),
    (application(arguments=("a", "b\0")), "helm-character", "error", "arguments.1"),
    (
        application(liveness=Probe("exec", command=("\0",))),
        "helm-character",
        "error",
        "healthChecks.liveness.exec.command.0",
    ),
    (application(files=(ConfigFile("/a", "x" * 1_048_577),)), "helm-file-size", "error", "files"),
    (application(files=(ConfigFile("/a", "x" * 1_048_576),)), None, None, None),
    (application(values={"pod": {"x": [1, float("inf")]}}), "helm-number", "error", "values.pod.x.1"),
    (
        application(affinity={"nodeAffinity": {"x": float("nan")}}),
        "helm-number",
        "error",
        "affinity.nodeAffinity.x",
    ),
    (
        application(labels=(("app.kubernetes.io/name", "x"),)),
        "helm-label",
        "warning",
        "labels.app.kubernetes.io/name",
    ),
    (application(values={"replica": 2}), "helm-values", "error", "values.replica"),
    (application(values={"image": {"tags": "x"}}), "helm-values", "error", "values.image.tags"),
    (application(values={"replicas": "2"}), "helm-values", "error", "values.replicas"),
    (application(values={"pod": {"containers": []}}), "helm-values", "error", "values.pod"),
]


@pytest.mark.parametrize(("workload", "code", "severity", "field"), CASES)
def test_one_mistake_gives_one_limitation(
    workload: Workload, code: str | None, severity: str | None, field: str | None
) -> None:
    found = [limitation for limitation in check(plan(workload)) if limitation.code != "helm-pod-security"]
    if code is None:
        assert found == []
    else:
        assert [(f.code, f.severity, f.field) for f in found] == [(code, severity, field)]
        assert found[0].service == workload.service
        assert not found[0].message.endswith(".")


def test_a_managed_database_needs_a_host() -> None:
    managed = database("mysql", "8", host="x")
    assert managed.database is not None
    broken = dataclasses.replace(managed, database=dataclasses.replace(managed.database, host=None))
    assert [f.code for f in check(plan(broken))] == ["helm-database-host"]


def test_an_infinite_number_is_found_wherever_a_values_file_is_written() -> None:
    patch = {"x": float("-inf")}
    for workload in (database("mysql", "8", host="x", values=patch), foreign(values=patch)):
        found = [f for f in check(plan(workload)) if f.code == "helm-number"]
        assert [f.field for f in found] == ["values.x"]
        with pytest.raises(ValueError, match="finite"):
            emit(plan(workload))


def test_what_can_be_expressed_needs_no_words() -> None:
    # FULL answers DNS on TCP and UDP.
    assert {f.code for f in check(plan(FULL))} == {"helm-port-number"}
    assert check(plan(*MANAGED, database("redis", "7"), foreign())) == []
    assert {f.code for f in check(plan(*EVERYTHING))} == {"helm-pod-security", "helm-port-number"}


def test_the_pod_security_level_is_one_note_for_the_environment() -> None:
    services = [application(f"s{i}") for i in range(7)]
    note = check(plan(*services, FULL))[-1]
    assert (note.severity, note.service) == ("note", None)
    assert note.message.endswith("s0, s1, s2, s3, s4 and 2 more")


def test_a_slip_in_a_patch_gets_a_suggestion() -> None:
    (found,) = [f for f in check(plan(application(values={"replica": 2}))) if f.code == "helm-values"]
    assert found.message == "the workload chart has no value `replica`"
    assert found.hint == "did you mean `replicas`?"


def test_deep_values_are_no_problem() -> None:
    deep: dict[str, Any] = {}
    for _ in range(95):
        deep = {"a": deep, "b": [deep and 1]}
    assert {f.code for f in check(plan(application(values={"pod": deep})))} == {"helm-pod-security"}


def test_every_code_is_documented_and_no_other() -> None:
    codes = {code for _, code, _, _ in CASES if code} | {"helm-pod-security", "helm-database-host"}
    # test_helm_upgrade.py
    codes |= {"helm-upgrade-data", "helm-upgrade-ports", "helm-upgrade-volume"}
    assert set(re.findall(r"^\| `(helm-[a-z-]+)`", DOCUMENTATION.read_text(), re.MULTILINE)) == codes


def test_every_value_of_a_chart_is_documented() -> None:
    text = DOCUMENTATION.read_text()
    for kind in ("workload", "job", "database"):
        missing = [name for name in values_schema(kind)["properties"] if f"`{name}`" not in text]
        assert not missing, (kind, missing)
