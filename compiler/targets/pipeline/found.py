"""What the check found and every later job of the run goes by: commits, content tags, images that are there.

In a file that STAGECAST_FOUND names; on GitHub, where jobs share no files, in
variables that the workflow hands over.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .state import PipelineError

FILE = "STAGECAST_FOUND"
COMMITS = "STAGECAST_COMMITS"
TAGS_PREFIX = "STAGECAST_TAGS_"


def tags() -> dict[int, str]:
    """The content tags that the check found, by build index. Raises PipelineError."""
    if os.environ.get(FILE):
        return _tags(_read().get("tags"), FILE)
    found: dict[int, str] = {}
    for name, value in os.environ.items():
        if name.startswith(TAGS_PREFIX) and value:
            found.update(_tags(_parsed(value, name), name))
    return found


def commits() -> list[str]:
    """The commits that the check resolved, one per source: all jobs use the same. Raises PipelineError."""
    if os.environ.get(FILE):
        found = _read().get("commits")
        name = FILE
    else:
        value = os.environ.get(COMMITS)
        found = _parsed(value, COMMITS) if value else []
        name = COMMITS
    if not isinstance(found, list) or not all(isinstance(commit, str) for commit in found):
        raise PipelineError(f"{name} holds no list of commits: run the check again")
    return list(found)


def write(commits: list[str], tags: dict[int, str], present: Iterable[int]) -> None:
    """Keep what the check found for later jobs, if STAGECAST_FOUND says where. Raises PipelineError."""
    path = os.environ.get(FILE)
    if not path:
        return
    found = {"commits": commits, "tags": {str(i): tag for i, tag in tags.items()}, "present": sorted(present)}
    unfinished = Path(f"{path}.part")
    try:
        unfinished.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(json.dumps(found), encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        raise PipelineError(f"{FILE} cannot be written: {error}") from error


def _read() -> dict[str, Any]:
    path = os.environ[FILE]
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise PipelineError(f"{FILE} names no readable file, the check writes it: {error}") from error
    found = _parsed(text, FILE)
    if not isinstance(found, dict):
        raise PipelineError(f"{FILE} is not what the check writes")
    return found


def _parsed(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PipelineError(f"{name} is not JSON: {error}") from error


def _tags(found: Any, name: str) -> dict[int, str]:
    if isinstance(found, dict) and all(k.isdecimal() and isinstance(tag, str) for k, tag in found.items()):
        return {int(index): tag for index, tag in found.items()}
    raise PipelineError(f"{name} holds no content tags by build: run the check again")
