"""The back ends: each turns a plan into files, and knows nothing above the plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from compiler.artifacts import Artifact
from compiler.plan.model import Plan
from compiler.targets.model import Limitation

# Where each back end is, by the name that `--target` takes. They are imported when they are used.
TARGETS: dict[str, str] = {
    "helm": "compiler.targets.helm",
    "github": "compiler.targets.github",
}


class BackEnd(Protocol):
    """The three names that every back end's module has."""

    SUMMARY: str

    def check(self, plan: Plan) -> Sequence[Limitation]:
        """What the target cannot express; after an error nothing is emitted."""

    def emit(self, plan: Plan) -> Sequence[Artifact]:
        """The files."""


def load(name: str) -> BackEnd:
    """The back end of a name in `TARGETS`.

    Raises:
        KeyError: there is no such target.
    """
    from importlib import import_module

    module: BackEnd = import_module(TARGETS[name])
    return module
