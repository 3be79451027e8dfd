"""What the steps of a build read of files that change, kept up to date change by change.

Digests of content are sums over files (`content.digest`), so a change costs no
more than the file that it is about, however many files there are. Takes a
graph and the paths of a whole history; knows no cache.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from compiler.context.git import LINK, SUBMODULE
from compiler.context.model import Entry, History, Tree
from compiler.dockerfile.ignore import IgnoreFile
from compiler.layers import content
from compiler.layers.model import BuildGraph, Read
from compiler.layers.selection import excluder, finder, matcher, plain_start
from compiler.layers.wildcards import has_wildcards

Reads = tuple[Read, ...]
_OUTSIDE = 0o100644


@dataclass(frozen=True, slots=True)
class Places:
    """All paths that a history has in a folder.

    `inside` has the paths from that folder by those from the repository's root, `today` those of the former
    that are there after the last commit, `links` those that are a link at some time.
    """

    inside: Mapping[str, str]
    today: frozenset[str]
    links: frozenset[str]


def places(history: History, prefix: str) -> Places:
    """The paths of a folder; "." is the whole repository."""
    folder = "" if prefix in ("", ".") else prefix.rstrip("/") + "/"
    last = dict(history.start.entries)
    every = dict.fromkeys(last)
    links = {path for path, entry in last.items() if entry.mode == LINK}
    for commit in history.commits:
        for change in commit.changes:
            every[change.path] = None
            if change.after is None:
                last.pop(change.path, None)
            else:
                last[change.path] = change.after
                if change.after.mode == LINK:
                    links.add(change.path)
    inside = {path: path[len(folder) :] for path in every if path.startswith(folder)}
    today, linked = ({inside[path] for path in found if path in inside} for found in (last, links))
    return Places(inside, frozenset(today), frozenset(linked))


def readers(graph: BuildGraph, paths: Iterable[str], ignore: IgnoreFile | None) -> dict[str, tuple[int, ...]]:
    """The steps that read each path of the context, by their indices; paths that none reads are left out."""
    steps = [
        (step.index, matcher(read)) for step in graph.steps for read in step.reads if read.origin is None
    ]
    found = {
        path: tuple(dict.fromkeys(index for index, covers in steps if covers(path)))
        for path in _visible(paths, ignore)
    }
    return {path: indices for path, indices in found.items() if indices}


@dataclass(frozen=True, slots=True)
class _Pattern:
    """One pattern of the reads of a step, which are the `group`-th ones.

    `name` gives what a path that it covers is called in the digest, None for one that it does not
    cover. `counts` is false where the digest leaves the pattern out.
    """

    group: int
    text: str
    wild: bool
    counts: bool
    name: Callable[[str], str | None]


class Contents:
    """The files that a build can see, and a digest of what each step reads of them.

    `entries` are the files now. `needed` are the numbers of the patterns that
    cover something today. `outside` are patterns of files that Git does not have
    today: something makes them before a build, so `renew` stands in for that.
    """

    def __init__(self, graph: BuildGraph, known: Places, ignore: IgnoreFile | None) -> None:
        """`known` are all paths that will ever be put."""
        self.entries: dict[str, Entry] = {}
        self._inside = known.inside
        self._visible = frozenset(_visible(known.inside.values(), ignore))
        groups = (tuple(read for read in step.reads if read.origin is None) for step in graph.steps)
        self._groups = {reads: index for index, reads in enumerate(dict.fromkeys(filter(None, groups)))}
        self._sums = [0] * len(self._groups)
        self._patterns = _patterns(self._groups)
        self._counts = [0] * len(self._patterns)
        self._covered: dict[str, tuple[tuple[int, str], ...]] = {}
        self._linked = self._led_by(known.links)
        self._number = 0
        here = self._covering_any(known.today & self._visible)
        self.needed = frozenset(here)
        self._made = self._made_outside(here)
        self._unknown = self._nothing_known(here)

    def lacks(self, history: History) -> tuple[int, Counter[int]]:
        """How many commits change what the build sees, and how many of them lack each needed pattern.

        To be asked before anything is put.
        """
        total = 0
        found: Counter[int] = Counter()
        for path, entry in history.start.entries.items():
            self._count(path, None, entry)
        for commit in history.commits:
            seen = [self._count(change.path, change.before, change.after) for change in commit.changes]
            if any(seen):
                total += 1
                found.update(self.lacking)
        self._counts = [0] * len(self._patterns)
        return total, found

    def put(self, path: str, after: Entry | None) -> bool:
        """Change one path, from the repository's root; whether the build can see it."""
        inner = self._inside.get(path)
        if inner is None or inner not in self._visible:
            return False
        self._put(inner, after)
        return True

    def renew(self) -> None:
        """Change all that is made outside of Git."""
        self._number += 1
        for path in self._made:
            self._put(path, Entry(_OUTSIDE, f"outside {self._number}"))

    def digest(self, reads: Reads) -> str:
        """What stands for the content of some reads of a step, as `content.digest` has it."""
        group = self._groups[reads]
        if group in self._unknown:
            return f"outside {self._number}"
        if group in self._linked:
            return content.digest(reads, Tree("", self.entries))
        return f"{self._sums[group] & content.MASK:032x}"

    @property
    def outside(self) -> tuple[str, ...]:
        """The patterns of files that Git does not have."""
        lost = (pattern.text for pattern in self._patterns if pattern.group in self._unknown)
        return tuple(dict.fromkeys((*self._made.values(), *lost)))

    @property
    def lacking(self) -> frozenset[int]:
        """The patterns that cover something today and nothing now, by their numbers."""
        return frozenset(index for index in self.needed if self._counts[index] <= 0)

    def named(self, patterns: Iterable[int]) -> tuple[str, ...]:
        """The texts of patterns, each once."""
        return tuple(dict.fromkeys(self._patterns[index].text for index in sorted(patterns)))

    def _count(self, path: str, before: Entry | None, after: Entry | None) -> bool:
        """Count what comes and goes; whether the build can see it."""
        inner = self._inside.get(path)
        if inner is None or inner not in self._visible:
            return False
        appears = (after is not None) - (before is not None)
        if appears:
            for index, _ in self._covers(inner, before, after):
                self._counts[index] += appears
        return True

    def _put(self, path: str, after: Entry | None) -> None:
        before = self.entries.pop(path, None)
        if after is not None:
            self.entries[path] = after
        appears = (after is not None) - (before is not None)
        for index, name in self._covers(path, before, after):
            self._counts[index] += appears
            if self._patterns[index].counts:
                self._sums[self._patterns[index].group] += _weight(name, after) - _weight(name, before)

    def _covers(self, path: str, before: Entry | None, after: Entry | None) -> tuple[tuple[int, str], ...]:
        """As `_covering`, found once."""
        covered = self._covered.get(path)
        if covered is None:
            covered = self._covered[path] = self._covering(path, leads=_leads(before) or _leads(after))
        return covered

    def _covering(self, path: str, *, leads: bool) -> tuple[tuple[int, str], ...]:
        """The patterns that cover a path, and its name in each; with `leads` all below it may be there."""
        found: list[tuple[int, str]] = []
        for index, pattern in enumerate(self._patterns):
            name = pattern.name(path)
            if name is not None:
                found.append((index, name))
            elif leads and pattern.text.startswith(path + "/"):
                found.append((index, f"leads {path}"))
        return tuple(found)

    def _covering_any(self, paths: Iterable[str]) -> set[int]:
        """The patterns that cover one of the paths."""
        left = set(range(len(self._patterns)))
        for path in paths:
            if not left:
                break
            left.difference_update(index for index, _ in self._covering(path, leads=True))
        return set(range(len(self._patterns))) - left

    def _made_outside(self, here: set[int]) -> dict[str, str]:
        """Paths that stand for what is copied and not here, with the patterns that say so.

        A wildcard may match nothing, unless it is all that a step reads.
        """
        known = {self._patterns[index].group for index in here}
        found: dict[str, str] = {}
        for index, pattern in enumerate(self._patterns):
            path = pattern.text.replace("*", "outside").replace("?", "o") if pattern.wild else pattern.text
            missing = index not in here and (not pattern.wild or pattern.group not in known)
            if missing and path != "." and pattern.name(path) is not None:
                found.setdefault(path, pattern.text)
        return found

    def _nothing_known(self, here: set[int]) -> frozenset[int]:
        """The groups that cover nothing, not even what stands for something."""
        known = {self._patterns[index].group for index in here}
        known |= {
            self._patterns[i].group for path in self._made for i, _ in self._covering(path, leads=False)
        }
        return frozenset(range(len(self._groups))) - known

    def _led_by(self, links: frozenset[str]) -> frozenset[int]:
        """The groups with a pattern that leads over a link."""
        return frozenset(
            pattern.group
            for pattern in self._patterns
            if any(f"{pattern.text}/".startswith(f"{link}/") for link in links)
        )


def _visible(paths: Iterable[str], ignore: IgnoreFile | None) -> list[str]:
    known = list(paths)
    hidden = ignore.ignored(known) if ignore is not None else set()
    return [path for path in known if path not in hidden]


def _patterns(groups: Iterable[Reads]) -> tuple[_Pattern, ...]:
    found: list[_Pattern] = []
    for group, reads in enumerate(groups):
        counted = content.counted(reads)
        for rank, read in enumerate(reads):
            for text in read.patterns:
                wild = read.wildcards and has_wildcards(text)
                found.append(_Pattern(group, text, wild, read in counted, _namer(rank, read, text)))
    return tuple(found)


def _namer(rank: int, read: Read, text: str) -> Callable[[str], str | None]:
    """What a path is called in a digest; the pattern is in it, as the same file may be covered by several."""
    find = finder(text, wildcards=read.wildcards)
    excluded = excluder(read.excludes) if read.excludes else None
    start = len(plain_start(text)) if read.wildcards and has_wildcards(text) else None

    def name(path: str) -> str | None:
        root = find(path) if find is not None else None
        if root is None or (excluded is not None and excluded(path, root)):
            return None
        return f"{rank}\0{text}\0{content.called(path, root, start, whole=read.whole_paths)}"

    return name


def _leads(entry: Entry | None) -> bool:
    """Whether more may lie below an entry than the tree tells."""
    return entry is not None and entry.mode in (LINK, SUBMODULE)


def _weight(name: str, entry: Entry | None) -> int:
    return content.weight(name, content.token(entry)) if entry is not None else 0
