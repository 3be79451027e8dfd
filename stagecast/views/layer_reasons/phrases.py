"""What made a step run, in words: files, arguments, instructions, each named.

Takes verdicts, gives phrases without a full stop; knows no page and no columns.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from compiler.layers.model import Reason, Step, StepKind
from compiler.layers.why import Difference, FileChange, PartChange, Verdict
from stagecast.views.layout import placed

_MOST_FILES = 4
_MOST_PARTS = 3
_LONGEST = 200
_DIGEST = re.compile(r"(@sha256:[0-9a-f]{12})[0-9a-f]+")
_DIFFERENCES = {
    Difference.CHANGED: ("changed", "changed"),
    Difference.ADDED: ("is new", "are new"),
    Difference.REMOVED: ("is gone", "are gone"),
    Difference.MODE: ("has other permissions", "have other permissions"),
    Difference.HIDDEN: ("is left out by .dockerignore now", "are left out by .dockerignore now"),
    Difference.SHOWN: ("is no longer left out by .dockerignore", "are no longer left out by .dockerignore"),
    Difference.UNKNOWN: ("is not the same", "are not the same"),
}
_PARTS = {
    "command": "the command",
    "destination": "the destination",
    "flags": "the flags",
    "folder": "the working directory",
    "image": "the image",
    "mounts": "the mounts",
    "network": "the network mode",
    "platform": "the platform",
    "security": "the security mode",
    "shell": "the shell",
    "sources": "what it copies",
    "text": "the text of the heredoc",
    "url": "the address",
    "user": "the user",
}


def step_text(step: Step) -> str:
    """A step's instruction on one line without heredocs, at most 200 characters; of an image its name."""
    instruction = step.instruction
    if step.kind is StepKind.IMAGE and instruction.name != "FROM":
        image = next((part.value for part in step.parts if part.name == "image"), "")
        return f"the image {_value(image)}"
    text = " ".join(f"{instruction.name} {instruction.arguments[: 2 * _LONGEST]}".split())
    return placed(text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}...")


def line_of(step: Step) -> int:
    """The line of a step's instruction."""
    return step.instruction.span.first.line


def lines_of(steps: Sequence[Step], most: int = 6) -> str:
    """`line 3`, `lines 3 and 5`, `lines 3, 5 and 8`, `lines 3, 5, 8 and 4 more`; each line once."""
    numbers = list(dict.fromkeys(line_of(step) for step in steps))
    if len(numbers) == 1:
        return f"line {numbers[0]}"
    return f"lines {listed([str(number) for number in numbers], most)}"


def listed(names: Sequence[str], most: int) -> str:
    """`a`, `a and b`, `a, b and 12 more`; one more than `most` is not worth hiding."""
    shown = list(names if len(names) <= most + 1 else names[:most])
    rest = len(names) - len(shown)
    *first, last = [*shown, f"{rest:,} more"] if rest else shown
    return f"{', '.join(first)} and {last}" if first else last


def cause(verdict: Verdict, steps: Sequence[Step], before: str) -> str:
    """Why a step runs; `before` is what the earlier build is called."""
    if verdict.reason is Reason.PARENT:
        return f"after {lines_of([steps[root] for root in verdict.roots])}"
    if verdict.reason is Reason.FILES:
        return files(verdict.files) if verdict.files else "what it takes from another stage is not the same"
    if verdict.reason is Reason.PART and verdict.parts:
        return "; ".join(part(each, verdict.step) for each in verdict.parts[:_MOST_PARTS])
    return f"the build of {before} had no such step"


def files(changes: Sequence[FileChange]) -> str:
    """The first files by what happened to them, and how many more there are."""
    shown = changes if len(changes) <= _MOST_FILES + 1 else changes[:_MOST_FILES]
    groups: dict[Difference, list[str]] = {}
    for change in shown:
        groups.setdefault(change.difference, []).append(placed(change.path))
    said = [
        f"{listed(paths, len(paths))} {_DIFFERENCES[difference][len(paths) > 1]}"
        for difference, paths in groups.items()
    ]
    rest = len(changes) - len(shown)
    return "; ".join(said) + (f"; and {rest:,} more" if rest else "")


def part(change: PartChange, step: Step) -> str:
    """What is another one, and the instruction that sets it where that is not the step's own."""
    kind, _, variable = change.name.partition(" ")
    what = f"the variable {placed(variable)}" if kind == "variable" else _PARTS.get(kind, f"its {kind}")
    if change.gone:
        return f"{what} is no longer set" if kind == "variable" else f"{what} is no longer given"
    origin = change.origin
    set_by = ""
    if origin is not None and origin is not step.instruction:
        set_by = f" ({origin.effective.name}, line {origin.span.first.line})"
    if change.was is not None and change.now is not None and change.was != change.now:
        return f"{what}{set_by} is {_value(change.now)}, not {_value(change.was)}"
    return f"{what}{set_by} is not the same"


def _value(value: str) -> str:
    """As people write it."""
    short = value.removeprefix("docker.io/").removeprefix("library/")
    return placed(_DIGEST.sub(r"\1...", short))
