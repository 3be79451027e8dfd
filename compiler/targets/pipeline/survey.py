"""The check, and then which deployments would change something; changes nothing itself."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import deployed, kubernetes, records, registry
from .check import QUERIES_AT_ONCE, check
from .contract import Task
from .deploy import prepare
from .report import group, say
from .state import Job, PipelineError

FILE = "STAGECAST_SURVEY"


def survey(job: Job) -> int:
    """Check as `check` does, then ask registry and cluster for everything that is to be deployed.

    STAGECAST_SURVEY names the file that gets {"idle": [TASK...], "problems": {TASK: TEXT}}:
    the mirrors and releases with nothing to do, and the releases that cannot be
    deployed. Gives the exit code.
    """
    code = check(job)
    if code:
        return code
    tasks = [task for stage in job.document["stages"] for task in stage["tasks"]]
    idle = [*_copied(job, tasks)]
    problems: dict[str, str] = {}
    if any(task["release"] for task in tasks):
        kubernetes.write_kubeconfig(job)
        revisions, known = records.read(job), deployed.read(job)
        for task_id, one in prepare(job, tasks, known, revisions).items():
            if one.problem is not None:
                problems[task_id] = one.problem
            elif one.unchanged:
                idle.append(task_id)
    with group("deployments"):
        for task in tasks:
            state = "nothing to do" if task["id"] in idle else problems.get(task["id"], "to be done")
            say(f"{task['id']}: {state}")
    _keep(idle, problems)
    return 0


def _copied(job: Job, tasks: list[Task]) -> Iterator[str]:
    """The mirrors whose copy is there."""
    mirrors = [(task["id"], task["mirror"]["present"]) for task in tasks if task["mirror"] is not None]
    with ThreadPoolExecutor(QUERIES_AT_ONCE) as pool:
        answers = pool.map(lambda pair: registry.exists(job, pair[1]), mirrors)
        yield from (task_id for (task_id, _), there in zip(mirrors, answers, strict=True) if there)


def _keep(idle: list[str], problems: dict[str, str]) -> None:
    path = os.environ.get(FILE)
    if not path:
        return
    try:
        Path(path).write_text(json.dumps({"idle": idle, "problems": problems}), encoding="utf-8")
    except OSError as error:
        raise PipelineError(f"{FILE} cannot be written: {error}") from error
