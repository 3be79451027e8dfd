"""The output folder: nothing of a person's is touched, and a compilation happens whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.artifacts import Artifact
from compiler.output import MANIFEST, Changes, Previous, Status, compare, diff, read_previous, swap, write
from compiler.output.changes import parents
from compiler.output.manifest import LOCK, STAGING, Entry, render, sha256

OLD = [
    Artifact("README.md", "old\n"),
    Artifact("charts/web/Chart.yaml", "name: web\n"),
    Artifact("charts/web/values.yaml", "a: 1\n"),
    Artifact("charts/gone/deep/er/values.yaml", "b: 1\n"),
    Artifact("deploy", "a file\n"),
    Artifact("jobs/run", "#!/bin/sh\n", 0o755),
    Artifact("swap/a", "x\n"),
]
# Against OLD: changed, unchanged, mode only, removed with its folders, file to folder, folder to file, new.
NEW = [
    Artifact("README.md", "new\n"),
    Artifact("charts/web/Chart.yaml", "name: web\n"),
    Artifact("charts/web/values.yaml", "a: 1\n", 0o755),
    Artifact("deploy/one.yaml", "c: 1\n"),
    Artifact("jobs/run", "#!/bin/sh\nexit\n", 0o755),
    Artifact("swap", "now a file\n"),
    Artifact(".github/workflows/build.yaml", '"on": push\n'),
]


MINE = {"charts/mine.txt": ("mine\n", 0o644)}


@pytest.fixture(autouse=True)
def _no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sync", lambda: None)


def snapshot(folder: Path) -> dict[str, tuple[Any, ...]]:
    """Every name below a folder with type, mode, content, inode of files, and target of links."""
    found: dict[str, tuple[Any, ...]] = {}
    for path in sorted(folder.rglob("*")):
        info = path.lstat()
        kind = stat.S_IFMT(info.st_mode)
        content: Any = None
        if path.is_symlink():
            content = os.readlink(path)
        elif path.is_file():
            content = (path.read_bytes(), info.st_ino, info.st_mtime_ns)
        found[str(path.relative_to(folder))] = (kind, stat.S_IMODE(info.st_mode), content)
    return found


def plain(folder: Path) -> dict[str, tuple[str, int]]:
    """Files below a folder, the manifest apart, with content and permission bits."""
    return {
        str(path.relative_to(folder)): (path.read_text(), stat.S_IMODE(path.stat().st_mode))
        for path in folder.rglob("*")
        if path.is_file() and path.name != MANIFEST
    }


def expected(artifacts: list[Artifact]) -> dict[str, tuple[str, int]]:
    return {artifact.path: (artifact.content, artifact.mode) for artifact in artifacts}


def look(folder: Path, artifacts: list[Artifact]) -> Changes:
    return compare(folder, artifacts, read_previous(folder))


def statuses(folder: Path, artifacts: list[Artifact]) -> dict[str, str]:
    return {change.path: change.status.value for change in look(folder, artifacts).files}


def compile_to(folder: Path, artifacts: list[Artifact], digest: str = "sha256:0") -> None:
    write(folder, artifacts, look(folder, artifacts), digest)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder with OLD in it, beside files and an empty folder of a person's."""
    folder = tmp_path / "out"
    compile_to(folder, OLD)
    (folder / "charts" / "mine.txt").write_text("mine\n")
    (folder / "empty").mkdir()
    return folder


# --- writing -------------------------------------------------------------------------------------


def test_first_write_makes_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert read_previous(folder) == Previous()
    assert set(statuses(folder, OLD).values()) == {"new"}
    compile_to(folder, OLD, "sha256:77")
    assert plain(folder) == expected(OLD)
    assert not {LOCK, STAGING} & set(os.listdir(folder))
    manifest = json.loads((folder / MANIFEST).read_text())
    assert manifest["version"] == "stagecast/output/v1"
    assert manifest["plan"] == "sha256:77"
    assert manifest["files"]["jobs/run"] == f"0755 sha256:{sha256(b'#!/bin/sh' + bytes([10]))}"
    assert sorted(manifest["files"]) == sorted(expected(OLD))
    assert "pending" not in manifest
    assert look(folder, OLD).is_clean


def test_manifest_does_not_depend_on_the_order_of_artifacts(tmp_path: Path) -> None:
    compile_to(tmp_path / "a", OLD)
    compile_to(tmp_path / "b", OLD[::-1])
    assert (tmp_path / "a" / MANIFEST).read_bytes() == (tmp_path / "b" / MANIFEST).read_bytes()


def test_second_write_touches_nothing(out: Path) -> None:
    before = snapshot(out)
    compile_to(out, OLD)
    assert snapshot(out) == before


def test_one_sync_before_the_first_rename(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    replace = os.replace
    monkeypatch.setattr(os, "sync", lambda: calls.append("sync"))

    def recorded(source: str, target: str) -> None:
        calls.append("replace")
        replace(source, target)

    monkeypatch.setattr(os, "replace", recorded)
    compile_to(out, NEW)
    assert calls == ["sync", *["replace"] * (len(calls) - 1)]
    assert len(calls) > 8


def test_everything_at_once(out: Path) -> None:
    unchanged = snapshot(out)["charts/web/Chart.yaml"]
    assert statuses(out, NEW) == {
        ".github/workflows/build.yaml": "new",
        "README.md": "changed",
        "charts/gone/deep/er/values.yaml": "removed",
        "charts/web/Chart.yaml": "unchanged",
        "charts/web/values.yaml": "changed",
        "deploy": "removed",
        "deploy/one.yaml": "new",
        "jobs/run": "changed",
        "swap": "new",
        "swap/a": "removed",
    }
    compile_to(out, NEW)
    assert plain(out) == expected(NEW) | MINE
    assert snapshot(out)["charts/web/Chart.yaml"] == unchanged
    assert not (out / "charts" / "gone").exists()
    assert (out / "empty").is_dir()
    assert look(out, NEW).is_clean


def test_everything_may_go(out: Path) -> None:
    compile_to(out, [])
    assert plain(out) == MINE
    assert sorted(os.listdir(out)) == [MANIFEST, "charts", "empty"]


def test_plan_digest_alone_changes_the_manifest_only(out: Path) -> None:
    before = snapshot(out)
    assert not compare(out, OLD, read_previous(out), "sha256:1").is_clean
    compile_to(out, OLD, "sha256:1")
    after = snapshot(out)
    assert {path for path in before if before[path] != after[path]} == {MANIFEST}
    assert compare(out, OLD, read_previous(out), "sha256:1").is_clean


def test_umask_and_permission_bits_for_others_are_no_change(out: Path) -> None:
    (out / "README.md").chmod(0o664)
    (out / "jobs" / "run").chmod(0o700)
    assert look(out, OLD).is_clean
    (out / "jobs" / "run").chmod(0o644)
    assert look(out, OLD).having(Status.CHANGED)[0].path == "jobs/run"
    compile_to(out, OLD)
    assert stat.S_IMODE((out / "jobs" / "run").stat().st_mode) == 0o755


def test_a_file_in_its_old_spelling_is_stale_and_new(out: Path) -> None:
    respelled = [Artifact("readme.md", "old\n"), *OLD[1:]]
    assert statuses(out, respelled).items() >= {"README.md": "removed", "readme.md": "new"}.items()
    os.link(out / "README.md", out / "readme.md")  # as a file system that ignores case has it
    assert statuses(out, respelled).items() >= {"README.md": "removed", "readme.md": "new"}.items()
    (out / "readme.md").unlink()
    compile_to(out, respelled)
    assert not (out / "README.md").exists()


def test_umask_does_not_reach_the_files(tmp_path: Path) -> None:
    umask = os.umask(0o077)
    try:
        compile_to(tmp_path / "out", OLD)
    finally:
        os.umask(umask)
    assert plain(tmp_path / "out") == expected(OLD)


def test_the_current_folder_of_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    mine = tmp_path / ".github" / "workflows" / "mine.yaml"
    mine.write_text("on: push\n")
    monkeypatch.chdir(tmp_path)
    compile_to(Path("."), NEW)
    compile_to(Path("."), [])
    assert mine.read_text() == "on: push\n"
    assert sorted(os.listdir(tmp_path)) == [".github", MANIFEST]


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to("real")
    compile_to(tmp_path / "out", OLD)
    assert plain(tmp_path / "real") == expected(OLD)


def test_a_file_in_the_folders_place_is_an_error_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file\n")
    with pytest.raises(OSError, match="out"):
        compile_to(tmp_path / "out", OLD)
    with pytest.raises(OSError, match="out"):
        write(tmp_path / "out" / "below", OLD, compare(tmp_path / "none", OLD, Previous()), "d")
    assert (tmp_path / "out").read_text() == "a file\n"


# --- conflicts -----------------------------------------------------------------------------------


def conflict(folder: Path, artifacts: list[Artifact]) -> tuple[str, str]:
    """The one conflict there is, after proving that `write` refuses and changes nothing."""
    changes = look(folder, artifacts)
    before = snapshot(folder)
    with pytest.raises(ValueError, match="in conflict"):
        write(folder, artifacts, changes, "d")
    # Where the conflict arises only after the caller compared, it is an error of I/O.
    with pytest.raises(FileExistsError):
        write(folder, artifacts, Changes(()), "d")
    assert snapshot(folder) == before
    (found,) = changes.conflicts
    return found.path, found.reason


def test_a_persons_file_is_a_conflict(out: Path) -> None:
    assert conflict(out, [*OLD, Artifact("charts/mine.txt", "ours\n")]) == (
        "charts/mine.txt",
        "was not generated",
    )


def test_a_persons_file_with_our_content_is_none(out: Path) -> None:
    artifacts = [*OLD, Artifact("charts/mine.txt", "mine\n")]
    assert statuses(out, artifacts)["charts/mine.txt"] == "unchanged"
    compile_to(out, artifacts)
    assert statuses(out, OLD)["charts/mine.txt"] == "removed"


@pytest.mark.parametrize("content", ["OLD\n", "old\nand more\n", ""])
def test_our_file_changed_by_a_person_is_a_conflict(out: Path, content: str) -> None:
    (out / "README.md").write_text(content)
    assert conflict(out, OLD) == ("README.md", "was changed since it was generated")
    assert conflict(out, NEW) == ("README.md", "was changed since it was generated")


def test_our_file_changed_to_what_we_would_write_is_none(out: Path) -> None:
    (out / "README.md").write_text("new\n")
    assert statuses(out, NEW)["README.md"] == "unchanged"
    compile_to(out, NEW)


def test_our_file_deleted_by_a_person_is_made_again(out: Path) -> None:
    shutil.rmtree(out / "charts" / "web")
    assert statuses(out, OLD)["charts/web/values.yaml"] == "new"
    compile_to(out, OLD)
    assert look(out, OLD).is_clean


def test_a_stale_file_changed_by_a_person_is_a_conflict_and_a_deleted_one_is_none(out: Path) -> None:
    rest = [artifact for artifact in OLD if not artifact.path.startswith("charts/gone")]
    gone = out / "charts" / "gone" / "deep" / "er" / "values.yaml"
    gone.write_text("b: 2\n")
    path, reason = conflict(out, rest)
    assert (path, reason.split(",")[0]) == ("charts/gone/deep/er/values.yaml", "is no longer generated")
    gone.unlink()
    assert "charts/gone/deep/er/values.yaml" not in statuses(out, rest)
    compile_to(out, rest)
    assert look(out, rest).is_clean


def test_a_folder_that_holds_a_persons_file_is_not_replaced_by_a_file(out: Path) -> None:
    (out / "swap" / "mine").write_text("mine\n")
    assert conflict(out, NEW) == ("swap", "is a folder")
    (out / "swap" / "mine").unlink()
    (out / "swap" / "mine").symlink_to("/")
    assert conflict(out, NEW) == ("swap", "is a folder")
    (out / "swap" / "mine").unlink()
    (out / "swap" / "empty" / "too").mkdir(parents=True)
    compile_to(out, NEW)
    assert (out / "swap").read_text() == "now a file\n"


def test_a_persons_file_is_not_replaced_by_a_folder(out: Path) -> None:
    assert conflict(out, [*OLD, Artifact("charts/mine.txt/x", "x\n")]) == (
        "charts/mine.txt/x",
        "lies below charts/mine.txt, which is a file",
    )


def test_a_pipe_in_the_way_is_a_conflict_and_no_hang(out: Path) -> None:
    os.mkfifo(out / "new")
    assert conflict(out, [*OLD, Artifact("new", "x\n")]) == ("new", "is a special file")


@pytest.mark.parametrize("target", ["outside", "inside", "missing"])
@pytest.mark.parametrize("place", ["file", "folder"])
def test_links_below_the_folder_are_conflicts(out: Path, target: str, place: str) -> None:
    outside = out.parent / "outside"
    shutil.copytree(out / "charts" / "web", outside)
    shutil.rmtree(out / "charts" / "web")
    aim = {"outside": outside, "inside": out / "jobs", "missing": out.parent / "nowhere"}[target]
    if place == "folder":
        (out / "charts" / "web").symlink_to(aim)
    else:
        (out / "charts" / "web").mkdir()
        shutil.copy(outside / "Chart.yaml", out / "charts" / "web")
        (out / "charts" / "web" / "values.yaml").symlink_to(aim / "values.yaml")
    before = snapshot(outside)
    for artifacts in (OLD, NEW):
        changes = look(out, artifacts)
        assert changes.conflicts
        diff(out, changes, artifacts)
        with pytest.raises(ValueError, match="in conflict"):
            write(out, artifacts, changes, "d")
    # Also for who comes with no manifest, and so with no list of paths to check.
    assert compare(out, OLD, Previous()).conflicts
    if place == "file":  # a link in a stale file's place is none of our business
        compile_to(out, [])
        assert (out / "charts" / "web" / "values.yaml").is_symlink()
    else:
        assert look(out, []).conflicts
    assert snapshot(outside) == before


def test_a_link_to_a_folder_of_a_stale_file_is_a_conflict(out: Path) -> None:
    previous = read_previous(out)
    (out / "swap").rename(out.parent / "swap")
    (out / "swap").symlink_to(out.parent / "swap")
    (found,) = compare(out, [], previous).conflicts
    assert (found.path, found.reason) == ("swap/a", "lies below swap, which is a symbolic link")
    assert read_previous(out).problem is not None


# --- artifacts -----------------------------------------------------------------------------------

BAD_PATHS = [
    *("", "/etc/passwd", "../x", "a/../../x", "a/..", ".", "./a", "a//b", "a/", "a\\b", "..\\x", "a\0b"),
    *("a\nb", "a\x7f", "a\u2028b", "\ud800", "a/" * 600 + "a", "a" * 256, "é" * 200),
    *(
        MANIFEST,
        LOCK,
        STAGING,
        STAGING + "/x",
        MANIFEST.upper(),
        "sub/" + MANIFEST,
        ".git/config",
        "a/.GIT/hooks/x",
    ),
]


@pytest.mark.parametrize("path", BAD_PATHS)
def test_paths_that_no_artifact_may_have(tmp_path: Path, path: str) -> None:
    with pytest.raises(ValueError, match="artifact"):
        look(tmp_path, [Artifact(path, "x\n")])
    with pytest.raises(ValueError, match="artifact"):
        write(tmp_path, [Artifact(path, "x\n")], Changes(()), "d")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "paths",
    [
        ("a", "a"),
        ("a.yaml", "A.yaml"),
        ("x/a", "X/b"),
        ("x/y/a", "x/Y/b"),
        ("straße", "STRASSE"),
        ("\u00e9", "e\u0301"),
        ("a", "a/b"),
        ("a/b/c", "a/b"),
        ("A", "a/b"),
    ],
)
def test_artifacts_that_collide(tmp_path: Path, paths: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="artifact"):
        look(tmp_path, [Artifact(path, "x\n") for path in paths])


@pytest.mark.parametrize("mode", [0, 0o600, 0o777, 0o4755, 0o100644])
def test_modes_that_no_artifact_may_have(tmp_path: Path, mode: int) -> None:
    with pytest.raises(ValueError, match="mode"):
        look(tmp_path, [Artifact("a", "x\n", mode)])


def test_content_that_is_no_unicode_writes_nothing(out: Path) -> None:
    before = snapshot(out)
    with pytest.raises(ValueError, match="surrogates"):
        compile_to(out, [*OLD, Artifact("x", "\ud800")])
    assert snapshot(out) == before


# --- manifests -----------------------------------------------------------------------------------

RECORD = "0644 sha256:" + "0" * 64


BAD_RECORDS: list[Any] = [None, 1, "", "0644", {}, RECORD.upper(), RECORD + "\n", " " + RECORD, RECORD[:-1]]
BAD_RECORDS += ["0777" + RECORD[4:], RECORD.replace("256", "512")]

BAD_TABLES: list[Any] = [None, 1, "a", ["a"], {"a": 1}, [{}] * 65]


def manifest_with(**changed: Any) -> bytes:
    return json.dumps({"version": "stagecast/output/v1", "plan": "d", "files": {}} | changed).encode()


@pytest.mark.parametrize(
    "data",
    [
        *(
            b"",
            b"{",
            b"[]",
            b"null",
            b"\xff\xfe",
            b"\xff",
            b'"x"',
            b"[" * 100_000,
            b'{"version":' + b"9" * 5000,
        ),
        *(
            b"<<<<<<< HEAD\n{}\n",
            b"{}\0",
            manifest_with(version="stagecast/output/v2"),
            manifest_with(version=1),
        ),
        *(
            manifest_with(plan=1),
            manifest_with(plan=[]),
        ),
        *(manifest_with(files={"a": value}) for value in BAD_RECORDS),
        *(manifest_with(files={path: RECORD}) for path in BAD_PATHS),
        *(manifest_with(pending=[{}, {path: RECORD}]) for path in BAD_PATHS),
        *(manifest_with(**{table: bad}) for bad in BAD_TABLES for table in ("files", "pending")),
    ],
)
def test_hostile_manifests_are_problems(out: Path, data: bytes) -> None:
    (out / MANIFEST).write_bytes(data)
    previous = read_previous(out)
    assert previous.problem is not None
    assert (previous.entries, previous.plan_digest) == ((), None)
    assert previous.problem.path == str(out / MANIFEST)
    assert previous.problem.message.isprintable()
    changes = compare(out, OLD, previous)
    assert [change.path for change in changes.conflicts] == [MANIFEST]
    assert not compare(out, [], previous).having(Status.REMOVED)
    before = snapshot(out)
    with pytest.raises(ValueError, match="in conflict"):
        write(out, OLD, changes, "d")
    assert snapshot(out) == before


@pytest.mark.parametrize("kind", ["link", "folder", "pipe", "large"])
def test_a_manifest_that_is_no_file_is_a_problem(out: Path, kind: str) -> None:
    path = out / MANIFEST
    path.rename(out.parent / "elsewhere")
    if kind == "link":
        path.symlink_to(out.parent / "elsewhere")
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        with path.open("wb") as file:
            file.truncate(1 << 40)
    assert read_previous(out).problem is not None


def test_a_manifest_reads_back() -> None:
    entries = [Entry("b", 0o755, "1" * 64), Entry("a", 0o644, "0" * 64)]
    data = render(entries, None, [Entry("b", 0o755, "2" * 64)])
    assert json.loads(data)["pending"] == [{"b": "0755 sha256:" + "2" * 64}]
    assert list(json.loads(data)["files"]) == ["a", "b"]


@settings(max_examples=60)
@given(
    st.recursive(
        st.none()
        | st.integers()
        | st.text(max_size=5)
        | st.sampled_from([RECORD, "stagecast/output/v1", *BAD_PATHS]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["version", "plan", "files", "pending", "a", "../x"]), inner)
        ),
        max_leaves=8,
    )
)
def test_no_manifest_makes_a_traceback(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    folder = tmp_path_factory.mktemp("manifest")
    (folder / MANIFEST).write_text(json.dumps(value))
    previous = read_previous(folder)
    for entry in previous.entries:
        assert ".." not in entry.path.split("/")
        assert not entry.path.startswith("/")


# --- failures ------------------------------------------------------------------------------------


def leftovers(folder: Path) -> dict[str, tuple[str, int]]:
    return {path: value for path, value in plain(folder).items() if path.startswith(STAGING)}


def failing_at(
    call: int, real: Callable[..., Any], error: BaseException, *, only: bool
) -> Callable[..., Any]:
    calls = 0

    def fail(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call or (calls > call and not only):
            raise error
        return real(*args, **kwargs)

    return fail


# Undoing needs mkdir and rmdir itself, so that these fail only once.
STEPS = [(step, True) for step in ("replace", "link", "mkdir", "rmdir", "fchmod", "listdir")]
STEPS += [(step, False) for step in ("replace", "link", "fchmod", "listdir")]


@pytest.mark.parametrize(("step", "only"), STEPS)
@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()], ids=["full", "interrupt"]
)
def test_a_failure_anywhere_leaves_the_old_tree(
    out: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException, only: bool
) -> None:
    before = snapshot(out)
    changes = look(out, NEW)
    real = getattr(os, step)
    failures = 0
    for call in range(1, 40):
        with monkeypatch.context() as patch:
            patch.setattr(os, step, failing_at(call, real, error, only=only))
            try:
                write(out, NEW, changes, "d")
            except (OSError, KeyboardInterrupt):
                if step == "rmdir" and plain(out) == expected(NEW) | MINE | leftovers(out):
                    break  # interrupted while it tidied up, with everything in place
                failures += 1
            else:
                break
        assert snapshot(out) == before, f"{step} {call}"
    if step == "link":  # where links fail, files are copied; only an interrupt stops that
        assert failures == (5 if isinstance(error, KeyboardInterrupt) else 0)
    else:
        assert failures >= 3
    compile_to(out, NEW, "d")
    assert plain(out) == expected(NEW) | MINE
    assert not {LOCK, STAGING} & set(os.listdir(out))


def test_a_full_disk_names_the_file(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = failing_at(2, os.fchmod, OSError(errno.ENOSPC, "No space left on device"), only=True)
    monkeypatch.setattr(os, "fchmod", full)
    with pytest.raises(OSError, match=re.escape(str(out / "README.md"))):
        compile_to(out, NEW)


def test_a_failed_first_write_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a" / "b"
    changes = look(folder, OLD)
    for call in range(1, len(OLD) + 3):
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", failing_at(call, os.replace, OSError("full"), only=True))
            with pytest.raises(OSError, match="full"):
                write(folder, OLD, changes, "d")
        assert list(tmp_path.iterdir()) == []


def test_without_hard_links_a_failure_restores_copies(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = plain(out)
    monkeypatch.setattr(os, "link", failing_at(1, os.link, OSError(errno.EPERM, "no links"), only=False))
    changes = look(out, NEW)
    for call in range(1, 20):
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", failing_at(call, os.replace, OSError("full"), only=True))
            try:
                write(out, NEW, changes, "d")
            except OSError:
                assert plain(out) == before
                assert not (out / STAGING).exists()
            else:
                break
    assert call > 8
    assert look(out, NEW).is_clean


def test_what_could_not_be_put_back_is_kept(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = look(out, NEW)
    monkeypatch.setattr(os, "rename", failing_at(1, os.rename, OSError("broken"), only=True))
    monkeypatch.setattr(os, "replace", failing_at(6, os.replace, OSError("full"), only=True))
    with pytest.raises(OSError, match="broken"):
        write(out, NEW, changes, "d")
    kept = [path.read_bytes() for path in (out / STAGING).iterdir()]
    assert len(kept) == 1
    monkeypatch.undo()
    monkeypatch.setattr(os, "sync", lambda: None)
    assert not look(out, OLD).conflicts
    compile_to(out, OLD)
    assert plain(out) == expected(OLD) | MINE


@pytest.mark.parametrize("path", ["README.md", "deploy", "swap/a", ".github/workflows/build.yaml"])
def test_a_person_who_edits_meanwhile_keeps_the_edit(
    out: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    before = plain(out)
    changes = look(out, NEW)

    def edit() -> None:
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        (out / path).write_text("edited meanwhile\n")

    monkeypatch.setattr(os, "sync", edit)
    with pytest.raises(FileExistsError, match="while the output was being written"):
        write(out, NEW, changes, "d")
    assert plain(out) == before | {path: ("edited meanwhile\n", 0o644)}


KILLED = """
import os, sys
from pathlib import Path
from compiler.artifacts import Artifact
from compiler.output import compare, read_previous, write
folder, call, artifacts = Path(sys.argv[1]), int(sys.argv[2]), [Artifact(*a) for a in eval(sys.argv[3])]
real, calls = os.replace, 0
def replace(*args):
    global calls
    calls += 1
    if calls == call:
        os._exit(9)
    real(*args)
os.replace = replace
write(folder, artifacts, compare(folder, artifacts, read_previous(folder)), "d")
"""
ROOT = Path(__file__).resolve().parents[2]


def run(script: str, *args: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", script, *map(str, args)], cwd=ROOT)


def as_literal(artifacts: list[Artifact]) -> str:
    return repr([(artifact.path, artifact.content, artifact.mode) for artifact in artifacts])


def test_after_being_killed_anywhere_the_next_compilation_knows_its_files(tmp_path: Path) -> None:
    third = [
        Artifact("README.md", "third\n"),
        Artifact("swap", "third\n"),
        Artifact("charts/web/values.yaml", ""),
    ]
    codes = set()
    for call in range(1, 14):
        stopped = tmp_path / f"{call}"
        compile_to(stopped, OLD)
        codes.add(run(KILLED, stopped, call, as_literal(NEW)).wait(timeout=60))
        for number, later in enumerate((OLD, NEW, third)):
            folder = shutil.copytree(stopped, tmp_path / f"{call}-{number}")
            assert look(folder, later).conflicts == ()
            compile_to(folder, later)
            assert plain(folder) == expected(later)
            assert look(folder, later).is_clean
    assert codes == {0, 9}


def test_after_being_killed_again_and_again_too(tmp_path: Path) -> None:
    others = [[Artifact(path, f"{n}\n") for path in ("README.md", "a", "b", "c")] for n in range(4)]
    for call in (9, 10, 11):
        folder = tmp_path / f"{call}"
        compile_to(folder, OLD)
        for number, artifacts in enumerate(others):
            # The first gets as far as to some files, the others to the manifest only.
            stop = 2 if number else call
            assert run(KILLED, folder, stop, as_literal(artifacts)).wait(timeout=60) == 9
            assert look(folder, OLD).conflicts == ()
        compile_to(folder, NEW)
        assert plain(folder) == expected(NEW)


paths = st.sampled_from(["a", "a/b", "a/b/c", "d/e", "d/f", "g"])
trees = st.dictionaries(paths, st.sampled_from(["1\n", "2\n", "3\n"]), max_size=5).map(
    lambda tree: {path: text for path, text in tree.items() if not set(parents(path)) & tree.keys()}
)


@given(trees, trees, trees, st.sets(paths))
def test_whatever_people_do_their_files_stay(
    tmp_path_factory: pytest.TempPathFactory,
    old: dict[str, str],
    new: dict[str, str],
    edits: dict[str, str],
    deleted: set[str],
) -> None:
    folder = tmp_path_factory.mktemp("tree")
    compile_to(folder, [Artifact(path, text) for path, text in old.items()])
    for path in deleted:
        if (folder / path).is_file():
            (folder / path).unlink()
    people = {}
    for path, text in edits.items():
        if not (folder / path).is_dir() and not any((folder / parent).is_file() for parent in parents(path)):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
            people[path] = (text, 0o644)
    theirs = {path: value for path, value in people.items() if old.get(path) != value[0]}
    artifacts = [Artifact(path, text) for path, text in new.items()]
    before, changes = plain(folder), look(folder, artifacts)
    produced = expected(artifacts)
    clash = {path for path in theirs if path in produced or path in old} - {
        path for path in theirs if produced.get(path) == theirs[path]
    }
    assert clash <= {change.path for change in changes.conflicts}
    if changes.conflicts:
        assert plain(folder) == before
    else:
        write(folder, artifacts, changes, "d")
        assert plain(folder) == theirs | produced
        assert look(folder, artifacts).is_clean


AT_ONCE = """
import sys
from pathlib import Path
from compiler.artifacts import Artifact
from compiler.output import compare, read_previous, write
folder, name = Path(sys.argv[1]), sys.argv[2]
artifacts = [Artifact(f"d{n}/{name}.yaml", name * 50) for n in range(6)] + [
    Artifact(f"both/{n}", name) for n in range(6)]
done = 0
while done < 15:
    try:
        changes = compare(folder, artifacts, read_previous(folder))
        if changes.conflicts:  # seen in the middle of the other's writing
            continue
        write(folder, artifacts, changes, name)
        done += 1
    except FileNotFoundError:
        continue
"""


def test_two_processes_at_once_do_not_mix(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    processes = [run(AT_ONCE, folder, name) for name in ("one", "two")]
    assert [process.wait(timeout=60) for process in processes] == [0, 0]
    last = read_previous(folder).plan_digest
    assert last in ("one", "two")
    assert {content.strip() for content, _ in plain(folder).values()} == {last * 50, last}
    assert len(plain(folder)) == 12
    assert not {LOCK, STAGING} & set(os.listdir(folder))


def test_a_held_lock_is_waited_for_and_then_an_error(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = snapshot(out)
    monkeypatch.setattr(swap, "LOCK_TIMEOUT_S", 0.1)
    with (out / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(TimeoutError, match=re.escape(LOCK)):
            compile_to(out, NEW)
        (out / LOCK).unlink()
    assert snapshot(out) == before


def test_leftovers_of_a_killed_compilation_are_no_obstacle(out: Path) -> None:
    (out / LOCK).write_text("")
    (out / STAGING).mkdir()
    (out / STAGING / "new-1").write_text("left behind\n")
    compile_to(out, NEW)
    assert not {LOCK, STAGING} & set(os.listdir(out))


def test_a_link_in_the_staging_folders_place_is_not_followed(out: Path) -> None:
    elsewhere = out.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("x")
    (out / STAGING).symlink_to(elsewhere)
    with pytest.raises(OSError, match="symbolic link"):
        compile_to(out, NEW)
    assert (elsewhere / "precious").read_text() == "x"


# --- diff ----------------------------------------------------------------------------------------


def test_diff_of_everything(out: Path) -> None:
    (out / "README.md").write_text("mine")
    assert diff(out, look(out, NEW), NEW) == (
        "diff --git a/.github/workflows/build.yaml b/.github/workflows/build.yaml\nnew file mode 100644\n"
        '--- /dev/null\n+++ b/.github/workflows/build.yaml\n@@ -0,0 +1 @@\n+"on": push\n'
        "diff --git a/README.md b/README.md\n"
        "--- a/README.md\n+++ b/README.md\n@@ -1 +1 @@\n-mine\n\\ No newline at end of file\n+new\n"
        "diff --git a/charts/gone/deep/er/values.yaml b/charts/gone/deep/er/values.yaml\n"
        "deleted file mode 100644\n--- a/charts/gone/deep/er/values.yaml\n+++ /dev/null\n"
        "@@ -1 +0,0 @@\n-b: 1\n"
        "diff --git a/charts/web/values.yaml b/charts/web/values.yaml\nold mode 100644\nnew mode 100755\n"
        "diff --git a/deploy b/deploy\ndeleted file mode 100644\n"
        "--- a/deploy\n+++ /dev/null\n@@ -1 +0,0 @@\n-a file\n"
        "diff --git a/deploy/one.yaml b/deploy/one.yaml\nnew file mode 100644\n"
        "--- /dev/null\n+++ b/deploy/one.yaml\n@@ -0,0 +1 @@\n+c: 1\n"
        "diff --git a/jobs/run b/jobs/run\n"
        "--- a/jobs/run\n+++ b/jobs/run\n@@ -1 +1,2 @@\n #!/bin/sh\n+exit\n"
        "diff --git a/swap b/swap\nnew file mode 100644\n"
        "--- /dev/null\n+++ b/swap\n@@ -0,0 +1 @@\n+now a file\n"
        "diff --git a/swap/a b/swap/a\ndeleted file mode 100644\n"
        "--- a/swap/a\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
    )
    assert diff(out, look(out.parent / "none", []), []) == ""


def test_diff_of_what_is_no_text(out: Path) -> None:
    for content in (b"\xff\xfe", b"a\0b"):
        (out / "README.md").write_bytes(content)
        assert "Binary files a/README.md and b/README.md differ\n" in diff(out, look(out, NEW), NEW)


def test_diff_of_hostile_files_takes_no_time(tmp_path: Path) -> None:
    out = tmp_path / "out"
    repeated = "".join(f"{'ab'[n % 3 % 2]}: {n % 7}\n" for n in range(30_000))
    turned = "".join(f"{'ab'[n % 5 % 2]}: {n % 7}\n" for n in range(30_000))
    unique = [f"line {n}\n" for n in range(30_000)]
    pairs = [
        (repeated, turned),
        ("".join(unique), "".join(reversed(unique))),
        ("\n" * 30_000, "\n \n" * 15_000),
    ]
    start = time.process_time()
    for old, new in pairs:
        shutil.rmtree(out, ignore_errors=True)
        compile_to(out, [Artifact("f", old)])
        assert patched(old, diff(out, look(out, [Artifact("f", new)]), [Artifact("f", new)])) == new
    assert time.process_time() - start < 20


def patched(old: str, patch: str) -> str:
    """Apply the hunks of one file, by the book (POSIX diff -u), checking every old line."""
    if not patch:
        return old
    before, after, place = old.split("\n"), [], 0
    before = [line + "\n" for line in before[:-1]] + ([before[-1]] if before[-1] else [])
    lines = patch.split("\n")[:-1]
    lines = lines[next((n for n, line in enumerate(lines) if line.startswith("@@")), len(lines)) :]
    for n, line in enumerate(lines):
        text = line[1:] + ("" if lines[n + 1 : n + 2] == ["\\ No newline at end of file"] else "\n")
        if line.startswith("@@"):
            match = re.fullmatch(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@", line)
            assert match
            start = int(match[1]) - (match[2] != "0")
            after += before[place:start]
            place = start
        elif line.startswith("+"):
            after.append(text)
        elif not line.startswith("\\"):
            assert before[place] == text
            after += [text] if line.startswith(" ") else []
            place += 1
    return "".join(after + before[place:])


texts = st.lists(
    st.sampled_from(["a", "b", "c", "", "-", "+x", "\\ No", "@@", "é\x85\u2028\r"]), max_size=14
).map("\n".join)


@given(texts, texts)
def test_patching_gives_the_new_text(tmp_path_factory: pytest.TempPathFactory, old: str, new: str) -> None:
    folder = tmp_path_factory.getbasetemp() / "patching"
    folder.mkdir(exist_ok=True)
    (folder / "f").write_text(old, newline="")
    artifacts = [Artifact("f", new)]
    text = diff(folder, compare(folder, artifacts, Previous()), artifacts)
    assert patched(old, text) == new
    assert bool(text) == (old != new)


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_git_applies_the_diff(out: Path) -> None:
    artifacts = [
        *NEW,
        Artifact("with space/a b.yaml", "x\n"),
        Artifact("empty.txt", ""),
        Artifact("é", "no end"),
    ]
    text = diff(out, look(out, artifacts), artifacts)
    copy = shutil.copytree(out, out.parent / "copy")
    subprocess.run(["git", "apply", "-"], input=text.encode(), cwd=copy, check=True, timeout=30)
    compile_to(out, artifacts)
    assert plain(copy) == plain(out)


def test_parents() -> None:
    assert parents("a/b/c") == ["a", "a/b"]
    assert parents("a") == []
