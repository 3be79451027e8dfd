"""What runs leave behind, and that an environment has one run at a time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stagecast.execution.folder import TRACES_KEPT, AnotherRun, RunFolder, run_folder


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "state" / "shop")


def test_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the repository's real path: two checkouts of one name do not meet, and nothing lies in them."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("a/shop", "b/shop"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a/shop")
    first, second, linked = (
        run_folder(tmp_path / name, "prod").path for name in ("a/shop", "b/shop", "link")
    )
    assert first == linked != second
    assert first.relative_to(tmp_path / "state" / "stagecast").parts[0].startswith("shop-")
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert run_folder(tmp_path, "prod").path.is_relative_to(tmp_path / "home" / ".local" / "state")


def test_one_run_at_a_time(folder: RunFolder) -> None:
    with folder.held():
        folder.remember("digest", "running", 0.0, {})
        with pytest.raises(AnotherRun) as other, folder.held():
            pass
        assert other.value.pid == os.getpid()
    with folder.held() as (_, busy):
        assert not busy


def test_what_a_killed_run_left_running_is_waited_for(folder: RunFolder) -> None:
    """A child inherits the lock, as `Processes` hands it over, and keeps it when the run is gone."""
    with folder.held() as (lock, _):
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(lock,))
    with folder.held() as (lock, busy):
        assert busy
        started_s = time.monotonic()
        assert child.stdin is not None
        child.stdin.close()
        folder.wait_for_others(lock)
        child.wait(10)
        assert time.monotonic() - started_s < 10


def test_what_is_remembered(folder: RunFolder) -> None:
    assert folder.last() is None
    folder.remember("digest", "interrupted", 12.5, {"build:a": "done", "deploy:a": "waiting"})
    last = folder.last()
    assert last is not None
    assert (last.outcome, last.started_s, last.tasks, last.left) == (
        "interrupted",
        12.5,
        {"build:a": "done"},
        1,
    )
    assert (folder.path / "state.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("text", ["", "[]", "{", '{"version": 9}', '{"version": 1, "tasks": 3}', "\udc80"])
def test_a_memory_that_nobody_can_read_is_none(folder: RunFolder, text: str) -> None:
    folder.path.mkdir(parents=True)
    (folder.path / "state.json").write_bytes(text.encode(errors="surrogateescape"))
    assert folder.last() is None
    with folder.held(), pytest.raises(AnotherRun) as other, folder.held():
        pass
    assert other.value.pid is None


def test_old_traces_go_away(folder: RunFolder) -> None:
    for number in range(TRACES_KEPT + 5):
        folder.trace(1_000_000_000 + number / 4).touch()
    kept = sorted(path.name for path in (folder.path / "traces").iterdir())
    assert len(kept) == TRACES_KEPT
    assert kept[-1] == "20010909T014646.000Z.jsonl"


def test_a_private_folder_and_what_a_killed_run_left_of_its_own(folder: RunFolder) -> None:
    with folder.held():
        (folder.path / "scratch-old" / "docker").mkdir(parents=True)
        with folder.scratch() as scratch:
            assert [path.name for path in folder.path.glob("scratch-*")] == [scratch.name]
            assert scratch.stat().st_mode & 0o077 == 0
        assert not scratch.exists()
