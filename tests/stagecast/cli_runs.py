"""What the tests of the command line share: specs, how a run is called, and what it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from stagecast.cli import run

CHECKOUT = Path(__file__).resolve().parents[2]
# Variables that the output depends on: a test sets what it is about, and nothing else is set.
SURROUNDINGS = ("NO_COLOR", "FORCE_COLOR", "GITHUB_ACTIONS", "COLUMNS", "PYTHONHASHSEED", "TZ")

SPEC = """\
apiVersion: stagecast/v1beta1
kind: Environment
name: shop
target: {namespace: shop}
registry: {mirror: registry.example.com/shop}
services:
  postgres: {type: database, engine: postgresql, version: "16"}
  cache:
    type: container
    image: "redis:7.4.2"
    security: {user: 999}
    ports: [{internal: 6379, protocol: TCP}]
  web:
    type: application
    source: {repository: "https://github.com/acme/shop", ref: v1.0.0, context: web}
    security: {user: 1000}
    ports: [{internal: 8080, public: true, hosts: [shop.example.com]}]
    dependsOn: [postgres, cache]
    variables: {CACHE: "{{CACHE_HOST}}:{{CACHE_PORT}}"}
    estimates: {build: 3m, deploy: {fixed: 40s}}
"""
# Two errors and a warning, each on a line that the tests name.
BROKEN = SPEC.replace("redis:7.4.2", "redis:latest").replace(
    "dependsOn: [postgres, cache]", "dependsOn: [postgres, cahce]\n    memory: 512m"
)
WARNS = SPEC.replace("redis:7.4.2", "redis:latest")
PROJECT = """\
apiVersion: stagecast/v1beta1
kind: Project
environments:
  prod: {spec: prod.yaml, targets: [helm, github], output: deploy/prod}
  staging: {spec: staging.yaml, targets: [helm], output: deploy/staging}
"""


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended and what it wrote."""

    code: int
    out: str
    err: str


class Cli(Protocol):
    """Runs `stagecast ARGUMENTS` in this process."""

    def __call__(self, *arguments: str | Path) -> Result: ...


class Process(Protocol):
    """Runs `python -m stagecast ARGUMENTS` as a process of its own, in a folder."""

    def __call__(
        self, *arguments: str | Path, cwd: Path, environment: Mapping[str, str] | None = None
    ) -> Result: ...


def run_here(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> Result:
    """Run `stagecast ARGUMENTS` in this process, where it is fast."""
    capsys.readouterr()
    code = run([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return Result(code, captured.out, captured.err)


def tree(root: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
