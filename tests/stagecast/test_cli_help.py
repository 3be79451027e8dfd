"""What the command line says of itself: help, `explain`, `schema`, and words that it does not know."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest

from cli_runs import Cli
from compiler.diagnostics.catalog import RULES
from stagecast.cli import COMMANDS
from stagecast.commands.schema import SCHEMAS


def test_without_arguments_it_shows_its_help(cli: Cli) -> None:
    result = cli()
    assert result.code == 2
    assert "Usage: " in result.out + result.err
    assert cli("--help").out.strip() in (result.out + result.err).strip()


def test_the_help_lists_every_command_in_whole_sentences(cli: Cli) -> None:
    result = cli("--help")
    assert (result.code, result.err) == (0, "")
    listed = result.out.partition("Commands:\n")[2]
    words = [line.split()[0] for line in listed.splitlines() if line.startswith("  ") and line[2] != " "]
    assert words == list(COMMANDS)
    assert "..." not in listed


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_its_options(cli: Cli, command: str) -> None:
    result = cli(command, "--help")
    assert (result.code, result.err) == (0, "")
    assert f" {command} [OPTIONS]" in result.out
    assert "-f, --format" in result.out
    options = [line for line in result.out.partition("Options:\n")[2].splitlines() if line.startswith("  -")]
    assert len(options) >= 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("validat",), "there is no command validat; did you mean validate?"),
        (("frobnicate",), "No such command 'frobnicate'"),
        (("--verson",), "No such option: --verson"),
        (("validate", "--formt", "json"), "No such option: --formt"),
        (("validate", "a.yaml", "b.yaml"), "unexpected extra argument"),
    ],
)
def test_unknown_words_are_wrong_usage(cli: Cli, arguments: tuple[str, ...], message: str) -> None:
    result = cli(*arguments)
    assert (result.code, result.out) == (2, "")
    assert message in result.err


# --- explain


def test_explain_lists_every_code(cli: Cli) -> None:
    result = cli("explain")
    assert result.code == 0
    assert [line.split()[0] for line in result.out.splitlines()] == list(RULES)


@pytest.mark.parametrize("code", RULES)
def test_explain_says_why_and_what_instead(cli: Cli, code: str) -> None:
    rule = RULES[code]
    text = cli("explain", code).out
    assert text.startswith(f"{code} {rule.name} ({rule.severity.value})\n\n{rule.summary}.\n")
    assert "Example:" in text
    assert "Instead:" in text or rule.advice
    assert cli("explain", code.lower()).out == text
    assert cli("explain", rule.name).out == text


def test_explain_in_json(cli: Cli) -> None:
    every = json.loads(cli("explain", "--format", "json").out)
    assert [record["code"] for record in every] == list(RULES)
    one = json.loads(cli("explain", "STC501", "-f", "json").out)
    assert one == next(record for record in every if record["code"] == "STC501")
    assert (one["severity"], one["name"]) == ("warning", "mutable-image-tag")


def test_explain_of_an_unknown_code_is_wrong_usage(cli: Cli) -> None:
    result = cli("explain", "STC999")
    assert (result.code, result.out) == (2, "")
    assert "there is no code STC999" in result.err
    assert "did you mean unknown-key?" in cli("explain", "unknown-kye").err


# --- schema


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema_prints_exactly_the_packaged_file(cli: Cli, name: str) -> None:
    result = cli("schema", name)
    assert (result.code, result.err) == (0, "")
    assert result.out == files("schemas").joinpath(f"{name}.schema.json").read_text(encoding="utf-8")
    assert json.loads(result.out)["$schema"].startswith("http://json-schema.org/draft-07/")


def test_every_packaged_schema_can_be_printed() -> None:
    packaged = {
        Path(file.name).name.removesuffix(".schema.json")
        for file in files("schemas").iterdir()
        if file.name.endswith(".json")
    }
    assert packaged == set(SCHEMAS)


def test_schema_means_the_spec_unless_told_otherwise(cli: Cli) -> None:
    assert cli("schema").out == cli("schema", "environment").out
    assert cli("schema", "--format", "json").out == cli("schema").out


def test_an_unknown_schema_is_wrong_usage(cli: Cli) -> None:
    result = cli("schema", "projct")
    assert (result.code, result.out) == (2, "")
    assert "did you mean project?" in result.err
    assert cli("schema", "-f", "text").code == 2
