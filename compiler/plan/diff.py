"""What is new, changed and gone between a previous plan and this one.

Takes the previous plan as its parsed JSON, which may be anything: it was read
from a file that people and merges can touch. Looks only at what it compares.
Writes nothing; how changes are shown is not known here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from compiler.plan.encode import plan_json
from compiler.plan.model import PLAN_VERSION, Plan
from compiler.values.malformed import shown

Record = Mapping[str, Any]

# What is neither a setting of the whole environment nor compared item by item.
_NO_SETTINGS = frozenset(
    {
        "version",
        "digest",
        "spec",
        "stages",
        "builds",
        "images",
        "workloads",
        "tasks",
        "skipped",
        "estimates",
        "profiles",
        "departed",
    }
)
_DEEPEST = 3


class NotAPlan(ValueError):
    """What should be a previous plan is none, or none of this version; the message says why."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something that both plans have, and which fields differ.

    Fields are keys of the plan's JSON, dotted where a field has parts of its
    own (`database.version`, `variables.LOG_LEVEL`), sorted.
    """

    name: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Delta:
    """What became of one sort of things: new and changed in this plan's order, removed in the other's."""

    added: tuple[str, ...] = ()
    changed: tuple[Change, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is different."""
        return bool(self.added or self.changed or self.removed)


@dataclass(frozen=True, slots=True)
class PlanChanges:
    """A plan compared with a previous one.

    `same_digest` says that nothing that is done differs. `settings` are the
    fields of the plan and its limits that differ, dotted; `stages` among them
    when only their order does. `skipped` are services that were deployed and
    are left out now: they are not among the removed ones. A service has changed
    when its image or that image's build has (`image.tag`, `image.build.source`).
    """

    previous_digest: str
    same_digest: bool
    settings: tuple[str, ...]
    stages: Delta
    services: Delta
    builds: Delta
    images: Delta
    skipped: tuple[str, ...]


def compare(plan: Plan, previous: object) -> PlanChanges:
    """What differs between a previous plan, as parsed JSON, and this one.

    Raises:
        NotAPlan: `previous` is no plan, or of another version.
    """
    try:
        return _compare(plan_json(plan), checked(previous))
    except RecursionError:
        raise NotAPlan("it is nested too deeply") from None


def _compare(after: Record, before: Record) -> PlanChanges:
    settings = {key: value for key, value in after.items() if key not in _NO_SETTINGS}
    differing = list(_differing({key: before.get(key) for key in settings}, settings))
    stages_before, stages_after = _by_key(before, "stages", "name"), _by_key(after, "stages", "name")
    in_both = stages_before.keys() & stages_after.keys()
    if [name for name in stages_before if name in in_both] != [
        name for name in stages_after if name in in_both
    ]:
        differing.append("stages")
    services = _delta(_services(before), _services(after))
    left_out = set(after["skipped"])
    return PlanChanges(
        previous_digest=before["digest"],
        same_digest=before["digest"] == after["digest"],
        settings=tuple(sorted(differing)),
        stages=_delta(stages_before, stages_after),
        services=Delta(
            services.added, services.changed, tuple(name for name in services.removed if name not in left_out)
        ),
        builds=_delta(_by_key(before, "builds", "id"), _by_key(after, "builds", "id")),
        images=_delta(_by_key(before, "images", "id"), _by_key(after, "images", "id")),
        skipped=tuple(name for name in services.removed if name in left_out),
    )


def checked(previous: object) -> Record:
    """The previous plan, when it can be compared with.

    Raises:
        NotAPlan: it is no plan, or of another version.
    """
    if not isinstance(previous, dict):
        raise NotAPlan(f"a plan is a JSON object, and this is {shown(previous)}")
    version = previous.get("version")
    if version != PLAN_VERSION:
        said = "it has no `version`" if version is None else f"its version is {shown(version)}"
        raise NotAPlan(f"{said}; this is {PLAN_VERSION}")
    if not isinstance(previous.get("digest"), str):
        raise NotAPlan("it has no `digest`")
    return previous


def _by_key(plan: Record, section: str, key: str) -> dict[str, Record]:
    """The records of one section by their names."""
    items = plan.get(section)
    if not isinstance(items, list):
        raise NotAPlan(f"its `{section}` is {'missing' if items is None else 'no list'}")
    found: dict[str, Record] = {}
    for index, item in enumerate(items):
        name = item.get(key) if isinstance(item, dict) else None
        if not isinstance(name, str):
            raise NotAPlan(f"`{section}[{index}]` has no `{key}`")
        if name in found:
            raise NotAPlan(f"`{section}` names {shown(name)} twice")
        found[name] = item
    return found


def _services(plan: Record) -> dict[str, Record]:
    """The workloads with their images, and those with their builds: what changes them changes the service.

    Who else shares a build is not among it.
    """
    builds, images = _by_key(plan, "builds", "id"), _by_key(plan, "images", "id")
    services = {}
    for name, workload in _by_key(plan, "workloads", "service").items():
        image = _found(images, workload.get("image"))
        if image is not None:
            build = _found(builds, image.get("build"))
            if build is not None:
                image = {**image, "build": {key: value for key, value in build.items() if key != "services"}}
            workload = {**workload, "image": image}
        services[name] = workload
    return services


def _found(records: Mapping[str, Record], key: object) -> Record | None:
    return records.get(key) if isinstance(key, str) else None


def _delta(before: Mapping[str, Record], after: Mapping[str, Record]) -> Delta:
    changed = (
        Change(name, tuple(sorted(_differing(before[name], item))))
        for name, item in after.items()
        if name in before and not _same(before[name], item)
    )
    return Delta(
        tuple(name for name in after if name not in before),
        tuple(changed),
        tuple(name for name in before if name not in after),
    )


def _differing(before: Record, after: Record, depth: int = 1) -> Iterator[str]:
    """The keys that differ, with the parts of their values that do."""
    for key in before.keys() | after.keys():
        old, new = before.get(key), after.get(key)
        if _same(old, new):
            continue
        parts = list(_parts(old, new, depth)) if depth < _DEEPEST else []
        yield from (f"{key}.{part}" for part in parts) if parts else (key,)


def _parts(old: object, new: object, depth: int) -> Iterable[str]:
    """Which parts of a value differ, when it has parts with names: a record, or a list of named things."""
    if isinstance(old, dict) and isinstance(new, dict):
        return _differing(old, new, depth + 1)
    named_before, named_after = _named(old), _named(new)
    if named_before is None or named_after is None:
        return ()
    return _differing(named_before, named_after, _DEEPEST)


def _named(value: object) -> dict[str, Any] | None:
    """The items of a list by their names: records with a `name`, and [name, value].

    No list (a list that is left out) is an empty one; anything else gives None.
    """
    if value is not None and not isinstance(value, list):
        return None
    found: dict[str, Any] = {}
    for item in value or ():
        if isinstance(item, list) and len(item) == 2:
            name = item[0]
        else:
            name = item.get("name") if isinstance(item, dict) else None
        if not isinstance(name, str) or name in found:
            return None
        found[name] = item
    return found


_write = json.JSONEncoder(sort_keys=True).encode


def _same(old: object, new: object) -> bool:
    """Whether two values are the same in the digest: for Python, 1, 1.0 and True are equal."""
    return old == new and (old is new or _write(old) == _write(new))
