"""What a fix does to the lines that it touches, as rows to show under a finding."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import zip_longest

from compiler.diagnostics.model import Edit, Fix
from compiler.diagnostics.render.cells import visible
from compiler.diagnostics.render.excerpt import WIDTH, line_end

_LINE_END = re.compile(r"\r\n|\r|\n")
_MOST_EDITS = 8
_MOST_ROWS = 12
_LONGEST = 2000
_CONTEXT = 24


@dataclass(frozen=True, slots=True)
class Change:
    """One line that a fix removes ("-") or adds ("+"), under the number it has before the fix."""

    line: int
    sign: str
    text: str


def preview(fix: Fix) -> tuple[Change, ...]:
    """The lines before and after, or nothing where that would not be short and plain to read.

    Nothing for edits that overlap, lie in several files or touch lines of
    thousands of characters; other long lines are cut around what changes.
    """
    edits = sorted(fix.edits, key=lambda edit: (edit.span.start, edit.span.end))
    if not edits or len(edits) > _MOST_EDITS or not _plain(edits):
        return ()
    changes: list[Change] = []
    while edits:
        hunk, edits = _hunk(edits)
        found = _changes(hunk)
        if found is None or len(changes) + len(found) > _MOST_ROWS:
            return ()
        changes.extend(found)
    return tuple(changes)


def _plain(edits: list[Edit]) -> bool:
    source = edits[0].span.source
    reached = 0
    for edit in edits:
        start, end = edit.span.start, edit.span.end
        inside = reached <= start <= end <= len(source.text)
        if not inside or end - start + len(edit.replacement) > _LONGEST or edit.span.source != source:
            return False
        reached = end
    return True


def _hunk(edits: list[Edit]) -> tuple[list[Edit], list[Edit]]:
    """The first edits that share or join lines, and the others."""
    last = edits[0].span.last.line
    count = 1
    while count < len(edits) and edits[count].span.first.line <= last + 1:
        last = max(last, edits[count].span.last.line)
        count += 1
    return edits[:count], edits[count:]


def _changes(hunk: list[Edit]) -> list[Change] | None:
    """The lines of one hunk before and after, without those that stay; None where that is long."""
    text = hunk[0].span.source.text
    first = hunk[0].span.first
    start = hunk[0].span.start - first.column + 1
    end = line_end(text, hunk[-1].span.end, WIDTH)
    if end - start > _LONGEST:
        return None
    pieces = []
    reached = start
    for edit in hunk:
        pieces += [text[reached : edit.span.start], edit.replacement]
        reached = edit.span.end
    before = _LINE_END.split(text[start:end])
    after = _LINE_END.split("".join([*pieces, text[reached:end]]))
    line = first.line
    while before and after and before[-1] == after[-1]:
        del before[-1], after[-1]
    while before and after and before[0] == after[0]:
        del before[0], after[0]
        line += 1
    old, new = _cut(before, after), _cut(after, before)
    if any(
        a == b and c != d for a, c in zip(old, before, strict=True) for b, d in zip(new, after, strict=True)
    ):
        return None  # what differs is behind a cut
    return [
        *(Change(line + index, "-", visible(shown)) for index, shown in enumerate(old)),
        *(Change(line + index, "+", visible(shown)) for index, shown in enumerate(new)),
    ]


def _cut(lines: list[str], others: list[str]) -> list[str]:
    """Lines of at most `WIDTH`: longer ones, and their counterparts, around where the two begin to differ."""
    room = WIDTH - 2
    cut = []
    for line, other in zip_longest(lines, others[: len(lines)], fillvalue=""):
        low = 0
        if max(len(line), len(other)) > WIDTH:
            same = (a == b for a, b in zip(line, other, strict=False))
            differ = next((at for at, equal in enumerate(same) if not equal), min(len(line), len(other)))
            low = differ - _CONTEXT if differ > room - 2 * _CONTEXT else 0
        shown = line if len(line) <= WIDTH and not low else line[low : low + room]
        left, right = "\u2026" * (low > 0), "\u2026" * (low + len(shown) < len(line))
        cut.append(f"{left}{shown}{right}")
    return cut
