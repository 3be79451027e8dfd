"""The words of a command cut into options and names, and programs that are no package managers.

Takes a command's words, gives Words and Activities by the tables of `compilers`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from compiler.shell.compilers import CLEANERS, COMPILERS, DOWNLOADERS
from compiler.shell.model import Activity, ActivityKind, Command
from compiler.shell.options import VALUED

URL = re.compile(r"(?:[a-z+]+://|git@)")
VERSIONED = re.compile(
    r"(python|pip|pypy|node|php|composer|ruby|gem|gcc|g\+\+|clang|clang\+\+)-?[0-9][0-9.]*"
)


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a command after its program: those without a dash, and the values of options, in order."""

    plain: tuple[str, ...]
    options: tuple[str, ...]
    values: tuple[tuple[str, str], ...]

    def has(self, *names: str) -> bool:
        """Whether one of the options is among them."""
        return any(option.partition("=")[0] in names for option in self.options)


def without_options(words: Sequence[str]) -> tuple[str, ...]:
    """The words from the first that is no option on."""
    at = next((at for at, word in enumerate(words) if not word.startswith("-")), len(words))
    return tuple(words[at:])


def split(words: Sequence[str], valued: Sequence[str]) -> Words:
    """Words cut into options and others; `valued` are the options that take the next word."""
    plain: list[str] = []
    options: list[str] = []
    values: list[tuple[str, str]] = []
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if word == "--":
            plain += words[at:]
            break
        if not word.startswith("-") or word == "-":
            plain.append(word)
            continue
        options.append(word)
        name, equals, value = word.partition("=")
        if equals:
            values.append((name, value))
        elif word in valued and at < len(words):
            values.append((word, words[at]))
            at += 1
    return Words(tuple(plain), tuple(options), tuple(values))


def nothing(command: Command, tool: str) -> Activity:
    """A command that takes no time worth counting, or that is not known."""
    return Activity(ActivityKind.OTHER, command, tool)


def tool(command: Command, words: Sequence[str]) -> Activity:
    """A program that is no package manager, by the tables of `compilers`."""
    program = words[0].rpartition("/")[2] if words else ""
    found = split(words[1:], VALUED.get(program, ()))
    if program in CLEANERS:
        return Activity(ActivityKind.CLEAN, command, program)
    if program in DOWNLOADERS:
        urls = tuple(word for word in found.plain if not _is_git_verb(program, word))
        fetches = program not in ("git", "svn", "gh") or bool(set(found.plain[:1]) & _FETCHES)
        kind = ActivityKind.DOWNLOAD if fetches else ActivityKind.OTHER
        return Activity(kind, command, program, names=urls if fetches else ())
    verbs = COMPILERS.get(VERSIONED.sub(lambda match: match[1], program))
    if verbs is not None and (not verbs or any(verb in words[1:] for verb in verbs)):
        if found.plain[:1] in (("clean",), ("distclean",)) and len(found.plain) == 1:
            return Activity(ActivityKind.CLEAN, command, program)
        asks = found.has("--version", "-version", "--help") or words[1:] in (("-v",), ["-v"])
        return nothing(command, program) if asks else Activity(ActivityKind.COMPILE, command, program)
    return nothing(command, program)


_FETCHES = {"clone", "fetch", "pull", "submodule", "checkout", "export", "co", "release", "lfs"}


def _is_git_verb(program: str, word: str) -> bool:
    return program in ("git", "svn", "gh") and word in _FETCHES
