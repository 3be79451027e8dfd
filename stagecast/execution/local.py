"""One run on this machine, from a plan to a result: the pieces of this package put together.

Takes a plan and what a person wants of it; gives a report. Prints only through
the progress that it is given.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from compiler.plan.encode import plan_text
from compiler.plan.model import Plan, Task, TaskKind
from simulator.network import from_plan
from stagecast.execution.folder import RunFolder, write
from stagecast.execution.processes import Processes, Work
from stagecast.execution.progress.tally import IDLE
from stagecast.execution.runner import Record, Status, execute
from stagecast.execution.scripts import REMOVE, Command, Options, Scripts
from stagecast.execution.source import WorkingTree, empty, export
from stagecast.execution.summary import Report
from stagecast.execution.trace import TraceFile

WAITING = "waiting"


class Progress(Status, Protocol):
    """A status that is closed at the end."""

    def close(self) -> None:
        """No more is told."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a person wants of a run: `trace` is a file of their own; `whole` says that all is deployed."""

    options: Options
    trace: Path | None
    again: str
    whole: bool


def working_tree(plan: Plan, root: Path, scratch: Path) -> WorkingTree:
    """The user's files as the scripts see them; none where the plan reads none.

    Raises:
        SourceError: git fails.
    """
    folder = scratch / "source"
    folder.mkdir()
    return export(root, folder) if _reads_files(plan) else empty(folder)


def tasks_of(plan: Plan) -> Plan:
    """The plan with the removal of what left the spec, if there is any, as its last task."""
    services = tuple(gone.service for gone in plan.departed if gone.prune)
    if not services:
        return plan
    last = Task(REMOVE, TaskKind.DEPLOY, (), None, tuple(task.id for task in plan.tasks))
    return replace(plan, tasks=(*plan.tasks, last))


def run(
    plan: Plan,
    tree: WorkingTree,
    folder: RunFolder,
    lock: int,
    scratch: Path,
    wishes: Wishes,
    progress: Callable[[tuple[Task, ...], float], Progress],
) -> Report:
    """Carry out a plan.

    `lock` is the descriptor of `RunFolder.held`; `scratch` a private folder.

    Raises:
        OSError: the trace or a log cannot be written.
    """
    scripts = Scripts(plan, scratch, tree, wishes.options)
    whole = tasks_of(plan)
    network = from_plan(whole)
    started_s = time.time()
    path = wishes.trace or folder.trace(started_s)
    work = work_of(whole, scripts, force=wishes.options.force)
    with closing(TraceFile(path)) as trace:
        processes = Processes(work, logs=folder.logs, scratch=scratch, trace=trace, lock=lock)
        shown = progress(whole.tasks, started_s)
        status = _Remembering(shown, processes, folder, whole, started_s)
        with closing(shown), closing(processes), processes.heeding_signals():
            result = execute(network, [task.kind for task in whole.tasks], processes, status)
    report = Report(whole, result, processes.now_s() - started_s, path, processes.log, wishes.again)
    status.conclude(report.outcome)
    if result.ok and wishes.whole:
        left = tuple(gone for gone in plan.departed if not gone.prune)
        write(folder.plan, plan_text(replace(plan, departed=left)).encode())
    return report


def work_of(plan: Plan, scripts: Scripts, *, force: bool) -> Work:
    """How the tasks of a plan are carried out by its scripts; with `force` all of them are."""

    def command(index: int, trace: Path) -> Command:
        task = plan.tasks[index]
        return scripts.command(None if task.id == REMOVE else task.kind, task.id, trace)

    def nothing_to_do(index: int) -> str | None:
        task = plan.tasks[index]
        is_idle = not force and task.id in scripts.survey().idle
        return IDLE[task.kind] if is_idle else None

    return Work(plan.tasks, command, nothing_to_do)


def _reads_files(plan: Plan) -> bool:
    """Whether builds, charts or values come from the repository of the spec."""
    charts = [workload.chart for workload in plan.workloads if workload.chart is not None]
    sources = [build.source for build in plan.builds] + [chart.source for chart in charts if chart.source]
    return any(source.is_local for source in sources) or any(chart.value_files for chart in charts)


class _Remembering:
    """A status that keeps on disk how far the run is, traces waiting times, and passes everything on.

    Who reads the progress may go away (`| head`, a closed terminal): that is no reason to stop.
    """

    def __init__(
        self, inner: Status, processes: Processes, folder: RunFolder, plan: Plan, started_s: float
    ) -> None:
        self._inner, self._processes, self._folder = inner, processes, folder
        self._plan, self._started_s = plan, started_s
        self._tasks = {task.id: WAITING for task in plan.tasks if task.kind is not TaskKind.GATE}
        self._remember("running")

    def started(self, index: int, record: Record) -> None:
        if record.ready_s is not None and record.start_s is not None:
            self._processes.queued(index, record.ready_s, record.start_s)
        with suppress(OSError):
            self._inner.started(index, record)

    def ended(self, index: int, record: Record) -> None:
        self._tasks[self._plan.tasks[index].id] = record.outcome.value
        self._remember("running")
        with suppress(OSError):
            self._inner.ended(index, record)

    def stopping(self, why: str) -> None:
        with suppress(OSError):
            self._inner.stopping(why)

    def tick(self, now_s: float) -> None:
        with suppress(OSError):
            self._inner.tick(now_s)

    def conclude(self, outcome: str) -> None:
        self._remember(outcome)

    def _remember(self, outcome: str) -> None:
        self._folder.remember(self._plan.digest, outcome, self._started_s, self._tasks)
