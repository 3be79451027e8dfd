"""The pipeline's scripts on this machine: the compiled files, the folders they run in, one command a task.

Takes a plan and an exported working tree; gives what to start for every task:
the very files that CI would run, with an environment that says "local". Knows
no order and starts nothing itself.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from compiler import output
from compiler.compile import artifacts
from compiler.plan.model import Plan, TaskKind
from compiler.targets.ci.names import FOLDER, data_path
from compiler.targets.pipeline.contract import Document
from stagecast.execution.source import WorkingTree, beside, plain_environment

TARGETS = ("helm", "scripts")
REMOVE = "remove"
_FOUND, _SURVEY = "found.json", "survey.json"

# What a CI service says to its jobs is not for ours, nor what an earlier job was told.
_NOT_INHERITED = re.compile(
    r"STAGECAST_.*|GITHUB_(ACTIONS|OUTPUT|STEP_SUMMARY)|RUNNER_TEMP|PYTHON(HOME|PATH|STARTUP|SAFEPATH)"
)
HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Options:
    """What a person says of a run. `insecure` are registries that speak HTTP or have no known certificate."""

    builder: str | None = None
    force: bool = False
    insecure: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """What is started for a task: always without a shell."""

    argv: tuple[str, ...]
    cwd: Path
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found before anything is changed.

    `tags` are content tags by build, `idle` the tasks with nothing to do,
    `problems` why releases cannot be deployed.
    """

    tags: Mapping[int, str]
    idle: frozenset[str]
    problems: Mapping[str, str]


class Scripts:
    """The compiled scripts of a plan. `scratch` is a private folder; `tree` the exported working tree."""

    def __init__(self, plan: Plan, scratch: Path, tree: WorkingTree, options: Options) -> None:
        compiled = scratch / "compiled"
        _write(plan, compiled)
        # Charts and values, compiled just now, among the user's own; builds see the tree alone.
        merged = beside(tree, scratch / "merged")
        overlay(tree.folder, compiled, merged)
        self._scratch, self._tree, self._merged = scratch, tree.folder, merged
        self._launcher = compiled / FOLDER / "run.py"
        data = compiled / data_path(plan.environment)
        self.document: Document = json.loads(data.read_bytes())
        self._environment = self._shared(data, options)
        self._survey: Survey | None = None
        self._builds = {build["id"]: index for index, build in enumerate(self.document["builds"])}
        self._places = {
            task["id"]: (number, place)
            for number, stage in enumerate(self.document["stages"])
            for place, task in enumerate(stage["tasks"])
        }

    def command(self, kind: TaskKind | None, task: str, trace: Path) -> Command:
        """What carries out a task of the plan; a kind of None is the removal of what left the spec."""
        environment = {**self._environment, "STAGECAST_TRACE": str(trace)}
        match kind:
            case TaskKind.CHECK:
                return self._command("survey", self._merged, environment)
            case TaskKind.BUILD:
                environment["STAGECAST_BUILDS"] = str(self._builds[task])
                return self._command("build", self._tree, environment)
            case TaskKind.MIRROR | TaskKind.DEPLOY:
                stage, place = self._places[task]
                environment |= {"STAGECAST_STAGE": str(stage), "STAGECAST_TASKS": str(place)}
                return self._command("deploy", self._merged, environment)
            case _:
                return self._command(REMOVE, self._merged, environment)

    def survey(self) -> Survey:
        """What the first task of a plan found; nothing when it has not come to its end."""
        if self._survey is None:
            try:
                found = json.loads((self._scratch / _FOUND).read_bytes())
                surveyed = json.loads((self._scratch / _SURVEY).read_bytes())
            except (OSError, ValueError):
                return Survey({}, frozenset(), {})
            tags = {int(index): tag for index, tag in found["tags"].items()}
            built = {self.document["builds"][index]["id"] for index in found["present"]}
            self._survey = Survey(tags, frozenset({*built, *surveyed["idle"]}), surveyed["problems"])
        return self._survey

    def image(self, task: str) -> str:
        """The image that a build makes, or a mirror copies to, with its tag."""
        if task in self._builds:
            index = self._builds[task]
            return f"{self.document['builds'][index]['repository']}:{self.survey().tags[index]}"
        stage, place = self._places[task]
        mirror = self.document["stages"][stage]["tasks"][place]["mirror"]
        return "" if mirror is None else mirror["destination"]

    def _command(self, verb: str, cwd: Path, environment: Mapping[str, str]) -> Command:
        return Command((sys.executable, "-B", str(self._launcher), verb), cwd, environment)

    def _shared(self, data: Path, options: Options) -> dict[str, str]:
        temporary = self._scratch / "tmp"
        temporary.mkdir(mode=0o700)
        kept = {name: text for name, text in os.environ.items() if not _NOT_INHERITED.fullmatch(name)}
        environment = plain_environment(kept) | {
            "STAGECAST_DATA": str(data),
            "STAGECAST_FOUND": str(self._scratch / _FOUND),
            "STAGECAST_SURVEY": str(self._scratch / _SURVEY),
            "STAGECAST_LOCAL": "true",
            # What a script that is killed leaves behind goes away with the run.
            "RUNNER_TEMP": str(temporary),
            "PYTHONUNBUFFERED": "1",
        }
        if options.builder is not None:
            environment["STAGECAST_BUILDER"] = options.builder
        if options.force:
            environment["STAGECAST_FORCE"] = "true"
        if options.insecure:
            environment["STAGECAST_INSECURE_REGISTRIES"] = ",".join(options.insecure)
        return environment


def overlay(below: Path, above: Path, target: Path) -> None:
    """A folder that shows two: links to their entries, `above` in front where both have one.

    A chart is one thing: of two, only that of `above` is there.
    """
    target.mkdir(exist_ok=True)
    upper = {entry.name: entry for entry in os.scandir(above)}
    lower = {entry.name: entry for entry in os.scandir(below)}
    for name in sorted(upper.keys() | lower.keys()):
        both = [side[name] for side in (upper, lower) if name in side]
        are_folders = len(both) == 2 and all(entry.is_dir(follow_symlinks=False) for entry in both)
        if are_folders and not (above / name / "Chart.yaml").is_file():
            overlay(below / name, above / name, target / name)
        else:
            (target / name).symlink_to(both[0].path)


def _write(plan: Plan, folder: Path) -> None:
    files = artifacts([(plan, TARGETS)])
    changes = output.compare(folder, files, output.read_previous(folder), plan.digest)
    output.write(folder, files, changes, plan.digest)
