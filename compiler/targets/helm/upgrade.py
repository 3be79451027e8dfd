"""What of a plan cannot follow the previous one: Kubernetes would refuse it, or data would be lost.

Takes the previous plan as parsed JSON, which may be anything, and the new one.
Both are compared in the plan's JSON form, so that one reading serves both.
Gives limitations with the services' names. Reads and writes no files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from compiler.plan.encode import plan_json
from compiler.plan.model import Plan
from compiler.targets.helm.container import quantity
from compiler.targets.model import Limitation

Record = Mapping[str, Any]
Found = Iterator[tuple[str, str, str, str]]
Claim = tuple[str, str | None]

_NUMBERS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}){0,3}")
# How many numbers of a version say which format the data has (the engines' upgrade documentation).
_SERIES = {"postgresql": 1, "mysql": 2, "mongodb": 2, "redis": 1}
_OLD_POSTGRESQL = 10

_MOVE = (
    "keep it as it was; or move the data by hand: back it up, delete the StatefulSet, deploy again, restore"
)
_ORPHAN = (
    "keep it as it was; or change the claims by hand, delete the StatefulSet with --cascade=orphan "
    "and deploy again"
)
_PORTS = "deploy with Helm 4, or remove the Service by hand before"


def upgrade_limitations(previous: object, plan: Plan) -> list[Limitation]:
    """What must not be deployed over `previous` without somebody's word; all are errors.

    What is not read as a plan has no services.
    """
    before, after = _mapping(previous), plan_json(plan)
    moved = _mapping(before.get("target")).get("namespace") not in (None, plan.target.namespace)
    services = {record.get("service"): record for record in map(_mapping, _items(before.get("workloads")))}
    return [
        Limitation(f"helm-upgrade-{code}", "error", record["service"], field, message, hint)
        for record in after["workloads"]
        if (old := services.get(record["service"])) is not None
        for code, field, message, hint in _rules(old, record, moved)
    ]


def _rules(old: Record, new: Record, moved: bool) -> Found:
    """Limitations of one service, as (code, field, message, hint)."""
    name = new["service"]
    before, after = _claims(old), _claims(new)
    if moved and before:
        message = f"{name} moves to another namespace, where its volumes are not"
        yield "data", "type", message, _MOVE
        return
    databases = _mapping(old.get("database")), _mapping(new.get("database"))
    if before and not all(databases) and any(databases):
        message = f"{name} was of type {_text(old.get('type'))}: its data is left behind"
        yield "data", "type", message, _MOVE
        return
    yield from _database(name, *databases, old, new)
    if databases[0].get("managed") is not databases[1].get("managed") and all(databases):
        return
    if before and not after:
        yield "data", "storage", f"{name} no longer has the volumes that hold its data", _MOVE
    elif before:
        yield from _claim_changes(name, before, after)
    if _shared_numbers(old) != _shared_numbers(new):
        message = f"{name} has one port number for TCP and UDP: Helm 3 would lose ports when that changes"
        yield "ports", "ports", message, _PORTS


def _claim_changes(name: str, before: Mapping[str, Claim], after: Mapping[str, Claim]) -> Found:
    """Kubernetes refuses every change of a StatefulSet's volumeClaimTemplates."""
    for volume in sorted(before.keys() | after.keys()):
        if volume not in after:
            change = f"the volume `{volume}` of {name} is gone"
        elif volume not in before:
            change = f"the volume `{volume}` of {name} is new"
        elif before[volume][0] != after[volume][0]:
            change = f"the volume `{volume}` of {name} had {before[volume][0]} and has {after[volume][0]} now"
        elif before[volume][1] != after[volume][1]:
            change = f"the volume `{volume}` of {name} has another storage class"
        else:
            continue
        yield "volume", "storage", f"{change}: Kubernetes refuses that for a StatefulSet", _ORPHAN


def _database(name: str, old: Record, new: Record, before: Record, after: Record) -> Found:
    if not old or not new:
        return
    if old.get("managed") != new["managed"]:
        yield "data", "mode", f"the data of {name} is where it was before, not where it is looked for", _MOVE
        return
    if new["managed"]:
        return
    if old.get("engine") != new["engine"]:
        yield "data", "engine", f"{new['engine']} cannot read the data of {old.get('engine')}", _MOVE
        return
    was, now = _text(old.get("version")), _text(new["version"])
    if not _same_series(new["engine"], was, now):
        message = f"{new['engine']} {now} does not start on the data of {was}, or changes it for good"
        yield "data", "version", message, _MOVE
    elif ("alpine" in was, before.get("nonRootUser")) != ("alpine" in now, after.get("nonRootUser")):
        yield "data", "version", f"{name} runs as another user, who does not own its data", _MOVE
    for field, key in (("database", "name"), ("username", "username")):
        if old.get(key) != new.get(key):
            yield "data", field, f"{new['engine']} takes a {field} only when {name} is first set up", _MOVE


def _same_series(engine: str, was: str, now: str) -> bool:
    """Whether a version starts on the data of another; one without numbers is only like itself."""
    if was == now:
        return True
    found = [_NUMBERS.match(text) for text in (was, now)]
    if found[0] is None or found[1] is None:
        return False
    first, second = ([int(number) for number in match[0].split(".")] for match in found if match)
    length = _SERIES.get(engine, 1)
    if engine == "postgresql" and first[0] < _OLD_POSTGRESQL:
        length = 2
    length = min(length, len(first), len(second))
    # An older release of a series may not start on what a newer one has written.
    return first[:length] == second[:length] and second >= first[: len(second)]


def _claims(record: Record) -> dict[str, Claim]:
    """Size and storage class of every claim by name, as the chart gets them."""
    if _mapping(record.get("database")).get("managed"):
        return {}
    claims: dict[str, Claim] = {}
    for volume in map(_mapping, _items(record.get("volumes"))):
        size = volume.get("sizeBytes")
        shown = quantity(size) if isinstance(size, int) and size >= 0 else _text(size)
        claims[_text(volume.get("name"))] = shown, volume.get("storageClass")
    patch = _mapping(record.get("values"))
    if "volumes" in patch:
        claims = dict(_patched(item, {}) for item in map(_mapping, _items(patch["volumes"])))
    if "storage" in patch and claims:
        (name, claim), *_ = claims.items()
        before = {"name": name, "size": claim[0], "storageClassName": claim[1]}
        claims = dict([_patched(_mapping(patch["storage"]), before)])
    return claims


def _patched(values: Record, before: Record) -> tuple[str, Claim]:
    merged = {**before, **values}
    return _text(merged.get("name")), (_text(merged.get("size")), merged.get("storageClassName"))


def _shared_numbers(record: Record) -> set[tuple[Any, ...]]:
    """The ports of a Service whose number another port of it has as well."""
    ports = [_mapping(port) for port in _items(record.get("ports"))]
    numbers = [port.get("external") for port in ports]
    return {
        tuple(_text(port.get(key)) for key in ("name", "internal", "external", "protocol"))
        for port in ports
        if numbers.count(port.get("external")) > 1
    }


def _mapping(value: object) -> Record:
    return value if isinstance(value, dict) else {}


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)
