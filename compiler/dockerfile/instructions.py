"""The instructions of a Dockerfile as typed values with their places.

Takes what `lines` cut out, gives an Instruction each: flags, words or pairs as
BuildKit's parser has them (frontend/dockerfile/parser/line_parsers.go). What
the words of COPY, RUN mounts and FROM mean is in `copies`, `mounts` and
`reader`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from compiler.dockerfile.characters import BLANK as _BLANK
from compiler.dockerfile.characters import SPACE as _SPACE
from compiler.dockerfile.lines import Heredoc, Joined, Lines, Written, flag_escape
from compiler.dockerfile.problems import Problem
from compiler.dockerfile.words import (
    BadWords,
    Command,
    Pair,
    Piece,
    divided,
    json_words,
    pairs,
    plain_words,
    quoted_words,
    split_command,
)
from compiler.source import SourceFile, Span

INSTRUCTIONS = (
    *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL"),
    *("MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
)
_COMMANDS = frozenset(("RUN", "CMD", "ENTRYPOINT", "SHELL"))
_LISTS = frozenset(("ADD", "COPY", "VOLUME"))
_SPACED = frozenset(("FROM", "EXPOSE"))


class Word(NamedTuple):
    """A part of an instruction: `text` as written but for continuations, quotes and variables kept.

    In JSON form it is the string that the JSON says.
    """

    text: str
    span: Span


class Flag(NamedTuple):
    """`--name=value` without its quotes; `value` is None without an `=`."""

    name: str
    value: str | None
    span: Span

    @property
    def text(self) -> str:
        """The whole flag, unquoted."""
        return f"--{self.name}" if self.value is None else f"--{self.name}={self.value}"


class Assignment(NamedTuple):
    """One of ARG, ENV or LABEL. `value` is None for an ARG without default; quotes are kept.

    `separator` is "=", or "" in the old form `ENV name value`.
    """

    name: Word
    value: Word | None
    separator: str = "="


class Instruction(NamedTuple):
    """One instruction.

    `name` is in capitals, `keyword` its place. `arguments` is the joined text
    after it, flags included; `rest` the same without flags. `words` are the
    values as BuildKit's parser has them: one for a command in shell form, the
    strings of a JSON form (`json`), those between blanks for COPY and the like;
    none for ARG, ENV and LABEL, whose values are `assignments`. `heredocs` are
    in the order of their markers. `trigger` is what ONBUILD keeps for later; its
    heredocs are those of the ONBUILD. `span` is all of the instruction's lines,
    heredocs included, without the last line end.
    """

    name: str
    keyword: Span
    arguments: str
    flags: tuple[Flag, ...]
    rest: Word
    words: tuple[Word, ...]
    json: bool
    assignments: tuple[Assignment, ...]
    heredocs: tuple[Heredoc, ...]
    trigger: Instruction | None
    span: Span
    empty_lines: bool

    def flag(self, name: str) -> Flag | None:
        """The first flag with this name."""
        for flag in self.flags:
            if flag.name == name:
                return flag
        return None

    @property
    def effective(self) -> Instruction:
        """The trigger of an ONBUILD that has one; else the instruction itself."""
        return self.trigger if self.trigger is not None else self


def typed(written: Written, lines: Lines, problems: list[Problem]) -> Instruction:
    """The instruction that some of the lines are; what BuildKit's parser refuses of it goes to `problems`."""
    return _Builder(written, lines, problems).build(lines.command, 0)


@dataclass(frozen=True, slots=True)
class _Builder:
    written: Written
    lines: Lines
    problems: list[Problem]

    def build(self, command: Command, depth: int) -> Instruction:
        name = command.keyword.text.upper()
        words: Sequence[Piece] = ()
        assignments: tuple[Assignment, ...] = ()
        json, trigger = False, None
        try:
            if name in ("ARG", "ENV", "LABEL"):
                assignments = self._assignments(name, command.rest)
            elif name == "ONBUILD":
                trigger = self._trigger(command.rest, depth)
            else:
                words, json = self._words(name, command.rest)
        except BadWords as problem:
            self.problems.append(Problem(str(problem), self.lines.span))
        joined = self.lines.joined
        after = Piece("", command.keyword.end, len(joined.text))
        return Instruction(
            name,
            self._span(command.keyword),
            joined.text[after.start :].strip(_SPACE),
            tuple(self._flag(piece) for piece in command.flags),
            self._word(command.rest),
            tuple(self._word(piece) for piece in words),
            json,
            assignments,
            self.lines.heredocs,
            trigger,
            self.lines.span,
            self.lines.empty_lines,
        )

    def _span(self, piece: Piece) -> Span:
        return _span(self.written.source, self.lines.joined, piece)

    def _word(self, piece: Piece) -> Word:
        return Word(piece.text, self._span(piece))

    def _flag(self, piece: Piece) -> Flag:
        name, equals, value = piece.text[2:].partition("=")
        return Flag(name, value if equals else None, self._span(piece))

    def _trigger(self, rest: Piece, depth: int) -> Instruction | None:
        # ONBUILD cannot stand in ONBUILD, so what follows a second one is not looked at.
        if not rest.text or depth > 1:
            return None
        escape = flag_escape(self.written.escape, self.written.frontend)
        return self.build(split_command(self.lines.joined.text, escape, rest.start), depth + 1)

    def _assignments(self, name: str, rest: Piece) -> tuple[Assignment, ...]:
        if name == "ARG":
            found = [
                divided(word) or Pair(word, word, "") for word in quoted_words(rest, self.written.escape)
            ]
            return tuple(
                Assignment(self._word(pair.name), self._word(pair.value) if pair.separator else None)
                for pair in found
            )
        return tuple(
            Assignment(self._word(pair.name), self._word(pair.value), pair.separator)
            for pair in pairs(rest, name, self.written.escape)
        )

    def _words(self, name: str, rest: Piece) -> tuple[Sequence[Piece], bool]:
        """The values of an instruction, and whether they are in JSON form."""
        if name not in INSTRUCTIONS or not rest.text:
            return (), False
        kind: list[Piece] = []
        if name == "HEALTHCHECK":
            kind, rest = _health(rest)
        elif name in _SPACED:
            return plain_words(rest), False
        elif name not in _COMMANDS and name not in _LISTS:
            return [rest], False
        array = json_words(rest, whole=self.written.frontend.whole_json)
        if array is not None:
            return kind + array, True
        return kind + (plain_words(rest) if name in _LISTS else [rest] if rest.text else []), False


def _health(rest: Piece) -> tuple[list[Piece], Piece]:
    """The kind of a HEALTHCHECK, and its command."""
    at = next((at for at, character in enumerate(rest.text) if character in _BLANK), len(rest.text))
    kind = Piece(rest.text[:at], rest.start, rest.start + at)
    while at < len(rest.text) and rest.text[at] in _BLANK:
        at += 1
    return [kind], Piece(rest.text[at:], rest.start + at, rest.end)


def _span(source: SourceFile, joined: Joined, piece: Piece) -> Span:
    if len(joined.starts) == 1:
        start = joined.places[0]
        return Span(source, start + piece.start, start + piece.end)
    return joined.span(source, piece.start, piece.end)
