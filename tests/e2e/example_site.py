"""Where an example is deployed by its generated pipelines: Git, builder, registries and cluster.

All are real. GitHub's workflow is executed by act, GitLab's pipeline by gitlab-ci-local. The
public images that it names are stood in for, as in `local_site`.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from control_plane import Cluster
from docker_engine import CLIENT, DockerEngine
from gitlab_runner import GitLab
from local_site import DOCKER
from registry import Registry
from toolchain import Act, Helm

CHECKOUT = Path(__file__).resolve().parents[2]
BASE = "busybox:1.36.1"
OVERLAY = """\
extends: environment.yaml
apiVersion: stagecast/v1beta1
kind: Environment
name: {name}
target: {{namespace: {name}}}
registry: {{mirror: "{host}/{name}"}}
services:
"""


@dataclass(frozen=True, slots=True)
class Example:
    """An example and what tests do to it.

    `prebuilt` are the public images that it names. `services` are lines for an
    overlay: v1.20 has neither batch/v1 CronJobs nor autoscaling/v2 nor
    policy/v1, so no cron job and one replica. A change of the file `changed`
    concerns `built` alone. `failing` is a job, `later` a service of a later
    stage that the overlay does not mention.
    """

    name: str
    prebuilt: tuple[str, ...]
    services: tuple[str, ...]
    changed: str
    built: str
    failing: str
    later: str


EXAMPLES = {
    "quickstart": Example(
        "quickstart",
        prebuilt=("library/postgres:16", "library/redis:7.4.2-alpine"),
        services=("web: {replicas: {min: 1, max: 1}}",),
        changed="web/style.css",
        built="web",
        failing="migrate",
        later="cache",
    ),
    "marketplace": Example(
        "marketplace",
        prebuilt=(
            "library/mysql:8.4",
            "library/postgres:16",
            "library/redis:7.4.2-alpine",
            "getmeili/meilisearch:v1.12.8",
            "axllent/mailpit:v1.21.8",
        ),
        services=(
            "payouts: {skip: true}",
            "stock-report: {skip: true}",
            *(
                f"{name}: {{replicas: 1}}"
                for name in ("orders", "payments", "gateway", "storefront", "sellers")
            ),
        ),
        changed="payments/serve.sh",
        built="payments",
        failing="migrate-orders",
        later="media",
    ),
}
PROJECT = """\
apiVersion: stagecast/v1beta1
kind: Project
environments:
  {name}: {{spec: ci.yaml, targets: [github, gitlab], output: .}}
"""
PERSON = ("-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the trace: a step of a plan's task, from `start` to `end` (seconds since the epoch)."""

    task: str
    step: str
    start: float
    end: float
    outcome: str


@dataclass(frozen=True, slots=True)
class Ran:
    """A pipeline that has ended: its exit code, its log, and what its scripts traced."""

    code: int
    log: str
    steps: tuple[Step, ...]

    def of(self, step: str, outcome: str = "done") -> list[Step]:
        """The steps of one sort that ended so, by their start."""
        found = [each for each in self.steps if each.step == step and each.outcome == outcome]
        return sorted(found, key=lambda each: each.start)

    def tasks(self, step: str, outcome: str = "done") -> set[str]:
        """The tasks that did such a step."""
        return {each.task for each in self.of(step, outcome)}


def at_once(steps: Iterable[Step]) -> int:
    """How many of the steps ran at the same time, at most."""
    moments = sorted((time, change) for step in steps for time, change in ((step.start, 1), (step.end, -1)))
    running = most = 0
    for _, change in moments:
        running += change
        most = max(most, running)
    return most


@dataclass(frozen=True, slots=True)
class Site:
    """A repository with the environment `name` and its pipelines, and all that a run needs."""

    name: str
    repository: Path
    environment: Mapping[str, str]
    registry: Registry
    cluster: Cluster
    helm: Helm
    trace: Path

    @property
    def secrets(self) -> dict[str, str]:
        """What is set up at the CI service. The registry asks nobody who he is."""
        config = Path(self.cluster.environment["KUBECONFIG"]).read_bytes()
        return {
            "REGISTRY_USERNAME": "robot",
            "REGISTRY_PASSWORD": "hidden-password",
            "KUBE_CONFIG": base64.b64encode(config).decode(),
        }

    def github(self, act: Act) -> Ran:
        """A push to the default branch, as act runs it."""
        event = self.repository.parent / "event.json"
        event.write_text(json.dumps({"repository": {"default_branch": "main"}}))
        secrets = [f"--secret={name}={value}" for name, value in self.secrets.items()]
        arguments = ["push", "--concurrent-jobs=9", f"--eventpath={event}", *secrets]
        return self._ran(act.run(self.repository, *arguments, environment=self.environment))

    def gitlab(self, runner: GitLab) -> Ran:
        """A pipeline of the default branch, as gitlab-ci-local runs it."""
        variables = {**self.secrets, "CI_PIPELINE_SOURCE": "web"}
        result = runner.run(
            self.repository, "--concurrency=20", variables=variables, environment=self.environment
        )
        # Its exit code knows nothing of child pipelines.
        failed = any(line.startswith("FAIL ") for line in map(str.strip, result.stdout.splitlines()))
        return self._ran(result, failed=failed)

    def _ran(self, result: subprocess.CompletedProcess[str], *, failed: bool = False) -> Ran:
        lines = self.trace.read_text().splitlines() if self.trace.exists() else []
        self.trace.unlink(missing_ok=True)
        keys = ("task", "step", "start", "end", "outcome")
        steps = tuple(Step(**{key: line[key] for key in keys}) for line in map(json.loads, lines))
        # Beside the repository, for whoever looks into a failure.
        log = result.stdout + result.stderr
        (self.repository.parent / "log").write_text(log, encoding="utf-8")
        return Ran(result.returncode or int(failed), log, steps)

    def plan(self) -> dict[str, Any]:
        """The compiled plan."""
        found: dict[str, Any] = json.loads(
            (self.repository / f".stagecast/{self.name}.plan.json").read_bytes()
        )
        return found

    def releases(self) -> dict[str, str]:
        """The status of every release in the cluster, by name."""
        listed = self.cluster.helm(self.helm, "list", f"--namespace={self.name}", "--output=json")
        assert listed.returncode == 0, listed.stderr
        return {release["name"]: release["status"] for release in json.loads(listed.stdout)}

    def commit(self, path: str, text: str) -> None:
        """Append to a file of the repository and commit it with what compiles from it."""
        with (self.repository / path).open("a", encoding="utf-8") as file:
            file.write(text)
        self.compile()
        _git(self.repository, "add", "-A")
        _git(self.repository, "commit", "-q", "-m", "change")

    def compile(self) -> None:
        """Write the pipelines, as a person does before committing."""
        result = subprocess.run(
            [sys.executable, "-m", "stagecast", "compile"],
            cwd=self.repository,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert result.returncode == 0, result.stderr


def make_site(
    folder: Path,
    example: Example,
    name: str,
    engine: DockerEngine,
    mirror: Registry,
    origin: Registry,
    cluster: Cluster,
    helm: Helm,
) -> Site:
    """Put the repository, the base image, the prebuilt images and the tools in place; commit."""
    repository = folder / "repository"
    shutil.copytree(
        CHECKOUT / "examples" / example.name, repository, ignore=shutil.ignore_patterns("expected", "reports")
    )
    (repository / "stagecast.yaml").write_text(PROJECT.format(name=name))
    overlay = OVERLAY.format(name=name, host=mirror.host)
    (repository / "ci.yaml").write_text(overlay + "".join(f"  {line}\n" for line in example.services))
    (repository / ".gitlab-ci.yml").write_text(f"include: [{{local: .gitlab/stagecast/{name}.yml}}]\n")
    engine.stand_in_for_busybox(BASE)
    for image in example.prebuilt:
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
        **engine.environment,
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(CHECKOUT),
        "HOME": str(folder / "home"),
        "STAGECAST_BUILDER": "docker",
        "STAGECAST_INSECURE_REGISTRIES": mirror.host,
        "STAGECAST_TRACE": str(folder / "trace.jsonl"),
        "NO_COLOR": "1",
    }
    site = Site(name, repository, environment, mirror, cluster, helm, folder / "trace.jsonl")
    site.compile()
    _git(repository, "init", "-q", "--initial-branch=main")
    _git(repository, "add", "-A")
    _git(repository, "commit", "-q", "-m", "an example")
    return site


def _git(repository: Path, *arguments: str) -> None:
    subprocess.run(["git", *PERSON, *arguments], cwd=repository, check=True)
