"""Findings as workflow commands, which GitHub Actions turns into annotations.

The form is that of `core.error` in actions/toolkit: `::error key=value,...::message`
with percent escapes. GitHub accepts columns only where a place is within one line.
"""

from __future__ import annotations

from collections.abc import Iterable

from compiler.diagnostics.catalog import RULES
from compiler.diagnostics.model import Diagnostic, Severity
from compiler.diagnostics.render.cells import visible, visible_lines
from compiler.diagnostics.render.place import last_line, place, posix

_COMMAND = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def render(diagnostics: Iterable[Diagnostic]) -> str:
    """One command per finding, sorted."""
    return "".join(_command(diagnostic) + "\n" for diagnostic in sorted(diagnostics, key=Diagnostic.sort_key))


def escape_data(text: str) -> str:
    """Text after the second `::`."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_property(text: str) -> str:
    """The value of a property."""
    return escape_data(text).replace(":", "%3A").replace(",", "%2C")


def _command(diagnostic: Diagnostic) -> str:
    where = place(diagnostic.span)
    file = visible(posix(where["file"]))
    properties = {"file": file, "line": str(where["line"]), "endLine": str(last_line(where))}
    if where["line"] == where["endLine"]:
        properties |= {"col": str(where["column"]), "endColumn": str(where["endColumn"])}
    rule = RULES.get(diagnostic.code)
    properties["title"] = f"{diagnostic.code} {rule.name}" if rule else diagnostic.code
    written = ",".join(f"{key}={escape_property(value)}" for key, value in properties.items())
    return f"::{_COMMAND[diagnostic.severity]} {written}::{escape_data(_message(diagnostic))}"


def _message(diagnostic: Diagnostic) -> str:
    """The message and what an annotation has no field for, a line each."""
    lines = [visible(diagnostic.message)]
    if diagnostic.label:
        lines.append(visible(diagnostic.label))
    for label in filter(lambda label: label.message, diagnostic.labels):
        where = place(label.span)
        at = f"{where['file']}:{where['line']}:{where['column']}"
        lines.append(f"{visible(at)}: {visible(label.message)}")
    for note in diagnostic.notes:
        lines += visible_lines(f"note: {note}")
    if diagnostic.hint:
        lines += visible_lines(f"help: {diagnostic.hint}")
    return "\n".join(lines)
