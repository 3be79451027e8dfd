"""What people see while a run goes, and what is said at its end."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from compiler.plan.model import Plan, TaskKind
from sim_plans import Service, container, make_plan
from stagecast.execution.progress.live import LiveProgress
from stagecast.execution.progress.plain import PlainProgress
from stagecast.execution.progress.tally import Tally, title
from stagecast.execution.runner import Outcome, Record, Result
from stagecast.execution.summary import Report, document, text

PLAN = make_plan([Service("api"), Service("web"), container("cache")])


def index_of(plan: Plan, task: str) -> int:
    return [each.id for each in plan.tasks].index(task)


def test_titles() -> None:
    task = PLAN.tasks[index_of(PLAN, "build:web")]
    assert title(task) == "build web"
    assert title(replace(task, services=tuple("abc"))) == "build a and 2 more"
    assert title(PLAN.tasks[0]) == "check"


def test_plain_lines() -> None:
    stream = io.StringIO()
    progress = PlainProgress(PLAN.tasks, stream, 100.0)
    build, deploy = index_of(PLAN, "build:web"), index_of(PLAN, "deploy:web")
    progress.started(build, Record(100.0, 101.0))
    progress.ended(build, Record(100.0, 101.0, 175.5, Outcome.DONE))
    progress.ended(deploy, Record(175.5, 175.5, 176.0, Outcome.FAILED, "no\nroom\x1b[31m"))
    progress.stopping("a step failed")
    assert stream.getvalue() == (
        "     1.0s  build web                     starts\n"
        "   1m 16s  build web                     built in 1m 14s\n"
        "   1m 16s  deploy web                    FAILED after 0.5s: no\ufffdroom\ufffd[31m\n"
        "   1m 16s  stopping                      "
        "a step failed: nothing new starts, what runs is waited for\n"
    )


@pytest.mark.parametrize("height", [8, 24, 60])
def test_a_screenful_with_hundreds_of_services(height: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the plan's size: the counts, what runs, and what ended last; and nothing scrolls away."""
    monkeypatch.setenv("LINES", str(height))
    monkeypatch.setenv("COLUMNS", "80")
    plan = make_plan([Service(f"service-{n:03}") for n in range(200)], builds=40)
    progress = LiveProgress("shop", plan.tasks, plan.limits, io.StringIO(), 0.0)
    try:
        builds = [n for n, task in enumerate(plan.tasks) if task.kind is TaskKind.BUILD]
        for index in builds[:40]:
            progress.started(index, Record(0.0, 1.0))
        for index in builds[:20]:
            progress.ended(index, Record(0.0, 1.0, 3.0, Outcome.DONE))
        lines = progress._lines(5.0)
        assert len(lines) <= height - 1
        screen = "\n".join(line.plain for line in lines)
        assert screen.startswith("shop  5.0s\n")
        assert "build  [##......................] 20/200, 20 running (at most 40)" in screen
        assert "> build service-020  4.0s" in screen
        if height == 60:
            assert "+ build service-019  built in 2.0s" in screen
        progress.stopping("interrupted")
        assert "interrupted: nothing new starts" in progress._lines(6.0)[0].plain
        progress.tick(6.0)
    finally:
        progress.close()


def test_a_failure_stays_above_the_screenful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    stream = io.StringIO()
    progress = LiveProgress("shop", PLAN.tasks, PLAN.limits, stream, 0.0)
    index = index_of(PLAN, "build:web")
    progress.started(index, Record(0.0, 1.0))
    progress.ended(index, Record(0.0, 1.0, 3.0, Outcome.FAILED, "[red]markup[/red] is text"))
    progress.close()
    assert "x build web: FAILED after 2.0s: [red]markup[/red] is text" in stream.getvalue()
    assert Console(file=stream).file is stream


def test_counts() -> None:
    tally = Tally(PLAN.tasks, 0.0)
    build = index_of(PLAN, "build:web")
    assert {kind.value: phase.total for kind, phase in tally.phases.items()} == {
        "build": 2, "mirror": 1, "deploy": 3,
    }  # fmt: skip
    tally.started(build, Record(0.0, 1.0))
    assert tally.running_of(TaskKind.BUILD) == 1
    tally.finished(build, Record(0.0, 1.0, 2.0, Outcome.FAILED))
    assert (tally.running_of(TaskKind.BUILD), tally.phases[TaskKind.BUILD].finished) == (0, 0)


def a_report(tmp_path: Path, changed: dict[str, Record], interrupts: int = 0) -> Report:
    done = Record(0.0, 0.0, 1.0, Outcome.DONE)
    records = tuple(changed.get(task.id, done) for task in PLAN.tasks)

    def log(index: int) -> Path:
        return tmp_path / f"{index}.log"

    return Report(
        PLAN, Result(records, interrupts), 75.0, tmp_path / "trace.jsonl", log, "stagecast run shop"
    )


def test_the_summary_of_a_run_that_is_done(tmp_path: Path) -> None:
    skipped = {"build:api": Record(0.0, 0.0, 0.0, Outcome.SKIPPED, "already there")}
    report = a_report(tmp_path, skipped)
    assert text(report) == (
        "shop: done, 1m 15s (build: 1 built, 1 already there; mirror: 1 mirrored; deploy: 3 deployed)\n"
        f"  trace: {tmp_path / 'trace.jsonl'}\n"
    )
    found = json.loads(document(report))
    assert (found["outcome"], found["environment"], found["seconds"]) == ("done", "shop", 75.0)
    assert [task["id"] for task in found["tasks"]] == [
        task.id for task in PLAN.tasks if task.kind is not TaskKind.GATE
    ]
    assert found["tasks"][1]["outcome"] == "skipped"


def test_the_summary_of_a_failure_says_why_and_how_to_go_on(tmp_path: Path) -> None:
    index = index_of(PLAN, "build:api")
    (tmp_path / f"{index}.log").write_text("first\n\nno space\x07 left\n")
    never = Record()
    report = a_report(
        tmp_path,
        {
            "build:api": Record(0.0, 0.0, 1.0, Outcome.FAILED, "exit code 1"),
            "build:web": Record(0.0, 0.0, 1.0, Outcome.CANCELLED, "ended"),
            **{f"deploy:{name}": never for name in ("api", "web", "cache")},
            "mirror:cache": never,
        },
    )
    assert text(report) == (
        "shop: failed, 1m 15s\n"
        "  failed: build api: exit code 1\n"
        "    | first\n"
        "    | no space\ufffd left\n"
        f"    log: {tmp_path / f'{index}.log'}\n"
        "  ended early: build web\n"
        "  not started: deploy api, deploy web, mirror cache, deploy cache\n"
        f"  trace: {tmp_path / 'trace.jsonl'}\n"
        "  to go on: stagecast run shop   (what is done is not done again)\n"
    )


def test_interrupted_or_failed(tmp_path: Path) -> None:
    never = {"deploy:web": Record()}
    assert a_report(tmp_path, never, interrupts=1).outcome == "interrupted"
    broken = never | {"deploy:api": Record(0.0, 0.0, 1.0, Outcome.FAILED, "x")}
    assert a_report(tmp_path, broken, interrupts=1).outcome == "failed"
    assert a_report(tmp_path, {}, interrupts=1).outcome == "done", "all came to its end all the same"
