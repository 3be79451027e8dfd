"""A Dockerfile as a whole: instructions, stages, arguments, the final user.

Takes a SourceFile, gives a Dockerfile; never raises for what the text says, and
problems are data. Stages and their order follow BuildKit
(frontend/dockerfile/instructions and dockerfile2llb). Nothing is built,
fetched or expanded beyond the defaults that the file itself states; what holds
at an instruction is in `scope`, every character of the file in `tokens`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from compiler.dockerfile.expansion import BadSubstitution, Rules, expand
from compiler.dockerfile.frontend import TODAY, Frontend
from compiler.dockerfile.instructions import INSTRUCTIONS, Assignment, Instruction, typed
from compiler.dockerfile.lines import Directive, Problem, Written, read_lines
from compiler.dockerfile.mounts import mounts
from compiler.dockerfile.refusals import STAGE_NAME, refusals, unknown
from compiler.dockerfile.words import MOST_WORDS
from compiler.source import SourceFile, Span

__all__ = ["Argument", "Dockerfile", "Instruction", "Problem", "Stage", "read_dockerfile"]

_USED_VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")
_MOST_UNKNOWN = 20
_LONGEST_DEFAULT = 4096


@dataclass(frozen=True, slots=True)
class Argument:
    """A declared build argument. `default` is unquoted, its variables as written; None without one.

    `value` is the default as written.
    """

    name: str
    default: str | None
    span: Span
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """One build stage.

    `image` is what FROM names, as written but for quotes; `alias` its name in
    lower case; `platform` as written. `head` is the FROM, `instructions` follow
    it. `sources` are the indices of the stages that it is built from or
    copies from, ascending; `parent` is the one that it is built FROM (by the
    defaults of the arguments in its name), None for an image. `dynamic` tells
    that a build argument may choose any earlier stage instead.
    """

    image: str
    alias: str | None
    platform: str | None
    head: Instruction
    instructions: tuple[Instruction, ...]
    parent: int | None
    sources: tuple[int, ...]
    dynamic: bool

    @property
    def span(self) -> Span:
        """The place of its FROM."""
        return self.head.span


@dataclass(frozen=True)
class Dockerfile:
    """A Dockerfile as far as it was understood; `problems` in the order of their places.

    `globals` are the arguments before the first FROM.
    """

    source: SourceFile = field(repr=False)
    written: Written = field(repr=False)
    instructions: tuple[Instruction, ...]
    globals: tuple[Argument, ...]
    stages: tuple[Stage, ...]
    problems: tuple[Problem, ...]

    @property
    def escape(self) -> str:
        """The character that continues lines and escapes others."""
        return self.written.escape

    @property
    def directives(self) -> tuple[Directive, ...]:
        """The `# name=value` lines before everything else."""
        return self.written.directives

    def stage(self, target: str | None) -> Stage | None:
        """The stage that a build of `target` (None: the last one) ends with; numbers count as well."""
        index = self._index(target)
        return None if index is None else self.stages[index]

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
        users: list[Instruction] = []
        while index is not None and not users:
            stage = self.stages[index]
            users = [found for found in stage.instructions if found.name == "USER"]
            index = stage.parent
            if index is not None and not users:
                # What the parent leaves to its children runs after its own instructions.
                triggers = [found.effective for found in self.stages[index].instructions if found.trigger]
                users = [found for found in triggers if found.name == "USER"]
        user = unquoted(users[-1].rest.text, self.escape) if users else ""
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


def read_dockerfile(source: SourceFile, frontend: Frontend = TODAY) -> Dockerfile:
    """Read a Dockerfile. Never raises; time is linear in the length of the text.

    Of the unknown instructions the first 20 are problems.
    """
    written = read_lines(source, frontend)
    problems = list(written.problems)
    instructions = tuple(_instructions(written, problems))
    first = next((i for i, found in enumerate(instructions) if found.name == "FROM"), None)
    before = instructions[:first]
    if all(instruction.name in INSTRUCTIONS for instruction in before):
        problems += _misplaced(before, has_from=first is not None)
    arguments = tuple(found for instruction in before for found in _arguments(instruction, written.escape))
    stages = _stages(instructions[len(before) :], written.escape, arguments)
    problems.sort(key=lambda problem: (problem.span.start, problem.message))
    return Dockerfile(source, written, instructions, arguments, stages, tuple(problems))


def _instructions(written: Written, problems: list[Problem]) -> Iterator[Instruction]:
    """The instructions; what is wrong with each of them goes to `problems`."""
    strange = words = 0
    # A frontend of the file's own may know flags that are not known here.
    flags = not any(directive.name == "syntax" for directive in written.directives)
    for lines in written.instructions:
        before = len(problems)
        instruction = typed(written, lines, problems)
        if instruction.name not in INSTRUCTIONS:
            strange += 1
            if strange <= _MOST_UNKNOWN:
                problems.append(unknown(instruction))
        elif len(problems) == before:
            problems.extend(refusals(instruction, flags=flags))
        yield instruction
        words += len(instruction.words) + len(instruction.assignments) + len(instruction.flags)
        if words > MOST_WORDS:
            problems.append(Problem(f"the Dockerfile has more than {MOST_WORDS} words", instruction.span))
            return


def _misplaced(before: tuple[Instruction, ...], *, has_from: bool) -> list[Problem]:
    """What stands before the first FROM and may not; not asked where an unknown word may be a FROM."""
    if before and not has_from:
        return [Problem("the Dockerfile has no FROM", before[0].span, "start with FROM", parsing=False)]
    return [
        Problem(
            f"{found.name} stands before the first FROM",
            found.span,
            "only ARG may stand there",
            parsing=False,
        )
        for found in before
        if found.name != "ARG"
    ]


def _stages(
    instructions: tuple[Instruction, ...], escape: str, arguments: tuple[Argument, ...]
) -> tuple[Stage, ...]:
    """The stages; `instructions` is empty or starts with a FROM."""
    starts = [i for i, instruction in enumerate(instructions) if instruction.name == "FROM"]
    heads = [_head(instructions[start], escape) for start in starts]
    defaults = _defaults(arguments, escape)
    earlier: dict[str, int] = {}
    names = {alias: index for index, (_, alias, _) in enumerate(heads) if alias}
    stages = []
    ends = [*starts[1:], len(instructions)]
    for index, (image, alias, platform) in enumerate(heads):
        body = instructions[starts[index] + 1 : ends[index]]
        head = instructions[starts[index]]
        parent, dynamic = _parent(head, image, earlier, defaults, escape)
        sources = {found for i in body for found in _copied_from(i, names, len(starts))}
        sources |= set() if parent is None else {parent}
        stages.append(Stage(image, alias, platform, head, body, parent, tuple(sorted(sources)), dynamic))
        if alias:
            earlier[alias] = index
    return tuple(stages)


def _head(instruction: Instruction, escape: str) -> tuple[str, str | None, str | None]:
    """Image, alias and platform of a FROM."""
    flag = instruction.flag("platform")
    words = [word.text for word in instruction.words]
    image = unquoted(words[0], escape) if words else ""
    named = len(words) == 3 and words[1].upper() == "AS" and STAGE_NAME.fullmatch(words[2].lower())
    return image, words[2].lower() if named else None, flag.value if flag is not None else None


def _parent(
    head: Instruction, image: str, earlier: dict[str, int], defaults: dict[str, str], escape: str
) -> tuple[int | None, bool]:
    """The stage that `image` means, and whether a build argument may choose another one."""
    if "$" not in image:
        return earlier.get(image.lower()), False
    expanded = _expanded(head.words[0].text, defaults, escape)
    parent = None if expanded is None else earlier.get(expanded.lower())
    unset = any(name not in defaults for name in _USED_VARIABLE.findall(image))
    literal = re.sub(r"\$(?:\{[^}]*\}|\w+)", "", image)
    # A default such as python:3.12 says that images are chosen, not stages; so does `node:` before it.
    return parent, (parent is not None or unset) and bool(re.fullmatch(r"[a-z0-9_.-]*", literal))


def _copied_from(instruction: Instruction, names: dict[str, int], count: int) -> list[int]:
    """The stages that a COPY or a RUN mount takes files from."""
    effective = instruction.effective
    found: list[int | None] = []
    if effective.name == "COPY":
        flags = [flag for flag in effective.flags if flag.name == "from" and flag.value]
        found = [_stage_index(flag.value or "", names, count) for flag in flags]
    elif effective.name == "RUN" and effective.flags:
        origins = [mount.get("from") for mount in mounts(effective)]
        found = [names.get(origin.lower()) for origin in origins if origin]
    return [index for index in found if index is not None]


def _stage_index(name: str, names: dict[str, int], count: int) -> int | None:
    """The stage of a name or a number."""
    if name.lower() in names:
        return names[name.lower()]
    index = int(name) if name.isascii() and name.isdecimal() and len(name) < 10 else count
    return index if index < count else None


def _arguments(instruction: Instruction, escape: str) -> list[Argument]:
    found = instruction.effective
    if found.name != "ARG":
        return []
    return [_argument(assignment, escape) for assignment in found.assignments if assignment.name.text]


def _argument(assignment: Assignment, escape: str) -> Argument:
    name, value = assignment.name, assignment.value
    if value is None:
        return Argument(name.text, None, name.span)
    return Argument(name.text, unquoted(value.text, escape), name.span, value.text)


def unquoted(word: str, escape: str) -> str:
    """A word without its quotes and escapes; variables stay as they are written."""
    if escape not in word and "'" not in word and '"' not in word and "$" not in word:
        return word
    try:
        return expand(word, {}, Rules(escape, keep_unset=True)).text
    except BadSubstitution:
        return word


def _expanded(text: str, values: dict[str, str], escape: str) -> str | None:
    try:
        return expand(text, values, Rules(escape), _LONGEST_DEFAULT).text
    except BadSubstitution:
        return None


def _defaults(arguments: tuple[Argument, ...], escape: str) -> dict[str, str]:
    """The values of the arguments before the first FROM, as far as the file gives them."""
    values: dict[str, str] = {}
    for argument in arguments:
        value = None if argument.value is None else _expanded(argument.value, values, escape)
        if value is not None:
            values[argument.name] = value
    return values
