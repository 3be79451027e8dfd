"""In what the versions of BuildKit's Dockerfile parser differ.

The differences were found by comparing the parser of BuildKit 0.12 with the
source of today, and are named by the release of the Dockerfile frontend
(`# syntax=docker/dockerfile:1.N`) that brought them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Frontend:
    """What a version of the parser does.

    `whole_json`: text after a JSON array makes the shell form of it (since 1.9);
    before, it was ignored. `spaced_heredocs`: white space may stand between `<<`
    and the name (since 1.16). `flag_escapes`: the escape directive counts in
    flags as well (since 1.15); before, it was always a backslash there. `check_directive`:
    `# check=` is a directive (since 1.8). `nested_clears`: the text inside a
    substitution such as `${x:-text}` empties the word that it stands in, when
    heredocs are looked for (since 1.9).
    """

    whole_json: bool = True
    spaced_heredocs: bool = True
    flag_escapes: bool = True
    check_directive: bool = True
    nested_clears: bool = True


TODAY = Frontend()
BUILDKIT_0_12 = Frontend(
    whole_json=False, spaced_heredocs=False, flag_escapes=False, check_directive=False, nested_clears=False
)
