"""Bad input of every sort is answered within a second of CPU and 500 MB, and never with a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from hostile import GROUPS

HERE = Path(__file__).parent
# Of the large groups every n-th input is run by `make test`, the others by `make e2e`.
STEPS = {"nesting": 9, "tags": 4, "scalars": 9, "characters": 13, "keys": 2, "patterns": 3}
# The bound is a second; a machine that does other things as well gets some slack.
MOST_CPU_S = 1.0 * 2
MOST_MB = 500


@dataclass(frozen=True, slots=True)
class Outcome:
    name: str
    code: int
    cpu_s: float
    mb: int
    output: str


def outcomes(group: str, part: str) -> list[Outcome]:
    path = os.pathsep.join([str(HERE.parents[1]), str(HERE)])
    done = subprocess.run(
        [sys.executable, str(HERE / "hostile_worker.py"), group, str(STEPS.get(group, 1)), part],
        env={**os.environ, "PYTHONPATH": path, "GITHUB_ACTIONS": "", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return [Outcome(*json.loads(line)) for line in done.stdout.splitlines()]


def check(found: list[Outcome]) -> None:
    slowest = sorted(found, key=lambda outcome: -outcome.cpu_s)[:3]
    print(*(f"{outcome.cpu_s:.2f} s  {outcome.mb} MB  {outcome.name}" for outcome in slowest), sep="\n")
    assert [(o.name, o.code, o.output) for o in found if o.code not in (0, 1, 3) or o.output] == []
    assert [(o.name, o.cpu_s) for o in found if o.cpu_s > MOST_CPU_S] == []
    assert [(o.name, o.mb) for o in found if o.mb > MOST_MB] == []


@pytest.mark.parametrize("group", GROUPS)
def test_hostile_inputs(group: str) -> None:
    found = outcomes(group, "sample")
    assert found
    check(found)


@pytest.mark.e2e
@pytest.mark.parametrize("group", STEPS)
def test_the_other_hostile_inputs(group: str) -> None:
    found = outcomes(group, "rest")
    assert found
    check(found)
