"""What Helm itself keeps of releases: a Secret for every revision (helm.sh/docs/topics/advanced, storage).

Reads which revisions there are and how they ended, and ends the ones that a killed
Helm has left begun. Helm 3 and 4 keep them alike: the status is a label of the
Secret and a member of the release in it, which is JSON, compressed by gzip, in
base64 beside the base64 of every Secret.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import time
import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from . import kubernetes
from .report import say
from .state import Job, PipelineError

DEPLOYED = "deployed"
SUPERSEDED = "superseded"
FAILED = "failed"
# What a Helm that was killed leaves behind, and what no Helm takes up again.
UNFINISHED = frozenset(("pending-install", "pending-upgrade", "pending-rollback", "uninstalling"))
# How Helm describes a failure after everything was put in place.
_IN_PLACE = ("deadline exceeded", "timed out", "post-upgrade hooks failed", "post-install hooks failed")
POLL_S = 2.0

_DRIVERS = ("", "secret", "secrets")
_LABELS = ("name", "version", "status")
_OTHER_COLUMNS = 4
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_NOT_HELMS = (KeyError, TypeError, ValueError, RecursionError, zlib.error, EOFError, OSError)


@dataclass(frozen=True)
class Revision:
    """One revision of a release and its status, in Helm's words."""

    number: int
    status: str


def require_secrets(job: Job) -> None:
    """Raise PipelineError unless Helm keeps its records in Secrets, as it does by default."""
    driver = job.environment.get("HELM_DRIVER", "")
    if driver not in _DRIVERS:
        raise PipelineError(f"HELM_DRIVER is {driver}: the scripts read Helm's default storage, Secrets")


def read(job: Job, release: str | None = None) -> dict[str, list[Revision]]:
    """The revisions of a release, or the newest ones of all of the namespace, in their order.

    Of all releases, those that were superseded are left out: only metadata is
    read, and a namespace with many releases has many of them. Raises PipelineError.
    """
    require_secrets(job)
    selector = f"owner=helm,name={release}" if release else f"owner=helm,status!={SUPERSEDED}"
    columns = f"--label-columns={','.join(_LABELS)}"
    query = ("get", "secrets", f"--selector={selector}", columns, "--no-headers")
    found: dict[str, list[Revision]] = {}
    for line in kubernetes.read(job, *query).splitlines():
        labels = line.split()[_OTHER_COLUMNS:]
        if len(labels) == len(_LABELS) and labels[1].isdecimal():
            found.setdefault(labels[0], []).append(Revision(int(labels[1]), labels[2]))
    return {name: sorted(revisions, key=lambda r: r.number) for name, revisions in found.items()}


def newest(revisions: list[Revision] | None) -> Revision | None:
    """The revision that Helm goes on from."""
    return revisions[-1] if revisions else None


def last_good(revisions: list[Revision]) -> int | None:
    """The revision to go back to: the deployed one, else one that was; None for a first installation."""
    for status in (DEPLOYED, SUPERSEDED):
        for revision in reversed(revisions):
            if revision.status == status:
                return revision.number
    return None


def settle(job: Job, release: str, *, ours: int | None, timeout_s: float) -> Revision | None:
    """See to it that Helm takes a release up again, whose newest revision a killed Helm may have left begun.

    `ours` is the revision that an earlier run of these scripts began: that run
    is over, so nobody works on it. Anybody else is waited for, as long as their
    Helm may take. Then the revision is marked as failed, as a Helm that is asked
    to stop does it itself: nothing is undone, deleted or uninstalled, and the
    next upgrade goes on from there. Gives the newest revision. Raises PipelineError.
    """
    while True:
        last = newest(read(job, release).get(release))
        if last is None or last.status not in UNFINISHED:
            return last
        secret, content = _load(job, release, last.number)
        try:
            begun = _moment(content["info"].get("deleted") or content["info"]["last_deployed"])
        except _NOT_HELMS as error:
            raise _not_helms(release, last.number, error) from error
        age_s = time.time() - begun
        if last.number == ours or age_s > timeout_s:
            say(f"{release}: revision {last.number} was left {last.status}, and is marked as failed")
            _mark(job, secret, content, FAILED, "the Helm that began it is gone")
            return Revision(last.number, FAILED)
        say(f"{release}: somebody else has begun revision {last.number} {age_s:.0f} s ago: waiting")
        time.sleep(POLL_S)


def go_on_from_failure(job: Job, release: str) -> None:
    """See to it that Helm compares the next upgrade with what the failed one has put in place.

    Helm 3 compares with the last revision that was deployed. What a failed
    upgrade has added since, such as a variable, then looks like somebody else's
    and stays for ever, even when the next upgrade no longer has it. So when the
    newest revision was put in place and only failed to become ready, the one
    deployed before is marked as superseded, which it is. Raises PipelineError.
    """
    revisions = read(job, release).get(release, [])
    replaced = [revision for revision in revisions[:-1] if revision.status == DEPLOYED]
    if not replaced or revisions[-1].status != FAILED:
        return
    _, failed = _load(job, release, revisions[-1].number)
    if any(sign in str(failed["info"].get("description")) for sign in _IN_PLACE):
        for revision in replaced:
            secret, content = _load(job, release, revision.number)
            description = str(content["info"].get("description", ""))
            _mark(job, secret, content, SUPERSEDED, description)


def _load(job: Job, release: str, number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The Secret of a revision and the release in it. Raises PipelineError."""
    secret = kubernetes.read_json(job, "get", "secret", f"sh.helm.release.v1.{release}.v{number}")
    try:
        return secret, _unpacked(secret["data"]["release"])
    except _NOT_HELMS as error:
        raise _not_helms(release, number, error) from error


def _not_helms(release: str, number: int, error: Exception) -> PipelineError:
    return PipelineError(f"revision {number} of {release} is not what Helm writes ({type(error).__name__})")


def _mark(job: Job, secret: dict[str, Any], content: dict[str, Any], status: str, description: str) -> None:
    """Change the status of a revision, unless somebody else changes its Secret at the same time."""
    content["info"] |= {"status": status, "description": description}
    secret["data"]["release"] = _packed(content)
    secret["metadata"].setdefault("labels", {})["status"] = status
    # Its resourceVersion stays in it, so that a change in between is a conflict. It may hold credentials, and
    # so does what an admission controller says of it: nothing of that is shown.
    outcome = kubernetes.ask(job, "replace", "--filename=-", stdin=json.dumps(secret))
    if not outcome.ok:
        reason = "somebody changes it at the same time" if "Conflict" in outcome.output else "not allowed"
        raise PipelineError(f"the Secret {secret['metadata'].get('name')} cannot be changed: {reason}")


def _unpacked(encoded: str) -> dict[str, Any]:
    """A release from what lies in its Secret. Raises one of _NOT_HELMS."""
    packed = base64.b64decode(base64.b64decode(encoded, validate=True), validate=True)
    release = json.loads(gzip.decompress(packed))
    if not isinstance(release, dict) or not isinstance(release["info"], dict):
        raise TypeError
    return release


def _packed(release: dict[str, Any]) -> str:
    text = json.dumps(release, separators=(",", ":")).encode()
    return base64.b64encode(base64.b64encode(gzip.compress(text, mtime=0))).decode()


def _moment(text: str) -> float:
    """Seconds since the epoch from Go's RFC 3339, whose fraction Python 3.10 does not read."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(text)
    zone = "+00:00" if found[2] == "Z" else found[2]
    return datetime.fromisoformat(found[1] + zone).timestamp()
