"""A named case of the layer cache: two or more builds, and what BuildKit does with each step of the last.

`FROM base` is the base image with a folder of the case's own made first, so
that no case hits what another one built. What is expected is written down, H
for a hit, M for a miss, a letter a step, without that folder and without steps
that the builder says nothing of (images); a step like another one of the same
build has its letter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from cache_judge import Project

BASE = "base:1"
ROWS = {
    "run": "RUN",
    "env": "RUN: environment",
    "arg": "ARG",
    "bind": "RUN with a bind mount",
    "cache": "RUN with other mounts",
    "tmpfs": "RUN with other mounts",
    "secret": "RUN with other mounts",
    "copy": "COPY and ADD from the context",
    "add": "COPY and ADD from the context",
    "dockerfile": "COPY and ADD from the context",
    "wildcard": "COPY with wildcards",
    "ignore": ".dockerignore",
    "source": "COPY --from",
    "workdir": "WORKDIR",
    "metadata": "LABEL, EXPOSE, CMD and the like",
    "from": "FROM",
    "stage": "stages",
    "onbuild": "ONBUILD",
    "no": "--no-cache",
}
"""What the cases are about, by the first word of their names."""


@dataclass(frozen=True, slots=True)
class Case:
    """`expected` is of the last of `builds`."""

    name: str
    builds: tuple[Project, ...]
    expected: str

    @property
    def row(self) -> str:
        """The row of the table in docs/cache-model.md."""
        return ROWS[self.name.partition("-")[0]]


def case(name: str, expected: str, before: str, after: str = "", **both: Any) -> Case:
    """Two builds; `both` are fields of both projects, `then` in it what differs in the second."""
    then = both.pop("then", {})
    first = Project(_own(name, before), **both)
    changed = {**({"dockerfile": _own(name, after)} if after else {}), **then}
    return Case(name, (first, replace(first, **changed)), expected)


def again(name: str, expected: str, *projects: Project) -> Case:
    """More than two builds."""
    return Case(name, tuple(replace(p, dockerfile=_own(name, p.dockerfile)) for p in projects), expected)


def folder_of(name: str) -> str:
    """The folder that keeps a case apart."""
    return "/" + "".join(c if c.isalnum() else "-" for c in name)


def _own(name: str, dockerfile: str) -> str:
    lines = []
    for line in dockerfile.strip().splitlines():
        if line.split()[:2] == ["FROM", "base"]:
            lines += [line.replace("FROM base", f"FROM {BASE}", 1), f"WORKDIR {folder_of(name)}"]
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"
