"""What BuildKit refuses of an instruction that its parser accepts.

Takes an Instruction, gives problems. The rules are those of
frontend/dockerfile/instructions/parse.go that need nothing but the instruction
itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from compiler.dockerfile.copies import opens
from compiler.dockerfile.instructions import INSTRUCTIONS, Flag, Instruction
from compiler.dockerfile.mounts import parse_mount
from compiler.dockerfile.problems import Problem
from compiler.dockerfile.words import BadWords
from compiler.source import Span
from compiler.values.malformed import shown
from compiler.values.suggest import closest

STAGE_NAME = re.compile(r"[a-z][a-z0-9_.-]*")
_BOOLEAN, _ONCE, _MANY = "boolean", "once", "many"
_COPY = {"chown": _ONCE, "chmod": _ONCE, "link": _BOOLEAN, "exclude": _MANY}
FLAGS: dict[str, dict[str, str]] = {
    "ADD": _COPY | {"keep-git-dir": _BOOLEAN, "checksum": _ONCE, "unpack": _BOOLEAN},
    "COPY": _COPY | {"from": _ONCE, "parents": _BOOLEAN},
    "FROM": {"platform": _ONCE},
    "HEALTHCHECK": dict.fromkeys(("interval", "timeout", "start-period", "start-interval", "retries"), _ONCE),
    "RUN": {"mount": _MANY, "network": _ONCE, "security": _ONCE, "device": _MANY},
}
# Their flags are never looked at.
_ANY_FLAGS = frozenset(("ARG", "STOPSIGNAL"))


def unknown(instruction: Instruction) -> Problem:
    """What to say of an instruction that does not exist."""
    name = instruction.name
    meant = closest(name, INSTRUCTIONS)
    message = f"{shown(name)} is not an instruction" if name else "an instruction is missing here"
    start = instruction.keyword.start
    place = Span(instruction.span.source, start, min(start + max(len(name), 1), instruction.span.end))
    return Problem(message, place, f"did you mean {meant}?" if meant else "", parsing=False)


def refusals(instruction: Instruction, *, flags: bool = True) -> Iterator[Problem]:
    """What is refused of a known instruction; without `flags`, those that are not known here are let pass.

    A file with a `# syntax=` line may be read by a frontend that knows more of them.
    """
    if instruction.flags and instruction.name not in _ANY_FLAGS:
        yield from _bad_flags(instruction, flags)
    for message, hint in _JUDGES[instruction.name](instruction):
        yield Problem(message, instruction.span, hint, parsing=False)


def _bad_flags(instruction: Instruction, strict: bool) -> Iterator[Problem]:
    known = FLAGS.get(instruction.name, {})
    seen: set[str] = set()
    for flag in instruction.flags:
        kind = known.get(flag.name)
        message = hint = ""
        if kind is None:
            if strict:
                message = f"{instruction.name} has no flag {shown('--' + flag.name)}"
                meant = closest(flag.name, tuple(known))
                hint = f"did you mean --{meant}?" if meant else ""
        elif flag.name in seen and kind != _MANY:
            message, hint = f"--{flag.name} stands here a second time", "remove one"
        elif kind == _BOOLEAN and (flag.value or "").lower() not in ("", "true", "false"):
            message, hint = f"--{flag.name} is either true or false", f"write --{flag.name}"
        elif (flag.value is None and kind != _BOOLEAN) or (flag.value == "" and kind == _BOOLEAN):
            message = f"--{flag.name} has no value"
        elif flag.name == "mount":
            message = _bad_mount(flag)
        seen.add(flag.name)
        if message:
            yield Problem(message, flag.span, hint, parsing=False)
            # As BuildKit does, stop at the first: there may be thousands.
            return


def _bad_mount(flag: Flag) -> str:
    try:
        parse_mount(flag)
    except BadWords as problem:
        return str(problem)
    return ""


_Messages = Iterator[tuple[str, str]]


def _nothing(_: Instruction) -> _Messages:
    yield from ()


def _named(instruction: Instruction) -> _Messages:
    if not instruction.assignments:
        yield f"{instruction.name} takes at least one name", ""
    if any(not assignment.name.text for assignment in instruction.assignments):
        yield f"a name of {instruction.name} is empty", ""


def _one(instruction: Instruction) -> _Messages:
    if len(instruction.words) != 1:
        yield f"{instruction.name} takes exactly one argument", ""


def _some(instruction: Instruction) -> _Messages:
    if not instruction.words:
        yield f"{instruction.name} takes at least one argument", ""
    if instruction.name == "VOLUME" and any(not word.text.strip() for word in instruction.words):
        yield "a VOLUME cannot be empty", ""


def _copied(instruction: Instruction) -> _Messages:
    if len(instruction.words) < 2:
        yield f"{instruction.name} takes at least one source and a destination", ""
    elif opens(instruction.words[-1]):
        yield f"the destination of {instruction.name} cannot be a heredoc", ""


def _from(instruction: Instruction) -> _Messages:
    words = instruction.words
    if len(words) == 3 and words[1].text.upper() == "AS":
        if not STAGE_NAME.fullmatch(words[2].text.lower()):
            hint = "start with a letter and use letters, digits, -, _ and ."
            yield f"{shown(words[2].text)} cannot name a stage", hint
    elif len(words) != 1:
        yield "FROM takes an image, or an image AS a name", ""


def _health(instruction: Instruction) -> _Messages:
    words = instruction.words
    kind = words[0].text.upper() if words else ""
    if not words:
        yield "HEALTHCHECK takes CMD and a command, or NONE", ""
    elif kind == "NONE":
        if len(words) > 1:
            yield "HEALTHCHECK NONE takes nothing more", ""
    elif kind != "CMD":
        yield f"{shown(kind)} is no kind of HEALTHCHECK", "write CMD before the command"
    elif len(words) < 2:
        yield "HEALTHCHECK CMD has no command", ""


def _shell(instruction: Instruction) -> _Messages:
    if not instruction.words:
        yield "SHELL takes at least one argument", ""
    elif not instruction.json:
        yield "SHELL takes a JSON array", 'write it like ["/bin/bash", "-c"]'


def _onbuild(instruction: Instruction) -> _Messages:
    trigger = instruction.trigger
    if trigger is None:
        if not instruction.rest.text:
            yield "ONBUILD takes an instruction", ""
    elif trigger.name in ("ONBUILD", "FROM", "MAINTAINER"):
        yield f"{trigger.name} cannot stand after ONBUILD", ""


_JUDGES: dict[str, Callable[[Instruction], _Messages]] = {
    **dict.fromkeys(("ARG", "ENV", "LABEL"), _named),
    **dict.fromkeys(("MAINTAINER", "STOPSIGNAL", "USER", "WORKDIR"), _one),
    **dict.fromkeys(("EXPOSE", "VOLUME"), _some),
    **dict.fromkeys(("ADD", "COPY"), _copied),
    **dict.fromkeys(("CMD", "ENTRYPOINT", "RUN"), _nothing),
    "FROM": _from,
    "HEALTHCHECK": _health,
    "ONBUILD": _onbuild,
    "SHELL": _shell,
}
