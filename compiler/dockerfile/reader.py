"""A Dockerfile as a whole: instructions, stages, arguments, the final user.

Takes a SourceFile, gives a Dockerfile; never raises for what the text says, and
problems are data. Stages and their order follow BuildKit
(frontend/dockerfile/instructions and dockerfile2llb). Nothing is built,
fetched or expanded beyond the defaults that the file itself states; what holds
at an instruction is in `scope`, every character of the file in `tokens`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from compiler.dockerfile.directives import Directive
from compiler.dockerfile.frontend import TODAY, Frontend
from compiler.dockerfile.instructions import INSTRUCTIONS, Instruction, typed
from compiler.dockerfile.lines import Written, read_lines
from compiler.dockerfile.problems import MOST_WORDS, Problem
from compiler.dockerfile.refusals import refusals, unknown
from compiler.dockerfile.stages import USED_VARIABLE, Argument, Stage, declared, read_stages, unquoted
from compiler.source import SourceFile

__all__ = ["Argument", "Dockerfile", "Instruction", "Problem", "Stage", "read_dockerfile"]

_MOST_UNKNOWN = 20


@dataclass(frozen=True)
class Dockerfile:
    """A Dockerfile as far as it was understood; `problems` in the order of their places.

    `globals` are the arguments before the first FROM.
    """

    source: SourceFile = field(repr=False)
    written: Written = field(repr=False)
    instructions: tuple[Instruction, ...]
    globals: tuple[Argument, ...]
    stages: tuple[Stage, ...]
    problems: tuple[Problem, ...]

    @property
    def escape(self) -> str:
        """The character that continues lines and escapes others."""
        return self.written.escape

    @property
    def directives(self) -> tuple[Directive, ...]:
        """The `# name=value` lines before everything else."""
        return self.written.directives

    def stage(self, target: str | None) -> Stage | None:
        """The stage that a build of `target` (None: the last one) ends with; numbers count as well."""
        index = self._index(target)
        return None if index is None else self.stages[index]

    def has_stage(self, target: str) -> bool:
        """Whether a stage has this name; letter case does not count."""
        return any(stage.alias == target.lower() for stage in self.stages)

    def declared_arguments(self, target: str | None) -> tuple[Argument, ...]:
        """The arguments that can change what `target` (None: the last stage) is, each once, in order.

        That is, declared in the target or a stage that it is built from or
        copies from, or declared before the first FROM and used in the FROM
        line of one of these. An argument declared again without a default has
        the default of the first declaration. Empty for an unknown target.
        """
        reached = self._reached(target)
        defaults = {argument.name: argument.default for argument in self.globals}
        found = {argument.name: argument for argument in self._used_globals(reached)}
        for index in sorted(reached):
            for instruction in self.stages[index].instructions:
                for argument in declared(instruction, self.escape):
                    default = defaults.get(argument.name) if argument.default is None else argument.default
                    found.setdefault(argument.name, Argument(argument.name, default, argument.span))
        return tuple(sorted(found.values(), key=lambda argument: argument.span.start))

    def final_user(self, target: str | None) -> str | None:
        """What USER says last for `target` (None: the last stage), in it or the stages it is built FROM.

        None when nothing in this file says it, or a variable does.
        """
        index = self._index(target)
        users: list[Instruction] = []
        while index is not None and not users:
            stage = self.stages[index]
            users = [found for found in stage.instructions if found.name == "USER"]
            index = stage.parent
            if index is not None and not users:
                # What the parent leaves to its children runs after its own instructions.
                triggers = [found.effective for found in self.stages[index].instructions if found.trigger]
                users = [found for found in triggers if found.name == "USER"]
        user = unquoted(users[-1].rest.text, self.escape) if users else ""
        return user if user and "$" not in user else None

    def _index(self, target: str | None) -> int | None:
        """The index of a target: as in BuildKit, the last of several stages with one name."""
        if target is None:
            return len(self.stages) - 1 if self.stages else None
        matching = [index for index, stage in enumerate(self.stages) if stage.alias == target.lower()]
        return matching[-1] if matching else None

    def _reached(self, target: str | None) -> set[int]:
        start = self._index(target)
        reached: set[int] = set()
        waiting = [] if start is None else [start]
        all_below = 0
        while waiting:
            index = waiting.pop()
            if index in reached:
                continue
            reached.add(index)
            stage = self.stages[index]
            waiting.extend(stage.sources)
            if stage.dynamic:
                waiting.extend(range(all_below, index))
                all_below = max(all_below, index)
        return reached

    def _used_globals(self, reached: set[int]) -> list[Argument]:
        """The arguments before the first FROM that the FROM lines of `reached` use, directly or not."""
        texts = [f"{self.stages[i].image} {self.stages[i].platform or ''}" for i in reached]
        used = {name for text in texts for name in USED_VARIABLE.findall(text)}
        # A default can only use arguments declared before it, so one pass from the end is enough.
        kept = []
        for argument in reversed(self.globals):
            if argument.name in used:
                kept.append(argument)
                used.update(USED_VARIABLE.findall(argument.default or ""))
        return kept[::-1]


def read_dockerfile(source: SourceFile, frontend: Frontend = TODAY) -> Dockerfile:
    """Read a Dockerfile. Never raises; time is linear in the length of the text.

    Of the unknown instructions the first 20 are problems.
    """
    written = read_lines(source, frontend)
    problems = list(written.problems)
    instructions = tuple(_instructions(written, problems))
    first = next((i for i, found in enumerate(instructions) if found.name == "FROM"), None)
    before = instructions[:first]
    if all(instruction.name in INSTRUCTIONS for instruction in before):
        problems += _misplaced(before, has_from=first is not None)
    arguments = tuple(found for instruction in before for found in declared(instruction, written.escape))
    stages = read_stages(instructions[len(before) :], written.escape, arguments, problems)
    problems.sort(key=lambda problem: (problem.span.start, problem.message))
    return Dockerfile(source, written, instructions, arguments, stages, tuple(problems))


def _instructions(written: Written, problems: list[Problem]) -> Iterator[Instruction]:
    """The instructions; what is wrong with each of them goes to `problems`."""
    strange = words = 0
    # A frontend of the file's own may know flags that are not known here.
    flags = not any(directive.name == "syntax" for directive in written.directives)
    for lines in written.instructions:
        before = len(problems)
        instruction = typed(written, lines, problems)
        if instruction.name not in INSTRUCTIONS:
            strange += 1
            if strange <= _MOST_UNKNOWN:
                problems.append(unknown(instruction))
        elif len(problems) == before:
            problems.extend(refusals(instruction, flags=flags))
        yield instruction
        words += len(instruction.words) + len(instruction.assignments) + len(instruction.flags)
        if words > MOST_WORDS:
            problems.append(Problem(f"the Dockerfile has more than {MOST_WORDS} words", instruction.span))
            return


def _misplaced(before: tuple[Instruction, ...], *, has_from: bool) -> list[Problem]:
    """What stands before the first FROM and may not; not asked where an unknown word may be a FROM."""
    if before and not has_from:
        return [Problem("the Dockerfile has no FROM", before[0].span, "start with FROM", parsing=False)]
    return [
        Problem(
            f"{found.name} stands before the first FROM",
            found.span,
            "only ARG may stand there",
            parsing=False,
        )
        for found in before
        if found.name != "ARG"
    ]
