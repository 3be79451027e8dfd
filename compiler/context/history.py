"""The commits of a repository's first-parent line and what each changed, as Git tells it.

The first-parent line is what was built: on the main branch a merge is one
change, whatever commits it brought. Renames are a deletion and an addition, as
a build sees them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from compiler.context.automatic import Writer, is_automatic, merges_automatic
from compiler.context.git import LINK, Repository, entries_of, link_targets, open_repository, with_targets
from compiler.context.model import Change, Commit, Entry, History, Tree
from compiler.context.problems import ShallowRepository

MOST_CHANGES = 1_000_000
"""Older commits are left out when the newer ones change more paths than this, each as often as it changes."""

_BLOCK = 1024 * 1024
_MESSAGE = 4096
_FORMAT = "%H%x00%P%x00%an%x00%ae%x00%B%x00"


@dataclass(frozen=True, slots=True)
class _Read:
    """A commit as it was read: what is automatic is not known of merges yet."""

    revision: str
    parents: tuple[str, ...]
    writer: Writer
    changes: tuple[Change, ...]


def read_history(
    root: Path,
    *,
    commits: int = 1000,
    revision: str = "HEAD",
    below: str = ".",
    most_changes: int = MOST_CHANGES,
) -> History:
    """The last `commits` commits up to a revision, with what they changed in the folder `root`.

    Paths are relative to `root`. With another `below`, a folder in it, only
    what lies there is read, and only commits that changed it are given; which
    ones are looked at does not depend on it. Sizes are not known.

    Raises:
        NotARepository: `root` lies in no repository.
        ShallowRepository: the clone has no whole history.
        UnknownRevision: there is no such commit.
        UnreadableRepository: git fails.
    """
    repository = open_repository(root)
    if repository.shallow:
        raise ShallowRepository(
            "the clone is shallow and holds the newest commits only",
            "fetch the rest with `git fetch --unshallow` (in CI: fetch-depth: 0, GIT_DEPTH: 0)",
        )
    tip = repository.commit(revision)
    line = ("rev-list", "--first-parent", f"--max-count={commits + 1}", tip)
    ids = repository.query(*line).decode("ascii").split()
    before = ids[commits] if len(ids) > commits else None
    read, before = _changes(repository, tip, before, below, most_changes)
    brought, pointing = _brought(repository, read), _pointing(repository, read)
    return History(
        _start(repository, before, below),
        tuple(Commit(each.revision, _automatic(each, brought), pointing(each)) for each in reversed(read)),
        before is None,
    )


def _changes(
    repository: Repository, tip: str, before: str | None, below: str, most: int
) -> tuple[list[_Read], str | None]:
    """The commits after `before`, newest first, and the commit before the oldest that was read."""
    arguments = ["log", "--first-parent", "-m", "--raw", "-z", "--no-renames", "--no-abbrev", "--no-color"]
    arguments += ["--encoding=UTF-8", f"--format={_FORMAT}", tip, *([f"^{before}"] if before else [])]
    whole = below in ("", ".") and not repository.prefix
    arguments += ["--", *([] if whole else [below or "."])]
    found: list[_Read] = []
    count = 0
    with repository.reading(*arguments) as stream:
        for commit in _parsed(_tokens(stream), repository.prefix):
            count += len(commit.changes)
            if found and count > most:
                return found, commit.revision
            found.append(commit)
    return found, before


def _tokens(stream: IO[bytes]) -> Iterator[bytes]:
    """What stands between zero bytes."""
    rest: list[bytes] = []
    while block := stream.read(_BLOCK):
        first, *others = block.split(b"\0")
        rest.append(first)
        if others:
            yield b"".join(rest)
            yield from others[:-1]
            rest = [others[-1]]
    yield b"".join(rest)


def _parsed(tokens: Iterator[bytes], prefix: str) -> Iterator[_Read]:
    """The commits of a log: five fields of `_FORMAT`, then facts and path of each change (git-diff, RAW)."""
    cut = len(os.fsencode(prefix))
    entries: dict[tuple[bytes, bytes], Entry | None] = {}
    head: tuple[str, tuple[str, ...], Writer] | None = None
    changes: list[Change] = []
    for token in tokens:
        facts = token.lstrip(b"\n")
        if facts.startswith(b":"):
            path = os.fsdecode(next(tokens, b"")[cut:])
            old_mode, new_mode, old, new, _ = facts[1:].split(b" ", 4)
            changes.append(Change(path, _entry(entries, old_mode, old), _entry(entries, new_mode, new)))
        elif facts:
            if head is not None:
                yield _Read(*head, tuple(changes))
            head, changes = _head(facts, tokens), []
    if head is not None:
        yield _Read(*head, tuple(changes))


def _head(revision: bytes, tokens: Iterator[bytes]) -> tuple[str, tuple[str, ...], Writer]:
    parents, name, email, message = (next(tokens, b"").decode("utf-8", errors="replace") for _ in range(4))
    # What a message says of its writer stands in its first lines or among its last ones.
    short = message if len(message) <= 2 * _MESSAGE else message[:_MESSAGE] + message[-_MESSAGE:]
    return revision.decode("ascii"), tuple(parents.split()), Writer(name, email, short)


def _entry(known: dict[tuple[bytes, bytes], Entry | None], mode: bytes, digest: bytes) -> Entry | None:
    """The entry; None for the mode 000000, which is no file. One object for all that are equal."""
    key = (mode, digest)
    if key not in known:
        known[key] = Entry(int(mode, 8), digest.decode("ascii")) if mode != b"000000" else None
    return known[key]


def _pointing(repository: Repository, read: list[_Read]) -> Callable[[_Read], tuple[Change, ...]]:
    """A function that gives the changes of a commit, each link with what it points to."""
    links = {
        entry.digest: entry
        for each in read
        for change in each.changes
        for entry in (change.before, change.after)
        if entry is not None and entry.mode == LINK
    }
    targets = link_targets(repository, links)
    known = {digest: replace(entry, target=targets.get(digest)) for digest, entry in links.items()}

    def entry(each: Entry | None) -> Entry | None:
        return known[each.digest] if each is not None and each.mode == LINK else each

    def changes(each: _Read) -> tuple[Change, ...]:
        if not known:
            return each.changes
        return tuple(Change(c.path, entry(c.before), entry(c.after)) for c in each.changes)

    return changes


def _start(repository: Repository, before: str | None, below: str) -> Tree:
    if before is None:
        return Tree("the beginning", {})
    inner = [] if below in ("", ".") else ["--", below.rstrip("/") + "/"]
    listed = repository.query("ls-tree", "-r", "-z", before, *inner)
    return Tree(before[:12], with_targets(repository, entries_of(listed)))


def _brought(repository: Repository, read: list[_Read]) -> dict[str, Writer]:
    """Who wrote the newest commit that each merge brings, by its id."""
    tips = dict.fromkeys(each.parents[1] for each in read if len(each.parents) > 1)
    if not tips:
        return {}
    given = "".join(f"{tip}\n" for tip in tips).encode("ascii")
    asked = ("log", "--no-walk=unsorted", "--stdin", "-z", "--no-color", "--encoding=UTF-8")
    printed = repository.query(*asked, f"--format={_FORMAT}", "--no-patch", given=given)
    return {each.revision: each.writer for each in _parsed(iter(printed.split(b"\0")), "")}


def _automatic(commit: _Read, brought: dict[str, Writer]) -> bool:
    if len(commit.parents) > 1:
        return merges_automatic(commit.writer, brought.get(commit.parents[1]))
    return is_automatic(commit.writer)
