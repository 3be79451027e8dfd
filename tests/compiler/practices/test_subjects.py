"""Subjects: which folder is the context, which .dockerignore counts, what is read and when."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from compiler.dockerfile.reader import read_dockerfile
from compiler.practices.listing import Listing
from compiler.practices.model import Subject
from compiler.practices.subjects import located, read_source, subject_of, with_history


def write(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)


def context_of(root: Path, file: str, text: str) -> str | None:
    """The context that is found for a Dockerfile, from the root."""
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    (root / file).write_text(text)
    origin = located(root / file, read_dockerfile(read_source(root / file)))
    return None if origin.folder is None else os.path.relpath(origin.folder, root)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    write(tmp_path, "go.mod", "web/package.json", "web/src/a.js", "README")
    return tmp_path


@pytest.mark.parametrize(
    ("file", "text", "context"),
    [
        ("web/Dockerfile", "FROM a:1\nCOPY . .\n", "web"),
        ("web/Dockerfile", "FROM a:1\nRUN x\n", "web"),
        ("web/Dockerfile", "FROM a:1\nCOPY package.json ./\nCOPY src/ /src/\n", "web"),
        ("web/Dockerfile", "FROM a:1\nCOPY web/package.json web/src /\n", "."),
        ("web/Dockerfile", 'FROM a:1\nCOPY ["web/package.json", "/"]\nCOPY /go.mod /\n', "."),
        # A file that is only made later does not hide where the others are.
        ("web/Dockerfile", "FROM a:1\nCOPY package.json dist/app.js /\n", "web"),
        ("docker/Dockerfile", "FROM a:1\nCOPY web/package.json /\n", "."),
        ("docker/Dockerfile", "FROM a:1\nCOPY . .\n", None),
        (".docker/web/Dockerfile", "FROM a:1\nCOPY nowhere /\n", None),
        (
            "web/Dockerfile",
            "FROM a:1\nCOPY --from=b /go.mod /\nADD https://a.example/b /\nCOPY $X /\n",
            "web",
        ),
        ("web/Dockerfile", "FROM a:1\nCOPY ../go.mod /\n", "web"),
    ],
)
def test_the_context_is_where_the_copied_files_are(
    root: Path, file: str, text: str, context: str | None
) -> None:
    assert context_of(root, file, text) == context


def test_outside_of_a_repository_no_other_folder_is_asked(tmp_path: Path) -> None:
    write(tmp_path, "go.mod")
    assert context_of(tmp_path, "web/Dockerfile", "FROM a:1\nCOPY go.mod /\n") is None


def subject(root: Path, file: str = "Dockerfile", text: str = "FROM a:1\nCOPY . .\n") -> Subject:
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    (root / file).write_text(text)
    dockerfile = read_dockerfile(read_source(root / file))
    return subject_of(dockerfile, located(root / file, dockerfile))


def test_the_ignore_file_beside_the_dockerfile_counts_first(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    assert (subject(root).ignore, subject(root).ignore_path) == (None, ".dockerignore")
    (root / ".dockerignore").write_text("a\n")
    (root / "Dockerfile.dockerignore").write_text("b\n")
    found = subject(root)
    assert found.ignore is not None
    assert (found.ignore_path, found.ignore.rules[0].pattern) == ("Dockerfile.dockerignore", "b")
    assert subject(root, "web/Dockerfile").ignore_path == "web/.dockerignore"
    assert subject(root, "web/Dockerfile").prefix == "web"


def test_files_are_read_inside_the_repository_only(root: Path, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-secret"
    outside.write_text("secret")
    (root / "link").symlink_to(outside)
    (root / "binary").write_bytes(b"\0")
    (root / "large").write_bytes(b"a" * (1024 * 1024 + 1))
    os.mkfifo(root / "pipe")
    found = subject(root)
    names = ("link", "binary", "large", "pipe", "web", "nowhere", "a\0b", f"../{outside.name}")
    assert [found.text(name) for name in names] == [None] * len(names)
    text = found.text("web/package.json")
    assert text is not None
    assert text.text == "web/package.json"


def test_the_folder_is_listed_when_somebody_asks(root: Path) -> None:
    found = subject(root)
    write(root, "later", "node_modules/a", ".git/HEAD")
    (root / "loop").symlink_to(root)
    assert found.context is not None
    plain = ("Dockerfile", "README", "go.mod", "later", "loop", "web/package.json", "web/src/a.js")
    assert list(found.context.entries) == sorted((*plain, ".git/HEAD", "node_modules/a"))
    digests = [entry.digest for entry in found.context.entries.values()]
    assert len(set(digests)) == len(digests), "what was not read equals nothing"
    write(root, "too late")
    assert "too late" not in found.context.entries


def test_of_too_large_a_folder_what_is_generated_is_left_out_first(root: Path) -> None:
    write(root, *(f"node_modules/{number}" for number in range(20)), "src/deep/er/a")
    listed = set(Listing(os.fspath(root), most=8))
    assert {"go.mod", "web/src/a.js", "src/deep/er/a"} <= listed
    assert len(listed) == 8


def test_a_text_alone_has_no_folder() -> None:
    found = subject_of(read_dockerfile(read_source(Path(__file__).with_name("test_subjects.py"))))
    assert (found.context, found.text("a"), found.ignore) == (None, None, None)


def git(root: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=T", "-c", "user.email=t@example.com")
    subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True)


def test_the_history_is_the_repositorys(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    plain = subject(tmp_path, "web/Dockerfile")
    dockerfile = plain.dockerfile
    origin = located(tmp_path / "web/Dockerfile", dockerfile)
    assert with_history(plain, origin)[0].history is None, "there is no commit"
    for number in range(3):
        write(tmp_path, "web/a", f"other/{number}")
        (tmp_path / "web/a").write_text(str(number))
        git(tmp_path, "add", "--all")
        git(tmp_path, "commit", "--quiet", "--message=x")
    found, why = with_history(plain, origin)
    assert (why, found.prefix) == ("", "web")
    assert found.history is not None
    assert len(found.history.commits) == 3
    assert {c.path for one in found.history.commits for c in one.changes} == {"web/a", "web/Dockerfile"}


def test_without_a_repository_it_is_said_why(tmp_path: Path) -> None:
    plain = subject(tmp_path)
    same, why = with_history(plain, located(tmp_path / "Dockerfile", plain.dockerfile))
    assert (same, why) == (plain, "there is no history")
