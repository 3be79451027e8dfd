"""Tasks as real processes: their outcomes, their logs and traces, and how they are ended."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from compiler.plan.model import Task, TaskKind
from simulator.history.recorded import read
from stagecast.execution.processes import Processes, Work, tail
from stagecast.execution.runner import Ended, Event, Interrupt, Outcome
from stagecast.execution.scripts import Command
from stagecast.execution.trace import TraceFile

DEADLINE_S = 30
SPAN = {"task": "deploy:a", "step": "deployment", "start": 1, "end": 2, "outcome": "done"}


class Site:
    """Processes whose tasks are Python programs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trace = TraceFile(folder / "trace.jsonl")

    def make(self, *programs: tuple[TaskKind, str], idle: str | None = None) -> Processes:
        tasks = tuple(
            Task(f"{kind.value}:a{n}", kind, ("a",), None, ()) for n, (kind, _) in enumerate(programs)
        )

        def command(index: int, trace: Path) -> Command:
            argv = (sys.executable, "-I", "-c", programs[index][1])
            return Command(argv, self.folder, {"TRACE": str(trace), "PATH": os.environ["PATH"]})

        lock = os.open(self.folder / "lock", os.O_CREAT | os.O_RDWR)
        scratch = self.folder / "scratch"
        scratch.mkdir(exist_ok=True)
        work = Work(tasks, command, lambda _: idle)
        return Processes(work, logs=self.folder / "logs", scratch=scratch, trace=self.trace, lock=lock)

    def steps(self) -> list[tuple[str, str, str]]:
        lines = (self.folder / "trace.jsonl").read_text().splitlines()
        return [(step.task, step.step, step.outcome) for step in read(lines)]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.trace.close()


def events(processes: Processes, wanted: int = 1) -> list[Event]:
    found: list[Event] = []
    deadline = time.monotonic() + DEADLINE_S
    while len(found) < wanted:
        assert time.monotonic() < deadline
        found += processes.wait()
    return found


def traced(**changed: object) -> str:
    """A program that traces a step."""
    return f"import os; open(os.environ['TRACE'], 'a').write({json.dumps(SPAN | changed)!r} + '\\n')\n"


def wait_for(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def says_up(processes: Processes, index: int) -> bool:
    return processes.log(index).read_text() == "up\n"


def test_outcomes(site: Site) -> None:
    kind = TaskKind.DEPLOY
    processes = site.make(
        (kind, traced()),
        (kind, traced(outcome="skipped")),
        (kind, "print('much'); print('error: it is broken'); raise SystemExit(3)"),
        (kind, "raise SystemExit(4)"),
    )
    for index in range(4):
        assert processes.start(index)
    found = {event.index: event for event in events(processes, 4) if isinstance(event, Ended)}
    assert found == {
        0: Ended(0, Outcome.DONE),
        1: Ended(1, Outcome.SKIPPED, "unchanged"),
        2: Ended(2, Outcome.FAILED, "it is broken"),
        3: Ended(3, Outcome.FAILED, "exit code 4"),
    }
    assert processes.log(2).read_text() == "much\nerror: it is broken\n"
    assert tail(processes.log(2), 1) == ["error: it is broken"]
    assert processes.log(2).stat().st_mode & 0o077 == 0
    # What traces nothing itself is traced here.
    assert sorted(site.steps()) == [
        ("deploy:a", "deployment", "done"),
        ("deploy:a", "deployment", "skipped"),
        ("deploy:a2", "deployment", "failed"),
        ("deploy:a3", "deployment", "failed"),
    ]


def test_nothing_to_do(site: Site) -> None:
    processes = site.make((TaskKind.BUILD, "raise SystemExit(1)"), idle="already there")
    assert not processes.start(0)
    assert events(processes) == [Ended(0, Outcome.SKIPPED, "already there")]
    assert site.steps() == [("build:a0", "build", "skipped")]


def test_a_step_that_was_not_written_whole_is_left_out(site: Site) -> None:
    processes = site.make((TaskKind.DEPLOY, traced() + "open(os.environ['TRACE'], 'a').write('{\"task')"))
    processes.start(0)
    assert events(processes) == [Ended(0, Outcome.DONE)]
    assert site.steps() == [("deploy:a", "deployment", "done")]


def test_a_program_that_is_not_there(site: Site) -> None:
    processes = site.make((TaskKind.DEPLOY, ""))
    processes._work = Work(
        processes._work.tasks, lambda *_: Command(("/none",), site.folder, {}), lambda _: None
    )
    processes.start(0)
    assert events(processes) == [Ended(0, Outcome.FAILED, "cannot be started: No such file or directory")]


def test_asked_to_end(site: Site) -> None:
    program = "import time; print('up', flush=True); time.sleep(60)"
    processes = site.make((TaskKind.BUILD, program), (TaskKind.DEPLOY, program))
    for index in range(2):
        processes.start(index)
        wait_for(partial(says_up, processes, index))
        processes.end(index)
    assert set(events(processes, 2)) == {Ended(n, Outcome.CANCELLED, "ended") for n in range(2)}
    assert {how for *_, how in site.steps()} == {"cancelled"}


def test_a_deployment_gets_two_signals_a_build_one(site: Site) -> None:
    """The script lets a tool finish at the first and ends it at the second."""
    program = (
        "import signal, sys, time\n"
        "for number in (signal.SIGTERM, signal.SIGINT):\n"
        "    signal.signal(number, lambda n, f: print(signal.Signals(n).name, flush=True))\n"
        "print('up', flush=True)\n"
        "time.sleep(1)\n"
    )
    processes = site.make((TaskKind.BUILD, program), (TaskKind.DEPLOY, program))
    for index in range(2):
        processes.start(index)
        wait_for(partial(says_up, processes, index))
        processes.end(index)
    # They end by themselves and well: then it is done, whoever asked.
    assert set(events(processes, 2)) == {Ended(n, Outcome.DONE) for n in range(2)}
    assert processes.log(0).read_text().split() == ["up", "SIGTERM"]
    assert sorted(processes.log(1).read_text().split()) == ["SIGINT", "SIGTERM", "up"]


def test_at_once_all_that_it_started_is_gone(site: Site) -> None:
    program = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "sleep = [sys.executable, '-c', 'import time; time.sleep(60)']\n"
        "tool = subprocess.Popen(sleep, start_new_session=True)\n"
        "print(tool.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    processes = site.make((TaskKind.BUILD, program))
    processes.start(0)
    wait_for(lambda: processes.log(0).read_text().strip() != "")
    tool = int(processes.log(0).read_text())
    processes.end(0)
    assert processes.wait() == [], "it is deaf"
    processes.end(0, at_once=True)
    assert events(processes) == [Ended(0, Outcome.CANCELLED, "ended")]
    wait_for(lambda: _is_gone(tool))


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # Nobody may wait for it: then it stays as a zombie, which runs nothing.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def test_signals_are_interrupts_while_heeded(site: Site) -> None:
    processes = site.make((TaskKind.BUILD, ""))
    before = signal.getsignal(signal.SIGTERM)
    with processes.heeding_signals():
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.raise_signal(signum)
    assert events(processes, 3) == [Interrupt()] * 3
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_trace_of_waiting(site: Site) -> None:
    processes = site.make((TaskKind.BUILD, ""), (TaskKind.CHECK, ""))
    processes.queued(0, 10.0, 12.5)
    processes.queued(1, 10.0, 12.5)
    [line] = (site.folder / "trace.jsonl").read_text().splitlines()
    assert json.loads(line) == {
        "task": "build:a0", "step": "build queueing", "start": 10.0, "end": 12.5, "outcome": "done",
    }  # fmt: skip


def test_after_an_error_of_our_own_nothing_runs_on(site: Site) -> None:
    processes = site.make((TaskKind.DEPLOY, "print('up', flush=True); import time; time.sleep(60)"))
    processes.start(0)
    wait_for(partial(says_up, processes, 0))
    processes.close()
    [event] = events(processes)
    assert event == Ended(0, Outcome.CANCELLED, "ended")
