"""What builds take by their Dockerfiles: the profiles of a plan's local builds.

    read = Builds(checked.job.root, Reading())
    plan = read.filled(make_plan(checked))        # with `profiles` of builds without an estimate
    read.tell()                                   # what could not be read, on stderr

Joins Dockerfile, context, Git history and build logs. What is read is read
once, however many plans of an environment are filled. A build of another
repository, or whose Dockerfile does not read, keeps the default of all builds.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from compiler.plan.model import Build, BuildCache, BuildProfile, Plan
from stagecast.session import Usage

if TYPE_CHECKING:
    from compiler.buildtime.measured import Measured
    from compiler.context.model import History, Tree
    from compiler.layers.model import BuildGraph, Replay
    from compiler.practices.model import Subject
    from simulator.modelling.scenario import Scenario

OPTION = "--build-log"
_MOST_LOG_BYTES = 64 * 1024 * 1024
_COMMITS = 1000


@dataclass(frozen=True, slots=True)
class Reading:
    """How Dockerfiles are read: `logs` are of builds that were timed; not `wanted`, nothing is read.

    `repository` is where the history is, up to `revision`, where the files lie in another folder.
    """

    wanted: bool = True
    logs: tuple[Path, ...] = ()
    repository: Path | None = None
    revision: str = "HEAD"


class Builds:
    """The local builds of an environment. A cache: files, history and profiles are read when first needed."""

    def __init__(self, root: Path, reading: Reading) -> None:
        """`root` is the repository of the spec.

        Raises:
            Usage: a build log is none.
            OSError: a build log cannot be read.
        """
        self._root = root
        self._reading = reading
        self._measured = _measured(reading.logs) if reading.wanted and reading.logs else None
        self._subjects: dict[Build, Subject | None] = {}
        self._profiles: dict[Build, BuildProfile | None] = {}
        self._history: tuple[History | None] | None = None
        self._tree: tuple[Tree | None] | None = None
        self._notes: dict[str, None] = {}

    @property
    def wanted(self) -> bool:
        """Whether Dockerfiles are read at all."""
        return self._reading.wanted

    def filled(self, plan: Plan, scenario: Scenario | None = None) -> Plan:
        """The plan with a profile for every local build that has no estimate and whose Dockerfile reads.

        Under a scenario that says how long builds take nothing is read.
        """
        if not self._reading.wanted or (scenario is not None and ("build", "any") in scenario.laws):
            return plan
        estimated = {estimate.task for estimate in plan.estimates}
        found = (self.profile(build) for build in plan.builds if build.id not in estimated)
        profiles = tuple(each for each in found if each is not None)
        return replace(plan, profiles=profiles) if profiles else plan

    def profile(self, build: Build) -> BuildProfile | None:
        """What a build takes; None where that cannot be read."""
        if build not in self._profiles:
            subject = self.subject(build)
            self._profiles[build] = self.profile_of(build, subject) if subject is not None else None
        return self._profiles[build]

    def profile_of(self, build: Build, subject: Subject) -> BuildProfile | None:
        """What a build takes with the Dockerfile and the .dockerignore of `subject`; None for no steps."""
        from compiler.buildtime.durations import step_times
        from compiler.buildtime.profile import build_profile
        from compiler.context.visible import visible

        if not subject.graph.steps:
            return None
        whole = self._context(build, subject)
        context = visible(whole, subject.ignore) if whole is not None else None
        times = step_times(subject.graph, context, self._measured, persistent=subject.persistent)
        replayed = self._replay(build, subject, context)
        return build_profile(build.id, subject.graph, times, replayed, context, self._measured)

    def subject(self, build: Build) -> Subject | None:
        """A build's Dockerfile with all that is known around it; None where there is none to read."""
        if build not in self._subjects:
            self._subjects[build] = self._read(build)
        return self._subjects[build]

    def _read(self, build: Build) -> Subject | None:
        from compiler.dockerfile.reader import read_dockerfile
        from compiler.practices.subjects import Origin, read_source, subject_of

        source = build.source
        if not source.is_local or source.dockerfile is None:
            return None
        root = self._root.resolve()
        # As people see it from here: edits name files by that.
        file = Path(os.path.relpath(root / source.dockerfile))
        folder = (root / source.context).resolve()
        if not file.resolve().is_relative_to(root) or not folder.is_relative_to(root):
            return None
        try:
            dockerfile = read_dockerfile(read_source(file))
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            self._note(f"{source.dockerfile} cannot be read ({why.lower()}): its build takes the default")
            return None
        if dockerfile.problems:
            self._note(f"{source.dockerfile} is no Dockerfile that can be built: its build takes the default")
            return None
        made = subject_of(
            dockerfile,
            Origin(file, str(folder), str(root)),
            target=source.target,
            arguments=build.arguments,
            persistent=build.cache is BuildCache.PERSISTENT,
        )
        return replace(made, history=self._the_history())

    def _context(self, build: Build, subject: Subject) -> Tree | None:
        """What a clone has in the context: what is committed. The folder where nothing of it is."""
        tree = self._committed()
        committed = tree.below(build.source.context) if tree is not None else None
        return committed if committed is not None and committed.entries else subject.context

    def _replay(self, build: Build, subject: Subject, context: Tree | None) -> Replay:
        from compiler.buildtime.assumed import assumed_replay
        from compiler.layers.replay import replay

        if build.cache is BuildCache.NONE:
            return _everything(subject.graph)
        if subject.history is not None:
            counted = replay(
                subject.graph,
                subject.history,
                subject.prefix,
                subject.ignore,
                cache="persistent" if subject.persistent else "registry",
            )
            if counted.revisions:
                return counted
        return assumed_replay(subject.graph, context)

    def _the_history(self) -> History | None:
        from compiler.context.history import read_history
        from compiler.context.problems import ContextProblem, ShallowRepository

        if self._history is None:
            history = None
            where = self._reading.repository or self._root
            try:
                history = read_history(where, commits=_COMMITS, revision=self._reading.revision)
            except ShallowRepository as problem:
                hint = f"; {problem.hint}" if problem.hint else ""
                self._note(f"{problem.message}, so how often steps of builds run is assumed{hint}")
            except ContextProblem:
                # No repository, or none with commits: a spec is planned before it is committed.
                pass
            self._history = (history,)
        return self._history[0]

    def _committed(self) -> Tree | None:
        from compiler.context.git import read_tree
        from compiler.context.problems import ContextProblem

        if self._tree is None:
            try:
                self._tree = (read_tree(self._reading.repository or self._root, self._reading.revision),)
            except ContextProblem:
                self._tree = (None,)
        return self._tree[0]

    def tell(self) -> None:
        """Say on stderr what could not be read so far, once."""
        for note in self._notes:
            print(f"stagecast: {note}", file=sys.stderr)
        self._notes.clear()

    def _note(self, text: str) -> None:
        self._notes[text] = None


def _everything(graph: BuildGraph) -> Replay:
    """Without a cache every step runs in every build."""
    from compiler.layers.model import Replay

    return Replay(graph, ("",), (False,), (tuple(range(len(graph.steps))),))


def _measured(paths: Iterable[Path]) -> Measured:
    """What build logs say of steps.

    Raises:
        Usage: one of them is no build log, or too large.
        OSError: one cannot be read.
    """
    from compiler.buildtime.measured import read_log

    texts = []
    for path in paths:
        with open(path, "rb") as file:
            data = file.read(_MOST_LOG_BYTES + 1)
        if len(data) > _MOST_LOG_BYTES:
            raise Usage(f"{path} is larger than {_MOST_LOG_BYTES // 1024**2} MiB", param_hint=OPTION)
        texts.append(data.decode("utf-8", errors="replace"))
        found = read_log(texts[-1])
        if not found.steps:
            why = f": {found.problems[0]}" if found.problems else ": no step that ran is in it"
            raise Usage(f"{path} times no build{why}", param_hint=OPTION)
    return found if len(texts) == 1 else read_log("\n".join(texts))
