"""What differs from a previous plan, as text."""

from __future__ import annotations

from collections.abc import Iterator

from compiler.plan.diff import Change, Delta, PlanChanges
from compiler.plan.model import Plan
from stagecast.views.layout import GREEN, RED, YELLOW, Page, count, joined, named, some

_MOST_NAMES = 10
_MOST_CHANGED = 12
_MOST_FIELDS = 6


def short(digest: str) -> str:
    """The first characters of a digest, enough to tell plans apart."""
    return named(digest.removeprefix("sha256:")[:12])


def lines(plan: Plan, compared: PlanChanges, page: Page) -> Iterator[str]:
    """The section about changes: what is new, changed and removed, and nothing that follows from it."""
    before = short(compared.previous_digest)
    if compared.same_digest:
        yield from page.section("Changes", f"none since plan {before}")
        yield from _departed(plan, page)
        return
    body = list(_body(plan, compared, page))
    summary = _summary(compared) if body else "only how tasks wait for each other"
    yield from page.section("Changes", f"since plan {before}: {summary}")
    yield from body
    yield from _departed(plan, page)


def _departed(plan: Plan, page: Page) -> Iterator[str]:
    """What left the spec and may still run."""
    staying = [gone.service for gone in plan.departed if not gone.prune]
    going = [gone.service for gone in plan.departed if gone.prune]
    if staying:
        text = f"{some(staying, _MOST_NAMES)}; `stagecast compile --prune` lets it be removed"
        yield _line(page, "-", YELLOW, "still deployed", text)
    if going:
        yield _line(page, "-", RED, "to be removed", some(going, _MOST_NAMES))


def _summary(compared: PlanChanges) -> str:
    services = compared.services
    counts = (
        f"{len(services.added):,} new" if services.added else "",
        f"{len(services.changed):,} changed" if services.changed else "",
        f"{len(services.removed):,} removed" if services.removed else "",
        f"{len(compared.skipped):,} now skipped" if compared.skipped else "",
    )
    said = joined(counts)
    return f"{said} (services)" if said else "no service itself"


def _body(plan: Plan, compared: PlanChanges, page: Page) -> Iterator[str]:
    if compared.settings:
        yield _line(page, "~", YELLOW, "settings", some(compared.settings, _MOST_FIELDS))
    stages = compared.stages
    yield from _delta(page, "stage", Delta(stages.added, (), stages.removed))
    yield from _delta(page, "service", compared.services)
    if compared.skipped:
        yield _line(page, "-", YELLOW, "skipped", some(compared.skipped, _MOST_NAMES))
    # Images say nothing that their services do not. Neither does the build of a new or a removed service.
    new, gone = set(compared.services.added), {*compared.services.removed, *compared.skipped}
    alone = {build.id for build in plan.builds if new.issuperset(build.services)}
    builds = compared.builds
    added = tuple(build for build in builds.added if build not in alone)
    removed = tuple(build for build in builds.removed if build.removeprefix("build:") not in gone)
    yield from _delta(page, "build", Delta(added, (), removed))


def _delta(page: Page, noun: str, delta: Delta) -> Iterator[str]:
    if delta.added:
        yield _line(page, "+", GREEN, noun, some(delta.added, _MOST_NAMES))
    shown = delta.changed if len(delta.changed) <= _MOST_CHANGED + 1 else delta.changed[:_MOST_CHANGED]
    for change in shown:
        yield _line(page, "~", YELLOW, noun, _change(change))
    if len(shown) < len(delta.changed):
        yield _line(page, "~", YELLOW, noun, f"+ {count(len(delta.changed) - len(shown), 'more', 'more')}")
    if delta.removed:
        yield _line(page, "-", RED, noun, some(delta.removed, _MOST_NAMES))


def _change(change: Change) -> str:
    return f"{named(change.name)}: {some(change.fields, _MOST_FIELDS)}"


def _line(page: Page, sign: str, tone: str, noun: str, text: str) -> str:
    return f"  {page.paint(f'{sign} {noun}', tone)} {text}"
