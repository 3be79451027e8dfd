"""STC903: ARGs and ENVs that differ from build to build, declared before costly RUNs that do not use them.

Takes a Subject with its RUNs and what changes, gives diagnostics whose fix
moves the declarations down, to right before their first use. An ARG or ENV in
scope is in the key of every RUN that follows it
(BuildKit, dockerfile2llb/convert.go: dispatchRun).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from compiler.diagnostics.model import Diagnostic, Fix, Label, Safety, Severity
from compiler.dockerfile.instructions import Instruction
from compiler.practices.model import Subject
from compiler.practices.parts.changing import Lines
from compiler.practices.parts.changing_names import kind, placeholder
from compiler.practices.parts.independent import apart, pure
from compiler.practices.parts.moving import moved
from compiler.practices.parts.runs import Run
from compiler.shell.model import Activity, ActivityKind

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_COSTLY = frozenset((ActivityKind.SYSTEM_PACKAGES, ActivityKind.DEPENDENCIES, ActivityKind.DOWNLOAD))
# Installs of manifests that run nothing of the project's own and take no variable for a property.
_INERT = frozenset(("go", "pip", "uv", "cargo", "bundler"))
# Tools that take variables of the environment for properties of the build.
_READS_ENVIRONMENT = frozenset(("dotnet", "maven", "gradle"))
_LIFECYCLE = re.compile(r'"(?:preinstall|install|postinstall|prepare|preprepare|postprepare)"\s*:')


@dataclass(slots=True)
class _Open:
    """A declaration that nothing has used yet: `crossed` are the costly RUNs after it that do not need it."""

    instruction: Instruction
    names: frozenset[str]
    kinds: tuple[str, ...]
    crossed: list[Run] = field(default_factory=list)


def early_arguments(subject: Subject, runs: dict[int, Run], lines: Lines) -> Iterator[Diagnostic]:
    """The findings of a build, in the order of the file."""
    steps = {id(step.instruction): step.index for step in subject.graph.steps}
    reached = {step.stage for step in subject.graph.steps}
    fallbacks = {argument.name: argument.default for argument in subject.dockerfile.globals}
    for index, stage in enumerate(subject.dockerfile.stages):
        if index in reached:
            of_stage = {
                key: runs[at]
                for key, at in ((id(i), steps.get(id(i))) for i in stage.instructions)
                if at is not None and at in runs
            }
            yield from _Stage(subject, lines, of_stage, fallbacks).findings(stage.instructions)


@dataclass(slots=True)
class _Stage:
    """The walk through one stage."""

    subject: Subject
    lines: Lines
    runs: dict[int, Run]
    fallbacks: dict[str, str | None]
    open: list[_Open] = field(default_factory=list)

    def findings(self, instructions: Sequence[Instruction]) -> Iterator[Diagnostic]:
        for instruction in instructions:
            if self.open:
                words = _words(instruction)
                used = self._used(instruction, words)
                if used:
                    yield from self._close(used, instruction)
                elif instruction.name in ("LABEL", "ENV") and (shared := self._mentioned(words)):
                    # It says what they say: it goes where they go.
                    names = _declared(instruction) if instruction.name == "ENV" else frozenset()
                    kinds = tuple(k for each in shared for k in each.kinds)
                    self.open.append(_Open(instruction, names, kinds[:1]))
            if instruction.name == "ARG" and (kinds := self._changing(instruction)):
                self.open.append(_Open(instruction, _declared(instruction), kinds))
        yield from self._close(list(self.open), None)

    def _changing(self, instruction: Instruction) -> tuple[str, ...]:
        """The kinds of an ARG whose value each build gives; none for others."""
        if len(instruction.assignments) != 1:
            return ()
        assignment = instruction.assignments[0]
        name = assignment.name.text
        value = assignment.value.text.strip("\"'") if assignment.value else self.fallbacks.get(name)
        found = kind(name)
        given = any(name == each for each, _ in self.subject.arguments)
        if not found or (not given and not placeholder(value)):
            return ()
        return (found,)

    def _mentioned(self, words: set[str]) -> list[_Open]:
        return [each for each in self.open if each.names & words]

    def _used(self, instruction: Instruction, words: set[str]) -> list[_Open]:
        """What an instruction uses of what is open; a costly RUN that does not is noted as crossed."""
        name = instruction.name
        if name in ("LABEL", "MAINTAINER"):
            return []
        mentioned = self._mentioned(words)
        if name == "ENV":
            return [] if len(instruction.assignments) == 1 else mentioned
        if name != "RUN":
            return mentioned
        run = self.runs.get(id(instruction))
        if run is None:
            return list(self.open)
        if not apart(run, dependencies=True) and self.lines.sees_project(run.step):
            # A script of the project's own may read any of them.
            return list(self.open)
        taken = [each for each in self.open if each.names & words or _takes(run, each.kinds)]
        if any(True for _ in _costly(run)) and self.lines.before(run.step) is None:
            for each in self.open:
                if each not in taken:
                    each.crossed.append(run)
        return taken

    def _close(self, used: list[_Open], at: Instruction | None) -> Iterator[Diagnostic]:
        """End some of what is open at their first use, with all that depends on it or that it depends on."""
        chain = self._chain(used)
        self.open = [each for each in self.open if each not in chain]
        early = [each for each in chain if each.crossed]
        if any(each.instruction.name == "ARG" for each in early):
            later = next((each.instruction for each in chain if not each.crossed), at)
            yield self._finding(early, later)

    def _chain(self, used: list[_Open]) -> list[_Open]:
        wanted = {id(each) for each in used}
        names: set[str] = set()
        for each in reversed(self.open):
            if id(each) in wanted or each.names & names:
                wanted.add(id(each))
                names |= _words(each.instruction)
        names = set()
        for each in self.open:
            if id(each) in wanted or _words(each.instruction) & names:
                wanted.add(id(each))
                names |= each.names
        return [each for each in self.open if id(each) in wanted]

    def _finding(self, early: list[_Open], at: Instruction | None) -> Diagnostic:
        arguments = [each for each in early if each.instruction.name == "ARG"]
        names = " and ".join(f"`{sorted(each.names)[0]}`" for each in arguments[:3])
        crossed = arguments[0].crossed
        first = crossed[0]
        command = next(_costly(first)).command
        line = first.span(command).first.line
        verb = "is" if len(arguments) == 1 else "are"
        count = f" and {len(crossed) - 1} more" if len(crossed) > 1 else ""
        message = (
            f"{names} {verb} in the key of the RUN in line {first.instruction.keyword.first.line}{count}, "
            "which makes no use of it"
        )
        kinds = {"commit": "commit", "date": "build", "number": "build", "version": "release"}
        notes: tuple[str, ...] = (f"its value is another one for each {kinds[arguments[0].kinds[0]]}",)
        where = f"before line {at.keyword.first.line}" if at is not None else "to the end of the stage"
        safety, why = self._safety(early)
        if why:
            notes += (f"the move is not applied by itself: {why}",)
        labels = [Label(first.span(command), f"runs again with each new value: line {line}")]
        labels += [Label(each.instruction.span, "so is this") for each in arguments[1:]]
        edits = moved(self.subject.dockerfile, [each.instruction for each in early], at)
        return Diagnostic(
            "STC903",
            Severity.WARNING,
            message,
            arguments[0].instruction.assignments[0].name.span,
            labels=tuple(labels),
            notes=notes,
            hint=f"declare it further down, {where}",
            fix=Fix(f"Move the declaration {where}", edits, safety),
        )

    def _safety(self, early: list[_Open]) -> tuple[Safety, str]:
        if any(each.instruction.name == "ENV" for each in early):
            return Safety.UNSAFE, "programs may read the ENV without naming it here"
        for each in early:
            for run in each.crossed:
                known = apart(run, dependencies=True) and all(self._inert(a) for a in run.activities)
                if not pure(run) and not known:
                    line = run.instruction.keyword.first.line
                    return Safety.UNSAFE, f"a script of line {line} may read it"
        return Safety.SAFE, ""

    def _inert(self, activity: Activity) -> bool:
        """Whether a command is known not to read a variable of another name than its own."""
        if activity.kind is not ActivityKind.DEPENDENCIES:
            return activity.kind is not ActivityKind.DOWNLOAD and activity.kind is not ActivityKind.COMPILE
        if activity.ecosystem in ("npm", "yarn", "pnpm", "bun") and activity.from_manifest:
            if "--ignore-scripts" in activity.command.words:
                return True
            manifest = self.subject.text("package.json")
            return manifest is not None and not _LIFECYCLE.search(manifest.text)
        return activity.ecosystem in _INERT and not any(f in (".", "./") for f in activity.files)


def _costly(run: Run) -> Iterator[Activity]:
    """The commands of a RUN that take seconds by what they do."""
    for activity in run.of(*_COSTLY):
        if (
            activity.kind is not ActivityKind.SYSTEM_PACKAGES
            or activity.names
            or not activity.command.certain
        ):
            yield activity


def _takes(run: Run, kinds: Sequence[str]) -> bool:
    """Whether a tool may take such a variable by convention, as MSBuild takes VERSION."""
    for activity in run.activities:
        if activity.ecosystem in _READS_ENVIRONMENT:
            return True
        if "version" in kinds and (activity.files and any(file.startswith(".") for file in activity.files)):
            return True
        if activity.command.program in ("env", "printenv", "export", "declare", "envsubst"):
            return True
    return False


def _declared(instruction: Instruction) -> frozenset[str]:
    return frozenset(assignment.name.text for assignment in instruction.assignments)


def _words(instruction: Instruction) -> set[str]:
    """All words of an instruction that may be names of variables."""
    found = set(_WORD.findall(instruction.arguments))
    for heredoc in instruction.heredocs:
        found.update(_WORD.findall(heredoc.body.text))
    return found
