"""Caches: what is copied without need, lists and downloads kept too long or not at all (STC904 to 909)."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.diagnostics.model import Diagnostic
from compiler.practices.cache.broad_copies import broad_copies
from compiler.practices.cache.cache_mounts import cache_mounts
from compiler.practices.cache.package_caches import package_caches
from compiler.practices.cache.update_alone import update_alone
from compiler.practices.model import Subject
from compiler.practices.parts.changing import changing_by_names
from compiler.practices.parts.runs import runs

CODES = ("STC904", "STC905", "STC906", "STC909")


def check(subject: Subject) -> Iterator[Diagnostic]:
    """What of a build is in the wrong cache. RUNs are never joined for the sake of joining them."""
    read = runs(subject.graph)
    mounts = list(cache_mounts(subject, read))
    mounted = {(index, ecosystem) for index, ecosystem, _ in mounts}
    found = [
        *broad_copies(subject, read),
        *update_alone(subject, read, changing_by_names(subject)),
        *package_caches(subject, read, mounted),
        *(diagnostic for _, _, diagnostic in mounts),
    ]
    yield from sorted(found, key=Diagnostic.sort_key)
