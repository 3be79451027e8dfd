"""What commands do, as far as the time of a build and its cache are concerned.

Takes a Script, gives an Activity for each command. What programs do is in tables (`ecosystems`, `systems`,
`compilers`); package managers of languages are in `installs`, programs that are none in `tools`. Nothing is
run and no file is read: a script in a file, and a program that is not in the tables, is OTHER.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from compiler.shell.ecosystems import ECOSYSTEMS
from compiler.shell.installs import of_ecosystem
from compiler.shell.model import Activity, ActivityKind, Command, Script
from compiler.shell.options import VALUED
from compiler.shell.systems import SYSTEM_MANAGERS
from compiler.shell.tools import URL, VERSIONED, nothing, split, tool, without_options

_PROGRAMS = {program: name for name, each in ECOSYSTEMS.items() for program in each.programs}
_PACMAN_SYNC = re.compile(r"-S[a-zA-Z]*")


@lru_cache(maxsize=256)
def activities(script: Script) -> tuple[Activity, ...]:
    """What each command of a script does, in its order.

    Give it `wrappers.seen_through(script)` to know what `sudo` and `sh -c` run.
    """
    return tuple(activity(command) for command in script.commands)


def activity(command: Command) -> Activity:
    """What one command does."""
    program = VERSIONED.sub(lambda match: match[1], command.program)
    # tonistiigi/xx: the tool that compiles for another platform.
    program = program.removeprefix("xx-")
    words = command.words[1:]
    if program in ("python", "python3", "pypy", "pypy3", "py"):
        program, words = _python(words)
    if program in SYSTEM_MANAGERS:
        return _system(command, program, words)
    if program in _PROGRAMS:
        name = _PROGRAMS[program]
        return of_ecosystem(command, name, words)
    if program in ("npx", "bunx", "pnpx"):
        return tool(command, without_options(words))
    if program in _SMALL:
        return _SMALL[program](command, program, words)
    return tool(command, (program, *words))


def _python(words: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The program that `python -m X` or `python setup.py` stands for."""
    at = 0
    while at < len(words) and words[at].startswith("-") and words[at] != "-m":
        at += 2 if words[at] in ("-c", "-W", "-X") else 1
    if at + 1 < len(words) and words[at] == "-m":
        return words[at + 1], words[at + 2 :]
    return "python", words[at:]


# Distributions


def _system(command: Command, program: str, words: tuple[str, ...]) -> Activity:
    manager = SYSTEM_MANAGERS[program]
    if program == "pacman":
        return _pacman(command, words)
    found = split(words, VALUED[program])
    verb = found.plain[0] if found.plain else ""
    names = found.plain[1:]
    if verb in manager.updates:
        return Activity(ActivityKind.SYSTEM_UPDATE, command, program)
    if verb in manager.installs:
        return Activity(ActivityKind.SYSTEM_PACKAGES, command, program, names=names, files=_local(names))
    kind = ActivityKind.CLEAN if verb in manager.cleans else ActivityKind.OTHER
    return Activity(kind, command, program)


def _pacman(command: Command, words: tuple[str, ...]) -> Activity:
    found = split(words, VALUED["pacman"])
    operation = next((option for option in found.options if _PACMAN_SYNC.fullmatch(option)), "")
    if "--sync" in found.options:
        operation = "-S"
    if not operation:
        removes = any(option.startswith(("-R", "--remove")) for option in found.options)
        return Activity(ActivityKind.CLEAN if removes else ActivityKind.OTHER, command, "pacman")
    if "c" in operation:
        return Activity(ActivityKind.CLEAN, command, "pacman")
    if found.plain or "u" in operation or found.has("--sysupgrade"):
        return Activity(ActivityKind.SYSTEM_PACKAGES, command, "pacman", names=found.plain)
    return Activity(ActivityKind.SYSTEM_UPDATE, command, "pacman")


def _local(names: Sequence[str]) -> tuple[str, ...]:
    """The names that are files: a package of the project's own (`apt-get install ./x.deb`)."""
    return tuple(name for name in names if name.startswith(("./", "/", "../")) and not URL.match(name))


def _gem(command: Command, program: str, words: tuple[str, ...]) -> Activity:
    found = split(words, VALUED["gem"])
    if found.plain[:1] in (("install",), ("i",), ("update",)):
        return Activity(ActivityKind.DEPENDENCIES, command, program, "bundler", found.plain[1:])
    return nothing(command, program)


def _python_file(command: Command, program: str, words: tuple[str, ...]) -> Activity:
    """`python setup.py install`: a build of the project that installs what it needs."""
    if words and words[0].rpartition("/")[2] == "setup.py" and len(words) > 1:
        if words[1] in ("install", "develop"):
            return Activity(ActivityKind.DEPENDENCIES, command, "pip", "pip", (), True, (words[0],))
        return Activity(ActivityKind.COMPILE, command, program, "pip", (), True, (words[0],))
    return nothing(command, program)


def _python_build(command: Command, program: str, _: tuple[str, ...]) -> Activity:
    return Activity(ActivityKind.COMPILE, command, program, "pip", (), True)


def _pipx(command: Command, program: str, words: tuple[str, ...]) -> Activity:
    found = split(words, VALUED["pipx"])
    if found.plain[:1] in (("install",), ("inject",)):
        return Activity(ActivityKind.DEPENDENCIES, command, program, "pip", found.plain[1:])
    return nothing(command, program)


_SMALL = {
    "gem": _gem,
    "python": _python_file,
    "build": _python_build,
    "pipx": _pipx,
}
