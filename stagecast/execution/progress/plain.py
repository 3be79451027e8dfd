"""Progress as lines: one for every start and every end, for logs and pipes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from compiler.plan.model import Task
from compiler.values.elapsed import duration
from stagecast.execution.progress.tally import outcome_text, printable, title
from stagecast.execution.runner import Record

_TITLE_COLUMNS = 28


class PlainProgress:
    """Writes to a stream; see `runner.Status`."""

    def __init__(self, tasks: Sequence[Task], stream: TextIO, begin_s: float) -> None:
        self._tasks, self._stream, self._begin_s = tasks, stream, begin_s
        self._now_s = begin_s

    def started(self, index: int, record: Record) -> None:
        """A line for what starts."""
        self._line(record.start_s, title(self._tasks[index]), "starts")

    def ended(self, index: int, record: Record) -> None:
        """A line for what ended."""
        task = self._tasks[index]
        self._now_s = self._now_s if record.end_s is None else record.end_s
        self._line(record.end_s, title(task), outcome_text(task, record))

    def stopping(self, why: str) -> None:
        """A line that nothing new starts."""
        self._line(self._now_s, "stopping", f"{why}: nothing new starts, what runs is waited for")

    def tick(self, now_s: float) -> None:
        """Nothing is said of time that passes."""
        self._now_s = now_s

    def close(self) -> None:
        """Nothing is open."""

    def _line(self, at_s: float | None, what: str, how: str) -> None:
        elapsed = duration((self._begin_s if at_s is None else at_s) - self._begin_s)
        line = printable(f"{what:{_TITLE_COLUMNS}}  {how}")
        self._stream.write(f"{elapsed:>9}  {line}\n")
        self._stream.flush()
