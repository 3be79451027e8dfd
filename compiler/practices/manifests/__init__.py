"""STC908: an install of dependencies that runs again whenever a source changes.

Takes a Subject, gives the installs that stand behind a copy of more than manifests, with the better
order where all files that the install reads are known. What an ecosystem reads is in `closure`, what
a copy may move past in `reordering`.
"""

from __future__ import annotations

from collections.abc import Iterator

from compiler.diagnostics.model import Diagnostic, Label, Severity
from compiler.practices.manifests.conventions import ADVICE
from compiler.practices.manifests.manifest_order import better_order
from compiler.practices.manifests.waiting import Waiting, waiting_installs
from compiler.practices.model import Subject
from compiler.source import Span

CODES: tuple[str, ...] = ("STC908",)

_LONGEST_SHOWN = 60


def check(subject: Subject) -> Iterator[Diagnostic]:
    """The installs that wait for sources, in the order of the file."""
    found = [_diagnostic(each) for each in waiting_installs(subject)]
    yield from sorted({each.sort_key(): each for each in found}.values(), key=Diagnostic.sort_key)


def _diagnostic(case: Waiting) -> Diagnostic:
    """The finding about one install."""
    command = _shown(case)
    span = _span(case)
    # Of several copies the one with most files, the first of equals; unknown ones are whole folders.
    most = max(case.waits, key=lambda wait: len(wait[1]) if wait[1] is not None else 1 << 30)
    waiting = case.line[most[0]].instruction
    what = "downloads and compiles" if case.install.compiles else "installs"
    fix, notes = better_order(case)
    hint = ADVICE[case.install.ecosystem]
    if fix is not None and not case.install.compiles:
        hint = "copy what the install reads first, and the rest behind it"
    return Diagnostic(
        "STC908",
        Severity.WARNING,
        f"`{command}` {what} everything again whenever a source changes",
        span,
        "waits for the sources",
        (Label(waiting.span, _label(case)),),
        tuple(notes),
        hint,
        fix,
    )


def _label(case: Waiting) -> str:
    files = frozenset().union(*(each for _, each in case.waits if each is not None))
    if not files:
        return "these files change more often than the dependencies"
    shown = "1 file" if len(files) == 1 else f"{len(files):,} files"
    return f"{shown} that the install does not need"


def _shown(case: Waiting) -> str:
    command = case.ran.activities[case.install.command].command
    return " ".join(" ".join(command.words).split())[:_LONGEST_SHOWN].replace("`", "'")


def _span(case: Waiting) -> Span:
    return case.ran.commands.place(case.ran.activities[case.install.command].command)
