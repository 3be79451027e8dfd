"""The structure of a shell text while it is read: lists of commands that are open, commands that end.

`reading` finds words and operators and tells them to Lists, which knows what they mean
where they stand: reserved words, assignments, targets of redirections.
"""

from __future__ import annotations

import re

from compiler.shell.drafts import Draft, Frame, Word

DEEPEST = 40
_MOST_COMMANDS = 10_000
ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:\[[^\]\s]*\])?\+?=")
EMPTY_BRACKETS = re.compile(r"\([ \t]*\)")
_OPENING = {"if": "fi", "while": "done", "until": "done", "for": "done", "select": "done", "case": "esac"}
_INSIDE = {"then": "fi", "else": "fi", "elif": "fi", "do": "done"}
_CLOSING = frozenset(("fi", "done", "esac", "}"))


class Lists:
    """What is open at the place `at` of a text, and the commands that were found before it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.complete = True
        self.stack = [Frame("")]
        self.drafts: list[Draft] = []
        self.backticks = 0
        # Heredocs whose text begins at the next line end: the name, whether tabs go, whose it is and which.
        self.heredocs: list[tuple[str, bool, Draft, int]] = []

    def stop(self) -> None:
        """Give up: the rest of the text is not understood."""
        self.complete = False
        self.at = len(self.text)

    def open(self, closing: str, opened: int | None = None, mode: str = "command") -> None:
        """Begin a list of commands, see Frame; too many in each other are not read."""
        if len(self.stack) > DEEPEST:
            self.stop()
            return
        self.backticks += closing == "`"
        self.stack.append(Frame(closing, mode, opened))

    def close(self) -> None:
        """End the innermost frame, which is not the text itself, at the place reached."""
        frame = self.stack[-1]
        if frame.word is not None:
            self.end_word(frame, frame.word)
            if self.stack[-1] is not frame:
                return
        self.end_command(frame)
        self.stack.pop()
        self.backticks -= frame.closing == "`"
        outer = self.stack[-1]
        if frame.opened is not None and outer.word is not None:
            outer.word.parts.append(self.text[frame.opened : self.at])
            outer.word.certain = outer.word.bare = False
        elif frame.mode != "array":
            outer.after = True

    def draft(self, frame: Frame, start: int | None = None) -> Draft:
        """The command that a frame is in; a new one starts here, or at `start`."""
        if frame.draft is None:
            where = self.at if start is None else start
            frame.draft = Draft(where, where, frame.before, len(self.stack) - 1)
        return frame.draft

    def end_command(self, frame: Frame) -> None:
        """End the command that a frame is in, if it is in one."""
        draft, frame.draft = frame.draft, None
        if frame.redirection:
            frame.redirection, self.complete = "", False
        # What stands after a bracket can only be its redirections.
        if draft is not None and not (frame.after and not draft.words):
            self.complete = self.complete and not frame.after
            self.drafts.append(draft)
            if len(self.drafts) >= _MOST_COMMANDS:
                self.stop()
        elif not frame.after and frame.before in ("&&", "||", "|"):
            self.complete = False
        self.complete = self.complete and frame.mode not in ("test", "for", "case", "function")
        frame.after = False
        if frame.mode == "test":
            frame.mode = "command"

    def end_word(self, frame: Frame, word: Word) -> None:
        """End the word that a frame is in: what it is hangs on where it stands."""
        frame.word = None
        text = "".join(word.parts)
        if frame.redirection:
            self._redirect(frame, text)
        elif frame.mode in ("command", "test"):
            self._command_word(frame, word, text)
        elif frame.mode == "for":
            frame.header += 1
            if frame.header == 2 and text == "do":
                frame.mode, frame.before = "command", ""
        elif frame.mode == "case":
            frame.header += 1
            if frame.header == 2:
                self.complete = self.complete and text == "in"
                frame.mode, frame.header = "pattern", 0
        elif frame.mode == "pattern":
            frame.header += 1
            if frame.header == 1 and text == "esac" and word.bare:
                frame.mode = "command"
                self.close()
        elif frame.mode == "function":
            if (empty := EMPTY_BRACKETS.match(self.text, self.at)) is not None:
                self.at = empty.end()
            frame.mode = "command"

    def _redirect(self, frame: Frame, target: str) -> None:
        draft = self.draft(frame)
        operator, frame.redirection = frame.redirection, ""
        if operator in ("<<", "<<-"):
            self.heredocs.append((target, operator == "<<-", draft, len(draft.redirections)))
        draft.redirections.append((operator, target))
        draft.end = self.at

    def _command_word(self, frame: Frame, word: Word, text: str) -> None:
        if frame.draft is None and word.bare and self._reserved(frame, text):
            return
        draft = self.draft(frame, word.start)
        draft.end = self.at
        assigned = None if draft.words else ASSIGNMENT.match(self.text, word.start, self.at)
        if assigned is not None:
            name = assigned[0].rstrip("=").rstrip("+")
            draft.variables.append((name, text[len(assigned[0]) :]))
            return
        if draft.words[:1] == ["[["] and frame.mode != "test":
            self.complete = False
        if text == "[[" and word.bare and not draft.words:
            frame.mode = "test"
        elif text == "]]" and word.bare and frame.mode == "test":
            frame.mode = "command"
        draft.words.append(text)
        draft.certain = draft.certain and word.certain

    def _reserved(self, frame: Frame, text: str) -> bool:
        """Act on a reserved word where a command could start; whether it is one."""
        if text in _CLOSING:
            if frame.closing == text:
                self.close()
                return True
            self.complete = False
            return text != "}"
        if frame.after:
            return False
        if text in _OPENING:
            mode = {"for": "for", "select": "for", "case": "case"}.get(text, "command")
            self.open(_OPENING[text], mode=mode)
        elif text in _INSIDE:
            self.complete = self.complete and frame.closing == _INSIDE[text]
            frame.before = ""
        elif text == "{":
            self.open("}")
        elif text == "function":
            frame.mode = "function"
        else:
            return text == "!"
        return True
