"""Tasks as processes of this machine: started, waited for, ended; what they print goes to a log each.

Owns the children of a run and its trace file. A child gets a session of its
own, so that Ctrl-C at the terminal reaches only this process, which decides;
and it inherits a lock, so that the next run knows of children that outlive
this one. Knows no order and no caps.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

from compiler.plan.model import Task, TaskKind
from simulator.history.recorded import RecordedStep, read
from stagecast.execution.runner import Ended, Event, Interrupt, Outcome
from stagecast.execution.scripts import Command
from stagecast.execution.trace import TraceFile

TICK_S = 0.25
# A script ends its tools within 15 s each time it is asked (pipeline/process.py): after this it hangs.
PATIENCE_S = 60
_ERROR = "error: "
_TAIL_BYTES = 64 * 1024
_QUEUEING = {
    TaskKind.BUILD: "build queueing",
    TaskKind.MIRROR: "deployment queueing",
    TaskKind.DEPLOY: "deployment queueing",
}
# The step that is named where a script was ended before it could name any.
_MAIN_STEP = {
    TaskKind.CHECK: "check",
    TaskKind.BUILD: "build",
    TaskKind.MIRROR: "mirror image",
    TaskKind.DEPLOY: "deployment",
}


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done: the tasks by index, what carries one out, and why there is nothing to do for it."""

    tasks: tuple[Task, ...]
    command: Callable[[int, Path], Command]
    nothing_to_do: Callable[[int], str | None]


@dataclass(slots=True)
class _Child:
    process: subprocess.Popen[bytes]
    trace: Path
    start_s: float
    asked: bool = False


class Processes:
    """The commands of a run (see `runner.Commands`); its clock counts seconds since the epoch."""

    def __init__(self, work: Work, *, logs: Path, scratch: Path, trace: TraceFile, lock: int) -> None:
        self._work, self._logs, self._scratch, self._trace, self._lock = work, logs, scratch, trace, lock
        # The wall's time of the start, and then a clock that nobody sets back.
        self._offset_s = time.time() - time.monotonic()
        self._children: dict[int, _Child] = {}
        self._events: SimpleQueue[tuple[int, int] | Ended | Interrupt] = SimpleQueue()
        logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in logs.glob("*.log"):
            old.unlink(missing_ok=True)

    def now_s(self) -> float:
        """The time."""
        return self._offset_s + time.monotonic()

    def log(self, index: int) -> Path:
        """Where a task's output is kept. Its name is the id's, with what no file name takes replaced."""
        text = self._work.tasks[index].id
        safe = "".join(c if c.isascii() and (c.isalnum() or c in "-.") else "_" for c in text)
        return self._logs / f"{index:04d}-{safe[:100]}.log"

    def start(self, index: int) -> bool:
        """Start a task; one with nothing to do ends at once, and False says so."""
        reason = self._work.nothing_to_do(index)
        now_s = self.now_s()
        if reason is not None:
            self._record(index, _MAIN_STEP, now_s, now_s, Outcome.SKIPPED)
            self._events.put(Ended(index, Outcome.SKIPPED, reason))
            return False
        trace = self._scratch / f"trace-{index}.jsonl"
        command = self._work.command(index, trace)
        try:
            with open(self.log(index), "wb", opener=_private) as log:
                process = subprocess.Popen(
                    command.argv,
                    cwd=command.cwd,
                    env=dict(command.environment),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    pass_fds=(self._lock,),
                )
        except OSError as error:
            self._events.put(Ended(index, Outcome.FAILED, f"cannot be started: {error.strerror}"))
            return True
        self._children[index] = _Child(process, trace, now_s)
        Thread(target=self._watch, args=(index, process), daemon=True).start()
        return True

    def queued(self, index: int, ready_s: float, start_s: float) -> None:
        """Put into the trace how long a task waited for a slot."""
        self._record(index, _QUEUEING, ready_s, max(ready_s, start_s), Outcome.DONE)

    def interrupt(self) -> None:
        """Somebody wants the run to end. May be called by a signal handler."""
        self._events.put(Interrupt())

    def wait(self) -> Sequence[Event]:
        """What happened; nothing after TICK_S without anything."""
        try:
            events = [self._events.get(timeout=TICK_S)]
        except Empty:
            return []
        with suppress(Empty):
            while True:
                events.append(self._events.get_nowait())
        return [self._exited(*event) if isinstance(event, tuple) else event for event in events]

    def end(self, index: int, *, at_once: bool = False) -> None:
        """Ask a task's script to end its tools and itself; with `at_once`, kill all that it started.

        A script that installs lets its tool finish at the first signal, and
        ends it at the second: it gets two, of different sorts, or they could
        become one.
        """
        child = self._children.get(index)
        if child is None:
            return
        child.asked = True
        if at_once:
            descendants = _descendants(child.process.pid)
            child.process.kill()
            for pid in descendants:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            return
        child.process.terminate()
        if self._work.tasks[index].kind in (TaskKind.MIRROR, TaskKind.DEPLOY):
            child.process.send_signal(signal.SIGINT)

    def close(self) -> None:
        """End what still runs, as after an error of our own; in a run that came to its end nothing does."""
        for index in tuple(self._children):
            self.end(index)
        for index, child in self._children.items():
            try:
                child.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.end(index, at_once=True)

    @contextmanager
    def heeding_signals(self) -> Iterator[None]:
        """While it is open, Ctrl-C and requests to end are interrupts of the run."""
        wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {signum: signal.signal(signum, lambda *_: self.interrupt()) for signum in wanted}
        try:
            yield
        finally:
            for signum, handler in before.items():
                signal.signal(signum, handler)

    def _watch(self, index: int, process: subprocess.Popen[bytes]) -> None:
        self._events.put((index, process.wait()))

    def _exited(self, index: int, code: int) -> Ended:
        child = self._children.pop(index)
        steps = self._take_over(child.trace)
        outcome, reason = self._judge(child, code, steps, index)
        if not steps:
            self._record(index, _MAIN_STEP, child.start_s, self.now_s(), outcome)
        return Ended(index, outcome, reason)

    def _judge(
        self, child: _Child, code: int, steps: Sequence[RecordedStep], index: int
    ) -> tuple[Outcome, str]:
        if code == 0:
            done = [step.outcome for step in steps if step.step == self._main_step(index)]
            skipped = bool(done) and all(outcome == Outcome.SKIPPED for outcome in done)
            return (Outcome.SKIPPED, "unchanged") if skipped else (Outcome.DONE, "")
        if child.asked:
            return Outcome.CANCELLED, "ended"
        return Outcome.FAILED, _reason(self.log(index)) or f"exit code {code}"

    def _main_step(self, index: int) -> str:
        return _MAIN_STEP.get(self._work.tasks[index].kind, "")

    def _take_over(self, trace: Path) -> tuple[RecordedStep, ...]:
        """Add what a script traced to the run's trace; what it could not finish writing is left out."""
        try:
            text = trace.read_text(encoding="utf-8")
        except (OSError, ValueError):
            return ()
        steps: list[RecordedStep] = []
        for line in text.splitlines():
            with suppress(ValueError):
                steps += read([line])
        self._trace.add(*steps)
        return tuple(steps)

    def _record(
        self, index: int, names: dict[TaskKind, str], start_s: float, end_s: float, outcome: Outcome
    ) -> None:
        task = self._work.tasks[index]
        if task.kind in names:
            self._trace.add(RecordedStep(task.id, names[task.kind], start_s, end_s, outcome.value))


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a log, without those that are empty; none when it cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return list(deque((line for line in text.splitlines() if line.strip()), maxlen=lines))


def _reason(log: Path) -> str:
    """What a script says went wrong: its last line of the form `error: ...`."""
    errors = [line for line in tail(log, 1000) if line.startswith(_ERROR)]
    return errors[-1].removeprefix(_ERROR) if errors else ""


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def _descendants(pid: int) -> list[int]:
    """The processes below one, as `ps` knows them; none where there is no `ps`."""
    try:
        listed = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, timeout=PATIENCE_S, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return []
    children: dict[int, list[int]] = {}
    for line in listed.splitlines():
        child, parent = map(int, line.split())
        children.setdefault(parent, []).append(child)
    found = [pid]
    for each in found:
        found.extend(children.get(each, ()))
    return found[1:]
