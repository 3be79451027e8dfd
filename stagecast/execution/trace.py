"""The trace file of a run: one JSON line a step, in the order in which tasks ended (docs/run.md)."""

from __future__ import annotations

import json
from pathlib import Path

from simulator.history.recorded import RecordedStep


class TraceFile:
    """A trace that is written anew; every line is on disk as soon as it is added.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", encoding="utf-8")

    def add(self, *steps: RecordedStep) -> None:
        """Add steps that ended."""
        for step in steps:
            self._file.write(_line(step) + "\n")
        self._file.flush()

    def close(self) -> None:
        """No more steps."""
        self._file.close()


def _line(step: RecordedStep) -> str:
    record: dict[str, object] = {
        "task": step.task,
        "step": step.step,
        "start": round(step.start_s, 6),
        "end": round(step.end_s, 6),
        "outcome": step.outcome,
    }
    if step.cache is not None:
        record["cache"] = {"hit": step.cache[0], "miss": step.cache[1]}
    return json.dumps(record, ensure_ascii=False)
