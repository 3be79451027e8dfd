"""What is wrong with a Dockerfile or a .dockerignore, as a value; and how large one may be.

The limits are far above what anyone writes. They are here so that a hostile
file is answered within a second, and what is beyond them is a Problem.
"""

from __future__ import annotations

from dataclasses import dataclass

from compiler.source import Span

# In bytes, BuildKit's own.
LONGEST_LINE = 65_535
MOST_LINES = 50_000
MOST_INSTRUCTIONS = 3_000
# Of one instruction, and of all of them.
MOST_WORDS = 10_000
# What one instruction may open, and the name of one of them in characters.
MOST_HEREDOCS = 1_000
LONGEST_HEREDOC_NAME = 255
# Of one mount.
MOST_FIELDS = 100


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that BuildKit refuses: one sentence without a full stop, its place, what to do.

    `parsing` tells that its parser refuses it, before it asks what the instruction means.
    """

    message: str
    span: Span
    hint: str = ""
    parsing: bool = True
