"""What libyaml's parser says of text that is not YAML, in words for people.

Takes the parser's error (its `problem` and `context` are fixed English texts of
libyaml's parser.c and scanner.c), gives one finding. The parser notices a slip
where it cannot go on, often after the place that has to be mended: where the
cause can be told, that is the place.
"""

from __future__ import annotations

import re
from typing import Any

from compiler.diagnostics.model import Diagnostic, Label, Severity
from compiler.document.node import shortened
from compiler.source import SourceFile, Span

_CONFLICT = re.compile(r"^<{7}(?: .*)?$|^>{7}(?: .*)?$", re.MULTILINE)
_KEY = re.compile(r":(?=\s|$)")
_ESCAPE = re.compile(r"\\(?:x\w{0,2}|u\w{0,4}|U\w{0,8}|.)")


def syntax_error(source: SourceFile, error: Any) -> Diagnostic:
    """The finding for a `MarkedYAMLError` of the C parser."""
    return _Slip(source, error).diagnostic()


class _Slip:
    """One syntax error: what the parser says, and the text around it."""

    def __init__(self, source: SourceFile, error: Any) -> None:
        self.source = source
        self.problem: str = getattr(error, "problem", None) or "this is not YAML"
        self.context: str = getattr(error, "context", None) or ""
        self.start = _index(getattr(error, "context_mark", None), len(source.text))
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        self.offset = _index(mark, len(source.text)) or 0
        self.line = source.line_span(source.position(self.offset).line)
        self.char = source.text[self.offset : self.offset + 1]
        self.before = source.text[self.line.start : self.offset]

    def diagnostic(self) -> Diagnostic:
        """The most telling reading of the error."""
        if conflict := _CONFLICT.search(self.source.text):
            place = Span(self.source, conflict.start(), conflict.end())
            return self._say("a conflict of a Git merge is left in the file", "resolve it", place)
        if "tab character" in self.problem or (self.char == "\t" and "token" in self.problem):
            tab = self.line.start + max(self.line.text.find("\t"), 0)
            message = "a tab cannot indent YAML"
            place = Span(self.source, tab, tab + 1)
            return Diagnostic("STC015", Severity.ERROR, message, place, hint="indent with spaces")
        for fragment, read in _READINGS.items():
            if fragment in self.problem or fragment in self.context:
                return read(self)
        return self._say(f"not valid YAML: {self.problem}")

    def _say(self, message: str, hint: str = "", place: Span | None = None, began: str = "") -> Diagnostic:
        """A finding at `place`, else where the parser stopped; `began` is said of where the context began."""
        span = place or Span(self.source, self.offset, min(self.offset + 1, len(self.source.text)))
        labels: tuple[Label, ...] = ()
        if began and self.start is not None and self.start < span.start:
            labels = (Label(Span(self.source, self.start, self.start + 1), began),)
        return Diagnostic("STC001", Severity.ERROR, message, span, labels=labels, hint=hint)

    def colon(self) -> Diagnostic:
        """A `: ` where no key can be: in a value, or after a value that goes on from the line before."""
        key = self.before.strip()
        if _KEY.search(key):
            return self._say("a plain value cannot hold `: `", "quote the value")
        above = self._line_above()
        if above is None or not key:
            return self._say("a `:` is not allowed here", "quote the value")
        if _KEY.search(above.text):
            place = Span(self.source, self.offset - len(self.before.lstrip()), self.offset)
            message = f"`{shortened(key)}` continues the value of the line above"
            return self._say(message, "indent it like the keys that it belongs to", place)
        missing = "a space is missing after the `:`" if ":" in above.text else "a `:` is missing"
        return self._say(missing, "write `key: value`", above)

    def flow_colon(self) -> Diagnostic:
        """A `:` at the end of a plain value in brackets."""
        return self._say("a plain value in brackets cannot hold this `:`", "quote the value")

    def _line_above(self) -> Span | None:
        """The text of the last line before this one that has any, its comment and blank space left out."""
        for number in range(self.line.first.line - 1, 0, -1):
            line = self.source.line_span(number)
            text = line.text.split(" #")[0].strip()
            if text and not text.startswith("#"):
                start = line.start + line.text.index(text)
                return Span(self.source, start, start + len(text))
        return None

    def key(self) -> Diagnostic:
        """Something that is no key where a key of a mapping belongs."""
        if self.char and self.char in "]}":
            return self._say(
                f"nothing is open that `{self.char}` could close", "remove it, or quote the value"
            )
        if self.before.strip():
            return self._say("the value has ended before this", "quote the value as a whole")
        if self.char == ":":
            return self._say("a name is missing before the `:`")
        if self.line.text.lstrip().startswith("- "):
            message, hint = "a list item stands among the keys of a mapping", "indent it below its key"
            return self._say(message, hint, began="the mapping starts here")
        message, hint = "the indentation fits no line above", "indent it like the keys that it belongs to"
        return self._say(message, hint, began="the mapping starts here")

    def item(self) -> Diagnostic:
        """Something that is no item where an item of a list belongs."""
        hint = "start it with `- `, or indent it like the key of the list"
        message = "this stands among the items of a list, and is none"
        return self._say(message, hint, began="the list starts here")

    def bracket(self) -> Diagnostic:
        """A list or mapping in brackets that goes wrong."""
        opening = "[" if "sequence" in self.context else "{"
        closing = "]" if opening == "[" else "}"
        if self.char and self.char in "]}":
            message = f"`{self.char}` cannot close what `{opening}` opens"
            return self._say(message, f"write `{closing}`", began="opened here")
        start = self.start if self.start is not None else self.offset
        if start < self.line.start or not self.char:
            place = Span(self.source, start, start + 1)
            return self._say(f"this `{opening}` is never closed", f"add a `{closing}`", place)
        hint = "separate values by `, `, or quote the value as a whole"
        return self._say("a comma is missing", hint, began="opened here")

    def quote(self) -> Diagnostic:
        """A quote that is open at the end of the file."""
        start = self.start if self.start is not None else self.offset
        place = Span(self.source, start, start + 1)
        return self._say("this quote is never closed", "add the closing quote", place)

    def name(self) -> Diagnostic:
        """A `*` or `&` that was not meant as alias or anchor."""
        start = self.start if self.start is not None else self.offset
        place = Span(self.source, start, start + 1)
        what = "an alias" if place.text == "*" else "an anchor"
        message = f"a plain value cannot start with `{place.text}`, which makes it {what}"
        return self._say(message, "quote the value", place)

    def token(self) -> Diagnostic:
        """A character that YAML reserves."""
        shown = "a backtick" if self.char == "`" else f"`{shortened(self.char)}`"
        return self._say(f"a plain value cannot start with {shown}", "quote the value")

    def content(self) -> Diagnostic:
        """No value inside brackets, or no colon after what looked like a key: often a template."""
        line = self.line
        if self.start is not None and "could not find" in self.problem:
            line = self.source.line_span(self.source.position(self.start).line)
        place = Span(self.source, line.end - len(line.text.lstrip()), line.end)
        if place.text.startswith(("{{", "{%")):
            return self._say("this is a template, not YAML", "render it first; quote a `{{NAME}}`", place)
        if line is not self.line:
            return self._say("a `:` is missing", "write `key: value`", place)
        return self._say("a value is missing here")

    def dash(self) -> Diagnostic:
        """A list on the line of its key."""
        return self._say(
            "a list cannot start on the line of its key",
            "put each `- ` onto a line of its own, or write [a, b]",
        )

    def escape(self) -> Diagnostic:
        """A backslash in double quotes that escapes nothing."""
        found = _ESCAPE.match(self.source.text, self.source.text.rfind("\\", 0, self.offset + 1))
        place = Span(self.source, *found.span()) if found else self.line
        hint = "write \\\\ for a backslash, or put the text into single quotes"
        if place.text.lower().startswith("\\ud"):
            # Half of a pair, as JSON has it.
            hint = "write the character itself"
        return self._say(f"`{shortened(place.text)}` is not an escape of YAML", hint, place)


_READINGS = {
    "mapping values are not allowed": _Slip.colon,
    "did not find expected key": _Slip.key,
    "did not find expected '-' indicator": _Slip.item,
    "did not find expected ',' or": _Slip.bracket,
    "found unexpected end of stream": _Slip.quote,
    "while scanning an alias": _Slip.name,
    "while scanning an anchor": _Slip.name,
    "found character that cannot start any token": _Slip.token,
    "found unexpected ':'": _Slip.flow_colon,
    "did not find expected node content": _Slip.content,
    "could not find expected ':'": _Slip.content,
    "block sequence entries are not allowed": _Slip.dash,
    "found unknown escape character": _Slip.escape,
    "did not find expected hexdecimal number": _Slip.escape,
    "found invalid Unicode character escape code": _Slip.escape,
}


def _index(mark: Any, most: int) -> int | None:
    return min(mark.index, most) if mark is not None else None
