"""How long each step of a build takes when it runs, and how much it leaves.

Takes a graph, the context after .dockerignore and what build logs say, gives a
StepTime per step. A step that a log has is as long as it was there; another is
the sum of what its commands do by `defaults`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compiler.buildtime.defaults import DEFAULTS, KEPT_SHARE, SPEEDS, Default
from compiler.buildtime.works import Work, works
from compiler.context.model import Tree
from compiler.layers.model import BuildGraph, Read, Step, StepKind
from compiler.layers.selection import selected

if TYPE_CHECKING:
    from compiler.buildtime.measured import Finder, Measured

Z90 = 1.2815515655446004
"""The standard normal's 90 % quantile: a lognormal's sigma is ln(P90 / median) over it."""

_UNKNOWN_COPY_BYTES = 1_000_000
# What is copied from a stage: a program, or a folder of libraries.
_PROGRAM_BYTES = 30_000_000
_LIBRARIES_BYTES = 150_000_000
_LIBRARIES_FILES = 15_000
_LIBRARIES = frozenset(("node_modules", "site-packages", ".venv", "venv", "vendor", "bundle", "deps"))
_ENOUGH = 5
# What a CI service stops, and more than a registry takes.
_LONGEST_S = 6 * 3600.0
_MOST_BYTES = 1_000_000_000_000
_SUBMODULE = 0o160000


@dataclass(frozen=True, slots=True)
class StepTime:
    """How long a step takes when it runs: a lognormal by median and P90, or no time at all.

    `basis` says what that is from, for people. `layer_bytes` is what it adds to the image before compression;
    `context_bytes` what it reads of the context.
    """

    median_s: float
    p90_s: float
    basis: str
    measured: bool = False
    layer_bytes: int = 0
    context_bytes: int = 0

    @property
    def mean_s(self) -> float:
        """The mean of the lognormal."""
        if self.median_s <= 0:
            return 0.0
        sigma = math.log(max(1.0, self.p90_s / self.median_s)) / Z90
        return self.median_s * math.exp(sigma * sigma / 2)


def step_times(
    graph: BuildGraph, context: Tree | None, measured: Measured | None = None, *, persistent: bool = True
) -> tuple[StepTime, ...]:
    """How long each step takes, parallel to `graph.steps`.

    `context` is what .dockerignore leaves; None where it is not known. `persistent` tells that cache mounts
    are there again in the next build; on a builder that is thrown away they are empty.
    """
    done = works(graph)
    finder = _finder(measured, graph) if measured is not None and measured.steps else None
    times: list[StepTime] = []
    for step, doing in zip(graph.steps, done, strict=True):
        assumed = _assumed(step, doing, context, times, persistent)
        samples = finder.of(step) if finder is not None else ()
        times.append(_timed(assumed, samples) if samples else assumed)
    return tuple(times)


def _finder(measured: Measured, graph: BuildGraph) -> Finder:
    # Most callers have no log, and a linter's start is short.
    from compiler.buildtime.measured import Finder

    return Finder(measured, graph)


def _timed(assumed: StepTime, samples: Sequence[float]) -> StepTime:
    import statistics

    median = statistics.median(samples)
    ratio = assumed.p90_s / assumed.median_s if assumed.median_s > 0 else 1.5
    p90 = statistics.quantiles(samples, n=10)[-1] if len(samples) >= _ENOUGH else median * ratio
    many = "once" if len(samples) == 1 else f"{len(samples)} times"
    return StepTime(
        median, max(median, p90), f"measured {many}", True, assumed.layer_bytes, assumed.context_bytes
    )


def _assumed(
    step: Step, doing: tuple[Work, ...], context: Tree | None, times: list[StepTime], persistent: bool
) -> StepTime:
    if step.kind is StepKind.IMAGE:
        return StepTime(0.0, 0.0, "the base image is taken to be there")
    if step.kind is StepKind.WORKDIR:
        return _time([(DEFAULTS["step", "workdir"], 1.0, 0)], "a folder")
    read, files, known = _context_files(step, context)
    if step.kind is StepKind.RUN:
        parts = [(DEFAULTS["step", "run"], 1.0, 0)]
        parts += [(default_of(work), _share(work, persistent), work.count) for work in doing]
        return _time(parts, _told(doing), context_bytes=read)
    if any(part.name == "url" for part in step.parts):
        return _time([(DEFAULTS["step", "url"], 1.0, 0)], "a download")
    written = read if known else _UNKNOWN_COPY_BYTES
    for each in step.reads:
        size, count = _copied(times, each)
        written, files = written + size, files + count
    default = DEFAULTS["step", "copy"]
    median = default.median_s + default.each_s * files + written / SPEEDS["copy"].bytes_per_s
    basis = f"a copy of {written / 1e6:,.1f} MB" if known else "a copy of unknown size"
    return _capped(median, median * default.p90_ratio, basis, written, read)


def _time(parts: list[tuple[Default, float, int]], basis: str, context_bytes: int = 0) -> StepTime:
    """The sum of pieces of work, all slow in the same builds: medians and P90s add up."""
    medians = [(each.median_s + each.each_s * count) * share for each, share, count in parts]
    p90 = sum(median * each.p90_ratio for median, (each, _, _) in zip(medians, parts, strict=True))
    megabytes = sum(each.megabytes + each.each_megabytes * count for each, _, count in parts)
    return _capped(sum(medians), p90, basis, round(megabytes * 1e6), context_bytes)


def _capped(median: float, p90: float, basis: str, layer: int, context: int) -> StepTime:
    """A step of thousands of packages, or of a file said to have petabytes, is not told to take a year."""
    median, p90 = min(median, _LONGEST_S), min(p90, _LONGEST_S)
    return StepTime(median, p90, basis, False, min(layer, _MOST_BYTES), min(context, _MOST_BYTES))


def default_of(work: Work) -> Default:
    """The row of the table for a piece of work."""
    return DEFAULTS.get((work.what, work.by)) or DEFAULTS[work.what, "any"]


def _share(work: Work, persistent: bool) -> float:
    """What remains of the time where downloads or objects are there already."""
    if not work.again and not (work.cached and persistent):
        return 1.0
    return KEPT_SHARE.get("compile" if work.what == "libraries" else work.what, 1.0)


def _told(doing: tuple[Work, ...]) -> str:
    """What the time is from: the two longest pieces of work, by name."""
    if not doing:
        return "a short command"
    costs: dict[str, float] = {}
    for work in doing:
        default = default_of(work)
        name = f"{work.what} ({work.by})" if work.by not in ("any", "small") else work.what
        costs[name] = costs.get(name, 0.0) + default.median_s + default.each_s * work.count
    longest = sorted(costs, key=lambda name: (-costs[name], name))[:2]
    if costs[longest[0]] < 1:
        return "short commands"
    return " and ".join(name for name in longest if costs[name] >= 1)


def _context_files(step: Step, context: Tree | None) -> tuple[int, int, bool]:
    """How many bytes and files a step reads of the context, and whether that is known."""
    reads = [read for read in step.reads if read.origin is None]
    if not reads:
        return 0, 0, True
    if context is None:
        return 0, 0, False
    paths = {path for read in reads for path in selected(read, context.entries)}
    entries = [context.entries[path] for path in paths]
    files = [entry for entry in entries if entry.mode != _SUBMODULE]
    sizes = [entry.size_bytes for entry in files if entry.size_bytes is not None]
    return sum(sizes), len(files), len(sizes) == len(files)


def _copied(times: list[StepTime], read: Read) -> tuple[int, int]:
    """Bytes and files copied from a stage: libraries by the folder's name, else at most what it left."""
    if read.origin is None or read.mount:
        return 0, 0
    if any(part in _LIBRARIES for pattern in read.patterns for part in pattern.split("/")):
        return _LIBRARIES_BYTES, _LIBRARIES_FILES
    return min(times[read.origin].layer_bytes or _PROGRAM_BYTES, _PROGRAM_BYTES), 1
