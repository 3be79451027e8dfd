from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

import report_forecasts as forecasts
from compiler.plan.model import Strategy, TaskKind
from simulator.forecasting.forecast import Forecast, RunTrace, Step
from simulator.report.page.palette import palette
from simulator.report.svg import MOST_ROWS, render
from simulator.report.timeline import clock, queued_share, running, ticks, timeline

SVG = "{http://www.w3.org/2000/svg}"
RARE: dict[str, Callable[[], Forecast]] = {
    "small": forecasts.small,
    "staged": lambda: forecasts.small(Strategy.STAGED),
    "dag": lambda: forecasts.small(Strategy.DAG),
    "hostile": forecasts.hostile,
    "nothing succeeded": forecasts.nothing_succeeded,
    "bare": forecasts.bare,
    "empty": forecasts.empty,
}


def texts(root: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


@pytest.mark.parametrize("name", RARE)
@pytest.mark.parametrize("slow", [False, True])
def test_it_is_a_document_of_its_own(name: str, slow: bool) -> None:
    text = render(RARE[name](), slow=slow)
    root = ElementTree.fromstring(text)
    assert root.tag == f"{SVG}svg"
    assert text.count("http") == 1
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        *("svg", "title", "desc", "style", "defs", "pattern", "rect", "g", "text", "line", "path")
    }
    for element in root.iter():
        assert not any(key.startswith("on") or key in ("href", "style") for key in element.attrib)
    assert "@import" not in text
    assert re.findall(r"url\([^)]*\)", text) == ["url(#hatch)"]
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    assert root.attrib["viewBox"] == f"0 0 {width:g} {height:g}"
    assert root.find(f"{SVG}title") is not None


@pytest.mark.parametrize("name", RARE)
def test_every_bar_lies_within_the_lane(name: str) -> None:
    root = ElementTree.fromstring(render(RARE[name]()))
    bars = [
        each for each in root.iter(f"{SVG}rect") if each.get("class") in ("build", "deploy", "mirror", "wait")
    ]
    for bar in bars:
        x, width = float(bar.attrib["x"]), float(bar.attrib["width"])
        assert x >= -0.01
        assert x + width <= 728 + 1
        assert width > 0


def test_it_shows_every_service_of_a_small_plan() -> None:
    found = forecasts.small()
    root = ElementTree.fromstring(render(found))
    assert {each.name for each in found.services} | {each.stage for each in found.services} <= set(
        texts(root)
    )
    marked = [each for each in root.iter(f"{SVG}rect") if each.get("class") == "critical"]
    shown = sum(len(step.services) or 1 for step in found.median_run.steps if step.critical)
    assert len(marked) == shown + 1  # and the one of the legend


def test_the_slow_run_is_another_picture() -> None:
    found = forecasts.small()
    assert found.p90_run is not None
    assert "slow run (P90)" in render(found, slow=True)
    assert "typical run (P50)" in render(found)
    assert "typical run (P50)" in render(replace(found, p90_run=None), slow=True)


def test_a_large_plan_is_cut_to_what_is_critical() -> None:
    found = forecasts.large()
    root = ElementTree.fromstring(render(found))
    names = {each.name for each in found.services} & set(texts(root))
    critical = {name for step in found.median_run.steps if step.critical for name in step.services}
    assert 0 < len(names) <= MOST_ROWS
    assert names <= critical
    more = sum(int(text.split()[1]) for text in texts(root) if re.fullmatch(r"\+ \d+ more", text))
    assert len(names) + more <= len(found.services)
    assert len(render(found)) < 150_000


def test_light_and_dark_have_the_same_rules() -> None:
    style = ElementTree.fromstring(render(forecasts.small())).findtext(f"{SVG}style") or ""
    light, _, dark = style.partition("@media (prefers-color-scheme:dark)")
    rule = r"\.([a-z-]+)\{(fill|stroke):(#[0-9a-f]{6})\}"
    bright, dim = re.findall(rule, light), re.findall(rule, dark)
    assert [name[:2] for name in bright] == [name[:2] for name in dim]
    assert len(bright) >= 12


def luminance(color: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["bg", "surface", "band-build", "band-deploy", "warn-bg"])
def test_texts_and_bars_stand_out(scheme: int, ground: str) -> None:
    colors = {name: pair[scheme] for name, pair in palette().items()}
    for name in ("fg", "muted", "link"):
        assert contrast(colors[name], colors[ground]) >= 4.5, name
    for name in ("build", "deploy", "mirror", "critical", "wait", "slow"):
        assert contrast(colors[name], colors[ground]) >= 3, name


# --- the timeline under it -------------------------------------------------------------------------


def step(
    kind: TaskKind, name: str, times: tuple[float, float, float], stage: str = "s", critical: bool = False
) -> Step:
    return Step(f"{kind.value}:{name}", kind, (name,), stage, *times, critical)


RUN = RunTrace(
    0,
    20.0,
    (
        Step("check:pre", TaskKind.CHECK, (), None, 0, 0, 1, True),
        step(TaskKind.BUILD, "web", (1, 1, 6), critical=True),
        step(TaskKind.BUILD, "api", (1, 6, 9), critical=True),
        step(TaskKind.DEPLOY, "web", (9, 9, 12)),
        step(TaskKind.DEPLOY, "api", (9, 9, 20), critical=True),
        step(TaskKind.DEPLOY, "never", (math.nan, math.nan, math.nan)),
    ),
)


@pytest.mark.parametrize(
    ("strategy", "bands"),
    [
        (Strategy.BUILD_FIRST, [("builds", 1, 9), ("s", 9, 20)]),
        (Strategy.STAGED, [("s: builds", 1, 9), ("s", 9, 20)]),
        (Strategy.DAG, []),
    ],
)
def test_phases_by_hand(strategy: Strategy, bands: list[tuple[str, float, float]]) -> None:
    services = tuple(
        replace(each, stage="s", name=name)
        for each, name in zip(forecasts.small().services, ("web", "api"), strict=False)
    )
    found = timeline(RUN, services, strategy)
    assert [(band.name, band.begin_s, band.end_s) for band in found.bands] == bands
    assert [step.task for step in found.path] == ["check:pre", "build:web", "build:api", "deploy:api"]
    assert queued_share(found.path) == pytest.approx(3 / 20)
    assert [(group.stage, [row.name for row in group.rows]) for group in found.groups] == [
        (None, ["pre-check"]),
        ("s", ["web", "api"]),
    ]


def test_running_by_hand() -> None:
    assert running(RUN.steps[1:5]) == ((1, 1), (6, 1), (9, 2), (12, 1), (20, 0))


@given(st.floats(0, 1e9), st.integers(2, 128))
def test_ticks_are_few_round_and_within(end_s: float, most: int) -> None:
    found = ticks(end_s, most)
    assert 1 <= len(found) <= most
    assert found[0] == 0
    assert found[-1] <= end_s * (1 + 1e-9)
    assert list(found) == sorted(set(found))


@pytest.mark.parametrize(
    ("time_s", "text"),
    [(0, "0s"), (4.25, "4.2s"), (42, "42s"), (59.7, "1:00"), (187, "3:07"), (7632, "2:07:12")],
)
def test_moments_are_written_as_on_a_clock(time_s: float, text: str) -> None:
    assert clock(time_s) == text
