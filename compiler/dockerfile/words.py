"""The words of a Dockerfile instruction: flags, quotes, escapes, heredoc markers, variables.

Takes the joined text of one instruction, gives strings; knows nothing of lines
and places. Follows BuildKit (frontend/dockerfile/parser/split_command.go,
parser/line_parsers.go and shell/lex.go) where it decides what the plan reads.
Every function is linear in its text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# What Go's unicode.IsSpace takes for white space: str.isspace() would add U+001C to U+001F.
SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
)

_MOST_NESTED = 40
_LONGEST_VALUE = 4096
_HEREDOC = re.compile(r"[0-9]*<<(-?)[\t\n\f\r ]*([^<]*)", re.DOTALL)
_NAME = re.compile(r"[0-9]+|[@*#?$!-]|\w*")
_VARIABLE = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(?::?([-+])([^{}]*))?\})")


class _Unbalanced(Exception):
    """A quote or a brace without its end: BuildKit then sees no heredoc on the line."""


def split_words(text: str, escape: str) -> list[str]:
    """The words of ARG, ENV and the like, quotes and escapes kept (parseWords)."""
    words: list[str] = []
    word: list[str] = []
    quote = ""
    position = 0
    while position < len(text):
        character = text[position]
        position += 1
        if not quote and character in SPACE:
            if word:
                words.append("".join(word))
                word = []
            continue
        if character == escape and quote != "'":
            if position == len(text):
                break
            character += text[position]
            position += 1
        elif quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        word.append(character)
    if word:
        words.append("".join(word))
    return words


def split_flags(text: str, escape: str) -> tuple[list[str], str]:
    """The `--flags` that an instruction starts with, unquoted, and the rest (extractBuilderFlags)."""
    flags: list[str] = []
    position = 0
    while True:
        while position < len(text) and text[position] in SPACE:
            position += 1
        if not text.startswith("--", position):
            return flags, text[position:].strip(SPACE)
        word, position = _flag(text, position, escape)
        if word == "--":
            return flags, text[position:].strip(SPACE)
        flags.append(word)


def unquote(word: str, escape: str) -> str:
    """A word without its quotes and escapes; variables stay as they are written."""
    pieces: list[str] = []
    quote = ""
    position = 0
    while position < len(word):
        character = word[position]
        position += 1
        if quote == character or (not quote and character in "\"'"):
            quote = "" if quote else character
            continue
        following = word[position : position + 1]
        if character == escape and quote != "'" and (not quote or following in ('"', "$", escape)):
            character = following
            position += 1
        pieces.append(character)
    return "".join(pieces)


def heredoc_markers(line: str) -> list[tuple[str, bool]]:
    """The heredocs that an instruction opens: the name that ends each, and whether tabs before it go.

    A shell's `<<` within quotes or arithmetic is none, as BuildKit has it.
    """
    if "<<" not in line:
        return []
    found = []
    try:
        for word in _shell_words(line):
            match = _HEREDOC.fullmatch(word)
            if match and len(split_words(match[2], "\\")) == 1 and (name := unquote(match[2], "\\")):
                found.append((name, match[1] == "-"))
    except _Unbalanced:
        return []
    return found


def expand(text: str, values: Mapping[str, str]) -> str | None:
    """`text` with $NAME, ${NAME}, ${NAME:-word} and ${NAME:+word} replaced; None when it grows too long.

    An unknown name is the empty text, as BuildKit has it.
    """
    pieces: list[str] = []
    size = last = 0
    for match in _VARIABLE.finditer(text):
        value = values.get(match[1] or match[2], "")
        if match[3]:
            value = match[4] if bool(value) == (match[3] == "+") else value
        pieces += (text[last : match.start()], value)
        size += len(pieces[-1]) + len(pieces[-2])
        last = match.end()
        if size > _LONGEST_VALUE:
            return None
    return "".join(pieces) + text[last:] if size + len(text) - last <= _LONGEST_VALUE else None


def _flag(text: str, position: int, escape: str) -> tuple[str, int]:
    word: list[str] = []
    quote = ""
    while position < len(text):
        character = text[position]
        if not quote and character in SPACE:
            break
        position += 1
        if character == quote or (not quote and character in "\"'"):
            quote = "" if quote else character
            continue
        if character == escape:
            character = text[position : position + 1]
            position += 1
        word.append(character)
    return "".join(word), position


def _shell_words(line: str) -> list[str]:
    """The words of a shell line, quotes and escapes kept; raises _Unbalanced (ProcessWords, raw)."""
    words: list[str] = []
    start = position = 0
    word: list[str] = []
    while position < len(line):
        character = line[position]
        start = position
        if character in "\"'":
            position = _after_quote(line, position, 0)
        elif character == "$":
            position = _after_dollar(line, position, 0)
        elif character == "\\":
            position += 2
        elif line.startswith("<<", position):
            # White space between the marker and the name belongs to the word.
            position += 2
            while line[position : position + 1] in ("\t", " ", "\r", "\n"):
                position += 1
        else:
            position += 1
            if character in SPACE:
                if word:
                    words.append("".join(word))
                    word = []
                continue
        word.append(line[start:position])
    if word:
        words.append("".join(word))
    return words


def _after_quote(line: str, position: int, depth: int) -> int:
    """The place after the quoted text that starts at `position`."""
    quote = line[position]
    position += 1
    if quote == "'":
        end = line.find("'", position)
        if end < 0:
            raise _Unbalanced
        return end + 1
    while position < len(line):
        character = line[position]
        if character == '"':
            return position + 1
        if character == "$":
            position = _after_dollar(line, position, depth)
        else:
            escapes = character == "\\" and line[position + 1 : position + 2] in ('"', "$", "\\")
            position += 2 if escapes else 1
    raise _Unbalanced


def _after_dollar(line: str, position: int, depth: int) -> int:
    """The place after the variable that starts at `position`; raises _Unbalanced for a bad substitution."""
    if not line.startswith("{", position + 1):
        return _after_name(line, position + 1)
    position += 2
    if line[position : position + 1] in ("", "{", "}", ":"):
        raise _Unbalanced
    position = _after_name(line, position)
    modifier = line[position : position + 1]
    if modifier == "}":
        return position + 1
    if modifier == ":":
        position += 1
        if line[position : position + 1] in ("", "#", "%"):
            raise _Unbalanced
    elif modifier == "/":
        replace_all = line.startswith("/", position + 1)
        return _after_stop(line, _after_stop(line, position + 1 + replace_all, "/", depth), "}", depth)
    elif modifier not in ("+", "-", "?", "#", "%"):
        raise _Unbalanced
    return _after_stop(line, position + 1, "}", depth)


def _after_stop(line: str, position: int, stop: str, depth: int) -> int:
    if depth > _MOST_NESTED:
        raise _Unbalanced
    while position < len(line):
        character = line[position]
        if character == stop:
            return position + 1
        if character in "\"'":
            position = _after_quote(line, position, depth + 1)
        elif character == "$":
            position = _after_dollar(line, position, depth + 1)
        else:
            position += 2 if character == "\\" else 1
    raise _Unbalanced


def _after_name(line: str, position: int) -> int:
    match = _NAME.match(line, position)
    return match.end() if match else position
