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


@dataclass(frozen=True, slots=True)
class Commands:
    """The commands of a RUN, wrappers such as sudo seen through.

    `text` is what the shell gets; offsets of the commands are in it. It is made of pieces: from `starts[n]`
    on it stands in the source from `places[n]` on, without a gap until the next piece.
    """

    text: str
    script: Script
    span: Span
    starts: tuple[int, ...]
    places: tuple[int, ...]

    def place(self, command: Command) -> Span:
        """Where a command stands in the Dockerfile; continuations and comments in it included."""
        first = self._offset(command.start)
        last = self._offset(max(command.start, command.end - 1)) + 1
        return Span(self.span.source, first, max(first, last))

    def _offset(self, at: int) -> int:
        index = max(0, bisect_right(self.starts, at) - 1)
        offset = self.places[index] + at - self.starts[index]
        return min(max(offset, self.span.start), self.span.end)


def commands(
    dockerfile: Dockerfile, instruction: Instruction, shell: Sequence[str] = DEFAULT_SHELL
) -> Commands:
    """The commands of a RUN of this file (or of one that ONBUILD keeps). Never raises.

    `shell` is what SHELL says. One that reads another language than a POSIX shell gives a
    script without commands that is not complete.
    """
    lines = _lines(dockerfile, instruction)
    text, starts, places, posix = _text(instruction, lines)
    if instruction.json:
        script = single_command([word.text for word in instruction.words], len(text))
    elif not posix or any(_OTHER_SHELL.search(word) for word in shell):
        script = Script((), complete=False)
    else:
        script = read_script(text)
    return Commands(text, seen_through(script), instruction.span, tuple(starts), tuple(places))


def _lines(dockerfile: Dockerfile, instruction: Instruction) -> Lines | None:
    """The lines that an instruction was made of; None for one of another file (a base image's trigger)."""
    written = dockerfile.written.instructions
    at = bisect_left(written, instruction.span.start, key=lambda lines: lines.span.start)
    if instruction.span.source is not dockerfile.source or at == len(written):
        return None
    return written[at] if written[at].span == instruction.span else None


def _text(instruction: Instruction, lines: Lines | None) -> tuple[str, list[int], list[int], bool]:
    """The text, its pieces, and whether a POSIX shell may read it."""
    rest = instruction.rest.text
    starts, places = _pieces(instruction, lines)
    heredocs = instruction.heredocs
    if not heredocs or instruction.json:
        return rest, starts, places, True
    opened = markers(rest)
    if len(opened) == len(heredocs) == 1 and rest.rstrip(SPACE).startswith("<<") and len(rest.split()) == 1:
        text, starts, places = _heredoc(heredocs[0])
        posix = not text.startswith("#!") or _SHEBANG.match(text) is not None
        return text, starts, places, posix
    text = rest
    for heredoc in heredocs:
        starts.append(len(text) + 1)
        places.append(heredoc.body.start)
        text += "\n" + heredoc.body.text + heredoc.marker.name
    return text, starts, places, True


def _heredoc(heredoc: Heredoc) -> tuple[str, list[int], list[int]]:
    """The text of a heredoc, without the tabs that `<<-` takes, and its pieces."""
    body = heredoc.body
    if not heredoc.marker.chomp:
        return body.text, [0], [body.start]
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
    return "\n".join(lines), starts, places


def _pieces(instruction: Instruction, lines: Lines | None) -> tuple[list[int], list[int]]:
    """Where the joined text after the flags stands in the source."""
    rest = instruction.rest
    if lines is None:
        return [0], [rest.span.start]
    joined = lines.joined
    begin = len(joined.text.rstrip(SPACE)) - len(rest.text.rstrip(SPACE))
    if begin < 0 or not joined.text.startswith(rest.text, begin):
        return [0], [rest.span.start]
    index = max(0, bisect_right(joined.starts, begin) - 1)
    starts = [start - begin for start in joined.starts[index:]]
    places = list(joined.places[index:])
    # The first piece begins before the command: the keyword and flags are cut off.
    places[0] -= starts[0]
    starts[0] = 0
    return starts, places
