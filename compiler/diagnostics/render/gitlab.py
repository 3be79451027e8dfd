"""Findings as a GitLab code quality report: the subset of Code Climate's format that GitLab reads."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from compiler.diagnostics.model import Diagnostic, Severity
from compiler.diagnostics.render.fingerprint import fingerprints
from compiler.diagnostics.render.place import carried, last_line, place, posix

_SEVERITY = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.NOTE: "info"}


def render(diagnostics: Iterable[Diagnostic]) -> str:
    """One array; every finding is one line of it, sorted."""
    found = sorted(diagnostics, key=Diagnostic.sort_key)
    if not found:
        return "[]\n"
    issues = (_issue(*pair) for pair in zip(found, fingerprints(found), strict=True))
    return "[\n" + ",\n".join(json.dumps(issue) for issue in issues) + "\n]\n"


def _issue(diagnostic: Diagnostic, fingerprint: str) -> dict[str, Any]:
    where = place(diagnostic.span)
    # GitLab shows the description and nothing else, on one line.
    said = "; ".join((diagnostic.message, *(" ".join(note.split()) for note in diagnostic.notes)))
    help_text = f" (help: {diagnostic.hint})" if diagnostic.hint else ""
    return {
        "description": carried(said + help_text),
        "check_name": diagnostic.code,
        "fingerprint": fingerprint,
        "severity": _SEVERITY[diagnostic.severity],
        "location": {
            "path": posix(where["file"]),
            "lines": {"begin": where["line"], "end": last_line(where)},
        },
    }
