"""The command line as the tests of it call it: in this process, or as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from cli_runs import CHECKOUT, PROJECT, SPEC, SURROUNDINGS, Cli, Process, Result, run_here


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the output depends on, as it is on a machine that says nothing."""
    for name in SURROUNDINGS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """The command line in this process: fast."""
    return lambda *arguments: run_here(capsys, *arguments)


@pytest.fixture
def process() -> Process:
    """The command line as users start it: where the process itself matters."""

    def call(*arguments: str | Path, cwd: Path, environment: Mapping[str, str] | None = None) -> Result:
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR")}
        result = subprocess.run(
            [sys.executable, "-m", "stagecast", *map(str, arguments)],
            cwd=cwd,
            env={**kept, "PYTHONPATH": str(CHECKOUT), **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        return Result(result.returncode, result.stdout.decode(), result.stderr.decode())

    return call


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository, the working folder."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def spec(folder: Path) -> Path:
    """A spec without findings, `environment.yaml` in the working folder."""
    path = folder / "environment.yaml"
    path.write_text(SPEC)
    return path.relative_to(folder)


@pytest.fixture
def project(folder: Path) -> Path:
    """A project with the environments prod and staging; its folder is the working folder."""
    (folder / "stagecast.yaml").write_text(PROJECT)
    (folder / "prod.yaml").write_text(SPEC)
    (folder / "staging.yaml").write_text(SPEC.replace("name: shop", "name: shop-staging", 1))
    return folder
