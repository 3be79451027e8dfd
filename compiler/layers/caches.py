"""The caches that a build can have: a builder's own, and a registry's.

Owns what builds leave in them. Gives two classes with one shape; which steps
hit is said by `cache.build`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from compiler.layers.causes import Sightings
from compiler.layers.keys import LastVertices, Records
from compiler.layers.solver import TODAY, Solver


@dataclass(slots=True)
class PersistentCache:
    """The cache of a builder that stays: all that it ever built, and nothing is thrown away."""

    records: Records = field(default_factory=Records)
    sightings: Sightings = field(default_factory=Sightings)
    builds: int = 0
    vertices: LastVertices = field(default_factory=LastVertices, repr=False)
    solver: Solver = TODAY

    def leave(self, keys: list[str], final: set[str]) -> None:
        """Keep what a build made: it is in the records already."""


@dataclass(slots=True)
class RegistryCache:
    """The cache that a registry holds under one tag, for builders that start empty.

    `mode` is "min" (the results of the final image's own steps; inline caches
    are so) or "max" (those of every step).
    """

    mode: str = "max"
    records: Records = field(default_factory=Records)
    sightings: Sightings = field(default_factory=Sightings)
    builds: int = 0
    vertices: LastVertices = field(default_factory=LastVertices, repr=False)
    solver: Solver = TODAY

    def leave(self, keys: list[str], final: set[str]) -> None:
        """Replace what it holds by a build: its keys with all that leads to them, and results by the mode."""
        old, fresh = self.records, Records(clock=self.records.clock)
        kept = [key for key in keys if self.mode == "max" or key in final]
        fresh.results = {key: old.results[key] for key in kept if key in old.results}
        waiting = list(keys)
        while waiting:
            key = waiting.pop()
            if key in old.roots:
                fresh.roots.add(key)
            for link in old.backlinks.get(key, {}):
                if key not in fresh.links.get(link, {}):
                    fresh.link(link, key)
                    waiting.append(link[0])
        self.records = fresh


Cache = PersistentCache | RegistryCache
