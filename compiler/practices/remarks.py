"""The comments of a Dockerfile, and the instruction that each speaks of, for `diagnostics.suppress`."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from compiler.diagnostics.suppress import Comment
from compiler.dockerfile.reader import Dockerfile
from compiler.dockerfile.tokens import Kind, tokens


def comments(dockerfile: Dockerfile) -> Iterator[Comment]:
    """Every comment with the lines of its instruction: the next one, or the one that it stands in.

    What looks like a comment inside a heredoc is text. A comment after the
    last instruction speaks of no line.
    """
    source = dockerfile.source
    spans = [instruction.span for instruction in dockerfile.instructions]
    ends = [span.end for span in spans]
    for token in tokens(dockerfile):
        if token.kind is Kind.COMMENT:
            index = bisect_left(ends, token.end)
            lines = range(0)
            if index < len(spans):
                lines = range(spans[index].first.line, source.position(spans[index].end).line + 1)
            yield Comment(token.start, token.end, lines)
