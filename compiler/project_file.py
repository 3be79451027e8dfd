"""Where the project file and the repository of something are. Reads nothing, so that it costs nothing."""

from __future__ import annotations

import os
from pathlib import Path

FILE_NAME = "stagecast.yaml"


def find_project(start: Path) -> Path | None:
    """The project file of the folder `start` or of the nearest one above it, within the repository."""
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
        if (folder / ".git").exists():
            return None
    return None


def repository_of(spec: Path) -> Path | None:
    """The repository of a spec: the nearest folder with a project file or `.git`; None without any."""
    folder = Path(os.path.realpath(spec)).parent
    for candidate in (folder, *folder.parents):
        if os.path.isfile(candidate / FILE_NAME) or os.path.exists(candidate / ".git"):
            return candidate
    return None
