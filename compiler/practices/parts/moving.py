"""Edits that move whole instructions of a Dockerfile, with the comments that belong to them.

Takes instructions of one file, gives edits; every other byte stays as it is.
Whether a move is right is not asked here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from compiler.diagnostics.model import Edit
from compiler.dockerfile.instructions import Instruction
from compiler.dockerfile.reader import Dockerfile
from compiler.source import SourceFile, Span


def block(dockerfile: Dockerfile, instruction: Instruction) -> Span:
    """The lines of an instruction with the comments right above it, to the start of the line after them."""
    text = dockerfile.source.text
    start = text.rfind("\n", 0, instruction.span.start) + 1
    floor = _end_before(dockerfile, instruction)
    while start > floor:
        above = text.rfind("\n", 0, start - 1) + 1
        if above < floor or not text[above:start].lstrip().startswith("#"):
            break
        start = above
    end = text.find("\n", instruction.span.end)
    return Span(dockerfile.source, start, len(text) if end < 0 else end + 1)


def moved(
    dockerfile: Dockerfile, movers: Sequence[Instruction], before: Instruction | None
) -> tuple[Edit, ...]:
    """Move instructions, in their order, to right before another one; None is the end of their stage.

    All must be of one file, and `before` none of the movers.
    """
    blocks = [_with_space(dockerfile, block(dockerfile, mover)) for mover in movers]
    ending = line_end(dockerfile.source)
    text = "".join(one.text if one.text.endswith("\n") else one.text + ending for one in blocks)
    source = dockerfile.source
    if before is None:
        last = block(dockerfile, _last_of_stage(dockerfile, movers[-1]))
        place = last.end
        if not last.text.endswith("\n"):
            text = ending + text
    else:
        place = block(dockerfile, before).start
    edits = [Edit(Span(source, place, place), text), *(Edit(one, "") for one in blocks)]
    return tuple(sorted(edits, key=lambda edit: (edit.span.start, edit.span.end)))


def line_end(source: SourceFile) -> str:
    """How the lines of a file end."""
    first = source.text.find("\n")
    return "\r\n" if first > 0 and source.text[first - 1] == "\r" else "\n"


def _end_before(dockerfile: Dockerfile, instruction: Instruction) -> int:
    """Where the lines of the instruction before this one end; after directives for the first."""
    instructions = dockerfile.instructions
    at = bisect_left(instructions, instruction.span.start, key=lambda found: found.span.start)
    ends = [directive.span.end for directive in dockerfile.directives[-1:]]
    if at > 0:
        ends.append(instructions[at - 1].span.end)
    if not ends:
        return 0
    end = dockerfile.source.text.find("\n", max(ends))
    return len(dockerfile.source.text) if end < 0 else end + 1


def _last_of_stage(dockerfile: Dockerfile, instruction: Instruction) -> Instruction:
    for stage in reversed(dockerfile.stages):
        if stage.head.span.start <= instruction.span.start:
            return stage.instructions[-1] if stage.instructions else stage.head
    return instruction


def _with_space(dockerfile: Dockerfile, lines: Span) -> Span:
    """The block with the empty line after it, where one stands before it as well: a paragraph of its own."""
    text = dockerfile.source.text
    before = text[text.rfind("\n", 0, max(lines.start - 1, 0)) + 1 : lines.start]
    end = text.find("\n", lines.end)
    after = text[lines.end : end + 1]
    if end >= 0 and lines.start > 0 and not before.strip() and not after.strip():
        return Span(dockerfile.source, lines.start, end + 1)
    return lines
