"""What Go reads to download modules: go.mod and go.sum, those of replaced folders, go.work.

Source: go.dev/ref/mod (go mod download, replace directives, workspaces).
"""

from __future__ import annotations

import re

from compiler.practices.manifests.closure.model import Closure, NotSure, Project, joined, option, upwards
from compiler.practices.manifests.installs import Install

_REPLACED = re.compile(r"(?m)^(?:[^\n=]*)=>[ \t]*(\.{1,2}(?:/\S*)?)[ \t\r]*(?://[^\n]*)?$")
_REQUIRE = re.compile(r"(?m)^[ \t]*require\b")


def golang(project: Project, install: Install) -> Closure:
    """The closure of `go mod download`.

    Raises:
        NotSure: it cannot be told.
    """
    if option(install.words, "-modfile") is not None:
        raise NotSure("another go.mod is named by -modfile")
    folder = module_folder(project)
    if folder is None:
        raise NotSure("there is no go.mod")
    files = set(project.present("go.mod", "go.sum", folder=folder))
    work = next((at for at in upwards(folder) if project.present("go.work", folder=at)), None)
    if work is not None and install.environment.get("GOWORK") != "off":
        files.update(project.present("go.work", "go.work.sum", folder=work))
        for used in _uses(project.text(joined(work, "go.work"))):
            files.update(_module(project, joined(work, used)))
    waiting = [path for path in files if path.endswith("go.mod")]
    seen = set(waiting)
    while waiting:
        path = waiting.pop()
        for replaced in _REPLACED.findall(project.text(path)):
            found = _module(project, joined(path.rpartition("/")[0] or ".", replaced))
            waiting += [each for each in found if each.endswith("go.mod") and each not in seen]
            seen.update(found)
            files.update(found)
    doubts = (
        () if any(path.endswith("go.sum") for path in files) else ("there is no go.sum to hold versions",)
    )
    return Closure(tuple(sorted(files)), doubts=doubts)


def module_folder(project: Project) -> str | None:
    """The folder of the go.mod that counts in the project's folder: its own or the nearest above."""
    return next((at for at in upwards(project.folder) if project.present("go.mod", folder=at)), None)


def has_requirements(project: Project) -> bool:
    """Whether there is anything to download."""
    folder = module_folder(project)
    if folder is None or project.has(joined(folder, "vendor/modules.txt")):
        return False
    return bool(_REQUIRE.search(project.text(joined(folder, "go.mod"))))


def _module(project: Project, folder: str) -> list[str]:
    found = project.present("go.mod", "go.sum", folder=folder)
    if not found or found[0].rpartition("/")[2] != "go.mod":
        raise NotSure(f"the folder `{folder}` that takes a module's place has no go.mod")
    return found


def _uses(text: str) -> list[str]:
    """The folders of a go.work."""
    found = []
    inside = False
    for raw in text.splitlines():
        line = raw.partition("//")[0].strip()
        if line.startswith("use"):
            rest = line[3:].strip()
            inside = rest.startswith("(")
            line = rest.strip("() ")
        elif inside and line.startswith(")"):
            inside = False
            continue
        elif not inside:
            continue
        if line:
            found.append(line.strip('"'))
    return found
