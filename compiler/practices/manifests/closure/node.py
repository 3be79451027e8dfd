"""What npm, Yarn, pnpm and Bun read: package.json of all workspaces, lock file, settings, patches, scripts.

Sources: docs.npmjs.com/cli (workspaces, scripts, npmrc), yarnpkg.com/configuration, pnpm.io
(workspaces, settings, package.json), bun.sh/docs/install.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from typing import Any

from compiler.practices.manifests.closure.model import (
    Closure,
    NotSure,
    Project,
    ReadsSources,
    joined,
    strings,
    table,
    upwards,
)
from compiler.practices.manifests.installs import Install

_LOCKS = {
    "npm": ("package-lock.json", "npm-shrinkwrap.json"),
    "yarn": ("yarn.lock",),
    "pnpm": ("pnpm-lock.yaml",),
    "bun": ("bun.lock", "bun.lockb"),
}
_SETTINGS = (
    *(".npmrc", ".yarnrc", ".yarnrc.yml", ".pnpmfile.cjs", ".pnpmfile.mjs", "pnpmfile.js"),
    *("pnpm-workspace.yaml", "bunfig.toml"),
)
_HOOKS = ("preinstall", "install", "postinstall", "preprepare", "prepare", "postprepare", "prepublish")
_DEPENDENCIES = ("dependencies", "devDependencies", "optionalDependencies", "resolutions", "overrides")
# They read nothing of a project, or nothing without .git.
_HARMLESS = re.compile(
    r"(?:npx (?:-y |--yes )?)?(?:husky(?: install)?|only-allow \w+|is-ci|simple-git-hooks|lefthook install|"
    r"exit 0|true|:|echo [^;&|`$]*|corepack enable|patch-package(?: --error-on-fail)?)"
)
_GIT_HOOKS = ("husky", "simple-git-hooks", "lefthook")
_BETWEEN = re.compile(r"&&|\|\||;")


def node(project: Project, install: Install) -> Closure:
    """The closure of an install by npm, Yarn, pnpm or Bun.

    Raises:
        NotSure: it cannot be told.
    """
    root = _root(project, install.ecosystem)
    own = project.json(joined(root, "package.json"))
    members = _members(project, root, own, install.ecosystem)
    packages = {joined(root, "package.json"): own, **{path: project.json(path) for path in members}}
    files = {*packages, *project.present(*_LOCKS[install.ecosystem], *_SETTINGS, folder=root)}
    for path in members:
        files.update(project.present(".npmrc", folder=posixpath.dirname(path)))
    folders = {joined(root, ".yarn")} if install.ecosystem == "yarn" else set[str]()
    doubts = list(_lock_doubts(project, install, root))
    for path, package in packages.items():
        folder = posixpath.dirname(path) or "."
        files.update(_local(project, folder, root, package, workspace=bool(members)))
        if not _without_scripts(project, install, root):
            scripts = _scripts(project, folder, package, doubts)
            folders.update(joined(folder, name) for name in scripts)
        if path in members and package.get("bin"):
            doubts.append(f"`{path}` has programs that the install links, and their files come later")
    files.update(_patched(project, root, own))
    folders = {folder for folder in folders if project.holds(folder)}
    if install.ecosystem == "yarn" and _modern(project, root, own):
        doubts += _plug_and_play(project, root)
    writes = tuple(sorted(joined(posixpath.dirname(path) or ".", "node_modules") for path in packages))
    return Closure(tuple(sorted(files)), tuple(sorted(folders)), writes, doubts=tuple(dict.fromkeys(doubts)))


def _root(project: Project, ecosystem: str) -> str:
    """The folder of the workspace that the project belongs to, or its own."""
    for folder in list(upwards(project.folder))[1:]:
        if ecosystem == "pnpm" and project.present("pnpm-workspace.yaml", folder=folder):
            return folder
        package = joined(folder, "package.json")
        if ecosystem != "pnpm" and project.has(package) and _patterns(project.json(package)):
            members = project.matching(folder, _patterns(project.json(package)), "package.json")
            if project.at("package.json") in members:
                return folder
    return project.folder


def _patterns(package: dict[str, Any]) -> list[str]:
    said = package.get("workspaces", [])
    if not isinstance(said, dict | list):
        raise NotSure("what the workspaces are cannot be read")
    return strings(said.get("packages")) if isinstance(said, dict) else strings(said)


def _members(project: Project, root: str, own: dict[str, Any], ecosystem: str) -> list[str]:
    """The package.json files of the workspaces, without the root's."""
    patterns = _patterns(own)
    settings = joined(root, "pnpm-workspace.yaml")
    if ecosystem == "pnpm":
        patterns = _listed(project.text(settings), "packages") if project.has(settings) else []
    return project.matching(root, patterns, "package.json") if patterns else []


def _listed(text: str, key: str) -> list[str]:
    """The texts of a list at the top level of a YAML file, as people write it."""
    found: list[str] = []
    inside = False
    for line in text.splitlines():
        bare = line.split(" #")[0].rstrip()
        if not bare or bare.lstrip().startswith("#"):
            continue
        if inside and bare.lstrip().startswith("- "):
            found.append(bare.lstrip()[2:].strip().strip("'\""))
            continue
        inside = bare == f"{key}:"
        if bare.startswith(f"{key}:") and not inside:
            raise NotSure("pnpm-workspace.yaml lists its packages in a form that is not read here")
    return found


def _local(
    project: Project, folder: str, root: str, package: dict[str, Any], *, workspace: bool
) -> Iterator[str]:
    """Files that the dependencies of a package name; a folder is not known well enough."""
    for key in _DEPENDENCIES:
        for name, said in table(package, key).items():
            if not isinstance(said, str):
                if key not in ("overrides", "resolutions"):
                    raise NotSure(f"the dependency `{name}` has no version that can be read")
                continue
            if said.startswith("workspace:") and not workspace:
                raise NotSure(f"the dependency `{name}` is of a workspace that the context does not show")
            if said.startswith("patch:"):
                yield from _patch(project, said, root)
            elif said.startswith(("file:", "link:", "portal:", "./", "../", "~/")):
                path = joined(folder, said.partition(":")[2] if ":" in said else said)
                if not project.has(path):
                    raise ReadsSources(f"the dependency `{name}` is the folder `{path}` of the project")
                yield path


def _patch(project: Project, said: str, root: str) -> Iterator[str]:
    for part in said.partition("#")[2].partition("::")[0].split("&"):
        path = joined(root, part.removeprefix("~/"))
        if project.has(path):
            yield path


def _patched(project: Project, root: str, own: dict[str, Any]) -> Iterator[str]:
    """Patches that pnpm and Bun apply."""
    said = [*table(own, "pnpm", "patchedDependencies").values(), *table(own, "patchedDependencies").values()]
    yield from (joined(root, path) for path in strings(said) if project.has(joined(root, path)))
    settings = joined(root, "pnpm-workspace.yaml")
    if project.has(settings) and "patchedDependencies" in project.text(settings):
        yield from project.below(joined(root, "patches"))


def _without_scripts(project: Project, install: Install, root: str) -> bool:
    if "--ignore-scripts" in install.words:
        return True
    settings = joined(root, ".npmrc")
    return project.has(settings) and bool(
        re.search(r"(?m)^ignore-scripts *= *true\b", project.text(settings))
    )


def _scripts(project: Project, folder: str, package: dict[str, Any], doubts: list[str]) -> Iterable[str]:
    """Folders that the scripts of an install read.

    Raises:
        NotSure: one of them may read anything.
    """
    found: set[str] = set()
    if project.has(joined(folder, "binding.gyp")):
        raise ReadsSources("a binding.gyp makes the install compile the project's own sources")
    scripts = table(package, "scripts")
    for hook in _HOOKS:
        said = scripts.get(hook)
        if not isinstance(said, str):
            continue
        for command in (part.strip() for part in _BETWEEN.split(said)):
            if "patch-package" in command:
                found.add("patches")
            if command in ("prisma generate", "npx prisma generate") and project.holds(
                joined(folder, "prisma")
            ):
                found.add("prisma")
                doubts.append(f"the {hook} script generates code from `prisma`")
            elif command and not _HARMLESS.fullmatch(command):
                raise ReadsSources(
                    f"its {hook} script runs `{command[:60]}`, which may read the project's files"
                )
            if any(name in command for name in _GIT_HOOKS) and project.holds(".git"):
                doubts.append(f"the {hook} script writes into `.git`, which the context holds")
    return found


def _lock_doubts(project: Project, install: Install, root: str) -> Iterator[str]:
    locks = project.present(*_LOCKS[install.ecosystem], folder=root)
    words = install.words
    frozen = {"--frozen-lockfile", "--immutable", "--pure-lockfile", "--no-lockfile", "--no-package-lock"}
    held = bool(frozen & set(words)) or words[:1] in (("ci",), ("clean-install",))
    if locks and not held and not (install.ecosystem == "pnpm" and "CI" in install.environment):
        yield f"the install may write `{locks[0]}` anew, and the later COPY would put the old one back"


def _modern(project: Project, root: str, own: dict[str, Any]) -> bool:
    said = str(own.get("packageManager", ""))
    return bool(project.present(".yarnrc.yml", folder=root)) or bool(re.match(r"yarn@[2-9]", said))


def _plug_and_play(project: Project, root: str) -> Iterator[str]:
    settings = joined(root, ".yarnrc.yml")
    text = project.text(settings) if project.has(settings) else ""
    if not re.search(r"(?m)^nodeLinker: *[\"']?node-modules", text):
        yield "Yarn writes .pnp.cjs and .yarn beside the sources"
