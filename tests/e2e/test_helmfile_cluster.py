"""`helmfile sync` of what the back end writes, on a real Kubernetes API."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from compiler.plan.model import Departed, Plan, Target, Workload
from control_plane import Cluster
from helmfile_runs import Helmfile, Result, written
from pipeline_plans import Service, make_plan
from toolchain import Helm

pytestmark = pytest.mark.e2e

STAGES = ("database", "application", "edge")
APPLICATIONS = [f"a{n}" for n in range(10)]
SERVICES = [
    Service("store", "database", stateful=True),
    *(Service(name, "application", depends_on=("a9",) if name == "a0" else ()) for name in APPLICATIONS),
    Service("edge", "edge"),
]
# Runs the real helm, and says when an installation starts and ends; `>>` of one short line is atomic.
RECORDER = """#!/bin/sh
case " $* " in *" upgrade "*) ;; *) exec {helm} "$@" ;; esac
echo "start $(date +%s%N) $*" >> {log}
{helm} "$@"
code=$?
echo "end $(date +%s%N) $*" >> {log}
exit $code
"""


@dataclass(frozen=True)
class Run:
    """A helmfile whose `helm upgrade` is recorded."""

    helmfile: Helmfile
    log: Path

    def sync(self, plan: Plan) -> Result:
        """Write a plan and sync it. No flag says how many at once."""
        self.log.write_text("")
        written(self.helmfile.root, plan)
        return self.helmfile.run("sync", timeout_s=300)

    def spans(self) -> dict[str, tuple[int, int]]:
        """When each release's installation started and ended, in nanoseconds."""
        found: dict[str, dict[str, int]] = {}
        for line in self.log.read_text().splitlines():
            event, moment, *arguments = line.split()
            # helm upgrade --install RELEASE CHART ...
            release = arguments[arguments.index("--install") + 1]
            found.setdefault(release, {})[event] = int(moment)
        return {release: (times["start"], times["end"]) for release, times in found.items()}


@pytest.fixture
def run(cluster: Cluster, helmfile: Path, helm3: Helm, tmp_path: Path) -> Run:
    """The real helmfile with Helm 3, whose calls are recorded."""
    log, programs = tmp_path / "helm.log", tmp_path / "bin"
    programs.mkdir()
    recorder = programs / "helm"
    recorder.write_text(RECORDER.format(helm=helm3.helm, log=log))
    recorder.chmod(0o755)
    wanted = ("KUBECONFIG", "HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")
    environment = {name: cluster.environment[name] for name in wanted}
    return Run(Helmfile(helmfile, programs, tmp_path / "output", environment), log)


def plan_in(namespace: str, change: Callable[[Workload], Workload] = lambda workload: workload) -> Plan:
    """The services in a namespace of their own; each is ready after a second and a half."""
    plan = make_plan(SERVICES)
    slow = [replace(w, annotations=(("sim/ready-s", "1.5"),), timeout_s=60) for w in plan.workloads]
    return replace(
        plan,
        target=Target(namespace, None),
        workloads=tuple(change(workload) for workload in slow),
        images=tuple(replace(image, tag="v1", mirror=None) for image in plan.images),
    )


def releases(cluster: Cluster, helm: Helm, namespace: str) -> dict[str, tuple[str, str]]:
    """Status and revision of every release."""
    result = cluster.helm(helm, "list", "--all", f"--namespace={namespace}", "--output=json")
    assert result.returncode == 0, result.stderr
    listed: list[dict[str, Any]] = json.loads(result.stdout)
    return {release["name"]: (release["status"], release["revision"]) for release in listed}


def most_at_once(spans: list[tuple[int, int]]) -> int:
    """How many spans share a moment."""
    return max(sum(start <= moment < end for start, end in spans) for moment, _ in spans)


def test_sync_upgrade_and_rollback(run: Run, cluster: Cluster, helm3: Helm) -> None:
    """Stages in order, at most seven at once, dependencies kept; a second sync upgrades."""
    result = run.sync(plan_in("hf-sync"))
    assert result.returncode == 0, result.stderr[-3000:]
    everything = {service.name: ("deployed", "1") for service in SERVICES}
    assert releases(cluster, helm3, "hf-sync") == everything

    spans = run.spans()
    applications = [spans[name] for name in APPLICATIONS]
    assert spans["store"][1] < min(start for start, _ in applications)
    assert max(end for _, end in applications) < spans["edge"][0]
    assert spans["a9"][1] < spans["a0"][0]
    assert most_at_once(applications) == 7
    assert most_at_once(list(spans.values())) == 7
    for name in (*APPLICATIONS, "edge"):
        status = cluster.get("deployment", name, namespace="hf-sync")["status"]
        assert status["readyReplicas"] == 1

    changed = plan_in("hf-sync", lambda workload: replace(workload, labels=(("round", "two"),)))
    changed = replace(changed, departed=(Departed("x", "a1", prune=False),))
    second = run.sync(changed)
    assert second.returncode == 0, second.stderr[-3000:]
    assert releases(cluster, helm3, "hf-sync") == dict.fromkeys(everything, ("deployed", "2"))
    assert cluster.get("deployment", "a1", namespace="hf-sync")["metadata"]["labels"]["round"] == "two"

    back = cluster.helm(helm3, "rollback", "a1", "1", "--wait", "--timeout=60s", "--namespace=hf-sync")
    assert back.returncode == 0, back.stderr
    assert "round" not in cluster.get("deployment", "a1", namespace="hf-sync")["metadata"]["labels"]


def test_an_application_that_never_becomes_ready_stops_it(run: Run, cluster: Cluster, helm3: Helm) -> None:
    """What was deployed stays, the failed one is undone, later waves and stages do not start."""

    def broken(workload: Workload) -> Workload:
        if workload.service != "a4":
            return workload
        return replace(workload, annotations=(("sim/never-ready", ""),), timeout_s=8)

    result = run.sync(plan_in("hf-fail", broken))
    assert result.returncode != 0
    assert "a4" in result.stderr
    assert "not ready" in result.stderr or "timed out" in result.stderr or "exceeded" in result.stderr
    # The seven of the first wave ended; the wave after it and the stage after that never started.
    assert set(run.spans()) == {"store", *(f"a{n}" for n in range(1, 8))}
    expected = dict.fromkeys(("store", "a1", "a2", "a3", "a5", "a6", "a7"), ("deployed", "1"))
    assert releases(cluster, helm3, "hf-fail") == expected
    assert cluster.get("deployment", "a4", namespace="hf-fail") is None

    again = run.sync(plan_in("hf-fail"))
    assert again.returncode == 0, again.stderr[-3000:]
    assert set(releases(cluster, helm3, "hf-fail")) == {service.name for service in SERVICES}


def test_pruned_services_are_uninstalled(run: Run, cluster: Cluster, helm3: Helm) -> None:
    """Their volumes stay; without `--prune` the release stays as well."""
    plan = plan_in("hf-prune")
    kept = tuple(workload for workload in plan.workloads if workload.service in ("store", "edge"))
    plan = replace(plan, workloads=kept)
    assert run.sync(plan).returncode == 0
    for prune in (False, True):
        gone = (Departed("store", "store", prune=prune),)
        result = run.sync(replace(plan, workloads=(kept[1],), departed=gone))
        assert result.returncode == 0, result.stderr[-3000:]
        assert set(releases(cluster, helm3, "hf-prune")) == ({"edge"} if prune else {"edge", "store"})
    claims = cluster.get("persistentvolumeclaim", namespace="hf-prune")
    assert [claim["metadata"]["name"] for claim in claims] == ["data-store-0"]
