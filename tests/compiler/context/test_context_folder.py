from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from compiler.context import folder
from compiler.context.folder import blob_id, git_modes, read_folder
from compiler.context.git import read_tree
from compiler.context.problems import TooManyFiles
from git_repositories import Content, Made, check_out, git, make_repository


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_checkout_is_as_git_has_it(tmp_path: Path, algorithm: str) -> None:
    files: dict[str, Content] = {
        "a": "text\n",
        "run.sh": ("100755", "#!/bin/sh\n"),
        "b/c/empty": "",
        "link": ("120000", "b/c"),
        "broken": ("120000", "gone\n"),
        "new\nline": b"\xff\r\n",
        os.fsdecode(b"\xff"): "1",
    }
    root = check_out(make_repository(tmp_path, [Made(files)], f"--object-format={algorithm}"))
    mine = git_modes(read_folder(root, algorithm=algorithm)).entries
    assert {p: e for p, e in mine.items() if p != ".git/HEAD"} == read_tree(root, "main").entries


def test_folders_have_permissions_and_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "secret").write_text("x")
    context = tmp_path / "context"
    (context / "inner" / "empty").mkdir(parents=True)
    (context / "inner" / "empty").chmod(0o700)
    (context / "away").symlink_to(tmp_path / "out", target_is_directory=True)
    (context / "round").symlink_to(context, target_is_directory=True)
    tree = read_folder(context)
    assert list(tree.entries) == ["away", "inner", "inner/empty", "round"]
    assert tree.entries["inner/empty"].mode == stat.S_IFDIR | 0o700
    away = tree.entries["away"]
    assert stat.S_ISLNK(away.mode)
    assert away.digest == blob_id(os.fsencode(tmp_path / "out"))
    assert away.target == str(tmp_path / "out")


def test_special_files_are_left_out(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("1")
    here = os.getcwd()
    with socket.socket(socket.AF_UNIX) as listening:
        # The path of a socket is short.
        os.chdir(tmp_path)
        try:
            listening.bind("socket")
        finally:
            os.chdir(here)
        assert list(read_folder(tmp_path).entries) == ["file"]


def test_the_repository_is_two_entries_that_change_with_commits(tmp_path: Path) -> None:
    root = check_out(make_repository(tmp_path, [Made({"a": "1"})]))
    before = read_folder(root)
    assert list(before.entries) == [".git", ".git/HEAD", "a"]
    first = before.entries[".git/HEAD"]
    git(root, "update-index", "--refresh")
    assert read_folder(root).entries[".git/HEAD"] == first
    git(root, "commit", "--quiet", "--allow-empty", "--message=next")
    second = read_folder(root).entries[".git/HEAD"]
    git(root, "pack-refs", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "--message=next")
    git(root, "pack-refs", "--all")
    assert len({first.digest, second.digest, read_folder(root).entries[".git/HEAD"].digest}) == 3


def test_hostile_heads(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "c" / ".git").mkdir(parents=True)
    for head in ("ref: refs/../../../secret", "ref: refs/\0", "", "ref: refs/" + "x" * 5000):
        (tmp_path / "c" / ".git" / "HEAD").write_text(head)
        assert read_folder(tmp_path / "c").entries[".git/HEAD"].digest == blob_id(head.encode()[:4096])
    (tmp_path / "c" / ".git" / "HEAD").unlink()
    assert read_folder(tmp_path / "c").entries[".git/HEAD"].digest == blob_id(b"")


def test_a_git_file_is_a_file(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: elsewhere\n")
    assert stat.S_ISREG(read_folder(tmp_path).entries[".git"].mode)


def test_nothing_is_read_before_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "early").write_text("1")
    tree = read_folder(tmp_path)
    (tmp_path / "early").write_text("22")
    assert tree.entries["early"].size_bytes == 2
    (tmp_path / "early").write_text("333")
    assert tree.entries["early"].size_bytes == 2
    assert "early" in tree.entries
    assert "late" not in tree.entries


def test_a_file_that_vanishes(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("1")
    tree = read_folder(tmp_path)
    (tmp_path / "file").unlink()
    assert tree.entries["file"].digest == ""
    with pytest.raises(KeyError):
        tree.entries["other"]


def test_a_file_that_becomes_a_pipe_does_not_hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "file")
    regular = os.lstat(__file__)
    monkeypatch.setattr(os, "lstat", lambda _: regular)
    found = folder.read_entry(str(tmp_path / "file"), "sha1")
    assert (found.mode, found.digest) == (0, "")


def test_a_large_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "LARGEST_HASHED", 10)
    (tmp_path / "large").write_text("x" * 11)
    os.utime(tmp_path / "large", ns=(5, 7))
    assert read_folder(tmp_path).entries["large"].digest == "11-7"


def test_too_many_files(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / str(number)).touch()
    assert len(read_folder(tmp_path, most=20).entries) == 20
    with pytest.raises(TooManyFiles, match="more than 19 files"):
        read_folder(tmp_path, most=19)


def test_deep_folders(tmp_path: Path) -> None:
    # Not so deep that removing it by recursion fails.
    (tmp_path / "/".join(["x"] * 200)).mkdir(parents=True)
    assert len(read_folder(tmp_path).entries) == 200


def test_a_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert len(read_folder(tmp_path / "gone").entries) == 0
