"""Which files an install of dependencies reads, by ecosystem: one literal table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from compiler.practices.manifests.closure.dotnet import dotnet
from compiler.practices.manifests.closure.golang import golang
from compiler.practices.manifests.closure.jvm import gradle, maven
from compiler.practices.manifests.closure.model import Closure, NotSure, Project, ReadsSources
from compiler.practices.manifests.closure.node import node
from compiler.practices.manifests.closure.others import bundler, cargo, composer, mix
from compiler.practices.manifests.closure.python import conda, pip, pipenv, poetry, uv
from compiler.practices.manifests.installs import Install

CLOSURES: Mapping[str, Callable[[Project, Install], Closure]] = {
    "npm": node,
    "yarn": node,
    "pnpm": node,
    "bun": node,
    "pip": pip,
    "pipenv": pipenv,
    "poetry": poetry,
    "uv": uv,
    "conda": conda,
    "go": golang,
    "maven": maven,
    "gradle": gradle,
    "cargo": cargo,
    "bundler": bundler,
    "composer": composer,
    "dotnet": dotnet,
    "mix": mix,
}


def closure(project: Project, install: Install) -> Closure:
    """All that an install reads of the context; `blocked` where nobody can be sure. Never raises."""
    try:
        return CLOSURES[install.ecosystem](project, install)
    except NotSure as reason:
        return Closure(blocked=str(reason), local=isinstance(reason, ReadsSources))
