"""A repository with Dockerfiles and a history, for the tests of forecasts that read both."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

SHOP = """\
apiVersion: stagecast/v1beta1
kind: Environment
name: shop
target: {namespace: shop}
registry: {mirror: registry.example.com/shop}
services:
  api:
    type: application
    source: {repository: ".", context: api}
    security: {user: 1000}
    ports: [{internal: 8080}]
  tiny:
    type: application
    source: {repository: ".", context: tiny}
    security: {user: 1000}
    ports: [{internal: 8081}]
"""
# Packages behind files that change: what costs time and could be better.
API = """\
FROM debian:12.5-slim
WORKDIR /app
COPY . .
RUN apt-get update && apt-get install -y gcc libpq-dev
CMD ["./run"]
"""
TINY = """\
FROM debian:12.5-slim
WORKDIR /app
COPY . .
RUN apt-get update && apt-get install -y jq
CMD ["./run"]
"""
LOG = """\
#1 [internal] load build context
#1 DONE 0.2s

#5 [1/4] FROM docker.io/library/debian:12.5-slim
#5 DONE 3.0s

#6 [2/4] WORKDIR /app
#6 DONE 0.1s

#7 [3/4] COPY . .
#7 DONE 0.1s

#8 [4/4] RUN apt-get update && apt-get install -y gcc libpq-dev
#8 DONE 300.0s

#9 exporting to image
#9 DONE 2.0s
"""
COMMITS = 20
_WHO = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (
        ("NAME", "Ann"),
        ("EMAIL", "ann@example.com"),
        ("DATE", "2024-05-01T12:00:00Z"),
    )
}


def git(folder: Path, *arguments: str) -> str:
    """What a Git command prints; its commits are the same on every machine."""
    environment = {**os.environ, **_WHO, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", "-c", "commit.gpgsign=false", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, check=True, capture_output=True, text=True
    ).stdout


def make_shop(root: Path, spec: str = SHOP, files: Mapping[str, str] | None = None) -> None:
    """A repository in `root`: every commit changes a source of api, every fifth one of tiny."""
    written = {
        "environment.yaml": spec,
        "api/Dockerfile": API,
        "api/run": "#!/bin/sh\n",
        "tiny/Dockerfile": TINY,
        "tiny/run": "#!/bin/sh\n",
        **(files or {}),
    }
    for name, text in written.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    git(root, "init", "-q", "-b", "main")
    commit(root, "start")
    for number in range(COMMITS):
        (root / "api" / "main.sh").write_text(f"echo {number}\n")
        if number % 5 == 0:
            (root / "tiny" / "main.sh").write_text(f"echo {number}\n")
        commit(root, f"change {number}")


def commit(root: Path, message: str) -> None:
    """Commit all that is there."""
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", message)
