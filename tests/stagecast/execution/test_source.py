"""The working tree as a commit: what is in it, and that the user's repository stays as it was."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from stagecast.execution.source import SourceError, WorkingTree, beside, empty, export

FILES = {"web/Dockerfile": "FROM scratch\n", "web/page.html": "one\n", ".gitignore": "*.log\nbuild/\n"}


def git(folder: Path, *arguments: str) -> str:
    person = ("-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "protocol.file.allow=always")
    result = subprocess.run(
        ["git", *person, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return result.stdout.strip()


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def contents(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[path.relative_to(folder).as_posix()] = f"-> {os.readlink(path)}"
        elif path.is_file():
            found[path.relative_to(folder).as_posix()] = path.read_text()
    return found


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "user"
    write(folder, FILES)
    git(folder, "init", "--quiet")
    git(folder, "add", "-A")
    git(folder, "commit", "--quiet", "-m", "first")
    return folder


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def exported(root: Path, scratch: Path, name: str = "s") -> WorkingTree:
    (scratch / name).mkdir()
    return export(root, scratch / name)


def is_clean(tree: WorkingTree) -> bool:
    """As the scripts ask, who else export the commit anew."""
    return git(tree.folder, "status", "--porcelain", "--ignored", "--untracked-files=normal") == ""


def seen_by_scripts(tree: WorkingTree, *arguments: str) -> str:
    """As the scripts ask: from the exported folder, which has no `.git` inside."""
    return git(tree.folder, *arguments)


def test_a_clean_tree_is_the_commit_itself(repository: Path, scratch: Path) -> None:
    tree = exported(repository, scratch)
    assert tree.commit == tree.base == git(repository, "rev-parse", "HEAD")
    assert tree.changed == ()
    assert contents(tree.folder) == FILES
    assert tree.summary() == f"commit {tree.commit[:12]}"


def test_uncommitted_changes_count_and_ignored_files_do_not(repository: Path, scratch: Path) -> None:
    clean = exported(repository, scratch, "a")
    write(repository, {"web/page.html": "two\n", "web/new.txt": "new\n", "x.log": "no", "build/y": "no"})
    (repository / "web" / "link").symlink_to("page.html")
    os.remove(repository / "web/Dockerfile")
    tree = exported(repository, scratch, "b")
    assert contents(tree.folder) == {
        ".gitignore": FILES[".gitignore"],
        "web/page.html": "two\n",
        "web/new.txt": "new\n",
        "web/link": "-> page.html",
    }
    assert tree.base == clean.commit != tree.commit
    assert tree.changed == ("web/Dockerfile", "web/link", "web/new.txt", "web/page.html")
    assert tree.summary() == (
        f"commit {clean.commit[:12]} and 4 uncommitted files (web/Dockerfile, web/link, web/new.txt, ...)"
    )
    again = exported(repository, scratch, "c")
    assert again.commit == tree.commit, "the same tree is the same commit"


def test_the_users_repository_is_as_it_was(repository: Path, scratch: Path) -> None:
    write(repository, {"web/page.html": "two\n", "staged.txt": "staged\n"})
    git(repository, "add", "staged.txt")
    before = {p: p.read_bytes() for p in (repository / ".git").rglob("*") if p.is_file()}
    exported(repository, scratch)
    after = {p: p.read_bytes() for p in (repository / ".git").rglob("*") if p.is_file()}
    assert after == before


def test_the_scripts_find_the_tree_from_the_exported_folder(repository: Path, scratch: Path) -> None:
    """Paths count from the tree's root although the folder is below that of the repository."""
    write(repository, {"web/page.html": "two\n"})
    tree = exported(repository, scratch)
    assert seen_by_scripts(tree, "rev-parse", "HEAD^{commit}") == tree.commit
    listed = seen_by_scripts(tree, "ls-tree", "-r", "--name-only", "HEAD:web")
    assert listed.splitlines() == ["Dockerfile", "page.html"]
    assert seen_by_scripts(tree, "cat-file", "blob", "HEAD:web/page.html") == "two"
    assert is_clean(tree)
    assert not (tree.folder / ".git").exists()


def test_another_working_tree_of_the_same_commit(repository: Path, scratch: Path) -> None:
    """For compiled files among the user's: Git finds the commit there, whatever the files are."""
    tree = exported(repository, scratch)
    other = beside(tree, scratch / "other")
    (other / "compiled.txt").write_text("x")
    assert git(other, "ls-tree", "-r", "--name-only", f"{tree.commit}:web") == "Dockerfile\npage.html"
    (scratch / "copy").mkdir()
    git(other, "read-tree", tree.commit)
    git(other, "checkout-index", "--all", f"--prefix={scratch / 'copy'}/")
    assert contents(scratch / "copy") == FILES


def test_a_folder_inside_a_repository_is_a_root_of_its_own(repository: Path, scratch: Path) -> None:
    """As examples/quickstart in this one; the ignore rules of the folders above hold."""
    write(repository, {"web/x.log": "no"})
    tree = exported(repository / "web", scratch)
    assert contents(tree.folder) == {"Dockerfile": "FROM scratch\n", "page.html": "one\n"}
    assert tree.base == git(repository, "rev-parse", "HEAD") != tree.commit
    assert tree.changed == ()


def test_a_folder_without_a_repository(tmp_path: Path, scratch: Path) -> None:
    write(tmp_path / "plain", {**FILES, "x.log": "no"})
    tree = exported(tmp_path / "plain", scratch)
    assert contents(tree.folder) == FILES
    assert (tree.base, tree.changed, tree.summary()) == (None, None, "files without a commit")


def test_a_repository_without_a_commit(tmp_path: Path, scratch: Path) -> None:
    write(tmp_path / "plain", FILES)
    git(tmp_path / "plain", "init", "--quiet")
    assert contents(exported(tmp_path / "plain", scratch).folder) == FILES


def test_submodules_are_there_at_what_is_checked_out(repository: Path, scratch: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    write(library, {"lib.txt": "one\n"})
    for command in (["init", "--quiet"], ["add", "-A"], ["commit", "--quiet", "-m", "x"]):
        git(library, *command)
    git(repository, "submodule", "--quiet", "add", str(library), "web/lib")
    git(repository, "commit", "--quiet", "-m", "with a submodule")
    assert exported(repository, scratch, "a").changed == ()
    write(repository / "web/lib", {"lib.txt": "two\n"})
    git(repository / "web/lib", "commit", "--quiet", "-am", "moved on")
    tree = exported(repository, scratch, "b")
    assert tree.changed == ("web/lib",)
    assert contents(tree.folder)["web/lib/lib.txt"] == "two\n"
    assert is_clean(tree)
    git(repository, "submodule", "--quiet", "deinit", "--force", "web/lib")
    left = exported(repository, scratch, "c")
    assert not any((left.folder / "web/lib").iterdir()), "what is not checked out is empty, as Git has it"


def test_a_run_inside_a_git_hook(repository: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git tells its hooks where its repository and index are."""
    monkeypatch.setenv("GIT_DIR", str(scratch / "nowhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(scratch / "nowhere" / "index"))
    assert contents(exported(repository, scratch).folder) == FILES


def test_names_that_nobody_expects(repository: Path, scratch: Path) -> None:
    strange = {"a\nb": "1", "--force": "2", "ü": "3", "sp ace\t": "4"}
    write(repository, strange)
    assert contents(exported(repository, scratch).folder) == FILES | strange


def test_an_empty_tree(scratch: Path) -> None:
    tree = empty(scratch)
    assert seen_by_scripts(tree, "rev-parse", "HEAD^{commit}") == tree.commit
    assert contents(tree.folder) == {}


def test_without_git(repository: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(scratch))
    with pytest.raises(SourceError, match="git does not run"):
        exported(repository, scratch)
