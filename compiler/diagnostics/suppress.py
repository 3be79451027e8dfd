"""What is silenced: `# stagecast: ignore[CODE]` comments, and severities by code.

Takes the findings of a run with the sources that were read, gives the findings
that remain. Finds comments in YAML's text; where quoted and block scalars are, which
may hold the same words, is told by the caller, who has parsed the document. For
other languages the caller tells where comments are.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from compiler.diagnostics.catalog import RULES, Rule, find
from compiler.diagnostics.model import Diagnostic, Findings, Severity
from compiler.source import SourceFile, Span

Range = tuple[int, int]
Scalars = Callable[[SourceFile], Iterable[Range] | None]
Comments = Callable[[SourceFile], "Iterable[Comment]"]

_BY_COMMAND = "STC7"
_DIRECTIVE = re.compile(r"#[ \t]*stagecast:[ \t]*ignore\b(\[[^\[\]#\r\n]*\])?")
_CODE = re.compile(r"[^\s,\[\]]+")
_BLOCK_HEADER = re.compile(r"(?:[&!]\S*\s+)*[|>]")
_LINE_END = re.compile(r"[\r\n]")
_REST_OF_LINE = re.compile(r"[^\r\n]*")
_REST_OF_COMMENTS = re.compile(r"[^\r\n]*(?:\r\n|[\r\n]|\Z)(?:[ \t]*#[^\r\n]*(?:\r\n|[\r\n]))*")


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment from its sign to its end; it speaks of findings whose place starts on one of `lines`.

    The lines of two comments of one file are the same, or have none in common.
    """

    start: int
    end: int
    lines: range


@dataclass(frozen=True, slots=True)
class Ignore:
    """One code in one comment. It silences findings whose place starts on one of `lines`."""

    span: Span
    code: str
    lines: range


def apply(
    findings: Iterable[Diagnostic],
    sources: Iterable[SourceFile],
    scalars: Scalars | None = None,
    *,
    comments: Comments | None = None,
    complete: bool = True,
) -> Findings:
    """The findings that no comment ignores, and STC804 and STC805 for comments that are of no use.

    `scalars` gives the places of a source's quoted and block scalars, or None
    where they are not known (the document does not parse, or is no YAML); it is
    asked only for sources that hold an ignore. Without it a quote is taken to
    end on its line. `comments` gives the comments of sources that are no YAML, and is
    asked in the same way. `complete` says whether every pass over the spec has run: only
    then is an ignore known to be unused. What targets and output say (STC7xx)
    depends on the command, so ignores of that never count as unused. Errors of
    reading are never ignored.
    """
    kept = Findings()
    ignores: dict[str, list[Ignore]] = {}
    for source in sources:
        if source.path not in ignores and "stagecast:" in source.text:
            found = _spoken(source, comments(source)) if comments else _comments(source, scalars)
            ignores[source.path] = _read(source, found, kept)
    silenced = {path: _Silenced(entries) for path, entries in ignores.items()}
    for diagnostic in findings:
        there = silenced.get(diagnostic.span.source.path)
        ignorable = there is not None and _can_be_ignored(diagnostic.code)
        if there is None or not ignorable or not there.takes(diagnostic.span.first.line, diagnostic.code):
            kept.add(diagnostic)
    if complete:
        kept.extend(
            _unused(entry)
            for path, entries in ignores.items()
            for entry in entries
            if not entry.code.startswith(_BY_COMMAND) and not silenced[path].took(entry)
        )
    return kept


class _Silenced:
    """The codes that are ignored on the lines of one file, and which of them met a finding."""

    def __init__(self, entries: Iterable[Ignore]) -> None:
        codes: dict[int, set[str]] = {}
        self._lines: dict[int, range] = {}
        for entry in entries:
            if entry.lines:
                self._lines[entry.lines.start] = entry.lines
                codes.setdefault(entry.lines.start, set()).add(entry.code)
        self._codes = codes
        self._starts = sorted(codes)
        self._used: set[tuple[int, str]] = set()

    def takes(self, line: int, code: str) -> bool:
        """Whether a finding on a line is ignored; it counts as met then."""
        at = bisect_right(self._starts, line)
        start = self._starts[at - 1] if at else 0
        if not at or line not in self._lines[start] or code not in self._codes[start]:
            return False
        self._used.add((start, code))
        return True

    def took(self, entry: Ignore) -> bool:
        """Whether an ignore met a finding."""
        return bool(entry.lines) and (entry.lines.start, entry.code) in self._used


def adjust(findings: Iterable[Diagnostic], severities: Mapping[str, Severity | None]) -> Findings:
    """The findings with the severities that a project gives to codes; None drops a code.

    Errors of reading keep theirs: nothing can be made of a file that has one.
    """
    kept = Findings()
    for diagnostic in findings:
        severity = diagnostic.severity
        if diagnostic.code in severities and _can_be_ignored(diagnostic.code):
            wanted = severities[diagnostic.code]
            if wanted is None:
                continue
            severity = wanted
        kept.add(diagnostic if severity is diagnostic.severity else replace(diagnostic, severity=severity))
    return kept


def unknown_code(span: Span, code: str) -> Diagnostic:
    """STC804 for a code that does not exist, wherever it is named."""
    meant = find(code)
    hint = f"did you mean `{meant.code}`?" if meant else "`stagecast explain CODE` knows all codes"
    shown = code if code.isprintable() else ascii(code)[1:-1]
    message = f"there is no code `{shown if len(shown) <= 60 else shown[:59] + '…'}`"
    return Diagnostic("STC804", RULES["STC804"].severity, message, span, hint=hint)


def _can_be_ignored(code: str) -> bool:
    rule: Rule | None = RULES.get(code)
    return rule is None or rule.can_be_ignored


def _unused(ignore: Ignore) -> Diagnostic:
    message = f"this ignore of {ignore.code} suppresses nothing"
    notes = () if _can_be_ignored(ignore.code) else ("errors of reading (STC0xx) cannot be ignored",)
    severity = RULES["STC805"].severity
    return Diagnostic("STC805", severity, message, ignore.span, notes=notes, hint="remove it")


def _read(
    source: SourceFile, directives: Iterable[tuple[re.Match[str], range]], findings: Findings
) -> list[Ignore]:
    """The codes that a source's comments ignore; comments without a known code are findings."""
    found: list[Ignore] = []
    for match, lines in directives:
        start, end = match.span(1)
        if start < 0:
            span = Span(source, match.start(), match.end())
            hint = "write `# stagecast: ignore[CODE]`"
            severity = RULES["STC804"].severity
            findings.add(Diagnostic("STC804", severity, "this ignore names no code", span, hint=hint))
            continue
        for code in _CODE.finditer(source.text, start, end):
            span = Span(source, code.start(), code.end())
            if code.group() in RULES:
                found.append(Ignore(span, code.group(), lines))
            else:
                findings.add(unknown_code(span, code.group()))
    return found


def _spoken(source: SourceFile, comments: Iterable[Comment]) -> Iterator[tuple[re.Match[str], range]]:
    """The ignores in comments whose places are known, each with the lines that it speaks of."""
    text = source.text
    for comment in comments:
        for match in _DIRECTIVE.finditer(text, comment.start, comment.end):
            if match.start() == comment.start or text[match.start() - 1] in " \t":
                yield match, comment.lines


def _comments(source: SourceFile, scalars: Scalars | None) -> Iterator[tuple[re.Match[str], range]]:
    """The ignores that really stand in comments of YAML, each with the line that it speaks of.

    Linear in the text however many there are: what is known of one comment
    holds for the rest of its line, and of one comment line for those below it.
    """
    text = source.text
    known = scalars(source) if scalars else None
    quoted = _in_quotes(text) if known is None else _in_ranges(sorted(_opaque(text, known)))
    next(quoted)
    comment_end = block_end = -1
    line = 0
    for match in _DIRECTIVE.finditer(text):
        start = match.start()
        if start >= comment_end:
            if (start and text[start - 1] not in " \t\r\n") or quoted.send(start):
                continue
            comment_end = _REST_OF_LINE.match(text, start).end()  # type: ignore[union-attr]
            position = source.position(start)
            if text[start - position.column + 1 : start].strip(" \t"):
                line = position.line
            elif start >= block_end:
                block_end = _REST_OF_COMMENTS.match(text, start).end()  # type: ignore[union-attr]
                line = source.position(block_end).line
        yield match, range(line, line + 1)


def _opaque(text: str, scalars: Iterable[Range]) -> Iterator[Range]:
    """The ranges in which `#` opens no comment: scalars, but not the first line of a block scalar."""
    for start, end in scalars:
        if _BLOCK_HEADER.match(text, start, end):
            header_end = _LINE_END.search(text, start, end)
            start = header_end.start() if header_end else end
        yield start, end


def _in_ranges(ranges: list[Range]) -> Generator[bool, int, None]:
    """Tells of each offset sent to it, in rising order, whether one of the sorted ranges holds it."""
    offset = yield False
    for start, end in ranges:
        while offset < end:
            offset = yield offset >= start
    while True:
        yield False


def _in_quotes(text: str) -> Generator[bool, int, None]:
    """Tells of each offset sent to it, in rising order, whether quotes that open on its line hold it."""
    offset = yield False
    at = 0
    quote = before = ""
    while True:
        at = max(at, text.rfind("\n", at, offset) + 1, text.rfind("\r", at, offset) + 1)
        if at and text[at - 1] in "\r\n":
            quote = before = ""
        for char in text[at:offset]:
            if quote:
                if char == quote and before != "\\":
                    quote = ""
                before = "" if before == "\\" or quote != '"' else char
            else:
                if char in "\"'" and (not before or before in " \t[{,:-="):
                    quote = char
                before = "" if quote else char
        at = offset
        offset = yield bool(quote)
