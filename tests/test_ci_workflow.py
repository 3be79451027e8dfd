"""The project's own workflow is what GitHub takes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
WORKFLOWS = sorted((CHECKOUT / ".github" / "workflows").glob("*.yml"))


def test_there_is_a_workflow() -> None:
    assert WORKFLOWS


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_is_accepted(actionlint: Path, check_jsonschema: Path, workflow: Path) -> None:
    commands: list[list[str | Path]] = [
        [actionlint, "-shellcheck=", "-pyflakes=", workflow],
        [check_jsonschema, "--builtin-schema", "vendor.github-workflows", workflow],
    ]
    for command in commands:
        result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
