"""Which file of the context lies where in the image, and which copies bring more than what installs read.

Takes the context as the build sees it and the copies of a stage's line. Reads no file.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property

from compiler.context.model import History
from compiler.context.visible import visible
from compiler.practices.model import Subject
from compiler.practices.parts.stage_lines import Copied
from compiler.shell.ecosystems import ECOSYSTEMS, covers, says_dependencies

_WILD = re.compile(r"[*?\[]")
_READ = tuple(
    sorted(
        {p for each in ECOSYSTEMS.values() for p in (*each.manifests, *each.locks, *each.others)}
        - {"*.props"}
    )
)
_CODE = (
    *(
        ".py",
        ".js",
        ".mjs",
        ".cjs",
        ".ts",
        ".tsx",
        ".jsx",
        ".vue",
        ".svelte",
        ".go",
        ".rs",
        ".java",
        ".kt",
        ".scala",
    ),
    *(
        ".rb",
        ".php",
        ".cs",
        ".fs",
        ".ex",
        ".exs",
        ".erl",
        ".c",
        ".cc",
        ".cpp",
        ".h",
        ".hpp",
        ".swift",
        ".clj",
        ".html",
    ),
    *(
        ".css",
        ".scss",
        ".proto",
        ".sql",
        ".graphql",
        ".erb",
        ".twig",
        ".groovy",
        ".ml",
        ".hs",
        ".lua",
        ".dart",
    ),
)
# They stand in for something that an install or its scripts read.
_SMALL_FOLDERS = frozenset(
    (
        *(
            "prisma",
            "patches",
            "scripts",
            "script",
            "bin",
            "hack",
            "certs",
            "cert",
            "ssl",
            "keys",
            "gradle",
            ".mvn",
        ),
        *(
            ".yarn",
            ".cargo",
            "buildSrc",
            "config",
            "conf",
            "etc",
            "docker",
            ".docker",
            "requirements",
            "reqs",
        ),
        *(
            "deps",
            "vendor",
            "third_party",
            "wheels",
            "tools",
            ".config",
            "ci",
            "build-logic",
            "rootfs",
            "stubs",
        ),
    )
)
# Single files by these names are the program itself.
_PROGRAMS = ("app.", "main.", "server.", "index.", "manage.")
_ENOUGH_COMMITS = 20
_FEW_FILES = 3


@dataclass(frozen=True)
class View:
    """The context as the build sees it, for one subject."""

    paths: Mapping[str, object] = field(repr=False)
    history: History | None = field(repr=False)
    prefix: str = "."

    @cached_property
    def folders(self) -> frozenset[str]:
        """All folders with a file below."""
        found: set[str] = {"."}
        for path in self.paths:
            end = path.rfind("/")
            while end > 0 and path[:end] not in found:
                found.add(path[:end])
                end = path.rfind("/", 0, end)
        return frozenset(found)

    @cached_property
    def changed(self) -> tuple[frozenset[str], ...]:
        """For each commit that changed something of the context: the paths, oldest first."""
        if self.history is None:
            return ()
        start = "" if self.prefix in ("", ".") else self.prefix.rstrip("/") + "/"
        found = []
        for commit in self.history.commits:
            paths = frozenset(c.path[len(start) :] for c in commit.changes if c.path.startswith(start))
            if paths:
                found.append(paths)
        return tuple(found)

    @cached_property
    def manifest_changes(self) -> int:
        """How many commits changed a manifest or lock file."""
        return sum(any(says_dependencies(path) for path in each) for each in self.changed)

    def roots(self, source: str) -> list[str]:
        """The files and folders that a source of a COPY names."""
        if not _WILD.search(source):
            return [source] if source in self.paths or source in self.folders else []
        parts = source.split("/")
        deep = len(parts)
        candidates = (p for p in (*self.paths, *self.folders) if p.count("/") + 1 == deep and p != ".")
        return sorted({p for p in candidates if all(map(fnmatchcase, p.split("/"), parts))})

    def below(self, root: str) -> Iterator[str]:
        """All files that a root of a copy takes."""
        if root in self.paths and root not in self.folders:
            yield root
            return
        start = "" if root == "." else root + "/"
        for path in self.paths:
            if path.startswith(start) and path not in self.folders:
                yield path


def view_of(subject: Subject) -> View | None:
    """What the build of a subject sees; None without a context."""
    if subject.context is None:
        return None
    return View(visible(subject.context, subject.ignore).entries, subject.history, subject.prefix)


@dataclass(frozen=True, slots=True)
class Supply:
    """Where a file of the image is from: the copy, its path in the context and below the target."""

    position: int
    path: str
    below: str


def supply(view: View, copies: Sequence[tuple[int, Copied]], image: str) -> Supply | None:
    """Which copy put a file there: the last that did."""
    for position, copied in reversed(copies):
        if not copied.from_context or not copied.known:
            continue
        roots = [root for source in copied.sources for root in view.roots(source)]
        for root in reversed(roots):
            found = _in_root(view, copied, root, image, several=len(roots) > 1)
            if found is not None:
                return Supply(position, found, posixpath.relpath(image, copied.target))
    return None


def _in_root(view: View, copied: Copied, root: str, image: str, *, several: bool) -> str | None:
    target = copied.target
    if root in view.folders:
        if image != target and not image.startswith(target.rstrip("/") + "/"):
            return None
        path = posixpath.normpath(posixpath.join(root, posixpath.relpath(image, target)))
        return path if path in view.paths or path in view.folders else None
    name = posixpath.basename(root)
    into = copied.into or several or target == "/"
    if not into and posixpath.basename(target) != name:
        # A name with a suffix is a file's; another is taken for a folder that is there already.
        into = "." not in posixpath.basename(target)
    placed = posixpath.join(target, name) if into else target
    return root if placed == image else None


def sources_of(copied: Copied, view: View | None) -> frozenset[str] | None:
    """The files of a copy that no install of dependencies is known to read.

    None: there are, but which is not known. Empty for a copy of manifests, settings and
    small files beside them.
    """
    if not copied.from_context or not copied.sources:
        return frozenset()
    if _by_names(copied, view):
        return frozenset()
    if view is None or not copied.known:
        return None if any(_sounds_like_sources(source) for source in copied.sources) else frozenset()
    found: set[str] = set()
    for source in copied.sources:
        for root in view.roots(source):
            if root in view.folders and (
                posixpath.basename(root) in _SMALL_FOLDERS or "vendor" in root.split("/")
            ):
                continue
            found.update(path for path in view.below(root) if _is_source(path, alone=path == root))
    return frozenset(found)


def _by_names(copied: Copied, view: View | None) -> bool:
    """Whether a copy names single files: what an install or the image needs of the sources."""
    for source in copied.sources:
        if covers(_READ, source) and not (view is not None and source in view.folders):
            continue
        if _WILD.search(source) or (view is not None and source in view.folders):
            return False
        if not posixpath.splitext(source)[1] or posixpath.basename(source).startswith(_PROGRAMS):
            return False
    return True


def hardly_changes(paths: frozenset[str], view: View) -> bool:
    """Whether the history says that the paths do not matter.

    They changed once or never in many commits, or they are few and changed much more rarely than manifests.
    """
    if len(view.changed) < _ENOUGH_COMMITS:
        return False
    changed = sum(not paths.isdisjoint(each) for each in view.changed)
    return changed < 2 or (len(paths) <= _FEW_FILES and changed * 4 < view.manifest_changes)


def _is_source(path: str, *, alone: bool) -> bool:
    if covers(_READ, path) or path.split("/")[0] == ".git":
        return False
    # A single file that is no program is a setting of the image more often than a source.
    return path.endswith(_CODE) if alone else True


def _sounds_like_sources(source: str) -> bool:
    """The same by the word alone."""
    name = posixpath.basename(source)
    if source == "." or name in ("*", "**", "*.*"):
        return True
    if "://" in source or covers(_READ, source) or name in _SMALL_FOLDERS or name.startswith("package"):
        return False
    if name.endswith(_CODE):
        return True
    return (
        "." not in name.lstrip(".") and "*" not in name and name.islower() and not name.startswith((".", "$"))
    )
