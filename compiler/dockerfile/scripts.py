"""The shell text of a RUN: what the shell gets, its commands, and where they stand in the file.

Takes an instruction, gives Commands. Follows BuildKit (dispatchRun in
frontend/dockerfile/dockerfile2llb/convert.go): a single heredoc is the text itself,
others follow the line that opens them, a JSON form goes to no shell. What commands do is
in `compiler.shell`.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from compiler.dockerfile.characters import SPACE
from compiler.dockerfile.heredocs import markers
from compiler.dockerfile.instructions import Instruction
from compiler.dockerfile.lines import Heredoc, Lines
from compiler.dockerfile.reader import Dockerfile
from compiler.dockerfile.scope import DEFAULT_SHELL
from compiler.shell.model import Command, Script
from compiler.shell.reading import read_script, single_command
from compiler.shell.wrappers import seen_through
from compiler.source import Span

_OTHER_SHELL = re.compile(
    r"(?:^|[\\/\s\"'])(?:powershell|pwsh|cmd|python[0-9.]*|perl|node|nu|fish)(?:\.exe)?\b"
)
_SHEBANG = re.compile(r"#![^\n]*/(?:env\s+(?:-S\s+)?)?(?:ba|da|a|z|k)?sh\b")


class Text(NamedTuple):
    """What a RUN gives to its shell, in JSON form the array.

    It is made of pieces: from `starts[n]` on it stands in the source from `places[n]` on, without a gap until
    the next piece; `exact` tells that this is so of every character. `heredoc` tells that it is all of one's
    body. Not `posix` is a text of another language.
    """

    text: str
    starts: Sequence[int]
    places: Sequence[int]
    exact: bool
    heredoc: bool = False
    posix: bool = True


@dataclass(frozen=True, slots=True)
class Commands:
    """The commands of a RUN, wrappers such as sudo seen through. Their offsets are in the text."""

    instruction: Instruction
    read: Text
    script: Script

    @property
    def text(self) -> str:
        """What the shell gets, in JSON form the array."""
        return self.read.text

    @property
    def exact(self) -> bool:
        """Whether the text stands in the file as it is, but for continuations."""
        return self.read.exact

    def place(self, command: Command) -> Span:
        """Where a command stands in the Dockerfile; continuations and comments in it included."""
        return self._span(command.start, max(command.start + 1, command.end))

    def between(self, start: int, end: int) -> Span | None:
        """Where a part of the text stands; None where the file has another text there."""
        return self._span(start, end) if self.exact and end <= len(self.text) else None

    def _span(self, start: int, end: int) -> Span:
        first = self._offset(start)
        last = max(first, self._offset(end - 1) + 1) if end > start else first
        return Span(self.instruction.span.source, first, last)

    def _offset(self, at: int) -> int:
        index = max(0, bisect_right(self.read.starts, at) - 1)
        offset = self.read.places[index] + at - self.read.starts[index]
        span = self.instruction.span
        return min(max(offset, span.start), span.end)


def commands(
    dockerfile: Dockerfile, instruction: Instruction, shell: Sequence[str] = DEFAULT_SHELL
) -> Commands:
    """The commands of a RUN of this file (or of one that ONBUILD keeps). Never raises.

    `shell` is what SHELL says. One that reads another language than a POSIX shell gives a
    script without commands that is not complete.
    """
    text = _text(instruction, _lines(dockerfile, instruction))
    posix = text.posix
    if instruction.json:
        script = single_command([word.text for word in instruction.words], len(text.text))
    else:
        posix = posix and not any(_OTHER_SHELL.search(word) for word in shell)
        script = read_script(text.text) if posix else Script((), complete=False)
    return Commands(instruction, text._replace(posix=posix), seen_through(script))


def _lines(dockerfile: Dockerfile, instruction: Instruction) -> Lines | None:
    """The lines that an instruction was made of; None for one of another file (a base image's trigger)."""
    written = dockerfile.written.instructions
    at = bisect_left(written, instruction.span.start, key=lambda lines: lines.span.start)
    if instruction.span.source is not dockerfile.source or at == len(written):
        return None
    return written[at] if written[at].span == instruction.span else None


def _text(instruction: Instruction, lines: Lines | None) -> Text:
    line = _own_line(instruction, lines)
    heredocs = instruction.heredocs
    if not heredocs or instruction.json:
        return line
    opened = markers(line.text)
    bare = line.text.rstrip(SPACE).startswith("<<") and len(line.text.split()) == 1
    if len(opened) == len(heredocs) == 1 and bare:
        body = _heredoc(heredocs[0])
        posix = not body.text.startswith("#!") or _SHEBANG.match(body.text) is not None
        return body._replace(exact=line.exact, heredoc=True, posix=posix)
    text, starts, places = line.text, [*line.starts], [*line.places]
    for heredoc in heredocs:
        starts.append(len(text) + 1)
        places.append(heredoc.body.start)
        text += "\n" + heredoc.body.text + heredoc.marker.name
    return Text(text, starts, places, line.exact)


def _heredoc(heredoc: Heredoc) -> Text:
    """The text of a heredoc, without the tabs that `<<-` takes."""
    body = heredoc.body
    if not heredoc.marker.chomp:
        return Text(body.text, [0], [body.start], exact=True)
    lines: list[str] = []
    starts: list[int] = []
    places: list[int] = []
    start, place = 0, body.start
    for line in body.text.split("\n"):
        kept = line.lstrip("\t")
        starts.append(start)
        places.append(place + len(line) - len(kept))
        lines.append(kept)
        start, place = start + len(kept) + 1, place + len(line) + 1
    return Text("\n".join(lines), starts, places, exact=True)


def _own_line(instruction: Instruction, lines: Lines | None) -> Text:
    """The joined text after the flags."""
    rest = instruction.rest
    if lines is None:
        return Text(rest.text, [0], [rest.span.start], exact=False)
    joined = lines.joined
    begin = len(joined.text.rstrip(SPACE)) - len(rest.text.rstrip(SPACE))
    if begin < 0 or not joined.text.startswith(rest.text, begin):
        return Text(rest.text, [0], [rest.span.start], exact=False)
    index = max(0, bisect_right(joined.starts, begin) - 1)
    starts = [start - begin for start in joined.starts[index:]]
    places = list(joined.places[index:])
    # The first piece begins before the command: the keyword and flags are cut off.
    places[0] -= starts[0]
    starts[0] = 0
    return Text(rest.text, starts, places, exact=not instruction.json)
