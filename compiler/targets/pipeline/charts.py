"""The chart of a release: where Helm finds it, and what says whether it is still the same."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from . import git
from .contract import OwnChart, Release
from .found import commits
from .state import Job, PipelineError

# A version that Helm takes for exactly one; anything else is a range, and what it means may change.
_EXACT = re.compile(r"v?[0-9]+\.[0-9]+\.[0-9]+(?:[-+][0-9A-Za-z.+-]*)?")


@dataclass(frozen=True)
class Chart:
    """`place` and `flags` are for Helm's command line.

    `identity` is the same as long as the chart is; None where nobody can say.
    """

    place: str
    flags: tuple[str, ...] = ()
    identity: str | None = None


@dataclass
class Charts:
    """Finds charts; every source is checked out once."""

    job: Job
    _checkouts: dict[int, git.Repository] = field(default_factory=dict)

    def of(self, release: Release) -> Chart:
        """The chart of a release. Raises PipelineError."""
        chart = release["chart"]
        if isinstance(chart, str):
            return Chart(f"./{chart}", (), folder_identity(self.job.root / chart))
        if chart["source"] is not None:
            return self._from_git(chart["name"], chart["source"])
        return _from_repository(chart)

    def _from_git(self, name: str, source: int) -> Chart:
        if source not in self._checkouts:
            found = commits()
            if source >= len(found):
                raise PipelineError("the commits of the sources are not known: run the check first")
            listed = self.job.document["sources"][source]
            self._checkouts[source] = git.check_out(self.job, listed, found[source])
        repository = self._checkouts[source]
        path = f"{repository.path}/{git.normal(name)}"
        if self.job.document["sources"][source]["repository"] == git.LOCAL:
            # The job's own checkout may hold more than its commit.
            return Chart(path, (), folder_identity(Path(path)))
        tree = repository.object_at(name)
        return Chart(path, (), None if tree is None else f"tree {tree}")


def _from_repository(chart: OwnChart) -> Chart:
    url, version = chart["repository"] or "", chart["version"]
    flags = () if version is None else (f"--version={version}",)
    exact = version is not None and _EXACT.fullmatch(version)
    identity = f"{url} {chart['name']} {version}" if exact else None
    if url.startswith("oci://"):
        return Chart(f"{url.rstrip('/')}/{chart['name']}", flags, identity)
    return Chart(chart["name"], (*flags, f"--repo={url}"), identity)


def folder_identity(folder: Path) -> str | None:
    """A hash of all files below a folder; None where it cannot be told, as behind a link to a folder."""
    digest = hashlib.sha256()
    try:
        for here, folders, names in os.walk(folder, onerror=_raise):
            if any(os.path.islink(os.path.join(here, name)) for name in folders):
                return None
            folders.sort()
            for name in sorted(names):
                path = Path(here, name)
                relative = path.relative_to(folder).as_posix().encode(errors="surrogateescape")
                for part in (relative, path.read_bytes()):
                    digest.update(len(part).to_bytes(8, "big") + part)
    except OSError:
        return None
    return f"files {digest.hexdigest()}"


def _raise(error: OSError) -> None:
    raise error
