"""A .dockerignore file: its rules in order, and which files of a context they leave out.

Takes a SourceFile, gives an IgnoreFile. The rules are those of
github.com/moby/patternmatcher and its ignorefile package, as BuildKit of today
has them: a prediction. `compiler.targets.pipeline.ignore` asks another
question, which files are certain to be left out by every builder. A pattern
whose meaning is not certain here is told as such. Matching takes time
proportional to path times pattern.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from compiler.dockerfile.characters import BOM, SPACE
from compiler.dockerfile.ignore_patterns import BadPattern, matcher
from compiler.dockerfile.problems import LONGEST_LINE, Problem
from compiler.source import SourceFile, Span
from compiler.values.malformed import shown

NAME = ".dockerignore"
# Far above what anyone writes: reading takes time by character, matching by rule and path.
MOST_RULES = 2_000
LONGEST_FILE = 1 << 18
LONGEST_PATTERN = 4_096


@dataclass(frozen=True, slots=True)
class Rule:
    """One line: what `pattern` (cleaned, no "!") matches is left out or, as an `exception`, brought back."""

    pattern: str
    exception: bool
    span: Span
    matches: Callable[[str], bool] = field(repr=False, compare=False)


@dataclass(frozen=True)
class IgnoreFile:
    """The rules in order; `problems` are lines that fail the build or whose meaning is not certain."""

    source: SourceFile = field(repr=False)
    rules: tuple[Rule, ...]
    problems: tuple[Problem, ...]

    def ignored(self, paths: Iterable[str]) -> set[str]:
        """Those of the paths (of files, relative to the context, "/" between folders) that are left out.

        A rule that matches a folder counts for all below it
        (PatternMatcher.MatchesUsingParentResults).
        """
        return {path for path, rule in self.decisions(paths) if rule is not None and not rule.exception}

    def decisions(self, paths: Iterable[str]) -> Iterable[tuple[str, Rule | None]]:
        """For each path the rule that decided; None where none matches."""
        folders: dict[str, tuple[bool, ...]] = {"": (False,) * len(self.rules)}
        for path in paths:
            parent, slash = "", path.find("/")
            while slash != -1:
                folder = path[:slash]
                if folder not in folders:
                    folders[folder] = self._decide(folder, folders[parent])[1]
                parent, slash = folder, path.find("/", slash + 1)
            yield path, self._decide(path, folders[parent])[0]

    def _decide(self, path: str, above: tuple[bool, ...]) -> tuple[Rule | None, tuple[bool, ...]]:
        """The rule that decides about a path, and those that match it; `above` match its folder."""
        out = False
        decisive = None
        matched = []
        for rule, inherited in zip(self.rules, above, strict=True):
            match = inherited or (rule.exception == out and rule.matches(path))
            matched.append(match)
            if match:
                out, decisive = not rule.exception, rule
        return decisive, tuple(matched)


def candidates(dockerfile: str, context: str) -> tuple[str, str]:
    """Where the rules of a build may stand: beside the Dockerfile, else in the context; the first counts.

    Both paths are in POSIX form and count from one place.
    """
    return posixpath.normpath(dockerfile) + NAME, posixpath.normpath(posixpath.join(context, NAME))


def read_ignore(source: SourceFile) -> IgnoreFile:
    """Read a .dockerignore. Never raises; time is linear in the text.

    It stops at a line of more than 65,535 bytes, as BuildKit does, after 2,000
    rules, and at 262,144 characters.
    """
    rules: list[Rule] = []
    problems: list[Problem] = []
    at = int(source.text.startswith(BOM))
    while at < len(source.text):
        feed = source.text.find("\n", at)
        end = len(source.text) if feed < 0 else feed
        line = source.text[at:end]
        span = Span(source, at, at + len(line.rstrip("\r")))
        at = end + 1
        if limit := _beyond(line, end, len(rules) + len(problems)):
            problems.append(Problem(f"the file has more than {limit}", span))
            break
        text = "" if line.startswith("#") else line.strip(SPACE)
        if text:
            rules += _rule(text, span, problems)
    return IgnoreFile(source, tuple(rules), tuple(problems))


def _beyond(line: str, end: int, rules: int) -> str:
    """The limit that a line goes beyond; "" if it goes beyond none."""
    if end > LONGEST_FILE:
        return f"{LONGEST_FILE} characters"
    if rules >= MOST_RULES:
        return f"{MOST_RULES} rules"
    return f"{LONGEST_LINE} bytes in a line" if len(line.encode(errors="replace")) > LONGEST_LINE else ""


def _rule(text: str, span: Span, problems: list[Problem]) -> list[Rule]:
    exception = text.startswith("!")
    rest = text[1:].strip(SPACE) if exception else text
    if len(rest) > LONGEST_PATTERN:
        problems.append(Problem(f"the pattern is longer than {LONGEST_PATTERN} characters", span))
        return []
    # An exception of the root is refused as an empty one is.
    if not rest or (exception and posixpath.normpath(rest) in ("/", "//")):
        problems.append(Problem("the exception names nothing", span, "write a pattern after !"))
        return []
    pattern = posixpath.normpath(rest)
    # Go's Clean keeps one slash at the start where POSIX keeps two; then one is cut.
    pattern = pattern.lstrip("/") or "/"
    try:
        return [Rule(pattern, exception, span, matcher(pattern))]
    except BadPattern as problem:
        message = f"the pattern {shown(pattern)} cannot be read: {problem}"
        problems.append(Problem(message, span, "put a backslash before a character that stands for itself"))
        return []
