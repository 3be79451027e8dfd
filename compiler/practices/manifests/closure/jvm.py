"""What Maven and Gradle read to know dependencies: POMs with parents and modules, build scripts.

Sources: maven.apache.org/pom.html (inheritance, aggregation), maven.apache.org/configure.html,
docs.gradle.org/current/userguide (directory_layout, multi_project_builds, platforms, composite_builds).
"""

from __future__ import annotations

import posixpath
import re

from compiler.practices.manifests.closure.model import Closure, NotSure, Project, joined, option
from compiler.practices.manifests.installs import Install

_MODULE = re.compile(r"<module>\s*([^<\s]+)\s*</module>")
_RELATIVE = re.compile(r"<relativePath>\s*([^<\s]*)\s*</relativePath>")
_MOST_POMS = 1000


def maven(project: Project, install: Install) -> Closure:
    """The closure of `mvn dependency:go-offline`.

    Raises:
        NotSure: it cannot be told.
    """
    start = option(install.words, "-f", "--file") or "pom.xml"
    start = start if start.endswith(".xml") else posixpath.join(start, "pom.xml")
    waiting = [project.word(start)]
    found: dict[str, None] = {}
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found[path] = None
        if len(found) > _MOST_POMS:
            raise NotSure(f"there are more than {_MOST_POMS} POMs")
        waiting += _poms(project, path)
    settings = [project.word(w) for w in (option(install.words, "-s", "--settings"),) if w is not None]
    files = sorted({*found, *settings, *project.present("mvnw")})
    folders = [project.at(".mvn")] if project.holds(project.at(".mvn")) else []
    doubts = ["plugins of several modules may ask for each other's results"] if len(found) > 1 else []
    return Closure(tuple(files), tuple(folders), doubts=tuple(doubts))


def _poms(project: Project, path: str) -> list[str]:
    """The POMs that one names."""
    text = _without_comments(project.text(path))
    if "<systemPath>" in text or "file://" in text:
        raise NotSure(f"`{path}` takes packages from files of the project")
    folder = posixpath.dirname(path) or "."
    found = []
    for module in _MODULE.findall(text):
        pom = module if module.endswith(".xml") else posixpath.join(module, "pom.xml")
        if not project.has(joined(folder, pom)):
            raise NotSure(f"the module `{module}` of `{path}` is not in the context")
        found.append(joined(folder, pom))
    parent = text.partition("<parent>")[2].partition("</parent>")[0]
    if parent:
        relative = _RELATIVE.search(parent)
        said = relative[1] if relative is not None else "../pom.xml"
        if said:
            pom = said if said.endswith(".xml") else posixpath.join(said, "pom.xml")
            found += [p for p in (joined(folder, pom),) if project.has(p)]
    return found


def _without_comments(text: str) -> str:
    parts = text.split("<!--")
    return parts[0] + "".join(part.partition("-->")[2] for part in parts[1:])


def gradle(project: Project, _: Install) -> Closure:
    """The closure of a Gradle task that resolves dependencies: every build script, and what builds those.

    Raises:
        NotSure: it cannot be told.
    """
    root = project.folder
    scripts = [p for p in project.below(root) if p.endswith((".gradle", ".gradle.kts", ".lockfile"))]
    scripts = [p for p in scripts if not {"buildSrc", "build", "node_modules"} & set(p.split("/")[:-1])]
    if not scripts:
        raise NotSure("there is no build script")
    for path in scripts:
        if re.search(r"\bincludeBuild\b|\bflatDir\b|\bfileTree\b|\bfiles\s*\(", project.text(path)):
            raise NotSure(f"`{path}` names files or builds of the project")
    files = {*scripts, *project.present("gradle.properties", "gradlew")}
    folders = [project.at(name) for name in ("buildSrc", "gradle") if project.holds(project.at(name))]
    writes = (project.at(".gradle"), project.at("build"))
    return Closure(
        tuple(sorted(files)),
        tuple(folders),
        writes,
        doubts=("build scripts are programs and may read any file",),
    )
