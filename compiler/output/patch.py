"""Changes as a unified diff that `git apply` and `patch` take; deterministic, without colour.

Takes `Changes` and the folder that they were found in; gives text. Files are
in path order. Lines are matched by anchors that occur once on both sides
(patience diff), and only short gaps between them by difflib, whose worst case
is cubic: a diff of any size takes next to no time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from difflib import Match, SequenceMatcher
from itertools import pairwise
from pathlib import Path

from compiler.artifacts import Artifact
from compiler.output.changes import Changes, FileChange, Status, Tree

_MAX_TEXT_BYTES = 16 * 1024 * 1024
_MAX_GAP = 300 * 300  # lines on one side times lines on the other
_CONTEXT = 3


def diff(folder: Path, changes: Changes, artifacts: Iterable[Artifact]) -> str:
    """The unified diff from `folder` as it is to what writing would make of it; "" where nothing changes.

    Old names start with a/, new ones with b/, and the side of a file that does
    not exist is /dev/null. A conflict is shown as if it were written over, so
    that the person sees what to merge, if it is a text in a produced file.

    Raises:
        OSError: a file cannot be read.
    """
    wanted = {artifact.path: artifact for artifact in artifacts}
    tree = Tree(folder)
    shown = [change for change in changes.files if change.status is not Status.UNCHANGED]
    return "".join(line for change in shown for line in _file(tree, change, wanted.get(change.path)))


def text_diff(path: str, before: str | None, after: str) -> str:
    """The unified diff of one text that changes, as `git diff` has it; None before is a new file.

    Lines end at LF alone, and a carriage return before it is part of its line.
    """
    old, new = f"a/{path}", f"b/{path}"
    head = f"diff --git {old} {new}\n"
    if before is None:
        head += "new file mode 100644\n"
        old = "/dev/null"
    lines = _hunks(_split(before or ""), _split(after))
    return "".join([head, f"--- {_name(old)}\n+++ {_name(new)}\n", *lines])


def _file(tree: Tree, change: FileChange, artifact: Artifact | None) -> Iterator[str]:
    """The lines of one file, with line ends."""
    found = tree.look(change.path) if change.stamp else None
    if found is None and (artifact is None or change.status is Status.CONFLICT):
        return
    if artifact is None and change.status is Status.CONFLICT:
        return
    old, new = f"a/{change.path}", f"b/{change.path}"
    yield f"diff --git {old} {new}\n"
    old_mode = "100755" if found and found.st_mode & 0o100 else "100644"
    new_mode = f"100{artifact.mode:o}" if artifact else ""
    if found is None:
        yield f"new file mode {new_mode}\n"
        before: list[str] | None = []
        old = "/dev/null"
    else:
        before = _lines(tree.read(change.path)) if found.st_size <= _MAX_TEXT_BYTES else None
        if artifact is None:
            yield f"deleted file mode {old_mode}\n"
            new = "/dev/null"
        elif old_mode != new_mode:
            yield f"old mode {old_mode}\nnew mode {new_mode}\n"
    after = _lines(artifact.content.encode()) if artifact else []
    if before is None or after is None:
        yield f"Binary files {old} and {new} differ\n"
    elif before != after:
        yield f"--- {_name(old)}\n+++ {_name(new)}\n"
        yield from _hunks(before, after)


def _name(path: str) -> str:
    # A tab ends a name that has spaces in it, as git writes it.
    return f"{path}\t" if " " in path else path


def _lines(data: bytes) -> list[str] | None:
    """The lines with their ends; None where this is no text."""
    if b"\0" in data:
        return None
    try:
        return _split(data.decode())
    except UnicodeDecodeError:
        return None


def _split(text: str) -> list[str]:
    """The lines of a text with their ends."""
    lines = [f"{line}\n" for line in text.split("\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def _hunks(before: list[str], after: list[str]) -> Iterator[str]:
    for group in _Matched(_blocks(before, after)).get_grouped_opcodes(_CONTEXT):
        (_, old_start, _, new_start, _), (_, _, old_end, _, new_end) = group[0], group[-1]
        yield f"@@ -{_range(old_start, old_end)} +{_range(new_start, new_end)} @@\n"
        for tag, old_from, old_to, new_from, new_to in group:
            if tag == "equal":
                yield from (_line(" ", line) for line in before[old_from:old_to])
            else:
                yield from (_line("-", line) for line in before[old_from:old_to])
                yield from (_line("+", line) for line in after[new_from:new_to])


def _line(mark: str, line: str) -> str:
    return f"{mark}{line}" if line.endswith("\n") else f"{mark}{line}\n\\ No newline at end of file\n"


def _range(start: int, end: int) -> str:
    """Lines `start` (from 0) to `end` (exclusive) as a hunk's header has them (POSIX diff -u)."""
    length = end - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"


class _Matched(SequenceMatcher[str]):
    """difflib's grouping of hunks over matches that were found elsewhere."""

    def __init__(self, blocks: list[Match]) -> None:
        super().__init__()
        self._blocks = blocks

    def get_matching_blocks(self) -> list[Match]:
        return self._blocks


def _blocks(before: list[str], after: list[str]) -> list[Match]:
    """The runs of equal lines in order, neighbours joined, closed as difflib wants it."""
    blocks: list[Match] = []
    anchors = [(-1, -1), *_anchors(before, after), (len(before), len(after))]
    for (old, new), (next_old, next_new) in pairwise(anchors):
        if old >= 0:
            _append(blocks, old, new, 1)
        _match_gap(before, after, (old + 1, next_old), (new + 1, next_new), blocks)
    blocks.append(Match(len(before), len(after), 0))
    return blocks


def _append(blocks: list[Match], old: int, new: int, size: int) -> None:
    last = blocks[-1] if blocks else Match(-1, -1, 0)
    if size and (last.a + last.size, last.b + last.size) == (old, new):
        blocks[-1] = Match(last.a, last.b, last.size + size)
    elif size:
        blocks.append(Match(old, new, size))


def _match_gap(
    before: list[str], after: list[str], old: tuple[int, int], new: tuple[int, int], blocks: list[Match]
) -> None:
    """Append the matches between two anchors: equal lines at both ends, and what difflib finds within."""
    (old_start, old_end), (new_start, new_end) = old, new
    shorter = min(old_end - old_start, new_end - new_start)
    head = 0
    while head < shorter and before[old_start + head] == after[new_start + head]:
        head += 1
    tail = 0
    while tail < shorter - head and before[old_end - 1 - tail] == after[new_end - 1 - tail]:
        tail += 1
    _append(blocks, old_start, new_start, head)
    left, right = before[old_start + head : old_end - tail], after[new_start + head : new_end - tail]
    if 0 < len(left) * len(right) <= _MAX_GAP:
        for match in SequenceMatcher(None, left, right).get_matching_blocks():
            _append(blocks, old_start + head + match.a, new_start + head + match.b, match.size)
    _append(blocks, old_end - tail, new_end - tail, tail)


def _anchors(before: list[str], after: list[str]) -> list[tuple[int, int]]:
    """Places of lines that are unique on each side: the longest run that rises on both (patience sorting)."""
    old_count, new_count = Counter(before), Counter(after)
    places = {line: place for place, line in enumerate(after) if new_count[line] == 1}
    pairs = [(n, places[line]) for n, line in enumerate(before) if old_count[line] == 1 and line in places]
    tops: list[int] = []  # of each pile, the place in `after` of its top card
    cards: list[int] = []  # and which pair that is
    below: list[int] = []  # of each pair, the pair on top of the pile to the left
    for number, (_, place) in enumerate(pairs):
        pile = bisect_left(tops, place)
        below.append(cards[pile - 1] if pile else -1)
        tops[pile : pile + 1] = [place]
        cards[pile : pile + 1] = [number]
    chain = []
    number = cards[-1] if cards else -1
    while number >= 0:
        chain.append(pairs[number])
        number = below[number]
    return chain[::-1]
