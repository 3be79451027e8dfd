"""Parser directives: `# name=value` before everything else.

Takes a SourceFile, gives the directives and the escape character. Follows
BuildKit (DirectiveParser of frontend/dockerfile/parser/directives.go).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from compiler.dockerfile.characters import BOM, REGEXP_SPACE, SPACE
from compiler.dockerfile.frontend import Frontend
from compiler.dockerfile.problems import Problem
from compiler.source import SourceFile, Span
from compiler.values.malformed import shown

_DIRECTIVE = re.compile(rf"([a-zA-Z][a-zA-Z0-9]*)[{REGEXP_SPACE}]*=[{REGEXP_SPACE}]*")


@dataclass(frozen=True, slots=True)
class Directive:
    """`# name=value` before anything else; `name` in lower case."""

    name: str
    value: str
    span: Span


def read_directives(
    source: SourceFile, frontend: Frontend, problems: list[Problem]
) -> tuple[tuple[Directive, ...], str]:
    """The directives and the escape character: comments before anything else, each at most once.

    What is wrong goes to `problems`; at a directive that stands there a second time reading them ends.
    """
    found: dict[str, Directive] = {}
    known = ("escape", "syntax", "check") if frontend.check_directive else ("escape", "syntax")
    text = source.text
    escape, at = "\\", int(text.startswith(BOM))
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        line = text[at:end].rstrip("\r").lstrip(SPACE)
        match = _DIRECTIVE.match(line[1:].lstrip(SPACE)) if line.startswith("#") else None
        name = match[1].lower() if match else ""
        # A value of white space only is its last character.
        value = match.string[match.end() :].rstrip(REGEXP_SPACE) if match else ""
        value = value or (match[0][-1].replace("=", "") if match else "")
        if name not in known or not value:
            break
        span = Span(source, at, at + len(text[at:end].rstrip("\r")))
        if name in found:
            problems.append(Problem(f"the directive {name} stands here a second time", span, "remove one"))
            break
        if name == "escape" and value not in ("\\", "`"):
            problems.append(Problem(f"{shown(value)} cannot be the escape character", span, "use \\ or `"))
        elif name == "escape":
            escape = value
        found.setdefault(name, Directive(name, value, span))
        at = end + 1
    return tuple(found.values()), escape
