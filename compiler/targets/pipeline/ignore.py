"""Which files of a build's context .dockerignore leaves out, as BuildKit decides it.

The rules are those of github.com/moby/patternmatcher (patterns and their order)
and of its ignorefile package (lines of the file). What is not certain is never
left out: a pattern that this module does not understand leaves nothing out, an
exception that it does not understand brings everything back. Where Docker 20.10
reads a pattern in another way than BuildKit of today, what counts is the reading
that leaves less out. Every match takes time proportional to path times pattern,
whatever the pattern.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable
from dataclasses import dataclass

MAX_PATTERNS = 2000
MAX_BYTES = 1024 * 1024
# bufio.Scanner's longest line: Docker refuses the file.
MAX_LINE = 64 * 1024
# unicode.IsSpace of Go; str.strip() knows some more.
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


@dataclass(frozen=True)
class Rule:
    """A line of the file: what it matches is left out, or, as an `exception`, brought back."""

    exception: bool
    matches: Callable[[str], bool]


def patterns(text: str) -> list[str]:
    """The patterns of a file's text, cleaned, exceptions with a "!" in front; none when Docker takes none.

    A builder that is given these, one a line, need not know how comments,
    spaces, slashes and line ends are read.
    """
    lines = text.removeprefix("\ufeff").split("\n")
    if len(text) > MAX_BYTES or len(lines) > MAX_PATTERNS or any(len(line) >= MAX_LINE for line in lines):
        return []
    found = []
    for line in lines:
        pattern = "" if line.startswith("#") else line.strip(_SPACE)
        sign = "!" if pattern.startswith("!") else ""
        if rest := pattern.removeprefix("!").strip(_SPACE):
            found.append(sign + _clean(rest))
    return found


def rules(text: str) -> list[Rule]:
    """The rules of a file's text, in its order."""
    found = []
    for pattern in patterns(text):
        exception = pattern.startswith("!")
        matches = _matcher(pattern.removeprefix("!"), exception)
        found.append(Rule(exception, matches or ((lambda _: True) if exception else (lambda _: False))))
    return found


def ignored(paths: Iterable[str], listed: list[Rule]) -> set[str]:
    """Those of the paths (files, relative to the context) that the rules leave out.

    A rule that matches a folder counts for all below it, as in
    PatternMatcher.MatchesUsingParentResults.
    """
    folders: dict[str, tuple[bool, ...]] = {"": (False,) * len(listed)}
    found = set()
    for path in paths:
        start = path.find("/")
        parent = ""
        while start != -1:
            folder = path[:start]
            if folder not in folders:
                folders[folder] = _decide(folder, folders[parent], listed)[1]
            parent, start = folder, path.find("/", start + 1)
        if _decide(path, folders[parent], listed)[0]:
            found.add(path)
    return found


def _decide(path: str, above: tuple[bool, ...], listed: list[Rule]) -> tuple[bool, tuple[bool, ...]]:
    """Whether a path is left out, and which rules matched; `above` are those that matched its folder."""
    out = False
    matched = []
    for rule, inherited in zip(listed, above, strict=True):
        match = inherited or (rule.exception == out and rule.matches(path))
        matched.append(match)
        if match:
            out = not rule.exception
    return out, tuple(matched)


def _clean(pattern: str) -> str:
    """Go's filepath.Clean, and no slash at the start."""
    cleaned = posixpath.normpath(pattern)
    return cleaned.lstrip("/") or "/"


# --- patterns

_Accepts = Callable[[str], bool]


@dataclass(frozen=True)
class _Step:
    """One character; `literal` is "" unless it is always the same one."""

    accepts: _Accepts
    literal: str = ""


# `*`, `**` at the end, and `**` elsewhere: any folders, or none.
_STAR, _REST, _FOLDERS = "*", "rest", "folders"
_Token = _Step | str


_REGULAR = frozenset("^+()|{}")


def _matcher(pattern: str, exception: bool) -> _Accepts | None:
    """What a pattern matches (PatternMatcher's `compile` and `match`); None when it is not understood."""
    if not exception and not _REGULAR.isdisjoint(pattern.replace("[^", "")):
        # To Docker 20.10 a pattern is a regular expression, in which these stand for no character.
        return None
    if any("\ud800" <= character <= "\udfff" or character == "\ufeff" for character in pattern):
        return None
    tokens: list[_Token] = []
    kind, at = "exact", 0
    while at < len(pattern):
        first, character = at == 0, pattern[at]
        at += 1
        if pattern.startswith("**", at - 1):
            at += 2 if pattern.startswith("/", at + 1) else 1
            ends = at >= len(pattern)
            tokens.append(_REST if ends else _FOLDERS)
            kind = "suffix" if first else "prefix" if ends and kind == "exact" else "general"
        elif character == "*":
            tokens.append(_STAR)
            kind = "general"
        elif character in "?[\\":
            step, at = _special(pattern, at)
            if step is None:
                return None
            tokens.append(step)
            kind = "general"
        else:
            kind = "general" if character == "]" else kind
            tokens.append(_literal(character))
    return _of_kind(kind, pattern, tokens, exception)


def _of_kind(kind: str, pattern: str, tokens: list[_Token], exception: bool) -> _Accepts:
    if kind == "exact":
        return pattern.__eq__
    if kind == "prefix":
        start = pattern[:-2]
        return lambda path: path.startswith(start)
    if kind == "suffix":
        # "**b" matches "ab" in BuildKit of today, and did not in Docker 20.10.
        end = pattern[2:]
        if end and not exception:
            end = f"/{end.lstrip('/')}"
        return lambda path: path.endswith(end) or (end.startswith("/") and path == end[1:])
    # In a regular expression, which is what Moby makes of it, a bare "^" matches no character.
    return _general([_Step(lambda _: False) if token == _literal("^") else token for token in tokens])


_LITERALS: dict[str, _Step] = {}


def _literal(character: str) -> _Step:
    return _LITERALS.setdefault(character, _Step(character.__eq__, character))


def _special(pattern: str, at: int) -> tuple[_Step | None, int]:
    """The token of `?`, `[` or a backslash that stands before `at`, and where it ends."""
    sign = pattern[at - 1]
    if sign == "?":
        return _Step(lambda character: character != "/"), at
    if sign == "\\":
        # What else follows a backslash means something in a regular expression, or nothing anywhere.
        plain = at < len(pattern) and pattern[at].isascii() and not pattern[at].isalnum()
        return (_Step(pattern[at].__eq__), at + 1) if plain else (None, at)
    return _class(pattern, at)


def _class(pattern: str, at: int) -> tuple[_Step | None, int]:
    """A class such as `[a-z]`, that starts at `at`; only what filepath.Match and regexp read alike."""
    negated = pattern.startswith("^", at)
    at += negated
    ranges: list[tuple[str, str]] = []
    while at < len(pattern) and pattern[at] != "]":
        low, at = _class_character(pattern, at)
        high = low
        if pattern.startswith("-", at):
            high, at = _class_character(pattern, at + 1)
        if not low or not high or low > high:
            return None, at
        ranges.append((low, high))
    if at >= len(pattern) or not ranges:
        return None, at
    return _Step(lambda c: negated != any(low <= c <= high for low, high in ranges)), at + 1


def _class_character(pattern: str, at: int) -> tuple[str, int]:
    """A character of a class and where it ends; "" when it is not certain what is meant."""
    escaped = pattern.startswith("\\", at)
    at += escaped
    character = pattern[at : at + 1]
    if not character or (escaped and (character.isalnum() or not character.isascii())):
        return "", at
    return ("" if not escaped and character in "-]*?[" else character), at + 1


def _general(tokens: list[_Token]) -> _Accepts:
    """Follows all ways through the tokens at once: a set of places, as the bits of a number."""
    steps: list[_Step | None] = []
    star = rest = entry = inner = 0
    for token in tokens:
        bit = 1 << len(steps)
        if isinstance(token, _Step):
            steps.append(token)
        elif token == _FOLDERS:
            # Two places: before it, from where it may be left out, and inside it, left after a slash only.
            entry, inner = entry | bit, inner | bit << 1
            steps += [None, None]
        else:
            star, rest = (star | bit, rest) if token == _STAR else (star, rest | bit)
            steps.append(None)
    final, empty, known = 1 << len(steps), star | rest | entry, dict[str, int]()

    def close(places: int) -> int:
        while (more := places | (places & empty) << 1 | (places & entry) << 2) != places:
            places = more
        return places

    def accepting(character: str) -> int:
        if character not in known:
            known[character] = sum(1 << n for n, step in enumerate(steps) if step and step.accepts(character))
        return known[character]

    start, head, tail = close(1), _literals(tokens), _literals(tokens[::-1])[::-1]

    def matches(path: str) -> bool:
        if not path.startswith(head) or not path.endswith(tail):
            return False
        places = start
        for character in path:
            kept = places & (star if character != "/" else 0) | places & (
                inner | rest if character != "\n" else 0
            )
            left = places & (accepting(character) | (inner if character == "/" else 0))
            places = close(kept | left << 1)
            if not places:
                return False
        return bool(places & final)

    return matches


def _literals(tokens: list[_Token]) -> str:
    """The characters that every match starts with."""
    found = ""
    for token in tokens:
        if not isinstance(token, _Step) or not token.literal:
            break
        found += token.literal
    return found
