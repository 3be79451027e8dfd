"""STC907: an image that runs a program and holds the toolchain that made it.

Takes a Subject, gives at most one finding: about the line of the target. It is told only where the
toolchain, the compilation and a start of what it made are all seen. What is a toolchain is in
`toolchains`, the second stage that is shown in `staging`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from compiler.diagnostics.model import Diagnostic, Label, Severity
from compiler.dockerfile.expansion import BadSubstitution, Rules, expand
from compiler.dockerfile.instructions import Instruction
from compiler.dockerfile.reader import Stage
from compiler.dockerfile.scope import global_values
from compiler.practices.model import Subject
from compiler.practices.parts.stage_lines import Spot, line_of
from compiler.practices.stages.staging import own_stage
from compiler.practices.stages.toolchains import TOOLCHAINS, holds, installs_toolchain, toolchain_of
from compiler.shell.model import Activity, ActivityKind, Command
from compiler.shell.reading import read_script, single_command
from compiler.shell.tables import words
from compiler.shell.wrappers import seen_through
from compiler.source import Span

CODES: tuple[str, ...] = ("STC907",)

# Images by these names are there to build, to test or to work in.
_NOT_TO_RUN = re.compile(
    r"(?:^|[-_./])(?:dev|devel|develop|development|debug|local|test|tests|testing|ci|build|builder|base|lint"
    r"|tool|tools|toolbox|toolchain|devcontainer|e2e|bench|benchmark|benchmarks|fuzz|cross|compile|compiler"
    r"|release|sdk|hack|tilt|integration|coverage|docs)(?:$|[-_./])"
)
# They interpret, compile when started, or are no program of the project.
_OTHERS = frozenset(
    words(
        "sh bash ash dash zsh sleep tail true make cmake go cargo dlv air reflex gow CompileDaemon mvn mvnw "
        "gradle gradlew npm npx yarn pnpm node python python3 ruby php perl gcc g++ echo cat top test "
        "watchexec bazel supervisord s6-svscan init systemd tmux gdb valgrind ctest pytest java dotnet deno "
        "bun watchman nodemon modd realize entr just task mage sbt nginx cp ls mv tar nc curl wget git "
        "docker kubectl env printenv uvicorn gunicorn flask celery uwsgi jupyter R Rscript julia apache2ctl "
        "httpd sshd"
    )
)
_BEFORE_SERVERS = frozenset(words("npx exec dlx yarn pnpm npm bunx -- -y"))
_SERVERS = frozenset(
    ("serve", "http-server", "nginx", "caddy", "httpd", "static-server", "sirv", "live-server")
)


@dataclass(frozen=True, slots=True)
class _Made:
    """The last compilation of a line: where it is and with which toolchain."""

    toolchain: str
    position: int
    command: int


def check(subject: Subject) -> Iterator[Diagnostic]:
    """The finding about the target's stage, if there is one."""
    target = subject.graph.target
    stages = subject.dockerfile.stages
    if not 0 <= target < len(stages) or _named_otherwise(subject, stages[target]):
        return
    line = line_of(subject, target)
    made = _made(line)
    start = _started(line)
    if made is None or start is None:
        return
    where = _holder(subject, line, stages[target], made)
    if where is None or not _runs(subject, made, line, start):
        return
    yield _diagnostic(subject, line, made, where)


def _named_otherwise(subject: Subject, stage: Stage) -> bool:
    """Whether the names of the file or of the target say that it is no image to run."""
    path = subject.dockerfile.source.path.replace("\\", "/").lower()
    name = posixpath.basename(path)
    said = re.sub(r"dockerfile", "", name).strip("._-")
    folders = "/".join(posixpath.dirname(path).split("/")[-2:])
    alias = stage.alias if subject.target is not None else ""
    return any(_NOT_TO_RUN.search(each) for each in (said, folders, alias) if each)


def _made(line: Sequence[Spot]) -> _Made | None:
    """The last compilation of the line; None where none is seen, or its tools leave again."""
    found: _Made | None = None
    for position, spot in enumerate(line):
        if spot.ran is None:
            continue
        for index, activity in enumerate(spot.ran.activities):
            name = toolchain_of(activity)
            if name and (found is None or name != "c" or found.toolchain == "c"):
                found = _Made(name, position, index)
    return found


def _started(line: Sequence[Spot]) -> list[Command] | None:
    """The commands that the image runs; None where it says nothing that can be read."""
    entry = _last(line, "ENTRYPOINT")
    arguments = _last(line, "CMD")
    if entry is not None and arguments is not None:
        # A base's CMD falls away with an ENTRYPOINT of the stage.
        first = [spot.instruction for spot in line].index(entry)
        if not any(spot.instruction is arguments for spot in line[first:]) and not entry.json:
            arguments = None
    if entry is None and arguments is None:
        return None
    said: list[str] = []
    for instruction in (entry, arguments):
        if instruction is None:
            continue
        if not instruction.json:
            return list(seen_through(read_script(instruction.rest.text)).commands)
        said += [word.text for word in instruction.words]
    return list(seen_through(single_command(said, 0)).commands)


def _last(line: Sequence[Spot], name: str) -> Instruction | None:
    found = [spot.instruction for spot in line if spot.instruction.name == name]
    return found[-1] if found and found[-1].words else None


def _holder(subject: Subject, line: Sequence[Spot], stage: Stage, made: _Made) -> Span | None:
    """What brings the toolchain and leaves it: the FROM or the installation of a package."""
    root = stage
    while root.parent is not None:
        root = subject.dockerfile.stages[root.parent]
    values = global_values(subject.dockerfile, dict(subject.arguments))
    try:
        image = expand(root.image, values, Rules(subject.dockerfile.escape)).text
    except BadSubstitution:
        return None
    if holds(made.toolchain, image):
        return root.head.span
    for spot in line[: made.position + 1]:
        if spot.ran is None:
            continue
        commands = spot.ran.activities
        if any(installs_toolchain(made.toolchain, each) for each in commands):
            return None if _leaves(line) else spot.instruction.span
    return None


def _leaves(line: Sequence[Spot]) -> bool:
    """Whether packages are removed somewhere."""
    return any(
        activity.kind is ActivityKind.CLEAN
        and activity.tool in ("apk", "apt-get", "apt", "yum", "dnf", "microdnf", "apt-mark")
        and bool({"del", "remove", "purge", "autoremove", "erase"} & set(activity.command.words))
        for spot in line
        if spot.ran is not None
        for activity in spot.ran.activities
    )


def _runs(subject: Subject, made: _Made, line: Sequence[Spot], start: Sequence[Command]) -> bool:
    """Whether the image starts what was compiled, and nothing that could need the toolchain."""
    commands = [
        command for command in start if command.words and command.program not in ("cd", "exec", "set", ":")
    ]
    if len(commands) != 1 or not commands[0].certain:
        return False
    command = commands[0]
    program, given = command.program, command.words
    if made.toolchain == "jvm":
        return program == "java" and bool({"-jar", "-cp", "-classpath"} & set(given))
    if made.toolchain == "dotnet":
        return (program == "dotnet" and len(given) > 1 and given[1].endswith(".dll")) or _own_program(command)
    if made.toolchain == "static":
        return _serves(subject, command)
    if not _own_program(command):
        return False
    return made.toolchain != "c" or _made_by_c(line, made, command)


def _own_program(command: Command) -> bool:
    """Whether a command is a program of the project itself, by its name."""
    program = command.program
    return (
        bool(program)
        and program not in _OTHERS
        and not re.search(r"\.(?:sh|py|js|rb|php|pl|jar)$|entrypoint|^run$|^start", program)
    )


def _made_by_c(line: Sequence[Spot], made: _Made, command: Command) -> bool:
    """Whether the program is the output of a compiler, or lies beside what make builds."""
    activity = _activity(line, made)
    given = activity.command.words
    outputs = [given[at + 1] for at, word in enumerate(given[:-1]) if word == "-o"]
    if outputs:
        return any(posixpath.basename(output) == command.program for output in outputs)
    return "/" in command.words[0] and command.words[0].startswith(
        ("./", "/app", "/src", "/usr/src", "/opt", "/root", "/home")
    )


def _serves(subject: Subject, command: Command) -> bool:
    """Whether files are served as they are."""
    given = [word for word in command.words if word not in _BEFORE_SERVERS]
    if given and posixpath.basename(given[0]) in _SERVERS:
        return True
    if command.program not in ("npm", "yarn", "pnpm", "bun"):
        return False
    name = next((w for w in given if w not in ("run", "run-script") and not w.startswith("-")), "")
    source = subject.text("package.json")
    if source is None or not name:
        return False
    said = re.search(rf'"{re.escape(name)}"\s*:\s*"([^"]*)"', source.text)
    return (
        said is not None and re.match(r"(?:npx )?(?:serve|http-server|vite preview)\b", said[1]) is not None
    )


def _activity(line: Sequence[Spot], made: _Made) -> Activity:
    ran = line[made.position].ran
    assert ran is not None
    return ran.activities[made.command]


def _diagnostic(subject: Subject, line: Sequence[Spot], made: _Made, where: Span) -> Diagnostic:
    toolchain = TOOLCHAINS[made.toolchain]
    ran = line[made.position].ran
    assert ran is not None
    span = ran.commands.place(ran.activities[made.command].command)
    starts = _last(line, "ENTRYPOINT") or _last(line, "CMD")
    labels = [Label(where, f"this brings the {toolchain.title}")]
    if starts is not None:
        labels.append(Label(starts.span, "this runs without it"))
    return Diagnostic(
        "STC907",
        Severity.WARNING,
        f"the image that runs holds the {toolchain.title}, which only the build needs",
        span,
        "compiles in the final stage",
        tuple(labels),
        ("every push and pull of the image carries it, and whoever breaks in can use it",),
        f"build in a stage of its own and copy the result to {toolchain.small}",
        None if starts is None else own_stage(subject, line, made.position, _activity(line, made), starts),
    )
