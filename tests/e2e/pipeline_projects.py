"""A project in a Git repository, with the scripts that the compiler emits and a data file of its own.

For tests that run the pipeline's commands as a CI job does: another Python
process in the checkout, everything else through its environment.
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

from compiler.targets.ci.scripts import scripts
from compiler.targets.pipeline.contract import VERSION
from image_builders import Builder
from registry import Registry
from stub_tools import commit

DATA = ".stagecast/shop.run.json"
# The scripts promise to run on Python 3.10: another interpreter than the tests' own can be named.
PYTHON = os.environ.get("STAGECAST_SCRIPT_PYTHON") or sys.executable


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    code: int
    log: str


@dataclass(frozen=True)
class Project:
    """A checkout in `root` that builds with `builder` and pushes to `registry`."""

    root: Path
    state: Path
    builder: Builder
    registry: Registry
    secrets: Mapping[str, str]

    def commit(self, files: Mapping[str, str]) -> None:
        """Change files and commit them."""
        commit(self.root, files)

    def environment(self, **more: str) -> dict[str, str]:
        """What a job has in its environment."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("STAGECAST_", "GITHUB_"))}
        return {
            **kept,
            **self.builder.environment,
            "STAGECAST_BUILDER": self.builder.name,
            "STAGECAST_DATA": DATA,
            "STAGECAST_FOUND": str(self.state / "found.json"),
            "STAGECAST_TRACE": str(self.state / "trace.jsonl"),
            "STAGECAST_INSECURE_REGISTRIES": self.registry.host,
            "REGISTRY_USERNAME": "robot",
            "REGISTRY_PASSWORD": "robot",
            **self.secrets,
            **more,
        }

    def run(self, command: str, timeout_s: float = 240, **more: str) -> Ran:
        """Run one of the pipeline's commands to its end."""
        done = subprocess.run(
            [PYTHON, ".stagecast/run.py", command],
            cwd=self.root,
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            check=False,
        )
        return Ran(done.returncode, done.stdout.decode(errors="replace"))

    def start(self, command: str, **more: str) -> subprocess.Popen[bytes]:
        """Start one of the pipeline's commands."""
        return subprocess.Popen(
            [PYTHON, ".stagecast/run.py", command],
            cwd=self.root,
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def check(self) -> dict[str, Any]:
        """Run the check; gives what it found."""
        ran = self.run("check")
        assert ran.code == 0, ran.log
        found: dict[str, Any] = json.loads((self.state / "found.json").read_text())
        return found

    def trace(self, step: str = "build") -> list[dict[str, Any]]:
        """The finished steps of a name so far."""
        path = self.state / "trace.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [line for line in lines if line["step"] == step]

    def images(self) -> dict[str, str]:
        """Every image of the project that the registry has: its name with tag, and its digest."""
        found = {}
        for build in json.loads((self.root / DATA).read_text())["builds"]:
            repository = build["repository"].partition("/")[2]
            for tag in self.registry.tags(repository):
                found[f"{repository}:{tag}"] = self.registry.manifest(repository, tag)[1]
        return found


def a_build(registry: Registry, name: str, **changed: Any) -> dict[str, Any]:
    """A build from the folder of its name, of the plan's default size."""
    build = {
        "id": f"build:{name}",
        "name": name,
        "source": 0,
        "context": name,
        "dockerfile": f"{name}/Dockerfile",
        "target": None,
        "platforms": [],
        "arguments": [],
        "labels": [],
        "secrets": [],
        "repository": f"{registry.host}/shop/{name}",
        "cache": "registry",
        "attestations": [],
        "cpu_milli": 4000,
        "memory_bytes": 4_000_000_000,
        "timeout_s": 120,
    }
    return {**build, **changed}


def make_project(
    folder: Path,
    builder: Builder,
    registry: Registry,
    builds: Sequence[Mapping[str, Any]],
    files: Mapping[str, str],
    more: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> Project:
    """Write and commit a project whose environment is only these builds; `more` changes its document."""
    document = {
        "version": VERSION,
        "environment": "shop",
        "namespace": "shop",
        "context": None,
        "registries": [registry.host],
        "secrets": [{"name": name, "purpose": "a build"} for name in secrets or {}],
        "logins": [],
        "sources": [{"repository": ".", "ref": None, "credentials": None}],
        "builds": list(builds),
        "groups": [list(range(len(builds)))],
        "stages": [],
        "images": [],
        "removed": [],
        "preview": None,
        "gitops": None,
        **(more or {}),
    }
    (folder / "state").mkdir(parents=True)
    emitted = {artifact.path: artifact.content for artifact in scripts()}
    commit(folder / "root", {**emitted, DATA: json.dumps(document), **files})
    return Project(folder / "root", folder / "state", builder, registry, secrets or {})
