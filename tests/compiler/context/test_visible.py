from __future__ import annotations

from pathlib import Path

import pytest

from compiler.context.folder import read_folder
from compiler.context.model import Entry, Tree
from compiler.context.visible import visible
from compiler.dockerfile.ignore import read_ignore
from compiler.source import SourceFile

FOLDER, FILE = Entry(0o040755, ""), Entry(0o100644, "1")


def tree(*paths: str) -> Tree:
    return Tree("here", {path: FOLDER if path.endswith("/") else FILE for path in paths})


def seen(rules: str, *paths: str) -> list[str]:
    entries = {path.rstrip("/"): FOLDER if path.endswith("/") else FILE for path in paths}
    return list(visible(Tree("here", entries), read_ignore(SourceFile(".dockerignore", rules))).entries)


def test_without_rules_it_is_the_tree() -> None:
    whole = tree("a", "b/c")
    assert visible(whole, None) is whole
    assert visible(whole, read_ignore(SourceFile(".dockerignore", "# nothing\n"))) is whole


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("node_modules", ["a", "src", "src/b"]),
        ("*\n!src", ["src", "src/b"]),
        # A folder that a file below it is brought back from.
        ("*\n!src/b", ["src", "src/b"]),
        ("**", []),
        ("src/*", ["a", "node_modules", "node_modules/x", "src"]),
    ],
)
def test_rules(rules: str, expected: list[str]) -> None:
    assert seen(rules, "a", "node_modules/", "node_modules/x", "src/", "src/b") == expected


@pytest.mark.parametrize("rules", [".git", "**/.git", ".git/", ".git/**", "*"])
def test_every_way_to_leave_the_repository_out_hides_its_marker(rules: str) -> None:
    assert ".git/HEAD" not in seen(rules, ".git/", ".git/HEAD", "a")


def test_it_is_a_mapping_and_nothing_is_read(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("1")
    (tmp_path / "left").write_text("1")
    found = visible(read_folder(tmp_path), read_ignore(SourceFile(".dockerignore", "left")))
    (tmp_path / "kept").write_text("22")
    assert found.name == "the working tree"
    assert len(found.entries) == 1
    assert "left" not in found.entries
    assert "kept" in found.entries
    assert found.entries["kept"].size_bytes == 2
    with pytest.raises(KeyError):
        found.entries["left"]
