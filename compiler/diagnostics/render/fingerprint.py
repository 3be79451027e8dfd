"""A name for a finding that survives edits elsewhere in the file.

Made of the code, the file, the message and the text that the place covers, not
of its line, so that a report before and one after a change can be compared.
Findings that are equal in all of that are numbered in order.
"""

from __future__ import annotations

from collections.abc import Sequence

from compiler.diagnostics.model import Diagnostic

_TEXT = 200
"""Code points of the covered text that count; a whole service may be covered."""


def fingerprints(diagnostics: Sequence[Diagnostic]) -> list[str]:
    """For each finding 32 hexadecimal digits, all different."""
    import hashlib

    seen: dict[str, int] = {}
    result = []
    for diagnostic in diagnostics:
        span = diagnostic.span
        covered = span.source.text[span.start : min(span.end, span.start + _TEXT)]
        identity = "\0".join([diagnostic.code, span.source.path, diagnostic.message, covered])
        number = seen[identity] = seen.get(identity, -1) + 1
        digest = hashlib.sha256(f"{identity}\0{number}".encode("utf-8", "surrogatepass"))
        result.append(digest.hexdigest()[:32])
    return result
