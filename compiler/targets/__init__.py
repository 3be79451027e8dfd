"""The back ends: each turns a plan into files, and knows nothing above the plan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from compiler.artifacts import Artifact
from compiler.plan.jobs import JobGraph
from compiler.plan.model import Plan
from compiler.targets.model import Limitation

# Where each back end is, by the name that `--target` takes. They are imported when they are used.
TARGETS: dict[str, str] = {
    "helm": "compiler.targets.helm",
    "github": "compiler.targets.github",
    "gitlab": "compiler.targets.gitlab",
    "argo": "compiler.targets.argo",
    "argocd": "compiler.targets.argocd",
    "helmfile": "compiler.targets.helmfile",
    "bake": "compiler.targets.bake",
}

# What several targets share, and is no target of its own.
PARTS: dict[str, str] = {"scripts": "compiler.targets.ci"}

# What a target's files refer to, and so comes with it.
NEEDS: dict[str, tuple[str, ...]] = {
    "github": ("helm", "scripts"),
    "gitlab": ("helm", "scripts"),
    "argo": ("helm", "scripts"),
    "argocd": ("helm",),
    "helmfile": ("helm",),
}

# Of those that run the pipeline, what splits a plan into jobs.
GRAPHS: dict[str, str] = {
    "github": "compiler.targets.github.graph",
    "gitlab": "compiler.targets.gitlab.graph",
    "argo": "compiler.targets.argo.graph",
}


class BackEnd(Protocol):
    """The three names that every back end's module has."""

    SUMMARY: str

    def check(self, plan: Plan) -> Sequence[Limitation]:
        """What the target cannot express; after an error nothing is emitted."""

    def emit(self, plan: Plan) -> Sequence[Artifact]:
        """The files."""


def with_needs(names: Iterable[str]) -> tuple[str, ...]:
    """The targets and all that they need, each once, in the order of the registries."""
    wanted = set(names)
    wanted.update(need for name in tuple(wanted) for need in NEEDS.get(name, ()))
    return tuple(name for name in (*TARGETS, *PARTS) if name in wanted)


def load(name: str) -> BackEnd:
    """The back end of a name in `TARGETS` or `PARTS`.

    Raises:
        KeyError: there is no such target.
    """
    from importlib import import_module

    module: BackEnd = import_module(PARTS.get(name) or TARGETS[name])
    return module


def job_graph(name: str, plan: Plan) -> JobGraph:
    """What a target in `GRAPHS` makes of a plan; its `check` must have no error against the plan.

    Raises:
        KeyError: there is no such target.
    """
    from importlib import import_module

    graph: JobGraph = import_module(GRAPHS[name]).job_graph(plan)
    return graph
