"""Where a control plane cannot be had, the reason says what is missing; none is started here."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import control_plane
from toolchain import ToolMissingError


@pytest.fixture
def nothing_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGECAST_TOOLS_DIR", str(tmp_path))
    monkeypatch.delenv("STAGECAST_K8S_BIN", raising=False)


def test_a_folder_without_the_binaries_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGECAST_K8S_BIN", str(tmp_path))
    with pytest.raises(ToolMissingError, match="kube-apiserver") as problem:
        control_plane.binaries_dir()
    assert str(tmp_path) in str(problem.value)


@pytest.mark.usefixtures("nothing_built")
def test_without_root_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ToolMissingError, match="STAGECAST_K8S_BIN"):
        control_plane.binaries_dir()


@pytest.mark.usefixtures("nothing_built")
def test_without_apt_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(ToolMissingError, match="apt-get"):
        control_plane.binaries_dir()


def test_folders_that_are_complete_are_taken_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in control_plane.BINARIES:
        (tmp_path / name).touch(0o755)
    monkeypatch.setenv("STAGECAST_K8S_BIN", str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert control_plane.binaries_dir() == tmp_path
