"""What is deployed: a note per release in the ConfigMap `stagecast-ENVIRONMENT` of the namespace.

A note is the Helm revision that a run deployed and the fingerprint of what it
was made of. Who has the same fingerprint, and whose revision Helm still calls
deployed, need not be deployed again. The ConfigMap is a memory and no more:
without it, or when it holds something else, everything is deployed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import kubernetes
from .charts import Chart
from .contract import Release
from .naming import label_value, object_name
from .report import say
from .state import Job, PipelineError

ENVIRONMENT_LABEL = "stagecast.dev/environment"

# Flags of a service's own chart that name further files or programs: nobody can say that those are the same.
_FILE_FLAGS = ("-f", "--values", "--set-file", "--post-renderer")


@dataclass(frozen=True)
class Note:
    """A release's note: what was deployed last, and the revision that a run has begun since, if any."""

    revision: int | None
    fingerprint: str | None
    begun: int | None = None


@dataclass(frozen=True)
class Known:
    """The notes, by release. `writable` is False where the ConfigMap is not ours."""

    notes: Mapping[str, Note] = field(default_factory=dict)
    writable: bool = True


def config_map(job: Job) -> str:
    """The name of the ConfigMap."""
    return object_name(f"stagecast-{job.document['environment']}")


def read(job: Job) -> Known:
    """The notes, as far as they can be had and understood."""
    try:
        found = kubernetes.read_json(job, "get", "configmap", config_map(job), "--ignore-not-found")
    except PipelineError as problem:
        say(f"what is deployed cannot be read, so everything is deployed: {problem}")
        return Known(writable=False)
    if found is None:
        return Known()
    labels = (found.get("metadata") or {}).get("labels") or {}
    if labels.get(kubernetes.MANAGED_BY) != kubernetes.OURS:
        say(f"the ConfigMap {config_map(job)} is not of Stagecast, so everything is deployed")
        return Known(writable=False)
    entries = found.get("data") or {}
    notes = {name: note for name, text in entries.items() if (note := parsed(text)) is not None}
    return Known(notes)


def parsed(text: Any) -> Note | None:
    """A note from its text; None for what is none."""
    try:
        found = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    revision, begun = (_revision(found.get(name)) for name in ("revision", "begun"))
    fingerprint = found.get("fingerprint")
    return Note(revision, fingerprint if isinstance(fingerprint, str) else None, begun)


def _revision(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def write(job: Job, known: Known, notes: Mapping[str, Note | None]) -> None:
    """Merge notes into the ConfigMap, which is created when it is missing; None removes one.

    A memory that fails is said and is no failure: the next run deploys more than it had to.
    """
    if not known.writable or not notes:
        return
    data = {name: None if note is None else _text(note) for name, note in notes.items()}
    # A file, because all notes of an environment may be more than an argument can hold.
    path = job.scratch / f"notes-{hashlib.sha256(json.dumps(data).encode()).hexdigest()[:16]}.json"
    path.write_text(json.dumps({"data": data}), encoding="utf-8")
    patch = ("patch", "configmap", config_map(job), "--type=merge", f"--patch-file={path}")
    outcome = kubernetes.ask(job, *patch)
    if not outcome.ok and "NotFound" in outcome.output:
        outcome = kubernetes.create(job, "ConfigMap", config_map(job), _labels(job))
        if outcome.ok:
            outcome = kubernetes.ask(job, *patch)
    if not outcome.ok:
        say(f"what is deployed cannot be noted, the next run deploys it again: {outcome.output.strip()}")


def _text(note: Note) -> str:
    members = {"revision": note.revision, "fingerprint": note.fingerprint, "begun": note.begun}
    return json.dumps({name: value for name, value in members.items() if value is not None})


def _labels(job: Job) -> dict[str, str]:
    environment = label_value(job.document["environment"])
    return {kubernetes.MANAGED_BY: kubernetes.OURS, ENVIRONMENT_LABEL: environment}


def fingerprint(job: Job, release: Release, chart: Chart, image: list[str]) -> str | None:
    """A hash of all that a deployment is made of; None where a part cannot be known to be the same.

    In it: the chart, the contents of the values files in their order, single
    values, further arguments, and the `image` flags. Not in it: how long Helm
    waits, and where the cluster is.
    """
    if chart.identity is None or any(_names_a_file(argument) for argument in release["arguments"]):
        return None
    try:
        values = [hashlib.sha256((job.root / path).read_bytes()).hexdigest() for path in release["values"]]
    except OSError:
        return None
    parts = [chart.identity, list(chart.flags), values, release["set"], release["arguments"], image]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _names_a_file(argument: str) -> bool:
    return any(argument.startswith(flag) for flag in _FILE_FLAGS)
