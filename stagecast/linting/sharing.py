"""Many Dockerfiles judged on several processors: forked processes take a share each, the caller one as well.

Gives what judging one after the other gives, in the same order. A share whose process gives no answer is
judged by the caller.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stagecast.linting.inputs import Case
from stagecast.linting.judging import Judged, Settings, judge

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkContext, ForkProcess

# With fewer, a process costs more than it saves.
_FEWEST = 100
_MOST_PROCESSES = 8


def judge_all(cases: Sequence[Case], settings: Settings, processes: int | None = None) -> list[Judged]:
    """Judge every case; on as many processors as there are and are worth it, or on `processes`.

    Those that other processes judged have no subject and no origin.
    """
    count = min(_processors(), len(cases) // _FEWEST) if processes is None else processes
    if count < 2 or sys.platform != "linux":
        return [judge(case, settings) for case in cases]
    shares = [cases[first::count] for first in range(count)]
    with _forked(shares[1:], settings) as helpers:
        found = [[judge(case, settings) for case in shares[0]]]
        found += [helper.answer() for helper in helpers]
    found += [[] for _ in shares[len(found) :]]
    judged = [
        answer or [judge(case, settings) for case in share]
        for share, answer in zip(shares, found, strict=True)
    ]
    # As cards that were dealt.
    return [judged[index % count][index // count] for index in range(len(cases))]


def _processors() -> int:
    """Those that this process may use."""
    return min(len(os.sched_getaffinity(0)), _MOST_PROCESSES) if sys.platform == "linux" else 1


@dataclass(frozen=True, slots=True)
class _Helper:
    """A process that judges a share."""

    share: Sequence[Case]
    process: ForkProcess
    connection: Connection

    def answer(self) -> list[Judged]:
        """What it found; empty where it has ended without an answer."""
        try:
            answers = self.connection.recv()
        except (EOFError, OSError):
            return []
        return [Judged(case, *answer) for case, answer in zip(self.share, answers, strict=True)]


@contextmanager
def _forked(shares: Sequence[Sequence[Case]], settings: Settings) -> Iterator[list[_Helper]]:
    """A process for each share, as far as they can be started; none is left afterwards."""
    import signal
    from multiprocessing import get_context

    context = get_context("fork")
    helpers: list[_Helper] = []
    # Ctrl-C reaches all processes of a terminal: only the caller decides what becomes of it.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        try:
            with suppress(OSError):
                for share in shares:
                    helpers.append(_start(context, share, settings))
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        yield helpers
    finally:
        for helper in helpers:
            helper.connection.close()
            helper.process.kill()
            helper.process.join()


def _start(context: ForkContext, share: Sequence[Case], settings: Settings) -> _Helper:
    """Start one.

    Raises:
        OSError: the system gives no process.
    """
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_judge_share, args=(theirs, share, settings), daemon=True)
    try:
        process.start()
    finally:
        # Only the helper holds its end then: when it ends, reading ours says so.
        theirs.close()
    return _Helper(share, process, ours)


def _judge_share(connection: Connection, share: Sequence[Case], settings: Settings) -> None:
    # Whatever it is, the caller meets it again in this share, and tells it.
    with suppress(Exception):
        judged = [judge(case, settings) for case in share]
        connection.send([(each.findings, each.others, None, None, each.why_assumed) for each in judged])
