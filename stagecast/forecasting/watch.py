"""A simulation as it is watched: a progress bar, and Ctrl-C."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

# Whoever waits less needs no bar, and its library costs 55 ms.
_PATIENCE_S = 1.0


class Interrupts:
    """Counts Ctrl-C. The first asks to stop and give what there is, the second ends at once."""

    def __init__(self) -> None:
        self._count = 0

    def asked(self) -> bool:
        """Whether to stop."""
        return self._count > 0

    def handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler's
        """Take a SIGINT."""
        self._count += 1
        if self._count > 1:
            raise KeyboardInterrupt


@contextmanager
def interrupts() -> Iterator[Interrupts]:
    """While it lasts, the first Ctrl-C raises nothing. Outside of the main thread it changes nothing."""
    found = Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield found
        return
    before = signal.signal(signal.SIGINT, found.handle)
    try:
        yield found
    finally:
        signal.signal(signal.SIGINT, before)


class Bar:
    """A progress bar on stderr, if that is a terminal and it takes a while; `close` takes it away."""

    def __init__(self) -> None:
        self._begin_s = time.monotonic()
        self._terminal = sys.stderr.isatty()
        self._bar: Any = None
        self._task: Any = None

    def __call__(self, done: int, total: int | None = None) -> None:
        """So many runs of so many are done; None where nobody knows of how many."""
        if not self._terminal or (self._bar is None and time.monotonic() - self._begin_s < _PATIENCE_S):
            return
        if self._bar is None:
            self._open(total)
        self._bar.update(self._task, completed=done, total=total)

    def _open(self, total: int | None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("simulating"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task("runs", total=total)
        self._bar.start()

    def close(self) -> None:
        """Leave nothing of it on the screen."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
