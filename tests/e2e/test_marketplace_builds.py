"""Every build of examples/marketplace, as its plan has it, with a real BuildKit; and what some images do.

The base image is stood in for as in test_quickstart_builds.
"""

from __future__ import annotations

import json
import re
import time
from functools import cache
from pathlib import Path

import pytest

from compiler.diagnostics.model import Findings
from compiler.driver import check_environment, make_plan
from compiler.plan.model import Build, Plan
from compiler.project import job_for_spec
from docker_engine import DockerEngine

MARKETPLACE = Path(__file__).resolve().parents[2] / "examples" / "marketplace"
BUSYBOX = re.compile(r"^FROM (busybox:\S+)", re.MULTILINE)
# What a container of an image is started with, and what proves that it works.
ANSWERS = {
    "catalog": (("catalog",), "cgi-bin/v1/products?sku=TEA-07", '"name": "Green tea"'),
    "media": ((), "mug.svg", "<circle"),
    "sellers": ((), "index.html", "<h1>Corner Market for sellers</h1>"),
    "payments": ((), "healthz", "ok"),
}

pytestmark = pytest.mark.e2e


@cache
def plan(spec: str) -> Plan:
    findings = Findings()
    checked = check_environment(job_for_spec(MARKETPLACE / spec, findings), findings)
    assert not checked.diagnostics
    return make_plan(checked)


def tag(build: Build) -> str:
    return f"stagecast-test/{build.services[0]}:marketplace"


def built(engine: DockerEngine, build: Build) -> str:
    """The reference of a build's image; a second build of it comes from the cache."""
    source = build.source
    assert source.dockerfile is not None
    file = MARKETPLACE / source.dockerfile
    if engine.private:
        for reference in BUSYBOX.findall(file.read_text()):
            engine.stand_in_for_busybox(reference)
    options = [f"--build-arg={name}={value}" for name, value in build.arguments]
    options += [f"--target={source.target}"] if source.target else []
    result = engine.build(MARKETPLACE / source.context, tag(build), *options, dockerfile=file)
    assert result.returncode == 0, result.stdout + result.stderr
    return tag(build)


def test_it_is_what_it_says() -> None:
    """The README's numbers; more builds than may run at once, so that a cap has something to hold."""
    market = plan("environment.yaml")
    assert (len(market.workloads), len(market.builds), len(market.stages)) == (26, 10, 5)
    assert max(len(build.services) for build in market.builds) == 8
    assert len(plan("production.yaml").builds) == 10


@pytest.mark.parametrize("build", plan("environment.yaml").builds, ids=lambda build: build.services[0])
def test_builds(docker_engine: DockerEngine, build: Build) -> None:
    reference = built(docker_engine, build)
    [image] = json.loads(docker_engine.run("image", "inspect", reference).stdout)
    assert image["Config"]["Cmd"] or image["Config"]["Entrypoint"], "the image says what it runs"
    assert image["Config"]["User"] == "65532:65532"


@pytest.mark.parametrize("service", ANSWERS)
def test_answers(docker_engine: DockerEngine, service: str) -> None:
    """Started as the cluster starts it: another user than root, no network but its own, a read-only root."""
    arguments, path, wanted = ANSWERS[service]
    [build] = [build for build in plan("environment.yaml").builds if service in build.services]
    reference = built(docker_engine, build)
    name = f"stagecast-marketplace-{service}"
    options = ("--detach", "--name", name, "--network=none", "--read-only", "--tmpfs=/tmp:mode=1777")
    started = docker_engine.run("run", *options, reference, *arguments)
    assert started.returncode == 0, started.stderr
    try:
        assert wanted in _get(docker_engine, name, path)
        before = time.monotonic()
        docker_engine.run("stop", "--time=20", name)
        assert time.monotonic() - before < 10, "it stops when asked to"
    finally:
        docker_engine.run("rm", "--force", name)


def _get(engine: DockerEngine, name: str, path: str) -> str:
    for _ in range(40):
        result = engine.run("exec", name, "wget", "-q", "-O", "-", f"http://127.0.0.1:8080/{path}")
        if result.returncode == 0:
            return result.stdout
        time.sleep(0.25)
    pytest.fail(engine.run("logs", name).stderr + result.stderr)


def test_a_migration_without_its_database(docker_engine: DockerEngine) -> None:
    """The migration fails where it waits in vain, and says on whom; the password is not in the log."""
    [build] = [build for build in plan("environment.yaml").builds if "migrate-orders" in build.services]
    url = "DATABASE_URL=mysql://shop:hidden@127.0.0.1:3306/orders"
    result = docker_engine.run(
        "run", "--rm", "--network=none", f"--env={url}", "--env=WAIT_SECONDS=1",
        built(docker_engine, build), "orders",
    )  # fmt: skip
    assert result.returncode == 1
    assert "no answer from 127.0.0.1:3306" in result.stderr
    assert "hidden" not in result.stdout + result.stderr
