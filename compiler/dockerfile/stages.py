"""The stages of a Dockerfile, and which of them each is made from.

Takes instructions, gives arguments and stages as values. Stages and their
order follow BuildKit (frontend/dockerfile/instructions and dockerfile2llb);
nothing is expanded beyond the defaults that the file itself states.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from compiler.dockerfile.expansion import Allowance, BadSubstitution, Rules, expand
from compiler.dockerfile.instructions import Assignment, Instruction
from compiler.dockerfile.mounts import mounts
from compiler.dockerfile.problems import Problem
from compiler.dockerfile.refusals import STAGE_NAME
from compiler.source import Span

USED_VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")
_VARIABLE = re.compile(r"\$(?:\{[^}]*+(?:\}|\Z)|\w+)")
_NAME = re.compile(r"[a-z0-9_.-]*")
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


def declared(instruction: Instruction, escape: str) -> list[Argument]:
    """The arguments that an ARG, or an ONBUILD of one, declares."""
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
    """A word without its quotes and escapes; variables stay as they are written, as does a very long word."""
    if (escape not in word and "'" not in word and '"' not in word) or len(word) > _LONGEST_DEFAULT:
        return word
    try:
        return expand(word, {}, Rules(escape, keep_unset=True)).text
    except BadSubstitution:
        return word


def read_stages(
    instructions: tuple[Instruction, ...],
    escape: str,
    arguments: tuple[Argument, ...],
    problems: list[Problem],
) -> tuple[Stage, ...]:
    """The stages; `instructions` is empty or starts with a FROM, `arguments` are those before it.

    Values that are too long together are a problem, and those beyond are not known.
    """
    starts = [i for i, instruction in enumerate(instructions) if instruction.name == "FROM"]
    heads = [_head(instructions[start], escape) for start in starts]
    expansion = _Expansion(escape)
    defaults = _defaults(arguments, expansion)
    earlier: dict[str, int] = {}
    names = {alias: index for index, (_, alias, _) in enumerate(heads) if alias}
    stages = []
    ends = [*starts[1:], len(instructions)]
    for index, (image, alias, platform) in enumerate(heads):
        body = instructions[starts[index] + 1 : ends[index]]
        head = instructions[starts[index]]
        parent, dynamic = _parent(head, image, earlier, defaults, expansion)
        sources = {found for i in body for found in _copied_from(i, names, len(starts))}
        sources |= set() if parent is None else {parent}
        stages.append(Stage(image, alias, platform, head, body, parent, tuple(sorted(sources)), dynamic))
        if alias:
            earlier[alias] = index
    if heads and expansion.allowance.left < 0:
        place = instructions[starts[0]].span
        message = "the arguments before the first FROM have values that are too long together"
        problems.append(Problem(message, place, parsing=False))
    return tuple(stages)


def _head(instruction: Instruction, escape: str) -> tuple[str, str | None, str | None]:
    """Image, alias and platform of a FROM."""
    flag = instruction.flag("platform")
    words = [word.text for word in instruction.words]
    image = unquoted(words[0], escape) if words else ""
    named = len(words) == 3 and words[1].upper() == "AS" and STAGE_NAME.fullmatch(words[2].lower())
    return image, words[2].lower() if named else None, flag.value if flag is not None else None


def _parent(
    head: Instruction, image: str, earlier: dict[str, int], defaults: dict[str, str], expansion: _Expansion
) -> tuple[int | None, bool]:
    """The stage that `image` means, and whether a build argument may choose another one."""
    if "$" not in image:
        return earlier.get(image.lower()), False
    expanded = expansion.of(head.words[0].text, defaults)
    parent = None if expanded is None else earlier.get(expanded.lower())
    unset = any(name not in defaults for name in USED_VARIABLE.findall(image))
    # A default such as python:3.12 says that images are chosen, not stages; so does `node:` before it.
    literal = _VARIABLE.sub("", image)
    ended = image.rfind("${") <= image.rfind("}")
    return parent, (parent is not None or unset) and ended and bool(_NAME.fullmatch(literal))


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


@dataclass(frozen=True, slots=True)
class _Expansion:
    """How the words of FROM and the arguments before it are expanded; all of them share the allowance."""

    escape: str
    allowance: Allowance = field(default_factory=Allowance)

    def of(self, text: str, values: dict[str, str]) -> str | None:
        try:
            return expand(text, values, Rules(self.escape), _LONGEST_DEFAULT, self.allowance).text
        except BadSubstitution:
            return None


def _defaults(arguments: tuple[Argument, ...], expansion: _Expansion) -> dict[str, str]:
    """The values of the arguments before the first FROM, as far as the file gives them."""
    values: dict[str, str] = {}
    for argument in arguments:
        value = None if argument.value is None else expansion.of(argument.value, values)
        if value is not None:
            values[argument.name] = value
    return values
