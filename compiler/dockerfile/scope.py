"""What holds at each instruction of a stage: variables, the shell, the folder, the user.

Takes a Dockerfile and the build arguments that are given, gives states in the
order of the instructions. Follows BuildKit
(frontend/dockerfile/dockerfile2llb/convert.go: buildMetaArgs, dispatchArg,
dispatchEnv, dispatch). What a base image sets is not known here: give it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from compiler.dockerfile.expansion import LONGEST, BadSubstitution, Expanded, Rules, expand
from compiler.dockerfile.instructions import Instruction
from compiler.dockerfile.reader import Dockerfile, Stage

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
    """

    instruction: Instruction
    values: Mapping[str, str]
    arguments: frozenset[str]
    shell: tuple[str, ...]
    folder: str
    user: str
    rules: Rules

    def expand(self, text: str) -> Expanded:
        """A word of the instruction with its variables replaced.

        Raises:
            BadSubstitution: it cannot be expanded.
        """
        return expand(text, self.values, self.rules)

    def expand_text(self, text: str) -> Expanded:
        """The text of a heredoc that COPY or ADD writes: quotes stay, the escape is a backslash.

        Raises:
            BadSubstitution: it cannot be expanded.
        """
        return expand(text, self.values, Rules(no_quotes=True))


def global_values(
    dockerfile: Dockerfile, given: Mapping[str, str], platform: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The arguments before the first FROM that have a value; `platform` are TARGETPLATFORM and its like.

    A default that cannot be expanded gives none.
    """
    values = dict(platform or {})
    for argument in dockerfile.globals:
        value = given.get(argument.name)
        if value is None and argument.value is not None:
            value = _expanded(argument.value, values, Rules(dockerfile.escape))
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
) -> Iterator[State]:
    """The state at each instruction of a stage and of those that it is built FROM, in order.

    `given` are build arguments, `inherited` the environment of the base image.
    What a stage leaves with ONBUILD to the one that is built FROM it comes
    before that one's own instructions. An ENV or ARG that cannot be expanded
    sets nothing: BuildKit stops there.
    """
    everywhere = global_values(dockerfile, given, platform)
    values = dict(inherited or {})
    rules = Rules(dockerfile.escape)
    state: State | None = None
    seen: set[str] = set()
    shell: tuple[str, ...] = DEFAULT_SHELL
    folder, user = "/", ""
    for instruction in _line_of(dockerfile, stage):
        state = State(instruction, MappingProxyType(values), frozenset(seen), shell, folder, user, rules)
        yield state
        if instruction.name == "ENV":
            # All of one ENV are expanded with what held before it.
            values.update(_set_by(instruction, state))
        elif instruction.name == "ARG":
            _declare(instruction, given, everywhere, values, rules)
            seen.update(assignment.name.text for assignment in instruction.assignments)
        elif instruction.name == "SHELL" and instruction.json:
            shell = tuple(word.text for word in instruction.words)
        elif instruction.name == "WORKDIR" and instruction.words:
            said = _expanded(instruction.words[0].text, values, rules)
            folder = posixpath.normpath(posixpath.join(folder, said)) if said else folder
        elif instruction.name == "USER" and instruction.words:
            user = _expanded(instruction.words[0].text, values, rules) or user


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


def _set_by(instruction: Instruction, state: State) -> dict[str, str]:
    found: dict[str, str] = {}
    for assignment in instruction.assignments:
        name = _expanded(assignment.name.text, state.values, state.rules)
        value = _expanded(assignment.value.text if assignment.value else "", state.values, state.rules)
        if name and value is not None:
            found[name] = value
    return found


def _declare(
    instruction: Instruction,
    given: Mapping[str, str],
    everywhere: Mapping[str, str],
    values: dict[str, str],
    rules: Rules,
) -> None:
    for assignment in instruction.assignments:
        name = assignment.name.text
        if name in given:
            value: str | None = given[name]
        elif assignment.value is not None:
            value = _expanded(assignment.value.text, values, rules)
        else:
            value = everywhere.get(name)
        if value is not None:
            values[name] = value


def _expanded(text: str, values: Mapping[str, str], rules: Rules, limit: int = LONGEST) -> str | None:
    try:
        return expand(text, values, rules, limit).text
    except BadSubstitution:
        return None
