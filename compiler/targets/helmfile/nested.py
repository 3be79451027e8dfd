"""`set` of a service's own chart as a values file.

helmfile's own `set` becomes `helm --set`, which takes `true` and `1` for no text,
and stands in a file that helmfile evaluates. Helm merges a later values file over
earlier ones as it applies `--set-literal`, so nested mappings of texts say the
same; only an index into a list has no counterpart.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def nested(assignments: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Assignments to dotted paths as one mapping of mappings of texts.

    Raises:
        ValueError: a path has an index or an empty part, or one path goes through another's value.
    """
    values: dict[str, Any] = {}
    for path, text in assignments:
        parts = path.split(".")
        if "[" in path or not all(parts):
            raise ValueError(f"`{path}` is not a path of names")
        place = values
        for part in parts[:-1]:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise ValueError(f"`{path}` goes through another value of `set`")
        if parts[-1] in place:
            raise ValueError(f"`{path}` goes through another value of `set`")
        place[parts[-1]] = text
    return values
