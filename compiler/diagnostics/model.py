"""What the tool says about an input: diagnostics, as data.

A diagnostic cannot be built without a primary place. A failure of the tool
itself (a bug, a disk that is full) is an exception, never a diagnostic.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from compiler.source import Span


class Severity(StrEnum):
    """How much a finding matters: an error stops the compilation, a warning and a note do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Safety(StrEnum):
    """What may happen when a fix is applied without a person looking at it.

    SAFE keeps the meaning. UNSAFE may change it. DISPLAY is shown and never applied.
    """

    SAFE = "safe"
    UNSAFE = "unsafe"
    DISPLAY = "display"


@dataclass(frozen=True, slots=True)
class Label:
    """A secondary place and what it has to do with the finding, such as "first defined here"."""

    span: Span
    message: str


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the text of `span` by `replacement`."""

    span: Span
    replacement: str


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits that together mend the finding; `title` is an imperative sentence."""

    title: str
    edits: tuple[Edit, ...]
    safety: Safety


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding at one place.

    `code` is a key of `catalog.RULES`. `message` says what is wrong here in one
    sentence without a full stop, `label` (optional) what the caret points at,
    `notes` facts that explain it, `hint` what to do.
    """

    code: str
    severity: Severity
    message: str
    span: Span
    label: str = ""
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    hint: str = ""
    fix: Fix | None = None

    def sort_key(self) -> tuple[str, int, int, str, str]:
        """By file, place, code and message: the order in which findings are shown."""
        return (self.span.source.path, self.span.start, self.span.end, self.code, self.message)


class Findings:
    """The findings of one run, collected by passes that report and go on.

    Invariants: no two findings have the same code, place and message, so that a
    mistake seen by two passes (a base file on its own and merged) is one finding.
    Of one code there are at most `MOST_OF_A_CODE`; STC016 says when there were more.
    """

    MOST_OF_A_CODE = 1_000

    def __init__(self) -> None:
        self._found: dict[tuple[str, int, int, str, str], Diagnostic] = {}
        self._counts: dict[str, int] = {}

    def add(self, diagnostic: Diagnostic) -> None:
        """Record one finding."""
        key = diagnostic.sort_key()
        if key in self._found:
            return
        count = self._counts.get(diagnostic.code, 0)
        if count < self.MOST_OF_A_CODE:
            self._found[key] = diagnostic
        elif count == self.MOST_OF_A_CODE:
            message = f"more than {count:,} findings of {diagnostic.code}; from here on they are left out"
            more = Diagnostic("STC016", Severity.NOTE, message, diagnostic.span, hint="mend the first ones")
            self._found[more.sort_key()] = more
        self._counts[diagnostic.code] = count + 1

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Record several findings."""
        for diagnostic in diagnostics:
            self.add(diagnostic)

    def __iter__(self) -> Iterator[Diagnostic]:
        """All findings in the order of `Diagnostic.sort_key`."""
        return iter([self._found[key] for key in sorted(self._found)])

    def __len__(self) -> int:
        return len(self._found)

    @property
    def has_errors(self) -> bool:
        """Whether an error is among the findings: the driver stops between passes then."""
        return any(d.severity is Severity.ERROR for d in self._found.values())
