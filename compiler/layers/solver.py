"""In what the versions of BuildKit's solver differ, as far as keys are concerned.

The differences were found by comparing the source of BuildKit 0.8, which is in
Docker Engine 20.10, with that of today; each is named by the release that
brought it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Solver:
    """What a version of the solver does.

    `owners`: who owns a file is in the digest of its content (since 0.11), which
    is felt by COPY --from only, as files of the context have no owner.
    `mounted_roots`: a mount of all of its source counts beside one of a part of
    it (since 0.13). `wildcard_paths`: after a wildcard a file is named by its
    path from the first folder with one on (since 0.10), before by its last name.
    """

    owners: bool = True
    mounted_roots: bool = True
    wildcard_paths: bool = True


TODAY = Solver()
BUILDKIT_0_8 = Solver(owners=False, mounted_roots=False, wildcard_paths=False)
