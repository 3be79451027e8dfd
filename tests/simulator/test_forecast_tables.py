"""A forecast as CSV and as Markdown."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_plans import Service, make_plan
from simulator.forecasting.forecast import Forecast
from simulator.forecasting.gate import Comparison, Verdict
from simulator.forecasting.run import forecast
from simulator.modelling.pipeline import model
from simulator.modelling.scenario import Failure, Scenario
from simulator.report.csv import HEADERS, tables
from simulator.report.markdown import MOST_SERVICES, escaped, render
from test_forecast import by_hand, mixed


def rows(found: Forecast) -> dict[str, list[dict[str, str]]]:
    return {table.name: list(csv.DictReader(io.StringIO(table.text))) for table in tables(found)}


def test_every_table_has_its_columns_and_one_thing_a_row() -> None:
    found = mixed(runs=100)
    for table in tables(found):
        lines = table.text.splitlines()
        assert lines[0] == ",".join(HEADERS[table.name])
        assert table.text.endswith("\n")
        assert "\r" not in table.text
    data = rows(found)
    assert [row["service"] for row in data["services"]] == [each.name for each in found.services]
    assert [row["task"] for row in data["tasks"]] == [task.id for task in found.tasks]
    assert len(data["phases"]) == len(found.spans)
    assert [row["quantile"] for row in data["makespan"]] == ["p50", "p90", "p99", "mean"]
    assert len(data["runs"]) == 100


def test_figures_are_plain_numbers() -> None:
    found = mixed(runs=100)
    data = rows(found)
    first = data["services"][1]
    assert float(first["share"]) == pytest.approx(found.services[1].share, abs=1e-6)
    assert float(first["build_s"]) == pytest.approx(found.services[1].build_s or 0, abs=1e-6)
    assert first["mirror_s"] == ""
    assert [float(row["makespan_s"]) for row in data["runs"]] == pytest.approx(found.makespans_s, abs=1e-6)
    web = next(row for row in data["tasks"] if row["task"] == "build:web")
    assert web["source"] == "estimate"
    step = next(step for step in found.median_run.steps if step.task == "build:web")
    assert float(web["median_run_start_s"]) == pytest.approx(step.start_s, abs=1e-6)


def test_runs_that_fail_have_no_makespan() -> None:
    scenario = Scenario(failures={"build": Failure(0.3, retries=0)})
    found = forecast(model(make_plan([Service("a")]), scenario), runs=50)
    runs = rows(found)["runs"]
    assert [int(row["replication"]) for row in runs if row["failed"] == "true"] == list(found.failed_runs)
    assert all((row["makespan_s"] == "") == (row["failed"] == "true") for row in runs)
    doomed = forecast(model(make_plan([Service("a")]), Scenario(failures={"build": Failure(1.0)})), runs=5)
    assert rows(doomed)["makespan"] == []
    assert len(rows(doomed)["runs"]) == 5


@pytest.mark.parametrize("name", ['=HYPERLINK("http://x")', "+1", "-1", "@SUM(A1)", "\tx", 'a"b,c\nd'])
def test_a_name_is_no_formula_and_stays_one_cell(name: str) -> None:
    found = by_hand()
    span = replace(found.spans[1], stage=name)
    row = rows(replace(found, spans=(span,)))["phases"][0]
    assert row["stage"].lstrip("'") == name
    assert not row["stage"].startswith(("=", "+", "-", "@", "\t"))
    assert row["tasks"] == "2"


# --- Markdown


def test_the_summary_is_short_and_says_what_matters() -> None:
    text = render(mixed(runs=200))
    visible = text[: text.index("<details>")].splitlines()
    assert len(visible) <= 18
    assert visible[0] == "### Forecast of shop"
    assert re.search(r"\| P90 \| \*\*\d+m \d\ds\*\* \|", text)
    assert "Assumed" in text
    assert text.count("<details>") == text.count("</details>") == 2


def test_many_services_are_cut_short() -> None:
    found = forecast(make_plan([Service(f"s{number}") for number in range(40)]), runs=20)
    text = render(found)
    assert f"and {40 - MOST_SERVICES} more" in text
    assert len(text) < 6000


def test_tables_have_as_many_cells_as_headings() -> None:
    found = replace(mixed(runs=50), environment="a | b")
    blocks = [block for block in re.split(r"\n\n", render(found)) if block.startswith("|")]
    assert len(blocks) == 3
    for block in blocks:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


def test_no_run_succeeds() -> None:
    doomed = forecast(model(make_plan([Service("a")]), Scenario(failures={"build": Failure(1.0)})), runs=5)
    assert "**No run succeeds.**" in render(doomed)


EVIL = (
    "<script>alert(1)</script>",
    "</details><img src=x>",
    "[click](http://evil)",
    "![x](http://evil)",
    "https://evil.example",
    "www.evil.example",
    "WWW.evil.example",
    "@everyone",
    "#1 !2 ~3 %4 $5 &6",
    "owner/repo#12",
    "a@b.example",
    "| a | b",
    "`code` **bold** _it_ ~~x~~ \\",
    ":smile: a::b",
    "- [ ] item",
    "line\n\n# heading",
    "\u202eevil",
)


@pytest.mark.parametrize("name", EVIL)
def test_names_are_text_and_nothing_else(name: str) -> None:
    found = mixed(runs=20)
    service = replace(found.services[0], name=name, stage=name, share=1.0)
    task = replace(found.tasks[0], services=(name,), share=1.0)
    evil = replace(
        found,
        environment=name,
        scenario=name,
        services=(service,),
        tasks=(task, *found.tasks[1:]),
        failed=0.1,
        failures=((name, 0.1),),
        spans=(replace(found.spans[1], stage=name),),
    )
    text = render(evil, Comparison(name, (), 0, name), (Verdict("failed", name),))
    raw = set("<>[]`_~@#!$\\/")
    plain = re.sub(r"&#\d+;", "", text)
    allowed = re.sub(r"</?(details|summary)>|\*\*|^### ", "", plain, flags=re.MULTILINE)
    assert not raw & set(allowed), sorted(raw & set(allowed))
    assert "www." not in allowed.lower()
    assert len(text.splitlines()) == len(render(replace(evil, environment="x")).splitlines()) + 4


@given(st.text(max_size=40))
def test_escaped_text_shows_what_it_was(name: str) -> None:
    import html

    from simulator.figures import printable

    shown = escaped(name)
    assert html.unescape(shown) == printable(name)
    assert "\n" not in shown
    assert not set("<>[]`_*~@#!|\\/\"'$^{}") & set(re.sub(r"&#\d+;", "", shown))


def test_plain_names_and_sentences_are_left_alone() -> None:
    for text in ("web-api", "10 of 13 durations (74%), correlation 0.3.", "numpy: every queue; 5% + 3 more"):
        assert escaped(text) == text
