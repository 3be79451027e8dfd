"""A stage of its own for a program that needs nothing else: shown, never applied.

Takes the line of a stage and the compilation in it, gives a Fix where the program is static, its place
is known and nothing but how it is started stands behind. Files that it opens when it runs are not
known.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from compiler.diagnostics.model import Edit, Fix, Safety
from compiler.dockerfile.instructions import Instruction
from compiler.practices.model import Subject
from compiler.practices.parts.stage_lines import Spot
from compiler.shell.model import Activity
from compiler.source import Span

_STARTING = frozenset(("CMD", "ENTRYPOINT", "EXPOSE", "LABEL"))
_STATE = frozenset(("USER", "VOLUME", "STOPSIGNAL", "SHELL", "ONBUILD"))


def own_stage(
    subject: Subject, line: Sequence[Spot], position: int, activity: Activity, starts: Instruction
) -> Fix | None:
    """The second stage for a Go program; `position` and `activity` say where it is compiled."""
    stage = subject.dockerfile.stages[subject.graph.target]
    after = line[position + 1 :]
    place = _output(line[position].folder, activity)
    program = starts.words[0].text
    if stage.parent is not None or not starts.json or place is None or not _static(line[position], activity):
        return None
    started = posixpath.normpath(posixpath.join(line[-1].folder, program))
    if started != place or not program.startswith(("/", "./")):
        return None
    if not after or any(spot.instruction.name not in _STARTING for spot in after):
        return None
    if any(spot.instruction.name in _STATE for spot in line):
        return None
    return Fix(
        "run the program in a stage of its own", _edits(subject, line, position, place), Safety.DISPLAY
    )


def _edits(subject: Subject, line: Sequence[Spot], position: int, place: str) -> tuple[Edit, ...]:
    stage = subject.dockerfile.stages[subject.graph.target]
    source = subject.dockerfile.source
    end = "\r\n" if "\r\n" in source.text else "\n"
    text = f"FROM scratch{end}WORKDIR {line[-1].folder}{end}"
    text += f"COPY --from={stage.alias or 'build'} {place} {place}{end}"
    at = line[position + 1].instruction.span.start
    head = stage.head.span.end
    named = () if stage.alias is not None else (Edit(Span(source, head, head), " AS build"),)
    return (*named, Edit(Span(source, at, at), text))


def _output(folder: str, activity: Activity) -> str | None:
    """Where `go build -o` puts the program."""
    words = activity.command.words
    said = next((words[at + 1] for at, word in enumerate(words[:-1]) if word == "-o"), "")
    if words[:1] != ("go",) or not said or "$" in said or said.endswith("/"):
        return None
    return posixpath.normpath(posixpath.join(folder, said))


def _static(spot: Spot, activity: Activity) -> bool:
    """Whether CGO_ENABLED=0 holds where it is compiled."""
    environment = spot.ran.environment if spot.ran is not None else {}
    return {**environment, **dict(activity.command.variables)}.get("CGO_ENABLED") == "0"
