"""The RUNs of a build with their shell text read, and where each command stands in the file.

Takes a Subject, gives Runs by the index of their step. Knows what shells are,
and nothing of what is good or bad in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from compiler.dockerfile.instructions import Instruction
from compiler.dockerfile.lines import Lines
from compiler.dockerfile.reader import Dockerfile
from compiler.layers.model import BuildGraph, Step, StepKind
from compiler.practices.parts.remembered import remembered
from compiler.shell.activities import activities
from compiler.shell.model import Activity, ActivityKind, Command, Script
from compiler.shell.reading import read_script, single_command
from compiler.shell.systems import SYSTEM_MANAGERS
from compiler.shell.wrappers import seen_through
from compiler.source import Span

_MARKERS = re.compile(r"(?:<<-?\s*['\"]?\w+['\"]?\s*)")
_WINDOWS = ("nanoserver", "windowsservercore", "/windows", "ltsc20")
_OTHER_SHELLS = ("powershell", "pwsh", "cmd", "python", "nu", "fish")


@dataclass(frozen=True, slots=True)
class Run:
    """One RUN that a POSIX shell reads. `text` is what the shell gets, `lines` None for an ONBUILD's trigger.

    `offset` is where `text` starts in the joined text of the instruction, or in
    the source where the whole text is a `heredoc`; None where places in the
    text are not places in the file (JSON form).
    """

    step: Step
    text: str = field(repr=False)
    script: Script = field(repr=False)
    activities: tuple[Activity, ...] = field(repr=False)
    lines: Lines | None = field(repr=False)
    offset: int | None
    heredoc: bool = False

    @property
    def instruction(self) -> Instruction:
        """The RUN itself."""
        return self.step.instruction

    @property
    def understood(self) -> bool:
        """Whether all of its commands are known."""
        return self.script.complete and bool(self.activities)

    def span(self, command: Command) -> Span:
        """The place of a command; of the RUN's keyword where it is not known."""
        return self.between(command.start, command.end) or self.instruction.keyword

    def between(self, start: int, end: int) -> Span | None:
        """The place of a part of the text."""
        if self.offset is None or self.lines is None or end > len(self.text):
            return None
        source = self.instruction.keyword.source
        if self.heredoc:
            return Span(source, self.offset + start, self.offset + end)
        joined = self.lines.joined
        if self.offset + end > len(joined.text):
            return None
        return joined.span(source, self.offset + start, self.offset + end)

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
    own = places(graph.dockerfile)
    found: dict[int, Run] = {}
    windows = _windows(graph.dockerfile)
    for step in graph.steps:
        if step.stage in windows:
            continue
        if step.kind is StepKind.RUN and (run := _run(step, own.get(id(step.instruction)))) is not None:
            found[step.index] = run
    return found


def places(dockerfile: Dockerfile) -> dict[int, Lines]:
    """The lines of each instruction of the file, by the identity of the instruction."""
    return {
        id(instruction): lines
        for instruction, lines in zip(dockerfile.instructions, dockerfile.written.instructions, strict=False)
    }


def _windows(dockerfile: Dockerfile) -> set[int]:
    """The stages that start from an image of Windows, whose paths and shells are others."""
    found: set[int] = set()
    for index, stage in enumerate(dockerfile.stages):
        image = stage.image.lower()
        if stage.parent in found or any(name in image for name in _WINDOWS):
            found.add(index)
    return found


def _run(step: Step, lines: Lines | None) -> Run | None:
    instruction = step.instruction
    shell = (part(step, "shell") or "").lower()
    if instruction.json:
        words = [word.text for word in instruction.words]
        if len(words) > 2 and words[0].rpartition("/")[2] in ("sh", "bash", "ash") and words[1].endswith("c"):
            return _read(step, words[2], lines, None)
        script = seen_through(single_command(words, len(" ".join(words))))
        return Run(step, " ".join(words), script, activities(script), lines, None)
    if any(name in shell for name in _OTHER_SHELLS) or not instruction.words:
        return None
    text = instruction.words[0].text
    if instruction.heredocs and not _MARKERS.sub("", text).strip():
        heredoc = instruction.heredocs[0]
        body = heredoc.body.text
        first = body.split("\n", 1)[0]
        if len(instruction.heredocs) > 1 or (first.startswith("#!") and not first.rstrip().endswith("sh")):
            return None
        return _read(step, body, lines, heredoc.body.start, heredoc=True)
    offset = lines.command.rest.start if lines is not None and instruction.trigger is None else None
    if offset is not None and lines is not None and not lines.joined.text.startswith(text, offset):
        offset = None
    bodies = "".join(h.body.text + h.end.text + "\n" for h in instruction.heredocs)
    return _read(step, f"{text}\n{bodies}" if bodies else text, lines, offset)


def _read(step: Step, text: str, lines: Lines | None, offset: int | None, *, heredoc: bool = False) -> Run:
    script = seen_through(read_script(text))
    return Run(step, text, script, activities(script), lines, offset, heredoc)
