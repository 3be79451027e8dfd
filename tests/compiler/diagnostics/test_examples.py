"""The documentation is true: every example gives its code and nothing else, every `instead` gives nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler.diagnostics.catalog import RULES
from compiler.diagnostics.model import Findings
from compiler.driver import check_environment
from compiler.project import FILE_NAME, job_for_spec, project_jobs

HEAD = "apiVersion: stagecast/v1beta1\nkind: Environment\nname: shop\n"
DOCKERFILE = "FROM nginx:1.29.3 AS build\nARG API_URL\nFROM build AS run\nARG API_URL\n"
BASE = HEAD + 'variables: {API_URL: "https://api.example.com"}\n'

# What comment lines of an example say of other files.
DOCKERFILES = {"STC507": "FORM nginx:1.29.3\n"}
# An ignore of an unknown code leaves what it was meant for.
WITH_IT = {"STC804": {"STC501"}}
# Told of bytes and sizes that no example can hold; the reader's own tests have them.
# Those of commands that read Git's history have tests there.
UNTOLD = {"STC002", "STC003", "STC006", "STC016", "STC510", "STC511", "STC512"}
# The others are about the output and the project file.
SPEC_CODES = [code for code in RULES if code < "STC700" or code in ("STC705", "STC804", "STC805")]
PROJECT_CODES = ["STC803", "STC806"]


def codes_of(snippet: str, code: str, folder: Path) -> list[str]:
    """The codes found in a spec with this text, in a repository with a Dockerfile and a base."""
    (folder / ".git").mkdir()
    (folder / "Dockerfile").write_text(DOCKERFILES.get(code, DOCKERFILE))
    (folder / "base.yaml").write_text(BASE)
    spec = folder / "environment.yaml"
    spec.write_text(snippet if "apiVersion" in snippet else HEAD + snippet, encoding="utf-8")
    findings = Findings()
    checked = check_environment(job_for_spec(spec, findings), findings)
    return [diagnostic.code for diagnostic in checked.diagnostics]


@pytest.mark.parametrize("code", [code for code in SPEC_CODES if code not in UNTOLD])
def test_example_gives_its_code(code: str, tmp_path: Path) -> None:
    found = codes_of(RULES[code].example, code, tmp_path)
    assert [other for other in found if other not in WITH_IT.get(code, ())] == [code]


@pytest.mark.parametrize("code", [code for code in SPEC_CODES if RULES[code].instead])
def test_instead_gives_nothing(code: str, tmp_path: Path) -> None:
    assert codes_of(RULES[code].instead, "", tmp_path) == []


@pytest.mark.parametrize("code", PROJECT_CODES)
def test_project_example_gives_its_code(code: str, tmp_path: Path) -> None:
    rule = RULES[code]
    for snippet, expected in ((rule.example, [code]), (rule.instead, [])):
        (tmp_path / FILE_NAME).write_text(snippet, encoding="utf-8")
        findings = Findings()
        project_jobs(tmp_path / FILE_NAME, findings)
        assert [finding.code for finding in findings] == expected
