"""The line of a stage: its instructions after those of the stages it is built FROM, with what holds at each.

Takes a Subject, gives for each stage that the target needs the copies and RUNs in order, words expanded,
paths made absolute, commands read. Asks for no file.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from compiler.dockerfile.copies import Copy, copy
from compiler.dockerfile.expansion import BadSubstitution
from compiler.dockerfile.instructions import Instruction
from compiler.dockerfile.reader import Stage
from compiler.dockerfile.scope import State, walk
from compiler.dockerfile.scripts import Commands, commands
from compiler.practices.model import Subject
from compiler.practices.parts.remembered import remembered
from compiler.shell.activities import activities
from compiler.shell.model import Activity

MOST_WALKED = 10_000
"""Instructions that are looked at in all stages together; further stages are left out."""

_KEPT = (
    "npm_config_",
    "BUNDLE_",
    "POETRY_",
    "UV_",
    "COMPOSER_",
    "PIP_",
    "YARN_",
    "PNPM_",
    "PIPENV_",
    "GO",
    "CGO_",
)
# With more, looking at all of them for every RUN would take too long.
_MOST_VARIABLES = 500
_KEPT_NAMES = frozenset(("CI", "NODE_ENV", "VIRTUAL_ENV", "PATH", "HOME", "MIX_ENV", "PYTHONUSERBASE"))


@dataclass(frozen=True, slots=True)
class Copied:
    """A COPY or ADD. `sources` are clean paths from the root of the context or of `copy.origin`.

    `target` is absolute, without a "/" at the end; `into` tells that it is a
    folder by how it is written. `known` is false where a word has a variable
    without a value.
    """

    copy: Copy
    sources: tuple[str, ...]
    target: str
    into: bool
    known: bool = True

    @property
    def from_context(self) -> bool:
        """Whether its files are the context's."""
        return self.copy.origin is None


@dataclass(frozen=True, slots=True)
class Ran:
    """A RUN as read."""

    commands: Commands
    activities: tuple[Activity, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Spot:
    """One instruction of the line. `own` tells that it stands in the stage itself."""

    instruction: Instruction
    folder: str
    own: bool
    copied: Copied | None = None
    ran: Ran | None = None


def stage_lines(subject: Subject) -> Iterator[tuple[int, list[Spot]]]:
    """The lines of the stages that the target needs and that run something, in the order of the file."""
    reached = {step.stage for step in subject.graph.steps}
    walked = 0
    for index, stage in enumerate(subject.dockerfile.stages):
        runs = any(each.effective.name == "RUN" for each in stage.instructions)
        if index not in reached or not runs or walked > MOST_WALKED:
            continue
        line = line_of(subject, index)[: MOST_WALKED - walked + 1]
        walked += len(line)
        yield index, line


def line_of(subject: Subject, index: int) -> list[Spot]:
    """The line of one stage, whether it runs something itself or not."""
    known = _known(subject)
    if index not in known.lines:
        known.lines[index] = list(_line(subject, subject.dockerfile.stages[index], known.ran))
    return known.lines[index]


@dataclass(frozen=True, slots=True)
class _Known:
    """The lines of a subject that somebody asked for, by stage; their RUNs by the instruction's identity."""

    lines: dict[int, list[Spot]] = field(default_factory=dict)
    ran: dict[int, Ran] = field(default_factory=dict)


@remembered
def _known(_: Subject) -> _Known:
    return _Known()


def _line(subject: Subject, stage: Stage, read: dict[int, Ran]) -> Iterator[Spot]:
    own = {id(each) for each in stage.instructions}
    for count, state in enumerate(walk(subject.dockerfile, stage, dict(subject.arguments))):
        if count > MOST_WALKED:
            return
        instruction = state.instruction
        mine = id(instruction) in own
        if instruction.name in ("COPY", "ADD"):
            copied = _copied(state)
            yield Spot(instruction, state.folder, mine, copied=copied)
        elif instruction.name == "RUN":
            ran = read.get(id(instruction))
            if ran is None:
                ran = read[id(instruction)] = _ran(subject, state)
            yield Spot(instruction, state.folder, mine, ran=ran)
        else:
            yield Spot(instruction, state.folder, mine)


def _copied(state: State) -> Copied | None:
    found = copy(state.instruction)
    if found is None:
        return None
    known = True
    words: list[str] = []
    for word in (*found.sources, found.destination):
        try:
            expanded = state.expand(word.text)
            known = known and not expanded.unset
            words.append(expanded.text if known else word.text)
        except BadSubstitution:
            known = False
            words.append(word.text)
    sources = tuple(_clean(word) for word in words[:-1])
    target = posixpath.normpath(posixpath.join(state.folder, words[-1] or "."))
    into = words[-1].endswith("/") or words[-1] in (".", "..", "") or len(sources) > 1
    return Copied(found, sources, target, into, known)


def _clean(word: str) -> str:
    if "://" in word:
        return word
    return posixpath.normpath("/" + word).lstrip("/") or "."


def _ran(subject: Subject, state: State) -> Ran:
    instruction = state.instruction
    environment = {name: state.values[name] for name in _KEPT_NAMES if name in state.values}
    if len(state.values) <= _MOST_VARIABLES:
        environment |= {name: value for name, value in state.values.items() if name.startswith(_KEPT)}
    read = commands(subject.dockerfile, instruction, state.shell)
    return Ran(read, activities(read.script), environment)
