"""Reads shell text as it stands in a RUN: which commands are in it, and where.

Takes the text that a POSIX shell (or bash) gets, gives a Script. It knows
lists, pipes, brackets, branches, loops, functions, quotes, expansions,
substitutions, redirections, heredocs and comments (POSIX.1-2017, Shell Command
Language, and bash's `[[ ]]`, `(( ))`, arrays, `<( )`, `$' '`), runs nothing
and expands nothing. What it does not understand makes the script not
`complete`; commands found until then, and after it where reading can go on, are given.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from compiler.shell.drafts import Draft, Frame, Word
from compiler.shell.lists import ASSIGNMENT, DEEPEST, EMPTY_BRACKETS, Lists
from compiler.shell.model import Command, Script

LONGEST = 1 << 17
"""Characters of a text that is read at all: Linux takes no longer argument (MAX_ARG_STRLEN)."""

# What a word does not simply begin with; digits may be a descriptor.
_SPECIAL = frozenset(" \t\r\n\\#|&;<>()`0123456789{]")
_BLANKS = re.compile(r"(?:[ \t\r]|\\\n)+")
_OPERATOR = re.compile(r"&&|\|\||;;&|;;|;&|\|&|&>>|&>|<<<|<<-|<<|<&|<>|<\(|>>|>&|>\||>\(|[|&;<>()]")
_DESCRIPTOR = re.compile(r"(?:[0-9]+|\{[A-Za-z_][A-Za-z0-9_]*\})(?=[<>])")
_PLAIN = re.compile(r"[^ \t\r\n'\"\\$`|&;<>()]+")
_PLAIN_IN_TEST = re.compile(r"[^ \t\r\n'\"\\$`]+")
_PLAIN_IN_QUOTES = re.compile(r'[^"\\$`]+')
_PLAIN_IN_BRACES = re.compile(r"[^}'\"\\$`]+")
_VARIABLE = re.compile(r"\$(?:[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-])")
_TEST_END = re.compile(r"\]\](?=[ \t\r\n;&|<>)]|\Z)")
_ANSI_TEXT = re.compile(r"\$'(?:[^'\\]|\\.)*+'", re.DOTALL)
_ROUND = re.compile(r"[()]")
_REDIRECTIONS = frozenset(("<", ">", ">>", ">|", "<>", "<&", ">&", "&>", "&>>", "<<", "<<-", "<<<"))


@lru_cache(maxsize=256)
def read_script(text: str) -> Script:
    """The commands of a shell text, in the order of their starts. Never raises; takes linear time.

    The last texts are remembered: everyone who looks at a RUN reads it.

    A text longer than LONGEST, which no shell is ever given, is not read: no commands, not complete. After
    10,000 commands reading stops.
    """
    if len(text) > LONGEST or "\0" in text:
        return Script((), complete=False)
    return _Reader(text).read()


def single_command(words: Sequence[str], end: int) -> Script:
    """The script of a RUN in JSON form, which no shell reads: one command over the whole text (to `end`)."""
    return Script((Command(tuple(words), 0, end),) if words else ())


class _Reader:
    """One pass over a text with a stack of frames, so that nesting costs no recursion."""

    def __init__(self, text: str) -> None:
        self.lists = Lists(text)

    def read(self) -> Script:
        while self.lists.at < len(self.lists.text):
            frame = self.lists.stack[-1]
            if frame.word is None:
                self._between(frame)
            else:
                self._in_word(frame, frame.word)
        # What is still open at the end is closed there.
        self.lists.complete = self.lists.complete and not self.lists.heredocs
        while True:
            frame = self.lists.stack[-1]
            if frame.word is not None:
                self.lists.complete = self.lists.complete and not frame.word.contexts
                self.lists.end_word(frame, frame.word)
                continue
            if len(self.lists.stack) == 1:
                break
            self.lists.complete = False
            self.lists.close()
        self.lists.end_command(self.lists.stack[-1])
        self.lists.drafts.sort(key=lambda draft: draft.start)
        return Script(tuple(draft.command() for draft in self.lists.drafts), self.lists.complete)

    # Between words

    def _between(self, frame: Frame) -> None:
        character = self.lists.text[self.lists.at]
        if character not in _SPECIAL:
            frame.word = Word(self.lists.at)
        elif (blanks := _BLANKS.match(self.lists.text, self.lists.at)) is not None:
            self.lists.at = blanks.end()
        elif character == "\n":
            self._line_end(frame)
        elif character == "#":
            end = self.lists.text.find("\n", self.lists.at)
            self.lists.at = len(self.lists.text) if end < 0 else end
        elif frame.mode == "test":
            self._test_word(frame)
        elif (descriptor := _DESCRIPTOR.match(self.lists.text, self.lists.at)) is not None:
            self.lists.draft(frame)
            self.lists.at = descriptor.end()
        elif (operator := _OPERATOR.match(self.lists.text, self.lists.at)) is not None:
            self._operator(frame, operator[0])
        elif character == "`" and frame.closing == "`":
            self.lists.at += 1
            self.lists.close()
        else:
            frame.word = Word(self.lists.at)

    def _test_word(self, frame: Frame) -> None:
        frame.word = Word(self.lists.at)
        if (closing := _TEST_END.match(self.lists.text, self.lists.at)) is not None:
            frame.word.parts.append("]]")
            self.lists.at = closing.end()
            self.lists.end_word(frame, frame.word)

    def _line_end(self, frame: Frame) -> None:
        self.lists.at += 1
        heredocs, self.lists.heredocs = self.lists.heredocs, []
        for name, tabs, draft, index in heredocs:
            body = self._heredoc(name, tabs)
            draft.redirections[index] = (draft.redirections[index][0], body)
        if frame.mode == "for":
            frame.mode, frame.before = "command", ""
        elif frame.mode == "command" and (frame.draft is not None or frame.after):
            self.lists.end_command(frame)
            frame.before = ";"
        if frame.redirection:
            frame.redirection, self.lists.complete = "", False

    def _heredoc(self, name: str, tabs: bool) -> str:
        start = self.lists.at
        while self.lists.at < len(self.lists.text):
            begin = self.lists.at
            end = self.lists.text.find("\n", begin)
            line = self.lists.text[begin:] if end < 0 else self.lists.text[begin:end]
            self.lists.at = len(self.lists.text) if end < 0 else end + 1
            if (line.lstrip("\t") if tabs else line).rstrip("\r") == name:
                return self.lists.text[start:begin]
        self.lists.complete = False
        return self.lists.text[start:]

    def _operator(self, frame: Frame, operator: str) -> None:
        start, self.lists.at = self.lists.at, self.lists.at + len(operator)
        if operator in _REDIRECTIONS:
            self.lists.draft(frame, start)
            frame.redirection = operator
        elif operator in ("<(", ">("):
            frame.word = Word(start)
            self.lists.open(")", start)
        elif operator == "(":
            self._bracket(frame, start)
        elif operator == ")":
            self._closing_bracket(frame)
        elif frame.mode == "pattern":
            self.lists.complete = self.lists.complete and operator == "|"
        elif operator in (";;", ";&", ";;&"):
            self.lists.end_command(frame)
            if frame.closing == "esac":
                frame.mode, frame.before, frame.header = "pattern", "", 0
            else:
                self.lists.complete = False
        elif frame.mode == "for" and operator == ";":
            frame.mode, frame.before = "command", ""
        else:
            self.lists.complete = self.lists.complete and (frame.draft is not None or frame.after)
            self.lists.end_command(frame)
            frame.before = "|" if operator == "|&" else operator

    def _bracket(self, frame: Frame, start: int) -> None:
        if frame.mode == "pattern":
            return
        if frame.draft is not None and self._is_function(frame.draft, start):
            frame.draft = None
            return
        empty = frame.draft is None
        if empty and self.lists.text.startswith("(", self.lists.at):
            # An arithmetic command; a bracket in a bracket is written with a space between.
            self._skip_arithmetic(2, start)
            frame.after = True
        else:
            self.lists.complete = self.lists.complete and empty
            self.lists.open(")")

    def _is_function(self, draft: Draft, start: int) -> bool:
        """Whether the bracket at hand makes the command a function's name; then it is gone past."""
        empty = EMPTY_BRACKETS.match(self.lists.text, start)
        if empty is None or len(draft.words) != 1 or draft.variables or draft.redirections:
            return False
        self.lists.at = empty.end()
        return True

    def _closing_bracket(self, frame: Frame) -> None:
        if frame.mode == "pattern":
            frame.mode, frame.before = "command", ""
            return
        while len(self.lists.stack) > 1 and self.lists.stack[-1].closing != ")":
            if not any(found.closing == ")" for found in self.lists.stack):
                break
            self.lists.complete = False
            self.lists.close()
        if self.lists.stack[-1].closing == ")":
            self.lists.close()
        else:
            self.lists.complete = False

    def _skip_arithmetic(self, depth: int, start: int) -> None:
        """Go past the `))` that matches the `((` from `start` on."""
        for match in _ROUND.finditer(
            self.lists.text, start + self.lists.text[start : start + 3].index("(") + depth
        ):
            depth += 1 if match[0] == "(" else -1
            if depth == 0:
                self.lists.complete = self.lists.complete and self.lists.text[match.start() - 1] == ")"
                self.lists.at = match.end()
                return
        self.lists.stop()

    # In a word

    def _in_word(self, frame: Frame, word: Word) -> None:
        context = word.contexts[-1] if word.contexts else ""
        plain = _PLAIN_IN_TEST if frame.mode == "test" else _PLAIN
        pattern = {"": plain, '"': _PLAIN_IN_QUOTES, "{": _PLAIN_IN_BRACES}[context]
        if (run := pattern.match(self.lists.text, self.lists.at)) is not None:
            word.parts.append(run[0])
            self.lists.at = run.end()
            return
        character = self.lists.text[self.lists.at]
        if character == "\\":
            self._escape(word, context)
        elif character == "$":
            self._dollar(word, context)
        elif character == "`":
            self._backtick(frame, word, context)
        elif character == '"':
            self._double_quote(word, context)
        elif character == "'":
            self._single_quote(word, context)
        elif context == "{":
            self._take(word, 1)
            word.contexts.pop()
        elif character == "(" and self._bracket_in_word(frame, word):
            return
        else:
            self.lists.end_word(frame, word)

    def _take(self, word: Word, count: int) -> None:
        word.parts.append(self.lists.text[self.lists.at : self.lists.at + count])
        self.lists.at += count

    def _escape(self, word: Word, context: str) -> None:
        following = self.lists.text[self.lists.at + 1 : self.lists.at + 2]
        if word.raw or (context == '"' and following not in ("$", "`", '"', "\\", "\n")):
            self._take(word, 2 if following else 1)
            return
        if not following:
            # At the end of a text it stands for itself.
            self._take(word, 1)
            return
        word.bare = word.bare and following == "\n"
        word.parts.append("" if following == "\n" else following)
        self.lists.at += 2

    def _double_quote(self, word: Word, context: str) -> None:
        if word.raw:
            word.parts.append('"')
        word.bare = False
        self.lists.at += 1
        if context == '"':
            word.contexts.pop()
        elif len(word.contexts) >= DEEPEST:
            self.lists.stop()
        else:
            word.contexts.append('"')

    def _single_quote(self, word: Word, context: str) -> None:
        if '"' in word.contexts:
            self._take(word, 1)
            return
        end = self.lists.text.find("'", self.lists.at + 1)
        if end < 0:
            word.parts.append(self.lists.text[self.lists.at + 1 :])
            self.lists.stop()
            return
        word.bare = False
        word.parts.append(
            self.lists.text[self.lists.at : end + 1] if context else self.lists.text[self.lists.at + 1 : end]
        )
        self.lists.at = end + 1

    def _backtick(self, frame: Frame, word: Word, context: str) -> None:
        if not self.lists.backticks:
            self.lists.at += 1
            self.lists.open("`", self.lists.at - 1)
        elif context:
            # The end of a substitution inside of quotes that it opened.
            self.lists.complete = False
            self._take(word, 1)
        else:
            self.lists.end_word(frame, word)
            if self.lists.stack[-1].word is None and self.lists.stack[-1].closing != "`":
                self.lists.stop()

    def _dollar(self, word: Word, context: str) -> None:
        start = self.lists.at
        if self.lists.text.startswith("$((", start):
            self._skip_arithmetic(2, start)
            word.parts.append(self.lists.text[start : self.lists.at])
            word.certain = False
        elif self.lists.text.startswith("$(", start):
            self.lists.at += 2
            self.lists.open(")", start)
        elif self.lists.text.startswith("${", start):
            self._take(word, 2)
            word.certain = False
            if len(word.contexts) >= DEEPEST:
                self.lists.stop()
            word.contexts.append("{")
        elif not context and (quoted := _ANSI_TEXT.match(self.lists.text, start)) is not None:
            word.parts.append(quoted[0][2:-1])
            word.bare = False
            self.lists.at = quoted.end()
        elif (variable := _VARIABLE.match(self.lists.text, start)) is not None:
            self._take(word, len(variable[0]))
            word.certain = False
        else:
            self._take(word, 1)

    def _bracket_in_word(self, frame: Frame, word: Word) -> bool:
        """Whether the bracket at hand belongs to the word: an array's, a function's, a pattern's."""
        if frame.mode != "command" or frame.redirection:
            return False
        first = frame.draft is None or not frame.draft.words
        empty = EMPTY_BRACKETS.match(self.lists.text, self.lists.at)
        if (
            first
            and empty is None
            and ASSIGNMENT.fullmatch(self.lists.text, word.start, self.lists.at) is not None
        ):
            start, self.lists.at = self.lists.at, self.lists.at + 1
            self.lists.open(")", start, "array")
            return True
        if frame.draft is None and word.bare and empty is not None and not frame.after:
            # A function's name; its body follows as a list of its own.
            frame.word, self.lists.at = None, empty.end()
            return True
        if word.parts and word.parts[-1][-1:] in ("?", "*", "+", "@", "!"):
            self.lists.complete = False
            end = self.lists.text.find(")", self.lists.at)
            if end < 0:
                self.lists.stop()
            else:
                self._take(word, end + 1 - self.lists.at)
            return True
        return False
