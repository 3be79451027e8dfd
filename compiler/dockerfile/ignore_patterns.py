"""The patterns of .dockerignore: `*`, `**`, `?`, classes, backslashes.

Takes a cleaned pattern, gives a function from a path to whether it matches, as
Pattern.compile and Pattern.match of github.com/moby/patternmatcher decide:
there a pattern is text, a beginning, an end, or a regular expression.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

Matches = Callable[[str], bool]
_PLAIN = re.compile(r"[^*?\[\]\\^]*+")
_UP_TO_PLAIN = re.compile(r".*[*?\[\]]", re.DOTALL)
# `*`; `**` at the end; `**` elsewhere, any folders or none; a bare `^`; one character.
_STAR, _REST, _FOLDERS, _START, _ONE = "star", "rest", "folders", "start", "one"


class BadPattern(Exception):
    """A pattern that fails the build, or whose meaning is not certain; the text says why."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    accepts: Matches = lambda _: False


@lru_cache(256)
def _literal(character: str) -> _Token:
    return _Token(_ONE, character.__eq__)


_MANY, _ANY, _BEGIN = _Token(_STAR), _Token(_ONE, "/".__ne__), _Token(_START)


def matcher(pattern: str) -> Matches:
    """What a pattern matches.

    Raises:
        BadPattern: it is malformed.
    """
    if _PLAIN.fullmatch(pattern):
        return pattern.__eq__
    tokens, general = _tokens(pattern)
    if general:
        return _bounded(pattern, _automaton(tokens))
    if pattern.startswith("**"):
        end = pattern[2:]
        return lambda path: path.endswith(end) or (end.startswith("/") and path == end[1:])
    if pattern.endswith("**"):
        start = pattern[:-2]
        return lambda path: path.startswith(start)
    return pattern.__eq__


def _tokens(pattern: str) -> tuple[list[_Token], bool]:
    """The tokens of the regular expression, and whether it is needed."""
    tokens: list[_Token] = []
    general = False
    at = 0
    while at < len(pattern):
        first, character = at == 0, pattern[at]
        at += 1
        if character == "*" and pattern.startswith("*", at):
            at += 2 if pattern.startswith("/", at + 1) else 1
            ends = at >= len(pattern)
            tokens.append(_Token(_REST if ends else _FOLDERS))
            # At the start it asks for an end only, at the end for a beginning, if nothing else is special.
            general = general or not (first or ends)
            continue
        if character == "*":
            tokens.append(_MANY)
        elif character == "?":
            tokens.append(_ANY)
        elif character == "[":
            accepts, at = _class(pattern, at)
            tokens.append(_Token(_ONE, accepts))
        elif character == "\\":
            following = pattern[at : at + 1]
            if not following:
                raise BadPattern("nothing follows the backslash")
            if following.isalnum():
                raise BadPattern("a backslash stands before a letter or digit")
            tokens.append(_literal(following))
            at += 1
        else:
            tokens.append(_BEGIN if character == "^" else _literal(character))
            if character != "]":
                continue
        general = True
    if len(tokens) > 1 and not general and _both_ends(tokens):
        general = True
    return tokens, general


def _both_ends(tokens: list[_Token]) -> bool:
    """`**` at the start and at the end: only the regular expression knows both."""
    return tokens[0].kind == _FOLDERS and tokens[-1].kind == _REST


def _class(pattern: str, at: int) -> tuple[Matches, int]:
    """A class such as `[a-z]` or `[^a]`, from behind its bracket; and where it ends."""
    negated = pattern.startswith("^", at)
    at += negated
    ranges: list[tuple[str, str]] = []
    while pattern[at : at + 1] != "]" or not ranges:
        low, at = _member(pattern, at)
        high = low
        if pattern.startswith("-", at):
            high, at = _member(pattern, at + 1)
        if low > high:
            raise BadPattern(f"the range {low}-{high} is empty")
        ranges.append((low, high))
    return lambda c: negated != any(low <= c <= high for low, high in ranges), at + 1


def _member(pattern: str, at: int) -> tuple[str, int]:
    character = pattern[at : at + 1]
    if character == "\\":
        at += 1
        character = pattern[at : at + 1]
        if character.isalnum():
            raise BadPattern("a backslash stands before a letter or digit")
    elif character and character in "-]*?[":
        raise BadPattern(f"{character} stands in a class")
    if not character:
        raise BadPattern("a class never ends")
    return character, at + 1


def _bounded(pattern: str, matches: Matches) -> Matches:
    """The same, asked only where the plain text that the pattern starts and ends with is there."""
    start = _PLAIN.match(pattern)
    head = start[0] if start else ""
    # The slash after `**` goes with it.
    tail = "" if "\\" in pattern or "^" in pattern else _UP_TO_PLAIN.sub("", pattern).removeprefix("/")
    return lambda path: path.startswith(head) and path.endswith(tail) and matches(path)


def _automaton(tokens: list[_Token]) -> Matches:
    """Follow all ways through the tokens at once: a set of places, as the bits of a number."""
    steps: list[_Token] = []
    star = rest = entry = inner = begin = 0
    for token in tokens:
        bit = 1 << len(steps)
        steps.append(token)
        if token.kind == _FOLDERS:
            # Before it, from where it may be left out, and inside it, left after a slash only.
            entry, inner = entry | bit, inner | bit << 1
            steps.append(token)
        star |= bit if token.kind == _STAR else 0
        rest |= bit if token.kind == _REST else 0
        begin |= bit if token.kind == _START else 0
    final, empty, known = 1 << len(steps), star | rest | entry, dict[str, int]()

    def close(places: int, skipped: int) -> int:
        while (more := places | (places & skipped) << 1 | (places & entry) << 2) != places:
            places = more
        return places

    def moves(character: str) -> int:
        if character not in known:
            known[character] = sum(
                1 << n for n, step in enumerate(steps) if step.kind == _ONE and step.accepts(character)
            )
        return known[character]

    start = close(1, empty | begin)

    def matches(path: str) -> bool:
        places = start
        for character in path:
            kept = places & (star if character != "/" else 0)
            kept |= places & (inner | rest if character != "\n" else 0)
            moved = places & (moves(character) | (inner if character == "/" else 0))
            places = close(kept | moved << 1, empty)
            if not places:
                return False
        return bool(places & final)

    return matches
