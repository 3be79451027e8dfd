"""Bad input of every sort, for whatever reads a spec: it must answer, fast and small.

Owns the inputs, not what should be said of them: each is to end in findings or
in success, within a second and 500 MB. Everything is made here, so that no
50 MB file lies in the repository; nothing is random, so a failure repeats by
its name. Knows the spec's keys, nothing of the code that reads them.
"""

from __future__ import annotations

from collections.abc import Callable

import hostile_meaning
import hostile_shape
import hostile_yaml
from hostile_text import Inputs

GROUPS: dict[str, Callable[[], Inputs]] = {
    function.__name__: function
    for function in (
        hostile_yaml.not_specs,
        hostile_yaml.encodings,
        hostile_yaml.streams,
        hostile_yaml.tags,
        hostile_yaml.aliases,
        hostile_shape.nesting,
        hostile_shape.keys,
        hostile_shape.merge_keys,
        hostile_meaning.scalars,
        hostile_shape.characters,
        hostile_shape.sizes,
        hostile_meaning.references,
        hostile_meaning.patterns,
    )
}


def hostile_inputs() -> Inputs:
    """All inputs as (name, bytes); the name is "sort/what". Large ones exist one at a time."""
    for group in GROUPS.values():
        yield from group()
