"""What the pods run, with a real git, a real shell and stand-ins for the scripts of the checkout."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from compiler.targets.argo import start
from compiler.targets.argo.pods import BUILDER_SCRIPT

SCRIPT = Path(start.__file__)
# A stand-in for the scripts: the check writes what it found, everything else what it was given.
RUN = """
import json, os, sys
if sys.argv[1] == "check":
    if os.path.exists("broken"):
        sys.exit(3)
    commits, tags = ["a" * 40, "b" * 40, "c" * 40], {"0": "t0", "1": "t1", "2": "t2"}
    found = {"commits": commits, "tags": tags, "present": [1]}
    open(os.environ["STAGECAST_FOUND"], "w").write(json.dumps(found))
seen = {"argv": sys.argv[1:], "env": dict(os.environ), "files": sorted(os.listdir("."))}
if sys.argv[1] != "check":
    seen["found"] = json.load(open(os.environ["STAGECAST_FOUND"]))
open(os.environ["SEEN"], "w").write(json.dumps(seen))
"""
DATA: dict[str, list[dict[str, str]]] = {"sources": [{}, {}, {}]}
LAYOUT = {"slice": 2, "slices": 2, "units": [[0], [1], [1, 2]]}


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
    result = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return result.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    (folder / ".stagecast").mkdir(parents=True)
    (folder / ".stagecast" / "run.py").write_text(RUN)
    (folder / ".stagecast" / "shop.run.json").write_text(json.dumps(DATA))
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "first")
    return folder


class Pod:
    """One pod: a work folder, and the environment that Argo gives it."""

    def __init__(self, folder: Path, repository: Path) -> None:
        self.work, self.folder = folder / "work", folder
        self.work.mkdir(parents=True)
        (folder / "layout.json").write_text(json.dumps(LAYOUT))
        self.environment = {
            "PATH": os.environ["PATH"],
            "STAGECAST_WORK": str(self.work),
            "STAGECAST_REPOSITORY": f"file://{repository}",
            "STAGECAST_REVISION": "HEAD",
            "STAGECAST_DATA": ".stagecast/shop.run.json",
            "STAGECAST_LAYOUT": str(folder / "layout.json"),
            "SEEN": str(folder / "seen.json"),
            "GIT_TOKEN": "hidden-token",
        }

    def run(self, command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(SCRIPT), command],
            env={**self.environment, **environment},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def seen(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = json.loads((self.folder / "seen.json").read_text())
        return found

    def out(self, name: str) -> str:
        return (self.work / "out" / name).read_text()


def test_the_check_hands_over_the_commit_the_units_and_slices(repository: Path, tmp_path: Path) -> None:
    pod = Pod(tmp_path / "pod", repository)
    result = pod.run("check")
    assert result.returncode == 0, result.stdout + result.stderr
    assert pod.out("commit") == git(repository, "rev-parse", "HEAD")
    assert pod.out("todo") == ",0,2,"
    assert start.unpacked(pod.out("found-0")) == {
        "tags": {"0": "t0", "1": "t1"},
        "commits": {"0": "a" * 40, "1": "b" * 40},
    }
    assert start.unpacked(pod.out("found-1")) == {"tags": {"2": "t2"}, "commits": {"2": "c" * 40}}
    seen = pod.seen()
    assert "GIT_TOKEN" not in seen["env"]
    assert "hidden-token" not in (pod.work / "source" / ".git" / "config").read_text() + result.stdout


def test_force_builds_everything(repository: Path, tmp_path: Path) -> None:
    pod = Pod(tmp_path / "pod", repository)
    assert pod.run("check", STAGECAST_FORCE="true").returncode == 0
    assert pod.out("todo") == ",0,1,2,"


def test_a_check_that_fails_hands_nothing_over(repository: Path, tmp_path: Path) -> None:
    (repository / "broken").touch()
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "broken")
    pod = Pod(tmp_path / "pod", repository)
    assert pod.run("check").returncode == 3
    assert list((pod.work / "out").iterdir()) == []


def test_other_pods_get_their_slices_and_the_very_commit(repository: Path, tmp_path: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    (repository / "later").touch()
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "second")
    pod = Pod(tmp_path / "pod", repository)
    (pod.work / "found").mkdir()
    for number, part in enumerate(
        ({"tags": {"0": "t0"}, "commits": {}}, {"tags": {}, "commits": {"2": "c"}})
    ):
        (pod.work / "found" / f"found-{number}").write_text(start.packed(part))
    result = pod.run("deploy", STAGECAST_REVISION=first)
    assert result.returncode == 0, result.stdout + result.stderr
    seen = pod.seen()
    assert seen["argv"] == ["deploy"]
    assert seen["found"] == {"commits": ["", "", "c"], "tags": {"0": "t0"}, "present": []}
    assert "later" not in seen["files"]
    assert "KUBE_CONFIG" not in seen["env"]


def test_in_its_own_cluster_a_pod_deploys_as_its_service_account(repository: Path, tmp_path: Path) -> None:
    pod = Pod(tmp_path / "pod", repository)
    where = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443"}
    assert pod.run("remove", STAGECAST_IN_CLUSTER="true", **where).returncode == 0
    config = json.loads(pod.seen()["env"]["KUBE_CONFIG"])
    assert config["clusters"][0]["cluster"]["server"] == "https://[fd00::1]:6443"
    assert config["users"][0]["user"] == {"tokenFile": f"{start.ACCOUNT}/token"}


def test_a_build_waits_for_its_builder(repository: Path, tmp_path: Path) -> None:
    pod = Pod(tmp_path / "pod", repository)
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        assert pod.run("build", STAGECAST_BUILDKIT=f"unix://{path}").returncode == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(start, "BUILDER_TIMEOUT_S", 0)
        with pytest.raises(start.StartError, match="the builder does not start"):
            start.wait_for_builder(f"unix://{tmp_path}/none")


@pytest.mark.parametrize("revision", ["main", "v1", "refs/heads/main"])
def test_a_branch_or_a_tag_is_a_revision(repository: Path, tmp_path: Path, revision: str) -> None:
    git(repository, "tag", "v1")
    pod = Pod(tmp_path / "pod", repository)
    assert pod.run("check", STAGECAST_REVISION=revision).returncode == 0
    assert pod.out("commit") == git(repository, "rev-parse", "HEAD")


@pytest.mark.parametrize(
    "change",
    [
        {"STAGECAST_REVISION": "--upload-pack=touch x"},
        {"STAGECAST_REVISION": "+main:x"},
        {"STAGECAST_REVISION": ""},
        {"STAGECAST_REVISION": "missing"},
        {"STAGECAST_REPOSITORY": "--upload-pack=touch x"},
        {"STAGECAST_REPOSITORY": "ext::sh -c touch% x"},
        {"STAGECAST_REPOSITORY": ""},
    ],
)
def test_what_is_no_revision_and_no_repository_is_refused(
    repository: Path, tmp_path: Path, change: dict[str, str]
) -> None:
    pod = Pod(tmp_path / "pod", repository)
    result = pod.run("check", **change)
    assert result.returncode == 1
    assert result.stdout.startswith("error: ")
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.rglob("x"))


def test_a_token_goes_to_the_host_of_the_repository_only() -> None:
    found = start.git_environment("https://user@git.example.com:8443/shop.git", "secret")
    assert found["GIT_CONFIG_KEY_0"] == "http.https://git.example.com:8443/.extraheader"
    assert base64.b64encode(b"x-access-token:secret").decode() in found["GIT_CONFIG_VALUE_0"]
    assert "GIT_CONFIG_COUNT" not in start.git_environment("file:///x", "secret")


def test_an_unknown_command_is_usage(tmp_path: Path) -> None:
    assert subprocess.run([sys.executable, str(SCRIPT), "x"], cwd=tmp_path, check=False).returncode == 2


# --- the builder's shell


def builder(*command: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sh", "-c", BUILDER_SCRIPT, *command], start_new_session=True)


def test_a_builder_that_is_told_to_stop_has_not_failed() -> None:
    """Argo takes every exit code but 0, 137 and 143 for a failed pod, and buildkitd's is 1."""
    dying = "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(1)); time.sleep(60)"
    process = builder(sys.executable, "-c", dying)
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGTERM)
    assert process.wait(10) == 0


def test_a_builder_that_ends_by_itself_has() -> None:
    assert builder(sys.executable, "-c", "raise SystemExit(7)").wait(10) == 7
