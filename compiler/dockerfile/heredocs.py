"""Heredoc markers in an instruction: `<<EOF`, `<<-EOF`, `3<<"E O F"`.

Takes the joined text of an instruction, gives the markers in order. Follows
BuildKit (heredocsFromLine and ParseHeredoc in frontend/dockerfile/parser).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from compiler.dockerfile.expansion import BadSubstitution, Rules, expand
from compiler.dockerfile.frontend import TODAY, Frontend
from compiler.dockerfile.problems import LONGEST_HEREDOC_NAME, MOST_HEREDOCS

_MARKER = re.compile(r"([0-9]*)<<(-?)[\t\n\f\r ]*([^<]*)", re.DOTALL)
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_LEADING_TABS = re.compile(r"^\t+", re.MULTILINE)
_LONGEST = 1 << 26
# Whatever the file's escape character is: the text of a marker is a shell's.
_LINE = Rules(keep_quotes=True, keep_escapes=True, keep_unset=True)
_NAME = Rules(keep_unset=True)
_RAW_NAME = Rules(keep_quotes=True, keep_unset=True)


@dataclass(frozen=True, slots=True)
class Marker:
    """What opens a heredoc.

    `name` ends it, alone on a line; `chomp` (`<<-`) takes tabs from the start of
    its lines; `expand` tells that nothing of the name is quoted, so that
    variables in the text count; `descriptor` is the number before `<<`, 0
    without one.
    """

    name: str
    chomp: bool
    expand: bool
    descriptor: int


def markers(line: str, frontend: Frontend = TODAY) -> list[Marker]:
    """The heredocs that the text of an instruction opens; none when its quotes do not match.

    Raises:
        BadSubstitution: a marker whose own quotes do not match, or too many of them.
    """
    if "<<" not in line:
        return []
    if line.count("<<") > MOST_HEREDOCS:
        raise BadSubstitution(f"there are more than {MOST_HEREDOCS} in one instruction")
    rules = replace(_LINE, spaced_heredocs=frontend.spaced_heredocs, nested_clears=frontend.nested_clears)
    try:
        words = expand(line, {}, rules, _LONGEST).words
    except BadSubstitution:
        return []
    return [found for word in words if (found := marker(word)) is not None]


def marker(word: str) -> Marker | None:
    """The heredoc that a word opens, if it does.

    Raises:
        BadSubstitution: its quotes do not match, or its name is too long.
    """
    match = _MARKER.fullmatch(word) if "<<" in word else None
    if match is None or not match[3]:
        return None
    if _PLAIN_NAME.fullmatch(match[3]):
        return Marker(match[3], match[2] == "-", True, _descriptor(match[1]))
    if len(match[3]) > LONGEST_HEREDOC_NAME:
        raise BadSubstitution(f"a name is longer than {LONGEST_HEREDOC_NAME} characters")
    names = expand(match[3], {}, _NAME, _LONGEST).words
    if len(names) != 1:
        return None
    raw = expand(match[3], {}, _RAW_NAME, _LONGEST).words
    if len(raw) != 1:
        raise BadSubstitution(f"the heredoc {match[3]} can be read in two ways")
    name = names[0]
    return Marker(name, match[2] == "-", _quotes(name) == _quotes(raw[0]), _descriptor(match[1]))


def _descriptor(digits: str) -> int:
    # A number too long for any descriptor is none that a shell takes.
    return int(digits) if 0 < len(digits) < 10 else 0


def _quotes(text: str) -> int:
    return text.count("'") + text.count('"')


def chomped(text: str) -> str:
    """The text of a `<<-` heredoc as COPY writes it: without the tabs that its lines start with."""
    return _LEADING_TABS.sub("", text)
