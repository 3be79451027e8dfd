"""Where a local run of examples/quickstart takes place: checkout, registry, engine and cluster, all real.

The public images that it names are stood in for: nothing can be pulled on a
machine without the internet. `docker.io` leads to a second registry of ours by
the machine's registries.conf, as a company's proxy does it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from control_plane import Cluster
from docker_engine import CLIENT, DockerEngine
from registry import Registry
from simulator.history.recorded import RecordedStep, read
from toolchain import Helm

CHECKOUT = Path(__file__).resolve().parents[2]
QUICKSTART = CHECKOUT / "examples" / "quickstart"
BASE = "busybox:1.36.1"
# Helm 4 has no `--all`.
STATES = ("--deployed", "--failed", "--pending")
PUBLIC = ("library/busybox:1.36.1", "library/postgres:16", "library/redis:7.4.2-alpine")
# v1.20 has neither autoscaling/v2 nor policy/v1, so that one replica is all that can be installed.
LOCAL = """\
extends: environment.yaml
apiVersion: stagecast/v1beta1
kind: Environment
registry: {{mirror: "{host}/quickstart"}}
services:
  web: {{replicas: {{min: 1, max: 1}}{web}}}
"""
# An engine without a bridge builds on the host's network; the scripts know nothing of that.
DOCKER = """\
#!/bin/sh
if [ "$1" = build ]; then shift; exec {client} build --network=host "$@"; fi
exec {client} "$@"
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run ended."""

    code: int
    out: str
    err: str

    @property
    def outcomes(self) -> dict[str, str]:
        """The outcome of every task, of a run with `--format json`."""
        return {task["id"]: task["outcome"] for task in json.loads(self.out)["tasks"]}


@dataclass(frozen=True, slots=True)
class Site:
    """A checkout of the quickstart in `repository`, and all that a run of it needs in `environment`."""

    repository: Path
    environment: Mapping[str, str]
    registry: Registry
    cluster: Cluster
    helm: Helm

    def says(self, web: str) -> None:
        """Write the spec anew, with something more about `web`, such as `, annotations: {a: b}`."""
        self.write("local.yaml", LOCAL.format(host=self.registry.host, web=web))

    def command(self, *arguments: str, spec: str = "local.yaml") -> list[str]:
        """The command line of a run."""
        insecure = f"--insecure-registry={self.registry.host}"
        return [sys.executable, "-m", "stagecast", "run", spec, insecure, *arguments]

    def run(self, *arguments: str, spec: str = "local.yaml") -> Ran:
        """Run it to its end."""
        result = subprocess.run(
            self.command(*arguments, spec=spec),
            cwd=self.repository,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return Ran(result.returncode, result.stdout, result.stderr)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a run that a test interrupts; what it tells comes line by line on its standard error."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.repository,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def trace(self, ran: Ran) -> tuple[RecordedStep, ...]:
        """The trace of a run with `--format json`."""
        return read(Path(json.loads(ran.out)["trace"]).read_text(encoding="utf-8").splitlines())

    def releases(self) -> dict[str, dict[str, Any]]:
        """The releases in the cluster by name, as Helm lists them."""
        listed = self.cluster.helm(self.helm, "list", "--namespace=quickstart", *STATES, "--output=json")
        assert listed.returncode == 0, listed.stderr
        return {release["name"]: release for release in json.loads(listed.stdout)}

    def write(self, path: str, text: str) -> None:
        """Change a file of the checkout, without a commit."""
        (self.repository / path).write_text(text, encoding="utf-8")


def make_site(
    folder: Path, engine: DockerEngine, mirror: Registry, origin: Registry, cluster: Cluster, helm: Helm
) -> Site:
    """Put a checkout, the base image, the prebuilt images and the tools in place."""
    repository = folder / "repository"
    shutil.copytree(QUICKSTART, repository, ignore=shutil.ignore_patterns("expected", "reports"))
    (repository / "stagecast.yaml").unlink()
    (repository / "local.yaml").write_text(LOCAL.format(host=mirror.host, web=""))
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "quickstart"]):
        person = ["-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *person, *command], cwd=repository, check=True)
    engine.stand_in_for_busybox(BASE)
    for image in PUBLIC:
        for command in (["tag", BASE, f"{origin.host}/{image}"], ["push", f"{origin.host}/{image}"]):
            result = engine.run(*command)
            assert result.returncode == 0, result.stderr
    tools = folder / "bin"
    tools.mkdir()
    (tools / "docker").write_text(DOCKER.format(client=CLIENT))
    (tools / "docker").chmod(0o755)
    (tools / "helm").symlink_to(helm.helm)
    (tools / "kubectl").symlink_to(cluster.kubectl_path)
    registries = folder / "home" / ".config" / "containers" / "registries.conf"
    registries.parent.mkdir(parents=True)
    registries.write_text(
        f'[[registry]]\nprefix = "docker.io"\nlocation = "{origin.host}"\ninsecure = true\n'
    )
    environment = {
        **cluster.environment,
        **engine.environment,
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(CHECKOUT),
        "XDG_STATE_HOME": str(folder / "state"),
        "HOME": str(folder / "home"),
        "NO_COLOR": "1",
    }
    site = Site(repository, environment, mirror, cluster, helm)
    for arguments in (
        ("create", "namespace", "quickstart"),
        ("create", "secret", "generic", "postgres-credentials", "-nquickstart", "--from-literal=password=x"),
    ):
        made = cluster.kubectl(*arguments)
        assert made.returncode == 0, made.stderr
    return site
