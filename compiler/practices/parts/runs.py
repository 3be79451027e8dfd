"""The RUNs of a build with their shell text read, and where each command stands in the file.

Takes a Subject, gives Runs by the index of their step. Knows what shells are,
and nothing of what is good or bad in them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from compiler.dockerfile.instructions import Instruction
from compiler.dockerfile.reader import Dockerfile
from compiler.dockerfile.scope import DEFAULT_SHELL
from compiler.dockerfile.scripts import Commands, commands
from compiler.layers.model import BuildGraph, Step, StepKind
from compiler.practices.parts.remembered import remembered
from compiler.shell.activities import activities
from compiler.shell.model import Activity, ActivityKind, Command, Script
from compiler.shell.systems import SYSTEM_MANAGERS
from compiler.source import Span

_WINDOWS = ("nanoserver", "windowsservercore", "/windows", "ltsc20")


@dataclass(frozen=True, slots=True)
class Run:
    """One RUN that a POSIX shell (or none) reads. `own` tells that it is no trigger of ONBUILD."""

    step: Step
    commands: Commands = field(repr=False)
    activities: tuple[Activity, ...] = field(repr=False)
    own: bool

    @property
    def instruction(self) -> Instruction:
        """The RUN itself."""
        return self.step.instruction

    @property
    def text(self) -> str:
        """What the shell gets, in JSON form the array."""
        return self.commands.text

    @property
    def script(self) -> Script:
        """What the text says."""
        return self.commands.script

    @property
    def understood(self) -> bool:
        """Whether all of its commands are known."""
        return self.script.complete and bool(self.activities)

    def span(self, command: Command) -> Span:
        """The place of a command."""
        return self.commands.place(command)

    def between(self, start: int, end: int) -> Span | None:
        """The place of a part of the text, to change it there; None where that cannot be."""
        return self.commands.between(start, end) if self.own else None

    def of(self, *kinds: ActivityKind) -> Iterator[Activity]:
        """Its activities of some kinds, in order."""
        return (activity for activity in self.activities if activity.kind in kinds)

    def part(self, name: str) -> str | None:
        """The value of a part of its key, such as "user" or "variable HOME"; None without it."""
        return part(self.step, name)


def behind(step: Step) -> int | None:
    """The step whose files a step starts from, what a `COPY --link` lies over included."""
    return step.over if step.parent is None else step.parent


def part(step: Step, name: str) -> str | None:
    """The last value of a part of a step's key; None without it."""
    return next((found.value for found in reversed(step.parts) if found.name == name), None)


def called(activity: Activity) -> str:
    """A command as messages name it: the program and its sub-command, without options."""
    words = activity.command.words
    plain = [word for word in words[1:] if not word.startswith("-")]
    manager = SYSTEM_MANAGERS.get(activity.tool)
    if manager is not None:
        plain = [word for word in plain if word in manager.updates or word in manager.installs]
    if words[1:2] == ("-m",):
        plain = ["-m", *plain]
        return " ".join((activity.command.program, *plain[:3]))[:50]
    # `go mod` is a family of commands; others are told by one word.
    told = 2 if activity.tool == "go" and plain[:1] == ["mod"] else 1
    return " ".join((activity.command.program, *plain[:told]))[:50]


def named_lines(instructions: Sequence[Instruction]) -> str:
    """Where instructions start, as messages say it: "line 4", "lines 4 and 9", at most five."""
    numbers = [str(instruction.keyword.first.line) for instruction in instructions]
    if len(numbers) > 5:
        numbers = [*numbers[:4], f"{len(numbers) - 4} more"]
    if len(numbers) == 1:
        return f"line {numbers[0]}"
    return f"lines {', '.join(numbers[:-1])} and {numbers[-1]}"


@remembered
def runs(graph: BuildGraph) -> dict[int, Run]:
    """The RUNs of a build that a POSIX shell (or none) reads, by the index of their step; none on Windows."""
    own = {id(instruction) for instruction in graph.dockerfile.instructions}
    windows = _windows(graph.dockerfile)
    found: dict[int, Run] = {}
    for step in graph.steps:
        if step.kind is StepKind.RUN and step.stage not in windows:
            shell = part(step, "shell")
            read = commands(graph.dockerfile, step.instruction, (shell,) if shell else DEFAULT_SHELL)
            if read.read.posix:
                mine = id(step.instruction) in own
                found[step.index] = Run(step, read, activities(read.script), mine)
    return found


def _windows(dockerfile: Dockerfile) -> set[int]:
    """The stages that start from an image of Windows, whose paths and shells are others."""
    found: set[int] = set()
    for index, stage in enumerate(dockerfile.stages):
        image = stage.image.lower()
        if stage.parent in found or any(name in image for name in _WINDOWS):
            found.add(index)
    return found
