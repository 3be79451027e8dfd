from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compiler.plan.model import Strategy, TaskKind
from sim_plans import Service, database, make_plan
from simulator.figures import clipped, difference, interval, padded, percent, printable, some
from simulator.forecasting.forecast import RunTrace, Step
from simulator.forecasting.run import forecast
from simulator.modelling.pipeline import model
from simulator.modelling.scenario import Failure, Scenario
from simulator.report import gantt
from simulator.report.text import render, render_for
from simulator.statistics.quantiles import Quantile
from test_forecast import by_hand, mixed

GOLDENS = Path(__file__).parent / "goldens"


@pytest.mark.parametrize("strategy", list(Strategy), ids=lambda strategy: strategy.value)
def test_the_report_of_a_mixed_plan(strategy: Strategy, golden: Any) -> None:
    golden(GOLDENS / f"forecast-{strategy.value}.txt", render(mixed(strategy, runs=500)))


def test_the_report_when_nothing_is_assumed_but_correlation(golden: Any) -> None:
    golden(GOLDENS / "forecast-fixed.txt", render(by_hand()))


def failing(probability: float) -> Any:
    plan = make_plan([database("db"), *(Service(f"s{number}") for number in range(4))])
    return forecast(model(plan, Scenario(failures={"build": Failure(probability, retries=0)})), runs=200)


@pytest.mark.parametrize("probability", [0.1, 1.0], ids=["some", "all"])
def test_the_report_when_runs_fail(probability: float, golden: Any) -> None:
    name = "forecast-failing.txt" if probability < 1 else "forecast-all-fail.txt"
    golden(GOLDENS / name, render(failing(probability)))


def many(count: int, **rest: Any) -> Any:
    services = [
        Service(f"a-rather-long-service-name-{number:03d}", f"stage-{number // 8}") for number in range(count)
    ]
    return forecast(make_plan(services), **{"runs": 20, **rest})


@pytest.mark.parametrize("height", [1, 24, 40, 100])
@pytest.mark.parametrize("width", [20, 80, 300])
@pytest.mark.parametrize("count", [1, 10, 200])
def test_it_fits_a_screen(width: int, height: int, count: int) -> None:
    lines = render(many(count), width=width, height=height).splitlines()
    assert max(map(len, lines)) <= min(max(width, 60), 100)
    # At 60 columns the sentences take more lines, but the tables never do.
    assert len(lines) < max(height, 24 if width >= 80 else 30)
    assert not any(line != line.rstrip() for line in lines)


def test_a_higher_terminal_shows_more() -> None:
    found = many(200)
    low, high = render(found, height=24), render(found, height=60)
    assert "Service, 3 of 200" in low
    assert "Service, 12 of 200" in high
    assert "Phase, 12 of 27" in high


def test_the_services_that_dominate_come_first() -> None:
    found = mixed(runs=200)
    text = render(found)
    ranked = sorted(found.services, key=lambda each: -each.share)
    places = [text.index(f"\n{each.name} ") for each in ranked]
    assert places == sorted(places)


def test_timeouts_are_said() -> None:
    plan = make_plan([Service("web")], timeouts={"build:web": 1})
    text = render(forecast(plan, runs=20))
    assert "No run succeeds" in text
    assert re.search(r"Timeouts +hit in 100% of the runs", text)


def test_it_says_when_not_all_runs_are_told_of() -> None:
    text = render(replace(mixed(runs=50), detailed_runs=20))
    assert "tasks, services and bounds are of the first 20 runs" in " ".join(text.split())
    assert "first 20" not in render(mixed(runs=50))


def test_it_says_when_it_was_interrupted_or_is_not_precise() -> None:
    found = mixed(runs=50)
    assert "interrupted: fewer runs" in " ".join(render(replace(found, interrupted=True)).split())
    assert "wider than the 0.1% asked for" in " ".join(render(replace(found, precision=0.001)).split())
    assert "are within 50%" in " ".join(render(replace(mixed(runs=400), precision=0.5)).split())


def test_an_empty_plan_has_a_report() -> None:
    text = render(forecast(make_plan([], check=False), runs=20))
    assert "P50  0s" in text
    assert "Service" not in text


def test_names_of_others_move_no_cursor() -> None:
    found = mixed(runs=20)
    evil = "\x1b[2J\r\n\u202ename"
    service = replace(found.services[0], name=evil, share=1.0)
    span = replace(found.spans[1], stage=evil)
    text = render(
        replace(found, environment=evil, scenario=evil, services=(service,), spans=(span,)), color=False
    )
    assert not set(text) & {"\x1b", "\r", "\u202e"}
    assert len(text.splitlines()) < 24


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
    found = by_hand()
    plain = re.sub(r"\x1b\[[0-9;]*m", "", render(found, color=True))
    assert [line.rstrip() for line in plain.splitlines()] == render(found).splitlines()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "no-such-encoding"])
def test_streams_that_cannot_draw_get_ascii(encoding: str) -> None:
    text = render_for(mixed(), Stream(False, encoding), {})
    assert text.isascii()
    assert "#" in text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0%"), (0.001, "<1%"), (0.5, "50%"), (0.999, ">99%"), (1, "100%"), (1.5, "150%")],
)
def test_shares_are_written_for_people(share: float, text: str) -> None:
    assert percent(share) == text


def test_differences_have_a_sign() -> None:
    assert [difference(each) for each in (65.0, -4.0, 0.0)] == ["+1m 05s", "-4.0s", "0s"]


@pytest.mark.parametrize(
    ("low_s", "high_s", "text"),
    [
        (600.0, 660.0, "10m 00s to 11m 00s"),
        (6725.0, 6731.0, "1h 52m 05s to 1h 52m 11s"),
        (372.04, 372.36, "6m 12.0s to 6m 12.4s"),
        (20.1, 20.2, "20.10s to 20.20s"),
        (25.0, 25.0, "25s to 25s"),
        (25.0, None, "25s to ?"),
        (None, None, "? to ?"),
    ],
)
def test_ends_of_an_interval_differ_in_what_is_shown(low_s: float, high_s: float, text: str) -> None:
    assert interval(Quantile(low_s, low_s, high_s)) == text


def test_lists_are_cut_short() -> None:
    assert some(["a", "b", "c"], 3) == "a, b, c"
    assert some(["a", "b", "c"], 1) == "a + 2 more"


def test_texts_of_others_are_cut_by_columns() -> None:
    assert clipped("short", 5) == "short"
    assert clipped("longer", 5) == "long…"
    # Wide characters take two columns each.
    assert clipped("データベース", 5) == "デー…"
    assert padded("デー", 6) == "デー  "
    assert printable("a\x07b\u2028") == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}"


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


def test_a_phase_has_a_bar_from_its_first_arrival_to_its_last_finish() -> None:
    found = by_hand()
    bars = {
        (span.phase, span.stage): gantt.phase_bar(found.median_run, span, 25, builds_together=True)
        for span in found.spans
    }
    assert bars["check", None] == "▬"
    assert bars["build", None] == " " + "▬" * 10
    assert bars["deploy", "database"] == " " * 11 + "▬" * 7
    assert bars["deploy", "second"] == " " * 22 + "▬" * 3
