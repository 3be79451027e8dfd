"""One stage: mirror its prebuilt images, then install its releases, as many at once as the plan allows."""

from __future__ import annotations

import base64
import binascii
import signal
import time
from contextlib import suppress
from threading import Event, Lock

from . import helm, registry
from .contract import KUBE_CONFIG, Stage, Task
from .pool import Status, run_tasks
from .process import Outcome
from .report import cell, error, group, quote, say, summary
from .state import Job, number

SHOWN = {Status.DONE: "deployed", Status.FAILED: "deployment error", Status.CANCELLED: "cancelled"}


def deploy(job: Job) -> int:
    """Deploy the stage that STAGECAST_STAGE names. Gives the exit code."""
    stage = job.document["stages"][number("STAGECAST_STAGE")]
    if job.document["registries"] or job.document["logins"]:
        registry.log_in(job)
    if any(task["release"] for task in stage["tasks"]):
        _write_kubeconfig(job)
        helm.ensure_namespace(job)
    statuses = _run(job, stage)
    _conclude(stage, statuses)
    return 0 if all(status is Status.DONE for status in statuses.values()) else 1


def _run(job: Job, stage: Stage) -> dict[str, Status]:
    tasks = {task["id"]: task for task in stage["tasks"]}
    stop, log = Event(), Lock()
    # A cancelled job gets a signal and some seconds: nothing new starts, what runs may finish.
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda *_: stop.set())

    def execute(name: str) -> bool:
        task = tasks[name]
        started = time.monotonic()
        say(f"start: {_title(task)}")
        outcome = _execute(job, task)
        with (
            log,
            group(
                f"{_title(task)}: {'done' if outcome.ok else 'FAILED'}, {time.monotonic() - started:.1f} s"
            ),
        ):
            quote(outcome.output)
        if not outcome.ok:
            error(f"{_title(task)} failed")
        return outcome.ok

    return run_tasks(
        {name: task["needs"] for name, task in tasks.items()}, stage["parallelism"], execute, stop
    )


def _execute(job: Job, task: Task) -> Outcome:
    try:
        if task["mirror"] is not None:
            return registry.mirror(job, task["mirror"], retries=task["retries"], timeout_s=task["timeout_s"])
        return helm.upgrade(job, task)
    except Exception as problem:
        # A task that breaks is a task that failed: the others still count.
        return Outcome(1, f"{type(problem).__name__}: {problem}")


def _title(task: Task) -> str:
    return f"{'mirror' if task['mirror'] is not None else 'deploy'} {task['name']}"


def _conclude(stage: Stage, statuses: dict[str, Status]) -> None:
    rows = [f"| {cell(_title(task))} | {SHOWN[statuses[task['id']]]} |" for task in stage["tasks"]]
    summary([f"### {cell(stage['name'])}", "", "| task | status |", "|---|---|", *rows])
    for task in stage["tasks"]:
        say(f"{_title(task)}: {SHOWN[statuses[task['id']]]}")


def _write_kubeconfig(job: Job) -> None:
    """Put the cluster's credentials, plain or base64, where helm and kubectl look."""
    value = job.secret(KUBE_CONFIG)
    with suppress(binascii.Error, ValueError):
        value = base64.b64decode("".join(value.split()), validate=True).decode()
    path = job.scratch / "kubeconfig"
    path.touch(mode=0o600)
    path.write_text(value, encoding="utf-8")
