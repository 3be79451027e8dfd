"""Runs of the real helmfile on what the back end writes, with a real Helm and nothing of the machine's."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from compiler.artifacts import Artifact
from compiler.plan.model import Plan
from compiler.targets import helm, helmfile

MAIN = "helmfile/shop/helmfile.yaml"
Result = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Helmfile:
    """The real helmfile in a folder with the output of a plan; `path` is where it finds `helm`."""

    program: Path
    path: Path
    root: Path
    environment: Mapping[str, str]

    def run(
        self, *arguments: str, file: str = "helmfile/shop/helmfile.yaml", timeout_s: float = 120
    ) -> Result:
        """Run `helmfile ARGUMENTS` on a file; the caller looks at the exit code."""
        home = self.root / ".home"
        return subprocess.run(
            [self.program, "--file", self.root / file, "--no-color", *arguments],
            cwd=self.root,
            env={
                **{n: v for n, v in os.environ.items() if not n.startswith(("HELM", "KUBECONFIG"))},
                "KUBECONFIG": os.devnull,
                "HELM_CACHE_HOME": str(home / "cache"),
                "HELM_CONFIG_HOME": str(home / "config"),
                "HELM_DATA_HOME": str(home / "data"),
                **self.environment,
                "HELMFILE_CACHE_HOME": str(home / "helmfile"),
                "HELMFILE_UPGRADE_NOTICE_DISABLED": "1",
                "PATH": f"{self.path}:{os.environ['PATH']}",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def groups(self, file: str) -> list[list[str]]:
        """The releases of a file as helmfile runs them: group after group, each at once."""
        result = self.run("--log-level=debug", "template", file=file)
        assert result.returncode == 0, result.stderr
        said = re.findall(r"processing releases in group \d+/\d+: (.*)", result.stderr + result.stdout)
        return [[name.rpartition("/")[2] for name in line.split(", ")] for line in said]


def written(root: Path, plan: Plan) -> None:
    """Write the files of a plan, and its charts and values."""
    write(root, [*helm.emit(plan), *helmfile.emit(plan)])


def write(root: Path, artifacts: Iterable[Artifact]) -> None:
    """Put artifacts on the disk."""
    for artifact in artifacts:
        path = root / artifact.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(artifact.content.encode())


def pin(root: Path, *services: str) -> None:
    """Write the pins that a pipeline would write."""
    for service in services:
        path = root / "helm" / "images" / "shop" / f"{service}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('"image":\n  "tag": "content-1"\n')
