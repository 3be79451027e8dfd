"""Which files that a build copies change often: by the repository's history, else by what they are.

Takes a Subject, gives for each step why what it copies changes often, and the
first such step in the line of each. Knows nothing of what a RUN does.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from compiler.layers.model import Step, StepKind
from compiler.layers.selection import matcher
from compiler.practices.model import Subject
from compiler.practices.parts.remembered import remembered
from compiler.practices.parts.runs import behind

FEWEST_BUILDS = 10
"""Builds in the history from which a share is taken; with fewer the names are asked."""
OFTEN = 0.1
"""The share of builds from which on a copy is said to change often: one build in ten."""

_CODE = (
    *(".py", ".js", ".mjs", ".cjs", ".ts", ".tsx", ".jsx", ".go", ".rs", ".java", ".kt", ".scala", ".rb"),
    *(".php", ".cs", ".fs", ".c", ".cc", ".cpp", ".h", ".hpp", ".swift", ".ex", ".exs", ".vue", ".svelte"),
)
_ARCHIVES = (".jar", ".war", ".ear", ".whl", ".dll", ".nupkg")
_SETTINGS = (
    *("setup.py", "conftest.py", "conf.py", "mix.exs", "gulpfile.js", "gruntfile.js", "settings.py"),
    *("gunicorn.py", "manage.py", "build.rs", "package-info.java", "healthcheck.py", "healthcheck.js"),
)
# Folders that hold settings, keys and scripts rather than sources.
_QUIET = frozenset(
    (
        *(
            "conf",
            "config",
            "configs",
            "etc",
            "docker",
            ".docker",
            "scripts",
            "script",
            "bin",
            "certs",
            "keys",
        ),
        *(
            "rootfs",
            "nginx",
            "requirements",
            "patches",
            ".cargo",
            ".mvn",
            "gradle",
            ".yarn",
            "prisma",
            "root",
        ),
        *("cert", "ssl", "licenses", "license", "fonts", "tools", "hack", "ci", ".ci", "vendor", "overlay"),
        *("patch", "library-scripts", "base-scripts", "supervisor", "cron", "entrypoint", "hooks", "s6"),
    )
)
_SOURCES = frozenset(
    (
        *("src", "app", "lib", "source", "sources", "code", "internal", "cmd", "pkg", "packages", "apps"),
        *("server", "client", "web", "frontend", "backend", "public", "static", "templates", "html", "www"),
        *("api", "core", "components", "pages", "ui", "services", "service", "site", "content", "assets"),
        *("crates", "modules", "views", "models", "controllers", "tests", "test", "locale", "migrations"),
    )
)
# What is copied from another stage and holds what was installed, not what was compiled.
_INSTALLED = frozenset(
    (
        *("node_modules", "site-packages", "dist-packages", ".venv", "venv", "virtualenv", "wheels", "wheel"),
        *("vendor", "bundle", "gems", ".cargo", ".m2", ".gradle", "deps", ".pnpm-store", "requirements.txt"),
    )
)


@dataclass(frozen=True, slots=True)
class Lines:
    """For each step why what it reads changes often (absent: it does not), and where its line first does.

    `first[n]` is the first step that changes often of the parents of step n and
    itself, None where there is none, and `depth[n]` how many steps n is behind it.
    `project[n]` tells that files of the context are in what step n gives,
    `placed[n]` that a WORKDIR of the file, and not only the base image, says in
    which folder it ends.
    """

    why: Mapping[int, str]
    first: tuple[int | None, ...]
    project: tuple[bool, ...]
    placed: tuple[bool, ...]
    depth: tuple[int, ...]

    def before(self, step: Step) -> int | None:
        """The first step that changes often of those that stand before a step."""
        above = behind(step)
        return None if above is None else self.first[above]

    def is_placed(self, step: Step) -> bool:
        """Whether a relative path of a step counts from a folder that the file says."""
        above = behind(step)
        return above is not None and self.placed[above]

    def sees_project(self, step: Step) -> bool:
        """Whether files of the context may be before a step: only then can it run a script of the project."""
        mounted = any(read.origin is None for read in step.reads)
        above = behind(step)
        return mounted or (above is not None and self.project[above])


def changing(subject: Subject) -> Lines:
    """What changes often in a build."""
    steps = subject.graph.steps
    shares = _shares(subject)
    why: dict[int, str] = {}
    first: list[int | None] = []
    project: list[bool] = []
    placed: list[bool] = []
    depth: list[int] = []
    for step in steps:
        above = behind(step)
        taken = any(read.origin is None or project[read.origin] for read in step.reads)
        project.append(taken or (above is not None and project[above]))
        words = step.instruction.words if step.kind is StepKind.WORKDIR else ()
        absolute = bool(words) and words[0].text.strip("\"'").startswith("/")
        placed.append(absolute or (above is not None and placed[above]))
        reason = _from_context(subject, step, shares) or _from_stages(step, first)
        if reason:
            why[step.index] = reason
        before = None if above is None else first[above]
        first.append(step.index if before is None and reason else before)
        depth.append(0 if above is None or before is None else depth[above] + 1)
    return Lines(why, tuple(first), tuple(project), tuple(placed), tuple(depth))


@remembered
def changing_by_names(subject: Subject) -> Lines:
    """As `changing`, without a history."""
    return changing(subject if subject.history is None else replace(subject, history=None))


def root(pattern: str) -> bool:
    """Whether a pattern of a Read is the whole context."""
    return posixpath.normpath(pattern.lstrip("/") or ".") in (".", "*", "**")


def _from_context(subject: Subject, step: Step, shares: Mapping[int, tuple[int, int]]) -> str:
    reads = [read for read in step.reads if read.origin is None]
    if not reads:
        return ""
    if step.index in shares:
        changed, builds = shares[step.index]
        often = changed >= OFTEN * builds
        return f"{changed} of the last {builds} commits that this build sees change it" if often else ""
    for read in reads:
        for pattern in read.patterns:
            # A variable without a value leaves nothing, which is no name of the whole context.
            if (reason := _by_name(subject, pattern)) and not (root(pattern) and chosen(step)):
                return reason
    return ""


def chosen(step: Step) -> bool:
    """Whether variables say what a COPY or ADD takes."""
    return any("$" in word.text for word in step.instruction.words[:-1])


def _by_name(subject: Subject, pattern: str) -> str:
    """Why a path changes often, by what it is called; "" where that says nothing."""
    if root(pattern):
        return "it copies the whole context"
    path = posixpath.normpath(pattern.lstrip("/"))
    name = posixpath.basename(path)
    folders = path.lower().split("/")
    lower = name.lower()
    if lower.endswith(_ARCHIVES) or _is_built(folders):
        return f"`{path}` is built anew for each image"
    if lower.endswith(_CODE):
        settings = lower in _SETTINGS or ".config." in lower or lower.startswith((".", "setup"))
        return "" if settings else f"`{path}` is source code"
    # A pattern in a folder takes the folder's name: `src/**`.
    plain = [folder for folder in folders if "*" not in folder]
    if not plain or plain[-1] in _QUIET or plain[0] in _QUIET:
        return ""
    if plain[-1] in _SOURCES or plain[0] in _SOURCES:
        is_file = "." in plain[-1] and not _is_folder(subject, path)
        return "" if is_file else f"`{path}` holds sources"
    return f"`{path}` is a folder of the context" if _is_folder(subject, path) else ""


def _is_built(folders: list[str]) -> bool:
    """Whether a path is what a build outside of this one made: `target/app`, `dist`, `dist/*`."""
    last = folders[-1]
    if len(folders) > 1 and folders[0] in ("target", "publish"):
        return True
    return folders[0] in ("dist", "out", "publish", "target") and (
        len(folders) == 1 or "*" in last or last.endswith((".html", ".css", ".so", ".bin"))
    )


def _is_folder(subject: Subject, path: str) -> bool:
    if subject.context is None or "*" in path:
        return False
    start = path + "/"
    return any(found.startswith(start) for found in subject.context.entries)


def _from_stages(step: Step, first: list[int | None]) -> str:
    """Why a copy from another stage changes often: it is made of what changes often."""
    for read in step.reads:
        if read.origin is None or read.origin >= len(first) or first[read.origin] is None:
            continue
        if step.kind is StepKind.IMAGE or read.mount:
            continue
        for pattern in read.patterns:
            parts = posixpath.normpath(pattern).lower().strip("/").split("/")
            if not _INSTALLED.intersection(parts) and not pattern.startswith(("/usr/local/lib/python",)):
                return f"`{pattern}` is made of files that change"
    return ""


def _shares(subject: Subject) -> dict[int, tuple[int, int]]:
    """For each step that copies from the context: how many builds changed it, and of how many."""
    if subject.history is None:
        return {}
    readers: list[tuple[int, list[Callable[[str], bool]]]] = [
        (step.index, [matcher(read) for read in step.reads if read.origin is None])
        for step in subject.graph.steps
        if any(read.origin is None for read in step.reads)
    ]
    counts = dict.fromkeys((index for index, _ in readers), 0)
    known: dict[str, frozenset[int]] = {}
    builds = 0
    for paths in _seen_changes(subject):
        touched: set[int] = set()
        for path in paths:
            if path not in known:
                known[path] = frozenset(i for i, takes in readers if any(take(path) for take in takes))
            touched |= known[path]
        builds += bool(touched)
        for index in touched:
            counts[index] += 1
    return {index: (count, builds) for index, count in counts.items()} if builds >= FEWEST_BUILDS else {}


def _seen_changes(subject: Subject) -> Iterator[list[str]]:
    """For each commit the paths of the context that it changes and .dockerignore does not leave out."""
    history = subject.history
    if history is None:
        return
    prefix = "" if subject.prefix in ("", ".") else subject.prefix.rstrip("/") + "/"
    every = {
        change.path[len(prefix) :]
        for commit in history.commits
        for change in commit.changes
        if change.path.startswith(prefix)
    }
    if subject.ignore is not None:
        every -= subject.ignore.ignored(sorted(every))
    for commit in history.commits:
        paths = [change.path[len(prefix) :] for change in commit.changes if change.path.startswith(prefix)]
        yield [path for path in paths if path in every]
