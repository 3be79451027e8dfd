"""Variables, quotes and escapes in a word, as BuildKit expands them.

A port of the rules of frontend/dockerfile/shell/lex.go, oddities included:
`$x ${x} ${x:-d} ${x-d} ${x:+a} ${x+a} ${x:?e} ${x?e} ${x#p} ${x##p} ${x%p}
${x%%p} ${x/p/r} ${x//p/r}`. Takes text and values, gives text or words and the
names that were asked for; knows nothing of instructions and places. Nested
deeper than MOST_NESTED, or longer than a limit, is an error, so that time and
memory are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from compiler.dockerfile.characters import SPACE
from compiler.dockerfile.patterns import BadPattern, replaced, without_prefix, without_suffix

MOST_NESTED = 60
LONGEST = 1 << 20

_PLAIN = {escape: re.compile(rf"[^{re.escape(escape)}$<'\"/}}{SPACE}]+") for escape in "\\`"}
# Most words: they stay as they are, as one word.
_ORDINARY = {escape: re.compile(rf"[^{re.escape(escape)}$<'\"{SPACE}]*+") for escape in "\\`"}
_DOUBLE_QUOTED = {escape: re.compile(rf'[^{re.escape(escape)}$"]+') for escape in "\\`"}
_SPACES = re.compile(f"[{SPACE}]+")
_SPECIAL = frozenset("@*#?-$!0")


class BadSubstitution(Exception):
    """A word that cannot be expanded; the text is one sentence without a full stop."""


class Expanded(NamedTuple):
    """What a word became: as one text, and split at the spaces that no quotes hold together.

    `used` are the names that had a value when they were asked for, `unset` those that had none.
    """

    text: str
    words: tuple[str, ...]
    used: frozenset[str]
    unset: frozenset[str]


@dataclass(frozen=True, slots=True)
class Rules:
    """How to read a word. `escape` is the escape character.

    `keep_quotes` and `keep_escapes` leave them in the result, `no_quotes` takes
    quotes for ordinary characters (the text of a heredoc), `keep_unset` leaves
    a variable without a value as it is written. `spaced_heredocs` has white
    space after `<<` belong to the word; `nested_clears` has the text of a
    substitution empty the word before it, as BuildKit of today does.
    """

    escape: str = "\\"
    keep_quotes: bool = False
    keep_escapes: bool = False
    no_quotes: bool = False
    keep_unset: bool = False
    spaced_heredocs: bool = True
    nested_clears: bool = True


@dataclass(slots=True)
class Allowance:
    """How many characters many expansions together may still put in.

    Comparing one counts as eight, a variable as sixteen more than its value.
    """

    left: int = 1 << 21


def expand(
    text: str,
    values: Mapping[str, str],
    rules: Rules | None = None,
    limit: int = LONGEST,
    allowance: Allowance | None = None,
) -> Expanded:
    """Expand one text; what it takes is taken from `allowance`.

    Raises:
        BadSubstitution: a quote or brace without its end, a form that does not
            exist, a `?` without a value, more than `limit` characters or than
            the allowance has left.
    """
    text, rules = text.removeprefix("\ufeff"), rules or Rules()
    if _ORDINARY[rules.escape].fullmatch(text):
        return Expanded(text, (text,) if text else (), frozenset(), frozenset())
    lexer = _Lexer(text, values, rules, limit, allowance or Allowance(16 * limit))
    result, words = lexer.until("", lexer.rules.keep_escapes, 0)
    return Expanded(result, tuple(words), frozenset(lexer.used), frozenset(lexer.unset))


@dataclass(slots=True)
class _Lexer:
    """A cursor over the text; `word` is the one that is being read, at any level."""

    text: str
    values: Mapping[str, str]
    rules: Rules
    limit: int
    allowance: Allowance
    at: int = 0
    size: int = 0
    word: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    unset: set[str] = field(default_factory=set)

    def until(self, stop: str, keep_escapes: bool, depth: int) -> tuple[str, list[str]]:
        """The text up to `stop` ("" is the end), expanded, and its words."""
        if depth > MOST_NESTED:
            raise BadSubstitution("substitutions are nested too deep")
        text, escape, quotes = self.text, self.rules.escape, not self.rules.no_quotes
        plain = _PLAIN[escape]
        result: list[str] = []
        words: list[str] = []
        outer, self.word = self.word, []
        while self.at < len(text):
            character = text[self.at]
            if character == stop:
                self.at += 1
                found = "".join(result), self._end(words)
                self.word = [] if self.rules.nested_clears else outer
                return found
            if run := plain.match(text, self.at):
                self.at = run.end()
                result.append(run[0])
                self.word.append(run[0])
            elif blanks := _SPACES.match(text, self.at):
                self.at = blanks.end()
                result.append(blanks[0])
                self._end(words)
            elif character == "$":
                piece = self._dollar(depth)
                result.append(piece)
                self._split(piece, words)
            elif character == "<" or (quotes and character in "'\""):
                piece = self._less() if character == "<" else self._quoted(character, keep_escapes, depth)
                result.append(piece)
                self.word.append(piece)
            elif character == escape:
                piece = text[self.at : self.at + 2] if keep_escapes else text[self.at + 1 : self.at + 2]
                self.at += 2
                result.append(piece)
                self.word.append(piece)
            else:
                self.at += 1
                result.append(character)
                self.word.append(character)
        if stop:
            raise BadSubstitution(f"{stop} is missing at the end of a substitution")
        return "".join(result), self._end(words)

    def _count(self, more: int, compared: int = 0) -> None:
        """Account for characters put in or compared, so that neither length nor time runs away."""
        self.size += more
        self.allowance.left -= more + 8 * compared
        if self.size > self.limit:
            raise BadSubstitution(f"the value takes more than {self.limit} characters")
        if self.allowance.left < 0:
            raise BadSubstitution("the values of all variables together take too many characters")

    def _end(self, words: list[str]) -> list[str]:
        if word := "".join(self.word):
            words.append(word)
        self.word = []
        return words

    def _split(self, piece: str, words: list[str]) -> None:
        """Add text whose spaces end words."""
        first, *others = _SPACES.split(piece)
        self.word.append(first)
        for other in others:
            self._end(words)
            self.word.append(other)

    def _less(self) -> str:
        """`<`, or `<<` with the white space between it and a heredoc's name."""
        start = self.at
        self.at += 1
        if self.text.startswith("<", self.at):
            self.at += 1
            while self.rules.spaced_heredocs and self.text[self.at : self.at + 1] in ("\t", "\r", " "):
                self.at += 1
        return self.text[start : self.at]

    def _quoted(self, quote: str, keep_escapes: bool, depth: int) -> str:
        text, escape = self.text, self.rules.escape
        self.at += 1
        pieces = [quote] if self.rules.keep_quotes else []
        if quote == "'":
            end = text.find("'", self.at)
            if end < 0:
                raise BadSubstitution("a single quote is never closed")
            inside = text[self.at : end]
            self.at = end + 1
            return f"'{inside}'" if self.rules.keep_quotes else inside
        while text[self.at : self.at + 1] != quote:
            if self.at >= len(text):
                raise BadSubstitution("a double quote is never closed")
            if run := _DOUBLE_QUOTED[escape].match(text, self.at):
                self.at = run.end()
                pieces.append(run[0])
            elif text[self.at] == "$":
                pieces.append(self._dollar(depth))
            else:
                following = text[self.at + 1 : self.at + 2]
                escaped = following in ('"', "$", escape)
                if keep_escapes:
                    pieces.append(escape)
                if following:
                    pieces.append(following if escaped else escape)
                self.at += 2 if escaped else 1
        self.at += 1
        return "".join([*pieces, quote] if self.rules.keep_quotes else pieces)

    def _name(self) -> str:
        text, start = self.text, self.at
        first = text[start : start + 1]
        if first.isdecimal():
            while text[self.at : self.at + 1].isdecimal():
                self.at += 1
        elif first in _SPECIAL:
            self.at += 1
        else:
            while (
                (character := text[self.at : self.at + 1]).isalpha()
                or character.isdecimal()
                or character == "_"
            ):
                self.at += 1
        return text[start : self.at]

    def _value(self, name: str) -> str | None:
        value = self.values.get(name)
        (self.unset if value is None else self.used).add(name)
        self._count(len(value or ""))
        return value

    def _dollar(self, depth: int) -> str:
        """The variable that starts here."""
        # One without a value puts nothing in, and takes its time all the same.
        self._count(0, compared=2)
        self.at += 1
        if not self.text.startswith("{", self.at):
            name = self._name()
            value = self._value(name) if name else None
            kept = not name or (value is None and self.rules.keep_unset)
            return f"${name}" if kept else value or ""
        self.at += 1
        if self.text[self.at : self.at + 1] in ("", "{", "}", ":"):
            raise BadSubstitution("${ is not followed by a name")
        name = self._name()
        modifier = self.text[self.at : self.at + 1]
        self.at += 1
        if modifier == "}":
            value = self._value(name)
            return f"${{{name}}}" if value is None and self.rules.keep_unset else value or ""
        if modifier == "/":
            return self._replacement(name, depth)
        if modifier == ":":
            modifier += self.text[self.at : self.at + 1]
            self.at += 1
        if modifier in (":#", ":%"):
            raise BadSubstitution(f"{modifier} cannot stand in a substitution")
        if not modifier:
            raise BadSubstitution("} is missing at the end of a substitution")
        # With a colon, a form that does not exist is seen after its word only.
        if modifier[0] not in ":+-?#%":
            raise BadSubstitution(f"{modifier} cannot stand in a substitution")
        return self._modified(name, modifier, depth)

    def _modified(self, name: str, modifier: str, depth: int) -> str:
        word, _ = self.until("}", modifier in ("#", "%"), depth + 1)
        value = self._value(name)
        if value is None and self.rules.keep_unset:
            return f"${{{name}{modifier}{word}}}"
        sign = modifier[-1]
        missing = value is None or (modifier[0] == ":" and not value)
        if sign not in "-+?#%":
            raise BadSubstitution(f"{modifier} cannot stand in a substitution")
        if sign in "-+":
            return word if missing is (sign == "-") else (value or "") if sign == "-" else ""
        if sign == "?":
            if missing:
                what = "unset" if value is None else "empty"
                raise BadSubstitution(f"{name}: {word or f'is not allowed to be {what}'}")
            return value or ""
        greedy = word.startswith(sign)
        self._count(len(word) + (len(value or "") * len(word) >> 6), len(value or ""))
        trim = without_suffix if sign == "%" else without_prefix
        try:
            return trim(word[greedy:], value or "", greedy=greedy)
        except BadPattern as problem:
            raise BadSubstitution(f"the pattern {word[greedy:]} is malformed: {problem}") from problem

    def _replacement(self, name: str, depth: int) -> str:
        everywhere = self.text.startswith("/", self.at)
        self.at += everywhere
        pattern, _ = self.until("/", True, depth + 1)
        replacement, _ = self.until("}", True, depth + 1)
        value = self._value(name)
        if value is None and self.rules.keep_unset:
            return f"${{{name}/{pattern}/{replacement}}}"
        self._count(len(pattern) + (len(value or "") * len(pattern) >> 6), len(value or ""))
        if everywhere:
            self._count(len(value or "") * len(replacement))
        try:
            return replaced(pattern, value or "", replacement, everywhere=everywhere)
        except BadPattern as problem:
            raise BadSubstitution(f"the pattern {pattern} is malformed: {problem}") from problem
