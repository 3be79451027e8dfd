"""Practices: what a Dockerfile could do better for the build cache, and what that is worth.

`check` is what the files say; `findings` asks the model as well, and says in
seconds what each finding costs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from compiler.diagnostics.model import Diagnostic
    from compiler.practices.model import Finding, Practice, Subject

Check = Callable[["Subject"], "Iterator[Diagnostic]"]


def _of_module(name: str) -> Check:
    """The `check` of a module here, imported when it is called first."""
    practice: Practice | None = None

    def check(subject: Subject) -> Iterator[Diagnostic]:
        nonlocal practice
        if practice is None:
            practice = import_module(f"{__name__}.{name}")
        return practice.check(subject)

    return check


PRACTICES: dict[str, Check] = {
    "base": _of_module("base"),
    "order": _of_module("order"),
    "cache": _of_module("cache"),
    "stages": _of_module("stages"),
    "manifests": _of_module("manifests"),
}

UNPRICED = frozenset(("STC901", "STC905", "STC906"))
"""They are about which image, which packages and what size a build gets: they have no worth in time."""

BESIDES_TIME = frozenset(("STC904", "STC907"))
"""They are about what lies in the image as well, so that they are told whatever they cost in time."""

LEAST_SAVING_S = 0.5
"""A finding that costs less per rebuild is not shown: nobody notices half a second."""


MOST_FINDINGS = 1_000
"""Of one practice about one file: more are nobody's to read."""


def check(subject: Subject) -> Iterator[Diagnostic]:
    """What all practices find in one Dockerfile, practice after practice; nothing is priced.

    Asked without a history, it finds at least what it finds with one: a
    history only shows that something hardly changes.
    """
    for practice in PRACTICES.values():
        yield from islice(practice(subject), MOST_FINDINGS)


def findings(subject: Subject, least_saving_s: float | None = None) -> list[Finding]:
    """All findings of one Dockerfile with what they are worth, the dearest first (see `worth.priced`)."""
    found = list(check(subject))
    if not found:
        return []
    from compiler.practices.worth import priced

    return priced(subject, found, LEAST_SAVING_S if least_saving_s is None else least_saving_s)
