"""Order: what should stand further up in a Dockerfile, and what further down (STC902, STC903)."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.diagnostics.model import Diagnostic
from compiler.practices.model import Subject
from compiler.practices.order.early_arguments import early_arguments
from compiler.practices.order.late_packages import asks, late_packages
from compiler.practices.parts.changing import Lines, changing, changing_by_names
from compiler.practices.parts.changing_names import kind
from compiler.practices.parts.runs import Run, runs

CODES = ("STC902", "STC903")


def check(subject: Subject) -> Iterator[Diagnostic]:
    """System packages after files that change, and changing arguments before what does not use them."""
    read = runs(subject.graph)
    if not read:
        return
    lines = changing_by_names(subject)
    if subject.history is not None and _asks_history(subject, read, lines):
        lines = changing(subject)
    found = [*late_packages(subject, read, lines), *early_arguments(subject, read, lines)]
    yield from sorted(found, key=Diagnostic.sort_key)


def _asks_history(subject: Subject, runs: dict[int, Run], lines: Lines) -> bool:
    """Whether any finding can hang on how often files change: only then is the history gone through."""
    if any(lines.sees_project(run.step) and asks(run) for run in runs.values()):
        return True
    arguments = (i for i in subject.dockerfile.instructions if i.name == "ARG")
    return any(kind(assignment.name.text) for i in arguments for assignment in i.assignments)
