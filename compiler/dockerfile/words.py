"""The words of one instruction: flags, quoted words, key=value pairs, JSON arrays.

Takes the joined text of an instruction, gives pieces with their offsets in it;
knows nothing of lines and places. Follows BuildKit
(frontend/dockerfile/parser/split_command.go and line_parsers.go). Every
function is linear in its text.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from itertools import accumulate, islice
from typing import NamedTuple

from compiler.dockerfile.characters import BLANK, SPACE
from compiler.dockerfile.problems import MOST_WORDS

_BLANKS = re.compile(rf"[{BLANK}]+")
_NO_BLANKS = re.compile(rf"[^{BLANK}]+")


class Piece(NamedTuple):
    """A part of the joined text: what it says, and where it stands."""

    text: str
    start: int
    end: int


class Command(NamedTuple):
    """An instruction cut at its joints: the keyword as written, the flags unquoted, the rest."""

    keyword: Piece
    flags: tuple[Piece, ...]
    rest: Piece


class BadWords(Exception):
    """Words that BuildKit refuses; the text is one sentence without a full stop."""


def _quoted(escape: str, space: str, *, single_escapes: bool) -> str:
    """A regular expression of one word; possessive, so that it never goes back."""
    e = re.escape(escape)
    single = rf"'(?:[^'{e}]|{e}(?:.|\Z))*+(?:'|\Z)" if single_escapes else r"'[^']*+(?:'|\Z)"
    double = rf'"(?:[^"{e}]|{e}(?:.|\Z))*+(?:"|\Z)'
    return rf"(?:[^{space}'\"{e}]++|{e}(?:.|\Z)|{single}|{double})++"


_NO_BYTE = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_BYTE_SPACE = "\t\n\v\f\r \x85\xa0"
_WORD = {e: re.compile(_quoted(e, SPACE, single_escapes=False), re.DOTALL) for e in "\\`"}
_FLAG = {e: re.compile(_quoted(e, _BYTE_SPACE, single_escapes=True), re.DOTALL) for e in "\\`"}
_UNFLAG = {
    e: re.compile(
        rf"{re.escape(e)}(.|\Z)|(['\"])((?:(?!\2)[^{re.escape(e)}]|{re.escape(e)}(?:.|\Z))*+)(?:\2|\Z)",
        re.DOTALL,
    )
    for e in "\\`"
}
_UNESCAPE = {e: re.compile(rf"{re.escape(e)}(.|\Z)", re.DOTALL) for e in "\\`"}


def stripped(text: str, start: int, end: int) -> Piece:
    """A part without the white space around it; at the end of the part if there is nothing else."""
    left = text[start:end].lstrip(SPACE)
    start = end - len(left)
    bare = left.rstrip(SPACE)
    return Piece(bare, start, start + len(bare))


def split_command(text: str, flag_escape: str, start: int = 0) -> Command:
    """Keyword, flags and rest of an instruction that starts at `start` (splitCommand)."""
    whole = stripped(text, start, len(text))
    blank = _BLANKS.search(text, whole.start, whole.end)
    if blank is None:
        return Command(whole, (), Piece("", whole.end, whole.end))
    keyword = Piece(text[whole.start : blank.start()], whole.start, blank.start())
    flags, rest = _flags(text, blank.end(), whole.end, flag_escape)
    return Command(keyword, tuple(flags), stripped(text, rest, whole.end))


def _flags(text: str, at: int, end: int, escape: str) -> tuple[list[Piece], int]:
    """The `--flags` up to the first other word, and where that starts (extractBuilderFlags).

    BuildKit takes each byte for a character here, so that `--chown=é` has two of them.
    """
    if text.find("--", at, end) < 0:
        return [], at
    part = text[at:end]
    if part.isascii():
        return _byte_flags(text, at, end, escape)
    # A surrogate that stands for no byte has none; it cannot come from a file.
    part = _NO_BYTE.sub("\ufffd", part)
    data = part.encode("utf-8", "surrogateescape")
    flags, rest = _byte_flags(data.decode("latin-1"), 0, len(data), escape)
    starts = list(accumulate((len(c.encode("utf-8", "surrogateescape")) for c in part[:-1]), initial=0))

    def place(offset: int) -> int:
        """A flag may end inside a character: it has all of it then."""
        return at + bisect_left(starts, offset)

    return [Piece(flag.text, place(flag.start), place(flag.end)) for flag in flags], place(rest)


def _byte_flags(text: str, at: int, end: int, escape: str) -> tuple[list[Piece], int]:
    flags: list[Piece] = []
    while True:
        while at < end and text[at] in _BYTE_SPACE:
            at += 1
        if not text.startswith("--", at, end) or not (match := _FLAG[escape].match(text, at, end)):
            return flags, at
        start, at = at, match.end()
        flag = _unflagged(match[0], escape)
        if flag == "--":
            return flags, at
        flags.append(Piece(flag, start, at))
        if len(flags) > MOST_WORDS:
            return flags, at


def _unflagged(word: str, escape: str) -> str:
    if escape not in word and '"' not in word and "'" not in word:
        return word

    def bare(match: re.Match[str]) -> str:
        return match[1] if match[1] is not None else _UNESCAPE[escape].sub(r"\1", match[3])

    return _UNFLAG[escape].sub(bare, word)


def quoted_words(rest: Piece, escape: str) -> list[Piece]:
    """The words of ARG, ENV and LABEL, quotes and escapes kept (parseWords).

    Raises:
        BadWords: there are more than MOST_WORDS.
    """
    words = []
    for match in _WORD[escape].finditer(rest.text):
        word = match[0]
        # An escape as the last character of all is dropped.
        if match.end() == len(rest.text) and _ends_escaped(word, escape):
            word = word[:-1]
        if word:
            start = rest.start + match.start()
            words.append(Piece(word, start, start + len(word)))
            if len(words) > MOST_WORDS:
                raise _too_many()
    return words


def _too_many() -> BadWords:
    return BadWords(f"the instruction has more than {MOST_WORDS} words")


def _ends_escaped(word: str, escape: str) -> bool:
    """Whether the last character is an escape with nothing to escape."""
    if not word.endswith(escape):
        return False
    # Outside single quotes escapes come in pairs; inside, they are characters.
    quote = ""
    at = 0
    while at < len(word):
        character = word[at]
        if character == escape and quote != "'":
            if at + 1 == len(word):
                return True
            at += 1
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        at += 1
    return False


def plain_words(rest: Piece) -> list[Piece]:
    """Words between blanks, whatever quotes there are (parseStringsWhitespaceDelimited).

    Raises:
        BadWords: there are more than MOST_WORDS.
    """
    words = [
        Piece(match[0], rest.start + match.start(), rest.start + match.end())
        for match in islice(_NO_BLANKS.finditer(rest.text), MOST_WORDS + 1)
    ]
    if len(words) > MOST_WORDS:
        raise _too_many()
    return words


class Pair(NamedTuple):
    """`name=value` of ENV or LABEL; `separator` is "=" or, in the old form with a blank, ""."""

    name: Piece
    value: Piece
    separator: str


def pairs(rest: Piece, instruction: str, escape: str) -> list[Pair]:
    """The pairs of ENV or LABEL (parseNameVal).

    Raises:
        BadWords: a word without `=`, or one word alone.
    """
    words = quoted_words(rest, escape)
    if not words:
        return []
    if "=" not in words[0].text:
        blank = _BLANKS.search(rest.text)
        if blank is None:
            raise BadWords(f"{instruction} must have two arguments")
        middle, end = rest.start + blank.start(), rest.start + blank.end()
        name = Piece(rest.text[: blank.start()], rest.start, middle)
        return [Pair(name, Piece(rest.text[blank.end() :], end, rest.end), "")]
    found = []
    for word in words:
        pair = divided(word)
        if pair is None:
            raise BadWords(f"{instruction} has a word without =")
        found.append(pair)
    return found


def divided(word: Piece) -> Pair | None:
    """A word at its first `=`; None without one."""
    equals = word.text.find("=")
    if equals < 0:
        return None
    middle = word.start + equals
    name = Piece(word.text[:equals], word.start, middle)
    return Pair(name, Piece(word.text[equals + 1 :], middle + 1, word.end), "=")


def _no_number(text: str) -> float:
    raise ValueError(text)


def _number(text: str) -> float:
    """Go refuses numbers that do not fit a float64."""
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(text)
    return value


_JSON = json.JSONDecoder(parse_constant=_no_number, parse_int=_number, parse_float=_number)
_JSON_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"')
_JSON_SPACE = re.compile(r"[ \t\r\n]*")
_SURROGATE = re.compile("[\ud800-\udfff]")


def json_words(rest: Piece, *, whole: bool = True) -> list[Piece] | None:
    """The strings of a JSON array; None when the text is none and so means itself (parseJSON).

    With `whole`, text after the array makes it none; without, that is ignored.

    Raises:
        BadWords: it is a JSON array of something else than strings, or of more than MOST_WORDS.
    """
    text = rest.text
    if not text.startswith("["):
        return None
    words: list[Piece] = []
    at = _json_space(text, 1)
    if not text.startswith("]", at):
        while match := _JSON_STRING.match(text, at):
            value = match[0][1:-1]
            if "\\" in value:
                value = json.loads(match[0])
            words.append(Piece(_SURROGATE.sub("\ufffd", value), rest.start + at, rest.start + match.end()))
            at = _json_space(text, match.end())
            if len(words) > MOST_WORDS:
                raise _too_many()
            if not text.startswith(",", at):
                break
            at = _json_space(text, at + 1)
            if not text.startswith('"', at):
                words = []
                break
        if not words or not text.startswith("]", at):
            _refuse_other_values(text, whole=whole)
            return None
    return words if not whole or _json_space(text, at + 1) == len(text) else None


def _json_space(text: str, at: int) -> int:
    match = _JSON_SPACE.match(text, at)
    return match.end() if match else at


def _refuse_other_values(text: str, *, whole: bool) -> None:
    """Raise BadWords for an array that is JSON and not of strings; what is no JSON is no array."""
    try:
        _, end = _JSON.raw_decode(text)
    except (ValueError, RecursionError):
        return
    if whole and _json_space(text, end) < len(text):
        return
    raise BadWords("an array in JSON form may hold strings only")
