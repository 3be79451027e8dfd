"""Pods are admitted by the Pod Security level that the back end says, by the standards' own rules."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.plan.model import Port, Protocol, Workload
from compiler.targets.helm import check
from helm_plans import EVERYTHING, application, container, database, job, plan, pod_template, render
from helm_pod_security import violations

# The patch of FULL brings a sidecar of its own, which is not the chart's to secure.
OURS = [dataclasses.replace(workload, values={}) for workload in EVERYTHING]
BREAKS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("Host Namespaces", {"hostNetwork": True}, {}),
    ("HostPath Volumes", {"volumes": [{"name": "a", "hostPath": {"path": "/"}}]}, {}),
    ("Volume Types", {"volumes": [{"name": "a", "nfs": {"path": "/", "server": "a"}}]}, {}),
    ("Host Ports", {}, {"ports": [{"containerPort": 1, "hostPort": 1}]}),
    ("Privileged Containers", {}, {"securityContext": {"privileged": True}}),
    ("Capabilities", {}, {"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}),
    ("Seccomp", {}, {"securityContext": {"seccompProfile": {"type": "Unconfined"}}}),
    ("/proc Mount Type", {}, {"securityContext": {"procMount": "Unmasked"}}),
    ("SELinux", {}, {"securityContext": {"seLinuxOptions": {"role": "a"}}}),
    ("Sysctls", {"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}}, {}),
    ("Running as Non-root user", {}, {"securityContext": {"runAsUser": 0}}),
    ("Running as Non-root", {}, {"securityContext": {"runAsNonRoot": False}}),
    ("Privilege Escalation", {}, {"securityContext": {"allowPrivilegeEscalation": True}}),
    ("Capabilities (restricted)", {}, {"securityContext": {"capabilities": {"drop": ["NET_RAW"]}}}),
]


@pytest.mark.parametrize("workload", OURS, ids=lambda workload: workload.service)
def test_every_pod_is_admitted_by_baseline(workload: Workload) -> None:
    assert violations(pod_template(render(workload)), "baseline") == set()


@pytest.mark.parametrize("workload", OURS, ids=lambda workload: workload.service)
def test_every_pod_with_a_known_user_is_admitted_by_restricted(workload: Workload) -> None:
    if workload.database is None:
        workload = dataclasses.replace(workload, non_root_user=10_001)
    assert violations(pod_template(render(workload)), "restricted") == set()


def test_without_a_known_user_only_what_needs_one_is_missing() -> None:
    found = violations(pod_template(render(application())), "restricted")
    assert found == {"Running as Non-root", "Capabilities (restricted)"}


@settings(max_examples=30)
@given(st.none() | st.integers(0, 70_000), st.integers(1, 65_535), st.booleans())
def test_the_note_names_exactly_what_restricted_refuses(user: int | None, number: int, is_job: bool) -> None:
    port = Port("http", number, number, Protocol.HTTP, False)
    workload = job(non_root_user=user) if is_job else application(ports=(port,), non_root_user=user)
    noted = [found.severity for found in check(plan(workload)) if found.code == "helm-pod-security"]
    refused = violations(pod_template(render(workload)), "restricted")
    assert noted == (["note"] if refused else [])
    assert violations(pod_template(render(workload)), "baseline") == set()


@pytest.mark.parametrize(("control", "pod", "main"), BREAKS, ids=[control for control, _, _ in BREAKS])
def test_the_oracle_sees_every_breach(control: str, pod: dict[str, Any], main: dict[str, Any]) -> None:
    template = copy.deepcopy(pod_template(render(application(non_root_user=5))))
    assert violations(template, "restricted") == set()
    template["spec"] |= {
        **pod,
        "securityContext": template["spec"]["securityContext"] | pod.get("securityContext", {}),
    }
    first = template["spec"]["containers"][0]
    first |= {**main, "securityContext": first["securityContext"] | main.get("securityContext", {})}
    assert control in violations(template, "restricted")


def test_databases_run_as_the_user_of_their_image() -> None:
    for engine, version in (("postgresql", "16"), ("mysql", "8.4"), ("mongodb", "7"), ("redis", "7")):
        manifests = render(database(engine, version))
        assert violations(pod_template(manifests), "restricted") == set()
        assert "runAsUser" not in container(manifests)["securityContext"]
