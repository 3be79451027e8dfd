"""The steps that BuildKit makes of a Dockerfile, field by field what belongs to their identity.

Source: BuildKit's frontend/dockerfile/dockerfile2llb/convert.go (steps),
solver/llbsolver/ops/{exec,file,source}.go (what is in a key). Plain values:
`lower` makes them, `cache` compares them, `why` and `compiler.practices` read
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from compiler.dockerfile.instructions import Instruction
from compiler.dockerfile.reader import Dockerfile


class StepKind(StrEnum):
    """What a step does. IMAGE pulls a base image or one that is copied from."""

    IMAGE = "image"
    RUN = "run"
    COPY = "copy"
    ADD = "add"
    WORKDIR = "workdir"


class Part(NamedTuple):
    """A named piece of a step's key.

    `name` is one of "command", "shell", "folder", "user", "network",
    "security", "mounts", "platform", "image", "destination", "flags",
    "text", "url", or "variable NAME". `order` of parts of one name counts.
    """

    name: str
    value: str


class Read(NamedTuple):
    """Files whose content is in a step's key.

    `origin` is the index of the step whose result they are taken from, None
    for the context. `patterns` are cleaned paths from the origin's root, with
    Go's wildcards where `wildcards`; `excludes` as in .dockerignore. `keeps_names`
    tells that the base name of each path is in the key as well (COPY), not
    only what is below it. `mount` tells that it is a bind mount. `whole_paths`
    tells that files are named by their whole path (COPY --parents).
    """

    origin: int | None
    patterns: tuple[str, ...]
    excludes: tuple[str, ...] = ()
    wildcards: bool = True
    keeps_names: bool = True
    mount: bool = False
    whole_paths: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One vertex of the build.

    `stage` is the index of the stage whose instruction made it (of an image: the stage that is FROM it, or
    that copies from it first), `instruction` what it is made of (a FROM for an image; an ONBUILD's
    trigger stands for itself). `parent` is the step whose file system it goes
    on from, None for scratch, for an image, and for a `COPY --link`. `parts`
    and `reads` are all that is in its key beside the parent. `unsure` says
    why the key is not wholly known here (a variable without a value, an
    image whose environment is not known), "" where it is. `over` is the step
    over whose file system a `COPY --link` lays its files: it is not in its own
    key, but in that of all that go on from it.
    """

    index: int
    stage: int
    kind: StepKind
    instruction: Instruction
    parent: int | None
    parts: tuple[Part, ...]
    reads: tuple[Read, ...] = ()
    unsure: str = ""
    over: int | None = None

    @property
    def needs(self) -> tuple[int, ...]:
        """The steps that it needs, ascending, each once: its parent and those whose files it reads.

        What a `COPY --link` lies over is among them, as whoever goes on from it needs that as well.
        """
        found = {read.origin for read in self.reads}
        return tuple(sorted(step for step in found | {self.parent, self.over} if step is not None))


@dataclass(frozen=True, slots=True)
class BuildGraph:
    """The steps that a target needs, each after those that it needs. `final` is None for an empty image.

    A step's index is its position. Steps with equal keys in two stages are
    two steps here; a build runs them once.
    """

    dockerfile: Dockerfile = field(repr=False)
    target: int
    steps: tuple[Step, ...]
    final: int | None


@dataclass(frozen=True, slots=True)
class BaseImage:
    """What is known of an image that a build starts from. All of it is unknown by default.

    `digest` of its manifest; `layers` a digest of its chain of layers, which is
    enough for a hit where only its configuration changed; `environment` is put before every ENV of the
    stage; `triggers` are its ONBUILD instructions, as text.
    """

    digest: str | None = None
    layers: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    triggers: tuple[str, ...] = ()
    folder: str = "/"
    user: str = ""


class Reason(StrEnum):
    """Why a step misses: the first of these that holds, in this order.

    PARENT: a step before it ran, and what it made has no record. FILES: files
    that it reads differ. PART: a part of its key differs. NEW: no earlier
    build has a step like it. EXPORT: it was built, but the last export of the
    registry's cache does not hold it. FORCED: --no-cache-filter.
    """

    PARENT = "parent"
    FILES = "files"
    PART = "part"
    NEW = "new"
    EXPORT = "export"
    FORCED = "forced"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happens to one step of one build. `reason` is None for a hit.

    `causes` are steps (PARENT), paths (FILES) or names of parts (PART),
    in order. `sure` is false where the answer hangs on what a command writes or on something `unsure`.
    """

    step: int
    hit: bool
    sure: bool = True
    reason: Reason | None = None
    causes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Replay:
    """A line of builds through one cache: for each of `revisions` the steps that missed, ascending.

    Only commits that change what the build reads are in it: another one builds
    nothing. `automatic` is parallel to `revisions`. `missed[n]` are indices of `graph.steps`.
    """

    graph: BuildGraph = field(repr=False)
    revisions: tuple[str, ...]
    automatic: tuple[bool, ...]
    missed: tuple[tuple[int, ...], ...]

    def miss_rate(self, step: int) -> float:
        """The share of builds in which a step ran; 1.0 without builds."""
        if not self.missed:
            return 1.0
        return sum(step in each for each in self.missed) / len(self.missed)
