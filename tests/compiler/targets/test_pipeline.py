"""The scripts that run on a CI runner, one by one: commands, the pool, Git, tags, the log."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.targets.pipeline import content, git, pool, report
from compiler.targets.pipeline.contract import Build, Document
from compiler.targets.pipeline.process import TIMED_OUT, run
from compiler.targets.pipeline.state import PipelineError
from pipeline_plans import github_outputs, rich_plan
from stub_tools import a_job, commit

HOSTILE = ["$(id)", "`id`", "${{ github.token }}", "'\"\\", "a\nb", " ", "--x", "é\u2028", "%0A", "*", ""]


@pytest.fixture
def document() -> Document:
    data: Document = github_outputs(rich_plan())[1]  # type: ignore[assignment]
    return data


# --- commands


def test_a_command_gets_its_arguments_and_environment_byte_for_byte() -> None:
    code = "import json, os, sys; print(json.dumps([sys.argv[1:], os.environ['TEXT']]))"
    for text in HOSTILE:
        outcome = run([sys.executable, "-c", code, *HOSTILE], env={"TEXT": text}, timeout_s=20)
        assert json.loads(outcome.output) == [HOSTILE, text]


def test_a_command_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    started = time.monotonic()
    outcome = run(["sh", "-c", f"(sleep 3; touch '{mark}') & echo begun; wait"], timeout_s=0.5)
    assert (outcome.code, time.monotonic() - started < 2.5) == (TIMED_OUT, True)
    assert outcome.output.startswith("begun")
    time.sleep(3)
    assert not mark.exists()


def test_a_missing_program_is_a_failure_and_no_traceback() -> None:
    assert run(["no-such-program-here"], timeout_s=1).code == 127


# --- the pool

GRAPHS = st.integers(1, 8).flatmap(
    lambda size: st.tuples(
        *(st.lists(st.integers(0, max(0, n - 1)), max_size=2, unique=True) for n in range(size))
    )
)


@given(GRAPHS, st.integers(1, 4), st.sets(st.integers(0, 7), max_size=2))
def test_the_pool_holds_its_cap_its_order_and_stops_after_a_failure(
    graph: tuple[list[int], ...], parallelism: int, failing: set[int]
) -> None:
    needs = {str(n): [str(need) for need in before if need < n] for n, before in enumerate(graph)}
    lock, running, most = threading.Lock(), set[str](), 0
    started: list[str] = []
    ended: list[str] = []
    failed_at: list[int] = []

    def execute(name: str) -> bool:
        nonlocal most
        with lock:
            assert set(needs[name]) <= set(ended)
            running.add(name)
            started.append(name)
            most = max(most, len(running))
        time.sleep(0.0005)
        with lock:
            running.discard(name)
            ended.append(name)
            if int(name) in failing:
                failed_at.append(len(started))
        return int(name) not in failing

    statuses = pool.run_tasks(needs, parallelism, execute, threading.Event())
    assert most <= parallelism
    assert list(statuses) == list(needs)
    assert {n for n, s in statuses.items() if s is not pool.Status.CANCELLED} == set(started)
    assert {n for n, s in statuses.items() if s is pool.Status.FAILED} == set(started) & set(
        map(str, failing)
    )
    if not failing & set(range(len(needs))):
        assert len(started) == len(needs)
    if failed_at:
        # Between the failure and its being seen, slots that were free already may be taken.
        assert len(started) <= failed_at[0] + parallelism


def test_one_slot_is_the_order_of_the_queue() -> None:
    started: list[str] = []
    needs = {"a": ["c"], "b": [], "c": [], "d": ["elsewhere"]}
    pool.run_tasks(needs, 1, lambda name: not started.append(name), threading.Event())  # type: ignore[func-returns-value]
    assert started == ["b", "c", "a", "d"]


SIGNALLED = """
import os, signal, threading
from compiler.targets.pipeline import pool

for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda number, _: os.write(1, b"T" if number == signal.SIGTERM else b"I"))
end = threading.Event()
os.write(1, b".")
pool.run_tasks({"a": []}, 1, lambda _: end.wait(60), threading.Event())
"""


def test_of_two_signals_at_once_none_waits_for_a_task_to_end() -> None:
    """The second may come when the first has ended a wait and the next has not begun."""
    with subprocess.Popen([sys.executable, "-c", SIGNALLED], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.read(1) == b"."
            time.sleep(0.2)
            for _ in range(400):
                process.send_signal(signal.SIGTERM)
                process.send_signal(signal.SIGINT)
                heard = b""
                while len(heard) < 2:
                    ready, _, _ = select.select([process.stdout], [], [], 10)
                    assert ready, f"only {heard!r} was heard"
                    heard += os.read(process.stdout.fileno(), 2)
                assert sorted(heard) == sorted(b"TI")
        finally:
            process.kill()


def test_needs_in_a_circle_and_broken_tasks_end_the_pool() -> None:
    circle = pool.run_tasks({"a": ["b"], "b": ["a"]}, 2, lambda _: True, threading.Event())
    assert set(circle.values()) == {pool.Status.CANCELLED}

    def broken(_: str) -> bool:
        raise OSError

    assert pool.run_tasks({"a": []}, 1, broken, threading.Event()) == {"a": pool.Status.FAILED}


# --- Git and content tags


def repository_with(folder: Path, **files: str) -> git.Repository:
    commit(folder, {name.replace("__", "/"): text for name, text in files.items()})
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True
    )
    return git.Repository(str(folder), head.stdout.strip(), dict(os.environ))


def tag(repository: git.Repository, build: Build) -> str:
    return content.content_tag(repository, build)


@pytest.fixture
def local_build(document: Document) -> Build:
    return {**document["builds"][0], "context": "web", "dockerfile": "./web//Dockerfile"}


def test_the_tag_changes_with_what_the_build_reads_and_with_nothing_else(
    tmp_path: Path, local_build: Build
) -> None:
    first = repository_with(tmp_path, web__Dockerfile="FROM scratch\n", web__a="1", other__a="1")
    base = tag(first, local_build)
    assert base == tag(first, local_build)
    assert len(base) == len("content-") + 32
    elsewhere = repository_with(tmp_path, other__a="2")
    assert elsewhere.commit != first.commit
    assert tag(elsewhere, local_build) == base
    changed = repository_with(tmp_path, web__a="2")
    variants: list[tuple[git.Repository, dict[str, Any]]] = [
        (changed, {}),
        (repository_with(tmp_path, web__a="1", web__b="1"), {}),
        (first, {"target": "other"}),
        (first, {"arguments": [("A", "b")]}),
        (first, {"platforms": ["linux/arm64"]}),
        (first, {"context": "."}),
        (first, {"dockerfile": "web/a"}),
    ]
    tags = [base, *(tag(where, {**local_build, **changes}) for where, changes in variants)]  # type: ignore[typeddict-item]
    (tmp_path / "web" / "a").chmod(0o755)
    tags.append(tag(repository_with(tmp_path), local_build))
    assert len(set(tags)) == len(tags)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("# syntax=x\nARG V=1\nfrom a:$V AS b\n", None),
        ("RUN true\n", "has no FROM"),
        ("FROM \n", "FROM without an image"),
        ("", "has no FROM"),
    ],
)
def test_a_dockerfile_must_have_a_stage(
    tmp_path: Path, local_build: Build, text: str, problem: str | None
) -> None:
    repository = repository_with(tmp_path, web__Dockerfile=text)
    found = content.dockerfile_problem(repository, local_build)
    assert (found is None) if problem is None else (problem in (found or ""))
    assert "no Dockerfile" in (
        content.dockerfile_problem(repository, {**local_build, "dockerfile": "x"}) or ""
    )
    with pytest.raises(PipelineError, match="no folder"):
        tag(repository, {**local_build, "context": "../x"})


def test_another_repository_is_looked_up_and_checked_out_at_the_same_commit(
    tmp_path: Path, document: Document
) -> None:
    repository_with(tmp_path / "origin", web__Dockerfile="FROM scratch\n")
    job = a_job(tmp_path / "job", document)
    source: Any = {"repository": f"file://{tmp_path / 'origin'}", "ref": "main", "credentials": None}
    found = git.look_up(job, source)
    assert found.object_at("web/Dockerfile")
    later = repository_with(tmp_path / "origin", web__new="x")
    assert later.commit != found.commit
    checked_out = git.check_out(job, source, found.commit)
    assert (Path(checked_out.path) / "web" / "Dockerfile").read_text() == "FROM scratch\n"
    assert not (Path(checked_out.path) / "web" / "new").exists()
    with pytest.raises(PipelineError, match="fetch failed"):
        git.look_up(job, source | {"ref": "no-such-branch"})


def test_a_token_goes_to_the_host_of_its_source_only(tmp_path: Path, document: Document) -> None:
    job = a_job(tmp_path, document, SECRET_GIT__TOKEN="hidden")
    environment = git.environment_of(job, document["sources"][0])
    assert environment["GIT_CONFIG_KEY_0"] == "http.https://git.example.com/.extraheader"
    assert "hidden" not in str(environment)
    with pytest.raises(PipelineError, match="SECRET_GIT__TOKEN is not set"):
        git.environment_of(replace(job, secrets={}), document["sources"][0])


# --- the log


def test_the_log_obeys_us_and_nobody_else(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    report.error("a\n::set-output name=x::y%")
    report.quote("::error::from a build")
    with report.group("g\n::x::"):
        report.say("one\nline")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "::error::a%0A::set-output name=x::y%25"
    token = lines[1].removeprefix("::stop-commands::")
    assert len(token) == 32
    assert lines[2] == "::error::from a build"
    assert lines[4] == f"::{token}::"
    assert lines[5:] == ["::group::g%0A::x::", "one\\nline", "::endgroup::"]
    assert report.cell("a|b\n<i>") == "a&#124;b&#10;&#60;i&#62;"
