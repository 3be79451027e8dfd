"""Repositories made at once with `git fast-import`: commits as plain data, hostile names included."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

PERSON = "Ada Person <ada@example.com>"
PROGRAM = "dependabot[bot] <support@github.com>"


Content = str | bytes | tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Made:
    """A commit to make: `files` are contents by path, or (mode, content); None deletes.

    `merges` is the number (from 0) of an earlier commit that becomes the second parent, `parent`
    of one that is the first instead of the commit before it.
    """

    files: Mapping[str, Content]
    author: str = PERSON
    message: str = "change"
    merges: int | None = None
    parent: int | None = None
    committer: str = field(default=PERSON)


def make_repository(folder: Path, commits: Iterable[Made], *options: str) -> Path:
    """A repository whose branch main is the last of `commits`; its files are not checked out."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "--quiet", "--initial-branch=main", *options)
    stream = b"".join(_lines(commits))
    git(folder, "fast-import", "--quiet", "--force", given=stream)
    return folder


def check_out(folder: Path) -> Path:
    """The files of the branch main, in the folder."""
    git(folder, "reset", "--quiet", "--hard", "main")
    return folder


def git(folder: Path, *arguments: str, given: bytes = b"") -> str:
    """What a git command prints, with no settings but the repository's."""
    surroundings = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(folder)}
    people = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "Ada Person"), ("EMAIL", "ada@example.com"))
    }
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=surroundings | quiet | people,
        input=given,
        capture_output=True,
        check=True,
    )
    return os.fsdecode(done.stdout)


def _lines(commits: Iterable[Made]) -> Iterable[bytes]:
    for number, commit in enumerate(commits):
        message = commit.message.encode()
        seconds = 1_700_000_000 + number
        yield b"commit refs/heads/main\nmark :%d\n" % (number + 1)
        yield b"author %s %d +0000\n" % (commit.author.encode(), seconds)
        yield b"committer %s %d +0000\n" % (commit.committer.encode(), seconds)
        yield b"data %d\n%s\n" % (len(message), message)
        if number:
            yield b"from :%d\n" % (number if commit.parent is None else commit.parent + 1)
        if commit.merges is not None:
            yield b"merge :%d\n" % (commit.merges + 1)
        for path, content in commit.files.items():
            yield from _file(path, content)


def _file(path: str, content: Content) -> Iterable[bytes]:
    quoted = _quoted(os.fsencode(path))
    if content is None:
        yield b"D %s\n" % quoted
        return
    mode, text = content if isinstance(content, tuple) else ("100644", content)
    if mode == "160000":
        assert isinstance(text, str)
        yield b"M 160000 %s %s\n" % (text.encode(), quoted)
        return
    data = text.encode() if isinstance(text, str) else text
    yield b"M %s inline %s\ndata %d\n%s\n" % (mode.encode(), quoted, len(data), data)


def _quoted(path: bytes) -> bytes:
    """A path as fast-import takes any: in quotes, what is special as an octal number."""
    return (
        b'"'
        + b"".join(b"\\%03o" % c if c < 33 or c > 126 or c in b'"\\' else bytes([c]) for c in path)
        + b'"'
    )
