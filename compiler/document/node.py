"""A parsed document: plain data and, beside it, where every part of it stands.

Owns the tree that everything above reads. A node knows its own source, so a
tree merged from several files still points each part at the file that says it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from compiler.source import SourceFile, Span

MERGE_KEY = "<<"
EXTENSION_PREFIX = "x-"


class Node:
    """One value of a document, mapping, sequence or scalar.

    `value` is plain data (dict, list, str, int, float, bool, None). `children`
    runs parallel to it: a dict for a mapping, a list for a sequence, None for a
    scalar. Offsets are code points of `source`; `key_start` is -1 where there
    is no key (the root, items of a sequence). `weight` counts the nodes below
    and including it with aliases expanded. `plain` says that a scalar stands
    without quotes and tags, `faulty` that something was wrong with the value
    when it was read, so that nothing more should be said of it.

    Not a frozen dataclass: a million of them are made, by one loop; nothing
    changes a node once the document is read.
    """

    __slots__ = (
        "children",
        "end",
        "faulty",
        "key_end",
        "key_start",
        "plain",
        "source",
        "start",
        "value",
        "weight",
    )

    def __init__(
        self,
        value: Any,
        children: dict[str, Node] | list[Node] | None,
        source: SourceFile,
        start: int,
        end: int,
        weight: int = 1,
        plain: bool = False,
    ) -> None:
        self.value = value
        self.children = children
        self.source = source
        self.start = start
        self.end = end
        self.key_start = -1
        self.key_end = -1
        self.weight = weight
        self.plain = plain
        self.faulty = False

    def __repr__(self) -> str:
        return f"Node({self.value!r} at {self.source.path}:{self.start})"

    def under(self, key_start: int, key_end: int) -> Node:
        """The same value under another key: what an alias makes."""
        copy = Node(self.value, self.children, self.source, self.start, self.end, self.weight, self.plain)
        copy.key_start, copy.key_end, copy.faulty = key_start, key_end, self.faulty
        return copy

    def with_children(self, children: dict[str, Node] | list[Node]) -> Node:
        """A collection in the same place with other content."""
        value: Any
        if isinstance(children, dict):
            value = {key: child.value for key, child in children.items()}
        else:
            value = [child.value for child in children]
        copy = Node(value, children, self.source, self.start, self.end, self.weight)
        copy.key_start, copy.key_end, copy.faulty = self.key_start, self.key_end, self.faulty
        return copy

    @property
    def span(self) -> Span:
        """Where the value stands, without the blank space that ends a block."""
        text = self.source.text
        end = min(self.end, len(text))
        while end > self.start and text[end - 1] in " \t\r\n":
            end -= 1
        return Span(self.source, self.start, max(end, self.start))

    @property
    def key_span(self) -> Span:
        """Where the key stands; the value's first place when there is no key."""
        if self.key_start >= 0:
            return Span(self.source, self.key_start, self.key_end)
        return self.head

    @property
    def head(self) -> Span:
        """A short place for the whole node: a scalar's text, else the first line's worth of a collection."""
        if self.children is None:
            return self.span
        position = self.source.position(self.start)
        line = self.source.line_span(position.line)
        end = min(max(self.start + 1, line.end), self.span.end)
        return Span(self.source, self.start, end)

    @property
    def place(self) -> Span:
        """Where to point for what is wrong with the value: at its key where there is nothing to see of it."""
        return self.head if self.start < self.end else self.key_span

    @property
    def text(self) -> str:
        """The value as it is written in the file, for plain scalars."""
        return self.source.text[self.start : self.end]

    def get(self, key: str) -> Node | None:
        """The child under `key` of a mapping, or None."""
        return self.children.get(key) if isinstance(self.children, dict) else None

    def items(self) -> Iterator[tuple[str, Node]]:
        """Key and child of a mapping in the file's order, `x-` keys left out; nothing for other nodes."""
        if isinstance(self.children, dict):
            for key, child in self.children.items():
                if not key.startswith(EXTENSION_PREFIX):
                    yield key, child

    def elements(self) -> list[Node]:
        """The children of a sequence; nothing for other nodes."""
        return self.children if isinstance(self.children, list) else []

    def at(self, path: Sequence[str | int]) -> Node:
        """The node at `path`, or the deepest one on the way that exists."""
        node = self
        for step in path:
            below: Any = node.children
            has_it = (
                step in below
                if isinstance(below, dict)
                else isinstance(below, list) and step in range(len(below))
            )
            if not has_it:
                break
            node = below[step]
        return node


def shortened(text: str, limit: int = 60) -> str:
    """A piece of a document for a message: on one line, printable, cut where it is long."""
    line = text if text.isprintable() else ascii(text)[1:-1]
    return line if len(line) <= limit else line[: limit - 1] + "…"
