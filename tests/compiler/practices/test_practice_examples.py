"""The documentation of practices is true: every example gives its code, no `instead` does."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from compiler.diagnostics.catalog import RULES
from compiler.dockerfile.reader import read_dockerfile
from compiler.practices import PRACTICES, UNPRICED, findings
from compiler.practices.subjects import located, read_source, subject_of

CODES = [code for code in RULES if code.startswith("STC9")]
# What a repository with these Dockerfiles would hold, small and plain.
FILES = {
    "package.json": '{"name": "shop", "version": "1.0.0", "dependencies": {"express": "4.21.1"}}\n',
    "package-lock.json": '{"name": "shop", "version": "1.0.0", "lockfileVersion": 3, "packages": {}}\n',
    "requirements.txt": "flask==3.0.3\n",
    "go.mod": "module example.com/shop\n\ngo 1.23\n",
    "go.sum": "",
    "main.go": "package main\n\nfunc main() {}\n",
    "src/index.js": "\n",
    "app.py": "\n",
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The repository is the working folder: a folder named for a test would be taken for tests."""
    monkeypatch.chdir(tmp_path)


def codes(snippet: str, folder: Path) -> set[str]:
    """The codes found in a Dockerfile with this text, in a repository of a small application."""
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    for path, text in FILES.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)
    file = Path("Dockerfile")
    file.write_text(snippet)
    dockerfile = read_dockerfile(read_source(file))
    return {found.diagnostic.code for found in findings(subject_of(dockerfile, located(file, dockerfile)))}


@pytest.mark.parametrize("code", CODES)
def test_example_gives_its_code(code: str, tmp_path: Path) -> None:
    assert code in codes(RULES[code].example, tmp_path)


@pytest.mark.parametrize("code", [code for code in CODES if RULES[code].instead])
def test_instead_does_not(code: str, tmp_path: Path) -> None:
    assert code not in codes(RULES[code].instead, tmp_path)


def test_every_code_has_one_practice() -> None:
    said = [code for name in PRACTICES for code in import_module(f"compiler.practices.{name}").CODES]
    assert sorted(said) == CODES
    assert set(CODES) >= UNPRICED


@pytest.mark.parametrize("code", CODES)
def test_every_rule_has_a_page(code: str) -> None:
    page = Path(__file__).resolve().parents[3] / "docs" / "rules" / f"{code}.md"
    assert page.read_text(encoding="utf-8").startswith(f"# {code}: ")
