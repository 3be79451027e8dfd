"""Commands that run others: sudo, env, time, sh -c, xargs and their like.

Takes a Script, gives one in which each such command stands for what it runs.
A command inside of another has the outer one's place in the text. Not seen through: `find -exec`, `parallel`,
`chroot`, `ssh`, `make`, and scripts in files.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

from compiler.shell.model import Command, Script
from compiler.shell.reading import read_script
from compiler.shell.tables import words

# Programs before another command: which of their options take the next word, and how many words of their
# own follow.
_PREFIXES: dict[str, tuple[tuple[str, ...], int]] = {
    "sudo": (words("-u -g -h -p -C -D -R -T -U --user --group --chdir"), 0),
    "doas": (words("-u -C"), 0),
    "env": (words("-u --unset -C --chdir -S"), 0),
    "time": (words("-o -f --output --format"), 0),
    "exec": (words("-a"), 0),
    "command": ((), 0),
    "builtin": ((), 0),
    "nice": (words("-n --adjustment"), 0),
    "ionice": (words("-c -n --class --classdata"), 0),
    "nohup": ((), 0),
    "setsid": ((), 0),
    "stdbuf": (words("-i -o -e"), 0),
    "timeout": (words("-k -s --kill-after --signal"), 1),
    "gosu": ((), 1),
    "su-exec": ((), 1),
    "setarch": ((), 1),
    "linux32": ((), 0),
    "xvfb-run": (words("-n -s -e -f -p -w --server-num --server-args"), 0),
    "eatmydata": ((), 0),
    "fakeroot": ((), 0),
    "tini": (words("-p -e"), 0),
    "dumb-init": ((), 0),
    "xargs": (
        words("-n -I -P -L -d -a -s -E --max-args --max-procs --replace"),
        0,
    ),
    "corepack": ((), 0),
}
_SHELLS = frozenset(("sh", "bash", "ash", "dash", "zsh", "ksh"))
_RUNNERS = {
    ("poetry", "run"): words("-C --directory"),
    ("pipenv", "run"): (),
    ("uv", "run"): words("--with --extra --group --python -p --package --project --directory"),
    ("bundle", "exec"): (),
    ("conda", "run"): words("-n --name -p --prefix --cwd"),
    ("mamba", "run"): words("-n --name -p --prefix"),
    ("micromamba", "run"): words("-n --name -p --prefix"),
    ("busybox", ""): (),
}
_COREPACK = frozenset(("enable", "disable", "prepare", "install", "use", "up", "hydrate", "pack", "cache"))
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_SHELL_OPTION = re.compile(r"[-+][a-zA-Z]+")
_DEEPEST = 5


@lru_cache(maxsize=256)
def seen_through(script: Script) -> Script:
    """The script with what its wrappers run in their place, in order. Never raises."""
    found: list[Command] = []
    complete = script.complete
    for command in script.commands:
        inner, whole = _unwrapped(command, _DEEPEST)
        found += inner
        complete = complete and whole
    return Script(tuple(found), complete)


def _unwrapped(command: Command, levels: int) -> tuple[list[Command], bool]:
    """What a command runs, and whether all of it is known."""
    for _ in range(_DEEPEST):
        inner = _one_level(command)
        if inner is None:
            break
        command = inner
    text = _shell_text(command)
    if text is None:
        return [command], True
    script = read_script(text) if levels else Script((), complete=False)
    if not command.certain and any(each.program.startswith("$") for each in script.commands):
        # The outer shell puts in what is run. Another variable is taken for a word, not for commands.
        script = replace(script, complete=False)
    found: list[Command] = []
    complete = script.complete
    for index, each in enumerate(script.commands):
        placed = replace(
            each,
            start=command.start,
            end=command.end,
            before=each.before if index else command.before,
            depth=command.depth + 1 + each.depth,
            variables=(*command.variables, *each.variables),
        )
        deeper, whole = _unwrapped(placed, levels - 1)
        found += deeper
        complete = complete and whole
    return found, complete


def _one_level(command: Command) -> Command | None:
    """The command without one prefix; None where there is none."""
    given = command.words
    if len(given) < 2:
        return None
    program = command.program
    runner = _RUNNERS.get((program, given[1]), _RUNNERS.get((program, "")))
    if runner is not None:
        start = 2 if (program, given[1]) in _RUNNERS else 1
        return _after(command, start, runner, 0)
    if program == "corepack" and given[1] in _COREPACK:
        return None
    prefix = _PREFIXES.get(program)
    if prefix is None:
        return None
    inner = _after(command, 1, *prefix)
    if inner is not None and program == "xargs":
        return replace(inner, certain=False)
    return inner


def _after(command: Command, start: int, valued: tuple[str, ...], own: int) -> Command | None:
    """The command behind options, assignments and `own` words; None where nothing is left."""
    given, at = command.words, start
    variables = list(command.variables)
    while at < len(given):
        word = given[at]
        if word.startswith("-") and len(word) > 1:
            at += 2 if word in valued else 1
        elif (assigned := _ASSIGNMENT.fullmatch(word)) is not None:
            variables.append((assigned[1], assigned[2]))
            at += 1
        elif own:
            own -= 1
            at += 1
        else:
            return replace(command, words=given[at:], variables=tuple(variables))
    return None


def _shell_text(command: Command) -> str | None:
    """The text that a command gives to another shell (`sh -c`, `su -c`, a heredoc), if it does."""
    given = command.words
    if command.program in _SHELLS:
        at = 1
        while at < len(given) and (_SHELL_OPTION.fullmatch(given[at]) or given[at].startswith("--")):
            if "c" in given[at] and not given[at].startswith("--"):
                # `-c` takes the first word that is no option.
                rest = [
                    word
                    for word in given[at + 1 :]
                    if not _SHELL_OPTION.fullmatch(word) and word != "pipefail"
                ]
                return rest[0] if rest else None
            at += 2 if given[at] in ("-o", "-O", "+o", "-eo", "-euo", "-exo", "-euxo") else 1
        heredocs = [target for operator, target in command.redirections if operator in ("<<", "<<-", "<<<")]
        return heredocs[-1] if at >= len(given) and heredocs else None
    if command.program in ("su", "runuser", "newgrp"):
        for option in ("-c", "--command"):
            if option in given[:-1]:
                return given[given.index(option) + 1]
    return None
