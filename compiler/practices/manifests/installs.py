"""The installs of dependencies in one RUN: what each installs, in which folder, and where it stands.

Takes the commands of a RUN with their activities, gives an Install for each that
a project's files say what to install, or that compiles and downloads first.
Knows nothing of copies and contexts.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from compiler.shell.model import Activity, ActivityKind, Command

# Compiling with these downloads what is missing, and a step of their own could do that before.
_DOWNLOADING = {
    "go": ("build", "install"),
    "maven": (),
    "gradle": (),
    "cargo": ("build", "b", "install", "rustc", "zigbuild", "auditable", "leptos"),
    "dotnet": ("build", "publish", "pack"),
}
_FOLDER_OPTIONS = {
    **dict.fromkeys(("npm", "yarn", "pnpm", "bun"), ("--prefix", "-C", "--dir", "--cwd")),
    "composer": ("-d", "--working-dir"),
    "poetry": ("-C", "--directory", "-P", "--project"),
    "uv": ("--directory", "--project"),
    "go": ("-C",),
    "gradle": ("-p", "--project-dir"),
}
_FILE_OPTIONS = {"cargo": ("--manifest-path",), "bundler": ("--gemfile",)}
_MONOREPO = frozenset(("turbo", "nx", "lerna", "rush", "moon", "bazel", "pants"))
_CERTAIN = 3


@dataclass(frozen=True, slots=True)
class Install:
    """One install.

    `words` follow the program. `folder` is absolute in the image, None where it
    is not known. `compiles` tells that it downloads only what its compilation
    misses. `command` is the index in the script, `files` those that it names,
    `environment` the variables that hold.
    """

    ecosystem: str
    words: tuple[str, ...]
    folder: str | None
    compiles: bool
    command: int
    files: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


def installs(commands: Sequence[Activity], folder: str, environment: Mapping[str, str]) -> Iterator[Install]:
    """The installs of a RUN that starts in `folder`, in order."""
    places: list[tuple[int, str | None]] = [(0, folder)]
    for index, activity in enumerate(commands):
        command = activity.command
        while len(places) > 1 and places[-1][0] > command.depth:
            places.pop()
        here = places[-1][1]
        if command.program in ("cd", "pushd"):
            place = _entered(here, command)
            if places[-1][0] == command.depth:
                places[-1] = (command.depth, place)
            else:
                places.append((command.depth, place))
        elif _counts(activity):
            words = _arguments(activity)
            variables = {**environment, **dict(command.variables)}
            compiles = activity.kind is ActivityKind.COMPILE or _looks_at_sources(activity, words)
            yield Install(
                activity.ecosystem,
                words,
                _folder(activity, words, here),
                compiles,
                index,
                activity.files,
                variables,
            )


def manages_monorepo(commands: Sequence[Activity]) -> bool:
    """Whether a tool is called that knows itself which packages of a repository to take, or cargo-chef."""
    for activity in commands:
        words = activity.command.words
        if words and (activity.command.program in _MONOREPO or words[:2] == ("cargo", "chef")):
            return True
        if any(word in _MONOREPO for word in words[1:_CERTAIN]) and activity.command.program in _RUNNERS:
            return True
    return False


_RUNNERS = frozenset(("npx", "pnpx", "bunx", "yarn", "pnpm", "npm", "bun"))


def _counts(activity: Activity) -> bool:
    if not activity.from_manifest or (not activity.command.certain and activity.ecosystem != "pip"):
        return False
    if activity.kind is ActivityKind.DEPENDENCIES:
        return not _of_itself(activity)
    if activity.kind is not ActivityKind.COMPILE or activity.ecosystem not in _DOWNLOADING:
        return False
    verbs = _DOWNLOADING[activity.ecosystem]
    words = [word for word in activity.command.words[1:] if not word.startswith(("-", "+"))]
    # Without the restore that goes before, or off line, nothing is downloaded.
    offline = {"--no-restore", "--offline", "-o", "-mod=vendor", "--no-dependencies"} & set(
        activity.command.words[1:]
    )
    if activity.ecosystem in ("go", "dotnet"):
        offline -= {"-o"}
    return not offline and (not verbs or (words[:1] != [] and words[0] in verbs))


def _looks_at_sources(activity: Activity, words: Sequence[str]) -> bool:
    """Whether an install finds out from the sources what is needed, as `go mod tidy` does."""
    return activity.ecosystem == "go" and tuple(words[:2]) not in (("mod", "download"), ("mod", "verify"))


def _of_itself(activity: Activity) -> bool:
    """Whether the sources themselves are installed: `pip install .`, `python setup.py install`."""
    if activity.ecosystem in ("pip", "uv") and activity.files:
        return any(not _requirements(path) for path in activity.files)
    return False


def _requirements(path: str) -> bool:
    return path.endswith((".txt", ".in", ".lock", ".pip")) or "requirements" in path or "constraints" in path


def _arguments(activity: Activity) -> tuple[str, ...]:
    words = activity.command.words
    if activity.ecosystem == "pip" and "-m" in words[:4]:
        return words[words.index("-m") + 2 :]
    return words[1:]


def _entered(here: str | None, command: Command) -> str | None:
    words = [word for word in command.words[1:] if not word.startswith("-")]
    if len(words) != 1 or "$" in words[0] or "`" in words[0] or words[0].startswith("~"):
        return None
    if words[0].startswith("/"):
        return posixpath.normpath(words[0])
    return None if here is None else posixpath.normpath(posixpath.join(here, words[0]))


def _folder(activity: Activity, words: Sequence[str], here: str | None) -> str | None:
    """Where it works: the folder or the folder of the file that an option names, else the current one."""
    place = here
    for name in _FOLDER_OPTIONS.get(activity.ecosystem, ()):
        if (said := _value(words, name)) is not None:
            place = _below(here, said)
    for name in _FILE_OPTIONS.get(activity.ecosystem, ()):
        if (said := _value(words, name)) is not None:
            place = _below(here, posixpath.dirname(said) or ".")
    return place


def _value(words: Sequence[str], name: str) -> str | None:
    for at, word in enumerate(words):
        if word == name and at + 1 < len(words):
            return words[at + 1]
        if word.startswith(name + "="):
            return word[len(name) + 1 :]
    return None


def _below(here: str | None, said: str) -> str | None:
    if "$" in said or (here is None and not said.startswith("/")):
        return None
    return posixpath.normpath(posixpath.join(here or "/", said))
