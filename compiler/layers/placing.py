"""Where the files of a COPY end up in its stage.

Takes a step and what it copies, gives a Layer: paths with what stands for
their content, or one token for all of it where that is not known (an archive
that ADD unpacks, what an address gives, files of another stage that are not
known themselves). Follows the copying of BuildKit (solver/llbsolver/file/
backend.go) as far as the file tells it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping

from compiler.layers.content import Layer, covered
from compiler.layers.model import Read, Step, StepKind
from compiler.layers.solver import TODAY, Solver
from compiler.layers.wildcards import has_wildcards

_ARCHIVES = (".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst", ".tzst")
# Folders that any image has.
_FOLDERS = frozenset(
    (
        *("bin", "boot", "dev", "etc", "home", "lib", "media", "mnt", "opt", "proc", "root", "run", "sbin"),
        *("srv", "sys", "tmp", "usr", "var", "usr/bin", "usr/lib", "usr/local", "usr/local/bin", "usr/sbin"),
        *("usr/share", "usr/src", "var/lib", "var/log", "var/tmp"),
    )
)
EVERYWHERE = "."
"""The region of a token that says something of the whole file system without hiding what was there."""


def region(step: Step) -> str:
    """The path below which a step writes."""
    return _destination(step).strip("/") or EVERYWHERE


def unpacks(step: Step, read: Read) -> bool:
    """Whether an ADD may unpack what it reads, by the names."""
    return step.kind is StepKind.ADD and any(pattern.lower().endswith(_ARCHIVES) for pattern in read.patterns)


def brought(
    step: Step,
    below: Layer | None,
    entries: Mapping[str, object],
    token: Callable[[str], str],
    solver: Solver = TODAY,
) -> dict[str, str]:
    """The paths in the stage that a COPY writes, from the paths that it is given, with what stands for them.

    A file that is copied to a path without a slash at its end goes there or, if
    that is known to be a folder, into it.
    """
    destination = _destination(step)
    base = destination.strip("/")
    into = destination.endswith("/") or base in _FOLDERS or _is_folder(base, below)
    chmod = flag(step, "--chmod=")
    chown = flag(step, "--chown=") if solver.owners else ""
    found: dict[str, str] = {}
    for read in step.reads:
        many = len(read.patterns) > 1 or any(has_wildcards(p) for p in read.patterns)
        for path, root in covered(read, entries):
            said = owned(_with_mode(token(path), chmod), chown)
            inner = f"/{path}" if read.whole_paths else path[len(root) :]
            if inner:
                found[posixpath.join(base, inner.lstrip("/"))] = said
            elif not said.startswith("folder"):
                found[posixpath.join(base, posixpath.basename(path)) if into or many else base] = said
    for part in step.parts:
        if part.name == "text":
            name, _, body = part.value.partition("\n")
            found[posixpath.join(base, name) if into else base] = owned(
                _with_mode(f"100644 text {body}", chmod), chown
            )
    return found


def flag(step: Step, start: str) -> str:
    """The value of a flag of a COPY or ADD, "" without it."""
    found = (part.value for part in step.parts if part.name == "flags" and part.value.startswith(start))
    return next(found, "").removeprefix(start)


def owned(token: str, owner: str) -> str:
    """What stands for a path whose owner was set; nothing sets that of one without."""
    return f"{token.partition(' owner ')[0]} owner {owner}" if owner else token


def _with_mode(token: str, mode: str) -> str:
    """What stands for a file after --chmod."""
    if not mode or token.startswith(("folder", "link")):
        return token
    if not mode.isdecimal():
        return f"{token} mode {mode}"
    return f"{int(mode, 8) | 0o100000:o} {token.partition(' ')[2]}"


def _is_folder(path: str, layer: Layer | None) -> bool:
    """Whether layers are known to have made a folder there."""
    inside = path + "/"
    while layer is not None:
        if layer.files.get(path) is not None:
            return layer.files[path].startswith("folder")
        if any(each.startswith(inside) for each in layer.files):
            return True
        layer = layer.below
    return False


def _destination(step: Step) -> str:
    return next((part.value for part in step.parts if part.name == "destination"), "/")
