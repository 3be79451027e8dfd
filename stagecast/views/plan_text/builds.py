"""The builds of a plan as text: each once, in queue order, and how many run at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from compiler.plan.model import Build, BuildLimits, Resources, Task, TaskKind
from compiler.values.quantities import format_cpu, format_duration, format_memory
from stagecast.views.layout import Page, Row, count, joined, named, placed, some
from stagecast.views.plan_text.index import Index

_MOST_ROWS = 12
_MOST_GROUPS = 12
_MOST_NAMES = 5


def lines(index: Index, page: Page) -> Iterator[str]:
    """The section about builds; one group for all, or for each stage what waits together."""
    tasks = index.of_kind[TaskKind.BUILD]
    if not tasks:
        yield from page.section("Build", "nothing")
        return
    services = sum(len(build.services) for build in index.builds.values())
    saved = f" for {count(services, 'service')}" if services != len(tasks) else ""
    yield from page.section("Build", f"{count(len(tasks), 'image')}{saved}, in queue order")
    limits = index.plan.limits.build
    common = _common(index.plan.builds)
    yield from page.paragraph(_each(limits, common))
    yield from page.paragraph(_at_a_time(limits))
    groups = [tuple(group) for _, group in groupby(tasks, key=lambda task: task.needs)]
    numbers = {task.id: number for number, task in enumerate(tasks, 1)}
    for group in groups[:_MOST_GROUPS]:
        yield from page.paragraph(_group(index, group, by_stage=len(groups) > 1))
        rows = [(numbers[task.id], index.builds[task.id]) for task in group]
        yield from page.rows(rows, lambda row: _row(index, common, *row), most=_MOST_ROWS, indent=4)
    if len(groups) > _MOST_GROUPS:
        yield from page.paragraph(f"+ builds of {count(len(groups) - _MOST_GROUPS, 'more stage')}")


def start_at_once(limits: BuildLimits, builds: Sequence[Build]) -> int:
    """How many of some builds start before the first must wait.

    First in, first out (shared model: no bin-packing): the first build that the
    rest of the pool cannot hold keeps all behind it waiting.
    """
    cpu_milli, memory_bytes = limits.pool.cpu_milli, limits.pool.memory_bytes
    for number, build in enumerate(builds[: limits.parallelism]):
        cpu_milli -= build.resources.cpu_milli
        memory_bytes -= build.resources.memory_bytes
        if cpu_milli < 0 or memory_bytes < 0:
            return number
    return min(len(builds), limits.parallelism)


@dataclass(frozen=True, slots=True)
class _Common:
    """What all builds have in common and is said once: the repository with its ref, or ""; the platforms."""

    origin: str
    platforms: tuple[str, ...] | None


def _common(builds: Sequence[Build]) -> _Common:
    origins = {_origin(build) for build in builds}
    platforms = {build.source.platforms for build in builds}
    return _Common(
        origins.pop() if len(origins) == 1 and len(builds) > 1 else "",
        platforms.pop() if len(platforms) == 1 else None,
    )


def _origin(build: Build) -> str:
    """Where the files are: "." for the repository that holds the spec."""
    source = build.source
    return placed(source.repository) + (f"@{named(source.ref)}" if source.ref else "")


def _each(limits: BuildLimits, common: _Common) -> str:
    cache = f"{limits.cache.value} cache" if limits.cache.value != "none" else "no cache"
    platforms = ", ".join(named(platform) for platform in common.platforms or ())
    origin = "" if common.origin in ("", ".") else f"from {common.origin}"
    usual = (
        _size(limits.resources),
        f"timeout {format_duration(limits.timeout_s)}",
        cache,
        platforms,
        origin,
    )
    return f"each {joined(usual)}"


def _at_a_time(limits: BuildLimits) -> str:
    """The arithmetic of the slots, and what limits them."""
    pool, size = limits.pool, limits.resources
    cpu, memory = pool.cpu_milli // size.cpu_milli, pool.memory_bytes // size.memory_bytes
    least = "" if limits.slots == min(limits.parallelism, cpu, memory) else "; never less than 1"
    return (
        f"{limits.slots:,} at a time: the least of parallelism {limits.parallelism:,}, "
        f"CPU {format_cpu(pool.cpu_milli)} / {format_cpu(size.cpu_milli)} = {cpu:,}, "
        f"memory {format_memory(pool.memory_bytes)} / {format_memory(size.memory_bytes)} = {memory:,}{least}"
    )


def _group(index: Index, group: Sequence[Task], *, by_stage: bool) -> str:
    at_once = start_at_once(index.plan.limits.build, [index.builds[task.id] for task in group])
    queued = len(group) - at_once
    stage = f"stage {named(group[0].stage)}: " if by_stage and group[0].stage else ""
    when = f"when {index.done(group[0].needs)}" if group[0].needs else "at once"
    waiting = f"; {at_once:,} start together, {queued:,} queue for a slot" if queued else ""
    return f"{stage}{when}{waiting}"


def _row(index: Index, common: _Common, number: int, build: Build) -> Row:
    limits = index.plan.limits.build
    source = build.source
    others = [name for name in build.services if name != build.image]
    usual_file = "Dockerfile" if source.context == "." else f"{source.context}/Dockerfile"
    notes = (
        f"also for {some(others, _MOST_NAMES)}" if others else "",
        f"target {named(source.target)}" if source.target else "",
        placed(source.dockerfile) if source.dockerfile and source.dockerfile != usual_file else "",
        ", ".join(named(each) for each in source.platforms) if common.platforms is None else "",
        _size(build.resources) if build.resources != limits.resources else "",
        f"timeout {format_duration(build.timeout_s)}" if build.timeout_s != limits.timeout_s else "",
        index.estimate(build.id),
    )
    origin = "" if common.origin or source.is_local else f"{_origin(build)} "
    folder = source.context if not source.is_local or source.context == "." else f"./{source.context}"
    mark = index.mark(build.id)
    return (mark, f"{number}.", named(build.image), f"{origin}{placed(folder)}", joined(notes))


def _size(resources: Resources) -> str:
    return f"{format_cpu(resources.cpu_milli)} CPU and {format_memory(resources.memory_bytes)}"
