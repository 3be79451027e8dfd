"""Cases of practices: many Dockerfiles in one text, with the expected findings as comments.

Cases are divided by lines of three or more `=` with a name. A line `# STC902`
(or several codes) says that the next line that is no comment has these findings; a line
`# file: PATH` that the context has this file, `# gitignore: NAME` what
.gitignore says, `# ignore: PATTERN` a line of .dockerignore, `# git` that the context is
a repository's root, `# no context` that nothing is known of it. The text after `--- after SAFETY` is
what the first fix makes of the Dockerfile.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from compiler.context.model import Change, Commit, Entry, History, Tree
from compiler.diagnostics.model import Diagnostic, Edit
from compiler.dockerfile.ignore import read_ignore
from compiler.dockerfile.reader import read_dockerfile
from compiler.layers.lower import lower
from compiler.practices.model import Subject
from compiler.source import SourceFile

CASES = Path(__file__).parent / "practices" / "cases"
_CASE = re.compile(r"^={3,} *(.*?) *=*\n", re.MULTILINE)
_AFTER = re.compile(r"^--- after (safe|unsafe|display)\n", re.MULTILINE)
_EXPECTED = re.compile(r"# (STC\d{3}(?: STC\d{3})*)\s*")


@dataclass(frozen=True, slots=True)
class Case:
    """A case: the Dockerfile without the comments of the case itself, (line, code) of each finding."""

    name: str
    text: str
    expected: tuple[tuple[int, str], ...]
    files: dict[str, str] = field(default_factory=dict)
    ignore: str | None = None
    known: bool = True
    repository: bool = False
    safety: str = ""
    after: str | None = None
    arguments: tuple[tuple[str, str], ...] = ()


def cases(path: Path) -> Iterator[Case]:
    """The cases of a file, in order."""
    parts = _CASE.split(path.read_text())
    for name, body in zip(parts[1::2], parts[2::2], strict=True):
        yield _case(name, body)


def _case(name: str, body: str) -> Case:
    before, *rest = _AFTER.split(body)
    lines: list[str] = []
    expected: list[tuple[int, str]] = []
    said: dict[str, list[str]] = {}
    waiting: list[str] = []
    for line in before.strip("\n").split("\n"):
        word, _, value = line.removeprefix("# ").partition(": ")
        if match := _EXPECTED.fullmatch(line):
            waiting += match[1].split()
        elif line.startswith("# ") and word in ("file", "gitignore", "ignore", "argument"):
            said.setdefault(word, []).append(value)
        elif line in ("# git", "# no context"):
            said[line] = []
        else:
            lines.append(line)
            if waiting and not line.lstrip().startswith("#"):
                expected += [(len(lines), code) for code in waiting]
                waiting = []
    files = {path.partition(" = ")[0]: path.partition(" = ")[2] for path in said.get("file", ())}
    if "gitignore" in said:
        files[".gitignore"] = "\n".join(said["gitignore"]) + "\n"
    return Case(
        name,
        "\n".join(lines) + "\n",
        tuple(sorted(expected)),
        files,
        "".join(f"{line}\n" for line in said["ignore"]) if "ignore" in said else None,
        "# no context" not in said,
        "# git" in said,
        rest[0] if rest else "",
        rest[1].strip("\n") + "\n" if rest else None,
        tuple((one.partition("=")[0], one.partition("=")[2]) for one in said.get("argument", ())),
    )


def subject(case: Case, *, persistent: bool = True, changes: list[list[str]] | None = None) -> Subject:
    """The subject of a case; `changes` are the paths that each commit of its history changes."""
    dockerfile = read_dockerfile(SourceFile("Dockerfile", case.text))
    names = {*case.files, *([".git/HEAD"] if case.repository else [])}
    entries = {path: Entry(0o100644, path) for path in sorted(names)}
    history = None
    if changes is not None:
        commits = tuple(
            Commit(
                str(n),
                False,
                tuple(Change(path, Entry(0o100644, "a"), Entry(0o100644, "b")) for path in paths),
            )
            for n, paths in enumerate(changes)
        )
        history = History(Tree("0", entries), commits, True)
    return Subject(
        dockerfile,
        lower(dockerfile, None, dict(case.arguments)),
        arguments=case.arguments,
        context=Tree("the working tree", entries) if case.known else None,
        read=lambda path: SourceFile(path, case.files[path]) if path in case.files else None,
        ignore=read_ignore(SourceFile(".dockerignore", case.ignore)) if case.ignore is not None else None,
        history=history,
        persistent=persistent,
    )


def places(found: list[Diagnostic]) -> tuple[tuple[int, str], ...]:
    """(line, code) of each finding, in order."""
    return tuple(sorted((one.span.first.line, one.code) for one in found))


def fixed(text: str, edits: tuple[Edit, ...]) -> str:
    """A text after the edits of a fix, which must not overlap."""
    for edit in sorted(edits, key=lambda e: (e.span.start, e.span.end), reverse=True):
        text = text[: edit.span.start] + edit.replacement + text[edit.span.end :]
    return text
