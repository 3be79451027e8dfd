"""The trace of a real run: what its steps took, one JSON line a step.

Takes the text that the pipeline's scripts and `stagecast run` write (see
docs/run.md and schemas/trace.schema.json), gives records. Knows no plan and no
law: what a history is good for is decided elsewhere.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

OUTCOMES = ("done", "failed", "cancelled", "skipped")


@dataclass(frozen=True, slots=True)
class RecordedStep:
    """A step of a task of the plan. Times are seconds since the epoch.

    `step` is a name of docs/run.md ("build", "deployment queueing", ...);
    `cache` the hits and misses of a build's layers, None where nobody counted.
    """

    task: str
    step: str
    start_s: float
    end_s: float
    outcome: str
    cache: tuple[int, int] | None = None

    @property
    def duration_s(self) -> float:
        """How long it took."""
        return self.end_s - self.start_s


def read(lines: Iterable[str]) -> tuple[RecordedStep, ...]:
    """The steps of a trace in the order of its lines; empty lines are left out.

    Raises:
        ValueError: a line is no step; the message says which and why.
    """
    return tuple(_step(number, line) for number, line in enumerate(lines, start=1) if line.strip())


def _step(number: int, line: str) -> RecordedStep:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"line {number} of the trace is not JSON") from error
    if not isinstance(found, dict):
        raise ValueError(f"line {number} of the trace is no object")
    texts = [found.get(key) for key in ("task", "step", "outcome")]
    times = [found.get(key) for key in ("start", "end")]
    if not all(isinstance(text, str) for text in texts) or found["outcome"] not in OUTCOMES:
        raise ValueError(f"line {number} of the trace has no task, step or known outcome")
    if not all(_is_number(time) for time in times) or found["start"] > found["end"]:
        raise ValueError(f"line {number} of the trace has no start and end after it")
    cache = _cache(found.get("cache"), number)
    return RecordedStep(
        found["task"], found["step"], float(found["start"]), float(found["end"]), found["outcome"], cache
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _cache(value: Any, number: int) -> tuple[int, int] | None:
    if value is None:
        return None
    counts = [value.get(key) if isinstance(value, dict) else None for key in ("hit", "miss")]
    if not all(isinstance(count, int) and not isinstance(count, bool) and count >= 0 for count in counts):
        raise ValueError(f"line {number} of the trace has a cache without counts of hit and miss")
    return value["hit"], value["miss"]


def trace_schema() -> dict[str, Any]:
    """The JSON Schema (draft 7) of one line."""
    count = {"type": "integer", "minimum": 0}
    seconds = {"type": "number", "description": "Seconds since the epoch, UTC."}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "urn:stagecast:trace:v1",
        "title": "Stagecast trace of a run, one line",
        "description": "One step of one task. A file has one such object a line.",
        "type": "object",
        "required": ["task", "step", "start", "end", "outcome"],
        "additionalProperties": False,
        "properties": {
            "task": {"type": "string", "description": "The task's id in the plan."},
            "step": {"type": "string", "description": "What was done: see docs/run.md."},
            "start": seconds,
            "end": {**seconds, "description": "Not before `start`."},
            "outcome": {"enum": list(OUTCOMES)},
            "cache": {
                "type": "object",
                "description": "Layers of a build that the cache had, and that it had not.",
                "required": ["hit", "miss"],
                "additionalProperties": False,
                "properties": {"hit": count, "miss": count},
            },
        },
    }
