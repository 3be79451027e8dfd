"""What stands for the content of files: of a context's, and of those that steps have made.

Takes Reads and trees, gives digests that are equal where BuildKit's are
(cache/contenthash/checksum.go): relative names, modes, link targets, bytes;
neither times nor what files are called above the path that is named. What a
stage holds is a line of `Layer`s: files that a COPY brought are known, what a
RUN or an image holds is opaque and has a token instead.
"""

from __future__ import annotations

import hashlib
import posixpath
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from compiler.context.model import Entry, Tree
from compiler.layers.model import Read, Step
from compiler.layers.selection import excluder, finder, plain_start
from compiler.layers.solver import TODAY, Solver
from compiler.layers.wildcards import has_wildcards

Writes = Callable[[Step, tuple[str, ...]], str | None]
_MOST_LINKS = 255
# Layers that are looked through for a file; what is below them is taken as one thing that is not known.
_DEEPEST = 100
MASK = (1 << 128) - 1
"""Digests are sums modulo this and one."""


def files(reads: tuple[Read, ...], tree: Tree) -> dict[str, str]:
    """The paths of a tree that reads cover, each with what stands for its mode and content."""
    paths = dict.fromkeys(path for read in reads for path, _ in covered(read, tree.entries))
    return {path: token(tree.entries[path]) for path in paths}


def digest(reads: tuple[Read, ...], tree: Tree, solver: Solver = TODAY) -> str:
    """The digest of what reads of the context cover."""
    return f"{_sum(reads, tree.entries, lambda path: token(tree.entries[path]), solver):032x}"


def weight(name: str, token: str) -> int:
    """What one file adds to a digest, as a number of 128 bits; digests are sums of them."""
    return _weight(name, token)


@lru_cache(maxsize=1 << 16)
def _weight(name: str, token: str) -> int:
    text = f"{name}\0{token}".encode(errors="surrogateescape")
    return int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "big")


def _sum(
    reads: tuple[Read, ...], entries: Mapping[str, object], token: Callable[[str], str], solver: Solver
) -> int:
    total = 0
    # BuildKit sorts the paths that are named, and leaves out those below another one.
    named = sorted(
        {(pattern, read) for read in counted(reads, solver) for pattern in read.patterns}, key=_by_name
    )
    for rank, (pattern, read) in enumerate(_topmost(named)):
        resolved = resolve(pattern, entries)
        start = _start(resolved, solver) if read.wildcards and has_wildcards(pattern) else None
        excluded = _excluded(read, resolved)
        for path, root in _covered(resolved, read.wildcards, entries):
            if excluded(path):
                continue
            name = called(path, root, start, whole=read.whole_paths)
            total += _weight(f"{rank}\0{name}", token(path))
    return total & MASK


def _by_name(named: tuple[str, Read]) -> str:
    return named[0]


def counted(reads: tuple[Read, ...], solver: Solver = TODAY) -> list[Read]:
    """Those of the reads of one origin that are in a digest."""
    if solver.mounted_roots or not all(read.mount for read in reads):
        return list(reads)
    return [read for read in reads if read.patterns != (".",)] or list(reads)


def _topmost(named: list[tuple[str, Read]]) -> list[tuple[str, Read]]:
    plain = {pattern for pattern, read in named if not (read.wildcards and has_wildcards(pattern))}
    found = []
    for pattern, read in named:
        above = posixpath.dirname(pattern)
        inside = False
        while pattern in plain and above and not inside:
            inside = above in plain
            above = posixpath.dirname(above)
        if not inside and not (pattern in plain and pattern != "." and "." in plain):
            found.append((pattern, read))
    return found


def called(path: str, root: str, start: int | None, *, whole: bool = False) -> str:
    """What a file is called in a digest: below what is named (`root`), or after a wildcard from `start` on.

    `start` is None without a wildcard, and -1 for the last name of what it matched.
    """
    if whole:
        return f"/{path}"
    if start is None:
        return path[len(root) :]
    return f"*{path[start:] if start >= 0 else posixpath.basename(root) + path[len(root) :]}"


def _start(pattern: str, solver: Solver) -> int:
    """Where the first part of a path that a wildcard matches begins."""
    return len(plain_start(pattern)) if solver.wildcard_paths else -1


def covered(read: Read, entries: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """The paths that a read covers, links followed, each with the path that a pattern named for it."""
    for pattern in read.patterns:
        resolved = resolve(pattern, entries)
        excluded = _excluded(read, resolved)
        yield from ((p, r) for p, r in _covered(resolved, read.wildcards, entries) if not excluded(p))


def _excluded(read: Read, pattern: str) -> Callable[[str], bool]:
    if not read.excludes:
        return lambda _: False
    excluded, find = excluder(read.excludes), finder(pattern, wildcards=read.wildcards)
    return lambda path: excluded(path, (find(path) or "") if find is not None else "")


def _covered(pattern: str, wildcards: bool, entries: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """The paths that a pattern covers, each with the path that the pattern named for it."""
    find = finder(pattern, wildcards=wildcards)
    if find is None:
        return
    for path in entries:
        root = find(path)
        if root is not None:
            yield path, root


def resolve(pattern: str, entries: Mapping[str, object]) -> str:
    """A path with the links on its way followed, as far as their targets are known."""
    for _ in range(_MOST_LINKS):
        end, replaced = -1, None
        while end < len(pattern) and replaced is None:
            end = pattern.find("/", end + 1)
            end = len(pattern) if end < 0 else end
            entry = entries.get(pattern[:end])
            if isinstance(entry, Entry) and stat.S_ISLNK(entry.mode) and entry.target is not None:
                folder = posixpath.dirname(pattern[:end])
                link = posixpath.normpath(posixpath.join("/", folder, entry.target)).lstrip("/")
                replaced = posixpath.normpath(link + pattern[end:])
        if replaced is None:
            return pattern
        pattern = replaced
    return pattern


def token(entry: Entry) -> str:
    """What stands for the mode and the content of a path.

    The mode of a folder is in the key as well, but a builder that has an
    earlier copy of the context does not see it change (fsutil's
    DiskWriter.HandleChange): it is left out, as it is in Git.
    """
    if stat.S_ISLNK(entry.mode):
        return f"link {entry.digest}"
    if stat.S_ISDIR(entry.mode):
        return "folder"
    return f"{entry.mode:o} {entry.digest}"


@dataclass(frozen=True, slots=True)
class Layer:
    """What a step did to the files of its stage; `below` is what was there before.

    `key` is that of the step's result, `born` the number of the build that made
    it. `files` are paths (from the root, no slash before) with what stands for
    them. `token` stands for all that is not known: of the whole file system,
    what was below included ("" in `region`), or besides that below a path ("."
    is the root); "" where all is known. `asks` says what a RUN left.
    """

    below: Layer | None
    step: Step
    key: str
    born: int
    files: Mapping[str, str] = field(default_factory=dict)
    token: str = ""
    region: str = ""
    asks: Writes | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """What stands for files of a stage: a digest, and the build in which the last opaque part was made.

    `files` are those that are known, None where anything else is in the digest.
    """

    digest: str
    born: int
    files: Mapping[str, str] | None


def held(layer: Layer | None, reads: tuple[Read, ...], solver: Solver = TODAY) -> Held:
    """What stands for the content that reads of a stage cover."""
    patterns = tuple(pattern for read in counted(reads, solver) for pattern in read.patterns)
    known: dict[str, str] = {}
    tokens: list[str] = []
    born = depth = 0
    while layer is not None:
        depth += 1
        if depth > _DEEPEST:
            tokens.append(layer.key)
            born = max(born, layer.born)
            break
        for path, token in layer.files.items():
            known.setdefault(path, token)
        if _settled(patterns, reads, known):
            break
        if layer.token and _touches(layer.region, patterns):
            left = layer.asks(layer.step, patterns) if layer.asks is not None else None
            if left is None:
                tokens.append(layer.token)
                born = max(born, layer.born)
                if not layer.region:
                    break
            elif left:
                tokens.append(f"left {left}")
                break
        layer = layer.below
    # What is asked for below a path that was taken for a file may be in a folder of that name.
    tokens += [known[above] for path in patterns for above in _above(path) if _is_file(known.get(above))]
    text = f"{_sum(reads, known, known.__getitem__, solver):032x}"
    if tokens:
        whole = "\0".join([text, *tokens]).encode(errors="surrogateescape")
        text = hashlib.blake2b(whole, digest_size=16).hexdigest()
    return Held(text, born, None if tokens else known)


def _settled(patterns: tuple[str, ...], reads: tuple[Read, ...], known: Mapping[str, str]) -> bool:
    """Whether all that is asked for are files that are known: nothing below can change them."""
    wild = any(read.wildcards and has_wildcards(pattern) for read in reads for pattern in read.patterns)
    return not wild and all(_is_file(known.get(pattern)) for pattern in patterns)


def _is_file(token: str | None) -> bool:
    return token is not None and not token.startswith(("folder", "link"))


def _above(path: str) -> Iterator[str]:
    """The folders that a path lies in."""
    end = path.rfind("/")
    while end > 0:
        yield path[:end]
        end = path.rfind("/", 0, end)


def _touches(region: str, patterns: tuple[str, ...]) -> bool:
    """Whether a region and one of the patterns may share a path."""
    if not region:
        return True
    for pattern in patterns:
        plain = pattern
        if has_wildcards(pattern):
            plain = posixpath.dirname(pattern[: next(i for i, c in enumerate(pattern) if c in "*?[\\")])
        if plain in (".", "") or f"{plain}/".startswith(f"{region}/") or f"{region}/".startswith(f"{plain}/"):
            return True
    return False
