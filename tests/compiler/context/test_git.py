from __future__ import annotations

import os
from pathlib import Path

import pytest

from compiler.context.git import open_repository, read_blob, read_tree
from compiler.context.model import Entry
from compiler.context.problems import (
    NotARepository,
    ShallowRepository,
    UnknownRevision,
    UnreadableRepository,
)
from git_repositories import Content, Made, check_out, git, make_repository

HOSTILE = (
    "new\nline",
    "tab\tbed",
    ' "quoted" ',
    "-option",
    "*",
    ":(glob)**",
    "a\\b",
    os.fsdecode(b"not-utf8-\xff\xfe"),
    "snow \u2603",
    "esc\x1b[31m",
)
HELLO = "ce013625030ba8dba906f756967f9e9ca394464a"  # the id that git gives to "hello\n"


def test_modes_digests_and_sizes(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "plain": "hello\n",
        "run": ("100755", "hello\n"),
        "link": ("120000", "plain"),
        "vendor/lib": ("160000", "1" * 40),
    }
    root = make_repository(tmp_path, [Made(files)])
    commit = git(root, "rev-parse", "main").strip()
    tree = read_tree(root, "main")
    assert tree.name == commit[:12]
    link = git(root, "rev-parse", "main:link").strip()
    assert dict(tree.entries) == {
        "plain": Entry(0o100644, HELLO, 6),
        "run": Entry(0o100755, HELLO, 6),
        "link": Entry(0o120000, link, 5, "plain"),
        "vendor/lib": Entry(0o160000, "1" * 40, None),
    }


def test_hostile_names_are_names(tmp_path: Path) -> None:
    root = make_repository(tmp_path, [Made({name: f"in {n}" for n, name in enumerate(HOSTILE)})])
    assert set(read_tree(root, "main").entries) == set(HOSTILE)
    for number, name in enumerate(HOSTILE):
        assert read_blob(root, "main", name) == f"in {number}".encode()


@pytest.mark.parametrize("bare", [False, True])
def test_a_folder_of_a_repository_has_paths_from_itself(tmp_path: Path, bare: bool) -> None:
    made = [Made({"top": "1", "inner dir/x/file": "2", "inner dir\n": "3"})]
    root = make_repository(tmp_path, made, *(["--bare"] if bare else []))
    if bare:
        assert set(read_tree(root, "main").entries) == {"top", "inner dir/x/file", "inner dir\n"}
        return
    check_out(root)
    inner = root / "inner dir"
    assert set(read_tree(inner, "main").entries) == {"x/file"}
    assert read_blob(inner, "main", "x/file") == b"2"
    assert read_blob(inner, "main", "top") is None
    assert read_blob(inner, "main", "../top") is None


def test_a_folder_that_the_commit_does_not_have_is_empty(tmp_path: Path) -> None:
    root = check_out(make_repository(tmp_path, [Made({"a": "1"}), Made({"later/b": "2"})]))
    assert read_tree(root / "later", "main~1").entries == {}
    assert set(read_tree(root / "later", "main").entries) == {"b"}


def test_sha256(tmp_path: Path) -> None:
    root = make_repository(tmp_path, [Made({"a": "1"})], "--object-format=sha256")
    assert open_repository(root).algorithm == "sha256"
    assert len(read_tree(root, "main").entries["a"].digest) == 64
    assert read_blob(root, "main", "a") == b"1"


def test_a_link_is_followed_inside_the_repository_only(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "real": "text",
        "inside": ("120000", "real"),
        "outside": ("120000", "/etc/hostname"),
        "up": ("120000", "../real"),
        "round": ("120000", "round"),
        "nowhere": ("120000", "gone"),
        "folder/x": "1",
        "dir": ("120000", "folder"),
    }
    root = make_repository(tmp_path, [Made(files)])
    assert read_blob(root, "main", "inside") == b"text"
    assert read_blob(root, "main", "dir/x") == b"1"
    for name in (
        "outside",
        "up",
        "round",
        "nowhere",
        "folder",
        "dir",
        "real/x",
        "missing",
        "/etc/hostname",
        ".",
    ):
        assert read_blob(root, "main", name) is None, name


@pytest.mark.parametrize("text", [b"", b"\n", b"a\nb\n", b"\0\xff" * 5000])
def test_bytes_come_back_as_they_are(tmp_path: Path, text: bytes) -> None:
    root = make_repository(tmp_path, [Made({"file": text})])
    assert read_blob(root, "main", "file") == text


@pytest.mark.parametrize(
    "revision", ["gone", "", "-n1", "--output=x", "main\nmain", "a\0b", "main:file", ".."]
)
def test_no_such_revision(tmp_path: Path, revision: str) -> None:
    root = make_repository(tmp_path, [Made({"file": "1"})])
    with pytest.raises(UnknownRevision, match="has no revision"):
        read_tree(root, revision)
    assert not (root / "x").exists()


def test_a_repository_without_commits(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    with pytest.raises(UnknownRevision, match="no commit yet"):
        read_tree(tmp_path, "HEAD")


def test_no_repository(tmp_path: Path) -> None:
    with pytest.raises(NotARepository, match="lies in no Git repository") as found:
        read_tree(tmp_path, "HEAD")
    assert str(tmp_path) not in found.value.message


def test_an_empty_git_folder_is_no_repository(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    with pytest.raises(NotARepository):
        read_tree(tmp_path, "HEAD")


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(NotARepository, match="refuses the folder"):
        read_tree(tmp_path / "gone", "HEAD")


def test_no_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotARepository, match="git is not installed"):
        read_tree(tmp_path, "HEAD")


def test_variables_of_a_hook_do_not_lead_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_repository(tmp_path / "one", [Made({"one": "1"})])
    other = make_repository(tmp_path / "two", [Made({"two": "1"})])
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    assert set(read_tree(root, "main").entries) == {"one"}


def test_a_worktree(tmp_path: Path) -> None:
    root = check_out(make_repository(tmp_path / "main", [Made({"a/b": "1"})]))
    git(root, "worktree", "add", "--quiet", "--detach", str(tmp_path / "other"))
    assert set(read_tree(tmp_path / "other" / "a", "HEAD").entries) == {"b"}


def test_a_damaged_repository(tmp_path: Path) -> None:
    root = make_repository(tmp_path, [Made({"a/b": "1"})])
    found = git(root, "rev-parse", "main:a").strip()
    (root / ".git" / "objects" / found[:2] / found[2:]).unlink()
    with pytest.raises(UnreadableRepository, match="git ls-tree fails"):
        read_tree(root, "main")


def test_a_partial_clone_knows_no_sizes_and_fetches_nothing(tmp_path: Path) -> None:
    origin = make_repository(tmp_path / "origin", [Made({"a": "1"}), Made({"a": "2"})])
    git(origin, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "--quiet", "--bare", "--filter=blob:none", origin.as_uri(), "clone")
    clone = tmp_path / "clone"
    tree = read_tree(clone, "main")
    assert tree.entries["a"].size_bytes is None
    assert len(tree.entries["a"].digest) == 40
    with pytest.raises(ShallowRepository, match="partial"):
        read_blob(clone, "main", "a")
    assert read_blob(clone, "main", "b") is None
