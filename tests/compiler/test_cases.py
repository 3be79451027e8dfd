"""Every finding at its exact place: the cases of tests/cases, and that each code has one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from case_files import SPEC, Case, read_cases
from compiler.diagnostics.catalog import RULES
from compiler.diagnostics.model import Diagnostic, Findings
from compiler.driver import check_environment
from compiler.project import job_for_spec

Golden = Callable[[Path, str], None]

FOLDER = Path(__file__).parents[1] / "cases"
FILES = sorted(FOLDER.glob("*.yaml"))

# Codes that no small text can give, and what tests them instead.
ELSEWHERE = {
    "STC002": "tests/compiler/test_document.py",
    "STC006": "tests/compiler/test_document.py",
    "STC016": "tests/compiler/test_document.py",
    "STC510": "tests/stagecast/test_cli_history.py",
    "STC511": "tests/stagecast/test_cli_why.py",
    "STC512": "tests/stagecast/test_cli_history.py",
    "STC701": "tests/stagecast/test_cli_compile.py",
    "STC702": "tests/stagecast/test_cli_compile.py",
    "STC703": "tests/stagecast/test_cli_compile.py",
    "STC704": "tests/stagecast/test_cli_compile.py",
    "STC706": "tests/stagecast/test_cli_compile.py",
    "STC707": "tests/stagecast/test_cli_compile.py",
    "STC708": "tests/stagecast/test_cli_compile.py",
    "STC709": "tests/stagecast/test_cli_compile.py",
    "STC901": "tests/compiler/practices/test_unpinned_bases.py",
    "STC902": "tests/compiler/practices/test_order.py",
    "STC903": "tests/compiler/practices/test_order.py",
    "STC904": "tests/compiler/practices/test_cache_practices.py",
    "STC905": "tests/compiler/practices/test_cache_practices.py",
    "STC906": "tests/compiler/practices/test_cache_practices.py",
    "STC907": "tests/compiler/practices/test_stages_practice.py",
    "STC908": "tests/compiler/practices/test_manifests.py",
    "STC909": "tests/compiler/practices/test_cache_practices.py",
}


def found_in(case: Case, folder: Path) -> list[Diagnostic]:
    (folder / ".git").mkdir(parents=True)
    for name, text in case.files().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())
    findings = Findings()
    job = job_for_spec(Path(SPEC), findings)
    findings.extend(check_environment(job, Findings()).diagnostics)
    return list(findings)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_cases(path: Path, golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    preamble, cases = read_cases(path)
    assert len({case.name for case in cases}) == len(cases)
    parts = [preamble]
    for number, case in enumerate(cases):
        folder = tmp_path / str(number)
        folder.mkdir()
        monkeypatch.chdir(folder)
        found = found_in(case, folder)
        for diagnostic in found:
            assert diagnostic.severity is RULES[diagnostic.code].severity, f"{case.name}: {diagnostic}"
        parts.append(case.annotated(found))
    golden(path, "".join(parts))


def codes_of(path: Path) -> set[str]:
    words = path.read_text().split()
    return {code for before, code in pairwise(words) if set(before) <= {"^", "!"} and code in RULES}


def test_every_code_has_a_case() -> None:
    with_case = {code for path in FILES for code in codes_of(path)}
    assert not with_case & ELSEWHERE.keys()
    assert RULES.keys() - ELSEWHERE.keys() == with_case
    for code, path in ELSEWHERE.items():
        assert code in (FOLDER.parents[1] / path).read_text(), f"{path} does not test {code}"


def test_good_cases_give_nothing() -> None:
    assert codes_of(FOLDER / "good.yaml") == set()
