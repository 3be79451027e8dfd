"""What the commands of a RUN are and do, as values.

`reading` cuts a shell text into commands, `activities` says what each does.
Nothing is executed, and what cannot be read is said to be unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Command:
    """One simple command: its words without quotes, variables as they are written.

    `start` and `end` are offsets in the text that was read, end exclusive,
    redirections included. `before` is the operator that it stands after: "",
    "&&", "||", "|", ";" or "&". `depth` counts the brackets, loops, branches and
    substitutions around it. `variables` are the assignments before it. `certain` is false
    where its words hang on an expansion of a variable or a command (a pattern of file names counts as
    written). `redirections` are operator and target (of a heredoc its text) in order.
    """

    words: tuple[str, ...]
    start: int
    end: int
    before: str = ""
    depth: int = 0
    variables: tuple[tuple[str, str], ...] = ()
    certain: bool = True
    redirections: tuple[tuple[str, str], ...] = ()

    @property
    def program(self) -> str:
        """The name of the program without its folder; "" for one that only assigns."""
        return self.words[0].rpartition("/")[2] if self.words else ""


@dataclass(frozen=True, slots=True)
class Script:
    """The commands of one shell text, in order. `complete` is false where some of it was not understood."""

    commands: tuple[Command, ...]
    complete: bool = True


class ActivityKind(StrEnum):
    """What a command does, as far as durations and caches are concerned."""

    SYSTEM_UPDATE = "system update"
    SYSTEM_PACKAGES = "system packages"
    DEPENDENCIES = "dependencies"
    COMPILE = "compile"
    DOWNLOAD = "download"
    CLEAN = "clean"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Activity:
    """What one command does.

    `tool` is the program as the tables name it ("apt-get", "npm", "go"),
    `ecosystem` the key of `ecosystems.ECOSYSTEMS` for DEPENDENCIES and COMPILE ("" for others),
    `names` the packages or URLs that it names (options left out). `from_manifest`
    tells that what it installs is said by files of the project; `files` are those that it names, as
    written (`-r requirements.txt`, `-e ./lib`, "." for the project itself).
    """

    kind: ActivityKind
    command: Command
    tool: str
    ecosystem: str = ""
    names: tuple[str, ...] = ()
    from_manifest: bool = False
    files: tuple[str, ...] = ()
