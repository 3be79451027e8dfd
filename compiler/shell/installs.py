"""What the package managers of languages do: install by manifests or by name, compile, clean.

Takes a command and the words after its program, gives an Activity by the table of `ecosystems`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from compiler.shell.compilers import build_script
from compiler.shell.ecosystems import ECOSYSTEMS, covers
from compiler.shell.model import Activity, ActivityKind, Command
from compiler.shell.options import VALUED
from compiler.shell.tools import URL, Words, nothing, split, tool

_NODE = ("npm", "yarn", "pnpm", "bun")
# Options of installs that name a file of the project, by ecosystem.
_FILE_OPTIONS: dict[str, tuple[str, ...]] = {
    "pip": ("-r", "--requirement", "-c", "--constraint", "-e", "--editable"),
    "uv": (
        "-r",
        "--requirement",
        "--requirements",
        "-c",
        "--constraint",
        "--constraints",
        "-e",
        "--editable",
    ),
    "pipenv": ("-r", "--requirements"),
    "conda": ("-f", "--file"),
    "maven": ("-f", "--file"),
    "gradle": ("-b", "--build-file", "-p", "--project-dir"),
    "cargo": ("--manifest-path", "--path", "--recipe-path"),
    "bundler": ("--gemfile",),
    "dotnet": (),
}
_ATTACHED = re.compile(r"\A(-[rce])(?=[^ ])")


def of_ecosystem(command: Command, name: str, words: tuple[str, ...]) -> Activity:
    """What a command of a package manager (a key of ECOSYSTEMS) does; `words` are those after the program."""
    files = _FILE_OPTIONS.get(name, ())
    if name in ("pip", "uv"):
        # `-rfile` is `-r file`.
        words = tuple(part for word in words for part in _ATTACHED.sub(r"\1 ", word, count=1).split(" ", 1))
    found = split(words, (*VALUED[name], *files))
    if name in ("maven", "gradle"):
        return _goals(command, name, found)
    if name in _NODE:
        return _node(command, name, found)
    if name in ("go", "cargo", "dotnet", "mix", "bundler", "composer"):
        return _project(command, name, found)
    verb = _verb(found, ECOSYSTEMS[name].installs)
    if verb is None:
        compiles = bool(found.plain) and found.plain[0] in ECOSYSTEMS[name].compiles
        if compiles:
            return Activity(ActivityKind.COMPILE, command, name, name)
        return _other(command, name, found)
    return _install(command, name, verb, found)


def _other(command: Command, name: str, found: Words) -> Activity:
    words = found.plain[:2]
    cleans = (
        "clean" in words or "cache" in words or "purge" in words or "prune" in words or "uninstall" in words
    )
    if name in ("poetry", "uv") and words[:1] in (("add",), ("tool",), ("self",)):
        return Activity(ActivityKind.DEPENDENCIES, command, name, name, found.plain[1:])
    if name == "uv" and words == ("python", "install"):
        return Activity(ActivityKind.DOWNLOAD, command, name, names=found.plain[2:])
    return Activity(ActivityKind.CLEAN if cleans else ActivityKind.OTHER, command, name)


def _verb(found: Words, verbs: Sequence[str]) -> str | None:
    """The longest of the sub-commands that the words begin with."""
    for count in (2, 1):
        if len(found.plain) >= count and " ".join(found.plain[:count]) in verbs:
            return " ".join(found.plain[:count])
    return "" if "" in verbs and not found.plain and not found.has("--version", "-v", "--help") else None


def _install(command: Command, name: str, verb: str, found: Words) -> Activity:
    """An install, by the manifests or of what is named."""
    ecosystem = ECOSYSTEMS[name]
    after = found.plain[len(verb.split()) :]
    options = _FILE_OPTIONS.get(name, ())
    # conda's `-r` and Maven's `-c` are others; only those of the ecosystem count.
    said = [value for option, value in found.values if option in options]
    said += [word for word in after if _is_project(name, word)]
    names = tuple(word for word in after if word not in said)
    if name == "conda":
        said += [word for word in names if covers(ecosystem.manifests, word)]
    everywhere = found.has("-g", "--global") and name in _NODE
    from_manifest = not everywhere and (bool(said) or verb not in ecosystem.named or not after)
    if name in ("pip", "conda", "uv") and verb in ecosystem.named:
        from_manifest = bool(said)
    return Activity(ActivityKind.DEPENDENCIES, command, name, name, names, from_manifest, tuple(said))


def _is_project(name: str, word: str) -> bool:
    """Whether a word after an install is a place in the project and no package's name."""
    if name in ("pip", "uv") and re.match(r"\.{0,2}/?\[|\.$|\.\[", word):
        return True
    if URL.match(word) or word.endswith((".whl", ".deb", ".rpm")):
        return False
    return word == "." or (word.startswith(("./", "../", ".[", "/")) and "://" not in word)


def _goals(command: Command, name: str, found: Words) -> Activity:
    """Maven's goals and Gradle's tasks: any of them may stand anywhere; what compiles counts most."""
    ecosystem = ECOSYSTEMS[name]
    goals = [_goal(word) for word in found.plain]
    files = tuple(value for option, value in found.values if option in _FILE_OPTIONS[name])
    if any(goal in ecosystem.compiles for goal in goals):
        return Activity(ActivityKind.COMPILE, command, name, name, (), True, files)
    installs = any(goal in ecosystem.installs or goal.startswith("dependency:") for goal in goals)
    if installs:
        return Activity(ActivityKind.DEPENDENCIES, command, name, name, (), True, files)
    if goals == ["clean"]:
        return Activity(ActivityKind.CLEAN, command, name)
    unknown = [goal for goal in goals if "=" not in goal]
    kind = ActivityKind.COMPILE if unknown else ActivityKind.OTHER
    return Activity(kind, command, name, name if unknown else "", (), bool(unknown), files)


def _goal(word: str) -> str:
    """A goal without the coordinates of its plugin, a task without its project."""
    parts = word.split(":")
    if "maven-dependency-plugin" in word:
        return "dependency:" + parts[-1]
    return parts[-1] if word.startswith(":") or (len(parts) == 2 and parts[0] not in _PLUGINS) else word


_PLUGINS = ("dependency", "spring-boot", "jib", "native", "quarkus", "exec", "versions", "help", "wrapper")


def _node(command: Command, name: str, found: Words) -> Activity:
    """npm, Yarn, pnpm and Bun: installs, the scripts of package.json, and programs of packages."""
    plain = found.plain
    ecosystem = ECOSYSTEMS[name]
    if name == "yarn" and plain[:1] in (("workspace",), ("--cwd",)):
        plain = plain[2:]
    elif name == "yarn" and plain[:2] in (("workspaces", "foreach"), ("workspaces", "run")):
        plain = tuple(word for word in plain[2:] if word not in ("foreach", "run"))
    if plain[:1] == ("global",) or (found.has("-g", "--global", "--location") and plain[:1] != ("run",)):
        names = tuple(word for word in plain if word not in ("global", "add", "install", "i"))
        verbs = set(plain[:2]) & {"add", "install", "i"}
        kind = ActivityKind.DEPENDENCIES if verbs else ActivityKind.OTHER
        return Activity(kind, command, name, name if verbs else "", names if verbs else ())
    verb = _verb(Words(plain, found.options, found.values), ecosystem.installs)
    if verb is not None:
        return _install(command, name, verb, Words(plain, found.options, found.values))
    first = plain[0] if plain else ""
    if first == "add":
        return Activity(ActivityKind.DEPENDENCIES, command, name, name, plain[1:])
    if first in ("exec", "dlx", "x", "node"):
        return tool(command, plain[1:])
    script = plain[1] if first in ("run", "run-script", "rum") and len(plain) > 1 else first
    if first in ecosystem.compiles or build_script(script):
        return Activity(ActivityKind.COMPILE, command, name, name)
    if first in ("cache", "store", "prune", "uninstall", "remove", "autoclean"):
        return Activity(ActivityKind.CLEAN, command, name)
    # `yarn tsc`, `pnpm turbo run build`: a program of a package.
    inner = tool(command, plain) if name in ("yarn", "pnpm", "bun") else None
    return inner if inner is not None and inner.kind is ActivityKind.COMPILE else nothing(command, name)


def _project(command: Command, name: str, found: Words) -> Activity:
    """Tools that install what a project needs and compile it as well."""
    ecosystem = ECOSYSTEMS[name]
    plain = found.plain
    first = plain[0] if plain else ""
    if name == "cargo" and first.startswith("+"):
        plain = plain[1:]
        first = plain[0] if plain else ""
    found = Words(plain, found.options, found.values)
    outside = _from_outside(name, found)
    if outside is not None:
        return Activity(ActivityKind.DEPENDENCIES, command, name, name, outside)
    verb = _verb(found, ecosystem.installs)
    files = tuple(value for option, value in found.values if option in _FILE_OPTIONS.get(name, ()))
    if name == "dotnet":
        files = tuple(word for word in plain[1:] if covers(ecosystem.manifests, word) or "/" in word)
    if verb is not None:
        return _install_of_project(command, name, verb, found, files)
    if first in ecosystem.compiles:
        return Activity(ActivityKind.COMPILE, command, name, name, (), True, files)
    if name == "mix" and first == "do":
        return _mix_do(command, plain[1:])
    return _other(command, name, found)


def _install_of_project(
    command: Command, name: str, verb: str, found: Words, files: tuple[str, ...]
) -> Activity:
    names = found.plain[len(verb.split()) :]
    if name == "go" and verb == "get":
        names = tuple(word for word in names if not word.startswith("."))
    from_manifest = verb not in ECOSYSTEMS[name].named or not names
    said = tuple(word for word in names if word not in files)
    return Activity(ActivityKind.DEPENDENCIES, command, name, name, said, from_manifest, files)


def _from_outside(name: str, found: Words) -> tuple[str, ...] | None:
    """The packages that a tool installs from elsewhere, not for the project; None where it does not."""
    plain = found.plain
    first = plain[0] if plain else ""
    packages: tuple[str, ...] | None = None
    if name == "go" and first in ("install", "get", "run") and any("@" in word for word in plain[1:]):
        packages = plain[1:]
    elif name == "cargo" and first in ("install", "binstall"):
        given = dict(found.values)
        local = "--path" in given or (len(plain) == 1 and "--git" not in given)
        packages = None if local else plain[1:] or (given.get("--git", ""),)
    elif name == "dotnet" and plain[:2] in (("tool", "install"), ("tool", "update"), ("workload", "install")):
        packages = plain[2:]
    elif name == "composer" and first in ("global", "require", "create-project"):
        packages = tuple(word for word in plain[1:] if word not in ("require", "update", "install"))
    elif name == "mix" and first in ("local.hex", "local.rebar", "archive.install", "escript.install"):
        packages = plain[1:] if first.endswith("install") else (first,)
    elif name == "bundler" and first == "add":
        packages = plain[1:]
    return packages


def _mix_do(command: Command, words: tuple[str, ...]) -> Activity:
    """`mix do a, b + c`: what compiles counts most."""
    tasks = [word.strip(",") for word in words]
    ecosystem = ECOSYSTEMS["mix"]
    if any(task in ecosystem.compiles for task in tasks):
        return Activity(ActivityKind.COMPILE, command, "mix", "mix", (), True)
    if any(task in ecosystem.installs for task in tasks):
        return Activity(ActivityKind.DEPENDENCIES, command, "mix", "mix", (), True)
    return nothing(command, "mix")
