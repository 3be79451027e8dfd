"""Builds: fetch the source, have the image built and pushed, and say what came of it."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

from . import git, registry, trace
from .builders import Command, Engine, Order, chosen, size
from .content import ignore_file
from .contract import Build
from .found import commits, tags
from .process import TIMED_OUT, Outcome, follow
from .report import error, fenced, group, say
from .state import FORCE, Job, PipelineError, flag, number, numbers

BUILDS = "STAGECAST_BUILDS"

# How the builders say that an instruction itself failed, and that the kernel ended a process of it.
_STEP_FAILED = (
    "did not complete successfully",
    "executor failed running",
    "building at STEP",
    "while running runtime",
)
# Image and cache are pushed at once and share layers: a registry may take one upload for the other.
_OVERLAPPED = ("did not match uploaded content", "blob unknown to registry", "blob upload unknown")
_KILLED = ("exit code: 137", "exit status 137", "signal: killed", "exited on killed")


def build(job: Job) -> int:
    """Build the images that the environment names, one after another, unless they are there.

    STAGECAST_BUILDS holds places in the document's builds; a job of GitHub's
    matrix is told STAGECAST_GROUP and STAGECAST_BUILD. Nothing is built after a
    failure. Gives the exit code.
    """
    indices = _indices(job)
    name, engine = chosen()
    registry.log_in(job)
    say(f"builder: {name}")
    return 0 if all(_build(job, engine, index) for index in indices) else 1


def _indices(job: Job) -> list[int]:
    builds, groups = job.document["builds"], job.document["groups"]
    if os.environ.get(BUILDS):
        return numbers(BUILDS, len(builds))
    place, position = number("STAGECAST_GROUP"), number("STAGECAST_BUILD")
    if not (0 <= place < len(groups) and 0 <= position < len(groups[place])):
        raise PipelineError("STAGECAST_GROUP and STAGECAST_BUILD name no build")
    return [groups[place][position]]


def _build(job: Job, engine: Engine, index: int) -> bool:
    """One build. Gives whether the image is there afterwards; raises PipelineError."""
    task = job.document["builds"][index]
    tag, source_commits = tags().get(index), commits()
    if tag is None or task["source"] >= len(source_commits):
        raise PipelineError(f"{task['name']}: the check found no tag or commit for it: run it again")
    image = f"{task['repository']}:{tag}"
    if not flag(FORCE) and registry.exists(job, image):
        say(f"{task['name']}: {image} is already there")
        trace.record(task["id"], "build", now := time.time(), now, "skipped")
        return True
    ends = time.monotonic() + task["timeout_s"]
    with trace.span(task["id"], "git clone"), group(f"git clone: {task['name']}"):
        source = job.document["sources"][task["source"]]
        repository = git.check_out(job, source, source_commits[task["source"]])
        say(f"commit {repository.commit}")
    folder = Path(tempfile.mkdtemp(dir=job.scratch, prefix="build-"))
    try:
        order = Order(job, task, repository, image, folder, ignore_file(repository, task))
        with trace.span(task["id"], "build") as running:
            outcome = _run(engine, order, ends, running)
            running.outcome = "done" if outcome.ok else "failed"
    finally:
        # Secrets of one build are not left for the next.
        shutil.rmtree(folder, ignore_errors=True)
    if not outcome.ok:
        error(f"{task['name']}: {_failure(task, outcome)}")
    return outcome.ok


def _run(engine: Engine, order: Order, ends: float, running: trace.Span) -> Outcome:
    """Run the commands of a build, as far as they succeed. Gives how the last one ended."""
    task = order.task
    say(engine.limits(task))
    with engine.builder(order.job, task) as builder:
        outcome = Outcome(0, "")
        for command in engine.commands(order, builder):
            with group(f"{' '.join(command.argv[:2])}: {task['name']}"), fenced():
                outcome = _attempt(engine, command, ends, running)
            if not outcome.ok and command.required:
                break
            if not outcome.ok:
                say(f"it goes on without the cache ({outcome.ended}): {outcome.said[-300:]}")
                outcome = Outcome(0, "")
    hits, misses = running.cache or (0, 0)
    say(f"{task['name']}: {hits} of {hits + misses} layers from the cache")
    return outcome


def _attempt(engine: Engine, command: Command, ends: float, running: trace.Span) -> Outcome:
    """Run a command, its output to the log; again where a server was not there for a moment."""

    def attempt() -> Outcome:
        counter = engine.layers()

        def each(line: str) -> None:
            print(line, flush=True)
            counter.see(line)

        left_s = max(1.0, ends - time.monotonic())
        outcome = follow(command.argv, each, timeout_s=left_s, env=command.environment)
        # What a first attempt had to build, a second one finds in the cache.
        running.cache = max(running.cache or (0, 0), counter.counted(), key=lambda counted: counted[1])
        return outcome

    return registry.again(attempt, _may_pass, ends=ends)


def _may_pass(outcome: Outcome) -> bool:
    """Whether a failure may go away by itself: not that of an instruction, not a command that was killed."""
    own = any(phrase in outcome.output for phrase in _STEP_FAILED)
    overlapped = any(phrase in outcome.output for phrase in _OVERLAPPED)
    passing = overlapped or registry.unreachable(outcome.output)
    return 0 < outcome.code != TIMED_OUT and not own and passing


def _failure(task: Build, outcome: Outcome) -> str:
    """What the log's reader must know of a build that failed."""
    if outcome.code == TIMED_OUT:
        return f"the build was ended after {task['timeout_s']} s, its timeout"
    lines = [line.strip() for line in outcome.output.splitlines() if line.strip(" -\t\r")]
    hint = ""
    if any(sign in outcome.output for sign in _KILLED):
        hint = f" (a process was killed, as when it needs more than the build's {size(task)})"
    return f"the build failed ({outcome.ended}){': ' + lines[-1] if lines else ''}{hint}"
