"""Every pattern in time linear in hostile texts, in Python and by ECMA-262."""

from __future__ import annotations

import re

import pytest

from compiler.values import images, names, quantities

PATTERNS = {
    f"{module.__name__.rpartition('.')[2]}.{name}": getattr(module, name)
    for module in (images, names, quantities)
    for name in dir(module)
    if name.endswith("_PATTERN")
}
LENGTH = 20_000
UNITS = ["a", "1", "-", ".", "/", ":", "a.", "a-", "a/", "a:", "_", "a_", "1m", "1.1", "A", "[", "*.", "@"]
UNITS += [letter * 63 + end for letter in ("a", "-a") for end in ("", ".", "/")]


def test_there_are_patterns() -> None:
    assert len(PATTERNS) == 16


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS.keys())
def test_no_pattern_runs_away(pattern: str) -> None:
    regress = pytest.importorskip("regress")
    assert pattern.isascii()
    assert pattern[0] == "^"
    assert pattern[-1] == "$"
    assert "(?<" not in pattern
    compiled = regress.Regex(pattern)
    # A quadratic pattern would need 10**8 steps for each of these, an exponential one would never end.
    for unit in UNITS:
        text = unit * (LENGTH // len(unit))
        for end in ("", "!", "\n"):
            assert bool(re.fullmatch(pattern, text + end)) == (compiled.find(text + end) is not None)
