"""What is said when a run is over: what was done, what failed and why, and how to go on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from compiler.plan.model import Plan, Task, TaskKind
from compiler.values.elapsed import duration
from stagecast.execution.processes import tail
from stagecast.execution.progress.tally import IDLE, PAST, printable, title
from stagecast.execution.runner import Outcome, Record, Result

_LOG_LINES = 12
_LISTED = 8


@dataclass(frozen=True, slots=True)
class Report:
    """A run that is over.

    The plan's tasks and the result's records go together; `log` gives a task's
    log by its index; `again` is the command that goes on.
    """

    plan: Plan
    result: Result
    seconds: float
    trace: Path
    log: Callable[[int], Path]
    again: str

    @property
    def outcome(self) -> str:
        """Done, failed or interrupted; what failed has failed, interrupted or not."""
        if self.result.ok:
            return "done"
        failed = any(record.outcome is Outcome.FAILED for record in self.result.records)
        return "interrupted" if self.result.interrupts and not failed else "failed"


def text(report: Report) -> str:
    """For people."""
    lines = [f"{report.plan.environment}: {report.outcome}, {duration(report.seconds)}{_counts(report)}"]
    lines += _failures(report)
    for started, words in ((True, "ended early"), (False, "not started")):
        names = [
            title(task)
            for task, record in _pairs(report)
            if record.outcome is Outcome.CANCELLED and (record.start_s is not None) is started
        ]
        if names:
            more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
            lines.append(f"  {words}: {', '.join(names[:_LISTED])}{more}")
    lines.append(f"  trace: {report.trace}")
    if not report.result.ok:
        lines.append(f"  to go on: {report.again}   (what is done is not done again)")
    return "".join(f"{printable(line)}\n" for line in lines)


def document(report: Report) -> str:
    """For programs: one JSON object; times are seconds since the epoch."""
    tasks = [
        {
            "id": task.id,
            "kind": task.kind.value,
            "services": list(task.services),
            "stage": task.stage,
            "outcome": record.outcome.value,
            "reason": record.reason or None,
            "start": None if record.start_s is None else round(record.start_s, 3),
            "end": None if record.end_s is None else round(record.end_s, 3),
        }
        for task, record in _pairs(report)
    ]
    found = {
        "environment": report.plan.environment,
        "plan": report.plan.digest,
        "outcome": report.outcome,
        "seconds": round(report.seconds, 3),
        "trace": str(report.trace),
        "tasks": tasks,
    }
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def _pairs(report: Report) -> list[tuple[Task, Record]]:
    """The tasks that do something, with what became of them."""
    return [
        (task, record)
        for task, record in zip(report.plan.tasks, report.result.records, strict=True)
        if task.kind is not TaskKind.GATE
    ]


def _failures(report: Report) -> Iterator[str]:
    """Every failure with the end of its log."""
    for index, (task, record) in enumerate(zip(report.plan.tasks, report.result.records, strict=True)):
        if record.outcome is Outcome.FAILED:
            log = report.log(index)
            yield f"  failed: {title(task)}: {record.reason}"
            yield from (f"    | {line}" for line in tail(log, _LOG_LINES))
            yield f"    log: {log}"


def _counts(report: Report) -> str:
    """`: 2 built, 1 already there; 3 deployed, 1 unchanged`; nothing when nothing was done."""
    parts = []
    for kind in PAST:
        outcomes = [record.outcome for task, record in _pairs(report) if task.kind is kind and task.services]
        counts = ((outcomes.count(Outcome.DONE), PAST[kind]), (outcomes.count(Outcome.SKIPPED), IDLE[kind]))
        said = ", ".join(f"{count} {word}" for count, word in counts if count)
        parts += [f"{kind.value}: {said}"] if said else []
    return f" ({'; '.join(parts)})" if parts else ""
