"""The graph's four forms, with names that try to break out of them."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import time
import unicodedata
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.driver import make_graph
from compiler.graph import ServiceNode, StageGraph, build_graph
from compiler.vocabulary import ServiceType
from spec_plans import example
from stagecast.views.graph import render_dot, render_json, render_mermaid, render_text

HERE = Path(__file__).parent / "rendered"
TYPES = ("database", "job", "application")
HOSTILE = (
    "end",
    '"] end',
    'a"]\n  end\n  x["y',
    "#quot; #35; &quot; &lt; &amp;",
    "<script>alert(1)</script>",
    "%%{init: {}}%%",
    "`code` **bold**",
    "1. list",
    "\\",
    '\\" -> x; }',
    "\\N \\G \\l",
    "<b>html</b>",
    "日本語 é 😀",
    "\u202e right to left",
    "\x1b[31m red \x00",
    "graph TD; A --> B; click n0 href 'x'",
    "{ } [ ] ( ) | : ; , =",
    "x" * 253,
)


def chain(names: tuple[str, ...]) -> StageGraph:
    """A service in each of these stages, one depending on the other, every fifth skipped."""
    services = {
        f"s{index}": ServiceNode(f"s{index}", TYPES[index % 3], index, index % 5 == 4)
        for index in range(len(names))
    }
    return build_graph(names, services, {f"s{index + 1}": (f"s{index}",) for index in range(len(names) - 1)})


def wide(services: int) -> StageGraph:
    """Four stages of databases, jobs and applications, with two dependencies each."""
    nodes = {
        f"s{index}": ServiceNode(f"s{index}", TYPES[index % 3], index * 4 // services, False)
        for index in range(services)
    }
    return build_graph(
        ["a", "b", "c", "d"],
        nodes,
        {f"s{index}": (f"s{index // 2}", f"s{index // 3}") for index in range(3, services)},
    )


@pytest.mark.parametrize("name", ["quickstart", "voting-app", "online-boutique"])
@pytest.mark.parametrize(
    ("render", "ending"),
    [(render_text, "txt"), (render_mermaid, "mmd"), (render_dot, "dot")],
    ids=["text", "mermaid", "dot"],
)
def test_the_examples(golden: Any, name: str, render: Any, ending: str) -> None:
    golden(HERE / f"{name}.{ending}", render(make_graph(example(name))))


# --- JSON ---


def schema() -> Any:
    return json.loads(resources.files("schemas").joinpath("graph.schema.json").read_text(encoding="utf-8"))


def test_the_schema_is_one_and_describes_everything() -> None:
    jsonschema.Draft7Validator.check_schema(schema())
    data = json.loads(render_json(chain(HOSTILE)))
    jsonschema.Draft7Validator(schema()).validate(data)

    def keys(value: Any, shape: Any) -> None:
        """Every key of the output is described, and no key is described that there is not."""
        if isinstance(value, dict):
            assert list(value) == list(shape["properties"]) == shape["required"]
            assert shape["additionalProperties"] is False
            for key, item in value.items():
                assert shape["properties"][key]["description"]
                keys(item, shape["properties"][key])
        elif isinstance(value, list):
            for item in value:
                keys(item, shape["items"])

    keys(data, schema())


def test_the_schema_knows_all_types_of_services() -> None:
    types = schema()["properties"]["services"]["items"]["properties"]["type"]["enum"]
    assert sorted(types) == sorted(kind.value for kind in ServiceType)


def test_json_says_what_the_graph_says() -> None:
    data = json.loads(render_json(make_graph(example("voting-app"))))
    assert data["stages"][3] == {"name": "application", "services": ["result", "seed", "vote", "worker"]}
    assert data["services"][3] == {
        "name": "seed",
        "type": "job",
        "stage": "application",
        "skipped": True,
        "dependsOn": ["vote"],
    }
    assert data["minimalStages"] == [["db", "redis"], ["result", "vote", "worker"]]
    assert data["barriers"] == [
        {"after": "database", "before": "container", "askedFor": 0, "unasked": ["redis"]},
        {"after": "container", "before": "application", "askedFor": 2, "unasked": ["result"]},
    ]


# --- Mermaid ---

LABEL = r'"(?:[^"#\n]|#[0-9]+;)*"'
NODE = rf"n[0-9]+(?:\[{LABEL}\]|\(\[{LABEL}\]\)|\[\({LABEL}\)\])(?::::skipped)?"
LINES = (
    r"flowchart LR",
    rf"  subgraph s[0-9]+\[{LABEL}\]",
    rf"    {NODE}",
    r"  end",
    rf"  s[0-9]+ ==>\|{LABEL}\| s[0-9]+",
    r"  n[0-9]+ --> n[0-9]+",
    r"  classDef skipped stroke-dasharray:4 4,opacity:0\.6",
    r"  %% [A-Za-z0-9 :]+\.",
)


@given(st.lists(st.text(max_size=30), min_size=1, max_size=6, unique=True))
def test_mermaid_has_no_other_lines_than_ours(names: list[str]) -> None:
    """The grammar of what is written, whatever the stages are called."""
    for line in render_mermaid(chain(tuple(names))).removesuffix("\n").split("\n"):
        assert any(re.fullmatch(pattern, line) for pattern in LINES), line


def test_mermaid_labels_say_what_the_names_say() -> None:
    text = render_mermaid(chain(HOSTILE))
    titles = re.findall(rf"  subgraph s[0-9]+\[({LABEL})\]", text)
    shown = [re.sub(r"#([0-9]+);", lambda match: chr(int(match[1])), title[1:-1]) for title in titles]
    for index, (name, title) in enumerate(zip(HOSTILE, shown, strict=True)):
        start = f"stage {index + 1}: "
        assert title.startswith(start)
        if name.isprintable():
            assert title == start + name
        else:
            assert title.isprintable()


def test_mermaid_says_when_there_are_too_many_edges() -> None:
    assert "maxEdges" in render_mermaid(wide(400))
    assert "maxEdges" not in render_mermaid(wide(100))


# --- DOT ---


@pytest.fixture(scope="module")
def dot() -> str:
    """Graphviz."""
    found = shutil.which("dot")
    if found is None:
        hint = "Graphviz is missing; on Debian: apt-get install graphviz"
        pytest.skip(f"A REAL COMPONENT IS MISSING, SO THIS WAS NOT TESTED: {hint}")
    return found


def layout(dot: str, text: str) -> Any:
    done = subprocess.run([dot, "-Tjson"], input=text.encode(), capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr.decode()) == (0, "")
    return json.loads(done.stdout)


def test_graphviz_reads_hostile_names_as_names(dot: str) -> None:
    found = layout(dot, render_dot(chain(HOSTILE)))
    clusters = [each for each in found["objects"] if each["name"].startswith("cluster_")]
    nodes = [each["name"] for each in found["objects"] if not each["name"].startswith("cluster_")]
    assert len(clusters) == len(HOSTILE)
    assert sorted(nodes) == sorted(f"s{index}" for index in range(len(HOSTILE)))
    dependencies = [edge for edge in found["edges"] if edge.get("style") != "bold"]
    assert len(dependencies) == len(HOSTILE) - 1
    svg = subprocess.run(
        [dot, "-Tsvg"], input=render_dot(chain(HOSTILE)).encode(), capture_output=True, check=True
    )
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg.stdout.decode())
    shown = {html.unescape(text).replace("\xa0", " ") for text in texts}
    for index, name in enumerate(HOSTILE):
        if name.isprintable():
            assert f"{index + 1}. {name}" in shown


@pytest.mark.parametrize("name", ["quickstart", "voting-app", "online-boutique"])
def test_graphviz_draws_the_examples_without_a_warning(dot: str, name: str) -> None:
    graph = make_graph(example(name))
    found = layout(dot, render_dot(graph))
    assert len(found["edges"]) == graph.graph.number_of_edges() + len(graph.barriers())


STRING = r'"(?:[^"\\\n]|\\.)*"'
DOT_LINES = (
    r"digraph stagecast \{",
    r"  rankdir=LR; compound=true;",
    r"  node \[.*\]; graph \[.*\];",
    r"  subgraph cluster_[0-9]+ \{",
    rf"    label={STRING};",
    rf"    {STRING}(?: \[[a-z=, ]+\])?;",
    r"  \}",
    rf"  {STRING} -> {STRING}(?: \[ltail=cluster_[0-9]+, lhead=cluster_[0-9]+, style=bold, color=gray\])?;",
    r"\}",
)


@given(st.lists(st.text(max_size=30), min_size=1, max_size=6, unique=True))
def test_dot_has_no_other_lines_than_ours(names: list[str]) -> None:
    for line in render_dot(chain(tuple(names))).removesuffix("\n").split("\n"):
        assert any(re.fullmatch(pattern, line) for pattern in DOT_LINES), line


# --- text ---


@given(st.lists(st.text(max_size=80), min_size=1, max_size=6, unique=True))
def test_text_never_steers_a_terminal(names: list[str]) -> None:
    text = render_text(chain(tuple(names)))
    assert all(
        unicodedata.category(character) not in ("Cc", "Cf", "Cs") for character in text.replace("\n", "")
    )
    assert text.count("\n") < 60


def test_text_says_what_each_barrier_costs() -> None:
    text = render_text(make_graph(example("online-boutique")))
    assert "dependsOn alone would need 5 stages:" in text
    assert "before application  7 of 10 need nothing of container: adservice, currencyservice" in text
    assert "before load         nobody: its service needs application" in text


def test_an_environment_of_one_stage_has_no_barriers() -> None:
    text = render_text(chain(("only",)))
    assert "1 service in 1 stage, 0 dependencies" in text
    assert "No barriers" in text


def test_nothing_but_skipped_services() -> None:
    nodes = {"a": ServiceNode("a", "job", 0, True)}
    graph = build_graph(["x"], nodes, {})
    assert "dependsOn alone would need 0 stages" in render_text(graph)
    assert json.loads(render_json(graph))["minimalStages"] == []
    assert ":::skipped" in render_mermaid(graph)


def test_ten_thousand_services() -> None:
    graph = wide(10_000)
    start = time.process_time()
    sizes = [len(render(graph)) for render in (render_text, render_mermaid, render_dot, render_json)]
    # All four take 0.7 s on a free core.
    assert time.process_time() - start < 3
    assert render_text(graph).count("\n") < 160
    assert all(size < 4_000_000 for size in sizes)
