"""Every character of a Dockerfile, as tokens: the concrete syntax that a fix edits.

Takes a Dockerfile, gives tokens that follow each other without a gap, so that
`render` is the text again; `decoded` and `encoded` do the same for any bytes.
They are made when they are asked for: most readers never do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from compiler.dockerfile.characters import BOM, SPACE
from compiler.dockerfile.instructions import Instruction
from compiler.dockerfile.lines import Joined, Lines
from compiler.dockerfile.reader import Dockerfile
from compiler.source import SourceFile, Span


class Kind(StrEnum):
    """What a token is.

    TEXT is a command in shell form or another argument that is not cut into
    words, PUNCTUATION what stands between the strings of a JSON form and the
    `--` after flags, CONTINUATION the escape character at the end of a line with the
    blanks after it, HEREDOC_END the line that ends a heredoc, UNREAD what
    follows a place where reading stopped.
    """

    BOM = "bom"
    SPACE = "space"
    LINE_END = "line end"
    DIRECTIVE = "directive"
    COMMENT = "comment"
    KEYWORD = "keyword"
    FLAG = "flag"
    WORD = "word"
    TEXT = "text"
    PUNCTUATION = "punctuation"
    CONTINUATION = "continuation"
    HEREDOC = "heredoc"
    HEREDOC_END = "heredoc end"
    UNREAD = "unread"


class Token(NamedTuple):
    """The characters `start` to `end` (exclusive) of the source; never empty."""

    kind: Kind
    start: int
    end: int


_BLANK = SPACE.replace("\n", "")
_LINE = re.compile(rf"([{_BLANK}]*+)(#[^\n]*|[^\n]*)(\n?)")


def decoded(path: str, data: bytes) -> SourceFile:
    """The source that some bytes are; what is not UTF-8 is kept as lone surrogates, as Python has it."""
    return SourceFile(path, data.decode("utf-8", "surrogateescape"))


def encoded(text: str) -> bytes:
    """The bytes of a text that `decoded` gave, or of a part of it."""
    return text.encode("utf-8", "surrogateescape")


def byte_range(span: Span) -> tuple[int, int]:
    """The bytes of the file that a span covers: first, and one past the last."""
    before = len(encoded(span.source.text[: span.start]))
    return before, before + len(encoded(span.text))


def render(source: SourceFile, tokens: Iterable[Token]) -> str:
    """The text of the tokens."""
    return "".join(source.text[token.start : token.end] for token in tokens)


def tokens(dockerfile: Dockerfile) -> Iterator[Token]:
    """All tokens, in order and without a gap."""
    source, written = dockerfile.source, dockerfile.written
    text = source.text
    at = 0
    if text.startswith(BOM) and written.end > 0:
        yield Token(Kind.BOM, 0, 1)
        at = 1
    directives = {directive.span.start for directive in written.directives}
    for instruction, lines in zip(dockerfile.instructions, written.instructions, strict=False):
        yield from _between(text, at, lines.span.start, directives)
        yield from _instruction(text, instruction, lines, written.escape)
        at = lines.span.end
    end = written.end if len(dockerfile.instructions) == len(written.instructions) else at
    yield from _between(text, at, end, directives)
    if end < len(text):
        yield Token(Kind.UNREAD, end, len(text))


def _between(text: str, at: int, end: int, directives: Iterable[int] = ()) -> Iterator[Token]:
    """Lines without an instruction, and what is left of the line before them."""
    while at < end:
        match = _LINE.match(text, at, end)
        if match is None:
            return
        word = match.start(2)
        stop = match.end(2)
        while stop > word and text[stop - 1] == "\r":
            stop -= 1
        # A carriage return before the line feed belongs to the line end.
        start = word
        while stop == word and start > at and match[3] and text[start - 1] == "\r":
            start -= 1
        kind = (
            Kind.DIRECTIVE if at in directives else Kind.COMMENT if match[2].startswith("#") else Kind.UNREAD
        )
        yield from _some(Kind.SPACE, at, start)
        yield from _some(kind, word, stop)
        ends = stop if stop > word else start
        yield from _some(Kind.LINE_END if match[3] else Kind.SPACE, ends, match.end())
        at = match.end()


def _some(kind: Kind, start: int, end: int) -> Iterator[Token]:
    if start < end:
        yield Token(kind, start, end)


def _instruction(text: str, instruction: Instruction, lines: Lines, escape: str) -> Iterator[Token]:
    end = lines.own_end
    at = lines.span.start
    for kind, start, stop in _parts(instruction, lines.joined):
        if start > at:
            yield from _gap(text, at, start, escape)
        yield Token(kind, start, stop)
        at = stop
    yield from _gap(text, at, end, escape)
    at = end
    for heredoc in lines.heredocs:
        yield from _between(text, at, heredoc.body.start)
        yield from _some(Kind.HEREDOC, heredoc.body.start, heredoc.body.end)
        yield from _some(Kind.HEREDOC_END, heredoc.end.start, heredoc.end.end)
        at = heredoc.end.end
    yield from _between(text, at, lines.span.end)


def _gap(text: str, at: int, end: int, escape: str) -> Iterator[Token]:
    """What stands between two parts: spaces, or continuations with the comments after them."""
    while at < end:
        feed = text.find("\n", at, end)
        stop = end if feed < 0 else feed
        while stop > at and feed >= 0 and text[stop - 1] == "\r":
            stop -= 1
        while at < stop:
            inner = at
            while inner < stop and text[inner] in SPACE:
                inner += 1
            yield from _some(Kind.SPACE, at, inner)
            at = stop
            if inner < stop and text[inner] == "#":
                yield Token(Kind.COMMENT, inner, stop)
            elif inner < stop and text[inner] == escape and not text[inner + 1 : stop].strip(" \t"):
                yield Token(Kind.CONTINUATION, inner, stop)
            elif inner < stop:
                at = inner + 1
                yield Token(Kind.PUNCTUATION, inner, at)
        if feed < 0:
            return
        yield Token(Kind.LINE_END, stop, feed + 1)
        at = feed + 1


def _parts(instruction: Instruction, joined: Joined) -> Iterator[tuple[Kind, int, int]]:
    """Keyword, flags and words, each cut where a continuation cuts it; ascending."""
    ranges: list[tuple[Kind, int, int]] = []
    found: Instruction | None = instruction
    while found is not None:
        ranges.append((Kind.KEYWORD, found.keyword.start, found.keyword.end))
        ranges += [(Kind.FLAG, flag.span.start, flag.span.end) for flag in found.flags]
        if found.trigger is None:
            ranges += _values(found)
        found = found.trigger
    pieces = _pieces(joined)
    number = 0
    for kind, start, end in ranges:
        while number < len(pieces) and pieces[number][1] <= start:
            number += 1
        index = number
        while index < len(pieces) and pieces[index][0] < end:
            first, last = max(start, pieces[index][0]), min(end, pieces[index][1])
            if first < last:
                yield kind, first, last
            index += 1


def _values(instruction: Instruction) -> list[tuple[Kind, int, int]]:
    if instruction.assignments:
        spans = [(a.name.span.start, (a.value or a.name).span.end) for a in instruction.assignments]
        if all(assignment.separator for assignment in instruction.assignments):
            return [(Kind.WORD, start, end) for start, end in spans]
    elif len(instruction.words) > 1 or instruction.json:
        return [(Kind.WORD, word.span.start, word.span.end) for word in instruction.words]
    rest = instruction.rest.span
    return [(Kind.TEXT, rest.start, rest.end)]


def _pieces(joined: Joined) -> list[tuple[int, int]]:
    """The parts of the source that the joined text is made of."""
    ends = [*joined.starts[1:], len(joined.text)]
    return [
        (place, place + end - start)
        for place, start, end in zip(joined.places, joined.starts, ends, strict=True)
    ]
