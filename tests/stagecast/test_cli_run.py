"""`stagecast run` as people call it, with stand-ins for the tools; with the real ones in tests/e2e."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cli_runs import CHECKOUT, Cli, Result
from simulator.history.recorded import read
from stub_tools import StubTools, commit, most_at_once

SPEC = """\
apiVersion: stagecast/v1beta1
kind: Environment
name: shop
target: {namespace: shop}
registry: {mirror: registry.example.com/shop}
pipeline: {build: {parallelism: 2, cpu: 1, memory: 512MB}}
services:
  cache: {type: container, image: "redis:7.4.2", security: {user: 999}}
"""
APPLICATION = """\
  web{0}:
    type: application
    source: {{repository: ".", context: web, args: {{N: "{0}"}}}}
    security: {{user: 1000}}
"""
COUNT = 3


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StubTools:
    """A repository as the working folder, and stand-ins on PATH."""
    tools = StubTools(tmp_path / "tools")
    repository = tmp_path / "repository"
    spec = SPEC + "".join(APPLICATION.format(n) for n in range(COUNT))
    commit(repository, {"environment.yaml": spec, "web/Dockerfile": "FROM scratch\nARG N\nUSER 1000\n"})
    monkeypatch.chdir(repository)
    monkeypatch.setenv("PATH", tools.path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("KUBECONFIG", "REGISTRY_USERNAME", "REGISTRY_PASSWORD", "KUBE_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    return tools


def outcomes(result: Result) -> dict[str, str]:
    return {task["id"]: task["outcome"] for task in json.loads(result.out)["tasks"]}


def test_build_and_mirror(cli: Cli, site: StubTools) -> None:
    site.tell(build_s=0.3)
    result = cli("run", "environment.yaml", "--skip-deploy", "--format=json")
    assert result.code == 0, result.err
    images = {f"build:web{n}" for n in range(COUNT)} | {"mirror:cache"}
    assert outcomes(result) == dict.fromkeys(["check:environment", *sorted(images)], "done")
    assert most_at_once(site.calls("docker", "buildx", "build")) <= 2
    assert site.calls("helm") == []
    assert result.err.startswith("shop: commit ")
    trace = Path(json.loads(result.out)["trace"])
    assert trace.is_relative_to(Path(os.environ["XDG_STATE_HOME"]))
    waited = [step for step in read(trace.read_text().splitlines()) if step.step == "build queueing"]
    assert len(waited) == COUNT
    assert max(step.duration_s for step in waited) > 0.3, "the third waits for one of the others"
    again = cli("run", "environment.yaml", "--skip-deploy")
    assert again.code == 0
    assert "(build: 3 already there; mirror: 1 already there)" in again.out
    assert len(site.calls("docker", "buildx", "build")) == COUNT


def test_only_what_a_service_needs(cli: Cli, site: StubTools) -> None:
    result = cli("run", "environment.yaml", "--only", "web2", "--skip-deploy", "--format=json")
    assert outcomes(result) == {"check:environment": "done", "build:web2": "done"}
    assert len(site.calls("docker", "buildx", "build")) == 1


def test_force_builds_what_is_there(cli: Cli, site: StubTools) -> None:
    arguments = ("run", "environment.yaml", "--only=web0", "--skip-deploy", "--force", "--format=json")
    for _ in range(2):
        assert outcomes(cli(*arguments))["build:web0"] == "done"
    assert len(site.calls("docker", "buildx", "build")) == 2


def test_a_dry_run_changes_nothing(cli: Cli, site: StubTools) -> None:
    result = cli("run", "environment.yaml", "--skip-deploy", "--dry-run")
    assert result.code == 0, result.err
    first, *_ = result.out.splitlines()
    assert first.split()[:3] == ["build", "web0", "build"]
    assert first.split()[3].startswith("registry.example.com/shop/web0:content-")
    assert "shop: 4 of 4 steps to be done" in result.out
    assert site.calls("docker", "buildx", "build") == site.calls("skopeo", "copy") == []
    cli("run", "environment.yaml", "--skip-deploy")
    again = cli("run", "environment.yaml", "--skip-deploy", "--dry-run", "--format=json")
    assert {task["action"] for task in json.loads(again.out)["tasks"]} == {"nothing"}


def test_a_failed_build(cli: Cli, site: StubTools) -> None:
    site.tell(failing_builds=["web0"], build_s=20)
    result = cli("run", "environment.yaml", "--skip-deploy")
    assert result.code == 1
    assert "shop: failed" in result.out
    assert "failed: build web0: web0: the build failed (exit code 1)" in result.out
    assert "ended early: build web1\n" in result.out
    assert "not started: build web2, mirror cache" in result.out
    assert "to go on: stagecast run environment.yaml" in result.out
    site.tell()
    again = cli("run", "environment.yaml", "--skip-deploy")
    assert again.code == 0
    assert "failed with 1 of 5 steps done: going on" in again.err


def test_a_failed_check_starts_nothing(cli: Cli, site: StubTools) -> None:
    """What Git ignores is not in the tree that is built, although it is on the disk."""
    Path("web/Dockerfile").unlink()
    Path(".gitignore").write_text("Dockerfile\n")
    subprocess.run(["git", "add", "-A"], check=True)
    Path("web/Dockerfile").write_text("FROM scratch\nARG N\nUSER 1000\n")
    for arguments in ((), ("--dry-run",)):
        result = cli("run", "environment.yaml", "--skip-deploy", *arguments)
        assert result.code == 1
        assert "web0: there is no " in result.out
        assert "uncommitted files (.gitignore, web/Dockerfile)" in result.err
    assert site.calls("docker", "buildx", "build") == []


def test_a_trace_of_ones_own(cli: Cli, site: StubTools, tmp_path: Path) -> None:
    path = tmp_path / "new" / "trace.jsonl"
    result = cli("run", "environment.yaml", "--only=cache", "--skip-deploy", "--trace", path)
    assert result.code == 0, result.err
    steps = read(path.read_text().splitlines())
    assert [(step.task, step.step) for step in steps] == [
        ("check:environment", "check"),
        ("mirror:cache", "deployment queueing"),
        ("mirror:cache", "mirror image"),
    ]
    assert site.calls("skopeo", "copy")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "wbe1"], "the plan has no service wbe1; did you mean web1?"),
        (["--builder", "dokcer"], "no builder dokcer; did you mean docker?"),
        (["--insecure-registry", "http://x"], "'http://x' is no host or host:port"),
        (["--format", "yaml"], "no format yaml; choose one of text, json"),
    ],
)
def test_usage(cli: Cli, site: StubTools, arguments: list[str], message: str) -> None:
    result = cli("run", "environment.yaml", *arguments)
    assert result.code == 2
    assert message in result.err
    assert site.calls("skopeo") == []


def test_what_is_missing(cli: Cli, site: StubTools, monkeypatch: pytest.MonkeyPatch) -> None:
    git = shutil.which("git")
    assert git is not None
    for tool in ("docker", "helm", "kubectl", "skopeo"):
        (site.home / "bin" / tool).unlink()
    (site.home / "bin" / "git").symlink_to(git)
    monkeypatch.setenv("PATH", str(site.home / "bin"))
    result = cli("run", "environment.yaml")
    assert (result.code, result.out) == (1, "")
    assert result.err.splitlines() == [
        "error: skopeo is not on PATH: it is needed to ask the registry what is there, and to copy images",
        "error: helm is not on PATH: it is needed to install 4 releases",
        "error: kubectl is not on PATH: it is needed to ask the cluster what is deployed",
        "error: docker or buildah is not on PATH, or its engine does not answer: it is needed to make 3 "
        "images",
    ]
    asked = cli("run", "environment.yaml", "--builder", "buildah")
    assert (asked.code, asked.err) == (1, "error: there is no buildah on PATH\n")


def test_an_environment_that_argo_cd_deploys(cli: Cli, site: StubTools) -> None:
    text = Path("environment.yaml").read_text()
    Path("environment.yaml").write_text(text + "delivery: argocd\n")
    result = cli("run", "environment.yaml", "--only=cache")
    assert result.code == 0, result.err
    assert "shop: delivery is argocd: images are built and mirrored only" in result.err
    assert site.calls("helm") == []


def test_a_reader_that_has_seen_enough_stops_nothing(site: StubTools) -> None:
    """As with `2>&1 | head -1`."""
    command = [sys.executable, "-m", "stagecast", "run", "environment.yaml", "--only=web0", "--skip-deploy"]
    process = subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    process.stderr.readline()
    process.stderr.close()
    assert process.wait(60) == 0
    assert len(site.calls("docker", "buildx", "build")) == 1


def test_a_finding_stops_it(cli: Cli, site: StubTools) -> None:
    text = Path("environment.yaml").read_text()
    Path("environment.yaml").write_text(text.replace("redis:7.4.2", "redis::"))
    result = cli("run", "environment.yaml")
    assert result.code == 1
    assert "error" in result.err
    assert site.calls("skopeo") == []


def test_ctrl_c_in_a_real_process(site: StubTools) -> None:
    """At a terminal the whole group gets it: only the run heeds it, and its scripts end as it says."""
    site.tell(build_s=30)
    process = subprocess.Popen(
        [sys.executable, "-m", "stagecast", "run", "environment.yaml", "--skip-deploy"],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "build web1" in line:
            break
    time.sleep(1)
    started_s = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert time.monotonic() - started_s < 25
    assert "shop: interrupted" in out
    assert "ended early: build web0, build web1" in out
    assert "Traceback" not in out + err
    # Killed stand-ins leave no note of their call: nothing was built.
    assert list((site.home / "registry").iterdir()) == []
