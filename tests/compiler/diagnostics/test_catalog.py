"""The catalog is complete, and its documentation says what it should in a form that can be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import compiler
from compiler.diagnostics.catalog import GROUPS, RULES, Rule, find
from compiler.diagnostics.explain import explain, markdown, reference
from compiler.diagnostics.model import Findings
from compiler.dockerfile.reader import read_dockerfile
from compiler.document.parse import parse
from compiler.source import SourceFile

DOCKERFILES = [rule for rule in RULES.values() if rule.prose.language == "dockerfile"]
YAML = [rule for rule in RULES.values() if rule.prose.language == "yaml"]
BY_CODE = pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.code)


def test_codes_and_names_identify_rules() -> None:
    assert [rule.code for rule in RULES.values()] == list(RULES) == sorted(RULES)
    assert len({rule.name for rule in RULES.values()}) == len(RULES)
    assert {code[3] for code in RULES} == set(GROUPS)


@BY_CODE
def test_entry(rule: Rule) -> None:
    assert re.fullmatch(r"STC\d{3}", rule.code)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.name)
    assert len(rule.summary) <= 80
    assert not rule.summary.endswith(".")
    assert len(rule.why) > 60
    assert rule.why.endswith((".", ")"))
    assert rule.example.strip()
    assert rule.instead or rule.advice
    assert not rule.advice or rule.advice.endswith(".")


def test_practices_have_dockerfiles_as_examples_and_all_others_yaml() -> None:
    for code, rule in RULES.items():
        assert rule.prose.language == ("dockerfile" if code.startswith("STC9") else "yaml")


@pytest.mark.parametrize("rule", DOCKERFILES, ids=lambda rule: rule.code)
def test_examples_of_practices_can_be_built(rule: Rule) -> None:
    for snippet in filter(None, (rule.example, rule.instead)):
        read = read_dockerfile(SourceFile("Dockerfile", snippet))
        assert [problem.message for problem in read.problems] == []
        assert read.stages


@pytest.mark.parametrize("rule", YAML, ids=lambda rule: rule.code)
def test_examples_are_yaml_but_for_those_about_reading(rule: Rule) -> None:
    read_errors = rule.code.startswith("STC0")
    for snippet, is_broken in ((rule.example, read_errors), (rule.instead, False)):
        findings = Findings()
        parse(SourceFile("example.yaml", snippet), findings)
        if not is_broken:
            assert [finding.message for finding in findings] == []


def compiler_sources() -> list[str]:
    folder = Path(compiler.__file__).parent
    paths = sorted(path for path in folder.rglob("*.py") if path.name != "catalog.py")
    return [path.read_text(encoding="utf-8") for path in paths]


def test_every_code_that_the_compiler_reports_is_in_the_catalog() -> None:
    used = {code for text in compiler_sources() for code in re.findall(r'"(STC\d{3})"', text)}
    assert len(used) > 40
    assert used - RULES.keys() == set()


def test_codes_are_reported_with_the_severity_that_is_documented() -> None:
    said = set()
    for text in compiler_sources():
        said |= {
            (code, kind) for kind, code in re.findall(r'\b(error|warning|note)\(\s*\w+,\s*"(STC\d{3})"', text)
        }
        built = re.findall(r'Diagnostic\(\s*"(STC\d{3})",\s*Severity\.(\w+)', text)
        said |= {(code, severity.lower()) for code, severity in built}
    assert len(said) > 40
    assert sorted(pair for pair in said if RULES[pair[0]].severity.value != pair[1]) == []


def test_a_rule_is_found_by_code_and_name() -> None:
    assert find("stc101") is find("Unknown-Key") is RULES["STC101"]
    assert find("STC999") is None
    assert find("") is None


def test_only_errors_of_reading_cannot_be_ignored() -> None:
    locked = {code for code, rule in RULES.items() if not rule.can_be_ignored}
    assert locked == {code for code in RULES if code < "STC100"} - {"STC013", "STC016"}


@BY_CODE
def test_explanation(rule: Rule) -> None:
    said = explain(rule.name)
    assert said == explain(rule.code)
    assert said.startswith(f"{rule.code} {rule.name} ({rule.severity.value})\n")
    assert rule.example.splitlines()[0] in said
    prose = said.split("Example:")[0]
    assert max(map(len, prose.splitlines())) <= 88
    assert (f"ignore[{rule.code}]" in said) is rule.can_be_ignored


def test_an_unknown_code_cannot_be_explained() -> None:
    with pytest.raises(KeyError):
        explain("STC999")


def test_reference_documents_and_links_every_rule() -> None:
    page = reference()
    headings = re.findall(r"^### (.+)$", page, re.MULTILINE)
    assert headings == [f"{rule.code} {rule.name}" for rule in RULES.values()]
    links = re.findall(r"\]\(#([^)]+)\)", page)
    assert links == [heading.lower().replace(" ", "-") for heading in headings]
    assert all(markdown(rule) in page for rule in RULES.values())
    assert page.count("```") % 2 == 0
    assert page == reference()
