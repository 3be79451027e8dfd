"""Fixes on paper: what a subject is after some edits. Nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from compiler.diagnostics.model import Edit
from compiler.dockerfile.ignore import IgnoreFile, read_ignore
from compiler.dockerfile.problems import Problem
from compiler.dockerfile.reader import Dockerfile, read_dockerfile
from compiler.practices.model import Subject
from compiler.source import SourceFile


def edited_text(text: str, edits: Iterable[Edit]) -> str | None:
    """A text after edits, all of whose places count from before; None where they overlap or lie outside.

    Insertions at one place come in the order in which they are given.
    """
    pieces: list[str] = []
    reached = 0
    for edit in sorted(edits, key=lambda edit: (edit.span.start, edit.span.end)):
        start, end = edit.span.start, edit.span.end
        if not reached <= start <= end <= len(text):
            return None
        pieces += [text[reached:start], edit.replacement]
        reached = end
    return "".join([*pieces, text[reached:]])


def edited_texts(subject: Subject, edits: Sequence[Edit]) -> dict[str, str] | None:
    """The texts that edits make, by path; None where they cannot be made.

    Those of the Dockerfile and of its .dockerignore may change, and the latter may be new.
    """
    before = texts(subject)
    by_path: dict[str, list[Edit]] = {}
    for edit in edits:
        path = edit.span.source.path
        if edit.span.source.text != before.get(path):
            return None
        by_path.setdefault(path, []).append(edit)
    after: dict[str, str] = {}
    for path, found in by_path.items():
        text = edited_text(before[path], found)
        if text is None:
            return None
        after[path] = text
    return after


def texts(subject: Subject) -> dict[str, str]:
    """The texts that edits may be of: the Dockerfile's and the .dockerignore's ("" where there is none)."""
    source = subject.dockerfile.source
    return {
        source.path: source.text,
        subject.ignore_path: subject.ignore.source.text if subject.ignore is not None else "",
    }


def readable(subject: Subject, edits: Sequence[Edit]) -> bool:
    """Whether edits can be made, and leave files without a new problem."""
    return _read_again(subject, edits) is not None


def edited(subject: Subject, edits: Sequence[Edit]) -> Subject | None:
    """The subject after edits; None where they cannot be made, or where the file has problems then."""
    again = _read_again(subject, edits)
    if again is None:
        return None
    dockerfile, ignore = again
    if dockerfile is subject.dockerfile:
        return replace(subject, ignore=ignore)
    from compiler.layers.lower import lower

    graph = lower(dockerfile, subject.target, dict(subject.arguments))
    return replace(subject, dockerfile=dockerfile, graph=graph, ignore=ignore)


def _read_again(subject: Subject, edits: Sequence[Edit]) -> tuple[Dockerfile, IgnoreFile | None] | None:
    """Both files after edits; None where they cannot be made, or a file has a new problem then."""
    after = edited_texts(subject, edits)
    if after is None:
        return None
    dockerfile, ignore = subject.dockerfile, subject.ignore
    path = dockerfile.source.path
    if path in after:
        dockerfile = read_dockerfile(SourceFile(path, after[path]))
        if _messages(dockerfile.problems) - _messages(subject.dockerfile.problems):
            return None
    if subject.ignore_path in after:
        ignore = read_ignore(SourceFile(subject.ignore_path, after[subject.ignore_path]))
        if _messages(ignore.problems) - _messages(subject.ignore.problems if subject.ignore else ()):
            return None
    return dockerfile, ignore


def _messages(problems: Iterable[Problem]) -> Counter[str]:
    return Counter(problem.message for problem in problems)
