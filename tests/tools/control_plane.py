"""A real Kubernetes control plane for tests that install what we emit.

Owns its build (once, into the tools' cache) and the life of one control plane
on loopback: etcd, API server, controllers and scheduler v1.20.2, and a stand-in
kubelet whose pods do what their annotations say (kubernetes/fakelet.py). Gives a
Cluster. Knows nothing of pytest and of the project.

v1.20 has neither CronJob in batch/v1, nor PodDisruptionBudget in policy/v1, nor
autoscaling/v2, nor the Gateway API: those are validated with
kubernetes_schemas.py instead.

STAGECAST_K8S_BIN names a folder with the three binaries, built before by
kubernetes/build.sh; then nothing is built.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import toolchain
from toolchain import Helm, ToolMissingError

SCRIPTS = Path(__file__).resolve().parent / "kubernetes"
VERSION = "1.20.2"
BINARIES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
PROGRAMS = {"etcd": "etcd-server", "curl": "curl", "openssl": "openssl", "python3": "python3"}
BUILD_TIMEOUT_S = 1800
START_TIMEOUT_S = 120
HOW_TO_GET = (
    "as root on Debian 12 for x86-64 it is built by itself, in about 4 minutes; elsewhere run "
    "tests/tools/kubernetes/build.sh FOLDER where that is so, and name the folder in STAGECAST_K8S_BIN"
)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running control plane. `folder` holds its state and logs; `kubeconfig` is for any client."""

    folder: Path
    kubeconfig: Path
    kubectl_path: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """What a client of this cluster is to have in its environment, and nothing of the machine's."""
        kept = {n: v for n, v in os.environ.items() if not n.startswith("HELM_") and n != "KUBECONFIG"}
        home = self.folder / "helm"
        return {
            **kept,
            "KUBECONFIG": str(self.kubeconfig),
            "HELM_CACHE_HOME": str(home / "cache"),
            "HELM_CONFIG_HOME": str(home / "config"),
            "HELM_DATA_HOME": str(home / "data"),
        }

    def kubectl(self, *arguments: str | Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl; the caller looks at the exit code. At most 60 seconds."""
        return self._run([self.kubectl_path, *arguments], stdin, 60)

    def helm(
        self, helm: Helm, *arguments: str | Path, stdin: str | None = None, timeout_s: float = 180
    ) -> subprocess.CompletedProcess[str]:
        """Run a Helm against this cluster; the caller looks at the exit code."""
        return self._run([helm.helm, *arguments], stdin, timeout_s)

    def get(self, kind: str, name: str | None = None, *, namespace: str = "default") -> Any:
        """An object, None where there is none of this name; without a name the list of all of this kind.

        Raises:
            AssertionError: the API server has another problem with it.
        """
        where = ["get", kind, "--namespace", namespace, "--output", "json"]
        result = self.kubectl(*where, *([name, "--ignore-not-found"] if name else []))
        assert result.returncode == 0, result.stderr
        found = json.loads(result.stdout) if result.stdout.strip() else None
        return found["items"] if name is None and found is not None else found

    def stop(self, component: str) -> None:
        """End one component: etcd, apiserver, controllers, scheduler or kubelet."""
        _script("stop", self.folder, component)

    def resume(self, component: str) -> None:
        """Start a stopped component again with its old data; returns when the API server is ready."""
        _script("resume", self.folder, component)

    def restart_api_server(self) -> None:
        """End the API server and start it again; what is stored stays."""
        self.resume("apiserver")

    def _run(
        self, argv: list[str | Path], stdin: str | None, timeout_s: float
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv,
            env=self.environment,
            input="" if stdin is None else stdin,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )


@contextmanager
def control_plane(cpu: str = "32", memory: str = "64Gi") -> Iterator[Cluster]:
    """A control plane whose one node offers `cpu` and `memory`; it is stopped by its process ids.

    Raises:
        ToolMissingError: it cannot be built or does not start here; the message says why.
    """
    binaries = binaries_dir()
    kubectl = toolchain.helm(3).kubectl
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stagecast-kubernetes-")))
        stack.callback(_script, "stop", folder)
        names = ("API_PORT", "ETCD_PORT", "ETCD_PEER_PORT", "KUBELET_PORT")
        ports = dict(zip(names, map(str, _free_ports(len(names))), strict=True))
        _script("start", binaries, folder, cpu, memory, environment={**ports, "OWNER_PID": str(os.getpid())})
        yield Cluster(folder, folder / "kubeconfig", kubectl)


def binaries_dir() -> Path:
    """The folder with the control plane's binaries, built on first use; safe in several processes at once.

    Raises:
        ToolMissingError: a prerequisite is missing or the build fails.
    """
    given = os.environ.get("STAGECAST_K8S_BIN")
    folder = Path(given).resolve() if given else toolchain.tools_dir() / f"kubernetes-{VERSION}"
    if given and not _complete(folder):
        raise ToolMissingError(f"STAGECAST_K8S_BIN is {given}, where not all of {', '.join(BINARIES)} are")
    if not _complete(folder) or not shutil.which("etcd"):
        _require_what_the_build_needs()
        with toolchain.lock(folder):
            _build(folder)
    missing = [package for program, package in PROGRAMS.items() if not shutil.which(program)]
    if missing:
        raise ToolMissingError(f"a control plane needs the packages {', '.join(missing)}")
    return folder


def is_built() -> bool:
    """Whether a control plane starts in seconds, because its binaries are there."""
    return _complete(toolchain.tools_dir() / f"kubernetes-{VERSION}") and shutil.which("etcd") is not None


def _complete(folder: Path) -> bool:
    return all(os.access(folder / name, os.X_OK) for name in BINARIES)


def _require_what_the_build_needs() -> None:
    machine = os.uname()
    if (machine.sysname, machine.machine) != ("Linux", "x86_64"):
        raise ToolMissingError(f"no control plane on {machine.sysname} {machine.machine}: {HOW_TO_GET}")
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise ToolMissingError(f"a control plane needs apt-get and root to be built: {HOW_TO_GET}")


def _build(folder: Path) -> None:
    result = subprocess.run(
        [SCRIPTS / "build.sh", folder],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT_S,
        check=False,
    )
    if result.returncode != 0 or not _complete(folder):
        tail = "\n".join((result.stdout + result.stderr).strip().splitlines()[-10:])
        raise ToolMissingError(f"Kubernetes does not build here ({HOW_TO_GET}):\n{tail}")


def _free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody had a moment ago; no two are the same."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for found in sockets:
            found.bind(("127.0.0.1", 0))
        return [found.getsockname()[1] for found in sockets]


def _script(verb: str, *arguments: str | Path, environment: Mapping[str, str] | None = None) -> None:
    # Its components outlive it and would keep a pipe open: what it says goes to a file.
    with tempfile.TemporaryFile("w+") as said:
        result = subprocess.run(
            [SCRIPTS / "control-plane.sh", verb, *arguments],
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            timeout=START_TIMEOUT_S,
            check=False,
        )
        said.seek(0)
        if result.returncode != 0:
            raise ToolMissingError(f"control-plane.sh {verb} fails on this machine:\n{said.read()[-2000:]}")


if __name__ == "__main__":
    print(binaries_dir())


if __name__ == "__main__":
    # Five minutes, once: before the tests, so that none of them waits for it.
    try:
        print(f"control plane: {binaries_dir()}")
    except ToolMissingError as problem:
        print(f"no control plane, so the tests on a cluster will skip or fail: {problem}")
