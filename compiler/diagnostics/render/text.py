"""Findings for people: code, message, place, the lines with the place underlined, notes, hint, fix.

The layout is rustc's. Everything that comes from a file is made printable
first, so that no input can steer a terminal or forge a line of this output.
"""

from __future__ import annotations

from collections.abc import Iterable

from compiler.diagnostics.model import Diagnostic, Safety, Severity
from compiler.diagnostics.render.cells import visible, visible_lines
from compiler.diagnostics.render.preview import preview
from compiler.diagnostics.render.snippet import Mark, Row, Style, marks, rows
from compiler.source import SourceFile, Span

_RESET = "\x1b[0m"
_BOLD = "\x1b[1m"
_BLUE = "\x1b[1;34m"
_SEVERITY = {Severity.ERROR: "\x1b[1;31m", Severity.WARNING: "\x1b[1;33m", Severity.NOTE: "\x1b[1;36m"}
_SIGN = {"-": "\x1b[31m", "+": "\x1b[32m"}
_SAFETY = {Safety.SAFE: "fix", Safety.UNSAFE: "fix (unsafe)", Safety.DISPLAY: "fix (by hand)"}


def render(diagnostics: Iterable[Diagnostic], *, color: bool = False) -> str:
    """All findings, sorted, with a closing line that counts them; "" when there are none.

    With `color`, ANSI escape sequences mark severities, places and numbers.
    """
    found = sorted(diagnostics, key=Diagnostic.sort_key)
    if not found:
        return ""
    parts = [_diagnostic(diagnostic, color) for diagnostic in found]
    return "\n".join([*parts, summary(found) + "\n"])


def summary(diagnostics: Iterable[Diagnostic]) -> str:
    """One line such as "2 errors, 1 warning in 1 file"; "no findings" when there are none."""
    counts = dict.fromkeys(Severity, 0)
    paths = set()
    for diagnostic in diagnostics:
        counts[diagnostic.severity] += 1
        paths.add(diagnostic.span.source.path)
    if not paths:
        return "no findings"
    kinds = ", ".join(_count(number, severity.value) for severity, number in counts.items() if number)
    return f"{kinds} in {_count(len(paths), 'file')}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _diagnostic(diagnostic: Diagnostic, color: bool) -> str:
    snippets = _snippets(diagnostic)
    changes = preview(diagnostic.fix) if diagnostic.fix else ()
    numbers = [mark.line for _, places in snippets for mark in places]
    gutter = len(str(max([*numbers, *(change.line for change in changes)], default=1)))
    margin = " " * gutter
    tone = _SEVERITY[diagnostic.severity]
    head = _paint(f"{diagnostic.severity.value}[{diagnostic.code}]", tone, color)
    lines = [head + _paint(f": {visible(diagnostic.message)}", _BOLD, color)]
    bar = _paint(f"{margin} |", _BLUE, color)
    for span, places in snippets:
        arrow = "-->" if span is diagnostic.span else ":::"
        lines.append(f"{margin}{_paint(arrow, _BLUE, color)} {_place(span)}")
        if places:
            lines += [bar, *(_row(row, gutter, tone, color) for row in rows(span.source, places)), bar]
    remarks = _remarks(diagnostic)
    if not remarks and lines[-1] is bar:
        del lines[-1]
    for kind, said in remarks:
        lines += _remark(kind, said, margin, color)
    for change in changes:
        number = _paint(f"{change.line:>{gutter}}", _BLUE, color)
        said = f"{change.sign} {change.text}".rstrip()
        lines.append(f"{number} {_paint(said, _SIGN[change.sign], color)}")
    return "\n".join(lines) + "\n"


def _snippets(diagnostic: Diagnostic) -> list[tuple[Span, list[Mark]]]:
    """The primary place with all others of its file, then every other file with its places.

    No lines are shown of a source that has no text, such as a file that could
    not be decoded, unless there is something to say beside the caret.
    """
    by_source: dict[SourceFile, tuple[Span, list[Mark]]] = {}
    primary = diagnostic.span
    for span, message in (
        (primary, diagnostic.label),
        *((label.span, label.message) for label in diagnostic.labels),
    ):
        first = span is primary
        place = by_source.setdefault(span.source, (span, []))
        if span.source.text or message:
            place[1].extend(marks(span, message, first))
    return list(by_source.values())


def _place(span: Span) -> str:
    position = span.first
    return f"{visible(span.source.path)}:{position.line}:{position.column}"


def _row(row: Row, gutter: int, tone: str, color: bool) -> str:
    if row.gutter == "...":
        return _paint("...", _BLUE, color)
    if not color:
        content = "".join([text for text, _ in row.pieces])
        return f"{row.gutter:>{gutter}} | {content}".rstrip()
    tones = {Style.PRIMARY: tone, Style.SECONDARY: _BLUE}
    content = "".join(
        _paint(text, tones[style], color) if style in tones else text for text, style in row.pieces
    )
    return _paint(f"{row.gutter:>{gutter}} |", _BLUE, color) + f" {content}".rstrip()


def _remarks(diagnostic: Diagnostic) -> list[tuple[str, str]]:
    """What stands below the lines: notes, hint and the title of the fix, which comes last."""
    remarks = [("note", note) for note in diagnostic.notes]
    if diagnostic.hint:
        remarks.append(("help", diagnostic.hint))
    if diagnostic.fix:
        remarks.append((_SAFETY[diagnostic.fix.safety], diagnostic.fix.title))
    return remarks


def _remark(kind: str, text: str, margin: str, color: bool) -> list[str]:
    """Lines after the first are set under it, so that none looks like a line of ours."""
    first, *others = visible_lines(text)
    lines = [f"{margin} {_paint('=', _BLUE, color)} {_paint(f'{kind}:', _BOLD, color)} {first}".rstrip()]
    indent = " " * (len(margin) + len(kind) + 5)
    return lines + [f"{indent}{line}".rstrip() for line in others]


def _paint(text: str, tone: str, color: bool) -> str:
    return f"{tone}{text}{_RESET}" if color else text
