"""Chunked case files: many small repositories in one file, each with the findings that it must give.

    ### case: what it shows
    services:
      web: {type: container, imaje: "nginx:1.29.3"}
                             ^^^^^ STC101 unknown key `imaje` in `web` -- did you mean `image`?
    ### file: base.yaml
    ...

A case is the text of environment.yaml, to which a head is added when it says no
`apiVersion`, and of further files. Lines of carets are no part of a file: they
mark the place in the line above, to the end of that line where it goes on, and
give code, message and hint. `!` marks an empty place. Lines of tildes mark the
secondary places of the findings, with their messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from compiler.diagnostics.model import Diagnostic
from compiler.source import Span

SPEC = "environment.yaml"
HEAD = "apiVersion: stagecast/v1beta1\nkind: Environment\nname: shop\n"
_CASE = re.compile(r"### case: (.+)")
_FILE = re.compile(r"### file: (.+)")
_MARK = re.compile(r"\s*(?:(?:\^+|!) STC[0-9]{3} .*|~+ .+)")


@dataclass(frozen=True, slots=True)
class Case:
    """One case: `chunks` are the annotated texts of its files by name, the spec first."""

    name: str
    chunks: dict[str, str]

    def files(self) -> dict[str, str]:
        """The files without the marks, as the tool is to see them."""
        return {name: _head(name, text) + _plain(text) for name, text in self.chunks.items()}

    def annotated(self, found: Iterable[Diagnostic]) -> str:
        """The case as it should stand in its file, given what was found."""
        marks: dict[tuple[str, int], list[str]] = {}
        for diagnostic in found:
            said = f"{diagnostic.code} {diagnostic.message}"
            said += f" -- {diagnostic.hint}" if diagnostic.hint else ""
            _mark(marks, diagnostic.span, "^", said)
            for label in diagnostic.labels:
                _mark(marks, label.span, "~", label.message)
        parts = [f"### case: {self.name}\n"]
        for name, text in self.chunks.items():
            parts.append("" if name == SPEC else f"### file: {name}\n")
            parts += _annotated(name, text, marks)
        unplaced = [f"{path}:{line}: {mark}" for (path, line), found in marks.items() for mark in found]
        assert not unplaced, f"{self.name}: findings outside of the case's text: {unplaced}"
        return "".join(parts)


def read_cases(path: Path) -> tuple[str, list[Case]]:
    """What stands before the first case of a file, and its cases."""
    preamble: list[str] = []
    chunk = preamble
    chunks: list[tuple[str, dict[str, list[str]]]] = []
    for line in _lines(path.read_bytes().decode()):
        if match := _CASE.fullmatch(line.rstrip("\n")):
            chunk = []
            chunks.append((match[1], {SPEC: chunk}))
        elif match := _FILE.fullmatch(line.rstrip("\n")):
            chunk = chunks[-1][1].setdefault(match[1], [])
        else:
            chunk.append(line)
    cases = [Case(name, {file: "".join(lines) for file, lines in files.items()}) for name, files in chunks]
    return "".join(preamble), cases


def _head(name: str, text: str) -> str:
    return HEAD if name == SPEC and "apiVersion" not in text else ""


def _lines(text: str) -> list[str]:
    """Lines with their ends; only a line feed ends one, as in a source."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _plain(text: str) -> str:
    return "".join(line for line in _lines(text) if not _MARK.fullmatch(line.rstrip("\n")))


def _mark(marks: dict[tuple[str, int], list[str]], span: Span, sign: str, said: str) -> None:
    position = span.first
    line = span.source.line(position.line)
    indent = "".join("\t" if char == "\t" else " " for char in line[: position.column - 1])
    width = min(span.end - span.start, len(line) - position.column + 1)
    drawn = sign * width if width > 0 else "!" if sign == "^" else "~"
    marks.setdefault((span.source.path, position.line), []).append(f"{indent}{drawn} {said}\n")


def _annotated(name: str, text: str, marks: dict[tuple[str, int], list[str]]) -> Iterator[str]:
    first = _head(name, text).count("\n") + 1
    # Marks of the head, which is not shown, come first.
    for number in range(1, first):
        yield from marks.pop((name, number), ())
    for number, line in enumerate(_lines(_plain(text)), first):
        yield line
        yield from marks.pop((name, number), ())
