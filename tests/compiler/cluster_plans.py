"""Environments for a real cluster: plans whose pods the stand-in kubelet runs, their files, their pipeline.

A pipeline is what a CI service does with the files: `.stagecast/run.py deploy` once per stage, in order,
until one fails. Its trace is what tests measure by.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from compiler.plan.model import (
    Build,
    BuildCache,
    BuildLimits,
    Database,
    Delivery,
    Departed,
    Image,
    Job,
    JobRun,
    Limits,
    Literal,
    Plan,
    Previews,
    Resources,
    SecretRef,
    ServiceType,
    Stage,
    Strategy,
    Target,
    Task,
    TaskKind,
    Variable,
    Volume,
    Workload,
    task_id,
)
from compiler.targets import ci, helm
from control_plane import Cluster
from toolchain import Helm

ENVIRONMENT = "shop"
SMALL = Resources(10, 16_000_000)
BUILD = Resources(4000, 4 * 10**9)
PASSWORD = SecretRef("database", "password")
IMAGES = "registry.example.com/shop"

NEVER_READY = ("sim/never-ready", "")
CRASHES = (("sim/fail", "3"), ("sim/log", "no database at db:5432"))


@dataclass(frozen=True)
class Service:
    """A service of a test. `sim` says what its pods do, `kind` what it is."""

    name: str
    stage: str
    kind: ServiceType = ServiceType.CONTAINER
    sim: tuple[tuple[str, str], ...] = ()
    depends_on: tuple[str, ...] = ()
    stateful: bool = False
    run: JobRun | None = None
    text: str = "1"
    tag: str = "1.0"
    timeout_s: int = 60
    build: bool = False


def make_plan(
    services: Sequence[Service],
    namespace: str,
    *,
    parallelism: int = 7,
    previews: Previews | None = None,
    departed: tuple[Departed, ...] = (),
) -> Plan:
    """The plan of services that are built before or pinned, in the stages in which they are first named."""
    stages = list(dict.fromkeys(service.stage for service in services))
    builds = tuple(_build(service) for service in services if service.build)
    return Plan(
        environment=ENVIRONMENT,
        digest="0" * 64,
        spec="shop.yaml",
        strategy=Strategy.BUILD_FIRST,
        delivery=Delivery.HELM,
        target=Target(namespace, None),
        stages=tuple(Stage(n, tuple(s.name for s in services if s.stage == n)) for n in stages),
        limits=Limits(
            BuildLimits(7, 7, BUILD, 1800, Resources(28000, 28 * 10**9), BuildCache.REGISTRY), parallelism
        ),
        builds=builds,
        images=tuple(_image(service) for service in services),
        workloads=tuple(_workload(service) for service in services),
        tasks=tuple(_tasks(services, stages)),
        previews=previews,
        departed=departed,
    )


def _build(service: Service) -> Build:
    from pipeline_plans import build

    return replace(build(service.name), image=service.name)


def _image(service: Service) -> Image:
    repository = f"{IMAGES}/{service.name}"
    if service.build:
        return Image(service.name, repository, build=task_id(TaskKind.BUILD, service.name))
    return Image(service.name, repository, origin=f"{repository}:{service.tag}", tag=service.tag)


def _workload(service: Service) -> Workload:
    database = None
    if service.kind is ServiceType.DATABASE:
        database = Database("postgresql", "16", False, 5432, "shop", "shop", PASSWORD)
    keeps = service.stateful or database is not None
    return Workload(
        service=service.name,
        type=service.kind,
        stage=service.stage,
        release=service.name,
        timeout_s=service.timeout_s,
        resources=SMALL,
        image=service.name,
        variables=(Variable("TEXT", (Literal(service.text),)),),
        volumes=(Volume("data", 10**9, "/data"),) if keeps else (),
        database=database,
        job=Job(service.run, None, 0, 10) if service.run is not None else None,
        annotations=service.sim,
        depends_on=service.depends_on,
    )


def _tasks(services: Sequence[Service], stages: Sequence[str]) -> Iterable[Task]:
    built = tuple(task_id(TaskKind.BUILD, service.name) for service in services if service.build)
    yield from (Task(i, TaskKind.BUILD, (i[6:],), None, (), BUILD, 1800) for i in built)
    yield Task("gate:built", TaskKind.GATE, (), None, built)
    before = "gate:built"
    for stage in stages:
        here = [service for service in services if service.stage == stage]
        for service in here:
            needs = (before, *(task_id(TaskKind.DEPLOY, name) for name in service.depends_on))
            deploy = task_id(TaskKind.DEPLOY, service.name)
            yield Task(deploy, TaskKind.DEPLOY, (service.name,), stage, needs, None, service.timeout_s)
        deployed = tuple(task_id(TaskKind.DEPLOY, service.name) for service in here)
        yield Task(f"gate:{stage}", TaskKind.GATE, (), stage, (before, *deployed))
        before = f"gate:{stage}"


def write(folder: Path, plan: Plan) -> None:
    """Compile a plan into a folder: charts, values, scripts and their data, and nothing else."""
    for emit in (helm.emit, ci.emit):
        for artifact in emit(plan):
            path = folder / artifact.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(artifact.content, encoding="utf-8")


@dataclass(frozen=True)
class Ended:
    """How one command of the pipeline ended."""

    code: int
    log: str


@dataclass(frozen=True)
class Span:
    """A line of the trace."""

    task: str
    step: str
    start: float
    end: float
    outcome: str


@dataclass(frozen=True)
class Pipeline:
    """The pipeline of an environment in a namespace of a cluster, by one version of Helm."""

    cluster: Cluster
    tool: Helm
    namespace: str
    folder: Path

    def compile(self, services: Sequence[Service], **options: Any) -> None:
        """Write the files of these services."""
        write(self.folder, make_plan(services, self.namespace, **options))

    def environment(self, **given: str) -> dict[str, str]:
        """What a job of the CI service has in its environment."""
        tools = self.tool.helm.parent
        (self.folder / "temp").mkdir(exist_ok=True)
        return {
            **self.cluster.environment,
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "STAGECAST_LOCAL": "true",
            "STAGECAST_DATA": f".stagecast/{ENVIRONMENT}.run.json",
            "STAGECAST_TRACE": str(self.folder / "trace.jsonl"),
            "RUNNER_TEMP": str(self.folder / "temp"),
            **given,
        }

    def start(self, command: str, **given: str) -> subprocess.Popen[str]:
        """Start a command of the scripts, as a process group of its own."""
        return subprocess.Popen(
            [sys.executable, ".stagecast/run.py", command],
            cwd=self.folder,
            env=self.environment(**given),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, command: str, **given: str) -> Ended:
        """Run a command of the scripts to its end."""
        with self.start(command, **given) as process:
            try:
                log, _ = process.communicate(timeout=240)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                log, _ = process.communicate()
                raise AssertionError(f"{command} hangs:\n{log}") from None
        return Ended(process.returncode, log)

    def deploy(self, **given: str) -> list[Ended]:
        """Deploy stage after stage until one fails; what a CI service does."""
        ended = []
        for stage in range(len(self.document["stages"])):
            ended.append(self.run("deploy", STAGECAST_STAGE=str(stage), **given))
            if ended[-1].code != 0:
                break
        return ended

    def up(self, **given: str) -> str:
        """A deployment that succeeds; its whole log."""
        ended = self.deploy(**given)
        log = "".join(stage.log for stage in ended)
        assert [stage.code for stage in ended] == [0] * len(self.document["stages"]), log
        return log

    @property
    def document(self) -> dict[str, Any]:
        """The data of the scripts."""
        found: dict[str, Any] = json.loads((self.folder / f".stagecast/{ENVIRONMENT}.run.json").read_text())
        return found

    def trace(self) -> list[Span]:
        """The trace since it was last forgotten."""
        path = self.folder / "trace.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [Span(**{k: v for k, v in json.loads(line).items() if k != "cache"}) for line in lines]

    def forget(self) -> None:
        """Begin a new trace."""
        (self.folder / "trace.jsonl").unlink(missing_ok=True)

    def deployments(self, outcome: str | None = None) -> dict[str, Span]:
        """The deployments of the trace by service; of one outcome only, where it is said."""
        return {
            span.task.removeprefix("deploy:"): span
            for span in self.trace()
            if span.step == "deployment" and outcome in (None, span.outcome)
        }

    def releases(self, namespace: str | None = None) -> dict[str, tuple[int, str]]:
        """Every release's newest revision and status, as Helm says."""
        flags = ("--deployed", "--failed", "--pending", "--superseded", "--uninstalled", "--uninstalling")
        where = ("--namespace", namespace or self.namespace)
        found = self.cluster.helm(self.tool, "list", *flags, *where, "--output=json")
        assert found.returncode == 0, found.stderr
        return {one["name"]: (int(one["revision"]), one["status"]) for one in json.loads(found.stdout)}

    def get(self, kind: str, name: str | None = None) -> Any:
        """An object of the namespace, None where there is none; without a name all of the kind."""
        return self.cluster.get(kind, name, namespace=self.namespace)

    def text(self, deployment: str) -> str:
        """The text that a deployment's container has in its environment."""
        [container] = self.get("deployment", deployment)["spec"]["template"]["spec"]["containers"]
        values: Mapping[str, str] = {e["name"]: e["value"] for e in container["env"]}
        return values["TEXT"]

    def wait_for_pending(self, release: str, limit_s: float = 30) -> None:
        """Wait until Helm has begun a release."""
        ends = time.monotonic() + limit_s
        while not self.releases().get(release, (0, ""))[1].startswith("pending"):
            assert time.monotonic() < ends, f"{release} does not begin: {self.releases()}"
            time.sleep(0.1)


def most_at_once(spans: Iterable[Span]) -> int:
    """How many spans ran at the same time, at most."""
    edges = sorted([(span.start, 1) for span in spans] + [(span.end, -1) for span in spans])
    running = most = 0
    for _, change in edges:
        running += change
        most = max(most, running)
    return most
