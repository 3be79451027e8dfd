"""A dry run: the check, and what it found. Nothing is built, copied or deployed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from compiler.plan.model import Plan, Task, TaskKind
from simulator.network import from_plan
from stagecast.execution.local import Wishes, tasks_of, work_of
from stagecast.execution.processes import Processes, tail
from stagecast.execution.progress.tally import IDLE, printable, title
from stagecast.execution.runner import Record, Result, execute
from stagecast.execution.scripts import REMOVE, Scripts
from stagecast.execution.source import WorkingTree
from stagecast.execution.trace import TraceFile

_WORDS = {TaskKind.BUILD: "build", TaskKind.MIRROR: "copy", TaskKind.DEPLOY: "deploy"}
_LOG_LINES = 12


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a run would do with a task.

    `action` is "build", "copy", "deploy", "uninstall", "nothing" or "fail"
    with a `reason`; `image` is what the task makes, empty where it makes none.
    """

    task: Task
    action: str
    reason: str = ""
    image: str = ""


@dataclass(frozen=True, slots=True)
class Foresight:
    """What a run would do, in queue order; `problem` is why the check fails, with the end of its log."""

    plan: Plan
    tasks: tuple[Foreseen, ...]
    problem: tuple[str, ...] = ()
    interrupted: bool = False


def foresee(plan: Plan, tree: WorkingTree, lock: int, scratch: Path, wishes: Wishes) -> Foresight:
    """Ask registry and cluster what a run would do; the parameters are those of `local.run`."""
    scripts = Scripts(plan, scratch, tree, wishes.options)
    whole = tasks_of(plan)
    first = replace(whole, tasks=tuple(task for task in whole.tasks if task.kind is TaskKind.CHECK))
    work = work_of(first, scripts, force=wishes.options.force)
    with closing(TraceFile(scratch / "dry.jsonl")) as trace:
        processes = Processes(work, logs=scratch / "logs", scratch=scratch, trace=trace, lock=lock)
        with processes.heeding_signals():
            result = execute(from_plan(first), [task.kind for task in first.tasks], processes, _Silent())
    if not result.ok:
        return Foresight(plan, (), _problem(result, processes), bool(result.interrupts))
    return Foresight(plan, tuple(_foreseen(whole, scripts, force=wishes.options.force)))


def _foreseen(plan: Plan, scripts: Scripts, *, force: bool) -> Iterator[Foreseen]:
    survey = scripts.survey()
    for task in plan.tasks:
        if task.id == REMOVE:
            names = ", ".join(gone.service for gone in plan.departed if gone.prune)
            yield Foreseen(task, "uninstall", names)
        elif task.kind in _WORDS:
            image = "" if task.kind is TaskKind.DEPLOY else scripts.image(task.id)
            if task.id in survey.problems:
                yield Foreseen(task, "fail", survey.problems[task.id])
            elif task.id in survey.idle and not force:
                yield Foreseen(task, "nothing", IDLE[task.kind], image)
            else:
                yield Foreseen(task, _WORDS[task.kind], "", image)


def _problem(result: Result, processes: Processes) -> tuple[str, ...]:
    reasons = [record.reason for record in result.records if record.reason]
    return (*reasons, *(f"  | {line}" for line in tail(processes.log(0), _LOG_LINES)))


def text(foresight: Foresight) -> str:
    """For people: a line a task, and a count."""
    if foresight.problem:
        return "".join(f"{printable(line)}\n" for line in ("the check fails:", *foresight.problem))
    lines = []
    for each in foresight.tasks:
        action = f"{each.action}: {each.reason}" if each.reason else each.action
        lines.append(f"  {title(each.task):28}  {action:24}  {each.image}".rstrip())
    todo = sum(each.action != "nothing" for each in foresight.tasks)
    lines.append(f"{foresight.plan.environment}: {todo} of {len(foresight.tasks)} steps to be done")
    return "".join(f"{printable(line)}\n" for line in lines)


def document(foresight: Foresight) -> str:
    """For programs."""
    tasks = [
        {
            "id": each.task.id,
            "action": each.action,
            "reason": each.reason or None,
            "image": each.image or None,
        }
        for each in foresight.tasks
    ]
    found = {
        "environment": foresight.plan.environment,
        "plan": foresight.plan.digest,
        "problem": list(foresight.problem) or None,
        "tasks": tasks,
    }
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


class _Silent:
    """A status that tells nobody."""

    def started(self, index: int, record: Record) -> None:
        pass

    def ended(self, index: int, record: Record) -> None:
        pass

    def stopping(self, why: str) -> None:
        pass

    def tick(self, now_s: float) -> None:
        pass
