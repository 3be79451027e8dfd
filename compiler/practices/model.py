"""What a practice looks at, and what it gives.

A practice is a module with CODES and `check(subject)`, listed in
`compiler.practices.PRACTICES`. It gives diagnostics whose `fix` is the
better file, whatever its safety: `worth` builds that on paper and says what
the finding costs. It reads no file and runs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from compiler.context.model import History, Tree
from compiler.diagnostics.model import Diagnostic
from compiler.dockerfile.ignore import IgnoreFile
from compiler.dockerfile.reader import Dockerfile
from compiler.layers.model import BuildGraph
from compiler.source import SourceFile


@dataclass(frozen=True, slots=True)
class Subject:
    """One Dockerfile as it is built.

    `graph` are the steps of `target` with `arguments`. `context` is what lies
    in the context's folder before .dockerignore (None: not known, such as
    for text alone); `files` are texts of small files of it, by path, read when
    a practice asks (`text`). `ignore` is the .dockerignore that counts, None
    without one; `ignore_path` where one would be written. `prefix` is the context's path from the
    repository's root ("." at the root), `history` the repository's. `persistent` tells that cache mounts
    survive between builds: one builder that stays.
    """

    dockerfile: Dockerfile
    graph: BuildGraph
    target: str | None = None
    arguments: tuple[tuple[str, str], ...] = ()
    context: Tree | None = field(default=None, repr=False)
    read: TextReader | None = field(default=None, repr=False)
    ignore: IgnoreFile | None = None
    ignore_path: str = ".dockerignore"
    prefix: str = "."
    history: History | None = field(default=None, repr=False)
    persistent: bool = True

    def text(self, path: str) -> SourceFile | None:
        """A small text file of the context; None where there is none, or it is large, binary or unknown."""
        return self.read(path) if self.read is not None else None


class TextReader(Protocol):
    """Reads a text file of the context by its path, at most a megabyte; never raises."""

    def __call__(self, path: str) -> SourceFile | None:
        """The file, or None."""


class Practice(Protocol):
    """The three names of a practice's module."""

    CODES: tuple[str, ...]

    def check(self, subject: Subject) -> Iterator[Diagnostic]:
        """What could be better, in the order of the file. Never raises for what the input says."""


@dataclass(frozen=True, slots=True)
class Worth:
    """What a finding costs: the build's expected time now and with the better file, in seconds per rebuild.

    `basis` says what the shares of misses are from: "history" (with `builds`
    rebuilds in it) or "assumed".
    """

    before_s: float
    after_s: float
    basis: str
    builds: int = 0

    @property
    def saved_s(self) -> float:
        """Seconds saved per rebuild; negative where the fix makes it slower."""
        return self.before_s - self.after_s


@dataclass(frozen=True, slots=True)
class Finding:
    """A diagnostic of a practice and its worth; None where it has none in time, as a base without tag."""

    diagnostic: Diagnostic
    worth: Worth | None
