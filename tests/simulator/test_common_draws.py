"""What common draws are worth, on the examples."""

from __future__ import annotations

import variance_reduction
from claims import broken


def test_what_a_change_does_not_concern_is_drawn_as_before() -> None:
    assert not broken(list(variance_reduction.stream_claims()))


def test_paired_differences_vary_less() -> None:
    assert not broken(list(variance_reduction.variance_claims()))
