"""Findings as JSON, documented by schemas/diagnostics.schema.json.

ASCII only: what is not ASCII is escaped, so that no input can steer the
terminal that the output may be shown on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from compiler.diagnostics.model import Diagnostic, Fix
from compiler.diagnostics.render.place import carried, place
from compiler.source import Span


def render(diagnostics: Iterable[Diagnostic]) -> str:
    """One object with the key `diagnostics`; every finding is one line of it, sorted."""
    found = sorted(diagnostics, key=Diagnostic.sort_key)
    lines = ",\n".join(json.dumps(as_data(diagnostic)) for diagnostic in found)
    return f'{{"diagnostics": [\n{lines}\n]}}\n' if found else '{"diagnostics": []}\n'


def as_data(diagnostic: Diagnostic) -> dict[str, Any]:
    """One finding as plain data.

    `labels` holds what is said at the primary place, if anything, and then
    the secondary places. `hint` and `fix` are None where there is none.
    """
    own = [(diagnostic.span, diagnostic.label)] if diagnostic.label else []
    labels = [*own, *((label.span, label.message) for label in diagnostic.labels)]
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "message": carried(diagnostic.message),
        **place(diagnostic.span),
        "labels": [_label(span, message) for span, message in labels],
        "notes": [carried(note) for note in diagnostic.notes],
        "hint": carried(diagnostic.hint) if diagnostic.hint else None,
        "fix": _fix(diagnostic.fix) if diagnostic.fix else None,
    }


def _label(span: Span, message: str) -> dict[str, Any]:
    return {"message": carried(message), **place(span)}


def _fix(fix: Fix) -> dict[str, Any]:
    edits = [{**place(edit.span), "replacement": carried(edit.replacement)} for edit in fix.edits]
    return {"title": carried(fix.title), "safety": fix.safety.value, "edits": edits}
