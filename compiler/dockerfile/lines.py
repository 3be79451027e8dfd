"""From the text of a Dockerfile to its instructions' lines, with nothing lost.

Owns lines: the byte order mark, directives, comments, continuations, heredocs.
Takes a SourceFile, gives `Written`: for each instruction the joined text with
the place of every character, and the ranges of its heredocs. Follows BuildKit's
line loop (frontend/dockerfile/parser/parser.go): lines end at LF, and CR before
it is cut. Knows nothing of what instructions mean.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import NamedTuple

from compiler.dockerfile.characters import BOM, SPACE
from compiler.dockerfile.directives import Directive, read_directives
from compiler.dockerfile.expansion import BadSubstitution
from compiler.dockerfile.frontend import TODAY, Frontend
from compiler.dockerfile.heredocs import Marker, markers
from compiler.dockerfile.problems import LONGEST_LINE, MOST_INSTRUCTIONS, MOST_LINES, Problem
from compiler.dockerfile.words import BadWords, Command, json_words, split_command
from compiler.source import SourceFile, Span
from compiler.values.malformed import shown

_WITH_HEREDOC = frozenset(("add", "copy", "run"))
_LONG_LINE = re.compile(r"^[^\n]{16384,}", re.MULTILINE)
_GO_SPACE = SPACE.replace("\n", "")
# Lines without a word, and comments: between instructions, and inside one.
_SKIPPED = re.compile(rf"(?:[{_GO_SPACE}]*+(?:#[^\n]*+)?\n)++")
_SKIPPED_END = re.compile(rf"[{_GO_SPACE}]*+(?:#[^\n]*+)?\Z")
_EMPTY_LINE = re.compile(rf"^[{_GO_SPACE}]*+\n", re.MULTILINE)
_SPACES = re.compile(rf"[{_GO_SPACE}]*+")


class Joined(NamedTuple):
    """The text of an instruction without its continuations, and where each part of it stands.

    Part n starts at `starts[n]` in the text and at `places[n]` in the source.
    """

    text: str
    starts: tuple[int, ...]
    places: tuple[int, ...]

    def place(self, offset: int) -> int:
        """The place in the source of an offset in the text; its end is the end of the last part."""
        part = bisect_right(self.starts, offset) - 1
        return self.places[part] + offset - self.starts[part]

    def span(self, source: SourceFile, start: int, end: int) -> Span:
        """The source of a part of the text, continuations inside it included."""
        first = self.place(start)
        return Span(source, first, self.place(end - 1) + 1 if end > start else first)


@dataclass(frozen=True, slots=True)
class Heredoc:
    """One heredoc: `body` are its lines with their ends, `end` the line that ends it, without its end."""

    marker: Marker
    body: Span
    end: Span


class Lines(NamedTuple):
    """One instruction as written. `span` is all of it without the last line end.

    `own_end` is where its own lines end, before those of its heredocs.
    `empty_lines` tells that its continuations skip lines without a word, which
    BuildKit warns of.
    """

    joined: Joined
    command: Command
    heredocs: tuple[Heredoc, ...]
    span: Span
    own_end: int
    empty_lines: bool


@dataclass(frozen=True)
class Written:
    """A Dockerfile as written. `end` is where reading stopped: the end, or before what cannot be read."""

    source: SourceFile
    frontend: Frontend
    escape: str
    directives: tuple[Directive, ...]
    instructions: tuple[Lines, ...]
    problems: tuple[Problem, ...]
    end: int


def read_lines(source: SourceFile, frontend: Frontend = TODAY) -> Written:
    """Cut a Dockerfile into instructions. Never raises; time is linear in the text.

    It stops before a line of more than 65,535 bytes, as BuildKit does, before
    the 50,001st line, and after 3,000 instructions.
    """
    problems: list[Problem] = []
    directives, escape = read_directives(source, frontend, problems)
    reader = _Reader(source, escape, frontend, _readable(source, problems), problems)
    instructions: list[Lines] = []
    while (lines := reader.instruction()) is not None:
        instructions.append(lines)
        if len(instructions) > MOST_INSTRUCTIONS:
            message = f"the Dockerfile has more than {MOST_INSTRUCTIONS} instructions"
            problems.append(Problem(message, lines.span))
            return Written(
                source, frontend, escape, directives, tuple(instructions), tuple(problems), reader.at
            )
    if not instructions and not problems:
        problems.append(Problem("the Dockerfile has no instructions", Span(source, 0, 0), "start with FROM"))
    return Written(source, frontend, escape, directives, tuple(instructions), tuple(problems), reader.limit)


def _readable(source: SourceFile, problems: list[Problem]) -> int:
    """How much of the text is read: BuildKit gives up at a line that is too long, this at too many."""
    text = source.text
    limit = _end_of_lines(text)
    for match in _LONG_LINE.finditer(text, 0, limit):
        if len(match[0].encode(errors="replace")) > LONGEST_LINE:
            place = Span(source, match.start(), match.end())
            problems.append(Problem(f"the line is longer than {LONGEST_LINE} bytes", place))
            return match.start()
    if limit < len(text):
        problems.append(
            Problem(f"the Dockerfile has more than {MOST_LINES} lines", Span(source, limit, limit))
        )
    return limit


def _end_of_lines(text: str) -> int:
    """Where the lines end that are read."""
    if text.count("\n") <= MOST_LINES:
        return len(text)
    at = 0
    for _ in range(MOST_LINES):
        at = text.index("\n", at) + 1
    return at


@dataclass(slots=True)
class _Reader:
    """The line loop: `at` is the start of the next line, `limit` where the readable text ends."""

    source: SourceFile
    escape: str
    frontend: Frontend
    limit: int
    problems: list[Problem]
    at: int = 0

    def __post_init__(self) -> None:
        self.at = min(int(self.source.text.startswith(BOM)), self.limit)

    def instruction(self) -> Lines | None:
        """The next instruction; None at the end."""
        self._skip()
        if self.at >= self.limit:
            return None
        text = self.source.text
        spaces = _SPACES.match(text, self.at, self.limit)
        start = spaces.end() if spaces else self.at
        joined, own_end, empty = self._joined(start)
        command = split_command(joined.text, flag_escape(self.escape, self.frontend))
        heredocs, end = self._heredocs(joined, command, start, own_end)
        return Lines(joined, command, heredocs, Span(self.source, start, end), own_end, empty)

    def _skip(self) -> None:
        """Pass comments and lines without a word."""
        text = self.source.text
        if match := _SKIPPED.match(text, self.at, self.limit):
            self.at = match.end()
        if self.limit == len(text) and (match := _SKIPPED_END.match(text, self.at)):
            self.at = match.end()

    def _line(self, start: int) -> int:
        """The end of the line from `start`, without its line end; `at` moves behind it."""
        text = self.source.text
        feed = text.find("\n", start, self.limit)
        end = self.limit if feed < 0 else feed
        self.at = self.limit if feed < 0 else feed + 1
        while end > start and text[end - 1] == "\r":
            end -= 1
        return end

    def _joined(self, start: int) -> tuple[Joined, int, bool]:
        """The text of an instruction over all its lines, where the last of them ends, and of empty lines."""
        text, escape = self.source.text, self.escape
        end = self._line(start)
        if not text[start:end].rstrip(" \t").endswith(escape):
            return Joined(text[start:end], (0,), (start,)), end, False
        starts: list[int] = []
        places: list[int] = []
        pieces: list[str] = []
        length = 0
        empty = False
        while True:
            piece = text[start:end]
            bare = piece.rstrip(" \t")
            goes_on = bare.endswith(escape) and not bare.endswith(escape * 2)
            if goes_on:
                piece = bare[:-1]
            if piece or not starts:
                starts.append(length)
                places.append(start)
                pieces.append(piece)
                length += len(piece)
            if not goes_on or self.at >= self.limit:
                break
            start = self.at
            self._skip()
            empty = empty or _EMPTY_LINE.search(text, start, self.at) is not None
            if self.at >= self.limit:
                # Comments up to the end belong to it as well.
                end = max(end, self._before_line_end(self.at))
                break
            start = self.at
            end = self._line(start)
        return Joined("".join(pieces), tuple(starts), tuple(places)), end, empty

    def _heredocs(
        self, joined: Joined, command: Command, start: int, end: int
    ) -> tuple[tuple[Heredoc, ...], int]:
        """The heredocs of an instruction, and where the last one ends."""
        if "<<" not in joined.text or not _takes_heredocs(joined.text, command, self.escape, self.frontend):
            return (), end
        try:
            found = markers(joined.text, self.frontend)
        except BadSubstitution as problem:
            place = Span(self.source, start, end)
            self.problems.append(Problem(f"a heredoc cannot be read: {problem}", place))
            return (), end
        heredocs = []
        for marker in found:
            heredoc = self._heredoc(marker)
            if heredoc is None:
                end = max(end, self._before_line_end(self.limit))
                if self.limit == len(self.source.text):
                    self.problems.append(_unterminated(marker.name, Span(self.source, start, end)))
                break
            heredocs.append(heredoc)
            end = heredoc.end.end
        return tuple(heredocs), end

    def _before_line_end(self, at: int) -> int:
        """The end of the line that ends at `at`, without its line end."""
        text = self.source.text
        if at > 0 and text[at - 1] == "\n":
            at -= 1
        while at > 0 and text[at - 1] == "\r":
            at -= 1
        return at

    def _heredoc(self, marker: Marker) -> Heredoc | None:
        text, start = self.source.text, self.at
        while (line := self.at) < self.limit:
            end = self._line(line)
            written = text[line:end]
            if (written.lstrip("\t") if marker.chomp else written) == marker.name:
                return Heredoc(marker, Span(self.source, start, line), Span(self.source, line, end))
        return None


def flag_escape(escape: str, frontend: Frontend) -> str:
    """The escape character inside flags."""
    return escape if frontend.flag_escapes else "\\"


def _takes_heredocs(text: str, command: Command, escape: str, frontend: Frontend) -> bool:
    """Whether `<<` can open a heredoc here: in ADD, COPY and RUN, ONBUILD before them, not in JSON form."""
    name = command.keyword.text.lower()
    if name == "onbuild":
        command = split_command(text, flag_escape(escape, frontend), command.rest.start)
        name = command.keyword.text.lower()
    if name not in _WITH_HEREDOC:
        return False
    try:
        return json_words(command.rest, whole=frontend.whole_json) is None
    except BadWords:
        return False


def _unterminated(name: str, span: Span) -> Problem:
    quoted = shown(name)
    hint = f"write {quoted[1:-1]} alone on a line after its text"
    return Problem(f"the heredoc {quoted} never ends", span, hint)
