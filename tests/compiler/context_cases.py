"""Cases of a Dockerfile with the files of its context, as folders that can be built for real.

Cases are divided by lines of three or more `=` with a name. First comes the Dockerfile, in which a line
`# STC908` says that the next line has this finding; then come parts:
`--- file PATH`, `--- ignore` (the .dockerignore) and `--- after SAFETY` or `--- no fix`, what is expected of
the first finding's fix. `# no context` says that nothing is known of the files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from subject_cases import Case

_CASE = re.compile(r"^={3,} *(.*?) *=*\n", re.MULTILINE)
_PART = re.compile(r"^--- (file \S+|ignore|after (?:safe|unsafe|display)|no fix)\n", re.MULTILINE)
_EXPECTED = re.compile(r"# (STC\d{3}(?: STC\d{3})*)")


def context_cases(path: Path) -> Iterator[Case]:
    """The cases of a file, in order. `after` is "" where no fix is expected."""
    parts = _CASE.split(path.read_text())
    for name, body in zip(parts[1::2], parts[2::2], strict=True):
        yield _case(name, body)


def _case(name: str, body: str) -> Case:
    head, *rest = _PART.split(body)
    files: dict[str, str] = {}
    ignore, safety, after = None, "", None
    for title, text in zip(rest[::2], rest[1::2], strict=True):
        kind, _, said = title.partition(" ")
        if kind == "file":
            files[said] = text
        elif kind == "ignore":
            ignore = text
        else:
            safety, after = (said, text.strip("\n") + "\n") if kind == "after" else ("", "")
    lines: list[str] = []
    expected: list[tuple[int, str]] = []
    waiting: list[str] = []
    known = True
    for line in head.strip("\n").split("\n"):
        if match := _EXPECTED.fullmatch(line):
            waiting += match[1].split()
        elif line == "# no context":
            known = False
        else:
            lines.append(line)
            expected += [(len(lines), code) for code in waiting]
            waiting = []
    text = "\n".join(lines) + "\n"
    return Case(name, text, tuple(expected), files, ignore, known, False, safety, after)
