"""How often layers were in the cache, as text: a line for each of many builds, then a table for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from compiler.layers.replay import Split
from stagecast.layer_history import BuildHistory, ChangedPath, EnvironmentHistory, Layer
from stagecast.views.layout import Page, Row, count, joined, named, placed, some

# More builds than these get an overview, and shorter tables.
FEW = 3
_MOST_LAYERS, _MOST_PATHS, _FEWEST_PATHS = 40, 6, 3
_CACHES = {
    "persistent": "one builder that keeps all that it built",
    "registry": "a registry's, with the layers of the last build",
}


def render(found: EnvironmentHistory, *, width: int = 80, color: bool = False) -> str:
    """The text."""
    page = Page.of(width, color)
    lines = [*_head(found, page)]
    if len(found.builds) > FEW and any(build.rebuilds.all for build in found.builds):
        lines += ["", *_overview(found.builds, page)]
    for build in found.builds:
        lines += ["", *_build(build, page, _MOST_PATHS if len(found.builds) <= FEW else _FEWEST_PATHS)]
    return "\n".join(lines) + "\n"


def _head(found: EnvironmentHistory, page: Page) -> Iterator[str]:
    commits = count(found.commits.all, "commit")
    last = f" to {found.last[:12]}" if found.last else ""
    whole = ", the whole history" if found.complete else ""
    said = (
        f"{commits}{last}{whole}: {found.commits.people:,} by people, {found.commits.automatic:,} automatic"
    )
    yield from page.section(named(found.environment), said)
    caches = sorted({build.cache for build in found.builds})
    cache = joined((_CACHES[each] for each in caches), "; ")
    yield from page.paragraph(f"cache: {cache}; Dockerfiles and .dockerignore as they are now")
    yield from page.paragraph(
        "a rebuild: a commit that changes a file that the build sees; the first only fills the cache"
    )


def _build(build: BuildHistory, page: Page, most_paths: int) -> Iterator[str]:
    rebuilds = build.rebuilds
    said = f"{placed(build.dockerfile)}: {count(rebuilds.all, 'rebuild')}"
    if rebuilds.all:
        said += f", {rebuilds.people:,} by people, {rebuilds.automatic:,} automatic"
    else:
        said += ", so nothing is known of its layers"
    yield from page.section(some(build.services, 1), said)
    yield from _left_out(build, page)
    # A folder costs nothing, and it is there when its parent is.
    layers = [layer for layer in build.layers if layer.kind != "workdir"]
    if not rebuilds.all or not layers:
        return
    header = ("line", "people", "automatic", "all", "found in the cache")
    rows = [header, *(_layer(layer, rebuilds) for layer in layers[:_MOST_LAYERS])]
    yield from _table(rows, page)
    if len(layers) > _MOST_LAYERS:
        yield from page.paragraph(f"+ {count(len(layers) - _MOST_LAYERS, 'more layer')}")
    if build.paths:
        yield from _paths(build, page, most_paths)


def _left_out(build: BuildHistory, page: Page) -> Iterator[str]:
    if build.unbuildable:
        yield from page.paragraph(
            f"{count(build.unbuildable, 'commit')} left out: today's Dockerfile cannot be built there, "
            f"without {_some(build.lacked)}"
        )
    if build.recent:
        yield from page.paragraph(f"new, so little is known of how often it changes: {_some(build.recent)}")
    if build.outside:
        yield from page.paragraph(f"not in Git, so taken to change with every commit: {_some(build.outside)}")


def _layer(layer: Layer, rebuilds: Split) -> Row:
    return (
        str(layer.line),
        _percent(layer.hits.people, rebuilds.people),
        _percent(layer.hits.automatic, rebuilds.automatic),
        _percent(layer.hits.all, rebuilds.all),
        layer.text,
    )


def _paths(build: BuildHistory, page: Page, most: int) -> Iterator[str]:
    lines = {layer.step: layer.line for layer in build.layers}
    shown = build.paths if len(build.paths) <= most + 1 else build.paths[:most]
    header = ("line", "people", "automatic", "all", "rebuilds that changed a file read there")
    yield from _table([header, *(_path(path, lines) for path in shown)], page)
    if len(shown) < len(build.paths):
        yield from page.paragraph(f"+ {count(len(build.paths) - len(shown), 'more file')}")


def _path(path: ChangedPath, lines: dict[int, int]) -> Row:
    read_by = sorted({lines[step] for step in path.layers if step in lines})
    more = f" +{len(read_by) - 2}" if len(read_by) > 3 else ""
    return (
        ", ".join(map(str, read_by[:2] if more else read_by)) + more,
        f"{path.changes.people:,}",
        f"{path.changes.automatic:,}",
        f"{path.changes.all:,}",
        path.path,
    )


def _overview(builds: Sequence[BuildHistory], page: Page) -> Iterator[str]:
    header = ("rebuilds", "cached", "service", "most often runs from")
    rows = [header, *(_line(build) for build in builds)]
    yield from _table(rows, page, right=2)


def _line(build: BuildHistory) -> Row:
    layers = sum(layer.hits.all for layer in build.layers)
    breaking = max(build.layers, key=lambda layer: layer.breaks, default=None)
    said = ""
    if breaking is not None and breaking.breaks:
        said = f"line {breaking.line} ({_percent(breaking.breaks, build.rebuilds.all)}): {breaking.text}"
    return (
        f"{build.rebuilds.all:,}",
        _percent(layers, len(build.layers) * build.rebuilds.all),
        some(build.services, 1),
        said,
    )


def _table(rows: Sequence[Row], page: Page, right: int = 4) -> Iterator[str]:
    """A table with its first columns to the right, the last one cut where the line ends; a row is a line."""
    widths = [max(len(row[index]) for row in rows) for index in range(right)]
    last = len(rows[0]) - 1
    taken = 2 + sum(max(len(row[index]) for row in rows) + 2 for index in range(last))
    room = max(20, page.width - taken)
    made = [
        (
            *(cell.rjust(width) for cell, width in zip(row, widths, strict=False)),
            *row[right:-1],
            _cut(row[-1], room),
        )
        for row in rows
    ]
    yield from page.table(made, indent=2)


def _percent(part: int, of: int) -> str:
    """A share in whole per cent; 100% and 0% are exact."""
    if not of:
        return "-"
    rounded = round(100 * part / of)
    if part and not rounded:
        return "<1%"
    return ">99%" if part < of and rounded == 100 else f"{rounded}%"


def _cut(text: str, room: int) -> str:
    """Harmless, and no longer than there is room."""
    shown = placed(text)
    return shown if len(shown) <= room else f"{shown[: room - 3]}..."


def _some(texts: Sequence[str]) -> str:
    return some([placed(text) for text in texts], 3)
