"""What holds at each instruction of a stage: variables, the shell, the folder, the user.

Takes a Dockerfile and the build arguments that are given, gives states in the
order of the instructions. Follows BuildKit
(frontend/dockerfile/dockerfile2llb/convert.go: buildMetaArgs, dispatchArg,
dispatchEnv, dispatch). What a base image sets is not known here: give it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from compiler.dockerfile.expansion import LONGEST, Allowance, BadSubstitution, Expanded, Rules, expand
from compiler.dockerfile.instructions import Instruction
from compiler.dockerfile.reader import Dockerfile, Stage

# In characters. Linux runs no command with a variable of more than 128 KiB (MAX_ARG_STRLEN).
LONGEST_VALUE = 1 << 17
# And has no folder whose path is longer (PATH_MAX).
LONGEST_PATH = 4096
DEFAULT_SHELL = ("/bin/sh", "-c")
# Where they are expanded; RUN, CMD and the like leave variables to the shell.
EXPANDED = frozenset(
    ("ADD", "COPY", "ENV", "EXPOSE", "LABEL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR", "ARG", "FROM")
)


@dataclass(slots=True)
class State:
    """What holds when an instruction starts. One object per walk: it changes as the walk goes on.

    `values` are the variables in the order in which they were first set, those
    of ENV and of every ARG that has a value; `arguments` the names of the ARGs.
    All expansions of a walk share the allowance: a file in which each variable
    holds another one many times takes no more time and memory than that.
    """

    instruction: Instruction
    values: Mapping[str, str]
    arguments: frozenset[str]
    shell: tuple[str, ...]
    folder: str
    user: str
    rules: Rules
    allowance: Allowance = field(default_factory=Allowance)

    def expand(self, text: str) -> Expanded:
        """A word of the instruction with its variables replaced.

        Raises:
            BadSubstitution: it cannot be expanded.
        """
        return expand(text, self.values, self.rules, LONGEST, self.allowance)

    def expand_text(self, text: str) -> Expanded:
        """The text of a heredoc that COPY or ADD writes: quotes stay, the escape is a backslash.

        Raises:
            BadSubstitution: it cannot be expanded.
        """
        return expand(text, self.values, Rules(no_quotes=True), LONGEST, self.allowance)


def global_values(
    dockerfile: Dockerfile,
    given: Mapping[str, str],
    platform: Mapping[str, str] | None = None,
    allowance: Allowance | None = None,
) -> dict[str, str]:
    """The arguments before the first FROM that have a value; `platform` are TARGETPLATFORM and its like.

    A default that cannot be expanded gives none.
    """
    values = dict(platform or {})
    allowance = allowance or Allowance()
    for argument in dockerfile.globals:
        value = given.get(argument.name)
        if value is None and argument.value is not None:
            value = _expanded(argument.value, values, Rules(dockerfile.escape), allowance)
        if value is not None:
            values[argument.name] = value
    return values


def walk(
    dockerfile: Dockerfile,
    stage: Stage,
    given: Mapping[str, str],
    *,
    inherited: Mapping[str, str] | None = None,
    platform: Mapping[str, str] | None = None,
    allowance: Allowance | None = None,
) -> Iterator[State]:
    """The state at each instruction of a stage and of those that it is built FROM, in order.

    `given` are build arguments, `inherited` the environment of the base image.
    What a stage leaves with ONBUILD to the one that is built FROM it comes
    before that one's own instructions. An ENV or ARG that cannot be expanded
    sets nothing: BuildKit stops there. `allowance` is for many walks together;
    without it, each has one of its own.
    """
    allowance = allowance or Allowance()
    everywhere = global_values(dockerfile, given, platform, allowance)
    values = dict(inherited or {})
    seen_values = MappingProxyType(values)
    rules = Rules(dockerfile.escape)
    state: State | None = None
    seen: frozenset[str] = frozenset()
    shell: tuple[str, ...] = DEFAULT_SHELL
    folder, user = "/", ""
    for instruction in _line_of(dockerfile, stage):
        state = State(instruction, seen_values, seen, shell, folder, user, rules, allowance)
        yield state
        if instruction.name == "ENV":
            # All of one ENV are expanded with what held before it.
            values.update(_set_by(instruction, state))
        elif instruction.name == "ARG":
            _declare(state, given, everywhere, values)
            seen |= {assignment.name.text for assignment in instruction.assignments}
        elif instruction.name == "SHELL" and instruction.json:
            shell = tuple(word.text for word in instruction.words)
        elif instruction.name == "WORKDIR" and instruction.words:
            said = _expanded(instruction.words[0].text, values, rules, allowance)
            folder = _below(folder, said or ".")
        elif instruction.name == "USER" and instruction.words:
            user = _expanded(instruction.words[0].text, values, rules, allowance) or user


def _line_of(dockerfile: Dockerfile, stage: Stage) -> list[Instruction]:
    """The instructions of a stage after those of its parents, triggers in their places."""
    line = [stage]
    while line[-1].parent is not None:
        line.append(dockerfile.stages[line[-1].parent])
    found: list[Instruction] = []
    triggers: list[Instruction] = []
    for one in reversed(line):
        found += triggers
        triggers = [i.trigger for i in one.instructions if i.trigger is not None]
        found += [i for i in one.instructions if i.name != "ONBUILD"]
    return found


def _below(folder: str, path: str) -> str:
    found = posixpath.normpath(posixpath.join(folder, path))
    return found if len(found) <= LONGEST_PATH else folder


def _set_by(instruction: Instruction, state: State) -> dict[str, str]:
    found: dict[str, str] = {}
    for assignment in instruction.assignments:
        said = assignment.value.text if assignment.value else ""
        name = _expanded(assignment.name.text, state.values, state.rules, state.allowance)
        value = _expanded(said, state.values, state.rules, state.allowance)
        if name and value is not None:
            found[name] = value
    return found


def _declare(
    state: State, given: Mapping[str, str], everywhere: Mapping[str, str], values: dict[str, str]
) -> None:
    for assignment in state.instruction.assignments:
        name = assignment.name.text
        if name in given:
            value: str | None = given[name]
        elif assignment.value is not None:
            value = _expanded(assignment.value.text, values, state.rules, state.allowance)
        else:
            value = everywhere.get(name)
        if value is not None:
            values[name] = value


def _expanded(text: str, values: Mapping[str, str], rules: Rules, allowance: Allowance) -> str | None:
    if "$" not in text and len(text) > LONGEST_VALUE:
        return None
    try:
        return expand(text, values, rules, LONGEST_VALUE, allowance).text
    except BadSubstitution:
        return None
