"""A real BuildKit as the judge of the layer cache model: one build, what was predicted and what happened.

Owns a folder that is built again and again, and the model's cache beside the
engine's. Gives for each step what the model says and what the builder's plain
progress says. Knows nothing of the cases.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from compiler.context.folder import read_folder
from compiler.context.model import Tree
from compiler.context.visible import visible
from compiler.dockerfile.frontend import BUILDKIT_0_12
from compiler.dockerfile.ignore import read_ignore
from compiler.dockerfile.reader import read_dockerfile
from compiler.layers.cache import Cache, PersistentCache, build
from compiler.layers.content import Writes
from compiler.layers.keys import vertices
from compiler.layers.lower import lower
from compiler.layers.model import BaseImage, BuildGraph, Outcome, Step, StepKind
from compiler.layers.solver import BUILDKIT_0_8
from compiler.source import SourceFile
from docker_engine import DockerEngine

_NAMED = re.compile(r"^#(\d+) \[(?:([^\s\]]+) +)?(\d+)/\d+\] ", re.MULTILINE)
_ECHO = re.compile(r"echo +(\S+) +> +/(\S+?)(?=;|$)")
_ENDED = re.compile(r"^#(\d+) (CACHED|DONE|ERROR)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Project:
    """What is built.

    `files` are contents by path, `modes` those of files and folders that are
    not 0644 and 0755, `links` targets by path, `folders` those that are empty.
    """

    dockerfile: str
    files: Mapping[str, str] = field(default_factory=dict)
    modes: Mapping[str, int] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    folders: tuple[str, ...] = ()
    arguments: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None
    flags: tuple[str, ...] = ()


class NotBuiltError(Exception):
    """The builder failed; the text is the Dockerfile and what the builder said."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A build: what the model said of its steps and what the builder did (True is a hit).

    Steps without any input (images, a WORKDIR on scratch) are left out: the
    builder says DONE of them whenever it asks for their key (solver/jobs.go).
    `happened` is None for a step that the builder does not name: one like
    another one of the same build, which has the same number in `alike`.
    """

    steps: tuple[Step, ...]
    predicted: tuple[Outcome, ...]
    happened: tuple[bool | None, ...]
    alike: tuple[int, ...]
    log: str

    @property
    def pattern(self) -> str:
        """What happened: H for a hit, M for a miss, for a step that is not named what its like did."""
        named = {group: hit for group, hit in zip(self.alike, self.happened, strict=True) if hit is not None}
        each = (
            named.get(group) if hit is None else hit
            for group, hit in zip(self.alike, self.happened, strict=True)
        )
        return "".join("-" if hit is None else "H" if hit else "M" for hit in each)

    @property
    def expected(self) -> str:
        """What the model said, in the same letters."""
        return "".join("H" if outcome.hit else "M" for outcome in self.predicted)


def make_image(engine: DockerEngine, folder: Path, tag: str, dockerfile: str) -> BaseImage:
    """Build an image for others to start from; gives what the engine knows of it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Dockerfile").write_text(dockerfile)
    done = engine.build(folder, tag)
    assert done.returncode == 0, done.stderr
    [found] = json.loads(engine.run("image", "inspect", tag).stdout)
    config = found["Config"]
    # The engine knows its own images by their layers alone.
    return BaseImage(
        None,
        " ".join(found["RootFS"]["Layers"]),
        dict(each.split("=", 1) for each in config["Env"] or ()),
        tuple(config["OnBuild"] or ()),
        config["WorkingDir"] or "/",
        config["User"],
    )


def echoed(step: Step, paths: tuple[str, ...]) -> str | None:
    """What a RUN of the cases leaves at paths: they write with `echo TEXT > /PATH` and nothing else."""
    command = next((part.value for part in step.parts if part.name == "command"), "")
    values = {f"${part.name[9:]}": part.value for part in step.parts if part.name.startswith("variable ")}
    written = {
        path: values.get(text, "") if text[0] == "$" else text for text, path in _ECHO.findall(command)
    }
    if not any(path in written for path in paths):
        # Below a folder nothing is known to be written if nothing is.
        return None if any(at.startswith(f"{path}/") for path in paths for at in written) else ""
    return " ".join(f"{written.get(path)}" for path in paths)


@dataclass(slots=True)
class Judge:
    """An engine, a folder of its own, and the cache as the model has it."""

    engine: DockerEngine
    folder: Path
    bases: Mapping[str, BaseImage]
    cache: Cache = field(default_factory=lambda: PersistentCache(solver=BUILDKIT_0_8))
    tag: str = "judged"

    def graph(self, project: Project) -> BuildGraph:
        """The steps of a project."""
        read = read_dockerfile(SourceFile("Dockerfile", project.dockerfile), BUILDKIT_0_12)
        return lower(read, project.target, project.arguments, bases=self.bases)

    def lay(self, project: Project) -> Tree:
        """Put the project's files into the folder, others away; gives what the builder is sent."""
        wanted = {**project.files, "Dockerfile": project.dockerfile}
        _tidy(self.folder, {*wanted, *project.links})
        for path, text in wanted.items():
            at = self.folder / path
            if at.is_dir():
                shutil.rmtree(at)
            at.parent.mkdir(parents=True, exist_ok=True)
            if at.is_symlink() or not at.exists() or at.read_text() != text:
                at.unlink(missing_ok=True)
                at.write_text(text)
            at.chmod(project.modes.get(path, 0o644))
            # Times are in no key: each build finds new ones.
            os.utime(at)
        for path, target in project.links.items():
            at = self.folder / path
            at.unlink(missing_ok=True)
            at.parent.mkdir(parents=True, exist_ok=True)
            at.symlink_to(target)
        for path in project.folders:
            (self.folder / path).mkdir(parents=True, exist_ok=True)
        for path, mode in project.modes.items():
            if (self.folder / path).is_dir():
                (self.folder / path).chmod(mode)
        return self.sent(project)

    def sent(self, project: Project) -> Tree:
        """What the builder is sent of the folder."""
        tree = read_folder(self.folder)
        if ".dockerignore" not in project.files:
            return tree
        return visible(tree, read_ignore(SourceFile(".dockerignore", project.files[".dockerignore"])))

    def build(self, project: Project, *, writes: Writes | None = None) -> Judged:
        """Build for real, and in the model."""
        tree = self.lay(project)
        graph = self.graph(project)
        stages = graph.dockerfile.stages
        forced = [str(i) for i in range(len(stages))] if "--no-cache" in project.flags else []
        predicted = build(graph, tree, self.cache, writes=writes, no_cache_filter=forced)
        flags = [f"--build-arg={name}={value}" for name, value in project.arguments.items()]
        flags += [f"--target={project.target}"] if project.target else []
        flags += [flag.replace("{folder}", str(self.folder)) for flag in project.flags]
        done = self.engine.build(self.folder, self.tag, *flags)
        if done.returncode != 0:
            raise NotBuiltError(f"{project.dockerfile}\n{done.stderr}")
        steps = tuple(step for step in graph.steps if step.parent is not None or step.reads)
        happened = said(done.stderr, graph)
        return Judged(
            steps,
            tuple(predicted[step.index] for step in steps),
            tuple(happened.get(step.index) for step in steps),
            operations(graph, steps),
            done.stderr,
        )


def _tidy(folder: Path, wanted: set[str]) -> None:
    """Take away what is not wanted, and folders that would be empty."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
            if not any(path.iterdir()):
                path.rmdir()
        elif str(path.relative_to(folder)) not in wanted:
            path.unlink()


def said(log: str, graph: BuildGraph) -> dict[int, bool]:
    """For each step that plain progress names, whether it was cached."""
    ended = dict(_ENDED.findall(log))
    cached: dict[tuple[str, int], bool] = {}
    for number, stage, place in _NAMED.findall(log):
        cached[stage, int(place)] = ended.get(number) == "CACHED"
    found: dict[int, bool] = {}
    for step in graph.steps:
        if step.kind is StepKind.IMAGE:
            continue
        before = [other for other in graph.steps[: step.index] if other.stage == step.stage]
        rank = sum(not _is_copied_from(other) for other in before) + 1
        stage = graph.dockerfile.stages[step.stage]
        name = stage.alias or f"stage-{step.stage}"
        # A single stage has no name, unless BuildKit counts a mount's empty image as one.
        for key in ((name, rank), ("", rank))[: 2 if len(graph.dockerfile.stages) == 1 else 1]:
            if key in cached:
                found[step.index] = cached[key]
    return found


def _is_copied_from(step: Step) -> bool:
    """An image that files are copied from: it has no number in its stage."""
    return step.kind is StepKind.IMAGE and step.instruction.name != "FROM"


def operations(graph: BuildGraph, steps: Sequence[Step]) -> tuple[int, ...]:
    """A number for each step, equal where the operations are."""
    made = vertices(graph)
    numbers: dict[tuple[str, ...], int] = {}
    own = (made.line[made.of_step[step.index]].own for step in steps)
    return tuple(numbers.setdefault(each, len(numbers)) for each in own)


def disagreements(judged: Judged) -> list[str]:
    """The steps of which model and builder say different things.

    Of steps with one operation in two stages the builder runs one, whichever
    it comes to first, and may name only that.
    """
    ran: dict[int, list[int]] = {}
    for group, outcome, hit in zip(judged.alike, judged.predicted, judged.happened, strict=True):
        counts = ran.setdefault(group, [0, 0])
        counts[0] += not outcome.hit
        counts[1] += hit is False
    return [
        f"step {step.index} ({step.instruction.name} {step.instruction.arguments}): "
        f"the model says {'hit' if outcome.hit else 'miss'} {outcome.reason or ''} {outcome.causes}"
        for step, group, outcome, hit in zip(
            judged.steps, judged.alike, judged.predicted, judged.happened, strict=True
        )
        if (hit is None and not outcome.hit) or (hit is not None and hit != outcome.hit)
        if ran[group][0] != ran[group][1]
    ]
