"""Installs that wait for sources: which they are, for which copies, and whether there is anything to install.

Takes the lines of stages, gives a Waiting for each. Reads the manifests that it asks for through the subject.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from compiler.dockerfile.mounts import mounts
from compiler.practices.manifests.closure import closure
from compiler.practices.manifests.closure.golang import has_requirements
from compiler.practices.manifests.closure.model import NotSure, Project, table
from compiler.practices.manifests.installs import Install, installs, manages_monorepo
from compiler.practices.manifests.placing import View, hardly_changes, sources_of, supply, view_of
from compiler.practices.model import Subject
from compiler.practices.parts.stage_lines import Copied, Ran, Spot, stage_lines
from compiler.shell.ecosystems import ECOSYSTEMS

MOST_INSTALLS = 50
"""Installs behind a copy that are looked at in one file."""

# What is installed once is not installed again by another command of the same tool, wherever it works.
_ONCE = frozenset(("go", "maven", "gradle", "cargo", "dotnet", "mix"))
_PYTHON = frozenset(("pip", "pipenv", "poetry", "uv", "conda"))


@dataclass(frozen=True, slots=True)
class Waiting:
    """An install at a place of a line, and the copies that it waits for, with their files where known."""

    subject: Subject
    view: View | None
    line: Sequence[Spot]
    at: int
    install: Install
    waits: tuple[tuple[int, frozenset[str] | None], ...]

    @property
    def spot(self) -> Spot:
        """Its place in the line."""
        return self.line[self.at]

    @property
    def copies(self) -> list[tuple[int, Copied]]:
        """All copies before the install."""
        found = ((p, self.line[p].copied) for p in range(self.at))
        return [(p, copied) for p, copied in found if copied is not None]

    @property
    def ran(self) -> Ran:
        """The RUN that it is in."""
        assert self.spot.ran is not None
        return self.spot.ran


def waiting_installs(subject: Subject) -> Iterator[Waiting]:
    """The installs that wait for sources, stage after stage; of very many the first that are looked at."""
    view: View | None = None
    looked_at = 0
    sources: dict[int, frozenset[str] | None] = {}
    ran: dict[str, frozenset[str]] = {}
    for index, line in stage_lines(subject):
        ran[str(index)] = ran[subject.dockerfile.stages[index].alias or str(index)] = _installed(line)
        for at, install in _first_installs(subject, line, ran):
            looked_at += 1
            if looked_at > MOST_INSTALLS:
                return
            if view is None:
                view = view_of(subject)
            found = Waiting(subject, view, line, at, install, tuple(_waits(line, at, view, sources)))
            if found.waits and _matters(found):
                yield found


def _first_installs(
    subject: Subject, line: Sequence[Spot], ran: Mapping[str, frozenset[str]]
) -> Iterator[tuple[int, Install]]:
    """The installs of a stage's own RUNs that have no other of the same before them, behind a copy.

    `ran` are the ecosystems that the stages before have installed, by name and number of the stage.
    """
    done: set[object] = set()
    copied = False
    for at, spot in enumerate(line):
        if spot.copied is not None:
            copied = copied or spot.copied.from_context
            done.update(_brought(spot.copied, ran))
        if spot.ran is None:
            continue
        if manages_monorepo(spot.ran.activities):
            return
        here: set[str] = set()
        for install in installs(spot.ran.activities, spot.folder, spot.ran.environment):
            key = _key(install)
            if key in done or install.ecosystem in done:
                continue
            done.add(key)
            # Of several installs of one kind in one RUN the first stands for all.
            if copied and spot.own and install.ecosystem not in here and not _kept(subject, spot, install):
                here.add(install.ecosystem)
                yield at, install


def _installed(line: Sequence[Spot]) -> frozenset[str]:
    """The ecosystems that the RUNs of a line call."""
    return frozenset(
        activity.ecosystem for spot in line if spot.ran is not None for activity in spot.ran.activities
    )


def _key(install: Install) -> object:
    if install.ecosystem in _ONCE:
        return install.ecosystem
    return install.ecosystem, install.folder, install.files


def _brought(copied: Copied, ran: Mapping[str, frozenset[str]]) -> set[object]:
    """Ecosystems whose downloads a copy takes from another stage."""
    if copied.copy.origin is None:
        return set()
    # A virtual environment can have any name.
    found: set[object] = set(_PYTHON & ran.get(copied.copy.origin.lower(), frozenset()))
    for name, ecosystem in ECOSYSTEMS.items():
        places = (*ecosystem.caches, *ecosystem.results)
        for source in copied.sources:
            if any(place.strip("/") in source or posixpath.basename(source) == place for place in places):
                found.add(name)
    return found


def _kept(subject: Subject, spot: Spot, install: Install) -> bool:
    """Whether a cache mount keeps the downloads of a compilation, so that another order saves nothing."""
    if not install.compiles and install.ecosystem not in ("go", "maven", "gradle", "cargo"):
        return False
    caches = ECOSYSTEMS[install.ecosystem].caches
    for mount in mounts(spot.instruction):
        target = mount.get("target") or ""
        if mount.type == "cache" and any(_near(target, cache) for cache in caches):
            return subject.persistent
    return False


def _near(target: str, cache: str) -> bool:
    if "$" in target or not cache.startswith("/"):
        return "$" in target
    return target.rstrip("/").startswith(cache) or cache.startswith(target.rstrip("/") or "/.")


def _waits(
    line: Sequence[Spot], at: int, view: View | None, known: dict[int, frozenset[str] | None]
) -> Iterator[tuple[int, frozenset[str] | None]]:
    """The copies before a RUN that bring more than manifests; `known` keeps what each of them brings."""
    for position in range(at):
        copied = line[position].copied
        if copied is None:
            continue
        key = id(copied.copy.instruction)
        if key not in known:
            found = sources_of(copied, view)
            quiet = bool(found) and view is not None and hardly_changes(found or frozenset(), view)
            known[key] = frozenset() if quiet else found
        sources = known[key]
        if sources is None or sources:
            yield position, sources


def _matters(case: Waiting) -> bool:
    """Whether there is something to install, as far as it is known."""
    install, view = case.install, case.view
    if install.folder is None:
        return not install.compiles
    if view is None:
        return not (install.ecosystem == "go" and install.compiles) or _whole_folder(case)
    project = project_of(case)
    if project is None:
        return False
    try:
        if not _has_dependencies(project, install):
            return False
    except NotSure:
        return False
    return _all_of_it(case, project) or not closure(project, install).local


def _whole_folder(case: Waiting) -> bool:
    """Whether a folder is copied, so that a go.mod may be in it; by the words alone."""
    for position, _ in case.waits:
        copied = case.line[position].copied
        if copied is not None and any(not posixpath.splitext(source)[1] for source in copied.sources):
            return True
    return False


def _all_of_it(case: Waiting, project: Project) -> bool:
    """Whether one of the copies takes the whole folder that the install works in."""
    for position, _ in case.waits:
        copied = case.line[position].copied
        for source in copied.sources if copied is not None else ():
            if source in (".", project.folder) or project.folder.startswith(source + "/"):
                return True
    return False


def _has_dependencies(project: Project, install: Install) -> bool:
    """Whether the project's manifests name anything to install."""
    name = install.ecosystem
    if name == "go":
        return has_requirements(project) and "-mod=vendor" not in install.environment.get("GOFLAGS", "")
    if name in ("npm", "yarn", "pnpm", "bun"):
        package = project.json(project.at("package.json"))
        keys = ("dependencies", "devDependencies", "optionalDependencies", "workspaces")
        return any(package.get(key) for key in keys) or project.has(project.at("pnpm-workspace.yaml"))
    if name in ("pip", "conda") or (name == "uv" and install.files):
        return all(project.located(posixpath.join(project.image, path)) for path in install.files)
    if name == "cargo":
        return any(
            _crates(project, path) for path in project.below(project.folder) if _is(path, "Cargo.toml")
        )
    if name == "dotnet":
        return any("<PackageReference" in project.text(path) for path in _projects(project))
    if name == "composer":
        return bool(project.json(project.at("composer.json")).get("require"))
    if name == "bundler":
        text = project.text(project.at("Gemfile"))
        return not re.search(r"(?m)^[ \t]*gemspec\b", text)
    return True


def _is(path: str, name: str) -> bool:
    return posixpath.basename(path) == name


def _crates(project: Project, path: str) -> bool:
    """Whether a Cargo.toml wants a crate from elsewhere."""
    document = project.toml(path)
    groups = [table(document, "dependencies"), table(document, "build-dependencies")]
    groups += [table(document, "workspace", "dependencies")]
    groups += [table(target, "dependencies") for target in table(document, "target").values()]
    wanted = (said for group in groups for said in group.values())
    return any(not isinstance(said, dict) or not {"path", "workspace"} & set(said) for said in wanted)


def _projects(project: Project) -> Iterator[str]:
    """The projects of .NET in the folder, and the central list of versions."""
    for path in project.below("."):
        if path.endswith((".csproj", ".fsproj", ".vbproj", ".props")):
            yield path


def project_of(case: Waiting) -> Project | None:
    """The folder of the context that the install works in; None where it is not copied."""
    view, install = case.view, case.install
    if view is None or install.folder is None:
        return None
    copies = case.copies

    def located(image: str) -> str | None:
        found = supply(view, copies, posixpath.normpath(image))
        return found.path if found is not None else None

    folder = located(install.folder)
    if folder is None:
        ecosystem = ECOSYSTEMS[install.ecosystem]
        names = [name for name in ecosystem.manifests if "*" not in name]
        named = [(n, located(posixpath.join(install.folder, n))) for n in (*names, *install.files)]
        folder = next((root for name, path in named if (root := _without(path, name)) is not None), None)
        if folder is None:
            return None
    return Project(folder, install.folder, view.paths, case.subject.text, located)


def _without(path: str | None, name: str) -> str | None:
    """The folder that a path lies in by the name that it has there; None where it does not end so."""
    if path is None:
        return None
    if path == posixpath.normpath(name):
        return "."
    return path[: -len(name) - 1] if path.endswith("/" + name) else None
