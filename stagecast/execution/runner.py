"""The loop of a run: start what may start, wait for what happens, and stop as the deployment model says.

Takes a network, what each activity is, and commands that do the work; gives a
record of every activity. Knows neither processes nor files: the commands hold
the clock.

A failure starts nothing new. A build that fails ends the builds that run: of
its stage with `staged`, where no others run, of the environment otherwise. A
deployment that fails lets all that runs finish. The first interrupt starts
nothing new and ends everything but deployments; the second ends those too; the
third does not wait for them to end well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from compiler.plan.model import TaskKind
from simulator.network import Network
from stagecast.execution.schedule import Schedule


class Outcome(StrEnum):
    """How an activity ended. `skipped`: nothing to do; `cancelled`: ended early or never started."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ok(self) -> bool:
        """Whether what needs it may start."""
        return self in (Outcome.DONE, Outcome.SKIPPED)


@dataclass(frozen=True, slots=True)
class Ended:
    """An activity ended by itself or because it was told to; `reason` is for people."""

    index: int
    outcome: Outcome
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Somebody wants the run to end."""


Event = Ended | Interrupt


@dataclass(frozen=True, slots=True)
class Record:
    """What became of an activity: times in seconds of the commands' clock.

    `ready_s` is when it could have started, `start_s` None when it never did.
    """

    ready_s: float | None = None
    start_s: float | None = None
    end_s: float | None = None
    outcome: Outcome = Outcome.CANCELLED
    reason: str = ""


class Commands(Protocol):
    """How the work is done. What was started ends with exactly one `Ended`."""

    def now_s(self) -> float:
        """The time."""

    def start(self, index: int) -> bool:
        """Start an activity. False: there is nothing to do, and its end is all there is to tell."""

    def wait(self) -> Sequence[Event]:
        """What happened since the last call; nothing after a while without anything."""

    def end(self, index: int, *, at_once: bool = False) -> None:
        """Ask a running activity to end, or with `at_once` make it."""


class Status(Protocol):
    """Who tells people how it goes."""

    def started(self, index: int, record: Record) -> None:
        """An activity starts."""

    def ended(self, index: int, record: Record) -> None:
        """An activity ended."""

    def stopping(self, why: str) -> None:
        """Nothing new starts from now on."""

    def tick(self, now_s: float) -> None:
        """Time passed."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended: a record for every activity, and how often it was interrupted."""

    records: tuple[Record, ...]
    interrupts: int

    @property
    def ok(self) -> bool:
        """Whether everything was done."""
        return all(record.outcome.ok for record in self.records)


def execute(network: Network, kinds: Sequence[TaskKind], commands: Commands, status: Status) -> Result:
    """Carry out a network; `kinds` are the activities' kinds. Gates take no time and are not commands."""
    return _Run(network, kinds, commands, status).run()


class _Run:
    """One run in progress."""

    def __init__(
        self, network: Network, kinds: Sequence[TaskKind], commands: Commands, status: Status
    ) -> None:
        self._kinds = kinds
        self._commands = commands
        self._status = status
        self._schedule = Schedule(network)
        self._records = [Record() for _ in network.activities]
        self._running: set[int] = set()
        self._stopping = False
        self._interrupts = 0

    def run(self) -> Result:
        self._schedule.begin(self._commands.now_s())
        self._start_all(self._commands.now_s())
        while self._running:
            events = self._commands.wait()
            now_s = self._commands.now_s()
            for event in events:
                if isinstance(event, Interrupt):
                    self._interrupted()
                else:
                    self._ended(event, now_s)
            self._start_all(now_s)
            self._status.tick(now_s)
        return Result(tuple(self._records), self._interrupts)

    def _start_all(self, now_s: float) -> None:
        # Gates are passed also while it stops: a run whose last task finishes is complete.
        while started := self._schedule.admit(queues=not self._stopping):
            for index in started:
                ready_s = self._schedule.arrival_s[index]
                if self._kinds[index] is TaskKind.GATE:
                    self._records[index] = Record(ready_s, now_s, now_s, Outcome.DONE)
                    self._schedule.finish(index, now_s)
                elif not self._stopping:
                    self._records[index] = Record(ready_s, now_s)
                    self._running.add(index)
                    if self._commands.start(index):
                        self._status.started(index, self._records[index])

    def _ended(self, event: Ended, now_s: float) -> None:
        index = event.index
        self._running.discard(index)
        ended = replace(self._records[index], end_s=now_s, outcome=event.outcome, reason=event.reason)
        self._records[index] = ended
        self._status.ended(index, ended)
        if event.outcome.ok:
            self._schedule.finish(index, now_s)
        elif event.outcome is Outcome.FAILED and not self._stopping:
            self._stop("a build failed" if self._kinds[index] is TaskKind.BUILD else "a step failed")
            if self._kinds[index] is TaskKind.BUILD:
                self._end({TaskKind.BUILD})
        elif not self._stopping:
            # Ended from outside, and not by us: what needs it can never start.
            self._stop("a step was ended")

    def _stop(self, why: str) -> None:
        self._stopping = True
        self._status.stopping(why)

    def _interrupted(self) -> None:
        self._interrupts += 1
        if self._interrupts == 1:
            self._stop("interrupted")
            self._end(set(TaskKind) - {TaskKind.DEPLOY})
        else:
            self._end(set(TaskKind), at_once=self._interrupts > 2)

    def _end(self, kinds: set[TaskKind], *, at_once: bool = False) -> None:
        for index in sorted(self._running):
            if self._kinds[index] in kinds:
                self._commands.end(index, at_once=at_once)
