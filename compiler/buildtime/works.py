"""What the steps of a build do, piece by piece: install, compile, download and so on.

Takes the steps of a graph, gives for each the pieces of work that it has to do
when it runs. A tool that compiles installs first what no step before it has
installed. Times are in `defaults`.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass

from compiler.dockerfile.mounts import mounts
from compiler.dockerfile.scripts import commands
from compiler.layers.model import BuildGraph, Step, StepKind
from compiler.shell.activities import activities
from compiler.shell.ecosystems import ECOSYSTEMS
from compiler.shell.model import Activity, ActivityKind, Command
from compiler.shell.systems import SYSTEM_MANAGERS
from compiler.shell.tables import words

_SELF_INSTALLING = ("go", "maven", "gradle", "cargo", "dotnet", "mix")
_LIBRARIES = ("cargo", "mix")
_SHELLS = frozenset(("sh", "bash", "ash", "dash", "zsh", ".", "source"))
_MAKES = frozenset(("make", "gmake", "ninja", "samu", "bazel", "docker-php-ext-install", "pecl", "swift"))
_SMALL = frozenset(
    words("configure cmake meson autoreconf autogen.sh phpize gcc g++ cc c++ clang clang++ protoc tsc")
)
# Characters of all RUNs that are read: far more than in any Dockerfile, read in half a second.
_MOST_TEXT = 100_000
_ASKS = frozenset(("--version", "-version", "-V", "--help", "-h"))


@dataclass(frozen=True, slots=True)
class Work:
    """One piece of work: a key of `defaults.DEFAULTS` and how many packages it names.

    `cached` tells that a cache mount is where its tool keeps downloads or objects, `again` that an install
    follows one of the same ecosystem, whose downloads are still there.
    """

    what: str
    by: str
    count: int = 0
    cached: bool = False
    again: bool = False


def works(graph: BuildGraph) -> tuple[tuple[Work, ...], ...]:
    """What each step does when it runs, parallel to `graph.steps`; empty for all but RUN.

    After 100,000 characters of commands further ones count as scripts that are not read.
    """
    done: list[frozenset[tuple[str, str]]] = []
    found: list[tuple[Work, ...]] = []
    read = 0
    for step in graph.steps:
        before = frozenset[tuple[str, str]]().union(*(done[need] for need in step.needs))
        mine: tuple[Work, ...] = ()
        if step.kind is StepKind.RUN:
            span = step.instruction.span
            read += span.end - span.start
            mine = tuple(_of_run(graph, step, before)) if read <= _MOST_TEXT else (Work("script", "any"),)
        kept = {(work.what, work.by) for work in mine if work.what in ("install", "libraries")}
        found.append(mine)
        done.append(before | kept)
    return tuple(found)


def _of_run(graph: BuildGraph, step: Step, before: frozenset[tuple[str, str]]) -> Iterable[Work]:
    shell = tuple(part.value for part in step.parts if part.name == "shell")
    script = commands(graph.dockerfile, step.instruction, shell or ("/bin/sh", "-c")).script
    folders = tuple(
        posixpath.normpath(target)
        for mount in mounts(step.instruction)
        if mount.type == "cache" and (target := mount.get("target"))
    )
    done = set(before)
    if not script.complete and not script.commands:
        return [Work("script", "any")]
    found: list[Work] = []
    for activity in activities(script):
        for work in _of_activity(activity, done):
            again = work.what == "install" and (work.what, work.by) in done
            found.append(Work(work.what, work.by, work.count, _is_cached(work, folders), again))
            done.add((work.what, work.by))
    return found


def _of_activity(activity: Activity, done: set[tuple[str, str]]) -> list[Work]:
    kind, by = activity.kind, activity.ecosystem
    count = len(activity.names)
    if kind is ActivityKind.SYSTEM_UPDATE:
        return [Work("update", activity.tool)]
    if kind is ActivityKind.SYSTEM_PACKAGES:
        return [Work("system", activity.tool, count)]
    if kind is ActivityKind.DOWNLOAD:
        return [Work("download", "any")]
    if kind is ActivityKind.DEPENDENCIES and not activity.from_manifest:
        return [Work("packages", by, count)]
    if kind is ActivityKind.DEPENDENCIES:
        compiles = by in _LIBRARIES and not {"cook", "deps.compile"}.isdisjoint(activity.command.words)
        needed = [Work("libraries", by)] if compiles else []
        return [*_missing([Work("install", by)] if compiles else [], done), *needed] or [Work("install", by)]
    if kind is ActivityKind.COMPILE:
        return _compiles(activity, done)
    return [_other(activity.command)]


def _compiles(activity: Activity, done: set[tuple[str, str]]) -> list[Work]:
    by = activity.ecosystem
    if by in _SELF_INSTALLING:
        needed = [Work("install", by)]
        needed += [Work("libraries", by)] if by in _LIBRARIES else []
        return [*_missing(needed, done), Work("compile", by)]
    if by in ("npm", "yarn", "pnpm", "bun"):
        return [Work("compile", "npm")]
    program = activity.tool
    return [Work("compile", "make" if program in _MAKES else "small" if program in _SMALL else "any")]


def _missing(needed: list[Work], done: set[tuple[str, str]]) -> list[Work]:
    return [work for work in needed if (work.what, work.by) not in done]


def _other(command: Command) -> Work:
    """A script in a file may do anything; other programs are taken for short ones."""
    said = command.words
    first = said[0] if said else ""
    asked = said[1] if len(said) > 1 and command.program in _SHELLS else first
    named = asked.endswith((".sh", ".bash")) or (
        "/" in asked and not asked.startswith(("/bin/", "/usr/bin/", "/sbin/", "/usr/sbin/", "-"))
    )
    if named and command.program not in (".", "source") and not _ASKS.intersection(said):
        return Work("script", "any")
    return Work("other", "any")


def _is_cached(work: Work, folders: tuple[str, ...]) -> bool:
    """Whether one of the folders that outlive the build is where the work keeps what it fetches or makes."""
    if not folders or work.what not in ("install", "packages", "system", "compile", "libraries"):
        return False
    if work.what == "system":
        wanted = SYSTEM_MANAGERS[work.by].caches if work.by in SYSTEM_MANAGERS else ()
    else:
        wanted = ECOSYSTEMS[work.by].caches if work.by in ECOSYSTEMS else ()
    if work.what in ("compile", "libraries"):
        # Objects, not downloads: only those help a compiler.
        wanted = tuple(each for each in wanted if "build" in each or each == "target")
    return any(_within(folder, each) for folder in folders for each in wanted)


def _within(folder: str, cache: str) -> bool:
    """Whether a mounted folder is a cache or holds it, wherever the user's home and the project are."""
    if not cache.startswith("/"):
        return posixpath.basename(folder) == cache
    for home in ("/root", "/usr/local/cargo", "/go", "/home/gradle"):
        if cache.startswith(home + "/"):
            return (
                folder == home or folder.endswith(cache.removeprefix(home)) or cache.startswith(folder + "/")
            )
    return folder == cache or cache.startswith(folder + "/")
