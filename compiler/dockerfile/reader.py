"""What the plan needs to know of a Dockerfile: stages, arguments, the final user.

Takes a SourceFile, gives a Dockerfile; never raises for what the text says, and
problems are data. Stages and their order follow BuildKit
(frontend/dockerfile/instructions and dockerfile2llb). Nothing is built,
fetched or expanded beyond the defaults that the file itself states.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from compiler.dockerfile.syntax import (
    INSTRUCTIONS,
    Instruction,
    Problem,
    read_instructions,
    split_instruction,
)
from compiler.dockerfile.words import expand, split_flags, split_words, unquote
from compiler.source import SourceFile, Span
from compiler.values.malformed import shown

__all__ = ["Argument", "Dockerfile", "Instruction", "Problem", "Stage", "read_dockerfile"]

_STAGE_NAME = re.compile(r"[a-z][a-z0-9_.-]*")
_USED_VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")


@dataclass(frozen=True, slots=True)
class Argument:
    """A declared build argument. `default` is unquoted, its variables as written; None without one."""

    name: str
    default: str | None
    span: Span


@dataclass(frozen=True, slots=True)
class Stage:
    """One build stage.

    `image` is what FROM names, as written; `alias` its name in lower case;
    `platform` as written. `instructions` follow the FROM, whose place is
    `span`. `sources` are the indices of the stages that it is built from or
    copies from, ascending; `parent` is the one that it is built FROM (by the
    defaults of the arguments in its name), None for an image. `dynamic` tells
    that a build argument may choose any earlier stage instead.
    """

    image: str
    alias: str | None
    platform: str | None
    span: Span
    instructions: tuple[Instruction, ...]
    parent: int | None
    sources: tuple[int, ...]
    dynamic: bool


@dataclass(frozen=True)
class Dockerfile:
    """A Dockerfile as far as it was understood; `problems` in the order of their places.

    `globals` are the arguments before the first FROM.
    """

    source: SourceFile = field(repr=False)
    escape: str
    instructions: tuple[Instruction, ...]
    globals: tuple[Argument, ...]
    stages: tuple[Stage, ...]
    problems: tuple[Problem, ...]

    def has_stage(self, target: str) -> bool:
        """Whether a stage has this name; letter case does not count."""
        return any(stage.alias == target.lower() for stage in self.stages)

    def declared_arguments(self, target: str | None) -> tuple[Argument, ...]:
        """The arguments that can change what `target` (None: the last stage) is, each once, in order.

        That is, declared in the target or a stage that it is built from or
        copies from, or declared before the first FROM and used in the FROM
        line of one of these. An argument declared again without a default has
        the default of the first declaration. Empty for an unknown target.
        """
        reached = self._reached(target)
        defaults = {argument.name: argument.default for argument in self.globals}
        found = {argument.name: argument for argument in self._used_globals(reached)}
        for index in sorted(reached):
            for instruction in self.stages[index].instructions:
                for argument in _arguments(instruction, self.escape):
                    default = defaults.get(argument.name) if argument.default is None else argument.default
                    found.setdefault(argument.name, Argument(argument.name, default, argument.span))
        return tuple(sorted(found.values(), key=lambda argument: argument.span.start))

    def final_user(self, target: str | None) -> str | None:
        """What USER says last for `target` (None: the last stage), in it or the stages it is built FROM.

        None when nothing in this file says it, or a variable does.
        """
        index = self._index(target)
        users: list[str] = []
        while index is not None and not users:
            stage = self.stages[index]
            users = [found.arguments for found in stage.instructions if found.name == "USER"]
            index = stage.parent
            if index is not None and not users:
                # What the parent leaves to its children runs after its own instructions.
                triggers = [found for found in self.stages[index].instructions if found.name == "ONBUILD"]
                unwrapped = [_with_trigger(found, self.escape) for found in triggers]
                users = [arguments for name, arguments in unwrapped if name == "USER"]
        user = unquote(users[-1], self.escape) if users else ""
        return user if user and "$" not in user else None

    def _index(self, target: str | None) -> int | None:
        """The index of a target: as in BuildKit, the last of several stages with one name."""
        if target is None:
            return len(self.stages) - 1 if self.stages else None
        matching = [index for index, stage in enumerate(self.stages) if stage.alias == target.lower()]
        return matching[-1] if matching else None

    def _reached(self, target: str | None) -> set[int]:
        start = self._index(target)
        reached: set[int] = set()
        waiting = [] if start is None else [start]
        all_below = 0
        while waiting:
            index = waiting.pop()
            if index in reached:
                continue
            reached.add(index)
            stage = self.stages[index]
            waiting.extend(stage.sources)
            if stage.dynamic:
                waiting.extend(range(all_below, index))
                all_below = max(all_below, index)
        return reached

    def _used_globals(self, reached: set[int]) -> list[Argument]:
        """The arguments before the first FROM that the FROM lines of `reached` use, directly or not."""
        texts = [f"{self.stages[i].image} {self.stages[i].platform or ''}" for i in reached]
        used = {name for text in texts for name in _USED_VARIABLE.findall(text)}
        # A default can only use arguments declared before it, so one pass from the end is enough.
        kept = []
        for argument in reversed(self.globals):
            if argument.name in used:
                kept.append(argument)
                used.update(_USED_VARIABLE.findall(argument.default or ""))
        return kept[::-1]


def read_dockerfile(source: SourceFile) -> Dockerfile:
    """Read a Dockerfile. Never raises; time is linear in the length of the text."""
    syntax = read_instructions(source)
    problems = list(syntax.problems)
    first = next((i for i, found in enumerate(syntax.instructions) if found.name == "FROM"), None)
    before = syntax.instructions[:first]
    if all(instruction.name in INSTRUCTIONS for instruction in before):
        problems += _misplaced(before, has_from=first is not None)
    arguments = tuple(found for instruction in before for found in _arguments(instruction, syntax.escape))
    stages = _stages(syntax.instructions[len(before) :], syntax.escape, arguments, problems)
    problems.sort(key=lambda problem: (problem.span.start, problem.message))
    return Dockerfile(source, syntax.escape, syntax.instructions, arguments, stages, tuple(problems))


def _misplaced(before: tuple[Instruction, ...], *, has_from: bool) -> list[Problem]:
    """What stands before the first FROM and may not; not asked where an unknown word may be a FROM."""
    if before and not has_from:
        return [Problem("the Dockerfile has no FROM", before[0].span, "start with FROM")]
    return [
        Problem(f"{found.name} stands before the first FROM", found.span, "only ARG may stand there")
        for found in before
        if found.name != "ARG"
    ]


def _stages(
    instructions: tuple[Instruction, ...],
    escape: str,
    arguments: tuple[Argument, ...],
    problems: list[Problem],
) -> tuple[Stage, ...]:
    """The stages; `instructions` is empty or starts with a FROM."""
    starts = [i for i, instruction in enumerate(instructions) if instruction.name == "FROM"]
    heads = [_head(instructions[start], escape, problems) for start in starts]
    defaults = _defaults(arguments)
    earlier: dict[str, int] = {}
    names = {alias: index for index, (_, alias, _) in enumerate(heads) if alias}
    stages = []
    ends = [*starts[1:], len(instructions)]
    for index, (image, alias, platform) in enumerate(heads):
        body = instructions[starts[index] + 1 : ends[index]]
        parent, dynamic = _parent(image, earlier, defaults)
        sources = {found for i in body for found in _copied_from(i, escape, names, len(starts))}
        sources |= set() if parent is None else {parent}
        span = instructions[starts[index]].span
        stages.append(Stage(image, alias, platform, span, body, parent, tuple(sorted(sources)), dynamic))
        if alias:
            earlier[alias] = index
    return tuple(stages)


def _head(
    instruction: Instruction, escape: str, problems: list[Problem]
) -> tuple[str, str | None, str | None]:
    """Image, alias and platform of a FROM."""
    flags, rest = split_flags(instruction.arguments, escape)
    platform = next((f.removeprefix("--platform=") for f in flags if f.startswith("--platform=")), None)
    words = rest.split()
    image = unquote(words[0], escape) if words else ""
    if len(words) == 3 and words[1].upper() == "AS":
        alias = words[2].lower()
        if _STAGE_NAME.fullmatch(alias):
            return image, alias, platform
        hint = "start with a letter and use letters, digits, -, _ and ."
        problems.append(Problem(f"{shown(words[2])} cannot name a stage", instruction.span, hint))
    elif len(words) != 1:
        problems.append(Problem("FROM takes an image, or an image AS a name", instruction.span))
    return image, None, platform


def _parent(image: str, earlier: dict[str, int], defaults: dict[str, str]) -> tuple[int | None, bool]:
    """The stage that `image` means, and whether a build argument may choose another one."""
    if "$" not in image:
        return earlier.get(image), False
    expanded = expand(image, defaults)
    parent = None if expanded is None else earlier.get(expanded)
    unset = any(name not in defaults for name in _USED_VARIABLE.findall(image))
    literal = re.sub(r"\$(?:\{[^}]*\}|\w+)", "", image)
    # A default such as python:3.12 says that images are chosen, not stages; so does `node:` before it.
    return parent, (parent is not None or unset) and bool(re.fullmatch(r"[a-z0-9_.-]*", literal))


def _copied_from(instruction: Instruction, escape: str, names: dict[str, int], count: int) -> list[int]:
    """The stages that a COPY or a RUN mount takes files from."""
    name, arguments = _with_trigger(instruction, escape)
    if name not in ("COPY", "RUN"):
        return []
    found: list[int | None] = []
    for flag in split_flags(arguments, escape)[0]:
        if name == "COPY" and flag.startswith("--from="):
            stage = flag.removeprefix("--from=")
            is_index = stage.isascii() and stage.isdigit() and len(stage) < 7 and int(stage) < count
            found.append(int(stage) if is_index else names.get(stage.lower()))
        elif name == "RUN" and flag.startswith("--mount="):
            options = [option.partition("=") for option in flag.removeprefix("--mount=").split(",")]
            found += [names.get(value.lower()) for key, _, value in options if key.strip().lower() == "from"]
    return [index for index in found if index is not None]


def _with_trigger(instruction: Instruction, escape: str) -> tuple[str, str]:
    """Name and arguments, of what ONBUILD triggers where it is one."""
    if instruction.name != "ONBUILD":
        return instruction.name, instruction.arguments
    return split_instruction(split_flags(instruction.arguments, escape)[1])


def _arguments(instruction: Instruction, escape: str) -> list[Argument]:
    name, arguments = _with_trigger(instruction, escape)
    if name != "ARG":
        return []
    found = []
    span = instruction.span
    cursor = span.start
    for word in split_words(arguments, escape):
        key, equals, value = word.partition("=")
        # A word that a continuation cuts in two is not in the text: from there on, the place is all of it.
        at = span.source.text.find(word, cursor, span.end) if cursor >= 0 else -1
        cursor = at + len(word) if at >= 0 else -1
        if key:
            place = Span(span.source, at, at + len(key)) if at >= 0 else span
            found.append(Argument(key, unquote(value, escape) if equals else None, place))
    return found


def _defaults(arguments: tuple[Argument, ...]) -> dict[str, str]:
    """The values of the arguments before the first FROM, as far as the file gives them."""
    values: dict[str, str] = {}
    for argument in arguments:
        value = None if argument.default is None else expand(argument.default, values)
        if value is not None:
            values[argument.name] = value
    return values
