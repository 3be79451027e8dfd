from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.context.git import read_tree
from compiler.context.history import read_history
from compiler.context.model import Entry, History
from compiler.context.problems import NotARepository, ShallowRepository, UnknownRevision, UnreadableRepository
from git_repositories import PROGRAM, Made, check_out, git, make_repository


def after_all(history: History) -> dict[str, tuple[int, str]]:
    """The tree that the changes lead to; each change is about what is there."""
    entries: dict[str, Entry] = dict(history.start.entries)
    for commit in history.commits:
        for change in commit.changes:
            assert entries.get(change.path) == change.before
            if change.after is None:
                del entries[change.path]
            else:
                entries[change.path] = change.after
    return {path: (entry.mode, entry.digest) for path, entry in entries.items()}


def tree_of(root: Path, revision: str = "main") -> dict[str, tuple[int, str]]:
    return {path: (e.mode, e.digest) for path, e in read_tree(root, revision).entries.items()}


def test_from_the_root_commit_on(tmp_path: Path) -> None:
    made = [Made({"a": "1", "b/c": "2"}), Made({}), Made({"a": None, "b/c": ("100755", "2"), "d": "3"})]
    root = make_repository(tmp_path, made)
    history = read_history(root, revision="main")
    assert history.complete
    assert history.start.entries == {}
    assert [[change.path for change in commit.changes] for commit in history.commits] == [
        ["a", "b/c"],
        [],
        ["a", "b/c", "d"],
    ]
    assert after_all(history) == tree_of(root)


def test_the_last_commits_only(tmp_path: Path) -> None:
    root = make_repository(tmp_path, [Made({"a": str(n), f"file{n}": "1"}) for n in range(10)])
    history = read_history(root, revision="main", commits=3)
    assert not history.complete
    assert len(history.commits) == 3
    assert history.start.name == git(root, "rev-parse", "main~3")[:12]
    assert after_all(history) == tree_of(root)
    whole = read_history(root, revision="main", commits=10)
    assert whole.complete
    assert len(whole.commits) == 10


def test_a_rename_is_a_deletion_and_an_addition(tmp_path: Path) -> None:
    root = make_repository(tmp_path, [Made({"old": "x" * 100}), Made({"old": None, "new": "x" * 100})])
    git(root, "config", "diff.renames", "copies")
    changes = read_history(root, revision="main").commits[1].changes
    assert [(c.path, c.before is None, c.after is None) for c in changes] == [
        ("new", True, False),
        ("old", False, True),
    ]


def test_links_say_where_they_point(tmp_path: Path) -> None:
    made = [
        Made({"a": ("120000", "one"), "b": ("120000", "two\n"), "c": "one"}),
        Made({"a": ("120000", "three")}),
    ]
    root = make_repository(tmp_path, made)
    history = read_history(root, revision="main")
    first = {change.path: change.after.target for change in history.commits[0].changes if change.after}
    assert first == {"a": "one", "b": "two\n", "c": None}
    assert after_all(history) == tree_of(root)
    second = read_history(root, revision="main", commits=1)
    assert second.start.entries["b"].target == "two\n"


def test_a_merge_is_one_change_of_the_first_parent_line(tmp_path: Path) -> None:
    made = [
        Made({"a": "1"}),
        Made({"side": "1"}),
        Made({"side": "2"}),
        Made({"main": "1"}, parent=0),
        Made({"side": "2"}, merges=2, message="Merge branch 'side'"),
    ]
    root = make_repository(tmp_path, made)
    history = read_history(root, revision="main")
    assert [[change.path for change in commit.changes] for commit in history.commits] == [
        ["a"],
        ["main"],
        ["side"],
    ]
    assert after_all(history) == tree_of(root)


def test_a_folder_has_its_own_paths_in_the_same_commits(tmp_path: Path) -> None:
    made = [Made({"web/a": "1", "top": "1", "web/in/b": "1"}), Made({"top": "2"}), Made({"web/in/b": "2"})]
    root = check_out(make_repository(tmp_path, made))
    inside = read_history(root / "web")
    assert [[change.path for change in commit.changes] for commit in inside.commits] == [
        ["a", "in/b"],
        ["in/b"],
    ]
    assert after_all(inside) == tree_of(root / "web")
    # Two commits are looked at, and one of them is about web.
    last = read_history(root, commits=2, below="web/in")
    assert [[change.path for change in commit.changes] for commit in last.commits] == [["web/in/b"]]
    assert set(last.start.entries) == {"web/in/b"}
    assert not last.complete


def test_below_takes_a_name_literally(tmp_path: Path) -> None:
    root = make_repository(tmp_path, [Made({"*/a": "1", "web/a": "1"}), Made({"*/a": "2", "web/a": "2"})])
    history = read_history(root, revision="main", commits=1, below="*")
    assert [change.path for change in history.commits[0].changes] == ["*/a"]
    assert set(history.start.entries) == {"*/a"}


def test_settings_of_a_user_change_nothing(tmp_path: Path) -> None:
    made = [Made({"z/a": "1", "sub": ("160000", "1" * 40)}), Made({"z/a": "2", "sub": ("160000", "2" * 40)})]
    root = check_out(make_repository(tmp_path, made))
    plain = read_history(root)
    for setting in (
        "diff.relative=true",
        "diff.ignoreSubmodules=all",
        "log.showRoot=false",
        "log.showSignature=true",
        "log.follow=true",
        "color.ui=always",
        "core.quotePath=true",
        "format.pretty=oneline",
        "diff.renames=true",
        "log.diffMerges=combined",
        "core.abbrev=4",
    ):
        git(root, "config", *setting.split("="))
    assert read_history(root) == plain
    assert len(read_history(root / "z").commits) == 2


def test_automatic_commits(tmp_path: Path) -> None:
    made = [
        Made({"a": "1"}),
        Made({"a": "2"}, author=PROGRAM),
        Made({"a": "3"}),
        Made({"a": "4"}, author=PROGRAM, parent=2),
        Made({"a": "4"}, parent=2, merges=3, message="Merge pull request #1 from acme/update"),
        # A program that merges what a person wrote.
        Made({"a": "5"}),
        Made({"a": "5"}, author="bors[bot] <bors@example.com>", parent=4, merges=5, message="Merge #2"),
    ]
    root = make_repository(tmp_path, made)
    history = read_history(root, revision="main")
    assert [commit.automatic for commit in history.commits] == [False, True, False, True, False]


def test_old_commits_are_left_out_where_there_are_too_many_changes(tmp_path: Path) -> None:
    root = make_repository(tmp_path, [Made({f"{folder}": str(n) for folder in range(10)}) for n in range(6)])
    history = read_history(root, revision="main", most_changes=30)
    assert len(history.commits) == 3
    assert not history.complete
    assert after_all(history) == tree_of(root)
    # One is read, whatever its size.
    assert len(read_history(root, revision="main", most_changes=1).commits) == 1


def test_messages_and_names_of_any_sort(tmp_path: Path) -> None:
    message = ":100644 100644 a b M\n\n" + "0" * 40 + "\n:x"
    made = [
        Made({":000000 1": "1", "\n:100644": "2"}, message=message, author=":100644 \u2603 <:@:>"),
        Made({os.fsdecode(b"\xff"): "1"}, message=""),
        Made({"big": "1"}, message="long " * 100_000),
    ]
    root = make_repository(tmp_path, made)
    history = read_history(root, revision="main")
    assert len(history.commits) == 3
    assert after_all(history) == tree_of(root)


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_a_shallow_clone_is_refused(tmp_path: Path, depth: int) -> None:
    origin = make_repository(tmp_path / "origin", [Made({"a": str(n)}) for n in range(10)])
    git(tmp_path, "clone", "--quiet", f"--depth={depth}", "--branch=main", origin.as_uri(), "clone")
    with pytest.raises(ShallowRepository, match="shallow") as found:
        read_history(tmp_path / "clone", commits=1)
    assert "--unshallow" in found.value.hint
    git(tmp_path / "clone", "fetch", "--quiet", "--unshallow")
    assert len(read_history(tmp_path / "clone").commits) == 10


def test_a_clone_without_folders_is_refused_and_fetches_nothing(tmp_path: Path) -> None:
    origin = make_repository(tmp_path / "origin", [Made({"a/b": "1"}), Made({"a/b": "2"})])
    git(origin, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "--quiet", "--bare", "--filter=tree:0", origin.as_uri(), "clone")
    with pytest.raises(ShallowRepository, match="partial"):
        read_history(tmp_path / "clone", revision="main")


def test_a_clone_without_contents_has_a_history(tmp_path: Path) -> None:
    origin = make_repository(tmp_path / "origin", [Made({"a/b": "1"}), Made({"a/b": "2"})])
    git(origin, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "--quiet", "--bare", "--filter=blob:none", origin.as_uri(), "clone")
    assert read_history(tmp_path / "clone", revision="main") == read_history(origin, revision="main")


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(NotARepository):
        read_history(tmp_path)
    root = make_repository(tmp_path, [Made({"a": "1"}), Made({"a": "2", "b/c": "1"})])
    with pytest.raises(UnknownRevision):
        read_history(root, revision="--all")
    folder = git(root, "rev-parse", "main:b").strip()
    (root / ".git" / "objects" / folder[:2] / folder[2:]).unlink()
    with pytest.raises(UnreadableRepository, match="git log fails"):
        read_history(root, revision="main")


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["a", "b", "c/d", "c/e", "c/f/g", "\n", ":x"]),
            st.none()
            | st.sampled_from(["1", "2"])
            | st.tuples(st.just("100755"), st.sampled_from(["1", "2"])),
            max_size=4,
        ),
        min_size=1,
        max_size=8,
    ),
    st.integers(1, 9),
)
def test_the_changes_lead_to_the_last_tree(
    tmp_path_factory: pytest.TempPathFactory,
    commits: list[dict[str, str | tuple[str, str] | None]],
    count: int,
) -> None:
    root = make_repository(tmp_path_factory.mktemp("made"), [Made(dict(files)) for files in commits])
    history = read_history(root, revision="main", commits=count)
    assert after_all(history) == tree_of(root)
    assert len(history.commits) == min(count, len(commits))
    assert history.complete == (count >= len(commits))
