"""Running a stage's tasks: never more than so many at once, in order, none after a failure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from enum import Enum
from itertools import islice
from threading import Event

# A signal that comes right behind another does not end a wait: its handler runs at the next tick.
TICK_S = 0.2


class Status(Enum):
    """How a task ended; cancelled ones were never started."""

    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


def run_tasks(
    needs: Mapping[str, Sequence[str]],
    parallelism: int,
    execute: Callable[[str], bool],
    stop: Event,
) -> dict[str, Status]:
    """Run every task of `needs` (task to the tasks that come before it), in the mapping's order.

    A slot goes to the first task in that order whose needs are done. After a
    task fails (`execute` gives False or raises), or `stop` is set, running ones
    finish and no other starts. Needs that are not among the tasks are met.
    """
    waiting = list(needs)
    done: set[str] = set()
    ended: dict[str, Status] = {}
    running: dict[Future[bool], str] = {}
    with ThreadPoolExecutor(max_workers=max(1, parallelism)) as pool:
        while True:
            for name in _startable(waiting, needs, done, parallelism - len(running), stop):
                waiting.remove(name)
                running[pool.submit(execute, name)] = name
            if not running:
                break
            for future in wait(running, TICK_S, FIRST_COMPLETED).done:
                name = running.pop(future)
                ok = future.exception() is None and future.result()
                ended[name] = Status.DONE if ok else Status.FAILED
                done.add(name)
                if not ok:
                    stop.set()
    return {name: ended.get(name, Status.CANCELLED) for name in needs}


def _startable(
    waiting: Sequence[str], needs: Mapping[str, Sequence[str]], done: set[str], free: int, stop: Event
) -> list[str]:
    """The tasks that start now: the first ready ones in order, as many as slots are free."""
    if stop.is_set():
        return []
    ready = (name for name in waiting if all(need in done or need not in needs for need in needs[name]))
    return list(islice(ready, max(0, free)))
