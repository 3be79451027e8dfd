from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from compiler.plan.model import Strategy, TaskKind
from sim_plans import Service, container, database, make_plan
from simulator.forecast import RunTrace, Step
from simulator.report import gantt
from simulator.report.figures import duration, percent, some
from simulator.report.text import render, render_for
from simulator.run import forecast
from test_forecast import by_hand, mixed

GOLDENS = Path(__file__).parent / "goldens"


@pytest.mark.parametrize("strategy", list(Strategy), ids=lambda strategy: strategy.value)
def test_the_report_of_a_mixed_plan(strategy: Strategy, golden: Any) -> None:
    golden(GOLDENS / f"forecast-{strategy.value}.txt", render(mixed(strategy, runs=500)))


def test_the_report_when_nothing_is_assumed_but_correlation(golden: Any) -> None:
    golden(GOLDENS / "forecast-fixed.txt", render(by_hand()))


@pytest.mark.parametrize("width", [20, 60, 80, 100, 300])
@pytest.mark.parametrize("count", [1, 10, 200])
def test_it_fits_a_screen(width: int, count: int) -> None:
    services = [
        Service(f"a-rather-long-service-name-{number:03d}", f"stage-{number // 8}") for number in range(count)
    ]
    lines = render(forecast(make_plan(services), runs=20), width=width).splitlines()
    assert max(map(len, lines)) <= min(max(width, 60), 100)
    assert len(lines) <= (52 if width < 80 else 46)
    assert not any(line != line.rstrip() for line in lines)


def test_ten_services_at_the_usual_width_take_forty_lines() -> None:
    services = [database("db"), container("cache"), *(Service(f"app-{number}") for number in range(8))]
    assert len(render(forecast(make_plan(services), runs=50)).splitlines()) <= 40


def test_more_services_than_rows() -> None:
    text = render(forecast(make_plan([Service(f"s{number}") for number in range(25)]), runs=20))
    assert "+ 15 more" in text


def test_timeouts_are_said() -> None:
    plan = make_plan([Service("web")], timeouts={"build:web": 1})
    assert "hit in 100% of the runs: build:web 100%" in render(forecast(plan, runs=20))


def test_an_empty_plan_has_a_report() -> None:
    text = render(forecast(make_plan([], check=False), runs=20))
    assert "P50 0s" in text
    assert "Median run" not in text


class Stream(io.StringIO):
    def __init__(self, terminal: bool, encoding: str) -> None:
        super().__init__()
        self._terminal, self._encoding = terminal, encoding

    def isatty(self) -> bool:
        return self._terminal

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding


@pytest.mark.parametrize(
    ("terminal", "environ", "colored"),
    [
        (True, {}, True),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
        (False, {"FORCE_COLOR": "1"}, False),
    ],
)
def test_color_is_for_terminals_that_want_it(terminal: bool, environ: dict[str, str], colored: bool) -> None:
    found = by_hand()
    text = render_for(found, Stream(terminal, "utf-8"), environ)
    assert ("\x1b[" in text) == colored
    assert "▒" in text


def test_color_changes_no_text() -> None:
    import re

    found = by_hand()
    assert re.sub(r"\x1b\[[0-9;]*m", "", render(found, color=True)) == render(found)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "no-such-encoding"])
def test_streams_that_cannot_draw_get_ascii(encoding: str) -> None:
    text = render_for(mixed(), Stream(False, encoding), {})
    assert text.isascii()
    assert "#" in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.04, "0.0s"),
        (4.25, "4.2s"),
        (9.96, "10s"),
        (59.6, "1m 00s"),
        (372, "6m 12s"),
        (3599.6, "1h 00m"),
        (3720, "1h 02m"),
        (86_399, "1d 00h"),
        (1e9, "11574d 02h"),
    ],
)
def test_durations_are_written_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0%"), (0.001, "<1%"), (0.5, "50%"), (0.999, ">99%"), (1, "100%"), (1.5, "150%")],
)
def test_shares_are_written_for_people(share: float, text: str) -> None:
    assert percent(share) == text


def test_lists_are_cut() -> None:
    assert some(["a", "b"], 2) == "a, b"
    assert some(["a", "b", "c"], 2) == "a, b + 1 more"


def step(kind: TaskKind, arrival: float, start: float, finish: float) -> Step:
    return Step(f"{kind.value}:a", kind, ("a",), "s", arrival, start, finish, kind is TaskKind.BUILD)


def test_cells_by_hand() -> None:
    steps = (
        step(TaskKind.BUILD, 0, 2, 5),
        step(TaskKind.MIRROR, 6, 6, 6.1),
        step(TaskKind.DEPLOY, 6.1, 8, 10),
    )
    (row,) = gantt.rows(RunTrace(0, 10.0, steps), ("a",), 20)
    assert "".join(row.cells) == "····▒▒▒▒▒▒  ░···████"
    assert row.critical


def test_a_short_task_at_the_very_end_is_seen() -> None:
    (row,) = gantt.rows(RunTrace(0, 10.0, (step(TaskKind.DEPLOY, 9.999, 9.999, 10),)), ("a",), 20)
    assert "".join(row.cells) == " " * 19 + "█"


def test_an_axis_has_round_times_that_do_not_run_into_each_other() -> None:
    assert gantt.axis(600, 60) == "0s          2m 00s      4m 00s      6m 00s      8m 00s"
    assert gantt.axis(0, 60) == "0s"
    assert len(gantt.axis(1e9, 60)) <= 60
