"""The shared pool against queueing theory, and its own rules."""

from __future__ import annotations

import pytest

import open_arrivals
from claims import broken
from open_arrivals import LINES, Line


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line.name} at {line.load}")
def test_waits_are_those_of_queueing_theory(line: Line) -> None:
    """A dozen runs; what comes first is not counted; the rule is that of `claims`."""
    jobs = 8_000 if line.load == 0.9 else 3_000
    assert not broken(list(open_arrivals.line_claims(line, runs=12, jobs=jobs)))
