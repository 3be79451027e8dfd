"""The scripts of `compiler.targets.pipeline` as artifacts."""

from __future__ import annotations

from functools import cache
from importlib import resources

from compiler.artifacts import Artifact
from compiler.targets.ci.names import FOLDER
from compiler.targets.generated import marked

LAUNCHER = "run.py"


@cache
def scripts() -> tuple[Artifact, ...]:
    """The launcher and, in a package beside it, the scripts: the same for every plan."""
    package = resources.files("compiler.targets.pipeline")
    texts = {
        entry.name: marked(entry.name, entry.read_text(encoding="utf-8"))
        for entry in package.iterdir()
        if entry.name.endswith(".py")
    }
    launcher = Artifact(f"{FOLDER}/{LAUNCHER}", texts.pop(LAUNCHER))
    return (launcher, *(Artifact(f"{FOLDER}/pipeline/{name}", texts[name]) for name in sorted(texts)))
