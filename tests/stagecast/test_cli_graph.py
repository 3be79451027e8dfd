"""`stagecast graph`: the same graph in four forms."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cli_runs import BROKEN, CHECKOUT, SPEC, Cli

SERVICES = ("postgres", "cache", "web")


def graph_of(cli: Cli, *arguments: str | Path) -> dict[str, Any]:
    result = cli("graph", *arguments, "--format", "json")
    assert result.code == 0, result.err
    data: dict[str, Any] = json.loads(result.out)
    return data


def test_json_is_valid_and_has_stages_services_and_barriers(cli: Cli, spec: Path) -> None:
    graph = graph_of(cli, spec)
    schema = json.loads((CHECKOUT / "schemas" / "graph.schema.json").read_text())
    jsonschema.validators.validator_for(schema)(schema).validate(graph)
    assert [stage["name"] for stage in graph["stages"]] == ["database", "job", "container", "application"]
    assert {service["name"]: service["dependsOn"] for service in graph["services"]} == {
        "cache": [],
        "postgres": [],
        "web": ["cache", "postgres"],
    }


def test_minimal_staging_and_what_barriers_cost(cli: Cli, spec: Path) -> None:
    """The cache waits for the database stage and never asked for it; web asked for its own barrier."""
    graph = graph_of(cli, spec)
    assert graph["minimalStages"] == [["cache", "postgres"], ["web"]]
    assert {(barrier["before"], tuple(barrier["unasked"])) for barrier in graph["barriers"]} == {
        ("container", ("cache",)),
        ("application", ()),
    }
    text = cli("graph", spec).out
    assert "would need 2 stages" in text
    assert "before container" in text


@pytest.mark.parametrize("form", ["text", "mermaid", "dot", "json"])
def test_every_form_has_every_service_and_ends_its_line(cli: Cli, spec: Path, form: str) -> None:
    result = cli("graph", spec, "-f", form)
    assert (result.code, result.err) == (0, "")
    assert all(service in result.out for service in SERVICES)
    assert result.out.endswith("\n")
    assert not result.out.endswith("\n\n")


def test_text_is_the_default(cli: Cli, spec: Path) -> None:
    assert cli("graph", spec).out == cli("graph", spec, "--format", "text").out
    assert cli("graph", spec).out.startswith("3 services in 3 stages, 2 dependencies\n")


def test_the_drawings_have_the_edges(cli: Cli, spec: Path) -> None:
    mermaid = cli("graph", spec, "-f", "mermaid").out
    names = dict(re.findall(r'(n\d+)\W+"(\w+)"', mermaid))
    edges = {(names[a], names[b]) for a, b in re.findall(r"^  (n\d+) --> (n\d+)$", mermaid, re.MULTILINE)}
    assert edges == {("cache", "web"), ("postgres", "web")}
    assert mermaid.startswith("flowchart LR\n")
    dot = cli("graph", spec, "-f", "dot").out
    assert re.findall(r'^  "(\w+)" -> "(\w+)";$', dot, re.MULTILINE) == [
        ("cache", "web"),
        ("postgres", "web"),
    ]
    assert dot.startswith("digraph ")


def test_names_that_mean_something_to_the_drawings_are_only_names(cli: Cli, spec: Path) -> None:
    """Service names are Kubernetes', but `end` closes a subgraph; names of stages are any text."""
    text = SPEC.replace("cache", "end").replace("CACHE", "END")
    stages = "stages: [database, {name: 'a\"] --> b', defaultFor: [container]}, application]\n"
    spec.write_text(text + stages)
    mermaid = cli("graph", spec, "-f", "mermaid")
    assert mermaid.code == 0, mermaid.err
    lines = [line.strip() for line in mermaid.out.splitlines()]
    assert lines.count("end") == sum(line.startswith("subgraph ") for line in lines) == 3
    assert not [line for line in lines if line.startswith("end") and line != "end"]
    assert 'a"] --> b' not in mermaid.out
    dot = cli("graph", spec, "-f", "dot").out
    assert 'a\\"] --> b' in dot


def test_an_environment_without_services(cli: Cli, spec: Path) -> None:
    spec.write_text("apiVersion: stagecast/v1beta1\nkind: Environment\nname: nothing\nservices: {}\n")
    for form in ("text", "mermaid", "dot", "json"):
        result = cli("graph", spec, "-f", form)
        assert result.code == 0, result.err


def test_errors_are_shown_and_nothing_is_drawn(cli: Cli, spec: Path) -> None:
    spec.write_text(BROKEN)
    result = cli("graph", spec, "-f", "dot")
    assert (result.code, result.out) == (1, "")
    assert "error[STC205]" in result.err


def test_a_format_that_there_is_not_is_wrong_usage(cli: Cli, spec: Path) -> None:
    result = cli("graph", spec, "-f", "mermiad")
    assert (result.code, result.out) == (2, "")
    assert "did you mean mermaid?" in result.err
