"""What `dotnet restore` reads: projects and those that they refer to, solutions, settings up the folders.

Sources: learn.microsoft.com/dotnet/core/tools/dotnet-restore, .../msbuild/customize-by-directory,
.../nuget/consume-packages (central package management, configuration), .../global-json.
"""

from __future__ import annotations

import posixpath
import re

from compiler.practices.manifests.closure.model import Closure, NotSure, Project, joined, upwards
from compiler.practices.manifests.installs import Install

_PROJECTS = (".csproj", ".fsproj", ".vbproj")
_SOLUTIONS = (".sln", ".slnx")
_IN_SOLUTION = re.compile(r"\"([^\"\n]+\.(?:cs|fs|vb)proj)\"")
_REFERENCE = re.compile(r"<ProjectReference\s[^>]{0,500}?Include=\"([^\"]+)\"")
_IMPORT = re.compile(r"<Import\s[^>]{0,500}?Project=\"([^\"]+)\"")
_HERE = re.compile(r"\$\((?:MSBuildThisFileDirectory|MSBuildProjectDirectory|ProjectDir)\)[\\/]?")
_UPWARDS = (
    *("Directory.Build.props", "Directory.Build.targets", "Directory.Packages.props", "global.json"),
    *("nuget.config", "NuGet.config", "NuGet.Config", "Directory.Build.rsp"),
)
_MOST_PROJECTS = 1000


def dotnet(project: Project, install: Install) -> Closure:
    """The closure of `dotnet restore`.

    Raises:
        NotSure: it cannot be told.
    """
    start = _start(project, install)
    found: dict[str, None] = {}
    waiting = [start]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found[path] = None
        if len(found) > _MOST_PROJECTS:
            raise NotSure(f"there are more than {_MOST_PROJECTS} projects")
        waiting += _named_by(project, path)
    for folder in {at for path in found for at in upwards(posixpath.dirname(path) or ".")}:
        for path in project.present(*_UPWARDS, folder=folder):
            found[path] = None
            found.update(dict.fromkeys(_imports(project, path)))
    projects = [path for path in found if path.endswith(_PROJECTS)]
    for path in projects:
        found.update(
            dict.fromkeys(project.present("packages.lock.json", folder=posixpath.dirname(path) or "."))
        )
    writes = tuple(sorted({joined(posixpath.dirname(path) or ".", "obj") for path in projects}))
    return Closure(tuple(sorted(found)), (), writes)


def _start(project: Project, install: Install) -> str:
    named = [w for w in install.words[1:] if w.endswith((*_PROJECTS, *_SOLUTIONS))]
    if named:
        return project.word(named[0].replace("\\", "/"))
    folder = project.folder
    plain = [w for w in install.words[1:2] if not w.startswith("-")]
    if plain:
        folder = project.at(plain[0].replace("\\", "/"))
    here = [p for p in project.below(folder) if (posixpath.dirname(p) or ".") == folder]
    for endings in (_SOLUTIONS, _PROJECTS):
        found = [path for path in here if path.endswith(endings)]
        if len(found) == 1:
            return found[0]
        if found:
            break
    raise NotSure("which project or solution is restored is not certain")


def _named_by(project: Project, path: str) -> list[str]:
    text = project.text(path)
    folder = posixpath.dirname(path) or "."
    if path.endswith(_SOLUTIONS):
        named = _IN_SOLUTION.findall(text)
    elif path.endswith(_PROJECTS):
        named = _REFERENCE.findall(text)
    else:
        named = []
    found = []
    for name in named:
        target = joined(folder, name.replace("\\", "/"))
        if "$(" in name or not project.has(target):
            raise NotSure(f"`{path}` refers to `{name}`, which the context is not known to hold")
        found.append(target)
    return found + (_imports(project, path) if path.endswith(_PROJECTS) else [])


def _imports(project: Project, path: str) -> list[str]:
    if path.endswith((".json", ".config", ".Config", ".rsp")):
        return []
    found = []
    for raw in _IMPORT.findall(project.text(path)):
        name = _HERE.sub("", raw).replace("\\", "/")
        if "GetPathOfFileAbove" in raw or "Sdk.props" in raw or "Sdk.targets" in raw:
            continue
        target = joined(posixpath.dirname(path) or ".", name)
        if "$(" in name or not project.has(target):
            raise NotSure(f"`{path}` imports `{raw[:60]}`")
        found.append(target)
    return found
