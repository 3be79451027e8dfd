"""From a Dockerfile to the steps that a build of a target makes.

Takes a Dockerfile, a target, build arguments and what is known of base images;
gives a BuildGraph. Follows BuildKit (frontend/dockerfile/dockerfile2llb/
convert.go: toDispatchState): only stages that the target needs, each after
those that it needs, triggers of ONBUILD right after FROM. Nothing is compared
or predicted here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from compiler.dockerfile.expansion import Allowance, BadSubstitution, Rules, expand
from compiler.dockerfile.instructions import Instruction
from compiler.dockerfile.mounts import mounts
from compiler.dockerfile.reader import Dockerfile, Stage, read_dockerfile
from compiler.dockerfile.scope import LONGEST_VALUE, global_values
from compiler.layers.instructing import SCRATCH, Made, made_by_copy, made_by_run, made_by_workdir
from compiler.layers.model import BaseImage, BuildGraph, Part, Step, StepKind
from compiler.layers.scenes import Scene
from compiler.source import SourceFile
from compiler.values.images import parse_image
from compiler.values.malformed import Malformed

_KINDS = {kind.name: kind for kind in (StepKind.RUN, StepKind.COPY, StepKind.ADD, StepKind.WORKDIR)}
# Of steps and stages together: far more than any build has, and what a second can make.
_MOST_PARTS = 200_000
PLATFORM: Mapping[str, str] = {
    **{"BUILDPLATFORM": "linux/amd64", "BUILDOS": "linux", "BUILDARCH": "amd64", "BUILDVARIANT": ""},
    **{"TARGETPLATFORM": "linux/amd64", "TARGETOS": "linux", "TARGETARCH": "amd64", "TARGETVARIANT": ""},
}
"""The arguments of the platform where nothing else is said: those of a machine that builds for itself."""


def lower(
    dockerfile: Dockerfile,
    target: str | None = None,
    arguments: Mapping[str, str] | None = None,
    *,
    bases: Mapping[str, BaseImage] | None = None,
    platform: Mapping[str, str] | None = None,
) -> BuildGraph:
    """The steps of a build of `target` (None: the last stage) with these build arguments.

    `bases` are found by their complete names: "python:3" is also
    "docker.io/library/python:3". Never raises: of a broken
    Dockerfile, or one that makes more than 200,000 parts of keys, the steps that
    are known. An unknown target has none.
    """
    given, about = dict(arguments or {}), {**PLATFORM, **(platform or {})}
    stage = dockerfile.stage(target)
    if stage is None and target is not None and target.isdecimal() and len(target) < 6:
        stage = dockerfile.stages[int(target)] if int(target) < len(dockerfile.stages) else None
    if stage is None:
        return BuildGraph(dockerfile, -1, (), None)
    index = next(i for i, each in enumerate(dockerfile.stages) if each is stage)
    known = {complete(name): base for name, base in (bases or {}).items()}
    work = _Lowering(dockerfile, given, known, about)
    for needed in work.reached(index):
        work.lower_stage(needed)
    return BuildGraph(dockerfile, index, tuple(work.steps), work.ends[index].parent)


@dataclass(slots=True)
class _Lowering:
    """A build in the making: the steps so far, and how each stage ends."""

    dockerfile: Dockerfile
    given: Mapping[str, str]
    bases: Mapping[str, BaseImage]
    platform: Mapping[str, str]
    steps: list[Step] = field(default_factory=list)
    ends: dict[int, Scene] = field(default_factory=dict)
    everywhere: dict[str, str] = field(init=False)
    images: list[str | None] = field(init=False)
    parents: list[int | None] = field(init=False)
    names: dict[str, int] = field(init=False)
    copied: dict[str, int] = field(default_factory=dict)
    allowance: Allowance = field(default_factory=Allowance)
    parts: int = 0

    def __post_init__(self) -> None:
        self.everywhere = global_values(self.dockerfile, self.given, self.platform, self.allowance)
        self.images, self.parents = [], []
        earlier: dict[str, int] = {}
        for index, stage in enumerate(self.dockerfile.stages):
            image = self._global(stage.head.words[0].text) if stage.head.words else None
            self.images.append(image)
            self.parents.append(earlier.get((image or "").lower()))
            if stage.alias:
                earlier[stage.alias] = index
        # COPY --from knows the stages of the whole file, and takes the last of one name.
        self.names = earlier

    def _global(self, text: str) -> str | None:
        """A word of a FROM; None where it is empty or cannot be expanded."""
        try:
            rules = Rules(self.dockerfile.escape)
            return expand(text, self.everywhere, rules, LONGEST_VALUE, self.allowance).text or None
        except BadSubstitution:
            return None

    def reached(self, target: int) -> list[int]:
        """The stages that a target needs, in the order of the file."""
        found: set[int] = set()
        waiting = [target]
        while waiting:
            index = waiting.pop()
            if index in found:
                continue
            found.add(index)
            parent = self.parents[index]
            if parent is not None:
                waiting.append(parent)
            for instruction in self._instructions(index):
                waiting += [
                    i for name in _named(instruction) if (i := self._stage(name, instruction)) is not None
                ]
        return sorted(found)

    def _stage(self, name: str, instruction: Instruction) -> int | None:
        """The stage that `--from` names; numbers count for COPY only."""
        if instruction.name == "COPY" and name.isascii() and name.isdecimal():
            index = int(name) if len(name) < 10 else len(self.images)
            return index if index < len(self.images) else None
        return self.names.get(name.lower())

    def _instructions(self, index: int) -> Iterator[Instruction]:
        """What a stage does: what ONBUILD of its base left to it, then its own instructions."""
        parent = self.parents[index]
        stage = self.dockerfile.stages[index]
        if parent is not None:
            for each in self.dockerfile.stages[parent].instructions:
                if each.trigger is not None:
                    yield each.trigger
        else:
            base = self._base(self.images[index] or "")
            for text in base.triggers if base is not None else ():
                yield from _triggered(text, stage)
        for each in stage.instructions:
            if each.name != "ONBUILD":
                yield each

    def _base(self, image: str) -> BaseImage | None:
        return self.bases.get(complete(image)) if self.bases else None

    def lower_stage(self, index: int) -> None:
        """Make the steps of a stage whose sources are made."""
        scene = self._start(index)
        self.ends[index] = scene
        self.parts += len(scene.values)
        for instruction in self._instructions(index):
            if self.parts > _MOST_PARTS:
                return
            kind = _KINDS.get(instruction.name)
            if kind is None:
                scene.state(instruction)
                continue
            scene.unset.clear()
            if kind is StepKind.WORKDIR:
                made = made_by_workdir(instruction, scene)
            else:
                origins = partial(self._origin, instruction=instruction, stage=index)
                make = made_by_run if kind is StepKind.RUN else made_by_copy
                made = make(instruction, scene, origins)
            if made is not None:
                self._add(index, kind, instruction, made, scene)

    def _add(self, index: int, kind: StepKind, instruction: Instruction, made: Made, scene: Scene) -> None:
        unsure = made.unsure
        if not unsure and scene.unset and not scene.image_known:
            unset = ", ".join(sorted(scene.unset))
            unsure = f"{unset} may have a value in the base image, which is not known here"
        number = len(self.steps)
        self.parts += len(made.parts)
        link = made.link and kind is not StepKind.RUN
        self.steps.append(
            Step(
                number,
                index,
                kind,
                instruction,
                None if link else scene.parent,
                made.parts,
                made.reads,
                unsure,
                scene.parent if link else None,
            )
        )
        scene.parent = number

    def _start(self, index: int) -> Scene:
        """What a stage starts with, its base image's step made."""
        parent, stage = self.parents[index], self.dockerfile.stages[index]
        if parent is not None and parent in self.ends:
            return self.ends[parent].child()
        scene = Scene(Rules(self.dockerfile.escape), self.given, self.everywhere, self.allowance)
        said = self._global(stage.platform) if stage.platform else None
        scene.platform = said or self.platform["TARGETPLATFORM"]
        image = self.images[index]
        if image == SCRATCH:
            scene.start(BaseImage())
            return scene
        scene.start(self._base(image or ""))
        unsure = "" if image else "the name of the base image is not known"
        scene.parent = self._image(index, stage.head, image or stage.image, scene.platform, unsure)
        return scene

    def _image(
        self, stage: int, instruction: Instruction, image: str, platform: str, unsure: str = ""
    ) -> int:
        """The step that pulls an image."""
        base = self._base(image)
        known = [base.digest, base.layers] if base is not None else []
        values = [value for value in known if value] or [complete(image)]
        parts = (*(Part("image", value) for value in values), Part("platform", platform))
        self.steps.append(Step(len(self.steps), stage, StepKind.IMAGE, instruction, None, parts, (), unsure))
        return len(self.steps) - 1

    def _origin(self, name: str, instruction: Instruction, stage: int) -> tuple[int | None, str]:
        """The step that `--from` means (None: an empty one), and why it is not known."""
        index = self._stage(name, instruction)
        if index is not None:
            if index in self.ends and index < stage:
                return self.ends[index].parent, ""
            return None, "it takes files from a stage that is not built before it"
        if name == SCRATCH:
            return None, ""
        if name not in self.copied:
            head = self.dockerfile.stages[stage].head
            platform = self.platform["TARGETPLATFORM"]
            self.copied[name] = self._image(stage, instruction if instruction.flags else head, name, platform)
        return self.copied[name], ""


def complete(image: str) -> str:
    """The whole name of an image, its registry and tag written out; other text as it is."""
    try:
        found = parse_image(image)
    except Malformed:
        return image
    return found.normalized if found.tag or found.digest else f"{found.normalized}:latest"


def _named(instruction: Instruction) -> list[str]:
    """What the flags of a COPY or a RUN name as `from`."""
    if instruction.name == "COPY":
        return [flag.value for flag in instruction.flags if flag.name == "from" and flag.value]
    if instruction.name == "RUN" and instruction.flags:
        return [name for mount in mounts(instruction) if (name := mount.get("from"))]
    return []


def _triggered(text: str, stage: Stage) -> list[Instruction]:
    """The trigger of an image, at the place of the FROM that brings it."""
    found = read_dockerfile(SourceFile("ONBUILD", f"FROM {SCRATCH}\n{text}\n")).instructions[1:]
    return [each._replace(span=stage.head.span, keyword=stage.head.keyword) for each in found]
