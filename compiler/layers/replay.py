"""A repository's history through the build cache: which layers would have been there, build after build.

Today's Dockerfile and .dockerignore are held fixed, so the answer is about
them: how often what they say is hit, given how the repository's files change.
What a command writes is taken to change when it runs anew, and only then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from compiler.context.model import Commit, Entry, History, Tree
from compiler.dockerfile.ignore import IgnoreFile
from compiler.layers.cache import PersistentCache, RegistryCache, build
from compiler.layers.causes import Seen, Sightings
from compiler.layers.model import BuildGraph, Replay, Step
from compiler.layers.reads import Contents, places

Cache = Literal["persistent", "registry"]

ENOUGH = 100
"""So many builds, or half of them all, are kept: a share of 100 is known to 5 points (its standard error)."""


@dataclass(frozen=True, slots=True)
class Split:
    """A number of commits, by who wrote them."""

    people: int
    automatic: int

    @property
    def all(self) -> int:
        """All of them."""
        return self.people + self.automatic


@dataclass(frozen=True, slots=True)
class Line:
    """A replay, its `commits`, and what is to be known of it.

    `unbuildable` commits are left out: they change what the build sees, but have nothing
    for some pattern that covers something today, so that today's Dockerfile fails there; `lacked` are the
    patterns. `recent` are patterns that too few commits have anything for: without those that lack
    it, too few would be left. `outside` are patterns of files that Git does not have today: something makes
    them before the build, and they are taken to change with every commit.
    """

    replay: Replay
    commits: tuple[Commit, ...]
    unbuildable: int
    lacked: tuple[str, ...]
    recent: tuple[str, ...]
    outside: tuple[str, ...]


def replay(
    graph: BuildGraph,
    history: History,
    prefix: str,
    ignore: IgnoreFile | None,
    *,
    cache: Cache = "persistent",
) -> Replay:
    """What each rebuild of a history would have missed.

    `prefix` is the context's path from where the history's paths start. A rebuild is a commit
    that changes a file of the context that .dockerignore leaves in, and of whose files today's Dockerfile
    can be built (as far as `Line` says); the first build fills the cache and is none.
    "persistent" is a builder that keeps all that it ever built, "registry" a
    cache of one tag with every step of the last build (mode=max).
    """
    return line_of(graph, history, prefix, ignore, cache=cache).replay


def line_of(
    graph: BuildGraph,
    history: History,
    prefix: str,
    ignore: IgnoreFile | None,
    *,
    cache: Cache = "persistent",
) -> Line:
    """As `replay`, with what it leaves out. Time is by the number of changes, not of commits times files."""
    contents = Contents(graph, places(history, prefix), ignore)
    asked = _asked(history, contents)
    blind = _Blind()
    store = PersistentCache(sightings=blind) if cache == "persistent" else RegistryCache(sightings=blind)
    rebuilds: list[tuple[Commit, tuple[int, ...]]] = []
    lacked: list[frozenset[int]] = []
    for commit, changes in _moments(history):
        seen = [contents.put(path, after) for path, after in changes.items()]
        if not any(seen):
            continue
        if lacking := contents.lacking & asked:
            lacked += [lacking] if commit is not None else []
            continue
        contents.renew()
        is_first = store.builds == 0
        outcomes = build(graph, Tree("", contents.entries), store, digests=contents.digest)
        if commit is not None and not is_first:
            rebuilds.append((commit, tuple(each.step for each in outcomes if not each.hit)))
    commits = tuple(commit for commit, _ in rebuilds)
    found = Replay(
        graph,
        tuple(commit.revision for commit in commits),
        tuple(commit.automatic for commit in commits),
        tuple(missed for _, missed in rebuilds),
    )
    named = contents.named
    recent = named(contents.needed - asked)
    return Line(found, commits, len(lacked), named(frozenset().union(*lacked)), recent, contents.outside)


def path_changes(history: History, prefix: str) -> dict[str, Split]:
    """How many commits changed each path of a folder, the most frequent first; paths are from the folder."""
    inside = places(history, prefix).inside
    people: dict[str, int] = {}
    automatic: dict[str, int] = {}
    for commit in history.commits:
        counts = automatic if commit.automatic else people
        for change in commit.changes:
            if change.path in inside:
                path = inside[change.path]
                counts[path] = counts.get(path, 0) + 1
    every = {path: Split(people.get(path, 0), automatic.get(path, 0)) for path in {**people, **automatic}}
    return dict(sorted(every.items(), key=lambda found: (-found[1].all, found[0])))


class _Blind(Sightings):
    """Remembers no earlier build: nobody asks why a step missed, and finding out takes time."""

    def add(self, key: str, seen: Seen) -> None:
        """Forget it."""

    def nearest(self, keys: object, step: Step, stage: str, others: object) -> None:
        """There is none."""


def _moments(history: History) -> Iterator[tuple[Commit | None, dict[str, Entry | None]]]:
    """The tree before the first commit, then the commits with what they leave at the paths they change."""
    yield None, dict(history.start.entries)
    for commit in history.commits:
        yield commit, {change.path: change.after for change in commit.changes}


def _asked(history: History, contents: Contents) -> frozenset[int]:
    """The patterns for which a commit must have something, or it is left out.

    Of a file that is new most of the history knows nothing; but that history tells about all others.
    """
    total, lacking = contents.lacks(history)
    enough = min(ENOUGH, total / 2)
    return frozenset(index for index in contents.needed if total - lacking[index] >= enough)
