"""The fix of STC908: manifests first, then the install, then the rest; or why there is none.

Takes an install that waits, gives a Fix with how safe it is and the reasons. Where the context is not
known it is an example with the usual names.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from compiler.diagnostics.model import Fix, Safety
from compiler.practices.manifests.closure import closure
from compiler.practices.manifests.closure.model import Closure, Project
from compiler.practices.manifests.conventions import CONVENTIONAL, DOWNLOADS
from compiler.practices.manifests.installs import Install
from compiler.practices.manifests.placing import Supply, View, supply
from compiler.practices.manifests.reordering import NoOrder, Reordering, edits
from compiler.practices.manifests.waiting import Waiting, project_of
from compiler.practices.parts.stage_lines import Copied
from compiler.shell.ecosystems import ECOSYSTEMS, covers

_TITLE = "Copy the manifests, install, then copy the rest"


def better_order(case: Waiting) -> tuple[Fix | None, list[str]]:
    """The better order, and facts about it or why there is none."""
    try:
        if case.view is None:
            return _by_convention(case)
        project = project_of(case)
        if project is None:
            return None, ["no better order is offered: what the install reads is not known"]
        return _with_closure(case, project, case.view)
    except NoOrder as reason:
        return None, [f"no better order is offered: {reason}"]


def _with_closure(case: Waiting, project: Project, view: View) -> tuple[Fix | None, list[str]]:
    known = closure(project, case.install)
    if known.blocked:
        return None, [f"no better order is offered: {known.blocked}"]
    copies = case.copies
    moved = tuple(position for position, _ in case.waits)
    staying = [(position, copied) for position, copied in copies if position not in moved]
    supplies: list[Supply] = []
    for path in known.paths:
        image = posixpath.normpath(posixpath.join(project.image, posixpath.relpath(path, project.folder)))
        found = supply(view, staying, image)
        if found is None or found.path != path:
            found = supply(view, copies, image)
        if found is None or found.path != path:
            # What is not there is not read now either; without the manifest itself the places are wrong.
            if covers(ECOSYSTEMS[case.install.ecosystem].manifests, path) and _beside(path, project):
                raise NoOrder(f"`{path}` is not where the install looks for it")
            continue
        if "*" in path:
            raise NoOrder(f"`{path}` has a wildcard in its name")
        supplies.append(found)
    plan = Reordering(
        moved, case.at, case.install, tuple(supplies), frozenset(known.folders), _download(case.install)
    )
    changes = edits(case.subject.dockerfile, case.line, plan)
    doubts = [*known.doubts, *_doubts(case, project, known, view)]
    safety = Safety.DISPLAY if case.install.compiles and case.install.ecosystem != "go" else Safety.SAFE
    if doubts and safety is Safety.SAFE:
        safety = Safety.UNSAFE
    return Fix(_TITLE, changes, safety), doubts


def _beside(path: str, project: Project) -> bool:
    return (posixpath.dirname(path) or ".") == project.folder


def _download(install: Install) -> str:
    """The command that downloads before a compilation; "" for an install of its own."""
    if not install.compiles:
        return ""
    command = DOWNLOADS.get(install.ecosystem, "")
    if not command:
        raise NoOrder(
            f"{install.ecosystem} has no command of its own that downloads all that a compilation needs"
        )
    return command


def _doubts(case: Waiting, project: Project, known: Closure, view: View) -> Iterator[str]:
    """Why the image may differ when the copy comes after the install."""
    ignore = case.subject.ignore
    for folder in known.writes:
        probe = f"{folder}/x"
        image = posixpath.join(project.image, posixpath.relpath(folder, project.folder))
        there = view.folders and folder in view.folders
        if there or ignore is None or probe not in ignore.ignored([probe]):
            place = posixpath.basename(image)
            yield f"`{place}` is not in {case.subject.ignore_path}, so that the later copy may overwrite it"
            break
    first = case.line[case.waits[0][0]].copied
    if first is not None and not _made_before(case, first):
        yield f"the folder `{first.target}` may get other permissions"
    for name in (
        "VIRTUAL_ENV",
        "PYTHONUSERBASE",
        "HOME",
        "GOPATH",
        "GOMODCACHE",
        "COMPOSER_HOME",
        "BUNDLE_PATH",
    ):
        value = case.ran.environment.get(name, "")
        if first is not None and value and (value + "/").startswith(first.target.rstrip("/") + "/"):
            yield f"{name} lies in the folder that is copied to"
    if case.install.compiles and case.install.ecosystem == "go":
        graph = case.subject.graph
        final = graph.steps[graph.final].stage if graph.final is not None else None
        stages = case.subject.dockerfile.stages
        while final is not None:
            if case.spot.instruction in stages[final].instructions:
                yield "`go mod download` leaves modules in the image that the build does not use"
                return
            final = stages[final].parent


def _made_before(case: Waiting, copied: Copied) -> bool:
    """Whether the folder that is copied to is there already, or made alike in both orders."""
    if not copied.copy.destination.text.startswith("/") or copied.sources == (".",):
        return True
    folders = {case.line[position].folder for position in range(case.waits[0][0])}
    return copied.target in folders


def _by_convention(case: Waiting) -> tuple[Fix | None, list[str]]:
    """An example for display where the context is not known: the usual names."""
    notes = ["the files of the context are not known, so that the names are the usual ones"]
    install = case.install
    names = [path for path in install.files if "$" not in path and not path.startswith(("/", ".."))]
    names = (
        names
        or list(CONVENTIONAL.get((install.ecosystem, install.words[:1]), ()))
        or list(CONVENTIONAL.get((install.ecosystem, ()), ()))
    )
    first = case.waits[0][0]
    copied = case.line[first].copied
    if not names or copied is None or copied.sources != (".",) or install.folder is None:
        return None, notes[:0]
    if install.folder != copied.target and not install.folder.startswith(copied.target.rstrip("/") + "/"):
        return None, notes[:0]
    below = posixpath.relpath(install.folder, copied.target)
    paths = [posixpath.normpath(posixpath.join(below, name)) for name in names]
    supplies = tuple(Supply(first, path, path) for path in paths)
    moved = tuple(position for position, _ in case.waits)
    plan = Reordering(moved, case.at, install, supplies, frozenset(), _download(install))
    changes = edits(case.subject.dockerfile, case.line, plan)
    return Fix(_TITLE, changes, Safety.DISPLAY), notes
