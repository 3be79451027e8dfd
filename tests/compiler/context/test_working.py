"""The files of a repository as a commit of them all would have them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from compiler.context.folder import blob_id
from compiler.context.git import read_tree
from compiler.context.model import Entry, Tree
from compiler.context.problems import NotARepository, UnknownRevision
from compiler.context.working import read_working_tree
from git_repositories import Made, check_out, git, make_repository

FILES: dict[str, str | bytes | tuple[str, str] | None] = {
    "a.txt": "a",
    "sub/b.txt": "b",
    "sub/c.sh": ("100755", "c"),
    "link": ("120000", "a.txt"),
    ".gitignore": "*.log\nout/\n",
    "odd \n\udcff name": b"x",
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return check_out(make_repository(tmp_path / "repository", [Made(FILES)]))


def modes(tree: Tree) -> dict[str, tuple[int, str]]:
    return {path: (entry.mode, entry.digest) for path, entry in tree.entries.items()}


def differing(folder: Path) -> dict[str, tuple[int, str] | None]:
    """What differs from HEAD; None for what is gone."""
    head, now = modes(read_tree(folder, "HEAD")), modes(read_working_tree(folder))
    return {path: now.get(path) for path in head.keys() | now.keys() if head.get(path) != now.get(path)}


def file(text: str, mode: int = 0o100644) -> tuple[int, str]:
    return mode, blob_id(text.encode())


def test_what_is_committed_is_as_it_was(repository: Path) -> None:
    tree = read_working_tree(repository)
    assert tree.name == "the working tree"
    assert differing(repository) == {}
    # A file that was only touched is looked at and found to be the same.
    os.utime(repository / "a.txt", (1, 1))
    assert differing(repository) == {}


def test_changed_new_deleted_and_ignored_files(repository: Path) -> None:
    (repository / "a.txt").write_text("other")
    (repository / "sub" / "c.sh").chmod(0o644)
    (repository / "sub" / "new.txt").write_text("new")
    (repository / "staged.txt").write_text("staged")
    git(repository, "add", "staged.txt")
    (repository / "link").unlink()
    (repository / "link").symlink_to("sub")
    (repository / "sub" / "b.txt").unlink()
    (repository / "x.log").write_text("ignored")
    (repository / "out").mkdir()
    (repository / "out" / "y").write_text("ignored")
    assert differing(repository) == {
        "a.txt": file("other"),
        "sub/c.sh": file("c"),
        "sub/new.txt": file("new"),
        "staged.txt": file("staged"),
        "link": file("sub", 0o120000),
        "sub/b.txt": None,
    }
    # What it says is what Git makes of it.
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message=all")
    assert differing(repository) == {}


def test_a_folder_has_its_own_paths_only(repository: Path) -> None:
    (repository / "a.txt").write_text("other")
    (repository / "sub" / "b.txt").write_text("other")
    assert modes(read_working_tree(repository / "sub")) == {
        "b.txt": file("other"),
        "c.sh": file("c", 0o100755),
    }


def test_a_hostile_name(repository: Path) -> None:
    name = os.fsdecode(b"odd \n\xff name")
    (repository / name).write_bytes(b"other")
    assert differing(repository) == {name: file("other")}


def test_a_file_that_becomes_a_folder_and_one_that_becomes_a_pipe(repository: Path) -> None:
    (repository / "a.txt").unlink()
    (repository / "a.txt").mkdir()
    (repository / "a.txt" / "inner").write_text("inner")
    (repository / "sub" / "b.txt").unlink()
    os.mkfifo(repository / "sub" / "b.txt")
    assert differing(repository) == {"a.txt": None, "a.txt/inner": file("inner"), "sub/b.txt": None}


def test_repositories_inside(tmp_path: Path) -> None:
    inner = "1" * 40
    made = make_repository(tmp_path / "outer", [Made({"a": "a", "module": ("160000", inner)})])
    check_out(made)
    # A submodule stands for its commit, and a repository that is none of it is not looked into.
    make_repository(made / "other", [Made({"b": "b"})])
    assert read_working_tree(made).entries["module"] == Entry(0o160000, inner)
    assert set(read_working_tree(made).entries) == {"a", "module"}


def test_where_there_is_nothing(tmp_path: Path) -> None:
    with pytest.raises(NotARepository):
        read_working_tree(tmp_path)
    git(tmp_path, "init", "--quiet")
    with pytest.raises(UnknownRevision):
        read_working_tree(tmp_path)
