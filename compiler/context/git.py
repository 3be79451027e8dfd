"""What Git says of a folder: its tree at a commit, and the bytes of its files.

Takes a folder in a repository (or a bare one), gives paths relative to that
folder. Asks git as a process, which changes nothing, reaches no network and
runs no program of the repository's settings. File names are bytes: what is
not UTF-8 is kept by `os.fsdecode`. What a commit changed is in `history`.
"""

from __future__ import annotations

import os
import posixpath
import re
import subprocess
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from compiler.context.model import Entry, Tree
from compiler.context.problems import (
    ContextProblem,
    NotARepository,
    ShallowRepository,
    UnknownRevision,
    UnreadableRepository,
)

TIMEOUT_S = 300
_BLOCK = 64 * 1024
LINK, SUBMODULE = 0o120000, 0o160000

# Neither the settings of the user nor those of the repository change what is printed.
_SETTINGS = (
    "core.quotePath=false",
    "core.fsmonitor=false",
    "log.showSignature=false",
    "log.showRoot=true",
    "diff.ignoreSubmodules=none",
    "diff.relative=false",
)
# Variables of a hook say where some repository is: here the folder does. What configures git is kept.
_KEPT = ("GIT_CONFIG", "GIT_EXEC_PATH", "GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM")
_QUIET = {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1"}
_REVISION = re.compile(r"[^-\s\0][^\0\n]{0,999}")


@dataclass(frozen=True, slots=True)
class Repository:
    """A folder that git knows.

    `prefix` is its path from the top of the repository, "" or with "/" at its end. `algorithm`
    makes the ids of objects: "sha1" or "sha256".
    """

    folder: Path
    prefix: str
    algorithm: str
    shallow: bool

    def query(self, *arguments: str, given: bytes = b"") -> bytes:
        """What a git command prints that changes nothing; paths in it are taken literally.

        Raises:
            UnreadableRepository: it fails; ShallowRepository where objects were never fetched.
        """
        done = _run(self.folder, arguments, given)
        if done.returncode != 0:
            raise _failure(arguments[0], done.stderr)
        return done.stdout

    @contextmanager
    def reading(self, *arguments: str) -> Iterator[IO[bytes]]:
        """What a git command prints, as it comes; leaving early ends the command.

        Raises:
            UnreadableRepository: as `query`, after all was read.
        """
        with (
            TemporaryFile() as said,
            subprocess.Popen(
                _command(self.folder, arguments),
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said,
            ) as process,
        ):
            assert process.stdout is not None
            limit = threading.Timer(TIMEOUT_S, process.kill)
            limit.daemon = True
            limit.start()
            try:
                yield process.stdout
                whole = process.stdout.read(1) == b""
                if whole and process.wait() != 0:
                    said.seek(0)
                    raise _failure(arguments[0], said.read(_BLOCK))
            finally:
                limit.cancel()
                process.kill()

    def commit(self, revision: str) -> str:
        """The full id of the commit that a revision means.

        Raises:
            UnknownRevision: there is none.
        """
        if _REVISION.fullmatch(revision):
            asked = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
            done = _run(self.folder, asked)
            if done.returncode == 0:
                return done.stdout.decode("ascii").strip()
        if revision == "HEAD":
            raise UnknownRevision("the repository has no commit yet", "commit the files first")
        raise UnknownRevision(
            f"the repository has no revision {revision}", "`git log --oneline` lists commits"
        )


def open_repository(folder: Path) -> Repository:
    """The repository that a folder lies in.

    Raises:
        NotARepository: it lies in none, or git is missing or refuses it.
    """
    asked = ("rev-parse", "--show-object-format", "--is-shallow-repository", "--show-prefix")
    done = _run(folder, asked)
    if done.returncode != 0:
        raise _refusal(done.stderr)
    algorithm, shallow, prefix = (done.stdout + b"\n").split(b"\n", 2)
    # A name may end with a line end itself: only the last one is git's.
    return Repository(
        folder, os.fsdecode(prefix[:-1].removesuffix(b"\n")), algorithm.decode("ascii"), shallow == b"true"
    )


def read_tree(root: Path, revision: str) -> Tree:
    """The files of a folder as they are in a commit, with sizes; empty where the commit has no such folder.

    Raises:
        NotARepository: `root` lies in no repository.
        UnknownRevision: there is no such commit.
        UnreadableRepository: git fails.
    """
    repository = open_repository(root)
    commit = repository.commit(revision)
    try:
        listed = repository.query("ls-tree", "-r", "-l", "-z", commit)
    except ShallowRepository:
        # A clone without contents knows no sizes.
        listed = repository.query("ls-tree", "-r", "-z", commit)
    return Tree(commit[:12], with_targets(repository, entries_of(listed)))


def with_targets(repository: Repository, entries: dict[str, Entry]) -> dict[str, Entry]:
    """The entries, each link with what it points to."""
    links = {path: entry for path, entry in entries.items() if entry.mode == LINK}
    targets = link_targets(repository, (entry.digest for entry in links.values()))
    pointing = {path: replace(entry, target=targets.get(entry.digest)) for path, entry in links.items()}
    return {**entries, **pointing}


def link_targets(repository: Repository, digests: Iterable[str]) -> dict[str, str]:
    """What links point to, by the ids of their contents; those that are not here are left out."""
    asked = dict.fromkeys(digests)
    if not asked:
        return {}
    given = "".join(f"{digest}\n" for digest in asked).encode("ascii")
    try:
        answer = repository.query("cat-file", "--batch", given=given)
    except ShallowRepository:
        return {}
    found: dict[str, str] = {}
    at = 0
    while at < len(answer):
        end = answer.index(b"\n", at)
        words = answer[at:end].split(b" ")
        at = end + 1
        if len(words) == 3 and words[1] == b"blob":
            size = int(words[2])
            found[words[0].decode("ascii")] = os.fsdecode(answer[at : at + size])
            at += size + 1
    return found


def entries_of(listed: bytes) -> dict[str, Entry]:
    """The entries that `git ls-tree -z` prints, with `-l` or without."""
    found: dict[str, Entry] = {}
    for record in listed.split(b"\0"):
        if record:
            facts, _, path = record.partition(b"\t")
            mode, _, digest, *size = facts.split()
            # A submodule has none ("-"); of an object that is not here git says BAD.
            known = int(size[0]) if size and size[0].isdigit() else None
            found[os.fsdecode(path)] = Entry(int(mode, 8), digest.decode("ascii"), known)
    return found


def read_blob(root: Path, revision: str, path: str) -> bytes | None:
    """The bytes of a file of a folder as they are in a commit; None where there is no such file.

    A link is followed within the repository.

    Raises:
        NotARepository: `root` lies in no repository.
        UnknownRevision: there is no such commit.
        ShallowRepository: the file exists, but its content was never fetched.
        UnreadableRepository: git fails.
    """
    repository = open_repository(root)
    commit = repository.commit(revision)
    inner = posixpath.normpath(path)
    if inner.startswith(("/", "../")) or inner in (".", "..") or "\0" in inner:
        return None
    name = os.fsencode(f"{commit}:{repository.prefix}{inner}")
    if b"\n" in name:
        done = _run(root, ("cat-file", "blob", os.fsdecode(name)))
        return done.stdout if done.returncode == 0 else None
    answer = repository.query("cat-file", "--batch", "--follow-symlinks", given=name + b"\n")
    head, _, rest = answer.partition(b"\n")
    words = head.split(b" ")
    if len(words) == 3 and words[1] == b"blob" and words[2].isdigit():
        return rest[: int(words[2])]
    if head.endswith(b" missing") and repository.query("ls-tree", "-z", commit, "--", inner):
        raise _never_fetched()
    return None


def _command(folder: Path, arguments: tuple[str, ...]) -> list[str]:
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    return ["git", "-C", str(folder), "--no-pager", "--literal-pathspecs", *settings, *arguments]


def _environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k.startswith(_KEPT)}
    return kept | _QUIET


def _run(folder: Path, arguments: tuple[str, ...], given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            _command(folder, arguments),
            env=_environment(),
            input=given,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError as error:
        raise NotARepository("git is not installed", "install git: the history is read with it") from error
    except subprocess.TimeoutExpired as error:
        raise UnreadableRepository(f"git {arguments[0]} takes more than {TIMEOUT_S} s") from error
    except (OSError, ValueError) as error:
        raise UnreadableRepository(f"git does not run: {error}") from error


def _refusal(said: bytes) -> ContextProblem:
    if b"dubious ownership" in said:
        hint = "`git config --global --add safe.directory FOLDER` says that you trust it"
        return NotARepository("git refuses the repository, since another user owns it", hint)
    if b"not a git repository" in said.lower():
        return NotARepository("the folder lies in no Git repository", "run it in a clone")
    return NotARepository(f"git refuses the folder: {_first_line(said)}")


def _failure(command: str, said: bytes) -> ContextProblem:
    lower = said.lower()
    if b"promisor" in lower or b"transport" in lower or b"could not fetch" in lower:
        return _never_fetched()
    return UnreadableRepository(f"git {command} fails: {_first_line(said)}", "`git fsck` checks a repository")


def _never_fetched() -> ShallowRepository:
    return ShallowRepository(
        "the clone is partial, and what its commits hold was never fetched", "clone it without --filter"
    )


def _first_line(said: bytes) -> str:
    text = said.decode("utf-8", errors="replace").strip()
    return text.splitlines()[0].removeprefix("fatal: ") if text else "it says nothing"
