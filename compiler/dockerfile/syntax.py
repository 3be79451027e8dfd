"""From the text of a Dockerfile to its instructions.

Owns lines: directives, comments, continuations, heredocs. Takes a SourceFile,
gives instructions with spans and problems as data; knows nothing of stages.
Follows BuildKit's line loop (frontend/dockerfile/parser/parser.go): lines end
at LF, and CR before it is cut.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from compiler.dockerfile.words import SPACE, heredoc_markers, split_flags
from compiler.source import SourceFile, Span
from compiler.values.malformed import shown
from compiler.values.suggest import closest

INSTRUCTIONS = (
    *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL"),
    *("MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
)
_WITH_HEREDOC = frozenset(("ADD", "COPY", "RUN"))
_DIRECTIVE = re.compile(r"([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(\S(?:.*\S)?)\s*")
_BLANKS = re.compile(r"[\t\v\f\r ]+")
_LONGEST_LINE = 65_535
_LONG_LINE = re.compile(r"[^\n]{16384,}")
_MOST_UNKNOWN = 20
_MOST_INSTRUCTIONS = 20_000


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that BuildKit refuses: one sentence without a full stop, its place, what to do."""

    message: str
    span: Span
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: `name` in capitals, `arguments` the text after it.

    Continued lines are joined and comments inside them are gone; heredoc bodies
    are not in `arguments` but in `span`, which is all the lines of the
    instruction without the last line end.
    """

    name: str
    arguments: str
    span: Span


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its end; `start` and `end` are offsets into the text."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Syntax:
    """What `read_instructions` found; `escape` is the character that continues lines."""

    instructions: tuple[Instruction, ...]
    problems: tuple[Problem, ...]
    escape: str


def read_instructions(source: SourceFile) -> Syntax:
    """All instructions of a Dockerfile. Never raises; time is linear in the text.

    Of the unknown instructions the first 20 are problems. It stops before a line
    of more than 65,535 bytes, as BuildKit does, and after 20,000 instructions.
    """
    problems: list[Problem] = []
    escape = _read_directives(source, problems)
    readable = _readable(source, problems)
    lines = _lines(source.text[:readable])
    instructions: list[Instruction] = []
    unknown = 0
    for line in lines:
        first = line.text.lstrip(SPACE)
        start = line.end - len(first)
        if not first or first.startswith("#"):
            continue
        text, end = _continued(first, line.end, lines, escape)
        name, arguments = split_instruction(text)
        end, unterminated = _heredocs(name, arguments, text, lines, end, escape)
        span = Span(source, start, end)
        instructions.append(Instruction(name, arguments, span))
        if unterminated and readable == len(source.text):
            problems.append(_unterminated(unterminated, span))
        if name not in INSTRUCTIONS:
            unknown += 1
            word = Span(source, start, min(start + max(len(name), 1), end))
            if unknown <= _MOST_UNKNOWN:
                problems.append(_unknown(name, word))
        if len(instructions) > _MOST_INSTRUCTIONS:
            problems.append(Problem(f"the Dockerfile has more than {_MOST_INSTRUCTIONS} instructions", span))
            break
    if not instructions and not problems:
        problems.append(Problem("the Dockerfile has no instructions", Span(source, 0, 0), "start with FROM"))
    return Syntax(tuple(instructions), tuple(problems), escape)


def _readable(source: SourceFile, problems: list[Problem]) -> int:
    """How much of the text BuildKit reads: it gives up at a line that is too long."""
    for match in _LONG_LINE.finditer(source.text):
        if len(match[0].encode(errors="replace")) > _LONGEST_LINE:
            place = Span(source, match.start(), match.end())
            problems.append(Problem(f"the line is longer than {_LONGEST_LINE} bytes", place))
            return match.start()
    return len(source.text)


def _lines(text: str) -> Iterator[Line]:
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        line = text[start:end].rstrip("\r")
        yield Line(line, start, start + len(line))
        start = end + 1


def _read_directives(source: SourceFile, problems: list[Problem]) -> str:
    """The escape character. Directives are comments before anything else, each at most once."""
    escape = "\\"
    seen: set[str] = set()
    for line in _lines(source.text):
        text = line.text.lstrip(SPACE)
        match = _DIRECTIVE.fullmatch(text[1:].lstrip(SPACE)) if text.startswith("#") else None
        name = match[1].lower() if match else ""
        if match is None or name not in ("escape", "syntax", "check"):
            break
        span = Span(source, line.start, line.end)
        if name in seen:
            problems.append(Problem(f"the directive {name} stands here a second time", span, "remove one"))
        elif name == "escape" and match[2] not in ("\\", "`"):
            problems.append(Problem(f"{shown(match[2])} cannot be the escape character", span, "use \\ or `"))
        elif name == "escape":
            escape = match[2]
        seen.add(name)
    return escape


def _continued(first: str, end: int, lines: Iterator[Line], escape: str) -> tuple[str, int]:
    """An instruction's text over all its lines, and where the last of them ends."""
    text, goes_on = _trim_continuation(first, escape)
    pieces = [text]
    while goes_on:
        line = next(lines, None)
        if line is None:
            break
        end = line.end
        bare = line.text.lstrip(SPACE)
        if not bare or bare.startswith("#"):
            continue
        text, goes_on = _trim_continuation(line.text, escape)
        pieces.append(text)
    return "".join(pieces), end


def _trim_continuation(text: str, escape: str) -> tuple[str, bool]:
    bare = text.rstrip(" \t")
    if bare.endswith(escape) and not bare.endswith(escape * 2):
        return bare[:-1], True
    return text, False


def split_instruction(text: str) -> tuple[str, str]:
    """The name in capitals and the text after it."""
    parts = _BLANKS.split(text.strip(SPACE), maxsplit=1)
    return parts[0].upper(), parts[1].strip(SPACE) if len(parts) == 2 else ""


def _heredocs(
    name: str, arguments: str, text: str, lines: Iterator[Line], end: int, escape: str
) -> tuple[int, str]:
    """Skip the heredocs of an instruction: the new end, and the name of one that never ends or ""."""
    if name == "ONBUILD":
        name, arguments = split_instruction(split_flags(arguments, escape)[1])
    if name not in _WITH_HEREDOC or "<<" not in text or _is_json(split_flags(arguments, escape)[1]):
        return end, ""
    for marker, chomp in heredoc_markers(text):
        for line in lines:
            end = line.end
            if (line.text.lstrip("\t") if chomp else line.text) == marker:
                break
        else:
            return end, marker
    return end, ""


def _is_json(arguments: str) -> bool:
    if not arguments.startswith("["):
        return False
    try:
        values = json.loads(arguments)
    except (ValueError, RecursionError):
        return False
    return all(isinstance(value, str) for value in values)


def _unterminated(name: str, span: Span) -> Problem:
    quoted = shown(name)
    hint = f"write {quoted[1:-1]} alone on a line after its text"
    return Problem(f"the heredoc {quoted} never ends", span, hint)


def _unknown(name: str, span: Span) -> Problem:
    meant = closest(name, INSTRUCTIONS)
    message = f"{shown(name)} is not an instruction" if name else "an instruction is missing here"
    return Problem(message, span, f"did you mean {meant}?" if meant else "")
