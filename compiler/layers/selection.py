"""Which paths a Read covers.

Takes a Read, gives a function of a path. Wildcards are Go's path.Match;
excludes are matched below what a pattern names, as .dockerignore's patterns
are (BuildKit's cache/contenthash/checksum.go). Links are not followed here:
that takes the tree. Time is proportional to path times pattern.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from compiler.dockerfile.ignore import IgnoreFile, read_ignore
from compiler.layers.model import Read
from compiler.layers.wildcards import BadPattern, compiled, has_wildcards
from compiler.source import SourceFile

_Found = Callable[[str], str | None]


def selected(read: Read, paths: Iterable[str]) -> Iterator[str]:
    """Those of the paths, in their order, that a Read covers."""
    covers = matcher(read)
    return (path for path in paths if covers(path))


def matcher(read: Read) -> Callable[[str], bool]:
    """Whether a Read covers a path (relative to its origin's root, "/" between folders).

    A malformed wildcard covers nothing: BuildKit refuses it.
    """
    finds = [finder(pattern, wildcards=read.wildcards) for pattern in read.patterns]
    plain = [find for find in finds if find is not None]
    if not read.excludes:
        if len(plain) == 1:
            only = plain[0]
            return lambda path: only(path) is not None
        return lambda path: any(find(path) is not None for find in plain)
    excluded = excluder(read.excludes)
    return lambda path: any((root := find(path)) is not None and not excluded(path, root) for find in plain)


def finder(pattern: str, *, wildcards: bool) -> _Found | None:
    """A function that gives the path that a pattern names where a path is it or below it, else None.

    The root ("." in patterns) is "". None for a malformed pattern.
    """
    if pattern in (".", ""):
        return lambda _: ""
    if not wildcards or not has_wildcards(pattern):
        # Without a wildcard BuildKit takes the text as it is, backslashes included.
        below = pattern + "/"
        return lambda path: pattern if path == pattern or path.startswith(below) else None
    try:
        matches = compiled(pattern)
    except BadPattern:
        return None
    depth = pattern.count("/")
    start = plain_start(pattern)

    def find(path: str) -> str | None:
        if not path.startswith(start):
            return None
        end = -1
        for _ in range(depth + 1):
            end = path.find("/", end + 1)
            if end < 0:
                break
        if end < 0:
            return path if path.count("/") == depth and matches(path) else None
        return path[:end] if matches(path[:end]) else None

    return find


def excluder(excludes: tuple[str, ...]) -> Callable[[str, str], bool]:
    """Whether a path below `root` (the path that a pattern names) is left out."""
    lines = [f"\\{line}" if line.startswith("#") else line for line in excludes]
    rules: IgnoreFile = read_ignore(SourceFile("--exclude", "\n".join(lines)))

    def excluded(path: str, root: str) -> bool:
        inner = path[len(root) :].lstrip("/")
        return bool(inner) and bool(rules.ignored([inner]))

    return excluded


def plain_start(pattern: str) -> str:
    """The folders before the first wildcard, with the slash."""
    for at, character in enumerate(pattern):
        if character in "*?[\\":
            return pattern[: pattern.rfind("/", 0, at) + 1]
    return pattern
