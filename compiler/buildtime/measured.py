"""How long steps took in real builds: reads what `docker build` and buildx print.

Takes the text of logs (`--progress=plain`, with or without a CI service's time stamps before each line, or
`--progress=rawjson`; several may follow each other), gives durations by stage and
instruction. Format: BuildKit's util/progress/progressui/printer.go, the names of steps
frontend/dockerfile/dockerfile2llb/convert.go (prefixCommand), rawjson client/graph.go (SolveStatus). What it
does not understand is left out; time is linear in the text. Names may hold build arguments: they are
compared, never shown.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from compiler.layers.model import BuildGraph, Step

MOST_SAMPLES = 100_000
"""Durations that are kept; further ones are left out."""

_LONGEST_LINE = 1 << 17
_LONGEST_S = 7 * 24 * 3600.0
# A CI service's time stamp, then a vertex number and what is said of it.
_LINE = re.compile(r"(?:\d{4}-\d\d-\d\dT[\d:.]{8,24}Z? )?#(\d{1,7}) (.*)")
_DONE = re.compile(r"DONE(?: (\d{1,7}(?:\.\d{1,6})?)s)?")
_ENDS = re.compile(r"(?:CACHED|CANCELED|ERROR\b.*)")
_NAME = re.compile(r"\[([^\[\]]{0,300}?) *\d{1,5}/\d{1,5}\] (.*)", re.DOTALL)
_OVERHEADS = {"load build context": "context", "exporting to": "export", "pushing": "export"}
_SPACES = re.compile(r"\s+")
_QUOTES = re.compile(r"[\"'\\]")
_VARIABLE = re.compile(r"\$(?:\{[^{}]*\}|[A-Za-z_][A-Za-z0-9_]*)")
# Instructions that begin like one with a variable, of which only one may fit.
_MOST_CANDIDATES = 50


@dataclass(frozen=True, slots=True)
class Measured:
    """Durations in seconds of steps that ran, and of what a build does beside its steps.

    `steps` are by (stage, instruction): the stage's name or `stage-N`, "" for a
    Dockerfile with one stage; the instruction as `told` has it. `overheads`
    are by "context" and "export". `problems` says what could not be used, for people.
    """

    steps: Mapping[tuple[str, str], tuple[float, ...]] = field(default_factory=dict, repr=False)
    overheads: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


class Finder:
    """Finds the durations of the steps of a graph; in time by the steps and durations, not their product."""

    def __init__(self, measured: Measured, graph: BuildGraph) -> None:
        self._steps = measured.steps
        self._graph = graph
        self._texts: dict[str, list[str]] = {}
        self._stages: dict[str, str] = {}
        for stage, text in sorted(measured.steps):
            self._texts.setdefault(stage, []).append(text)
            self._stages.setdefault(text, stage)

    def of(self, step: Step) -> tuple[float, ...]:
        """The durations of a step: those of its stage, else of the same text in any other; () for none."""
        text = told(f"{step.instruction.name} {step.instruction.arguments}")
        stage = _stage_name(self._graph, step)
        found = self._steps.get((stage, text))
        if found is None and text in self._stages:
            found = self._steps[self._stages[text], text]
        return found if found is not None else self._expanded(stage, text)

    def _expanded(self, stage: str, text: str) -> tuple[float, ...]:
        """The durations of an instruction whose variables the log shows with their values."""
        if "$" not in text:
            return ()
        pieces = _VARIABLE.split(text)
        texts = self._texts.get(stage, [])
        first = bisect_left(texts, pieces[0])
        fitting = [said for said in texts[first : first + _MOST_CANDIDATES] if _fits(pieces, said)]
        return self._steps[stage, fitting[0]] if len(fitting) == 1 else ()


def told(text: str) -> str:
    """An instruction as it is compared: without quotes and with single spaces, its keyword in capitals."""
    keyword, _, rest = _SPACES.sub(" ", _QUOTES.sub("", text)).strip().partition(" ")
    return f"{keyword.upper()} {rest}"


def read_log(text: str) -> Measured:
    """The durations in the text of build logs. Never raises; steps that were cached or failed have none."""
    steps: dict[tuple[str, str], list[float]] = {}
    overheads: dict[str, list[float]] = {}
    count = vertices = 0
    for name, duration in (*_plain(text), *_raw(text)):
        vertices += 1
        if duration is None or not 0 <= duration <= _LONGEST_S:
            continue
        if count >= MOST_SAMPLES:
            break
        place = _place(name)
        if place is not None:
            steps.setdefault(place, []).append(duration)
            count += 1
        elif (overhead := _overhead(name)) is not None:
            overheads.setdefault(overhead, []).append(duration)
            count += 1
    problems = (
        () if vertices else ("no steps of a build are in it: `--progress=plain` or `rawjson` prints them",)
    )
    if count >= MOST_SAMPLES:
        problems = (*problems, f"only the first {MOST_SAMPLES:,} durations of it were used")
    return Measured(
        {place: tuple(found) for place, found in steps.items()},
        {overhead: tuple(found) for overhead, found in overheads.items()},
        problems,
    )


def _plain(text: str) -> Iterator[tuple[str, float | None]]:
    """Names and durations of the vertices of plain logs; None for those without one."""
    names: dict[str, str] = {}
    ended: set[str] = set()
    for line in text.split("\n"):
        if "#" not in line[:64] or len(line) > _LONGEST_LINE:
            continue
        match = _LINE.match(line.rstrip("\r"))
        if match is None:
            continue
        number, said = match[1], match[2]
        if number in names and (done := _DONE.fullmatch(said)) is not None:
            yield names[number], float(done[1]) if done[1] else None
            ended.add(number)
        elif number in names and _ENDS.fullmatch(said) is not None:
            yield names[number], None
            ended.add(number)
        elif _is_name(said) and (number not in names or names[number] != said or number in ended):
            if number == "1" and number in ended:
                # The next log begins.
                names.clear()
                ended.clear()
            names[number] = said
            ended.discard(number)


def _is_name(said: str) -> bool:
    return _NAME.match(said) is not None or said.startswith("[internal]") or _overhead(said) is not None


def _raw(text: str) -> Iterator[tuple[str, float | None]]:
    """Names and durations of the vertices of rawjson logs: the last that is said of each."""
    found: dict[tuple[str, str], tuple[str, float | None]] = {}
    for line in text.split("\n"):
        if not line.startswith("{") or '"vertexes"' not in line or len(line) > 16 * _LONGEST_LINE:
            continue
        try:
            status = json.loads(line)
        except (ValueError, RecursionError):
            continue
        vertexes = status.get("vertexes") if isinstance(status, dict) else None
        for vertex in vertexes if isinstance(vertexes, list) else ():
            if isinstance(vertex, dict) and len(found) < MOST_SAMPLES:
                key = (str(vertex.get("digest", ""))[:200], str(vertex.get("started", ""))[:64])
                found[key] = _vertex(vertex)
    yield from found.values()


def _vertex(vertex: dict[str, Any]) -> tuple[str, float | None]:
    name = vertex.get("name")
    start, end = _moment(vertex.get("started")), _moment(vertex.get("completed"))
    took = (
        None if start is None or end is None or vertex.get("cached") or vertex.get("error") else end - start
    )
    return name if isinstance(name, str) else "", took


def _moment(value: object) -> float | None:
    """Seconds of an RFC 3339 time stamp."""
    if not isinstance(value, str) or len(value) > 64:
        return None
    try:
        return datetime.fromisoformat(value).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _place(name: str) -> tuple[str, str] | None:
    """Stage and instruction of a vertex's name, `[linux/amd64 build 2/4] RUN npm ci`."""
    match = _NAME.match(name)
    if match is None or match[2].startswith("FROM "):
        return None
    words = match[1].split()
    # Compose puts a service's name first, several platforms put theirs: the stage is the last word.
    stage = words[-1] if words and "/" not in words[-1] else ""
    return stage, told(match[2].removeprefix("ONBUILD "))


def _overhead(name: str) -> str | None:
    plain = name.removeprefix("[internal] ")
    return next((kind for start, kind in _OVERHEADS.items() if plain.startswith(start)), None)


def _stage_name(graph: BuildGraph, step: Step) -> str:
    stages = graph.dockerfile.stages
    if not 0 <= step.stage < len(stages):
        return ""
    alias = stages[step.stage].alias
    return alias or (f"stage-{step.stage}" if len(stages) > 1 else "")


def _fits(pieces: list[str], said: str) -> bool:
    """Whether a text is the pieces in their order with anything between them."""
    if not said.startswith(pieces[0]) or len(said) < sum(map(len, pieces)):
        return False
    at = len(pieces[0])
    for piece in pieces[1:-1]:
        found = said.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return len(said) - len(pieces[-1]) >= at and said.endswith(pieces[-1])
