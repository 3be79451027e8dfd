"""`stagecast plan`: the plan as JSON and as text, and what differs from a previous one."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cli_runs import BROKEN, CHECKOUT, SPEC, WARNS, Cli


def plan_of(cli: Cli, *arguments: str | Path) -> dict[str, Any]:
    result = cli("plan", *arguments, "--json")
    assert result.code == 0, result.err
    data: dict[str, Any] = json.loads(result.out)
    return data


def test_json_has_the_keys_that_are_promised_and_is_valid(cli: Cli, spec: Path) -> None:
    plan = plan_of(cli, spec)
    schema = json.loads((CHECKOUT / "schemas" / "plan.schema.json").read_text())
    jsonschema.validators.validator_for(schema)(schema).validate(plan)
    assert {"digest", "stages", "limits", "builds", "images", "workloads", "tasks"} <= set(plan)
    assert cli("plan", spec, "--format", "json").out == cli("plan", spec, "--json").out
    for task in plan["tasks"]:
        assert {"id", "kind", "services", "stage", "needs"} <= set(task)
    [build] = [task for task in plan["tasks"] if task["kind"] == "build"]
    assert build["resources"] == {"cpuMilli": 4000, "memoryBytes": 4_000_000_000}


def test_the_order_of_services_in_the_file_leaves_the_plan_as_it_is(cli: Cli, spec: Path) -> None:
    """Byte for byte, not only the digest."""
    expected = cli("plan", spec, "--json").out
    head, _, body = SPEC.partition("services:\n")
    services = re.split(r"(?m)^(?=  \w)", body)[1:]
    assert len(services) == 3
    for seed in range(3):
        shuffled = random.Random(seed).sample(services, len(services))
        spec.write_text(head + "services:\n" + "".join(shuffled))
        assert cli("plan", spec, "--json").out == expected


def test_estimates_and_comments_are_not_in_the_digest(cli: Cli, spec: Path) -> None:
    before = plan_of(cli, spec)
    spec.write_text("# a comment\n" + SPEC.replace("build: 3m", "build: 5m"))
    after = plan_of(cli, spec)
    assert before["digest"] == after["digest"]
    assert before["estimates"] != after["estimates"]
    spec.write_text(SPEC.replace("7.4.2", "7.4.3"))
    assert plan_of(cli, spec)["digest"] != before["digest"]


def test_the_text_says_what_is_done_in_which_order(cli: Cli, spec: Path) -> None:
    result = cli("plan", spec)
    assert (result.code, result.err) == (0, "")
    text = result.out
    for part in ("shop: 3 services", "Build  1 image", "Mirror  2 images", "Deploy  3 services"):
        assert part in text
    order = [text.index(part) for part in ("1. database", "3. container", "4. application")]
    assert order == sorted(order)
    assert "docker.io/library/redis:7.4.2" in text
    assert "4 CPU" in text
    assert max(map(len, text.splitlines())) <= 100
    assert "\x1b[" not in text
    assert cli("plan", spec, "-f", "text").out == text


def test_colour_and_width_follow_the_terminal(cli: Cli, spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = cli("plan", spec).out
    monkeypatch.setenv("COLUMNS", "60")
    narrow = cli("plan", spec).out
    assert max(map(len, narrow.splitlines())) < max(map(len, plain.splitlines()))
    monkeypatch.delenv("COLUMNS")
    cli("compile", spec, "-o", "out", "-t", "helm")
    spec.write_text(SPEC.replace("7.4.2", "7.4.3"))
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in cli("plan", spec, "--previous", "out").out


def test_skipped_services_are_named(cli: Cli, spec: Path) -> None:
    spec.write_text(SPEC + "  later: {type: container, image: 'nginx:1.29.3', skip: true}\n")
    assert "later" in cli("plan", spec).out
    assert plan_of(cli, spec)["skipped"] == ["later"]


# --- compared with a previous plan


@pytest.mark.parametrize("form", ["folder", "file"])
def test_a_previous_plan_shows_what_is_new_changed_and_removed(cli: Cli, spec: Path, form: str) -> None:
    cli("compile", spec, "-o", "out", "-t", "helm")
    [file] = Path("out").rglob("*plan.json")
    gone = '  postgres: {type: database, engine: postgresql, version: "16"}\n'
    text = SPEC.replace("7.4.2", "7.4.3").replace(gone, "").replace("[postgres, cache]", "[cache]")
    spec.write_text(text + "  added: {type: container, image: 'nginx:1.29.3'}\n")
    result = cli("plan", spec, "--previous", file if form == "file" else "out")
    assert result.code == 0
    for part in ("+ service added", "~ service cache: image.", "- service postgres"):
        assert part in result.out
    assert "service web" not in "".join(
        line for line in result.out.splitlines() if "~" in line and "image" in line
    )


def test_the_output_of_the_project_is_the_previous_plan(cli: Cli, project: Path) -> None:
    assert "service cache" not in cli("plan", "prod").out
    cli("compile")
    unchanged = cli("plan", "prod").out
    (project / "prod.yaml").write_text(SPEC.replace("7.4.2", "7.4.3"))
    changed = cli("plan", "prod").out
    assert "~ service cache" in changed
    assert "~ service" not in unchanged


@pytest.mark.parametrize(
    "content",
    ["", "x", "[]", "null", "{}", '{"version": 1}', "[" * 100_000, '{"version": "stagecast/plan/v1"}'],
)
def test_what_is_no_plan_cannot_be_compared_with(cli: Cli, spec: Path, folder: Path, content: str) -> None:
    (folder / "previous.json").write_text(content)
    result = cli("plan", spec, "--previous", "previous.json")
    assert (result.code, result.out) == (2, "")
    assert "--previous: previous.json is not a plan: " in result.err


def test_a_previous_plan_that_is_not_there_is_unreadable(cli: Cli, spec: Path, folder: Path) -> None:
    assert cli("plan", spec, "--previous", "none.json").code == 3
    (folder / "empty").mkdir()
    assert cli("plan", spec, "--previous", "empty").code == 3


def test_a_damaged_plan_in_the_output_is_said_and_left_out(cli: Cli, project: Path) -> None:
    expected = cli("plan", "prod").out
    cli("compile")
    [file] = (project / "deploy" / "prod").rglob("*plan.json")
    file.write_text("{}")
    result = cli("plan", "prod")
    assert (result.code, result.out) == (0, expected)
    assert result.err.startswith(f"stagecast: not compared with {file.relative_to(project)}: ")


# --- findings


def test_errors_are_shown_and_nothing_is_planned(cli: Cli, spec: Path) -> None:
    spec.write_text(BROKEN)
    for form in ("text", "json"):
        result = cli("plan", spec, "-f", form)
        assert (result.code, result.out) == (1, "")
        assert "error[STC205]" in result.err


def test_warnings_stand_beside_the_plan(cli: Cli, spec: Path) -> None:
    spec.write_text(WARNS)
    result = cli("plan", spec, "--json")
    assert result.code == 0
    assert "warning[STC501]" in result.err
    json.loads(result.out)


def test_notes_are_left_to_validate(cli: Cli, spec: Path) -> None:
    spec.write_text(SPEC.replace("services:", "pipeline: {build: {pool: {cpu: 8}}}\nservices:"))
    assert "note[STC402]" in cli("validate", spec).out
    assert cli("plan", spec).err == ""


def test_which_environment_has_to_be_clear(cli: Cli, project: Path) -> None:  # noqa: ARG001
    result = cli("plan")
    assert (result.code, result.out) == (2, "")
    assert "which environment? name one of prod, staging" in result.err
    assert plan_of(cli, "staging")["environment"] == "shop-staging"


def test_one_environment_needs_no_name(cli: Cli, project: Path) -> None:
    file = project / "stagecast.yaml"
    file.write_text("".join(line for line in file.read_text().splitlines(True) if "staging" not in line))
    assert plan_of(cli)["environment"] == "shop"


def test_a_format_that_there_is_not_is_wrong_usage(cli: Cli, spec: Path) -> None:
    result = cli("plan", spec, "-f", "yaml")
    assert result.code == 2
    assert "--format: no format yaml; choose one of text, json" in result.err
