"""The HTML report in a real browser: what people see, on every screen, with every means of input."""

from __future__ import annotations

import csv
import http.server
import json
import re
import statistics
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import report_forecasts as forecasts
from browser import Browser
from simulator.forecasting.forecast import Forecast
from simulator.report import html, svg

pytestmark = pytest.mark.e2e

LIGHT, DARK = {"prefers-color-scheme": "light"}, {"prefers-color-scheme": "dark"}
SCREEN, PHONE, SMALL_PHONE = (1200, 900), (390, 844), (320, 640)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Reports as files."""
    folder = tmp_path_factory.mktemp("reports")
    found: dict[str, Forecast] = {
        "small": forecasts.small(),
        "large": forecasts.large(),
        "hostile": forecasts.hostile(),
        "nothing": forecasts.nothing_succeeded(),
        "empty": forecasts.empty(),
    }
    for name, forecast in found.items():
        (folder / f"{name}.html").write_text(html.render(forecast), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in found}


# --- what it loads, and how fast -------------------------------------------------------------------


@pytest.mark.parametrize("name", ["small", "large", "hostile", "nothing", "empty"])
@pytest.mark.parametrize("size", [SCREEN, PHONE], ids=["screen", "phone"])
def test_nothing_is_asked_of_a_network_and_nothing_complained_of(
    chromium: Browser, pages: Mapping[str, Path], name: str, size: tuple[int, int]
) -> None:
    chromium.open(pages[name], size=size)
    everything_opened(chromium)
    others = [
        url for url in chromium.requests() if url != pages[name].as_uri() and not url.startswith("data:")
    ]
    assert others == []
    assert chromium.complaints() == ()


def everything_opened(chromium: Browser) -> None:
    chromium.run("for (const each of document.querySelectorAll('details')) each.open = true")
    time.sleep(0.2)


class Listener(http.server.BaseHTTPRequestHandler):
    """Counts who asks."""

    asked: list[str] = []  # noqa: RUF012 - shared on purpose

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(200)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def listener() -> Iterator[str]:
    Listener.asked.clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_policy_lets_nothing_out_even_if_a_script_tries(
    chromium: Browser, pages: Mapping[str, Path], listener: str
) -> None:
    tries = """
        const [url, done] = arguments;
        const add = (tag, properties) => {
            const made = Object.assign(document.createElement(tag), properties);
            document.body.append(made);
            return made;
        };
        add('img', {src: url + '/image'});
        add('script', {src: url + '/script'});
        add('script', {textContent: 'window.ran = true'});
        add('link', {rel: 'stylesheet', href: url + '/style'});
        add('iframe', {src: url + '/frame'});
        const button = add('button', {});
        button.setAttribute('onclick', 'window.ran = true');
        button.click();
        const answers = [fetch(url + '/fetch').then(() => 'out', () => 'held')];
        Promise.all(answers).then((all) => setTimeout(() => done([all, window.ran === true]), 500));
    """
    chromium.open(pages["small"])
    answers, ran = chromium.driver.execute_async_script(tries, listener)
    assert answers == ["held"]
    assert not ran
    assert Listener.asked == []
    assert len(chromium.complaints()) >= 5


def test_five_hundred_services_load_within_a_second(chromium: Browser, pages: Mapping[str, Path]) -> None:
    loaded_ms = []
    for _ in range(3):
        chromium.open(pages["large"])
        script = "return performance.getEntriesByType('navigation')[0].loadEventEnd"
        loaded_ms.append(float(chromium.run(script)))
    assert 0 < statistics.median(loaded_ms) < 1000, loaded_ms


def count(chromium: Browser, selector: str) -> int:
    return int(chromium.run("return document.querySelectorAll(arguments[0]).length", selector))


def values(chromium: Browser, selector: str, what: str, among: str = "true") -> list[Any]:
    """Something of every element, or of those for which `among` is true."""
    script = (
        f"return [...document.querySelectorAll(arguments[0])].filter((each) => {among}).map((each) => {what})"
    )
    return list(chromium.run(script, selector))


def visible(chromium: Browser, selector: str, what: str = "each.id") -> list[Any]:
    """Something of every element that is to be seen."""
    return values(chromium, selector, what, "each.checkVisibility()")


def test_hostile_names_do_nothing(chromium: Browser, pages: Mapping[str, Path]) -> None:
    chromium.driver.get("about:blank")
    chromium.open(pages["hostile"])
    everything_opened(chromium)
    chromium.run(
        "for (const row of document.querySelectorAll('.gantt .row'))"
        " row.dispatchEvent(new PointerEvent('pointerover', {bubbles: true}))"
    )
    assert (
        chromium.run(
            "return document.querySelectorAll('img, iframe, object, embed, [onload], [onerror]').length"
        )
        == 0
    )
    assert chromium.run("return document.querySelectorAll('script, style').length") == 2
    assert "</script><img src=x onerror=hacked()>" in chromium.run(
        "return document.querySelector('h1').textContent"
    )
    assert chromium.run("return getComputedStyle(document.querySelector('h1')).display") == "block"
    assert chromium.complaints() == ()


# --- colours ---------------------------------------------------------------------------------------

# Every visible text with its colour and what is behind it.
TEXTS = """
    const solid = (color) => !/, 0\\)$|^transparent$/.test(color);
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        const text = walker.currentNode.data.trim();
        if (!text || element.closest('script, .hidden, .skip')) continue;
        const box = element.getBoundingClientRect();
        const style = getComputedStyle(element);
        if (!element.checkVisibility({visibilityProperty: true}) || box.width === 0) continue;
        const drawn = element instanceof SVGElement;
        let ground = null;
        if (element.closest('.names')) ground = getComputedStyle(element.previousElementSibling).fill;
        for (let each = element; each && !ground; each = each.parentElement) {
            const color = getComputedStyle(each).backgroundColor;
            if (!(each instanceof SVGElement) && solid(color)) ground = color;
        }
        found.push({text: text.slice(0, 40), color: drawn ? style.fill : style.color, ground,
                    left: box.left, right: box.right, size: parseFloat(style.fontSize),
                    inside: element.closest('.wide, .gantt') !== null});
    }
    return found;
"""


def luminance(color: str) -> float:
    """WCAG 2.2, relative luminance of a computed colour."""
    parts = [float(part) / 255 for part in re.findall(r"[\d.]+", color)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("media", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("size", [SCREEN, PHONE], ids=["screen", "phone"])
@pytest.mark.parametrize("name", ["small", "hostile", "nothing"])
def test_every_text_stands_out(
    chromium: Browser, pages: Mapping[str, Path], name: str, size: tuple[int, int], media: dict[str, str]
) -> None:
    chromium.open(pages[name], size=size, media=media)
    everything_opened(chromium)
    texts = chromium.run(TEXTS)
    assert len(texts) > 60
    dim = [each for each in texts if contrast(each["color"], each["ground"]) < 4.5]
    assert dim == []
    assert min(each["size"] for each in texts) >= 12


def ground_of(chromium: Browser) -> float:
    return luminance(chromium.run("return getComputedStyle(document.body).backgroundColor"))


def test_colours_follow_the_system_until_the_switch_is_used(
    chromium: Browser, pages: Mapping[str, Path]
) -> None:
    chromium.open(pages["small"], media=LIGHT)
    assert ground_of(chromium) > 0.9
    chromium.open(pages["small"], media=DARK)
    assert ground_of(chromium) < 0.1
    bars = "return getComputedStyle(document.querySelector('.chart path[role]')).fill"
    dark_bar = chromium.run(bars)
    chromium.run("document.querySelector('#theme [value=light]').click()")
    assert ground_of(chromium) > 0.9
    assert chromium.run(bars) != dark_bar
    chromium.run("document.querySelector('#theme [value=auto]').click()")
    assert ground_of(chromium) < 0.1


# --- on a phone ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [PHONE, SMALL_PHONE, (768, 1000), SCREEN], ids=lambda size: str(size[0]))
@pytest.mark.parametrize("name", ["small", "large", "hostile"])
def test_nothing_is_cut_off_and_the_page_does_not_scroll_sideways(
    chromium: Browser, pages: Mapping[str, Path], name: str, size: tuple[int, int]
) -> None:
    chromium.open(pages[name], size=size)
    everything_opened(chromium)
    widths = chromium.run(
        "const page = document.scrollingElement; return [page.scrollWidth, page.clientWidth, innerWidth]"
    )
    assert widths == [size[0]] * 3
    texts = chromium.run(TEXTS)
    outside = [
        each
        for each in texts
        if not each["inside"] and (each["left"] < -0.5 or each["right"] > size[0] + 0.5)
    ]
    assert outside == []


def test_a_phone_has_charts_of_its_own(chromium: Browser, pages: Mapping[str, Path]) -> None:
    width = "each.viewBox.baseVal.width"
    chromium.open(pages["small"], size=PHONE)
    assert set(visible(chromium, ".chart", width)) == {340}
    chromium.open(pages["small"], size=SCREEN)
    assert set(visible(chromium, ".chart", width)) == {540}


# --- by keyboard -----------------------------------------------------------------------------------

FOCUS = """
    const on = document.activeElement;
    if (!on || on === document.body) return null;
    const marked = on.matches('.choice input') ? on.nextElementSibling : on;
    const style = getComputedStyle(marked);
    const box = marked.getBoundingClientRect();
    const name = on.getAttribute('aria-label') ?? on.labels?.[0]?.textContent ?? on.textContent.trim();
    return {tag: on.tagName.toLowerCase(), id: on.id, kind: on.getAttribute('class') ?? '', name,
            outline: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
            seen: box.width > 0};
"""


def walk(chromium: Browser, most: int = 200) -> list[dict[str, Any]]:
    """Press Tab until the page is left; gives where the focus was."""
    found: list[dict[str, Any]] = []
    for _ in range(most):
        chromium.keys("\ue004")
        at = chromium.run(FOCUS)
        if at is None or (found and at["id"] == found[0]["id"] and at["name"] == found[0]["name"]):
            return found
        found.append(at)
    raise AssertionError("the focus never comes back")


@pytest.mark.parametrize("size", [SCREEN, PHONE], ids=["screen", "phone"])
def test_the_tab_key_reaches_everything_and_shows_where_it_is(
    chromium: Browser, pages: Mapping[str, Path], size: tuple[int, int]
) -> None:
    chromium.open(pages["small"], size=size)
    found = walk(chromium)
    assert found[0]["name"] == "Skip to the forecast"
    assert all(each["outline"] and each["seen"] and each["name"] for each in found), found
    charts = chromium.run(
        "return [...document.querySelectorAll('.chart')].filter((each) => each.checkVisibility()).length"
    )
    kinds = [each["kind"].split(" ")[0] for each in found]
    assert kinds.count("chart") == charts >= 8
    assert kinds.count("gantt") == 1
    ids = [each["id"] for each in found]
    for wanted in ("only-critical", "find-row", "zoom-in", "zoom-out", "find-service", "csv-services-0"):
        assert wanted in ids
    links = visible(chromium, "a[download]")
    assert [each for each in ids if each.startswith("csv-")] == links
    heads = count(chromium, "#services-table thead button")
    assert sum(each["tag"] == "button" for each in found) == heads + 2
    places = chromium.run(
        "const all = [...document.querySelectorAll('*')];"
        "return arguments[0].map((id) => all.indexOf(document.getElementById(id)))",
        [each for each in ids if each],
    )
    assert places == sorted(places)


def focus(chromium: Browser, selector: str) -> None:
    chromium.run("document.querySelector(arguments[0]).focus()", selector)


def tip(chromium: Browser) -> str | None:
    found = chromium.run(
        "const tip = document.querySelector('#tip'); return tip.hidden ? null : tip.textContent"
    )
    return None if found is None else str(found)


def test_arrows_walk_through_a_chart(chromium: Browser, pages: Mapping[str, Path]) -> None:
    chromium.open(pages["small"])
    focus(chromium, "#figure-makespan .on-wide")
    seen = []
    for _ in range(3):
        chromium.keys("\ue014")
        seen.append(tip(chromium))
    assert all(text and re.search(r"to .*: [\d,]+ runs", text) for text in seen)
    assert len(set(seen)) == 3
    chromium.keys("\ue012")
    assert tip(chromium) == seen[1]
    chromium.keys("\ue00c")
    assert tip(chromium) is None


def test_arrows_walk_through_the_gantt_and_zoom_follows(chromium: Browser, pages: Mapping[str, Path]) -> None:
    chromium.open(pages["large"])
    focus(chromium, "#figure-run-p50 .gantt")
    chromium.keys(*["\ue015"] * 5)
    row = chromium.run("return document.activeElement.querySelector('.n').textContent")
    said = tip(chromium)
    assert said is not None
    assert said.startswith(row)
    chromium.keys("+", "+")
    assert chromium.run("return document.querySelector('#zoom-level').value") == "4\u00d7"
    chromium.keys("\ue015")
    inside = """
        const row = document.activeElement;
        const bar = (row.querySelector('.c') ?? row.querySelector('.b, .m, .d')).getBoundingClientRect();
        const chart = document.querySelector('#figure-run-p50 .gantt').getBoundingClientRect();
        return bar.left >= chart.left + 219 && bar.right <= chart.right;
    """
    assert chromium.run(inside)
    box = chromium.run(
        "const box = document.querySelector('#tip').getBoundingClientRect();"
        "return [box.left, box.top, innerWidth - box.right, innerHeight - box.bottom]"
    )
    assert min(box) >= 0
    chromium.keys("-", "-")
    assert chromium.run("return document.querySelector('#figure-run-p50 .gantt').scrollWidth") <= 1200


def test_a_pointer_shows_the_same(chromium: Browser, pages: Mapping[str, Path]) -> None:
    chromium.open(pages["small"])
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.by import By

    row = chromium.driver.find_element(By.CSS_SELECTOR, "#figure-run-p50 li.crit .lane")
    ActionChains(chromium.driver, duration=0).scroll_to_element(row).perform()
    ActionChains(chromium.driver, duration=0).move_to_element(row).perform()
    said = tip(chromium)
    assert said == str(row.get_attribute("aria-label")).replace("; ", "\n")


# --- what the controls do --------------------------------------------------------------------------


def rows_shown(chromium: Browser) -> list[str]:
    return visible(chromium, ".gantt li.row", "each.querySelector('.n').textContent")


def critical(forecast: Forecast, name: str) -> set[str]:
    run = forecast.median_run if name == "p50" else forecast.p90_run
    assert run is not None
    found = {service for step in run.steps if step.critical for service in step.services}
    return found | {"pre-check" for step in run.steps if step.critical and not step.services}


def test_a_large_plan_shows_what_is_critical_until_all_is_asked_for(
    chromium: Browser, pages: Mapping[str, Path]
) -> None:
    chromium.open(pages["large"])
    forecast = forecasts.large()
    assert set(rows_shown(chromium)) == critical(forecast, "p50") | {"pre-check"}
    chromium.run("document.querySelector('#run [value=p90]').click()")
    assert set(rows_shown(chromium)) == critical(forecast, "p90") | {"pre-check"}
    focus(chromium, "#only-critical")
    chromium.keys(" ")
    assert len(rows_shown(chromium)) == 501
    focus(chromium, "#find-row")
    chromium.keys(*"-25")
    found = {each.name for each in forecast.services if "-25" in each.name}
    assert set(rows_shown(chromium)) == found
    chromium.keys(*["\ue003"] * 3)
    assert len(rows_shown(chromium)) == 501


def test_a_small_plan_shows_all_until_less_is_asked_for(chromium: Browser, pages: Mapping[str, Path]) -> None:
    chromium.open(pages["small"])
    assert len(rows_shown(chromium)) == 7
    chromium.run("document.querySelector('#only-critical').click()")
    assert set(rows_shown(chromium)) == critical(forecasts.small(), "p50")


def column(chromium: Browser, number: int) -> list[str]:
    what = f"each.cells[{number}].dataset.v ?? each.cells[{number}].textContent"
    return [str(value) for value in values(chromium, "#services-table tbody tr", what)]


def test_the_table_is_sorted_by_its_heads(chromium: Browser, pages: Mapping[str, Path]) -> None:
    chromium.open(pages["large"])
    forecast = forecasts.large()
    for number in range(11):
        focus(chromium, f"#services-table thead th:nth-child({number + 1}) button")
        for _ in range(2):
            chromium.keys("\ue007")
            down = (
                chromium.run("return document.querySelector('[aria-sort]').getAttribute('aria-sort')")
                == "descending"
            )
            texts = column(chromium, number)
            assert len(texts) == len(forecast.services)
            if number >= 2:
                numbers = [float(text) if text else float("-inf") for text in texts]
                assert numbers == sorted(numbers, reverse=down)
            else:
                assert texts == sorted(texts, reverse=down)
        assert count(chromium, "[aria-sort]") == 1
    assert "Sorted by" in chromium.run("return document.querySelector('#sorted').textContent")


def test_the_table_is_cut_until_all_is_asked_for_and_searched_in_full(
    chromium: Browser, pages: Mapping[str, Path]
) -> None:

    def shown() -> int:
        return len(visible(chromium, "#services-table tbody tr"))

    chromium.open(pages["large"])
    assert shown() == 25
    focus(chromium, "#find-service")
    chromium.keys(*"team-03")
    assert shown() == sum("team-03" in each.name for each in forecasts.large().services) > 25
    chromium.keys(*["\ue003"] * 7)
    assert shown() == 25
    chromium.run("document.querySelector('#all-services').click()")
    assert shown() == 500


FOCUS_ON_LINK = """
    const link = document.getElementById(arguments[0]);
    const run = link.closest('[data-run]');
    run?.classList.replace('gone', 'shown');
    link.focus();
"""


def table_of(chromium: Browser, link: str) -> list[list[str]]:
    script = """
        const item = document.getElementById(arguments[0]).closest('.item');
        return [...item.querySelectorAll('tr')].map((row) => [...row.cells].map((cell) => cell.textContent));
    """
    return [[str(cell) for cell in row] for row in chromium.run(script, link)]


@pytest.mark.parametrize("name", ["small", "hostile"])
def test_every_link_saves_the_data_that_its_table_shows(
    chromium: Browser, pages: Mapping[str, Path], name: str
) -> None:
    chromium.open(pages[name])
    everything_opened(chromium)
    links = chromium.run(
        "return [...document.querySelectorAll('a[download]')].map((each) => [each.id, each.download])"
    )
    assert len(links) >= 10
    for place, (link, file) in enumerate(links):
        # A browser takes no more than ten downloads of a page within a moment.
        if place % 5 == 4:
            chromium.open(pages[name])
            everything_opened(chromium)
        path = chromium.downloads / file
        path.unlink(missing_ok=True)
        chromium.run(FOCUS_ON_LINK, link)
        chromium.keys("\ue007")
        deadline = time.monotonic() + 20
        # Its name is taken before it has its content.
        while not (path.exists() and path.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.02)
        with path.open(encoding="utf-8", newline="") as content:
            rows = list(csv.reader(content, strict=True))
        assert len({len(row) for row in rows}) == 1
        assert rows == table_of(chromium, link), file
        assert len(rows) > 1, file


# --- other readers ---------------------------------------------------------------------------------


def test_without_scripts_all_is_there(chromium: Browser, pages: Mapping[str, Path]) -> None:
    chromium.command("Emulation.setScriptExecutionDisabled", value=True)
    try:
        chromium.open(pages["small"])
        tree = chromium.command("DOM.getDocument", depth=-1)
        assert "figure-run-p90" in json.dumps(tree)
        boxes = {
            selector: chromium.command("DOM.querySelector", nodeId=tree["root"]["nodeId"], selector=selector)[
                "nodeId"
            ]
            for selector in (
                "#figure-run-p50",
                "#figure-run-p90",
                "#figure-makespan .on-wide",
                "#theme",
                ".controls",
            )
        }
        for selector in ("#figure-run-p50", "#figure-run-p90", "#figure-makespan .on-wide"):
            assert chromium.command("DOM.getBoxModel", nodeId=boxes[selector])["model"]["height"] > 100
    finally:
        chromium.command("Emulation.setScriptExecutionDisabled", value=False)


def test_it_prints_dark_on_light_without_controls(chromium: Browser, pages: Mapping[str, Path]) -> None:
    chromium.open(pages["small"], size=(718, 1000), media=DARK, printed=True)
    assert ground_of(chromium) > 0.9
    assert visible(chromium, "nav, .controls, .data, #theme") == []
    texts = chromium.run(TEXTS)
    assert [each for each in texts if contrast(each["color"], each["ground"]) < 4.5] == []
    printed = chromium.command("Page.printToPDF", printBackground=True)
    assert len(printed["data"]) > 10_000


def test_nothing_moves_for_those_who_want_it_still(chromium: Browser, pages: Mapping[str, Path]) -> None:
    chromium.open(pages["small"], media={"prefers-reduced-motion": "reduce"})
    assert values(chromium, "html", "getComputedStyle(each).scrollBehavior") == ["auto"]
    assert chromium.run("return document.getAnimations().length") == 0
    assert set(values(chromium, "*", "getComputedStyle(each).transitionDuration")) == {"0s"}


def test_the_accessibility_tree_has_names_for_everything(
    chromium: Browser, pages: Mapping[str, Path]
) -> None:
    chromium.open(pages["small"])
    nodes = chromium.command("Accessibility.getFullAXTree")["nodes"]
    shown = [node for node in nodes if not node.get("ignored")]
    needing = (
        "button",
        "link",
        "checkbox",
        "radio",
        "searchbox",
        "image",
        "figure",
        "region",
        "table",
        "group",
    )
    nameless = [
        node["role"]["value"]
        for node in shown
        if node["role"]["value"] in needing
        and not node.get("name", {}).get("value")
        and node["role"]["value"] != "group"
    ]
    assert nameless == []
    roles = [node["role"]["value"] for node in shown]
    assert roles.count("figure") >= 6
    assert roles.count("heading") >= 12
    assert {"banner", "main", "navigation"} <= set(roles)


@pytest.mark.parametrize("media", [LIGHT, DARK], ids=["light", "dark"])
def test_the_svg_is_right_within_another_page(
    chromium: Browser, tmp_path: Path, media: dict[str, str]
) -> None:
    import base64

    (tmp_path / "run.svg").write_text(svg.render(forecasts.small()), encoding="utf-8")
    page = tmp_path / "readme.html"
    page.write_text(
        '<meta name="color-scheme" content="light dark"><img src="run.svg" id="run">', encoding="utf-8"
    )
    chromium.open(page, media=media)
    assert chromium.run(
        "const image = document.getElementById('run'); return [image.complete, image.naturalWidth]"
    ) == [True, 960]
    picture = base64.b64decode(chromium.driver.find_element("id", "run").screenshot_as_base64)
    ground = chromium.driver.execute_async_script(
        """
        const [bytes, done] = arguments;
        const image = new Image();
        image.onload = () => {
            const canvas = new OffscreenCanvas(image.width, image.height);
            const context = canvas.getContext('2d');
            context.drawImage(image, 0, 0);
            done([...context.getImageData(image.width - 6, 40, 1, 1).data]);
        };
        image.src = 'data:image/png;base64,' + bytes;
        """,
        base64.b64encode(picture).decode(),
    )
    assert (sum(ground[:3]) > 3 * 230) == (media is LIGHT)
    assert not [url for url in chromium.requests() if not url.startswith(("file:", "data:"))]
