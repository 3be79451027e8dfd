"""Writing one fixed file: whole or not at all, never over what somebody else wrote, never outside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stagecast.linting.writing import Change, write


def change(path: Path, before: str | None, after: str, inside: Path) -> Change:
    return Change(os.fspath(path), before, after, os.path.realpath(inside))


def test_a_changed_file_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text("somebody else's\n")
    with pytest.raises(FileExistsError, match="was changed meanwhile"):
        write(change(file, "ours\n", "new\n", tmp_path))
    assert file.read_text() == "somebody else's\n"


def test_a_new_file_is_made_only_where_none_is(tmp_path: Path) -> None:
    file = tmp_path / ".dockerignore"
    write(change(file, None, ".git\n", tmp_path))
    assert file.read_text() == ".git\n"
    assert file.stat().st_mode & 0o777 == 0o666 & ~_umask()
    with pytest.raises(FileExistsError):
        write(change(file, None, "other\n", tmp_path))
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError):
        write(change(link, None, "other\n", tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == [".dockerignore", "link"]


def test_nothing_is_written_outside(tmp_path: Path) -> None:
    inside = tmp_path / "repository"
    inside.mkdir()
    outside = tmp_path / "outside"
    outside.write_text("a\n")
    (inside / "Dockerfile").symlink_to(outside)
    for path, before in ((inside / "Dockerfile", "a\n"), (inside / ".." / "new", None)):
        with pytest.raises(OSError, match="leads out of the repository"):
            write(change(path, before, "b\n", inside))
    assert outside.read_text() == "a\n"
    assert not (tmp_path / "new").exists()


def test_bytes_that_are_no_text_survive(tmp_path: Path) -> None:
    file = tmp_path / "Dockerfile"
    data = b"\xef\xbb\xbfFROM a:1\r\n# \xff"
    file.write_bytes(data)
    text = data.decode("utf-8", "surrogateescape")
    write(change(file, text, text + "\r\n", tmp_path))
    assert file.read_bytes() == data + b"\r\n"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
