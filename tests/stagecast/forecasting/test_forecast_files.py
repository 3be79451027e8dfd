"""Files of a forecast: whole or not at all, and never over a person's."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from stagecast.forecasting.files import MARK, Output, check, write
from stagecast.session import Usage


def page(path: Path) -> Output:
    return Output(path, "--report")


def table(path: Path) -> Output:
    return Output(path, "--csv", "a,b")


def test_a_page_is_marked_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "r.html"
    write(page(path), "<html></html>\n\n")
    assert path.read_text() == f"<html></html>\n{MARK}"
    write(page(path), "<html>two</html>")
    assert path.read_text() == f"<html>two</html>\n{MARK}"
    assert [each.name for each in tmp_path.iterdir()] == ["r.html"]


def test_a_table_is_known_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    write(table(path), "a,b\n1,2\n")
    write(table(path), "a,b\n3,4\n")
    assert path.read_text() == "a,b\n3,4\n"
    path.write_text("a,b,c\n")
    with pytest.raises(Usage, match="was not written by"):
        write(table(path), "a,b\n")


@pytest.mark.parametrize("content", [b"notes", MARK.encode() + b"and my notes", b"\xff\xfe" * 100])
def test_what_a_person_wrote_stays(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "r.html"
    path.write_bytes(content)
    with pytest.raises(Usage, match="remove it, or name another file"):
        check([page(path)])
    with pytest.raises(Usage, match="remove it, or name another file"):
        write(page(path), "new")
    assert path.read_bytes() == content


def test_an_empty_file_is_nobodys(tmp_path: Path) -> None:
    """What `mktemp` makes."""
    path = tmp_path / "r.html"
    path.touch()
    check([page(path)])
    write(page(path), "x")
    assert path.read_text() == f"x\n{MARK}"


def test_links_and_folders_are_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("x")
    (tmp_path / "link").symlink_to("there")
    (tmp_path / "folder").mkdir()
    for name in ("link", "folder"):
        with pytest.raises(Usage, match="was not written by"):
            check([page(tmp_path / name)])
    assert (tmp_path / "there").read_text() == "x"


def test_one_file_is_not_written_twice(tmp_path: Path) -> None:
    with pytest.raises(Usage, match="is named twice"):
        check([page(tmp_path / "a"), table(tmp_path / "." / "a")])


def test_the_usual_permissions(tmp_path: Path) -> None:
    path = tmp_path / "r.html"
    before = os.umask(0o027)
    try:
        write(page(path), "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_file_that_cannot_be_written_is_named_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "r.html"
    write(page(path), "old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write(page(path), "new")
    assert caught.value.filename == str(path)
    assert path.read_text() == f"old\n{MARK}"
    assert [each.name for each in tmp_path.iterdir()] == ["r.html"]


@pytest.mark.parametrize("act", [lambda output: check([output]), lambda output: write(output, "x")])
def test_a_folder_that_is_not_there_is_what_is_named(tmp_path: Path, act: Callable[[Output], object]) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        act(page(tmp_path / "none" / "r.html"))
    assert str(caught.value.filename) == str(tmp_path / "none")
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError) as other:
        act(page(tmp_path / "file" / "r.html"))
    assert str(other.value.filename) == str(tmp_path / "file")


def test_a_folder_that_nothing_may_be_written_to_is_what_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(**_: object) -> None:
        raise PermissionError(13, "Permission denied", str(tmp_path / ".stagecast-abcdefgh"))

    monkeypatch.setattr(tempfile, "mkstemp", refused)
    with pytest.raises(PermissionError) as caught:
        write(page(tmp_path / "r.html"), "x")
    assert caught.value.filename == str(tmp_path)
