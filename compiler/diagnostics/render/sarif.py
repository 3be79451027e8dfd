"""Findings as SARIF 2.1.0 (OASIS standard, errata 01), for code scanning services and editors."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from typing import Any

from compiler.diagnostics.catalog import RULES
from compiler.diagnostics.explain import markdown
from compiler.diagnostics.model import Diagnostic, Edit, Fix, Safety
from compiler.diagnostics.render.fingerprint import fingerprints
from compiler.diagnostics.render.place import carried, place, posix
from compiler.source import Span

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render(diagnostics: Iterable[Diagnostic]) -> str:
    """One log with one run: the rules that were broken, and every finding on one line, sorted."""
    found = sorted(diagnostics, key=Diagnostic.sort_key)
    codes = sorted({diagnostic.code for diagnostic in found})
    index = {code: number for number, code in enumerate(codes)}
    results = [
        json.dumps(_result(diagnostic, index[diagnostic.code], fingerprint))
        for diagnostic, fingerprint in zip(found, fingerprints(found), strict=True)
    ]
    driver = {"name": "stagecast", "rules": [_rule(code) for code in codes]}
    run = json.dumps({"tool": {"driver": driver}, "columnKind": "unicodeCodePoints"})
    log = json.dumps({"$schema": SCHEMA, "version": "2.1.0"})
    lines = "\n" + ",\n".join(results) + "\n" if results else ""
    return f'{log[:-1]}, "runs": [{run[:-1]}, "results": [{lines}]}}]}}\n'


def _rule(code: str) -> dict[str, Any]:
    """A rule's documentation. It takes no arguments, so its braces need no escape."""
    rule = RULES.get(code)
    if rule is None:
        return {"id": code}
    why = " ".join(rule.why.split())
    return {
        "id": code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": f"{rule.summary}."},
        "fullDescription": {"text": why},
        "help": {"text": why, "markdown": markdown(rule)},
        "defaultConfiguration": {"level": rule.severity.value},
    }


def _result(diagnostic: Diagnostic, rule_index: int, fingerprint: str) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "ruleIndex": rule_index,
        "level": diagnostic.severity.value,
        "message": {"text": _message(_said(diagnostic))},
        "locations": [_location(diagnostic.span, diagnostic.label)],
        "partialFingerprints": {"stagecast/v1": fingerprint},
    }
    if diagnostic.labels:
        result["relatedLocations"] = [
            {"id": number, **_location(label.span, label.message)}
            for number, label in enumerate(diagnostic.labels)
        ]
    if diagnostic.fix and diagnostic.fix.edits and diagnostic.fix.safety is not Safety.DISPLAY:
        result["fixes"] = [_fix(diagnostic.fix)]
    return result


def _said(diagnostic: Diagnostic) -> str:
    """The message as a sentence, then notes and hint, which SARIF has no field for."""
    lines = [f"{diagnostic.message}."]
    lines += [f"Note: {note}" for note in diagnostic.notes]
    if diagnostic.hint:
        lines.append(f"Help: {diagnostic.hint}")
    if diagnostic.fix and diagnostic.fix.safety is Safety.DISPLAY:
        lines.append(f"Fix: {diagnostic.fix.title}")
    return "\n".join(lines)


def _message(text: str) -> str:
    """Escape what would be a placeholder (section 3.11.5) or an embedded link (3.11.6)."""
    return carried(text).replace("{", "{{").replace("}", "}}").replace("](", "\\](")


def _location(span: Span, message: str) -> dict[str, Any]:
    physical = {"artifactLocation": {"uri": uri(span.source.path)}, "region": _region(span)}
    said = {"message": {"text": _message(message)}} if message else {}
    return {"physicalLocation": physical, **said}


def _region(span: Span) -> dict[str, int]:
    where = place(span)
    return {
        "startLine": where["line"],
        "startColumn": where["column"],
        "endLine": where["endLine"],
        "endColumn": where["endColumn"],
    }


def _fix(fix: Fix) -> dict[str, Any]:
    by_path: dict[str, list[Edit]] = {}
    for edit in fix.edits:
        by_path.setdefault(edit.span.source.path, []).append(edit)
    return {
        "description": {"text": _message(fix.title)},
        "artifactChanges": [
            {"artifactLocation": {"uri": uri(path)}, "replacements": _replacements(edits)}
            for path, edits in by_path.items()
        ],
        "properties": {"safety": fix.safety.value},
    }


def _replacements(edits: Sequence[Edit]) -> list[dict[str, Any]]:
    return [
        {"deletedRegion": _region(edit.span), "insertedContent": {"text": carried(edit.replacement)}}
        for edit in edits
    ]


def uri(path: str) -> str:
    """A path as a URI reference (RFC 3986): relative paths stay relative, absolute ones become `file:`.

    Bytes of a file name that are not UTF-8 are encoded as they are on disk.
    """
    from urllib.parse import quote

    path = posix(path)
    try:
        encoded = quote(path.encode("utf-8", "surrogateescape"), safe="/")
    except UnicodeEncodeError:
        encoded = quote(carried(path), safe="/")
    if os.sep == "\\" and path[1:3] == ":/":  # a drive
        return f"file:///{path[0]}:{encoded[4:]}"
    return f"file://{encoded}" if path.startswith("/") else encoded
