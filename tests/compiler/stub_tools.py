"""Stand-ins for docker, skopeo, helm and kubectl: they record how they were called and behave as told.

A test puts `folder/bin` first on PATH. `folder/registry` holds one file per
image that "exists", `folder/calls` one JSON file per call. `folder/told.json`
tells them how long to take and what to refuse.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compiler.targets.pipeline.state import Job

TOOLS = ("docker", "skopeo", "helm", "kubectl")

_STUB = """#!{python} -I
import json, os, pathlib, sys, time, uuid
home = pathlib.Path({home!r})
tool, argv, start = os.path.basename(sys.argv[0]), sys.argv[1:], time.time()
told = json.loads((home / "told.json").read_text())
image = lambda ref: home / "registry" / ref.removeprefix("docker://").replace("/", "_")
stdin, code, out = "", 0, ""
flags = dict(a[2:].split("=", 1) for a in argv if a.startswith("--") and "=" in a)
if tool == "skopeo" and argv[0] == "login":
    stdin = sys.stdin.read()
    auth = pathlib.Path(os.environ["REGISTRY_AUTH_FILE"])
    auths = json.loads(auth.read_text())["auths"]
    auth.write_text(json.dumps({{"auths": {{**auths, argv[-1]: {{"auth": "x"}}}}}}))
elif tool == "skopeo" and argv[0] == "inspect":
    asked = home / "tries" / "inspect"
    count = int(asked.read_text()) if asked.exists() else 0
    asked.write_text(str(count + 1))
    if count < told["registry_away"]:
        code = 1
        print("dial tcp 127.0.0.1:1: connect: connection refused", file=sys.stderr)
    elif image(argv[-1]).exists():
        out = image(argv[-1]).read_text()
    else:
        code = 1
        print("reading manifest: manifest unknown: manifest unknown", file=sys.stderr)
elif tool == "skopeo" and argv[0] == "copy":
    tries = home / "tries" / image(argv[-1]).name
    count = int(tries.read_text()) if tries.exists() else 0
    tries.write_text(str(count + 1))
    code = 1 if count < told["copy_failures"] else 0
    if code == 0:
        image(argv[-1]).write_text(argv[-1])
elif tool == "docker" and argv[:2] == ["buildx", "build"]:
    name = flags["tag"].rsplit(":", 1)[0].rsplit("/", 1)[1]
    time.sleep(0 if name in told["failing_builds"] else told["build_s"])
    print("::error::a line that a build prints")
    code = 1 if name in told["failing_builds"] else 0
    if code == 0:
        image(flags["tag"]).write_text(flags["tag"])
elif tool == "helm" and argv[0] == "version":
    out = told["helm"]
elif tool == "helm":
    name = argv[-2]
    time.sleep(0 if name in told["failing_releases"] else told["deploy_s"])
    code = 1 if name in told["failing_releases"] else 0
elif tool == "kubectl" and "get" in argv and "namespace" in argv:
    created = home / "namespace"
    code, out = (0, "") if created.exists() else (1, 'Error from server (NotFound): namespaces "x" not found')
elif tool == "kubectl" and "create" in argv:
    (home / "namespace").touch()
elif tool == "kubectl":
    out = "what the cluster says of " + " ".join(argv)
sys.stdout.write(out)
sys.stdout.flush()
call = {{"tool": tool, "argv": argv, "start": start, "end": time.time(), "code": code, "stdin": stdin}}
call["env"] = {{k: v for k, v in os.environ.items() if k.startswith(("SECRET_", "REGISTRY_PA", "KUBE"))}}
staged = home / "calls" / (uuid.uuid4().hex + ".part")
staged.write_text(json.dumps(call))
staged.rename(staged.with_suffix(".json"))
sys.exit(code)
"""


@dataclass(frozen=True)
class Call:
    """One call of a stand-in."""

    tool: str
    argv: list[str]
    start: float
    end: float
    code: int
    stdin: str
    env: dict[str, str]

    @property
    def name(self) -> str:
        """What the call is about: a build's image or a release."""
        if self.tool == "docker":
            [tag] = [a.removeprefix("--tag=") for a in self.argv if a.startswith("--tag=")]
            return tag.rsplit(":", 1)[0].rsplit("/", 1)[1]
        return self.argv[-2]


class StubTools:
    """The stand-ins of one test."""

    def __init__(self, home: Path) -> None:
        self.home = home
        for name in ("bin", "registry", "calls", "tries"):
            (home / name).mkdir(parents=True)
        for tool in TOOLS:
            path = home / "bin" / tool
            path.write_text(_STUB.format(python=sys.executable, home=str(home)))
            path.chmod(0o755)
        self.tell()

    def tell(self, **changed: Any) -> None:
        """Say how to behave; what is not said is the default."""
        told = {
            "failing_builds": [],
            "failing_releases": [],
            "build_s": 0.0,
            "deploy_s": 0.0,
            "copy_failures": 0,
            "registry_away": 0,
            "helm": "v3.17.2",
            **changed,
        }
        (self.home / "told.json").write_text(json.dumps(told))

    def hold(self, *references: str) -> None:
        """Make these the images that the registry has, and no others."""
        folder = self.home / "registry"
        for path in folder.iterdir():
            path.unlink()
        for reference in references:
            (folder / reference.replace("/", "_")).write_text(reference)

    @property
    def path(self) -> str:
        """PATH with the stand-ins first."""
        return f"{self.home / 'bin'}{os.pathsep}{os.environ['PATH']}"

    def calls(self, tool: str, *argv: str) -> list[Call]:
        """The calls of a tool whose arguments start so, by their start."""
        found = [Call(**json.loads(path.read_text())) for path in (self.home / "calls").glob("*.json")]
        matching = (call for call in found if call.tool == tool and tuple(call.argv[: len(argv)]) == argv)
        return sorted(matching, key=lambda call: call.start)

    def forget(self) -> None:
        """Forget all calls."""
        for path in (self.home / "calls").glob("*.json"):
            path.unlink()


def most_at_once(calls: Sequence[Call]) -> int:
    """How many of the calls ran at the same time, at most."""
    edges = sorted([(call.start, 1) for call in calls] + [(call.end, -1) for call in calls])
    running = most = 0
    for _, change in edges:
        running += change
        most = max(most, running)
    return most


def commit(repository: Path, files: Mapping[str, str]) -> None:
    """Write files and commit them, in a repository that is made if need be."""
    for name, text in files.items():
        path = repository / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    person = ("-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")
    for command in (
        ("init", "-q", "-b", "main"),
        ("add", "-A"),
        (*person, "commit", "-q", "--allow-empty", "-m", "change"),
    ):
        subprocess.run(["git", *command], cwd=repository, check=True, capture_output=True)


def a_job(folder: Path, document: Any, **secrets: str) -> Job:
    """A job with a document and secrets, in a folder of the test."""
    (folder / "docker").mkdir(parents=True)
    (folder / "docker" / "config.json").write_text('{"auths": {}}')
    environment = {**os.environ, "REGISTRY_AUTH_FILE": str(folder / "docker" / "config.json")}
    return Job(document, folder, folder, environment, secrets)
