"""One stage: mirror its prebuilt images, then install its releases, as many at once as the plan allows."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Event, Lock

from . import deployed, helm, kubernetes, preview, process, records, registry
from .charts import Chart, Charts
from .contract import Release, Stage, Task
from .deployed import Known, Note
from .pool import Status, run_tasks
from .report import cell, error, group, quote, say, summary
from .state import FORCE, Job, PipelineError, flag, number, numbers
from .trace import record, span

SHOWN = {Status.DONE: "deployed", Status.FAILED: "deployment error", Status.CANCELLED: "cancelled"}
UNCHANGED = "unchanged"

# The revisions of releases, by name: see `records.read`.
Revisions = Mapping[str, list[records.Revision]]


@dataclass(frozen=True)
class Prepared:
    """A release and all that is known before its turn comes: an unchanged one is not deployed.

    `note` is what the ConfigMap says of it, `last` its newest revision, `problem`
    why it cannot be deployed.
    """

    release: Release
    chart: Chart
    fingerprint: str | None
    unchanged: bool
    note: Note | None
    last: records.Revision | None
    problem: str | None = None


def deploy(job: Job) -> int:
    """Deploy the stage that STAGECAST_STAGE names, of it what STAGECAST_TASKS names. Gives the exit code."""
    queued = time.time()
    stage = _stage(job)
    tasks = [stage["tasks"][place] for place in numbers("STAGECAST_TASKS", len(stage["tasks"]))]
    if job.document["registries"] or job.document["logins"]:
        registry.log_in(job)
    known = Known()
    prepared: dict[str, Prepared] = {}
    if any(task["release"] for task in tasks):
        connect(job)
        known = deployed.read(job)
        prepared = prepare(job, tasks, known, records.read(job))
        _note_begun(job, prepared, known)
    run = _Run(job, known, prepared, queued)
    statuses = run.all(tasks, stage["parallelism"])
    shown = {task_id: SHOWN[status] for task_id, status in statuses.items()}
    _conclude(stage, tasks, shown | dict.fromkeys(run.unchanged, UNCHANGED))
    return 0 if all(status is Status.DONE for status in statuses.values()) else 1


def connect(job: Job) -> None:
    """Make the cluster reachable for helm and kubectl, and the namespace there. Raises PipelineError."""
    kubernetes.write_kubeconfig(job)
    records.require_secrets(job)
    if job.preview is None:
        kubernetes.ensure_namespace(job)
    else:
        preview.prepare(job)


def _stage(job: Job) -> Stage:
    place = number("STAGECAST_STAGE")
    if not 0 <= place < len(job.document["stages"]):
        raise PipelineError(f"STAGECAST_STAGE is {place}: there are {len(job.document['stages'])} stages")
    return job.document["stages"][place]


def prepare(job: Job, tasks: Iterable[Task], known: Known, revisions: Revisions) -> dict[str, Prepared]:
    """Find every release's chart and whether it must be deployed. Changes nothing."""
    charts, force = Charts(job), flag(FORCE)
    prepared = {}
    for task in tasks:
        if (release := task["release"]) is not None:
            note = known.notes.get(release["name"])
            last = records.newest(revisions.get(release["name"]))
            prepared[task["id"]] = _prepared(job, release, charts, note, last, force)
    return prepared


def _note_begun(job: Job, prepared: dict[str, Prepared], known: Known) -> None:
    """Note what is about to begin: should this run be killed, the next one knows its work from others'."""
    begun = {}
    for one in prepared.values():
        if not one.unchanged and one.problem is None:
            following = 1 if one.last is None else one.last.number + 1
            note = one.note or Note(None, None)
            begun[one.release["name"]] = Note(note.revision, note.fingerprint, following)
    deployed.write(job, known, begun)


def _prepared(
    job: Job,
    release: Release,
    charts: Charts,
    note: Note | None,
    last: records.Revision | None,
    force: bool,
) -> Prepared:
    try:
        chart = charts.of(release)
        fingerprint = deployed.fingerprint(job, release, chart, helm.image_flags(job, release))
    except PipelineError as problem:
        return Prepared(release, Chart(""), None, False, note, last, str(problem))
    unchanged = (
        not force
        and note is not None
        and last is not None
        and fingerprint is not None
        and fingerprint == note.fingerprint
        and last == records.Revision(note.revision or 0, records.DEPLOYED)
    )
    return Prepared(release, chart, fingerprint, unchanged, note, last)


class _Run:
    """The tasks of a stage while they run: what they need to know, and what is known of them after."""

    def __init__(self, job: Job, known: Known, prepared: dict[str, Prepared], queued: float) -> None:
        self.job, self.known, self.prepared, self.queued = job, known, prepared, queued
        self.unchanged: set[str] = set()
        self._tasks: dict[str, Task] = {}
        self._log, self._stop, self._hurry = Lock(), Event(), Event()

    def all(self, tasks: Sequence[Task], parallelism: int) -> dict[str, Status]:
        """Run the tasks; gives how each ended."""
        self._tasks = {task["id"]: task for task in tasks}
        for signum in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signum, lambda *_: self._interrupted())
        needs = {task["id"]: task["needs"] for task in tasks}
        statuses = run_tasks(needs, parallelism, self._execute, self._stop)
        now = time.time()
        for task_id, status in statuses.items():
            if status is Status.CANCELLED:
                record(task_id, _step(self._tasks[task_id]), now, now, "cancelled")
        return statuses

    def _interrupted(self) -> None:
        """At the first signal nothing new starts and what runs may finish; at the second it is ended."""
        if self._stop.is_set():
            self._hurry.set()
            process.end_running()
        self._stop.set()

    def _failed(self) -> bool:
        """No more starts while a failure is explained and undone; that too is not begun in a hurry."""
        self._stop.set()
        return not self._hurry.is_set()

    def _execute(self, task_id: str) -> bool:
        task = self._tasks[task_id]
        started = time.time()
        if task["release"] is not None and self.prepared[task_id].unchanged:
            self.unchanged.add(task_id)
            record(task_id, "deployment", started, started, "skipped")
            say(f"{_title(task)}: {UNCHANGED}")
            return True
        if task["release"] is not None:
            record(task_id, "deployment queueing", self.queued, started, "done")
        say(f"start: {_title(task)}")
        ok, output = self._attempt(task)
        ended = f"{_title(task)}: {'done' if ok else 'FAILED'}, {time.time() - started:.1f} s"
        with self._log, group(ended):
            quote(output)
        if not ok:
            error(f"{_title(task)} failed")
        return ok

    def _attempt(self, task: Task) -> tuple[bool, str]:
        with span(task["id"], _step(task)) as step:
            try:
                if task["mirror"] is not None and registry.exists(self.job, task["mirror"]["present"]):
                    step.outcome = "skipped"
                    return True, f"{task['mirror']['present']} is already there\n"
                ok, output = self._mirror(task) if task["mirror"] is not None else self._deploy(task)
            except Exception as problem:
                # A task that breaks is a task that failed: the others still count.
                ok = False
                output = str(problem) if isinstance(problem, PipelineError) else repr(problem)
            if not ok:
                step.outcome = "failed"
        return ok, output

    def _mirror(self, task: Task) -> tuple[bool, str]:
        assert task["mirror"] is not None
        outcome = registry.mirror(
            self.job, task["mirror"], retries=task["retries"], timeout_s=task["timeout_s"]
        )
        return outcome.ok, outcome.output

    def _deploy(self, task: Task) -> tuple[bool, str]:
        one = self.prepared[task["id"]]
        if one.problem is not None:
            return False, one.problem
        result = helm.upgrade(
            self.job,
            one.release,
            one.chart,
            task["timeout_s"],
            last=one.last,
            begun=one.note.begun if one.note is not None else None,
            failed=self._failed,
        )
        if result.ok and one.fingerprint is not None and result.revision is not None:
            deployed.write(
                self.job, self.known, {one.release["name"]: Note(result.revision, one.fingerprint)}
            )
        return result.ok, result.output


def _step(task: Task) -> str:
    return "mirror image" if task["mirror"] is not None else "deployment"


def _title(task: Task) -> str:
    return f"{'mirror' if task['mirror'] is not None else 'deploy'} {task['name']}"


def _conclude(stage: Stage, tasks: Sequence[Task], shown: dict[str, str]) -> None:
    rows = [f"| {cell(_title(task))} | {shown[task['id']]} |" for task in tasks]
    summary([f"### {cell(stage['name'])}", "", "| task | status |", "|---|---|", *rows])
    for task in tasks:
        say(f"{_title(task)}: {shown[task['id']]}")
