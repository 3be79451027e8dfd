"""Cache hits and misses of a build, counted from the log that its builder prints.

Only instructions of the Dockerfile count, and of those not FROM: what a builder
does besides is neither hit nor miss.
"""

from __future__ import annotations

import re
from typing import Protocol


class Layers(Protocol):
    """Counts while it is shown the lines of a log."""

    def see(self, line: str) -> None:
        """Take in the next line."""

    def counted(self) -> tuple[int, int]:
        """Hits and misses so far."""


class BuildKitLayers:
    """Reads `--progress=plain`: "#5 [build 2/3] RUN x" begins a step, "#5 CACHED" or "#5 DONE 0.1s" ends it.

    A step whose layers come from a cache in a registry can end as "DONE" too:
    then they are seen to be fetched, which happens in no step that is run.
    What a step itself prints has a time between its number and the text, so it
    cannot be taken for either.
    """

    _BEGIN = re.compile(r"#(\d{1,9}) \[([^\]]{1,200})\] ([A-Z]+) ")
    _END = re.compile(r"#(\d{1,9}) (CACHED|DONE|ERROR|CANCELED)\b")
    _FETCHED = re.compile(r"#(\d{1,9}) (?:extracting sha256:|sha256:[0-9a-f]{64} [0-9])")
    _STEP = re.compile(r"\d{1,5}/\d{1,5}")

    def __init__(self) -> None:
        self._steps: set[str] = set()
        self._hits: set[str] = set()
        self._misses: set[str] = set()

    def see(self, line: str) -> None:
        """Take in the next line."""
        if begin := self._BEGIN.match(line):
            number, place, instruction = begin.groups()
            if instruction != "FROM" and self._STEP.fullmatch(place.rpartition(" ")[2]):
                self._steps.add(number)
        elif (fetched := self._FETCHED.match(line)) and fetched[1] in self._steps:
            self._hits.add(fetched[1])
        elif (end := self._END.match(line)) and end[1] in self._steps:
            (self._hits if end[2] == "CACHED" else self._misses).add(end[1])

    def counted(self) -> tuple[int, int]:
        """Hits and misses so far."""
        return len(self._hits), len(self._misses - self._hits)


class BuildahLayers:
    """Reads buildah's log: "STEP 2/3: RUN x" begins a step, "--> Using cache 1a2b" says that it was a hit.

    What a step itself prints stands there unmarked: a step that prints such
    lines can be counted wrongly, by one.
    """

    _BEGIN = re.compile(r"(?:\[\d{1,5}/\d{1,5}\] )?STEP \d{1,5}/\d{1,5}: ([A-Za-z]+)")
    _HIT = ("--> Using cache ", "--> Cache pulled from remote ")

    def __init__(self) -> None:
        self._steps = 0
        self._hits = 0
        self._open = False

    def see(self, line: str) -> None:
        """Take in the next line."""
        if begin := self._BEGIN.match(line):
            self._open = begin[1].upper() != "FROM"
            self._steps += self._open
        elif self._open and line.startswith(self._HIT):
            self._open = False
            self._hits += 1

    def counted(self) -> tuple[int, int]:
        """Hits and misses so far."""
        return self._hits, self._steps - self._hits
