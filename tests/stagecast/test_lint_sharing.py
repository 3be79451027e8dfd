"""Lint on several processes: the same as on one, whatever becomes of the others."""

from __future__ import annotations

import multiprocessing
import os
import sys

import pytest

from compiler.source import SourceFile
from stagecast.linting import sharing
from stagecast.linting.inputs import Case
from stagecast.linting.judging import Judged, Settings, judge

pytestmark = [
    pytest.mark.skipif(
        sys.platform != "linux", reason="NO FORKED PROCESSES HERE: lint uses one on this system"
    ),
    # The test runner has a thread; the command has none.
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]

TEXTS = (
    "FROM python\nCOPY . .\nRUN pip install -r requirements.txt\n",
    "FROM node:22\nCOPY . /app\nRUN apt-get update && apt-get install -y curl\n",
    "FROM alpine:3.20\n",
    "FROM\nRUNN x\n",
    "# stagecast: ignore[STC901]\nFROM debian:12\nRUN apt-get update\n",
    'FROM golang:1.23\nWORKDIR /src\nCOPY . .\nRUN go mod download && go build -o /app .\nCMD ["/app"]\n',
)
SETTINGS = Settings(0.0, history=False)


@pytest.fixture
def cases() -> list[Case]:
    """Two of each text, and one more, so that shares differ in length."""
    texts = (*TEXTS, *TEXTS, TEXTS[0])
    return [Case(SourceFile(f"{number}/Dockerfile", text)) for number, text in enumerate(texts)]


def said(judged: list[Judged]) -> list[object]:
    return [(each.case, each.findings, each.others, each.why_assumed) for each in judged]


@pytest.mark.parametrize("processes", [2, 3, 20])
def test_several_processes_find_what_one_finds_in_the_same_order(cases: list[Case], processes: int) -> None:
    alone = sharing.judge_all(cases, SETTINGS, processes=1)
    assert sum(bool(each.findings) for each in alone) >= 7
    assert sum(bool(each.others) for each in alone) >= 4
    assert said(sharing.judge_all(cases, SETTINGS, processes)) == said(alone)
    assert not multiprocessing.active_children()


def test_the_share_of_a_process_that_dies_is_judged_all_the_same(
    cases: list[Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "_judge_share", lambda *_: os._exit(1))
    assert said(sharing.judge_all(cases, SETTINGS, 3)) == said(sharing.judge_all(cases, SETTINGS, 1))


def test_where_no_process_can_be_started_one_does_it_all(
    cases: list[Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []

    def start(*arguments: object) -> object:
        if started:
            raise OSError("no more processes")
        started.append(1)
        return original(*arguments)  # type: ignore[arg-type]

    original = sharing._start
    monkeypatch.setattr(sharing, "_start", start)
    assert said(sharing.judge_all(cases, SETTINGS, 4)) == said(sharing.judge_all(cases, SETTINGS, 1))


def test_what_cannot_be_read_is_told_once_and_by_the_caller(
    cases: list[Case], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refusing(case: Case, settings: Settings) -> Judged:
        if case is cases[4]:
            raise PermissionError(13, "not for you", "stagecast.yaml")
        return judge(case, settings)

    monkeypatch.setattr(sharing, "judge", refusing)
    with pytest.raises(PermissionError, match="not for you"):
        sharing.judge_all(cases, SETTINGS, 3)
    assert capfd.readouterr() == ("", "")
    assert not multiprocessing.active_children()


def test_nothing_runs_on_when_the_caller_is_interrupted(
    cases: list[Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = os.getpid()

    def interrupted(case: Case, settings: Settings) -> Judged:
        if os.getpid() == caller:
            raise KeyboardInterrupt
        return judge(case, settings)

    monkeypatch.setattr(sharing, "judge", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sharing.judge_all(cases, SETTINGS, 3)
    assert not multiprocessing.active_children()
