"""What a run's progress looks like as data: counts, what runs, what ended last; and the words for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from compiler.plan.model import Task, TaskKind
from compiler.values.elapsed import duration
from stagecast.execution.runner import Outcome, Record

PAST = {TaskKind.BUILD: "built", TaskKind.MIRROR: "mirrored", TaskKind.DEPLOY: "deployed"}
IDLE = {TaskKind.BUILD: "already there", TaskKind.MIRROR: "already there", TaskKind.DEPLOY: "unchanged"}
PHASES = tuple(PAST)


def title(task: Task) -> str:
    """What a task does, in a few words: `build web`, `build web and 20 more`."""
    if not task.services:
        return task.id.partition(":")[0]
    more = f" and {len(task.services) - 1} more" if len(task.services) > 1 else ""
    return f"{task.kind.value} {task.services[0]}{more}"


def printable(text: str) -> str:
    """A text of others that moves no cursor and ends no line."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


@dataclass(slots=True)
class Phase:
    """The tasks of one kind: how many there are, and how many ended in which way."""

    total: int = 0
    ended: dict[Outcome, int] = field(default_factory=dict)

    @property
    def finished(self) -> int:
        """How many ended well."""
        return sum(count for outcome, count in self.ended.items() if outcome.ok)


class Tally:
    """The state of a run as people want to know it."""

    def __init__(self, tasks: Sequence[Task], begin_s: float) -> None:
        self.tasks = tuple(tasks)
        self.begin_s = begin_s
        self.phases = {kind: Phase() for kind in PHASES}
        self.running: dict[int, float] = {}
        self.ended: list[tuple[int, Record]] = []
        self.stopping: str | None = None
        for task in tasks:
            if task.kind in self.phases and task.services:
                self.phases[task.kind].total += 1

    def started(self, index: int, record: Record) -> None:
        """A task runs."""
        self.running[index] = record.start_s or self.begin_s

    def finished(self, index: int, record: Record) -> None:
        """A task ended."""
        self.running.pop(index, None)
        self.ended.append((index, record))
        task = self.tasks[index]
        if task.kind in self.phases and task.services:
            phase = self.phases[task.kind]
            phase.ended[record.outcome] = phase.ended.get(record.outcome, 0) + 1

    def running_of(self, kind: TaskKind) -> int:
        """How many tasks of a kind run now."""
        return sum(self.tasks[index].kind is kind for index in self.running)


def outcome_text(task: Task, record: Record) -> str:
    """How a task ended: `done in 3.2 s`, `skipped: unchanged`, `FAILED after 3.2 s: the build failed`."""
    took = duration((record.end_s or 0.0) - (record.start_s or 0.0))
    match record.outcome:
        case Outcome.DONE:
            return f"{PAST.get(task.kind, 'done')} in {took}"
        case Outcome.SKIPPED:
            return record.reason or IDLE.get(task.kind, "skipped")
        case Outcome.FAILED:
            return f"FAILED after {took}: {record.reason}"
        case Outcome.CANCELLED:
            return f"ended after {took}"
