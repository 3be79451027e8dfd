"""Fixing all Dockerfiles of a run: what the files are to hold, before anything is written.

Several builds may share a Dockerfile or a .dockerignore: each is fixed as the
ones before it have left the files.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from compiler.diagnostics.model import Safety
from compiler.practices.fixing import APPLIED, APPLIED_UNSAFE, fix
from compiler.source import SourceFile
from stagecast.linting.inputs import Case, Work
from stagecast.linting.judging import Judged, Settings, again, judge
from stagecast.linting.writing import Change


@dataclass(slots=True)
class Mended:
    """The changed files by the paths that people see, and how many findings are fixed; it grows."""

    changes: dict[str, Change] = field(default_factory=dict)
    fixed: int = 0

    @property
    def texts(self) -> dict[str, str]:
        """What the changed files are to hold."""
        return {path: change.after for path, change in self.changes.items()}

    def current(self, case: Case) -> Case:
        """A case with the text that its file is to have."""
        change = self.changes.get(case.source.path)
        return case if change is None else replace(case, source=SourceFile(change.path, change.after))

    def after(self, work: Sequence[Work]) -> list[Work]:
        """The same work on the files as they are to be."""
        return [replace(one, cases=tuple(map(self.current, one.cases))) for one in work]


def mend_all(work: Sequence[Work], settings: Settings, *, unsafe: bool) -> Mended:
    """Fix what may be fixed, on paper."""
    mended = Mended()
    for case in (case for one in work for case in one.cases):
        judged = judge(mended.current(case), settings, mended.texts)
        if judged.subject is not None and judged.findings:
            _mend(mended, judged, settings, APPLIED_UNSAFE if unsafe else APPLIED)
    return mended


def _mend(mended: Mended, judged: Judged, settings: Settings, allowed: frozenset[Safety]) -> None:
    subject = judged.subject
    assert subject is not None
    result = fix(subject, lambda changed: again(judged, changed, settings), allowed)
    ignore = subject.ignore.source.text if subject.ignore is not None else None
    before = {subject.ignore_path: ignore, subject.dockerfile.source.path: subject.dockerfile.source.text}
    for path, text in result.changed.items():
        known = mended.changes.get(path)
        first = known.before if known is not None else before[path]
        mended.changes[path] = Change(path, first, text, _inside(judged))
    mended.fixed += len(result.applied)


def _inside(judged: Judged) -> str:
    """The folder that files of a case must lie in to be written."""
    origin = judged.origin
    if origin is not None and origin.root is not None:
        return origin.root
    file = judged.case.file
    return os.path.realpath(file.parent if file is not None else ".")
