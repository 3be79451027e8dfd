"""What the reader of shell text is in the middle of: open brackets, and a command and a word that grow.

Mutable, and gone when `reading` returns. A frame is one list of commands: the
text itself, what stands in brackets, between `if` and `fi`, in `$( )`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from compiler.shell.model import Command


@dataclass(slots=True)
class Word:
    """A word so far. `contexts` are its open quotes ('"') and `${` ("{"); `bare` means nothing is quoted."""

    start: int
    parts: list[str] = field(default_factory=list)
    contexts: list[str] = field(default_factory=list)
    bare: bool = True
    certain: bool = True

    @property
    def raw(self) -> bool:
        """Whether what follows is kept as written, quotes too: it stands in `${ }`."""
        return "{" in self.contexts


@dataclass(slots=True)
class Draft:
    """A command so far."""

    start: int
    end: int
    before: str
    depth: int
    words: list[str] = field(default_factory=list)
    variables: list[tuple[str, str]] = field(default_factory=list)
    redirections: list[tuple[str, str]] = field(default_factory=list)
    certain: bool = True

    def command(self) -> Command:
        """As a value."""
        return Command(
            tuple(self.words),
            self.start,
            self.end,
            self.before,
            self.depth,
            tuple(self.variables),
            self.certain,
            tuple(self.redirections),
        )


@dataclass(slots=True)
class Frame:
    """One open list of commands.

    `closing` ends it: ")", "}", "fi", "done", "esac", "`", or "" for the
    text itself. `opened` is where it began, if it is part of a word (a
    substitution), else None. `mode` is what words mean: "command", "for" (before
    `do`), "case" (before `in`), "pattern" (before `)`), "test" (in `[[ ]]`), "array",
    "function" (its name). `after` tells that a bracket has just closed, so
    that no command can start before an operator. `header` counts the words of a `for` or `case`.
    """

    closing: str
    mode: str = "command"
    opened: int | None = None
    before: str = ""
    after: bool = False
    header: int = 0
    draft: Draft | None = None
    word: Word | None = None
    redirection: str = ""
