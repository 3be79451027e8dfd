"""Why a folder or a repository cannot be read as it was asked: exceptions with words for people."""

from __future__ import annotations


class ContextProblem(Exception):
    """What stands against it: `message` is a sentence without a full stop, `hint` says what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class NotARepository(ContextProblem):
    """The folder lies in no Git repository, or there is no git to ask."""


class ShallowRepository(ContextProblem):
    """Part of the history is not here: a shallow clone, or one whose objects were not all fetched."""


class UnknownRevision(ContextProblem):
    """The repository has no such commit, or none at all."""


class UnreadableRepository(ContextProblem):
    """Git fails, or takes too long."""


class TooManyFiles(ContextProblem):
    """A folder holds more than is looked at."""
