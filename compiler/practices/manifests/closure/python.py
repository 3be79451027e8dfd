"""What pip, Pipenv, Poetry, uv and conda read: requirement files, project files, lock files, local packages.

Sources: pip.pypa.io/en/stable/reference/requirements-file-format, python-poetry.org/docs (cli,
dependency specification), docs.astral.sh/uv (projects, workspaces, settings), docs.conda.io
(environments), pipenv.pypa.io.
"""

from __future__ import annotations

import posixpath
import re

from compiler.practices.manifests.closure.model import (
    Closure,
    NotSure,
    Project,
    ReadsSources,
    joined,
    option,
    options,
    strings,
    table,
)
from compiler.practices.manifests.installs import Install

_NESTED = re.compile(r"(?:-r|-c|--requirement|--constraint)(?:\s+|=)?(\S+)")
_EDITABLE = re.compile(r"(?:-e|--editable)(?:\s+|=)(\S+)")
_LOCAL = re.compile(r"(?:\.{1,2}(?:/|\[|$)|/|file:|[\w./-]+\.(?:whl|tar\.gz|zip)(?:\s|$))|\S+\s*@\s*file:")
_MOST_FILES = 200


def pip(project: Project, install: Install) -> Closure:
    """The closure of `pip install -r` and `uv pip install -r`.

    Raises:
        NotSure: it cannot be told.
    """
    named = options(install.words, "-r", "--requirement", "--requirements", "-c", "--constraint")
    if install.words[:2] == ("pip", "sync"):
        named += [word for word in install.words[2:] if not word.startswith("-")]
    if not named:
        raise NotSure("the install is of the project itself")
    doubts: list[str] = []
    found: dict[str, None] = {}
    waiting = [project.word(word) for word in named]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found[path] = None
            waiting += _named_by(project, path, doubts)
        if len(found) > _MOST_FILES:
            raise NotSure(f"there are more than {_MOST_FILES} requirement files")
    target = option(install.words, "-t", "--target", "--prefix", "--root", "--src")
    if target is not None:
        doubts.append(f"what is installed goes to `{target}`")
    return Closure(tuple(sorted(found)), doubts=tuple(doubts))


def _named_by(project: Project, path: str, doubts: list[str]) -> list[str]:
    """The files that a requirement file names."""
    found = []
    for raw in project.text(path).splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if (nested := _NESTED.match(line)) is not None:
            if "://" not in nested[1]:
                found.append(_existing(project, joined(posixpath.dirname(path), nested[1])))
        elif (editable := _EDITABLE.match(line)) is not None:
            if "://" not in editable[1]:
                raise ReadsSources(f"`{path}` installs `{editable[1]}`, a package of the project")
            doubts.append(f"`{path}` has an editable package, which is cloned into the folder of the install")
        elif _LOCAL.match(line) or line.startswith(("-f .", "--find-links .", "--find-links=.")):
            raise ReadsSources(f"`{path}` installs `{line.split()[0]}`, a file or folder of the project")
    return found


def _existing(project: Project, path: str) -> str:
    if not project.has(path):
        raise NotSure(f"`{path}` is no file of the context")
    return path


def pipenv(project: Project, install: Install) -> Closure:
    """The closure of `pipenv install` and `pipenv sync`.

    Raises:
        NotSure: it cannot be told.
    """
    document = project.toml(project.at("Pipfile"))
    for group in ("packages", "dev-packages"):
        for name, said in table(document, group).items():
            if isinstance(said, dict) and ("path" in said or "file" in said):
                raise ReadsSources(f"`{name}` is a package of the project")
    held = "--deploy" in install.words or "sync" in install.words
    doubts = () if held else ("the install may write `Pipfile.lock` anew",)
    return Closure(
        tuple(sorted(project.present("Pipfile", "Pipfile.lock"))), (), _venv(project), doubts=doubts
    )


def poetry(project: Project, install: Install) -> Closure:
    """The closure of `poetry install`.

    Raises:
        NotSure: it cannot be told, or the install is of the project as well.
    """
    document = project.toml(project.at("pyproject.toml"))
    settings = table(document, "tool", "poetry")
    for name, said in _poetry_dependencies(settings):
        if isinstance(said, dict) and ("path" in said or "file" in said):
            raise ReadsSources(f"`{name}` is a package of the project")
    if any("file:" in said for said in strings(table(document, "project").get("dependencies"))):
        raise NotSure("a dependency is a file of the project")
    if "--no-root" not in install.words and settings.get("package-mode") is not False:
        raise NotSure("without --no-root the install is of the project itself as well")
    files = project.present("pyproject.toml", "poetry.lock", "poetry.toml")
    doubts = () if project.at("poetry.lock") in files else ("there is no lock file",)
    return Closure(tuple(sorted(files)), (), _venv(project), doubts=doubts)


def _poetry_dependencies(settings: dict[str, object]) -> list[tuple[str, object]]:
    groups = [table(settings, "dependencies"), table(settings, "dev-dependencies")]
    groups += [table(group, "dependencies") for group in table(settings, "group").values()]
    return [pair for group in groups for pair in group.items()]


def uv(project: Project, install: Install) -> Closure:
    """The closure of `uv sync`.

    Raises:
        NotSure: it cannot be told, or the install is of the project as well.
    """
    if install.words[:1] == ("pip",):
        return pip(project, install)
    document = project.toml(project.at("pyproject.toml"))
    sources = table(document, "tool", "uv", "sources")
    for name, said in sources.items():
        if isinstance(said, dict) and "path" in said:
            raise ReadsSources(f"`{name}` is a package of the project")
    packaged = "build-system" in document or table(document, "tool", "uv").get("package") is True
    without = {"--no-install-project", "--no-install-workspace", "--no-install-local", "--only-group"}
    if (
        packaged
        and table(document, "tool", "uv").get("package") is not False
        and not without & set(install.words)
    ):
        raise NotSure("without --no-install-project the install is of the project itself as well")
    workspace = table(document, "tool", "uv", "workspace")
    members = project.matching(project.folder, strings(workspace.get("members")), "pyproject.toml")
    if members and not {"--no-install-workspace", "--no-install-local"} & set(install.words):
        raise NotSure("the install is of the packages of the workspace as well")
    files = project.present("pyproject.toml", "uv.lock", "uv.toml", ".python-version")
    held = {"--frozen", "--locked"} & set(install.words) or "UV_FROZEN" in install.environment
    doubts = () if held else ("the install may write `uv.lock` anew",)
    return Closure(tuple(sorted((*files, *members))), (), (project.at(".venv"),), doubts=doubts)


def _venv(project: Project) -> tuple[str, ...]:
    return (project.at(".venv"),)


def conda(project: Project, install: Install) -> Closure:
    """The closure of `conda env create -f` and the like.

    Raises:
        NotSure: it cannot be told.
    """
    named = options(install.words, "-f", "--file")
    files = [project.word(word) for word in named or ["environment.yml"]]
    doubts: list[str] = []
    for path in list(files):
        for line in project.text(path).splitlines():
            item = line.strip().removeprefix("- ").strip().strip("'\"")
            if (nested := _NESTED.match(item)) is not None and line.strip().startswith("- "):
                files.append(_existing(project, joined(posixpath.dirname(path), nested[1])))
                files += _named_by(project, files[-1], doubts)
            elif _EDITABLE.match(item) or (line.strip().startswith("- ") and _LOCAL.match(item)):
                raise ReadsSources(f"`{path}` installs `{item[:40]}` of the project")
    return Closure(tuple(sorted(set(files))), doubts=tuple(doubts))
