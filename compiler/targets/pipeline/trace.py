"""The trace of a run: one JSON line per finished step in the file that STAGECAST_TRACE names.

Steps are named as the platform reports them ("git clone", "build", "mirror
image", "deployment", ...), so that the simulator can calibrate with the file.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

FILE = "STAGECAST_TRACE"

Outcome = Literal["done", "failed", "cancelled", "skipped"]


@dataclass
class Span:
    """A step that runs. `cache` counts the hits and misses of a build's layers, where they are known."""

    outcome: Outcome = "done"
    cache: tuple[int, int] | None = None


@contextmanager
def span(task: str, step: str) -> Iterator[Span]:
    """Trace a step of a plan's task: what happens inside, whose `outcome` may be set.

    An exception makes it "failed", an interrupt "cancelled".
    """
    running = Span()
    start = time.time()
    try:
        yield running
    except Exception:
        running.outcome = "failed"
        raise
    except BaseException:
        running.outcome = "cancelled"
        raise
    finally:
        record(task, step, start, time.time(), running.outcome, running.cache)


def record(
    task: str, step: str, start: float, end: float, outcome: Outcome, cache: tuple[int, int] | None = None
) -> None:
    """Append a finished step; times are seconds since the epoch. Nothing happens without STAGECAST_TRACE.

    A line is one write to a file that is opened for appending: POSIX keeps the
    lines of processes that write at once apart. A trace that cannot be written
    is no reason for a deployment to fail, so that is only said.
    """
    path = os.environ.get(FILE)
    if not path:
        return
    line = {"task": task, "step": step, "start": round(start, 6), "end": round(end, 6), "outcome": outcome}
    if cache is not None:
        line["cache"] = {"hit": cache[0], "miss": cache[1]}
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            os.write(descriptor, json.dumps(line).encode() + b"\n")
        finally:
            os.close(descriptor)
    except OSError as error:
        print(f"the trace cannot be written: {error}", flush=True)
