from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import report_forecasts as forecasts
from compiler.plan.model import Strategy
from compiler.values.elapsed import duration
from simulator.forecasting.forecast import Forecast, Load
from simulator.report.csv import text as csv_text
from simulator.report.html import render
from simulator.report.page import charts, facts
from simulator.report.page.data import Data
from simulator.report.page.markup import clean, el, html
from simulator.report.page.vega import ReportUnavailableError

VOID = {"meta", "link", "input", "br", "hr", "img"}


@dataclass
class Node:
    tag: str
    attributes: dict[str, str]
    parts: list[Node | str] = field(default_factory=list)

    @property
    def children(self) -> list[Node]:
        return [part for part in self.parts if isinstance(part, Node)]

    def all(self) -> Iterator[Node]:
        yield self
        for child in self.children:
            yield from child.all()

    def find(self, tag: str, **attributes: str) -> list[Node]:
        """Descendants of a tag whose attributes have these values (`class` as one of its words)."""
        return [
            node
            for node in self.all()
            if node.tag == tag
            and all(
                value in node.attributes.get(name.strip("_"), "").split()
                for name, value in attributes.items()
            )
        ]

    def said(self) -> str:
        return "".join(part if isinstance(part, str) else part.said() for part in self.parts)


class Reader(HTMLParser):
    """A strict reader: what is opened is closed, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Node("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(attrs) == len({name for name, _ in attrs}), attrs
        node = Node(tag, {name: value or "" for name, value in attrs})
        self.open[-1].parts.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].parts.append(data)


def read(text: str) -> Node:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == [reader.root]
    return reader.root


def tables(page: Node) -> dict[str, list[dict[str, str]]]:
    """What every link saves, by file name."""
    found = {}
    for link in page.find("a"):
        if "download" in link.attributes:
            kind, _, content = link.attributes["href"].partition("base64,")
            assert kind == "data:text/csv;charset=utf-8;"
            text = base64.b64decode(content).decode()
            found[link.attributes["download"]] = list(csv.DictReader(io.StringIO(text), strict=True))
    return found


RARE: dict[str, Callable[[], Forecast]] = {
    "small": forecasts.small,
    "staged": lambda: forecasts.small(Strategy.STAGED),
    "dag": lambda: forecasts.small(Strategy.DAG),
    "hostile": forecasts.hostile,
    "nothing succeeded": forecasts.nothing_succeeded,
    "bare": forecasts.bare,
    "empty": forecasts.empty,
}


@cache
def rendered(name: str) -> str:
    return render(RARE[name]())


@pytest.fixture(params=RARE, ids=lambda name: name.replace(" ", "-"))
def any_page(request: pytest.FixtureRequest) -> str:
    return rendered(request.param)


@pytest.fixture
def page() -> Node:
    return read(rendered("small"))


# --- the document ----------------------------------------------------------------------------------


def test_it_forbids_every_network_and_allows_its_own_script_and_style_alone(any_page: str) -> None:
    root = read(any_page)
    first, policy = root.find("meta")[:2]
    assert first.attributes == {"charset": "utf-8"}
    assert policy.attributes["http-equiv"] == "Content-Security-Policy"
    rules = dict(rule.strip().split(" ", 1) for rule in policy.attributes["content"].split(";"))
    assert rules["default-src"] == "'none'"
    assert {name: rules[name] for name in ("img-src", "base-uri", "form-action")} == {
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    for tag in ("script", "style"):
        (only,) = root.find(tag)
        digest = base64.b64encode(hashlib.sha256(only.said().encode()).digest()).decode()
        assert rules[f"{tag}-src"] == f"'sha256-{digest}'"
        assert only.attributes == {}
    assert not any("unsafe" in rule for rule in rules.values())


def test_it_refers_to_nothing_outside(any_page: str) -> None:
    root = read(any_page)
    ids = {node.attributes.get("id") for node in root.all()}
    for node in root.all():
        assert node.tag not in (
            "img",
            "iframe",
            "object",
            "embed",
            "base",
            "form",
            "use",
            "image",
            "foreignobject",
        )
        for name, value in node.attributes.items():
            assert not name.startswith("on"), node
            assert name not in ("style", "srcset", "xlink:href", "action"), node
            if name in ("href", "src"):
                assert value.startswith(("data:text/csv;", "#")) or value == "data:,"
                assert not value.startswith("#") or value[1:] in ids
    style = root.find("style")[0].said()
    assert re.findall(r"url\(([^)]*)\)", style) == ["#hatch", "#hatch"] or "url(#hatch)" in style
    assert "@import" not in style
    assert "http" not in style
    assert "http" not in root.find("script")[0].said()


def test_ids_are_there_once_and_what_refers_to_them_finds_them(any_page: str) -> None:
    root = read(any_page)
    ids = [node.attributes["id"] for node in root.all() if "id" in node.attributes]
    assert len(ids) == len(set(ids))
    for node in root.all():
        for name in ("aria-labelledby", "aria-describedby", "for"):
            assert node.attributes.get(name, ids[0]) in ids


def test_the_same_forecast_gives_the_same_bytes() -> None:
    code = (
        "import hashlib, report_forecasts as f; from simulator.report import html, svg;"
        "print(*(hashlib.sha256(m.render(f.small()).encode()).hexdigest() for m in (html, svg)))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_headings_are_in_order(any_page: str) -> None:
    levels = [int(node.tag[1]) for node in read(any_page).all() if re.fullmatch(r"h[1-6]", node.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


# --- names are texts -------------------------------------------------------------------------------


def test_hostile_names_stay_texts() -> None:
    text = rendered("hostile")
    root = read(text)
    assert {node.tag for node in root.all()} == {node.tag for node in read(rendered("small")).all()} | {"tr"}
    said = {node.said() for node in root.find("th")}
    assert {clean(each.name) for each in forecasts.hostile().services} <= said
    assert clean(forecasts.HOSTILE[0]) in root.find("h1")[0].said()
    for unseen in ("\u2028", "\u2029", "\x00", "\x1b", "\u202e", "\ud800"):
        assert unseen not in text


def test_a_formula_stays_a_text_in_a_spreadsheet() -> None:
    data = Data(
        "x", ("name", "value"), (("=1+1", -1.0), ("@a", 2), ("+b", None), ("-c", 0.1234567), ('a,"b"\nc', 1))
    )
    rows = list(csv.reader(io.StringIO(csv_text(data.columns, data.rows))))
    assert rows[1:] == [["'=1+1", "-1.0"], ["'@a", "2"], ["'+b", ""], ["'-c", "0.123457"], ['a,"b"\nc', "1"]]


@given(st.text(), st.text())
def test_any_text_stays_what_it_is(text: str, value: str) -> None:
    made = html(el("div", {"title": value}, text, el("b", None, text), text))
    made.encode()
    (div,) = read(made.removeprefix("<!DOCTYPE html>\n")).find("div")
    (bold,) = div.find("b")
    normal = clean(text).replace("\r\n", "\n").replace("\r", "\n")
    assert div.attributes["title"].replace("\r\n", "\n").replace("\r", "\n") in (
        clean(value),
        clean(value).replace("\r\n", "\n").replace("\r", "\n"),
    )
    assert bold.said().replace("\r\n", "\n").replace("\r", "\n") == normal


@settings(max_examples=15)
@given(st.text(max_size=60))
def test_any_name_can_be_drawn(name: str) -> None:
    drawn = charts.shares([facts.Ranked(name, 0.5, name, f"bar {name}")], 340)
    (mark,) = [each for each in drawn.iter() if each.get("role") == "graphics-symbol"]
    assert (mark.get("aria-label") or "").split() == clean(f"bar {name}").split()


# --- figures and their data ------------------------------------------------------------------------


def test_every_figure_has_a_title_a_summary_and_its_data_to_save_and_to_read(any_page: str) -> None:
    root = read(any_page)
    for figure in root.find("figure"):
        (caption,) = figure.find("figcaption")
        assert len(caption.find("h3")[0].said()) > 3
        assert len(caption.find("p")[0].said()) > 20
        links = [link for link in figure.find("a") if "download" in link.attributes]
        assert links
        regions = [div for div in figure.find("div", role="region") if div.attributes.get("aria-label")]
        assert len(regions) == len(links)
    for chart in root.find("svg", class_="chart"):
        marks = [node for node in chart.all() if node.attributes.get("role") == "graphics-symbol"]
        assert chart.attributes["aria-label"]
        assert marks
        assert all(mark.attributes["aria-label"] for mark in marks)


def test_the_data_are_the_forecasts(page: Node) -> None:
    found, forecast = tables(page), forecasts.small()
    assert [float(row["makespan_s"]) for row in found["makespans.csv"]] == pytest.approx(
        forecast.makespans_s, abs=1e-6
    )
    assert sum(int(row["runs"]) for row in found["distribution.csv"]) == len(forecast.makespans_s)
    assert {row["service"]: float(row["share"]) for row in found["services.csv"]} == pytest.approx(
        {each.name: each.share for each in forecast.services}, abs=1e-6
    )
    assert [row["task"] for row in found["tasks.csv"]] == [task.id for task in forecast.tasks]
    assert [(row["task"], row["term"]) for row in found["durations.csv"]] == [
        (task.id, term.name) for task in forecast.tasks for term in task.terms
    ]
    assert [row["term"] for row in found["terms.csv"]] == [each.term for each in forecast.terms]
    assert [(row["phase"], row["stage"]) for row in found["phases.csv"]] == [
        (span.phase, span.stage or "") for span in forecast.spans
    ]
    assert [row["task"] for row in found["tornado.csv"]] == [swing.task for swing in forecast.swings]
    assert forecast.p90_run is not None
    for name, run in (("p50", forecast.median_run), ("p90", forecast.p90_run)):
        rows = found[f"run-{name}.csv"]
        assert [(row["task"], row["critical"]) for row in rows] == [
            (step.task, str(int(step.critical))) for step in run.steps
        ]
        finishes = [float(row["finish_s"]) for row in rows]
        assert finishes == pytest.approx([step.finish_s for step in run.steps], abs=1e-6)
    loads = (*forecast.median_run.loads, *forecast.p90_run.loads)
    assert len(found["use.csv"]) == sum(len(load.times_s) for load in loads) > 0


def test_the_page_of_documentation_has_every_file_and_column(page: Node) -> None:
    text = (Path(__file__).parents[2] / "docs" / "report.md").read_text(encoding="utf-8")
    documented = {
        file: re.findall(r"`(\w+)`", line.split("|")[2])
        for line in text.splitlines()
        for file in re.findall(r"`([\w-]+\.csv)`", line)
    }
    assert documented == {file: list(rows[0]) for file, rows in tables(page).items()}


def test_the_gantt_says_in_words_what_it_shows(page: Node) -> None:
    forecast = forecasts.small()
    (figure,) = page.find("figure", id="figure-run-p50")
    rows = figure.find("li", class_="row")
    assert {row.find("span")[0].said() for row in rows} == {"pre-check"} | {
        each.name for each in forecast.services
    }
    critical = {step.services for step in forecast.median_run.steps if step.critical}
    for row in rows:
        name, lane = row.find("span")[0].said(), row.find("svg")[0]
        marked = "crit" in row.attributes["class"].split()
        assert marked == any(name in services for services in critical) or name == "pre-check"
        assert marked == ("on the critical path" in lane.attributes["aria-label"])
        assert marked == bool(lane.find("rect", class_="c"))
        assert lane.attributes["aria-label"].startswith(name)


def test_bars_are_where_the_run_has_them(page: Node) -> None:
    run = forecasts.small().median_run
    (figure,) = page.find("figure", id="figure-run-p50")
    (row,) = [row for row in figure.find("li", class_="row") if row.find("span")[0].said() == "api"]
    (build,) = row.find("rect", class_="b")
    (step,) = [step for step in run.steps if step.task == "build:api"]
    assert float(build.attributes["x"].rstrip("%")) == pytest.approx(
        100 * step.start_s / run.makespan_s, abs=1e-3
    )
    width = 100 * (step.finish_s - step.start_s) / run.makespan_s
    assert float(build.attributes["width"].rstrip("%")) == pytest.approx(width, abs=1e-3)


def test_many_services_are_folded_away_unless_they_are_critical() -> None:
    forecast = forecasts.large(60)
    (figure,) = read(render(forecast)).find("figure", id="figure-run-p50")
    folded = [row for fold in figure.find("details", class_="rest") for row in fold.find("li", class_="row")]
    assert folded
    assert not any("crit" in row.attributes["class"].split() for row in folded)
    assert len(figure.find("li", class_="row")) == 61


def test_five_hundred_services_stay_within_two_megabytes() -> None:
    assert len(render(forecasts.large())) < 2_000_000


# --- what is said ----------------------------------------------------------------------------------


def said(text: str) -> str:
    return re.sub(r"\s+", " ", read(text).find("body")[0].said())


def test_the_headline_figures_are_there_with_their_intervals(page: Node) -> None:
    forecast = forecasts.small()
    tiles = [tile.said() for tile in page.find("dl", class_="tiles")[0].children]
    assert [tile[:3] for tile in tiles] == ["P50", "P90", "P99", "Low"]
    assert all("95% interval" in tile for tile in tiles[:3])
    assert duration(forecast.makespan.p90.value_s) in tiles[1]


def test_warnings_are_said() -> None:
    text = said(rendered("hostile"))
    for warning in ("Interrupted:", "Failures: 40% of the runs fail", "Timeouts: hit in 1%", "Assumptions:"):
        assert warning in text
    text = said(rendered("nothing succeeded"))
    assert "No run succeeded" in text
    assert "0s" not in [
        tile.find("strong")[0].said() for tile in read(rendered("nothing succeeded")).find("dl")[0].children
    ]
    assert "Typical run" not in text
    assert "First to fail: build web (75%), build api (25%)" in text


def test_nothing_to_warn_of_is_no_warning() -> None:
    assert read(rendered("empty")).find("section", class_="warnings") == [] or "Few runs" in said(
        rendered("empty")
    )


def test_what_was_assumed_and_what_not_is_told(page: Node) -> None:
    (laws,) = page.find("table", class_="laws")
    text = laws.said()
    assert "assumed (nobody said)" in text
    assert "estimated by a person" in text


# --- the library -----------------------------------------------------------------------------------


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(ReportUnavailableError, match=r"pip install 'stagecast\[report\]'"):
        render(forecasts.empty())


def test_the_library_is_imported_by_a_report_alone() -> None:
    code = "import sys, simulator.report.html, simulator.report.svg; sys.exit('vl_convert' in sys.modules)"
    subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}, check=True, timeout=60
    )


# --- numbers ---------------------------------------------------------------------------------------

TIMES = st.floats(0, 1e9, allow_nan=False)


@given(st.lists(TIMES, min_size=1, max_size=200))
def test_a_histogram_counts_every_run_once(makespans_s: list[float]) -> None:
    found = facts.bins(makespans_s)
    assert sum(each.runs for each in found) == len(makespans_s)
    assert 1 <= len(found) <= 48
    assert found[0].begin_s <= min(makespans_s)
    assert found[-1].end_s >= max(makespans_s) * (1 - 1e-12)
    assert all(each.begin_s < each.end_s for each in found)


@given(
    st.lists(st.tuples(st.floats(0.01, 100), st.integers(0, 7)), min_size=1, max_size=30), st.integers(1, 60)
)
def test_averages_keep_the_work(pieces: list[tuple[float, int]], buckets: int) -> None:
    times, now = [], 0.0
    for length_s, _ in pieces:
        times.append(now)
        now += length_s
    load = Load("build", "slots", 7, (*times, now), (*(amount for _, amount in pieces), 0))
    end_s = now * 1.25
    found = facts.averaged(load, end_s, buckets)
    work = sum(length_s * amount for length_s, amount in pieces)
    assert sum(mean * end_s / buckets for _, mean in found[:-1]) == pytest.approx(work)
    assert found[-1] == (end_s, 0.0)


@pytest.mark.parametrize(
    ("text", "longest", "cut"),
    [
        ("short", 10, "short"),
        ("build a-long-name-01", 12, "buil…name-01"),
        ("日本語日本語日本語", 8, "日…本語"),
    ],
)
def test_names_are_cut_in_their_middle(text: str, longest: int, cut: str) -> None:
    assert facts.clipped(text, longest) == cut
