"""Random projects for the layer cache model, and random edits of them.

Takes a random number generator, gives projects that mostly build: stages that
go on from and copy from each other, wildcards, mounts, an ignore file, all that
is in a key and much that is not. Knows nothing of engines and of the model.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from cache_judge import Project

PATHS = (
    "a.txt",
    "b.txt",
    "c.md",
    "d/a.txt",
    "d/b.txt",
    "d/e/x.md",
    "f/a.txt",
    "f/g.txt",
    "lib/one",
    "lib/two",
    ".rc",
)
SOURCES = ("a.txt", "b.txt", "d", "d/", "d/e", "f", "lib", "lib/one", ".", "./d/a.txt", "f/a.txt")
WILD = ("*.txt", "*.md", "d/*.txt", "f/?.txt", "[a-b].txt", "l*", "lib/[ot]*", "*", "d/*", "z*")
PLACES = ("/w/", "/w", "./", "sub/", "/w/d/", "$V/", "/t/${A:-none}/", "/x")
IGNORED = (
    "*.md",
    "d/e",
    "lib",
    "**/a.txt",
    "!d/a.txt",
    "d",
    ".rc",
    "Dockerfile",
    ".dockerignore",
    "f/*",
    "*/*.txt",
)
VALUES = ("1", "2", "three")
NAMES = ("A", "B", "V")
COMMANDS = ("ls", "true", "echo hello", "id", "pwd", "test -d /gen", "ls  /", "echo $A")
METADATA = (
    "LABEL l={}",
    "EXPOSE {}",
    'CMD ["echo", "{}"]',
    "STOPSIGNAL 9",
    "HEALTHCHECK NONE",
    "VOLUME /v{}",
    "# {}",
)


@dataclass(slots=True)
class Stage:
    """One stage; `base` is "base", "scratch" or the number of an earlier one."""

    base: str | int
    lines: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Draft:
    """A project that is edited."""

    stages: list[Stage]
    files: dict[str, str]
    modes: dict[str, int] = field(default_factory=dict)
    ignored: list[str] | None = None
    arguments: dict[str, str] = field(default_factory=dict)
    target: int | None = None
    top: list[str] = field(default_factory=list)

    def project(self, image: str, apart: str) -> Project:
        """As it is built, from an image; stages from scratch begin with a folder of their own."""
        lines = list(self.top)
        for number, stage in enumerate(self.stages):
            base = (
                image if stage.base == "base" else stage.base if stage.base == "scratch" else f"s{stage.base}"
            )
            lines.append(f"FROM {base} AS s{number}")
            lines += [f"WORKDIR {apart}"] if stage.base == "scratch" else []
            lines += stage.lines
        files = dict(self.files)
        if self.ignored is not None:
            files[".dockerignore"] = "\n".join(self.ignored) + "\n"
        modes = {path: mode for path, mode in self.modes.items() if path in files}
        target = None if self.target is None else f"s{self.target}"
        return Project("\n".join(lines) + "\n", files, modes, {}, (), dict(self.arguments), target)

    def from_scratch(self, number: int) -> bool:
        """Whether nothing can be run in a stage."""
        base = self.stages[number].base
        while isinstance(base, int):
            base = self.stages[base].base
        return base == "scratch"


class Author:
    """Writes drafts and edits them; `written` counts the files that commands write."""

    def __init__(self, choose: random.Random) -> None:
        self.choose = choose
        self.written = 0

    def draft(self) -> Draft:
        """A new project."""
        choose = self.choose
        files = {path: choose.choice(VALUES) for path in PATHS if choose.random() < 0.8}
        draft = Draft([], files)
        draft.top = choose.choice([[], [], ["ARG A=1"], ["# syntax of old", "ARG V=/w"]])
        draft.ignored = choose.choice([None, None, choose.sample(IGNORED, 2)])
        for number in range(choose.choice([1, 2, 2, 3, 3, 4])):
            earlier: list[str | int] = list(range(number))
            bases: list[str | int] = ["base", "base", "base", *earlier, *(["scratch"] if number else [])]
            draft.stages.append(Stage(choose.choice(bases)))
            for _ in range(choose.randint(2, 6)):
                draft.stages[number].lines.append(self.line(draft, number))
        last = len(draft.stages) - 1
        for number in range(last):
            # So that most stages are needed.
            if choose.random() < 0.7:
                draft.stages[last].lines.append(self.from_stage(draft, number))
        return draft

    def line(self, draft: Draft, number: int) -> str:
        """A line of a stage."""
        makers: list[Callable[[], str]] = [
            self.copied,
            self.copied,
            self.set,
            self.walked,
            self.plain,
        ]
        if number:
            makers.append(lambda: self.from_stage(draft, self.choose.randrange(number)))
        if not draft.from_scratch(number):
            makers += [self.run, self.run, self.run, lambda: self.mounted(draft, number)]
        return self.choose.choice(makers)()

    def copied(self) -> str:
        """A COPY or ADD."""
        choose = self.choose
        flags = choose.choice(["", "", "", "--chown=1:2 ", "--chown=3 ", "--chmod=640 ", "--chmod=0755 "])
        sources = (
            choose.sample(SOURCES, choose.choice([1, 1, 2]))
            if choose.random() < 0.6
            else [choose.choice(WILD)]
        )
        # Several sources, or wildcards, need a folder.
        place = choose.choice([p for p in PLACES if p.endswith("/")])
        return f"{choose.choice(['COPY', 'COPY', 'COPY', 'ADD'])} {flags}{' '.join(sources)} {place}"

    def from_stage(self, draft: Draft, origin: int) -> str:
        """A COPY from an earlier stage, of something that may be there."""
        lines = "\n".join(draft.stages[origin].lines)
        written = [word for word in lines.replace(";", " ").split() if word.startswith("/gen/")]
        places = ["/w/a.txt", "/w/a.txt", "/w/e", "/w"] if "/w/" in lines else []
        places += [] if draft.from_scratch(origin) else ["/etc/group"]
        path = self.choose.choice([*written, *written, *places] or ["/"])
        return f"COPY --from={self.choose.choice([f's{origin}', str(origin)])} {path} /from{origin}/"

    def run(self) -> str:
        """A RUN, that may write a file."""
        choose = self.choose
        if choose.random() < 0.4:
            self.written += 1
            value = choose.choice([*VALUES, "$A", "$B"])
            return f"RUN {choose.choice(['', '', 'true; '])}echo {value} > /gen/{self.written}"
        command = choose.choice(COMMANDS)
        return f'RUN ["{command.split()[0]}"]' if choose.random() < 0.15 else f"RUN {command}"

    def mounted(self, draft: Draft, number: int) -> str:
        """A RUN with a mount."""
        choose = self.choose
        mounts = [
            f"type=bind,source={choose.choice(['d', 'f', 'lib', 'a.txt'])},target=/m",
            "type=bind,target=/all",
            "type=cache,target=/c" + choose.choice(["", ",id=x", ",sharing=locked"]),
            "type=tmpfs,target=/tm",
            "type=secret,id=nobody",
        ]
        if number:
            origin = choose.randrange(number)
            if not draft.from_scratch(origin):
                mounts += [f"type=bind,from=s{origin},source=/etc,target=/o"]
        chosen = choose.sample(mounts, choose.choice([1, 1, 2]))
        return f"RUN {' '.join(f'--mount={mount}' for mount in chosen)} {choose.choice(['ls /', 'true'])}"

    def set(self) -> str:
        """A line that sets something."""
        choose = self.choose
        name, value = choose.choice(NAMES), choose.choice([*VALUES, "$A", "${B:-x}"])
        return choose.choice(
            [
                f"ENV {name}={value}",
                f"ENV {name}={value} C={choose.choice(VALUES)}",
                f"ARG {name}",
                f"ARG {name}={value}",
                f"USER {choose.choice(['0', '1000', '1000:1'])}",
                f'SHELL ["/bin/{choose.choice(["sh", "ash"])}", "{choose.choice(["-c", "-ec"])}"]',
            ]
        )

    def walked(self) -> str:
        """A WORKDIR."""
        return f"WORKDIR {self.choose.choice(['/w', '/w/d', 'sub', '/k/$A', '/', '..'])}"

    def plain(self) -> str:
        """A line of no account."""
        return self.choose.choice(METADATA).format(self.choose.randint(1, 3))

    def edited(self, draft: Draft, earlier: list[Draft]) -> Draft:
        """The project after one edit; now and then an earlier one again."""
        choose = self.choose
        if earlier and choose.random() < 0.12:
            return copy.deepcopy(choose.choice(earlier))
        new = copy.deepcopy(draft)
        edits = [self._file, self._file, self._line, self._line, self._stage_line, self._other]
        choose.choice(edits)(new)
        return new

    def _file(self, draft: Draft) -> None:
        choose = self.choose
        path = choose.choice(sorted(draft.files))
        kind = choose.random()
        if kind < 0.4:
            draft.files[path] = choose.choice(VALUES)
        elif kind < 0.6:
            draft.modes[path] = choose.choice([0o644, 0o755, 0o600])
        elif kind < 0.75:
            draft.files[choose.choice(PATHS)] = choose.choice(VALUES)
        elif kind < 0.9 and len(draft.files) > 3:
            draft.files[choose.choice(PATHS)] = draft.files.pop(path)
        elif len(draft.files) > 3:
            del draft.files[path]

    def _line(self, draft: Draft) -> None:
        """A line is put in, taken out, moved or replaced."""
        choose = self.choose
        number = choose.randrange(len(draft.stages))
        lines = draft.stages[number].lines
        at = choose.randrange(len(lines))
        kind = choose.random()
        if kind < 0.35:
            lines.insert(at, self.line(draft, number))
        elif kind < 0.55 and len(lines) > 1:
            del lines[at]
        elif kind < 0.75:
            other = choose.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
        else:
            lines[at] = self.line(draft, number)

    def _stage_line(self, draft: Draft) -> None:
        """A line is changed in a small way."""
        choose = self.choose
        stage = choose.choice(draft.stages)
        at = choose.randrange(len(stage.lines))
        line = stage.lines[at]
        changes = [
            (" 1", " 2"),
            ("=1", "=2"),
            ("three", "1"),
            ("/w", "/x"),
            ("ls", "ls "),
            ("true", "true;"),
            ("a.txt", "b.txt"),
        ]
        changes += [
            ("COPY", "ADD"),
            ("=2", "=1"),
            ("640", "600"),
            ("RUN ", "RUN   "),
            ("d/", "./d/"),
            ("echo", "echo  "),
            ("$A", "1"),
        ]
        fitting = [
            (old, new) for old, new in changes if old in line and not (new == "ADD" and "--from" in line)
        ]
        if fitting:
            stage.lines[at] = line.replace(*choose.choice(fitting), 1)

    def _other(self, draft: Draft) -> None:
        choose = self.choose
        kind = choose.random()
        if kind < 0.3:
            draft.arguments[choose.choice(NAMES)] = choose.choice(VALUES)
        elif kind < 0.4:
            draft.arguments = {}
        elif kind < 0.6:
            draft.ignored = choose.choice([None, choose.sample(IGNORED, choose.choice([1, 2, 3]))])
        elif kind < 0.75:
            draft.target = choose.choice([None, *range(len(draft.stages))])
        elif kind < 0.85:
            draft.top = choose.choice([[], ["ARG A=1"], ["ARG A=2"], ["ARG V=/w", "ARG A=$V"]])
        # Else nothing changes but times.
