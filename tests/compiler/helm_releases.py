"""Releases of workloads on a real API server: emitted by the compiler, deployed by a real Helm."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compiler.plan.model import Workload
from compiler.targets.helm import check, emit
from compiler.targets.helm.layout import release_chart, values_path
from control_plane import Cluster
from helm_plans import BUILT, plan, write
from toolchain import Helm

# What a pod of the stand-in kubelet does (tests/tools/kubernetes/fakelet.py).
NEVER_READY = ("sim/never-ready", "")
FAILS = ("sim/fail", "3")


@dataclass(frozen=True, slots=True)
class Releases:
    """The releases of one namespace of a cluster, deployed as docs/targets/helm.md says."""

    cluster: Cluster
    helm: Helm
    namespace: str
    folder: Path

    def deploy(
        self, workload: Workload, *arguments: str, tag: str = "v1", timeout_s: int = 60
    ) -> subprocess.CompletedProcess[str]:
        """`helm upgrade --install` of what the compiler emits for a workload."""
        flags = ["--wait", f"--timeout={timeout_s}s", *arguments]
        return self.run("upgrade", "--install", workload.release, *self.chart(workload, tag), *flags)

    def chart(self, workload: Workload, tag: str = "v1") -> list[str]:
        """The chart that the compiler emits for a workload, and the flags with its values."""
        assert not [found for found in check(plan(workload)) if found.severity == "error"]
        # A folder of its own: a second release at the same time must not read a chart that is being written.
        folder = self.folder / workload.release
        write(folder, emit(plan(workload)))
        image = ["--set-string", f"image.tag={tag}"] if workload.image == BUILT.id else []
        values = str(folder / values_path("shop", workload))
        return [str(folder / release_chart(workload)), "--values", values, *image]

    def up(self, workload: Workload, *arguments: str, tag: str = "v1") -> None:
        """A deployment that succeeds."""
        result = self.deploy(workload, *arguments, tag=tag)
        assert result.returncode == 0, result.stderr

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Any helm command in the namespace."""
        return self.cluster.helm(self.helm, *arguments, "--namespace", self.namespace)

    def done(self, *arguments: str) -> str:
        """A helm command that succeeds; its output."""
        result = self.run(*arguments)
        assert result.returncode == 0, result.stderr
        return result.stdout

    @property
    def rollback_flag(self) -> str:
        """What Helm calls undoing a failed deployment."""
        return "--atomic" if self.helm.major < 4 else "--rollback-on-failure"

    def get(self, kind: str, name: str) -> Any:
        """An object, or None."""
        return self.cluster.get(kind, name, namespace=self.namespace)

    def list(self, kind: str) -> list[Any]:
        """All objects of a kind."""
        found: list[Any] = self.cluster.get(kind, namespace=self.namespace)
        return found

    def uids(self, kind: str) -> dict[str, str]:
        """The identity of all objects of a kind, by name."""
        return {found["metadata"]["name"]: found["metadata"]["uid"] for found in self.list(kind)}

    def status(self, release: str) -> str:
        """What Helm says of a release: deployed, failed, or "" where there is none."""
        result = self.run("status", release, "--output", "json")
        if result.returncode != 0:
            return ""
        status: str = json.loads(result.stdout)["info"]["status"]
        return status
