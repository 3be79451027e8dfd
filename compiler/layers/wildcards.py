"""Go's path.Match: `*` and `?` (no slash), classes such as `[a-z]` and `[^a]`, backslashes.

Takes a pattern, gives a function from a path to whether all of it matches. The
algorithm is Go's own: after a `*` the first place where the next piece fits is
taken and never given up, so time is proportional to path times pattern.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

_ANY = "any"
_Accepts = Callable[[str], bool]


class BadPattern(Exception):
    """A pattern that Go refuses (path.ErrBadPattern)."""


@dataclass(frozen=True, slots=True)
class _Chunk:
    """What follows a `*` (`star`) or the start: one test a character."""

    star: bool
    tests: tuple[_Accepts, ...]


def has_wildcards(pattern: str) -> bool:
    """Whether BuildKit takes a path for a pattern (solver/llbsolver/ops/file.go: containsWildcards)."""
    at = 0
    while at < len(pattern):
        if pattern[at] in "*?[":
            return True
        at += 2 if pattern[at] == "\\" else 1
    return False


def compiled(pattern: str) -> Callable[[str], bool]:
    """What a pattern matches.

    Raises:
        BadPattern: it is malformed.
    """
    chunks = _chunks(pattern)

    def matches(path: str) -> bool:
        at = 0
        for number, chunk in enumerate(chunks):
            last = number == len(chunks) - 1
            if chunk.star and not chunk.tests:
                return "/" not in path[at:]
            end = _fits(chunk, path, at)
            while end < 0 or (last and end != len(path)):
                if not chunk.star or at >= len(path) or path[at] == "/":
                    return False
                at += 1
                end = _fits(chunk, path, at)
            at = end
        return at == len(path)

    return matches


def _fits(chunk: _Chunk, path: str, at: int) -> int:
    """Where a chunk that starts at `at` ends; -1 where it does not fit."""
    end = at + len(chunk.tests)
    if end > len(path):
        return -1
    for test, character in zip(chunk.tests, path[at:end], strict=True):
        if not test(character):
            return -1
    return end


def _chunks(pattern: str) -> list[_Chunk]:
    chunks: list[_Chunk] = []
    star = False
    tests: list[_Accepts] = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character == "*":
            if tests:
                chunks.append(_Chunk(star, tuple(tests)))
                tests = []
            star = True
        elif character == "?":
            tests.append(lambda c: c != "/")
        elif character == "[":
            test, at = _class(pattern, at)
            tests.append(test)
        else:
            if character == "\\":
                if at >= len(pattern):
                    raise BadPattern("nothing follows the backslash")
                character = pattern[at]
                at += 1
            tests.append(character.__eq__)
    chunks.append(_Chunk(star, tuple(tests)))
    return chunks


def _class(pattern: str, at: int) -> tuple[_Accepts, int]:
    negated = pattern.startswith("^", at)
    at += negated
    ranges: list[tuple[str, str]] = []
    while True:
        if ranges and pattern.startswith("]", at):
            at += 1
            break
        low, at = _member(pattern, at)
        high = low
        if pattern.startswith("-", at):
            high, at = _member(pattern, at + 1)
        ranges.append((low, high))
    known = tuple(ranges)
    return lambda c: negated != any(low <= c <= high for low, high in known), at


def _member(pattern: str, at: int) -> tuple[str, int]:
    if at >= len(pattern) or pattern[at] in "-]":
        raise BadPattern("a class is malformed")
    if pattern[at] == "\\":
        at += 1
        if at >= len(pattern):
            raise BadPattern("nothing follows the backslash")
    if at + 1 >= len(pattern):
        raise BadPattern("a class never ends")
    return pattern[at], at + 1
