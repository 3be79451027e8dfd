"""Bad input of every sort, for whatever reads a spec: it must answer, fast and small.

Owns the inputs, not what should be said of them: each is to end in findings or
in success, within a second and 500 MB. Everything is made here, so that no
50 MB file lies in the repository; nothing is random, so a failure repeats by
its name. Knows the spec's keys, nothing of the code that reads them.
"""

from __future__ import annotations

import hostile_meaning
import hostile_shape
import hostile_yaml
from hostile_text import Inputs


def hostile_inputs() -> Inputs:
    """All inputs as (name, bytes); the name is "sort/what". Large ones exist one at a time."""
    yield from hostile_yaml.not_specs()
    yield from hostile_yaml.encodings()
    yield from hostile_yaml.streams()
    yield from hostile_yaml.tags()
    yield from hostile_yaml.aliases()
    yield from hostile_shape.nesting()
    yield from hostile_shape.keys()
    yield from hostile_shape.merge_keys()
    yield from hostile_meaning.scalars()
    yield from hostile_shape.characters()
    yield from hostile_shape.sizes()
    yield from hostile_meaning.references()
    yield from hostile_meaning.patterns()
